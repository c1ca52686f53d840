"""Kruskal-Wallis and the t tests: R on real and made-up samples, the far tail of Wilcoxon's, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.rank_tests import kruskal_wallis, wilcoxon
from twoarm.statistics.t_test import t_test

NOTED = 5e-10  # nine digits after the point, as noted
STORED = 1e-11  # a few hundred terms, stored with 15 digits
FAR = 1e-9  # digits lost where a mean is a million times the spread
REFERENCE = reference("group_tests")


def label(case):
    return case["label"]


@pytest.mark.parametrize("case", REFERENCE["kruskal_wallis"], ids=label)
def test_kruskal_wallis_of_r(case):
    found = kruskal_wallis(values=case["values"], group=case["group"])
    assert found.statistic == pytest.approx(case["statistic"], rel=STORED)
    assert found.degrees_of_freedom == case["degrees_of_freedom"]
    assert found.p_value == pytest.approx(case["p_value"], rel=STORED * 10)


@pytest.mark.parametrize("case", REFERENCE["t_test"], ids=label)
@pytest.mark.parametrize("kind", ["welch", "student"])
def test_t_test_of_r(case, kind):
    treated = [1] * len(case["x"]) + [0] * len(case["y"])
    found = t_test(values=case["x"] + case["y"], treated=treated, equal_variances=kind == "student")
    tolerance = FAR if case["label"] == "far from zero" else STORED
    assert found.difference == pytest.approx(case["difference"], rel=tolerance)
    assert found.statistic == pytest.approx(case[kind]["statistic"], rel=tolerance)
    assert found.degrees_of_freedom == pytest.approx(case[kind]["degrees_of_freedom"], rel=tolerance)
    assert found.p_value == pytest.approx(case[kind]["p_value"], rel=tolerance * 10)


def test_known_t_tests_and_kruskal_wallis():
    values, treated = [1, 2, 2, 3, 5, 8, 2, 4, 4, 6, 9, 9, 10], [1] * 6 + [0] * 7
    assert t_test(values=values, treated=treated).p_value == pytest.approx(0.104839025, abs=NOTED)
    pooled = t_test(values=values, treated=treated, equal_variances=True)
    assert pooled.p_value == pytest.approx(0.109442138, abs=NOTED)
    assert kruskal_wallis(values=values, group=treated).p_value == pytest.approx(0.08388222385, abs=NOTED)


@pytest.mark.parametrize("shift", [0, 200])
def test_wilcoxon_fully_separated_is_two_of_all_arrangements(shift):
    values = np.concatenate([np.arange(49.0) + shift, np.arange(49.0) + 100])
    found = wilcoxon(values=values, treated=[1] * 49 + [0] * 49)
    assert found.method == "exact"
    assert found.statistic == (49 * 49 if shift else 0)
    assert found.p_value == pytest.approx(2 / math.comb(98, 49), rel=STORED)
    assert found.p_value == pytest.approx(7.85e-29, rel=1e-3)  # three digits noted


@pytest.mark.parametrize("sizes", [(20, 31), (49, 3), (7, 12)])
def test_wilcoxon_is_the_same_in_both_tails(sizes):
    n1, n0 = sizes
    values = np.random.default_rng(n1).permutation(n1 + n0).astype(float)
    treated = np.arange(n1 + n0) < n1
    one, other = (wilcoxon(values=sign * values, treated=treated) for sign in (1, -1))
    assert one.p_value == other.p_value
    assert one.statistic + other.statistic == n1 * n0


def test_kruskal_wallis_does_not_depend_on_labels_or_row_order():
    values, group = np.array([3.0, 1, 4, 1, 5, 9, 2, 6]), np.array(["a", "b", "c", "a", "b", "c", "a", "b"])
    expected = kruskal_wallis(values=values, group=group)
    order = np.random.default_rng(1).permutation(8)
    found = kruskal_wallis(values=values[order], group=np.char.add("z", group)[order])
    assert found.statistic == pytest.approx(expected.statistic, rel=STORED)
    assert kruskal_wallis(values=-values, group=group).statistic == pytest.approx(expected.statistic, rel=STORED)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: kruskal_wallis(values=[1, 2], group=["a", "a"]), "one group only"),
        (lambda: kruskal_wallis(values=[2, 2], group=["a", "b"]), "all values are equal"),
        (lambda: t_test(values=[1, 2, 3], treated=[1, 0, 0]), "fewer than two patients in an arm"),
        (lambda: t_test(values=[1, 1, 3, 3], treated=[1, 1, 0, 0]), "no spread in either arm"),
        (lambda: t_test(values=[0.1] * 3 + [0.3] * 3, treated=[1] * 3 + [0] * 3), "no spread in either arm"),
    ],
)
def test_not_estimable(call, reason):
    with pytest.raises(NotEstimableError, match=reason):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kruskal_wallis(values=[1, np.nan], group=["a", "b"]), "values: found 1 missing"),
        (lambda: kruskal_wallis(values=[1, 2], group=["a"]), "group: found shape"),
        (lambda: t_test(values=[1, 2], treated=[1, 2]), "treated: found codes"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
