"""Fine-Gray regression: both of R's variants, expanded rows in the Cox model, Cox as its special case, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.competing import FOURTEEN, FOURTEEN_X, first_of
from oracles.stored import column, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.fine_gray import fit_fine_gray

CRR = 1e-11  # three Newton steps past crr's own end
COXPH = 5e-10  # coxph ends when the likelihood stands still, where a coefficient can still move by this
TEN_DIGITS = 5e-10


def test_fourteen_patients_by_both_variants():
    fit = fit_fine_gray(**FOURTEEN, covariates=FOURTEEN_X)
    assert fit.coefficients[0] == pytest.approx(0.06729653049, rel=TEN_DIGITS)
    assert fit.std_errors[0] == pytest.approx(0.2507583343, rel=TEN_DIGITS)
    other = fit_fine_gray(**FOURTEEN, covariates=FOURTEEN_X, variant="finegray")
    assert other.coefficients[0] == pytest.approx(0.07120297547, rel=TEN_DIGITS)
    assert (fit.n, fit.events, fit.competing_events) == (14, 4, 3)


CASES = reference("fine_gray")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
@pytest.mark.parametrize(("variant", "close"), [("crr", CRR), ("finegray", COXPH)])
def test_r_agrees(case, variant, close):
    data = FOURTEEN | {"x": FOURTEEN_X} if case["data"] == "fourteen" else first_of(case["data"])
    data = {key: np.asarray(values)[: case["rows"]] for key, values in data.items()}
    sample = {
        "time": data[case["time"]],
        "cause": data["cause"],
        "covariates": np.column_stack([column(data, name) for name in case["covariates"]]),
        "variant": variant,
    }
    for position, cause in enumerate((1, 2)):
        expected = case["causes"][position][variant]
        fit = fit_fine_gray(**sample, cause_of_interest=cause)
        np.testing.assert_allclose(fit.coefficients, expected["coef"], rtol=close)
        np.testing.assert_allclose(fit.covariance, expected["var"], rtol=close)
        np.testing.assert_allclose(fit.naive_covariance, expected["inverse"], rtol=close)
        assert [fit.null_log_likelihood, fit.log_likelihood] == pytest.approx(expected["loglik"], rel=1e-12)
        if "paired" in expected and case["pair"]:
            paired = fit_fine_gray(**sample, cause_of_interest=cause, cluster=data["pair"])
            np.testing.assert_allclose(paired.covariance, expected["paired"], rtol=close)


@pytest.mark.parametrize(("variant", "ties"), [("crr", "breslow"), ("finegray", "efron")])
def test_without_competing_causes_it_is_coxs_model(variant, ties):
    data = first_of("ties_heavy")
    x = np.column_stack((data["x1"], data["x2"]))
    fit = fit_fine_gray(time=data["time"], cause=data["event"], covariates=x, variant=variant)
    cox = fit_cox(time=data["time"], event=data["event"], covariates=x, ties=ties, robust=True)
    np.testing.assert_allclose(fit.coefficients, cox.coefficients, rtol=1e-12)
    np.testing.assert_allclose(fit.covariance, cox.covariance, rtol=1e-10)


@pytest.mark.parametrize(("variant", "ties"), [("crr", "breslow"), ("finegray", "efron")])
def test_without_censoring_other_causes_only_come_last(variant, ties):
    data = {key: values[first_of("ties_heavy")["cause"] > 0] for key, values in first_of("ties_heavy").items()}
    fit = fit_fine_gray(time=data["time"], cause=data["cause"], covariates=data["x1"], variant=variant)
    late = np.where(data["cause"] == 1, data["time"], 1e6)
    cox = fit_cox(time=late, event=data["cause"] == 1, covariates=data["x1"], ties=ties, robust=True)
    np.testing.assert_allclose(fit.coefficients, cox.coefficients, rtol=1e-12)
    np.testing.assert_allclose(fit.covariance, cox.covariance, rtol=1e-10)


@pytest.mark.parametrize("variant", ["crr", "finegray"])
def test_rows_may_be_permuted_and_columns_scaled(variant):
    data = {key: values[:300] for key, values in first_of("ties_heavy").items()}
    fit = fit_fine_gray(time=data["time"], cause=data["cause"], covariates=data["x1"], variant=variant)
    order = np.random.default_rng(2).permutation(300)
    again = fit_fine_gray(
        time=data["time"][order] * 7, cause=data["cause"][order], covariates=5 * data["x1"][order] + 3, variant=variant
    )
    assert again.coefficients[0] * 5 == pytest.approx(fit.coefficients[0], rel=1e-10)
    assert again.p_values[0] == pytest.approx(fit.p_values[0], rel=1e-9)


def test_a_term_that_is_not_estimable_says_why():
    data = {key: values[:200] for key, values in first_of("ties_heavy").items()}
    x = np.column_stack((data["x1"], np.ones(200), 2 * data["x1"]))
    fit = fit_fine_gray(time=data["time"], cause=data["cause"], covariates=x, names=["x", "one", "twice"])
    assert fit.reasons == ("", "constant", "collinear with the terms before it")
    alone = fit_fine_gray(time=data["time"], cause=data["cause"], covariates=data["x1"])
    assert fit.covariance[0, 0] == pytest.approx(alone.covariance[0, 0], rel=1e-9)
    assert np.isnan(fit.covariance[1:, 1:]).all()


def test_a_monotone_likelihood_is_not_a_number():
    fit = fit_fine_gray(time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 1, 0, 2, 0], covariates=[1, 1, 1, 0, 0, 0])
    assert np.isnan(fit.coefficients[0])
    assert "monotone" in fit.reasons[0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cause": [0, 0, 0]}, "no events of cause 1"),
        ({"cause": [2, 2, 0]}, "no events of cause 1"),
        ({"time": [4, 4, 4]}, "all times are tied"),
        ({"covariates": [1, 1, 1]}, "constant"),
        ({"time": [4], "cause": [1], "covariates": [2]}, "constant"),
    ],
)
def test_not_estimable(changed, reason):
    with pytest.raises(NotEstimableError, match=reason):
        fit_fine_gray(**{"time": [1, 2, 3], "cause": [1, 2, 0], "covariates": [0, 1, 1], **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": [1, -2, 3]}, "time: found 1 negative"),
        ({"cause": [1, 1]}, "cause: found shape"),
        ({"covariates": [1, np.nan, 1]}, "covariates: found 1 missing"),
        ({"variant": "stata"}, "variant: found 'stata'"),
        ({"names": ["a", "b"]}, "names: found 2 names"),
        ({"cause_of_interest": 0}, "cause_of_interest: found 0"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        fit_fine_gray(**{"time": [1, 2, 3], "cause": [1, 2, 0], "covariates": [0, 1, 1], **changed})
