"""Standardised differences: published values, R on three data sets, infinities, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.stored import column, read_data, reference, rows
from twoarm.errors import ArgumentError
from twoarm.statistics.standardised_difference import (
    binary_difference,
    categorical_difference,
    continuous_difference,
    kolmogorov_smirnov,
    mahalanobis_of_shares,
    mean_and_variance,
    standardised_difference,
)

SEVEN_DIGITS = 5e-8  # as noted
STORED = 1e-12  # means and variances by two passes, stored with 15 digits
INVERTED = 1e-10  # R solves what the kernel decomposes
REFERENCE = reference("standardised_difference")


def test_lalonde_age_by_the_pooled_and_married_by_the_shares():
    data = read_data("lalonde")
    assert continuous_difference(values=data["age"], treated=data["treat"]) == pytest.approx(
        -0.2419036, abs=SEVEN_DIGITS
    )
    arm = data["treat"] == 1
    found = binary_difference(data["married"][arm].mean(), data["married"][~arm].mean())
    # noted -.7194920 with the n - 1 variance of a 0/1 column; the variance of a proportion is a little smaller
    assert found == pytest.approx(REFERENCE["binary"]["married"]["difference"], abs=STORED)
    assert continuous_difference(values=data["married"], treated=arm) == pytest.approx(-0.7194920, abs=SEVEN_DIGITS)


def test_lalonde_race_by_mahalanobis():
    data = read_data("lalonde")
    assert categorical_difference(levels=data["race"], treated=data["treat"]) == pytest.approx(
        1.701078194, abs=1e-9
    )  # as noted


@pytest.mark.parametrize("case", REFERENCE["continuous"], ids=lambda case: f"{case['data']} {case['column']}")
def test_r_agrees_on_continuous(case):
    data = rows(case["data"], case["subset"], [])
    found = continuous_difference(values=data[case["column"]], treated=data[case["arm"]])
    assert found == pytest.approx(case["difference"], rel=STORED)


@pytest.mark.parametrize("name", ["married", "nodegree"])
def test_r_agrees_on_shares(name):
    case = REFERENCE["binary"][name]
    assert binary_difference(case["share_1"], case["share_0"]) == pytest.approx(case["difference"], rel=STORED)


@pytest.mark.parametrize("case", REFERENCE["categorical"], ids=lambda case: f"{case['data']} {case['column']}")
def test_r_agrees_on_levels(case):
    data = rows(case["data"], case["subset"], [])
    found = categorical_difference(levels=data[case["column"]], treated=data[case["arm"]])
    assert found == pytest.approx(case["difference"], rel=INVERTED)


def test_r_agrees_on_the_weighted_mean_and_variance():
    case = REFERENCE["weighted"]
    data = read_data(case["data"])
    found = mean_and_variance(column(data, case["column"]), data[case["weight"]])
    assert found == pytest.approx((case["expected"]["mean"], case["expected"]["variance"]), rel=STORED)


@pytest.mark.parametrize(("name", "expected"), [("age", -0.1675675858), ("educ", 0.1296017915), ("re74", -0.273989426)])
def test_weighted_difference_over_the_unweighted_spread(name, expected):
    from twoarm.statistics.logistic import fit_logistic

    data = read_data("lalonde")
    names = ("age", "educ", "race=hispan", "race=white", "married", "nodegree", "re74", "re75")
    covariates = np.column_stack([column(data, n) for n in names])
    p, arm = fit_logistic(outcome=data["treat"], covariates=covariates).probabilities, data["treat"] == 1
    weight, x = np.where(arm, 1 / p, 1 / (1 - p)), data[name]
    difference = mean_and_variance(x[arm], weight[arm])[0] - mean_and_variance(x[~arm], weight[~arm])[0]
    variances = mean_and_variance(x[arm])[1], mean_and_variance(x[~arm])[1]
    assert standardised_difference(difference, *variances) == pytest.approx(expected, rel=1e-9)  # ten digits noted


@pytest.mark.parametrize(
    ("values", "mean", "deviation", "digits"),
    [
        ([1.2, *[1.1, 1.3] * 500], 1.2, 0.1, 1e-13),
        ([1000000.2, *[1000000.1, 1000000.3] * 500], 1000000.2, 0.1, 1e-8),  # .1 is good to 1e-9 at this size
        ([10000000.2, *[10000000.1, 10000000.3] * 500], 10000000.2, 0.1, 1e-7),  # and to 1e-8 at this one
    ],
    ids=["NumAcc2", "NumAcc3", "NumAcc4"],
)
def test_nist_univariate_data_need_two_passes(values, mean, deviation, digits):
    found, variance = mean_and_variance(np.array(values))
    assert found == pytest.approx(mean, rel=1e-13)  # a sum of a thousand terms
    assert math.sqrt(variance) == pytest.approx(deviation, rel=digits)


def test_causallib_78_the_denominator_is_the_root_of_the_mean_variance():
    values, treated = [0.0, 2.0, 10.0, 16.0], [0, 0, 1, 1]
    assert continuous_difference(values=values, treated=treated) == pytest.approx(12 / math.sqrt((2 + 18) / 2))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1, 2, 2], math.inf),
        ([2, 2, 1, 1], -math.inf),
        ([3, 3, 3, 3], 0.0),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], 0.0),
    ],
    ids=["higher", "lower", "constant", "constant but for rounding"],
)
def test_no_spread(values, expected):
    assert continuous_difference(values=values, treated=[0, 0, 1, 1]) == expected


@pytest.mark.parametrize(
    ("share_1", "share_0", "expected"), [(1, 0, math.inf), (0, 1, -math.inf), (0, 0, 0), (1, 1, 0)]
)
def test_shares_without_spread(share_1, share_0, expected):
    assert binary_difference(share_1, share_0) == expected


def test_tableone_114_disjoint_levels_are_infinitely_different():
    levels = ["a", "a", "a", "b", "c", "b"]
    assert categorical_difference(levels=levels, treated=[1, 1, 1, 0, 0, 0]) == math.inf


@pytest.mark.parametrize(
    ("shares_1", "shares_0"),
    [([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]), ([1, 0], [0, 1]), ([0, 1, 0], [0.25, 0, 0.75])],
)
def test_disjoint_shares(shares_1, shares_0):
    assert mahalanobis_of_shares(np.array(shares_1, float), np.array(shares_0, float)) == math.inf


def test_tableone_182_a_level_absent_in_one_arm_is_finite():
    # shares (.5, .5, 0) and (.5, .25, .25): S = [[.21875, -.03125], [-.03125, .09375]], d = (.25, -.25)
    found = mahalanobis_of_shares(np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.25, 0.25]))
    covariance = np.array([[0.21875, -0.03125], [-0.03125, 0.09375]])
    expected = math.sqrt(np.array([0.25, -0.25]) @ np.linalg.inv(covariance) @ np.array([0.25, -0.25]))
    assert found == pytest.approx(expected, rel=STORED)


def test_a_level_that_nobody_has_changes_nothing():
    with_empty = mahalanobis_of_shares(np.array([0.2, 0.0, 0.8]), np.array([0.6, 0.0, 0.4]))
    assert with_empty == mahalanobis_of_shares(np.array([0.2, 0.8]), np.array([0.6, 0.4]))


def test_two_levels_give_the_absolute_difference_of_shares():
    found = mahalanobis_of_shares(np.array([0.3, 0.7]), np.array([0.45, 0.55]))
    assert found == pytest.approx(abs(binary_difference(0.3, 0.45)), rel=STORED)


def test_one_level_does_not_differ():
    assert categorical_difference(levels=["a", "a", "a"], treated=[1, 0, 1]) == 0.0


def test_one_patient_in_an_arm_has_no_variance():
    assert math.isnan(continuous_difference(values=[1, 2, 3], treated=[1, 0, 0]))


def test_mean_of_nobody_is_nan():
    assert all(math.isnan(value) for value in mean_and_variance(np.array([])))


def test_equal_weights_change_nothing():
    values = np.array([3.0, 1.0, 4.0, 1.5])
    assert mean_and_variance(values, np.full(4, 0.7)) == pytest.approx(mean_and_variance(values), rel=STORED)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: continuous_difference(values=[1, np.nan], treated=[0, 1]), "values: found 1 missing"),
        (lambda: continuous_difference(values=[1, 2], treated=[0, 1, 1]), "treated: found shape"),
        (lambda: continuous_difference(values=[1, 2], treated=[1, 2]), "treated: found codes"),
        (lambda: categorical_difference(levels=["a", None], treated=[0, 1]), "levels: found missing"),
        (lambda: categorical_difference(levels=["a", "b"], treated=[1, 1]), "treated: found an arm without"),
        (lambda: mahalanobis_of_shares(np.ones(2), np.ones(3)), "shares: found different numbers"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_levels_does_not_matter(counts, random):
    table = np.array(counts, dtype=float)
    if (table.sum(axis=0) == 0).any():
        return
    shares = table / table.sum(axis=0)
    order = list(range(len(counts)))
    random.shuffle(order)
    found = mahalanobis_of_shares(shares[:, 0], shares[:, 1])
    assert mahalanobis_of_shares(shares[order, 0], shares[order, 1]) == pytest.approx(found, rel=1e-8, abs=1e-8)
    assert mahalanobis_of_shares(shares[:, 1], shares[:, 0]) == pytest.approx(found, rel=1e-8, abs=1e-8)


SPREAD_1, SPREAD_0 = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
SHARES_1, SHARES_0 = np.array([0.4, 0.35, 0.25]), np.array([0.3, 0.3, 0.4])


def by_inverse(shares_1, shares_0, spread_1, spread_0):
    """Yang and Dalton's distance with the first level left out, the covariance being that of other shares."""
    difference, p, q = (shares_1 - shares_0)[1:], spread_1[1:], spread_0[1:]
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    return float(np.sqrt(difference @ np.linalg.inv(covariance) @ difference))


