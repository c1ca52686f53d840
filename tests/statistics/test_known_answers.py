"""Known answers that stand in no method's own tests: steps on the way, worked out by hand, and what another choice gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from oracles.samples import T1
from oracles.stored import read_data, reference
from twoarm.errors import ArgumentError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_prediction import predict_survival
from twoarm.statistics.cox_residuals import martingale_residuals, score_residuals
from twoarm.statistics.exact_cox import _tied_sets, exact_likelihood
from twoarm.statistics.firth_logistic import fit_firth_logistic
from twoarm.statistics.standardised_difference import mean_and_variance, standardised_difference

CLOSED_FORM = 1e-12  # a handful of operations
TEN_DIGITS = 1e-9  # as noted
STORED = 1e-10  # the roots of R's penalised score, to 1e-11 of the score


def at_zero(ties):
    """The six rows' model held at coefficient 0."""
    fit = fit_cox(**T1, ties=ties)
    problem = fit.problem
    at = PartialLikelihood.at(problem.patients.risk, problem.x, np.zeros(1))
    variance = 1 / (at.information * problem.scale**2)
    return dataclasses.replace(
        fit,
        coefficients=np.zeros(1),
        covariance=variance,
        naive_covariance=variance,
        problem=dataclasses.replace(problem, at=at, beta=np.zeros(1)),
    )


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        ("breslow", [5 / 6, -1 / 6, 1 / 3, 1 / 3, -2 / 3, -2 / 3]),
        ("efron", [5 / 6, -1 / 6, 5 / 12, 5 / 12, -3 / 4, -3 / 4]),
    ],
)
def test_six_rows_martingale_residuals_at_zero(ties, expected):
    problem = at_zero(ties).problem
    found = martingale_residuals(problem.patients.risk, problem.patients.event, problem.at)
    assert found == pytest.approx(expected, abs=CLOSED_FORM)


def test_six_rows_score_residuals_at_zero():
    problem = at_zero("breslow").problem
    found = score_residuals(problem.patients.risk, problem.patients.event, problem.x, problem.at)[:, 0] * problem.scale
    assert found == pytest.approx([5 / 12, -1 / 12, 7 / 24, -1 / 24, 5 / 24, 5 / 24], abs=CLOSED_FORM)


def test_six_rows_first_steps():
    problem = at_zero("breslow").problem
    step = float(problem.at.score[0] / problem.at.information[0, 0] / problem.scale[0])
    assert step == pytest.approx(8 / 5, rel=CLOSED_FORM)
    x = np.array(T1["covariates"], dtype=float)[:, None]
    sets = list(_tied_sets(np.array(T1["time"], float), np.array(T1["event"]) == 1, None, np.zeros(6, np.int64)))
    exact = exact_likelihood(sets, x, np.zeros(6), np.zeros(1))
    assert exact.score[0] / exact.information[0, 0] == pytest.approx(2, rel=CLOSED_FORM)


def test_six_rows_variance_of_the_cumulative_hazard_at_zero():
    found = predict_survival(at_zero("breslow"), covariates=[[0.0]])
    assert found.time.tolist() == [1, 6, 9]
    assert found.std_error[:, 0] ** 2 == pytest.approx([7 / 180, 2 / 9, 11 / 9], rel=CLOSED_FORM)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_six_rows_out_of_order(ties):
    """Rows as 9, 3, 1, 1, 6, 6, 8; the patient at 3 has no status and is refused, not guessed."""
    unsorted = {"time": [9, 3, 1, 1, 6, 6, 8], "event": [1, np.nan, 1, 0, 1, 1, 0], "covariates": [0, 2, 1, 1, 1, 0, 0]}
    with pytest.raises(ArgumentError, match="event"):
        fit_cox(**unsorted, ties=ties)
    known = {name: [value for row, value in enumerate(values) if row != 1] for name, values in unsorted.items()}
    sorted_fit, fit = fit_cox(**T1, ties=ties), fit_cox(**known, ties=ties)
    assert fit.coefficients == pytest.approx(sorted_fit.coefficients, rel=CLOSED_FORM)
    assert fit.log_likelihood == pytest.approx(sorted_fit.log_likelihood, rel=CLOSED_FORM)


def test_follow_up_in_float_years_loses_ties():
    """Times are compared as they are: 10 tied times in days are 14 in years, and the coefficient moves."""
    x = np.arange(1, 31)
    birth, enrolled, ended = (np.datetime64(day) for day in ("1953-03-10", "1993-03-10", "1996-10-21"))
    start, end = enrolled + x, ended + x + np.tile(np.arange(1, 11), 3)
    years = (end - birth).astype(int) / 365.25 - (start - birth).astype(int) / 365.25
    days = (end - start).astype(int)
    status = np.tile([0, 1], 15)
    assert (np.unique(days).size, np.unique(years).size) == (10, 14)
    assert fit_cox(time=days, event=status, covariates=x).coefficients[0] == pytest.approx(
        -0.03113932472, rel=TEN_DIGITS
    )
    assert fit_cox(time=years, event=status, covariates=x).coefficients[0] == pytest.approx(-0.0325105090, rel=1e-8)


def test_lalonde_differences_over_other_spreads_are_others():
    """Over the SD of the treated alone; and a yes/no column over n - 1 variances, where ours is p (1 - p)."""
    data = read_data("lalonde")
    treated, seven_digits = data["treat"] == 1, 5e-8
    age, married = (
        [mean_and_variance(data[name].astype(float)[rows]) for rows in (treated, ~treated)]
        for name in ("age", "married")
    )
    years, share = age[0][0] - age[1][0], married[0][0] - married[1][0]
    assert standardised_difference(years, age[0][1], age[1][1]) == pytest.approx(-0.2419036, abs=seven_digits)
    assert standardised_difference(years, age[0][1], age[0][1]) == pytest.approx(-0.3094453, abs=seven_digits)
    assert standardised_difference(share, married[0][1], married[1][1]) == pytest.approx(-0.7194920, abs=seven_digits)
    assert standardised_difference(share, married[0][1], married[0][1]) == pytest.approx(-0.8240730, abs=seven_digits)


def test_endometrial_cancer_under_firths_penalty():
    data, stored = read_data("endometrial"), reference("known_answers")["endometrial"]
    fit = fit_firth_logistic(
        outcome=data["HG"], covariates=np.column_stack([data["NV"], data["PI"], data["EH"]]), names=["nv", "pi", "eh"]
    )
    names = ("intercept", "nv", "pi", "eh")
    assert fit.coefficients == pytest.approx([stored[name] for name in names], rel=STORED)
    assert fit.std_errors == pytest.approx([stored[f"{name}_std_error"] for name in names], rel=1e-8)
    brglm2 = [3.77455939814, 2.92927325858, -0.03475174945, -2.60416382414]  # stopped at its default tolerance
    assert fit.coefficients == pytest.approx(brglm2, rel=5e-7)
