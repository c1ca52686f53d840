"""Firth's penalty: published fits, R's optimisers on the penalised likelihood, its derivative, separation, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.samples import FREIREICH, IS_CONTROL
from oracles.stored import floats, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import firth_cox, firth_logistic
from twoarm.statistics.cox_risk_sets import build_risk_sets
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.firth_logistic import fit_firth_logistic
from twoarm.statistics.logistic import fit_logistic

NOTED = 2e-7  # known answers were found by a general optimiser; the score at ours is 0 to 1e-9
OPTIMISED = 1e-5  # R's optimisers know the height only, by differences with a step of 1e-3
FLAT = 1e-9  # a height at the maximum, where an error of the estimate enters squared
STORE = reference("firth")


def check(fit, case, first):
    np.testing.assert_allclose(fit.coefficients, floats(case["coefficients"]), rtol=OPTIMISED, atol=OPTIMISED)
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=FLAT)
    np.testing.assert_allclose(fit.lower[first:], floats(case["lower"]), rtol=OPTIMISED, atol=OPTIMISED)
    np.testing.assert_allclose(fit.upper[first:], floats(case["upper"]), rtol=OPTIMISED, atol=OPTIMISED)
    np.testing.assert_allclose(fit.statistics[first:], floats(case["statistics"]), rtol=OPTIMISED, atol=1e-7)


@pytest.mark.parametrize("case", STORE["cox"], ids=lambda case: case["label"])
def test_r_maximises_the_same_cox_likelihood(case):
    optional = {key: case[key] for key in ("entry", "strata") if case[key] is not None}
    check(fit_firth_cox(time=case["time"], event=case["event"], covariates=case["x"], **optional), case, 0)


@pytest.mark.parametrize("case", STORE["logistic"], ids=lambda case: case["label"])
def test_r_maximises_the_same_logistic_likelihood(case):
    check(fit_firth_logistic(outcome=case["outcome"], covariates=case["x"]), case, 1)


def test_freireich():
    fit = fit_firth_cox(**FREIREICH, covariates=IS_CONTROL)
    assert fit.coefficients[0] == pytest.approx(1.479338241, rel=NOTED)
    assert (fit.n, fit.events, fit.degrees_of_freedom) == (42, 30, 1)


def test_all_events_in_one_arm():
    fit = fit_firth_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0])
    assert fit.coefficients[0] == pytest.approx(2.565240804, rel=NOTED)
    assert fit.null_log_likelihood == pytest.approx(-4.982164606, rel=NOTED)
    assert fit.log_likelihood == pytest.approx(-2.766017277, rel=NOTED)
    assert fit.likelihood_ratio_test()[0] == pytest.approx(4.432294657, rel=NOTED)
    assert fit.p_values[0] == pytest.approx(fit.likelihood_ratio_test()[1], rel=1e-9)
    assert 0 < fit.lower[0] < fit.coefficients[0] < fit.upper[0]


def test_four_rows_that_separate():
    fit = fit_firth_logistic(outcome=[0, 0, 1, 1], covariates=[1, 2, 3, 4])
    assert fit.coefficients == pytest.approx([-3.274757139, 1.309902856], rel=NOTED)
    with pytest.raises(NotEstimableError, match="separation"):
        fit_logistic(outcome=[0, 0, 1, 1], covariates=[1, 2, 3, 4])


def test_a_two_by_two_table_gains_half_a_patient_a_cell():
    outcome, arm = [1] * 7 + [0] * 5 + [1] * 3 + [0] * 9, [1] * 12 + [0] * 12
    fit = fit_firth_logistic(outcome=outcome, covariates=arm)
    assert fit.coefficients[1] == pytest.approx(np.log(7.5 * 9.5 / (5.5 * 3.5)), rel=1e-10)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_the_score_is_the_derivative_of_the_height(seed):
    rng = np.random.default_rng(seed)
    n, beta = 25, rng.normal(size=2) / 2
    x = np.asfortranarray(rng.normal(size=(n, 2)))
    event = np.concatenate([[True] * 5, rng.random(n - 5) < 0.5])
    risk = build_risk_sets(
        time=rng.integers(1, 9, n).astype(float), event=event, entry=None, stratum=np.zeros(n, np.int64),
        weight=np.ones(n), frequency=np.ones(n), ties="breslow",
    )  # fmt: skip
    for at in (
        lambda b: firth_cox.penalised_likelihood(risk, x, b),
        lambda b: firth_logistic.penalised_likelihood(event, x, b),
    ):
        step = 1e-5 * np.eye(2)
        slopes = [(at(beta + step[j]).height - at(beta - step[j]).height) / 2e-5 for j in range(2)]
        np.testing.assert_allclose(at(beta).score, slopes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("by", [1e-3, 1e4])
def test_the_scale_of_a_column_only_scales_its_coefficient(by):
    x = np.column_stack([IS_CONTROL, np.arange(42) % 5])
    one, other = (fit_firth_cox(**FREIREICH, covariates=y) for y in (x, x * [1, by]))
    np.testing.assert_allclose(other.coefficients * [1, by], one.coefficients, rtol=1e-7)
    np.testing.assert_allclose(other.upper * [1, by], one.upper, rtol=1e-6)
    np.testing.assert_allclose(other.statistics, one.statistics, rtol=1e-7)


def test_the_score_at_the_estimate_is_zero():
    terms = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    fit = fit_firth_logistic(outcome=[0, 0, 1, 1], covariates=terms[:, 1])
    at = firth_logistic.penalised_likelihood(np.array([False, False, True, True]), terms, fit.coefficients)
    assert np.abs(at.score).max() < 1e-9


def test_swapped_arms_turn_the_sign():
    arm = np.array(IS_CONTROL)
    one, other = fit_firth_cox(**FREIREICH, covariates=arm), fit_firth_cox(**FREIREICH, covariates=1 - arm)
    assert other.coefficients == pytest.approx(-one.coefficients, rel=1e-9)
    assert other.lower == pytest.approx(-one.upper, rel=1e-7)


def test_constant_and_collinear_columns_carry_their_reason():
    x = np.array(IS_CONTROL, dtype=float)
    design = np.column_stack([np.ones(42), x, 1 - x])
    cox, logistic = (
        fit_firth_cox(**FREIREICH, covariates=design),
        fit_firth_logistic(outcome=FREIREICH["event"], covariates=design),
    )
    assert cox.reasons == ("constant", "", "collinear with the terms before it")
    assert logistic.reasons == ("", *cox.reasons)
    assert cox.coefficients[1] == pytest.approx(1.479338241, rel=NOTED)
    assert np.isnan(cox.std_errors[[0, 2]]).all()


@pytest.mark.parametrize(
    ("fit", "columns", "error", "message"),
    [
        (fit_firth_cox, {"time": [1, 2], "event": [0, 0], "covariates": [1, 2]}, NotEstimableError, "no events"),
        (fit_firth_cox, {"time": [1, 2], "event": [1, 1], "covariates": [1, 1]}, NotEstimableError, "constant"),
        (
            fit_firth_cox,
            {"time": [1, 1, 2], "event": [0, 1, 1], "covariates": [0, 0, 1], "strata": [0, 0, 1]},
            NotEstimableError,
            "constant within every risk set",
        ),
        (fit_firth_logistic, {"outcome": [1, 1], "covariates": [1, 2]}, NotEstimableError, "only one of the two"),
        (fit_firth_logistic, {"outcome": [1, 0], "covariates": [2, 2]}, NotEstimableError, "constant"),
        (
            fit_firth_logistic,
            {"outcome": [1, 0], "covariates": [1, 2], "names": ["a", "b"]},
            ArgumentError,
            "names: found 2",
        ),
        (
            fit_firth_cox,
            {"time": [1, 2], "event": [1, 1], "covariates": [1, 2], "confidence_level": 95},
            ArgumentError,
            "confidence_level",
        ),
    ],
)
def test_refusals_say_why(fit, columns, error, message):
    with pytest.raises(error, match=message):
        fit(**columns)


@pytest.mark.parametrize("seed", range(20))
def test_a_term_of_strata_alone_is_refused_whatever_rounding_leaves_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 4, 30)
    level, own = rng.normal(size=4)[stratum], rng.normal(size=30)
    data = {"time": rng.integers(1, 9, 30), "event": rng.random(30) < 0.6, "strata": stratum}
    for x in (level, np.column_stack([own, level]), np.column_stack([own, own + level])):
        with pytest.raises(NotEstimableError, match="constant within every risk set"):
            fit_firth_cox(**data, covariates=x)
    assert np.isfinite(fit_firth_cox(**data, covariates=own).coefficients).all()


def test_a_profile_that_nobody_asks_for_is_not_made_and_the_others_stay() -> None:
    rng = np.random.default_rng(5)
    data = {"time": rng.integers(1, 40, 80), "event": rng.random(80) < 0.3, "covariates": rng.normal(size=(80, 3))}
    every, some = fit_firth_cox(**data), fit_firth_cox(**data, profiled=[1])
    assert np.array_equal(every.coefficients, some.coefficients)
    for name in ("lower", "upper", "statistics", "p_values"):
        found = getattr(some, name)
        assert found[1] == getattr(every, name)[1]
        assert np.isnan(found[[0, 2]]).all()
