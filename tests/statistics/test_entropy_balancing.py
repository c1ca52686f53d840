"""Entropy balancing: a closed form, R's optimum of the dual, the moments themselves, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.stored import column, floats, read_data, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.entropy_balancing import entropy_balancing

MOMENT = 1e-10  # in SDs
STORED = 1e-8  # of a weight: two solutions of equations met to 1e-12
STORE = reference("balancing_weights")


def test_three_values_in_closed_form():
    found = entropy_balancing(covariates=[1, 2, 3, 1, 2], treated=[0, 0, 0, 1, 1])
    r = (np.sqrt(13) - 1) / 6  # weights 1 : r : r^2 with mean 3/2
    np.testing.assert_allclose(found.weight[:3], 3 * np.array([1, r, r * r]) / (1 + r + r * r), rtol=1e-12)


@pytest.mark.parametrize("case", STORE["entropy"], ids=lambda case: case["label"])
def test_r_agrees(case):
    data = read_data("lalonde")
    x = np.column_stack([column(data, name) for name in STORE["terms"]])
    found = entropy_balancing(covariates=x, treated=data["treat"], estimand=case["estimand"], moments=case["moments"])
    np.testing.assert_allclose(found.weight, floats(case["weight"]), rtol=STORED, atol=1e-12)
    assert found.largest_imbalance < MOMENT


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["ATT", "ATC", "ATE"]), st.sampled_from([1, 2]))
def test_the_moments_are_met(seed, estimand, moments):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=80), rng.random(80) < 0.4, rng.integers(0, 3, 80)]).astype(float)
    arm = rng.random(80) < 1 / (1 + np.exp(-x @ [0.7, -0.4, 0.3]))
    try:
        found = entropy_balancing(covariates=x, treated=arm, estimand=estimand, moments=moments)
    except NotEstimableError:
        return
    target = {"ATT": arm, "ATC": ~arm}.get(estimand, np.ones(80, dtype=bool))
    for rows in (arm, ~arm):
        assert found.weight[rows].sum() == pytest.approx(rows.sum(), rel=1e-12)
        for power in range(1, moments + 1):
            gap = np.average(x[rows] ** power, axis=0, weights=found.weight[rows]) - (x[target] ** power).mean(axis=0)
            assert np.abs(gap / (x**power).std(axis=0)).max() < MOMENT


def test_balanced_arms_keep_weights_of_one():
    found = entropy_balancing(covariates=[1, 2, 3, 3, 2, 1], treated=[0, 0, 0, 1, 1, 1], estimand="ATE")
    np.testing.assert_allclose(found.weight, 1.0, rtol=1e-12)


def test_constant_and_collinear_columns_change_nothing():
    rng = np.random.default_rng(3)
    x, arm = rng.normal(size=60), rng.random(60) < 0.4
    plain = entropy_balancing(covariates=x, treated=arm)
    more = entropy_balancing(covariates=np.column_stack([np.full(60, 5.0), x, 2 - 3 * x]), treated=arm)
    np.testing.assert_allclose(more.weight, plain.weight, rtol=1e-9)


def test_scale_does_not_matter():
    rng = np.random.default_rng(4)
    x, arm = rng.normal(size=(60, 2)), rng.random(60) < 0.4
    one, other = (entropy_balancing(covariates=y, treated=arm) for y in (x, x * [1e-6, 1e6] + [3, -1e5]))
    np.testing.assert_allclose(one.weight, other.weight, rtol=1e-6)


@pytest.mark.parametrize(
    ("covariates", "treated", "message"),
    [
        ([1, 2, 3, 9, 9], [0, 0, 0, 1, 1], "the comparator arm cannot be weighted to the target's mean of x1"),
        ([1, 1, 1, 0, 1], [0, 0, 0, 1, 1], "the comparator arm cannot be weighted to the target's mean of x1"),
        ([1, 1, 1, 9, 9], [0, 0, 0, 1, 1], "the comparator arm cannot be weighted to the target's mean of x1"),
        (
            np.array([[0, 0], [1, 0], [0, 1], [0.6, 0.6], [0.6, 0.6]]),
            [0, 0, 0, 1, 1],
            "no weights of the comparator arm meet all targets at once",
        ),
        ([1, 2], [1, 1], "one arm only"),
    ],
)
def test_what_cannot_be_met_says_why(covariates, treated, message):
    with pytest.raises(NotEstimableError, match=message):
        entropy_balancing(covariates=covariates, treated=treated)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"estimand": "ATO"}, "estimand: found 'ATO'"),
        ({"moments": 3}, "moments: found 3"),
        ({"names": ["a", "b"]}, "names: found 2 names; expected 1"),
        ({"covariates": [1, np.nan, 3]}, "covariates: found 1 missing"),
        ({"treated": [0, 2, 1]}, "treated: found codes"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        entropy_balancing(**{"covariates": [1, 2, 3], "treated": [0, 1, 0], **changed})
