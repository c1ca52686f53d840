"""Rubin's rules: mice's pool.scalar and pool, D2 written out in R, hand-worked samples, limits and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.proportions import proportion
from twoarm.statistics.rubin import pool, pool_chi_squared, pool_proportion

STORED = 1e-12  # closed form on both sides, with two libraries' t and F distributions
GLM = 1e-8  # R's logit comes out of an iteration
STORED_REFERENCE = reference("rubin")
NUMBERS = STORED_REFERENCE["numbers"]


@pytest.mark.parametrize("case", NUMBERS, ids=[case["label"] for case in NUMBERS])
def test_numbers_as_mice(case):
    complete_df = math.inf if case["complete_df"] is None else case["complete_df"]
    found = pool(estimates=case["estimates"], variances=case["variances"], complete_df=complete_df)
    for name in ("estimate", "std_error", "lower", "upper", "p_value", "degrees_of_freedom", "within", "between",
                 "relative_increase", "fraction_missing"):  # fmt: skip
        assert getattr(found, name) == pytest.approx(case[name], rel=STORED), name


def test_numbers_by_hand():
    # estimates 1, 2, 3: mean 2, between 1; within 1; total 1 + 4/3; r = 4/3; share = 4/7
    found = pool(estimates=[1, 2, 3], variances=[0.5, 1, 1.5], complete_df=10)
    assert (found.estimate, found.within, found.between) == (2, 1, 1)
    assert found.std_error == pytest.approx(math.sqrt(7 / 3), rel=STORED)
    assert found.relative_increase == pytest.approx(4 / 3, rel=STORED)
    old, observed = 2 / (4 / 7) ** 2, 11 / 13 * 10 * 3 / 7
    df = old * observed / (old + observed)
    assert found.degrees_of_freedom == pytest.approx(df, rel=STORED)
    half = stats.t.ppf(0.975, df) * math.sqrt(7 / 3)
    assert (found.lower, found.upper) == pytest.approx((2 - half, 2 + half), rel=STORED)
    assert found.fraction_missing == pytest.approx((4 / 3 + 2 / (df + 3)) / (7 / 3), rel=STORED)
    assert found.monte_carlo_error == pytest.approx(math.sqrt(1 / 3), rel=STORED)


def test_imputations_all_alike_keep_the_rule_of_the_complete_data():
    found = pool(estimates=[0.1] * 3, variances=[0.04, 0.05, 0.06], complete_df=20)
    assert (found.between, found.relative_increase) == (0, 0)
    assert found.degrees_of_freedom == pytest.approx(21 / 23 * 20, rel=STORED)
    assert found.std_error == pytest.approx(math.sqrt(0.05), rel=STORED)


def test_alike_and_infinite_degrees_of_freedom_are_the_normal():
    found = pool(estimates=[1.0, 1.0], variances=[0.25, 0.25], complete_df=math.inf)
    assert found.degrees_of_freedom == math.inf
    assert found.upper == pytest.approx(1 + 0.5 * stats.norm.ppf(0.975), rel=STORED)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(2), rel=STORED)
    assert found.fraction_missing == 0


def test_confidence_level():
    wide = pool(estimates=[1, 2, 3], variances=[1, 1, 1], complete_df=10, confidence_level=0.99)
    df = wide.degrees_of_freedom
    assert wide.upper == pytest.approx(2 + stats.t.ppf(0.995, df) * wide.std_error, rel=STORED)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"estimates": [1.0], "variances": [1.0]}, ArgumentError, "estimates: found 1 imputations; expected at least"),
        ({"variances": [1, -1, 1]}, ArgumentError, "variances: found negative"),
        ({"variances": [1, 1]}, ArgumentError, "variances: found 2 values; expected 3"),
        ({"estimates": [1, np.nan, 2]}, ArgumentError, "estimates: found 1 missing"),
        ({"variances": [0, 0, 0]}, NotEstimableError, "no variance within"),
        ({"estimates": [1, 1, 1], "variances": [0, 0, 0]}, NotEstimableError, "no variance within"),
        ({"complete_df": 0}, NotEstimableError, "no degrees of freedom"),
        ({"complete_df": math.nan}, NotEstimableError, "no degrees of freedom"),
        ({"confidence_level": 95}, ArgumentError, "confidence_level: found 95"),
    ],
)
def test_bad_numbers_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        pool(**{"estimates": [1, 2, 3], "variances": [1, 1, 1], "complete_df": 10, **changed})


numbers = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 5)), min_size=2, max_size=8)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(numbers, st.floats(1, 500), st.floats(-3, 3), st.floats(0.1, 10))
def test_shift_scale_and_order(drawn, complete_df, shift, scale):
    q, u = map(np.array, zip(*drawn, strict=True))
    base = pool(estimates=q, variances=u, complete_df=complete_df)
    moved = pool(estimates=q[::-1] * scale + shift, variances=u[::-1] * scale**2, complete_df=complete_df)
    rounding = 1e-6  # of standard errors: differences of estimates lose digits when they are nearly alike
    assert (moved.estimate - shift) / scale == pytest.approx(base.estimate, abs=rounding * base.std_error)
    assert moved.std_error / scale == pytest.approx(base.std_error, rel=rounding)
    assert base.degrees_of_freedom <= complete_df
    share = base.relative_increase / (1 + base.relative_increase)
    assert base.degrees_of_freedom * share**2 <= (q.size - 1) * (1 + STORED)  # Rubin's (1987)
    assert (base.p_value < 0.05) == (base.lower > 0 or base.upper < 0)
    assert 0 <= base.fraction_missing <= 1


@pytest.mark.parametrize("case", STORED_REFERENCE["tests"])
def test_chi_squared_as_in_r(case):
    found = pool_chi_squared(statistics=case["statistics"], degrees_of_freedom=case["degrees_of_freedom"])
    assert found.statistic == pytest.approx(max(0, case["statistic"]), rel=STORED)
    assert found.denominator_df == pytest.approx(case["denominator_df"], rel=STORED)
    assert found.p_value == pytest.approx(case["p_value"], rel=STORED)
    assert found.relative_increase == pytest.approx(case["relative_increase"], rel=STORED)
    assert found.numerator_df == case["degrees_of_freedom"]


def test_chi_squared_alike_is_the_chi_squared_test():
    found = pool_chi_squared(statistics=[7.2] * 5, degrees_of_freedom=3)
    assert (found.statistic, found.denominator_df, found.relative_increase) == (pytest.approx(2.4), math.inf, 0)
    assert found.p_value == pytest.approx(stats.chi2.sf(7.2, 3), rel=STORED)


def test_a_negative_statistic_is_none():
    found = pool_chi_squared(statistics=[0.0, 0.0, 9.0], degrees_of_freedom=3)
    assert (found.statistic, found.p_value) == (0, 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"statistics": [3.0]}, "statistics: found 1 imputations"),
        ({"statistics": [3.0, -1.0]}, "statistics: found negative"),
        ({"degrees_of_freedom": 0}, "degrees_of_freedom: found 0"),
    ],
)
def test_bad_statistics_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        pool_chi_squared(**{"statistics": [3.0, 4.0], "degrees_of_freedom": 1, **changed})


@pytest.mark.parametrize("case", STORED_REFERENCE["proportions"])
def test_proportions_on_the_logit_as_mice(case):
    found = pool_proportion(events=case["events"], n=[case["n"]] * len(case["events"]))
    assert found.interval == "rubin-logit"
    for name in ("proportion", "lower", "upper", "degrees_of_freedom"):
        assert getattr(found, name) == pytest.approx(case[name], rel=GLM), name


@pytest.mark.parametrize(("events", "n"), [(0, 12), (12, 12), (0, 1)])
def test_proportions_alike_at_an_end_are_wilson(events, n):
    found, single = pool_proportion(events=[events] * 3, n=[n] * 3), proportion(events=events, n=n, interval="wilson")
    assert found.interval == "wilson"
    assert (found.lower, found.upper) == pytest.approx((single.lower, single.upper), abs=STORED)
    assert found.proportion == single.proportion


def test_wilson_limits_solve_their_equation():
    x, n = np.array([0, 1, 2, 0]), np.array([20, 20, 22, 21])
    found = pool_proportion(events=x, n=n)
    p = x / n
    increase = 1.25 * p.var(ddof=1) / (p * (1 - p) / n).mean()
    t = stats.t.ppf(0.975, 3 * (1 + 1 / increase) ** 2)
    assert found.proportion == pytest.approx(p.mean(), rel=STORED)
    assert found.lower < found.proportion < found.upper
    for limit in (found.lower, found.upper):
        distance = (p.mean() - limit) ** 2
        assert distance == pytest.approx(t**2 * (1 + increase) * limit * (1 - limit) * (1 / n).mean(), rel=1e-10)


def test_nothing_within_but_something_between_knows_nothing():
    found = pool_proportion(events=[0, 5], n=[5, 5])
    assert (found.lower, found.upper, found.proportion) == (0, 1, 0.5)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"events": [1]}, ArgumentError, "events: found 1 imputations"),
        ({"events": [1, 2.5]}, ArgumentError, "whole numbers"),
        ({"events": [1, 11]}, ArgumentError, "whole numbers with 0 <= events <= n"),
        ({"events": [0, 1], "n": [0, 10]}, NotEstimableError, "nobody"),
    ],
)
def test_bad_counts_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        pool_proportion(**{"events": [1, 2], "n": [10, 10], **changed})
