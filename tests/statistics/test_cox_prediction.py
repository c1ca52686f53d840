"""Offsets, deviance residuals and predicted curves of Cox models: R, closed forms, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.samples import T1, TW, TW_WEIGHTS
from oracles.stored import column, floats, happened, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.cox_prediction import predict_survival

STORED = 1e-8  # of a standard error: R stops at a relative change of 1e-12 of the likelihood
KEYS = ("time", "entry", "strata", "offset", "weight", "cluster")
STORE = reference("cox_more")
CASES = [case for case in STORE["cases"] if case["ties"] != "exact"]


def columns_of(case):
    data = rows(case["data"], case["subset"], [case["event"], *case["covariates"], *(case[key] for key in KEYS)])
    found = {key: data[case[key]] for key in KEYS if case[key]}
    found["event"] = happened(case["data"], data, case["event"])
    found["covariates"] = np.column_stack([column(data, name) for name in case["covariates"]])
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_r_agrees(case):
    fit = fit_cox(**columns_of(case), ties=case["ties"])
    standard = np.sqrt(np.diag(np.atleast_2d(case["covariance"])))
    assert np.abs((fit.coefficients - floats(case["coefficients"])) / standard).max() < STORED
    np.testing.assert_allclose(fit.std_errors, standard, rtol=STORED)
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=1e-11)
    assert fit.null_log_likelihood == pytest.approx(case["null_log_likelihood"], rel=1e-11)
    assert fit.score_statistic == pytest.approx(case["score"], rel=STORED)
    np.testing.assert_allclose(fit.residuals("deviance"), floats(case["deviance"]), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("case", STORE["predictions"], ids=lambda case: case["label"])
def test_r_predicts_the_same_curves(case):
    fit = fit_cox(**columns_of(case), ties=case["ties"])
    found = predict_survival(fit, covariates=case["wanted"])
    np.testing.assert_array_equal(found.time, case["times"])
    np.testing.assert_allclose(found.survival, case["survival"], rtol=STORED, atol=1e-10)
    np.testing.assert_allclose(found.std_error, case["std_error"], rtol=STORED)
    np.testing.assert_allclose(found.lower, case["lower"], rtol=STORED, atol=1e-10)
    np.testing.assert_allclose(found.upper, case["upper"], rtol=STORED, atol=1e-10)


def test_the_estimate_as_offset_leaves_nothing_to_estimate():
    x = np.array(T1["covariates"], dtype=float)
    plain = fit_cox(**T1)
    known = fit_cox(**T1, offset=plain.coefficients[0] * x)
    assert known.coefficients[0] == pytest.approx(0, abs=1e-9)
    assert known.null_log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12)
    assert known.concordance() == pytest.approx(plain.concordance())


def test_a_constant_offset_changes_nothing_but_the_baseline():
    plain, moved = fit_cox(**T1), fit_cox(**T1, offset=np.full(6, 2.0))
    assert moved.coefficients == pytest.approx(plain.coefficients, rel=1e-12)
    np.testing.assert_allclose(
        moved.baseline_hazard().cumulative_hazard * np.exp(2), plain.baseline_hazard().cumulative_hazard, rtol=1e-12
    )
    one, other = predict_survival(plain, covariates=[[1.0]]), predict_survival(moved, covariates=[[1.0]], offset=2.0)
    np.testing.assert_allclose(one.survival, other.survival, rtol=1e-12)


def test_prediction_at_zero_is_the_baseline():
    fit = fit_cox(**TW, weight=TW_WEIGHTS)
    found = predict_survival(fit, covariates=[[0.0]])
    np.testing.assert_allclose(-np.log(found.survival[:, 0]), fit.baseline_hazard().cumulative_hazard, rtol=1e-12)


def test_squares_of_deviance_residuals_take_their_signs_from_martingale_residuals():
    fit = fit_cox(**T1)
    martingale, deviance = fit.residuals(), fit.residuals("deviance")
    assert (np.sign(martingale) == np.sign(deviance)).all()
    event = np.array(T1["event"])
    expected = -2 * (martingale + np.where(event == 1, np.log(1 - martingale), 0))
    np.testing.assert_allclose(deviance**2, expected, rtol=1e-12)


def test_infinite_estimates_predict_nothing():
    fit = fit_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0])
    with pytest.raises(NotEstimableError, match="an estimate is infinite"):
        predict_survival(fit, covariates=[[1.0]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"covariates": [1.0]}, r"covariates: found shape \(1,\); expected \(k, 1\)"),
        ({"covariates": [[1.0, 2.0]]}, "covariates: found shape"),
        ({"covariates": [[np.nan]]}, "covariates: found 1 missing"),
        ({"stratum": 3}, "stratum: found 3"),
        ({"confidence_level": 95}, "confidence_level: found 95"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        predict_survival(fit_cox(**T1), **{"covariates": [[1.0]], **changed})


def test_offsets_must_be_numbers():
    with pytest.raises(ArgumentError, match="offset: found 5 values; expected 6"):
        fit_cox(**T1, offset=[0] * 5)