def test_the_spread_of_another_sample_is_the_denominator():
    found = mahalanobis_of_shares(SHARES_1, SHARES_0, SPREAD_1, SPREAD_0)
    assert found == pytest.approx(by_inverse(SHARES_1, SHARES_0, SPREAD_1, SPREAD_0), rel=STORED)
    assert found != pytest.approx(mahalanobis_of_shares(SHARES_1, SHARES_0), rel=0.01)
    assert mahalanobis_of_shares(SHARES_1, SHARES_0, SHARES_1, SHARES_0) == mahalanobis_of_shares(SHARES_1, SHARES_0)


def test_two_levels_with_the_spread_of_another_sample():
    shares, spread = np.array([[0.3, 0.7], [0.45, 0.55]]), np.array([[0.2, 0.8], [0.6, 0.4]])
    found = mahalanobis_of_shares(*shares, *spread)
    assert found == pytest.approx(0.15 / np.sqrt((0.2 * 0.8 + 0.6 * 0.4) / 2), rel=STORED)


def test_the_order_of_levels_does_not_matter_with_another_spread():
    expected = mahalanobis_of_shares(SHARES_1, SHARES_0, SPREAD_1, SPREAD_0)
    for order in ([1, 2, 0], [2, 1, 0], [0, 2, 1]):
        found = mahalanobis_of_shares(SHARES_1[order], SHARES_0[order], SPREAD_1[order], SPREAD_0[order])
        assert found == pytest.approx(expected, rel=1e-10)


