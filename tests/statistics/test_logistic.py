"""Logistic regression: published fits, R on four data sets, the score equations, separation, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.samples import repeated
from oracles.stored import column, floats, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.logistic import fit_logistic

STORED = 1e-10  # in standard errors; both fits go on until the last bits
TEN_DIGITS = 1e-9  # known answers were noted with ten significant digits
SCORE = 1e-8  # the score equations hold at the maximum up to the last Newton step
LALONDE = ("age", "educ", "race=hispan", "race=white", "married", "nodegree", "re74", "re75")


def lalonde():
    data = read_data("lalonde")
    return {"outcome": data["treat"], "covariates": np.column_stack([column(data, n) for n in LALONDE])}


def test_lalonde():
    fit = fit_logistic(**lalonde(), names=LALONDE)
    noted = [-1.663281598, 0.01577707102, 0.1613068774, -2.08173412, -3.065367741, -0.8321132754, 0.7072968814,
             -7.177668644e-05, 5.344644707e-05]  # fmt: skip
    assert fit.coefficients == pytest.approx(noted, rel=TEN_DIGITS)
    assert fit.deviance == pytest.approx(487.8439313, rel=TEN_DIGITS)
    assert fit.linear_predictor.std(ddof=1) == pytest.approx(1.804511971, rel=TEN_DIGITS)
    assert (fit.n, fit.events, fit.names) == (614, 185, ("(intercept)", *LALONDE))


def test_overlap_weights_balance_every_term_exactly():
    data = lalonde()
    fit = fit_logistic(**data)
    arm = data["outcome"] == 1
    weight = np.where(arm, 1 - fit.probabilities, fit.probabilities)
    x = data["covariates"]
    means = [np.average(x[rows_], axis=0, weights=weight[rows_]) for rows_ in (arm, ~arm)]
    spread = np.sqrt((x[arm].var(axis=0, ddof=1) + x[~arm].var(axis=0, ddof=1)) / 2)
    balanced = 1e-12  # the score equations say so; what is left is rounding
    assert np.abs((means[0] - means[1]) / spread).max() < balanced


def test_inverse_probability_weights_of_lalonde():
    data = lalonde()
    fit = fit_logistic(**data)
    arm, p = data["outcome"] == 1, fit.probabilities
    weight = np.where(arm, 1 / p, 1 / (1 - p))
    sums = [weight[rows_].sum() for rows_ in (arm, ~arm)]
    sizes = [weight[rows_].sum() ** 2 / (weight[rows_] ** 2).sum() for rows_ in (arm, ~arm)]
    assert sums == pytest.approx([553.6342876, 615.9988669], rel=TEN_DIGITS)
    assert sizes == pytest.approx([58.32666, 329.00776], abs=5e-6)  # noted with five digits after the point
    assert weight.max() == pytest.approx(40.07729381, rel=TEN_DIGITS)


CASES = reference("logistic")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees(case):
    data = rows(case["data"], case["subset"], [case["outcome"], *case["covariates"], case["frequency"]])
    fit = fit_logistic(
        outcome=column(data, case["outcome"]),
        covariates=np.column_stack([column(data, name) for name in case["covariates"]]),
        frequency=data[case["frequency"]] if case["frequency"] else None,
    )
    assert fit.n == case["n"]
    standard = np.sqrt(np.diag(case["covariance"]))
    assert np.abs((fit.coefficients - floats(case["coefficients"])) / standard).max() < STORED
    inverted = 1e-8  # R inverts unscaled columns whose sizes differ a thousandfold
    assert np.abs((fit.covariance - case["covariance"]) / np.outer(standard, standard)).max() < inverted
    assert fit.deviance == pytest.approx(case["deviance"], rel=1e-12)  # flat at the maximum
    if not case["frequency"]:
        assert fit.linear_predictor.std(ddof=1) == pytest.approx(case["sd_linear_predictor"], rel=STORED)
    ends = [fit.linear_predictor.min(), fit.linear_predictor.max()]
    assert ends == pytest.approx(case["range_linear_predictor"], rel=1e-9)  # the far end of a linear predictor


def test_frequencies_are_that_many_patients():
    columns = {"outcome": [0, 1, 0, 1, 1, 0], "covariates": [1.0, 2.0, 3.0, 1.5, 4.0, 2.5]}
    times = [3, 1, 2, 2, 1, 4]
    fit = fit_logistic(**columns, frequency=times)
    expanded = fit_logistic(**repeated(columns, times))
    assert fit.coefficients == pytest.approx(expanded.coefficients, rel=TEN_DIGITS)
    assert fit.covariance == pytest.approx(expanded.covariance, rel=TEN_DIGITS)
    assert (fit.n, fit.events, fit.deviance) == (13, 4, pytest.approx(expanded.deviance, rel=TEN_DIGITS))


def test_equal_rows_get_equal_bits():
    data = read_data("ties_heavy")
    x = np.column_stack([data["x1"], data["x2"], data["entry"]])
    fit = fit_logistic(outcome=data["event"], covariates=x)
    _, inverse = np.unique(x, axis=0, return_inverse=True)
    for group in range(inverse.max() + 1):
        assert np.unique(fit.linear_predictor[inverse.ravel() == group]).size == 1


def test_constant_and_collinear_columns_are_dropped_with_their_reason():
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    outcome = [0, 0, 1, 0, 1, 1]
    single = fit_logistic(outcome=outcome, covariates=x)
    fit = fit_logistic(outcome=outcome, covariates=np.column_stack([np.full(6, 7.0), x, 1 - x]))
    assert fit.reasons == ("", "constant", "", "collinear with the terms before it")
    assert fit.coefficients[[0, 2]] == pytest.approx(single.coefficients, rel=TEN_DIGITS)
    assert np.isnan(fit.coefficients[[1, 3]]).all()
    assert np.isnan(fit.std_errors[[1, 3]]).all()
    assert fit.linear_predictor == pytest.approx(single.linear_predictor, rel=TEN_DIGITS)


def test_statsmodels_92_separation_is_named():
    x = np.column_stack([[0.3, 0.9, 0.1, 0.5], [1, 2, 3, 4]])
    with pytest.raises(NotEstimableError, match=r"separation: the arms are told apart by .*biomarker"):
        fit_logistic(outcome=[0, 0, 1, 1], covariates=x, names=("age", "biomarker"))


def test_lifelines_342_a_level_with_one_outcome_only_is_quasi_separation():
    centre = [0, 0, 0, 0, 0, 1, 1, 1]
    with pytest.raises(NotEstimableError, match="separation: the arms are told apart by centre"):
        fit_logistic(outcome=[0, 1, 0, 1, 1, 1, 1, 1], covariates=centre, names=("centre",))


def test_quasi_separation_names_only_the_term_that_separates():
    rng = np.random.default_rng(7)
    age, centre = rng.normal(size=200), np.repeat([0, 1], [180, 20])
    outcome = np.where(centre == 1, 1, rng.random(200) < 0.5)
    with pytest.raises(NotEstimableError) as refusal:
        fit_logistic(outcome=outcome, covariates=np.column_stack([age, centre]), names=("age", "centre"))
    assert "centre" in str(refusal.value)
    assert "age" not in str(refusal.value)


@pytest.mark.parametrize("outcome", [[0, 0, 0], [1, 1, 1]])
def test_one_outcome_only(outcome):
    with pytest.raises(NotEstimableError, match="only one of the two outcomes occurs"):
        fit_logistic(outcome=outcome, covariates=[1, 2, 3])


def test_without_covariates_the_intercept_is_the_log_odds():
    fit = fit_logistic(outcome=[0, 1, 1, 1], covariates=np.empty((4, 0)))
    assert fit.coefficients == pytest.approx([np.log(3)], rel=TEN_DIGITS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outcome": [1, 2, 2, 1]}, "outcome: found codes"),
        ({"outcome": [0, np.nan, 1, 1]}, "outcome: found codes"),
        ({"outcome": ["yes", "no", "no", "yes"]}, "outcome: found <U3 values"),
        ({"covariates": [1, 2, np.inf, 4]}, "covariates: found 1 missing or infinite"),
        ({"covariates": ["a", "b", "c", "d"]}, "covariates: found <U1 values"),
        ({"frequency": [1, 1, 0, 1]}, "frequency: expected whole numbers"),
        ({"names": ["a", "b"]}, "names: found 2 names; expected 1"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        fit_logistic(**{"outcome": [0, 1, 0, 1], "covariates": [1, 2, 3, 4], **changed})


drawn_patients = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 1), st.integers(1, 3)),
    min_size=10,
    max_size=40,
)


def fitted_or_separated(**columns):
    """The fit, or None when the refusal says that the arms are told apart."""
    try:
        return fit_logistic(**columns)
    except NotEstimableError as refusal:
        if not str(refusal).startswith("separation: the arms are told apart by "):
            raise
        return None


@settings(max_examples=150, deadline=None, derandomize=True)
@given(drawn_patients)
def test_the_score_equations_hold_or_a_reason_is_given(drawn):
    y, x1, x2, frequency = map(np.array, zip(*drawn, strict=True))
    x = np.column_stack([x1, x2]).astype(float)
    assume(0 < y.sum() < y.size)
    fit = fitted_or_separated(outcome=y, covariates=x, frequency=frequency)
    if fit is None:
        return
    residual = frequency * (y - fit.probabilities)
    assert abs(residual.sum()) < SCORE
    for j, reason in enumerate(fit.reasons[1:]):
        assert np.isnan(fit.coefficients[j + 1]) == (reason != "")
        assert abs(residual @ x[:, j]) < SCORE
    usable = [0, *(j + 1 for j in range(2) if not fit.reasons[j + 1])]
    design = np.column_stack([np.ones(y.size), x])[:, usable]
    variance = frequency * fit.probabilities * (1 - fit.probabilities)
    information = design.T @ (design * variance[:, None])
    np.testing.assert_allclose(
        fit.covariance[np.ix_(usable, usable)] @ information, np.eye(len(usable)), atol=1e-6
    )  # the information is that of the step before the last, which is quadratically near
