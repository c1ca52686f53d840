"""Tests of counts: published tables, R on made-up tables, enumeration, the rule for choosing, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.exact_tests import freeman_halton
from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import contingency
from twoarm.statistics.contingency import expected_counts, fisher, pearson

NOTED = 5e-10  # nine digits after the point, as noted
STORED = 1e-12  # a handful of operations, stored with 15 digits
EXACT_TAIL = 1e-11  # log-gammas of totals in the hundreds lose four digits
R_TAIL = 1e-7  # R's network algorithm works with single hash keys to about 1e-7
CASES = reference("contingency")["cases"]


def test_two_by_two_pearson_and_fisher():
    table = [[12, 7], [5, 14]]
    assert pearson(table=table).statistic == pytest.approx(5.215686275, abs=NOTED)
    assert pearson(table=table).p_value == pytest.approx(0.022384, abs=5e-7)  # six digits noted
    assert fisher(table=table).p_value == pytest.approx(0.048853, abs=5e-7)
    yates = 3.831932773
    assert pearson(table=table).statistic != pytest.approx(yates, rel=0.1)


def test_tableone_181_no_continuity_correction():
    assert pearson(table=[[45, 86], [46, 101]]).p_value == pytest.approx(0.587, abs=5e-4)  # three digits noted


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["table"]))
def test_r_agrees(case):
    chi = pearson(table=case["table"])
    assert chi.statistic == pytest.approx(case["statistic"], rel=STORED, abs=STORED)
    assert chi.degrees_of_freedom == case["degrees_of_freedom"]
    assert chi.p_value == pytest.approx(case["pearson_p"], rel=STORED)
    exact = fisher(table=case["table"])
    assert exact.p_value == pytest.approx(case["fisher_p"], rel=R_TAIL)
    assert (exact.method, exact.p_std_error) == ("fisher", 0.0)
    assert math.isnan(exact.statistic)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["table"]))
def test_pearson_only_if_every_expected_count_is_at_least_five(case):
    chosen = contingency.test_counts(table=case["table"])
    assert chosen.method == ("pearson" if case["smallest_expected"] >= 5 else "fisher")


@pytest.mark.parametrize(
    ("table", "method"),
    [([[5, 5], [5, 5]], "pearson"), ([[5, 5], [5, 4]], "fisher"), ([[90, 110], [5, 5], [0, 0]], "fisher")],
)
def test_the_rule_at_its_edge(table, method):
    assert contingency.test_counts(table=table).method == method


def test_empty_levels_are_left_out():
    for test in (pearson, fisher):
        full, reduced = test(table=[[3, 4], [0, 0], [5, 1]]), test(table=[[3, 4], [5, 1]])
        assert (full.p_value, full.degrees_of_freedom) == (reduced.p_value, reduced.degrees_of_freedom)


@pytest.mark.parametrize("test", [pearson, fisher, contingency.test_counts])
@pytest.mark.parametrize(
    ("table", "reason"),
    [([[3, 4]], "only one level occurs"), ([[3, 4], [0, 0]], "only one level occurs"),
     ([[3, 0], [4, 0]], "only one arm has patients")],
)  # fmt: skip
def test_arsenal_228_one_level_or_one_arm_is_not_estimable(test, table, reason):
    with pytest.raises(NotEstimableError, match=reason):
        test(table=table)


@pytest.mark.parametrize("table", [[[1, -1], [2, 3]], [[1.5, 2], [2, 3]], [1, 2, 3], [["a", "b"], ["c", "d"]]])
@pytest.mark.parametrize("test", [pearson, fisher])
def test_bad_tables_are_refused(test, table):
    with pytest.raises(ArgumentError, match="table: expected a two-way table of counts"):
        test(table=table)


def test_missing_counts_are_refused():
    with pytest.raises(ArgumentError, match="table"):
        pearson(table=[[1.0, np.nan], [2, 3]])


@pytest.mark.parametrize(
    ("table", "expected"),
    [  # R 4.2.2: fisher.test(table)$p.value, printed with ten digits
        ([[3, 1, 2], [4, 5, 6], [0, 7, 1]], 0.04858997230),
        ([[5, 3, 2, 1], [2, 8, 1, 4], [3, 1, 6, 2], [0, 2, 3, 7]], 0.006746943364),
        ([[3, 4, 0], [1, 5, 7]], 0.023142414861),
    ],
)
def test_freeman_halton_of_more_columns(table, expected):
    assert fisher(table=table).p_value == pytest.approx(expected, rel=1e-9)
    assert fisher(table=np.transpose(table)).p_value == pytest.approx(expected, rel=1e-9)


def test_expected_counts():
    np.testing.assert_allclose(expected_counts(np.array([[1, 3], [5, 7]])), [[1.5, 2.5], [4.5, 7.5]], rtol=STORED)


def test_beyond_the_work_limit_the_p_value_is_simulated_and_its_error_named(monkeypatch):
    table = [[3, 9], [6, 4], [7, 2], [1, 5]]
    exact = fisher(table=table)
    monkeypatch.setattr(contingency, "WORK_LIMIT", 10)
    simulated = fisher(table=table)
    assert (exact.method, simulated.method) == ("fisher", "fisher_simulated")
    assert simulated.p_value == fisher(table=table).p_value
    assert simulated.p_std_error > 0
    four_errors = 4 * simulated.p_std_error  # the seed is fixed: this draw lies within four of its errors
    assert simulated.p_value == pytest.approx(exact.p_value, abs=four_errors)
    assert fisher(table=table, seed=1).p_value != simulated.p_value


def test_large_margins_stay_exact():
    # a 2 x 2 table is summed along one line whatever its size
    assert fisher(table=[[900, 1100], [1000, 1000]]).method == "fisher"


small_tables = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=5).filter(
    lambda table: sum(a + b > 0 for a, b in table) >= 2 and all(sum(column) > 0 for column in zip(*table, strict=True))
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(small_tables)
def test_fisher_equals_enumeration_by_fractions(table):
    assert fisher(table=table).p_value == pytest.approx(freeman_halton(table), rel=EXACT_TAIL)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(small_tables, st.randoms(use_true_random=False))
def test_neither_the_order_of_levels_nor_of_arms_matters(table, random):
    shuffled = [(b, a) for a, b in table]
    random.shuffle(shuffled)
    assert fisher(table=shuffled).p_value == pytest.approx(fisher(table=table).p_value, rel=EXACT_TAIL)
    assert pearson(table=shuffled).p_value == pytest.approx(pearson(table=table).p_value, rel=EXACT_TAIL)