def test_a_level_that_matching_emptied_still_counts():
    shares_1, shares_0 = np.array([0.6, 0.4, 0.0]), np.array([0.5, 0.5, 0.0])
    found = mahalanobis_of_shares(shares_1, shares_0, SPREAD_1, SPREAD_0)
    assert found == pytest.approx(by_inverse(shares_1, shares_0, SPREAD_1, SPREAD_0), rel=STORED)


def test_equal_shares_do_not_differ_whatever_the_spread():
    assert mahalanobis_of_shares(SHARES_1, SHARES_1, np.array([1.0, 0, 0]), np.array([0, 1.0, 0])) == 0.0


def test_a_difference_where_the_other_sample_has_no_spread_is_infinite():
    assert mahalanobis_of_shares(SHARES_1, SHARES_0, np.array([1.0, 0, 0]), np.array([1.0, 0, 0])) == math.inf


@pytest.mark.parametrize(
    ("column", "expected"),
    [("age", 0.1577269577), ("educ", 0.1113715114), ("re74", 0.447035847), ("re75", 0.2876456876)],
)
def test_lalonde_kolmogorov_smirnov(column, expected):
    data = read_data("lalonde")
    ten_digits = 1e-10  # R 4.2.2: ks.test(x[treat == 1], x[treat == 0])$statistic
    assert kolmogorov_smirnov(data[column], data["treat"] == 1) == pytest.approx(expected, abs=ten_digits)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_kolmogorov_smirnov_by_counting(drawn):
    values, arm = np.array([float(v) for v, _ in drawn]), np.array([a for _, a in drawn])
    if arm.all() or not arm.any():
        return
    gaps = [abs(np.mean(values[arm] <= v) - np.mean(values[~arm] <= v)) for v in values]
    assert kolmogorov_smirnov(values, arm) == pytest.approx(max(gaps), rel=STORED, abs=STORED)
    assert kolmogorov_smirnov(values, ~arm) == kolmogorov_smirnov(values, arm)
    assert kolmogorov_smirnov(-values, arm) == pytest.approx(max(gaps), rel=STORED, abs=STORED)
