"""Sampling weights where events compete: R's survival, what weights may not change, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.competing import first_of
from oracles.stored import column, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cumulative_incidence import fit_cumulative_incidence
from twoarm.statistics.fine_gray import fit_fine_gray

STORED = 1e-11  # R's numbers are stored with 15 digits; sums of some hundred terms
VARIANCE = 1e-9  # three sums that cancel in part
COXPH = 5e-10  # coxph ends when the likelihood stands still, where a coefficient can still move by this
ROOT = 1e-7  # square root of what is left where such sums cancel to 0
SAME = 1e-10  # two orders of the same sums

CASES = reference("competing_weights")["cases"]


def sample_of(case):
    data = {key: np.asarray(values)[: case["rows"]] for key, values in first_of(case["data"]).items()}
    weight = (np.arange(1, case["rows"] + 1) * 37) % 100 / 25
    return data, weight


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_weighted_incidence(case):
    data, weight = sample_of(case)
    found = fit_cumulative_incidence(time=data[case["time"]], cause=data["cause"], weight=weight, variance="jackknife")
    np.testing.assert_array_equal(found.time, case["at"])
    later = data[case["time"]][:, None] >= found.time
    np.testing.assert_allclose(found.at_risk, weight @ later, rtol=STORED)
    assert found.n == pytest.approx(weight.sum(), rel=STORED)
    for code, stored in enumerate(case["causes"]):
        np.testing.assert_allclose(found.incidence[code], stored["pstate"], rtol=STORED)
        np.testing.assert_allclose(found.std_error[code], stored["std_error"], rtol=VARIANCE)


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_weighted_subdistribution_hazards(case):
    data, weight = sample_of(case)
    x = np.column_stack([column(data, name) for name in case["covariates"]])
    for position, cause in enumerate((1, 2)):
        fit = fit_fine_gray(
            time=data[case["time"]],
            cause=data["cause"],
            covariates=x,
            cause_of_interest=cause,
            weight=weight,
            variant="finegray",
        )
        np.testing.assert_allclose(fit.coefficients, case["causes"][position]["coef"], rtol=COXPH)
        np.testing.assert_allclose(fit.covariance, case["causes"][position]["var"], rtol=COXPH)


drawn = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=16).filter(
    lambda rows: any(row[2] for row in rows)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(drawn)
def test_weights_repeat_patients_and_their_unit_is_free(rows):
    time, cause, count = (np.array(values) for values in zip(*rows, strict=True))
    kwargs = {"causes": [1, 2], "variance": "jackknife"}
    found = fit_cumulative_incidence(time=time, cause=cause, weight=count, **kwargs)
    repeated = fit_cumulative_incidence(time=np.repeat(time, count), cause=np.repeat(cause, count), **kwargs)
    np.testing.assert_allclose(found.incidence, repeated.incidence, atol=1e-12)
    np.testing.assert_allclose(found.incidence.sum(axis=0) + found.survival, 1, rtol=1e-12)
    scaled = fit_cumulative_incidence(time=time, cause=cause, weight=count / 7, **kwargs)
    np.testing.assert_allclose(scaled.incidence, found.incidence, atol=1e-12)
    np.testing.assert_allclose(scaled.std_error, found.std_error, rtol=VARIANCE, atol=ROOT)
    kept = count > 0
    without = fit_cumulative_incidence(time=time[kept], cause=cause[kept], weight=count[kept], **kwargs)
    np.testing.assert_array_equal(without.std_error, found.std_error)


def test_weights_of_one_change_nothing_and_those_of_zero_leave_out():
    data = {key: values[:300] for key, values in first_of("ties_heavy").items()}
    sample = {"time": data["time"], "cause": data["cause"]}
    plain = fit_cumulative_incidence(**sample, variance="jackknife")
    ones = fit_cumulative_incidence(**sample, variance="jackknife", weight=np.ones(300))
    np.testing.assert_array_equal(plain.std_error, ones.std_error)
    weight = np.where(np.arange(300) % 7 == 0, 0.0, 1.5)
    kept = weight > 0
    model = {"covariates": data["x1"], "variant": "finegray"}
    fit = fit_fine_gray(**sample, **model, weight=weight)
    fewer = fit_fine_gray(time=data["time"][kept], cause=data["cause"][kept], covariates=data["x1"][kept],
                          variant="finegray", weight=weight[kept])  # fmt: skip
    np.testing.assert_allclose(fit.coefficients, fewer.coefficients, rtol=SAME)
    np.testing.assert_allclose(fit.covariance, fewer.covariance, rtol=SAME)
    np.testing.assert_allclose(fit_fine_gray(**sample, **model).covariance,
                               fit_fine_gray(**sample, **model, weight=np.full(300, 3.0)).covariance, rtol=SAME)  # fmt: skip


def test_what_has_no_weighted_form_is_refused():
    sample = {"time": [1, 2, 3], "cause": [1, 2, 0], "weight": [1, 1, 2]}
    with pytest.raises(ArgumentError, match="found aalen with weights; expected jackknife"):
        fit_cumulative_incidence(**sample)
    with pytest.raises(ArgumentError, match="found crr with weights; expected finegray"):
        fit_fine_gray(**sample, covariates=[0, 1, 0])
    with pytest.raises(ArgumentError, match="weight: found negative weights"):
        fit_cumulative_incidence(time=[1, 2], cause=[1, 0], weight=[-1, 1], variance="jackknife")
    with pytest.raises(NotEstimableError, match="no events of cause 1"):
        fit_fine_gray(time=[1, 2, 3], cause=[1, 2, 0], weight=[0, 1, 2], covariates=[0, 1, 0], variant="finegray")
