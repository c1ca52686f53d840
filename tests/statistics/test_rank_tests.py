"""Wilcoxon's rank-sum test: published samples, R, enumeration, refusals; quartiles of type 7."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import exact_tests as oracle
from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.rank_tests import medians_and_quartiles, midranks, wilcoxon

NOTED = 5e-11  # ten digits after the point, as noted
STORED = 1e-12  # the counts are whole numbers below 2^53 or lose few bits beyond
CASES = reference("rank_tests")["cases"]


def two_arms(x, y):
    return {"values": [*x, *y], "treated": [1] * len(x) + [0] * len(y)}


def test_ties_are_normal_with_correction():
    test = wilcoxon(**two_arms([1, 2, 2, 3, 5, 8], [2, 4, 4, 6, 9, 9, 10]))
    assert (test.statistic, test.method) == (9, "normal")
    assert test.p_value == pytest.approx(0.09760706947, abs=NOTED)


def test_no_ties_are_exact():
    test = wilcoxon(**two_arms([1, 3, 5, 7, 11], [2, 4, 6, 8, 10, 12]))
    assert (test.method, test.p_value) == ("exact", pytest.approx(0.5367965368, abs=NOTED))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_r_agrees(case):
    test = wilcoxon(**two_arms(case["x"], case["y"]))
    assert test.statistic == case["statistic"]
    assert test.method == ("exact" if case["exact"] else "normal")
    assert test.p_value == pytest.approx(case["p_value"], rel=STORED)


def test_fifty_a_side_is_normal():
    below = wilcoxon(**two_arms(range(49), np.arange(49) + 0.5))
    at = wilcoxon(**two_arms(range(50), np.arange(10) + 0.5))
    assert (below.method, at.method) == ("exact", "normal")


def test_midranks():
    ranks, tied = midranks(np.array([5.0, 1.0, 5.0, 3.0, 5.0]))
    assert ranks.tolist() == [4, 1, 4, 2, 4]
    assert tied.tolist() == [1, 1, 3]


@pytest.mark.parametrize("treated", [[0, 0, 0], [1, 1, 1]])
def test_one_arm_only(treated):
    with pytest.raises(NotEstimableError, match="only one arm has patients"):
        wilcoxon(values=[1, 2, 3], treated=treated)


def test_all_values_equal():
    with pytest.raises(NotEstimableError, match="all values are equal"):
        wilcoxon(values=[2, 2, 2], treated=[0, 1, 1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"values": [1, np.nan, 3]}, "values: found 1 missing"),
        ({"values": ["a", "b", "c"]}, "values: found <U1"),
        ({"treated": [0, 1]}, "treated: found shape"),
        ({"treated": [1, 2, 1]}, "treated: found codes"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        wilcoxon(**{"values": [1, 2, 3], "treated": [0, 1, 1], **changed})


@pytest.mark.parametrize(("values", "expected"), [
    ([10, 20, 30, 40, 150, 160, 170, 180, 190, 200], (32.5, 155, 177.5)),
    ([7], (7, 7, 7)),
])  # fmt: skip
def test_quartiles_are_of_type_seven(values, expected):
    chosen = np.ones(len(values), dtype=bool)
    assert medians_and_quartiles(np.array(values, float), chosen) == pytest.approx(expected, abs=STORED)


def test_quartiles_of_nobody_are_nan():
    assert all(math.isnan(q) for q in medians_and_quartiles(np.array([1.0]), np.array([False])))


values = st.lists(st.integers(0, 40), min_size=1, max_size=5)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=11, unique=True), st.data())
def test_equals_enumeration_without_ties(both, data):
    cut = data.draw(st.integers(1, len(both) - 1))
    x, y = both[:cut], both[cut:]
    test = wilcoxon(**two_arms(x, y))
    assert test.method == "exact"
    assert test.statistic == oracle.mann_whitney(x, y)
    assert test.p_value == pytest.approx(oracle.wilcoxon(x, y), rel=STORED)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(values, values)
def test_swapping_the_arms_keeps_the_p_value(x, y):
    assume(len({*x, *y}) > 1)
    one, other = wilcoxon(**two_arms(x, y)), wilcoxon(**two_arms(y, x))
    assert one.statistic == oracle.mann_whitney(x, y)
    assert one.statistic + other.statistic == len(x) * len(y)
    assert one.p_value == pytest.approx(other.p_value, rel=STORED)
    assert 0 < one.p_value <= 1
