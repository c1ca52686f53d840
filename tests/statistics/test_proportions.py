"""Intervals of proportions and of their difference: R, Newcombe's table, a scan of differences, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles import proportions as oracle
from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.proportions import proportion, proportion_difference

NOTED = 5e-10  # nine or ten digits after the point, as noted
PRINTED = 5e-5  # Newcombe (1998) prints four digits
STORED = 1e-9  # R finds Clopper-Pearson's limits as quantiles of a beta distribution
ROOT = 1e-6  # the oracle's golden section is good to about 1e-8
QUANTILE = 1.959963984540054
STEPS = 40  # differences to a unit that the oracle tries
CASES = reference("proportions")["cases"]
TABLES = [
    (56, 70, 48, 80), (9, 10, 3, 10), (6, 7, 2, 7), (5, 56, 0, 29), (0, 10, 0, 20), (0, 10, 0, 10), (10, 10, 0, 20),
    (10, 10, 0, 10), (0, 10, 10, 10), (0, 1, 1, 1), (1, 1, 0, 1), (3, 5, 3, 5), (7, 7, 9, 9), (1, 200, 150, 151),
]  # fmt: skip


def difference(table, interval, level=0.95):
    x1, n1, x0, n0 = table
    return proportion_difference(events_1=x1, n_1=n1, events_0=x0, n_0=n0, interval=interval, confidence_level=level)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['events']} of {case['n']} at {case['level']}")
@pytest.mark.parametrize("interval", ["clopper-pearson", "wilson"])
def test_r_agrees(case, interval):
    found = proportion(events=case["events"], n=case["n"], interval=interval, confidence_level=case["level"])
    assert (found.lower, found.upper) == pytest.approx(tuple(case[interval]), rel=STORED, abs=1e-12)
    assert (found.events, found.n, found.interval) == (case["events"], case["n"], interval)
    assert found.proportion == case["events"] / case["n"]


@pytest.mark.parametrize(
    ("events", "n", "interval", "lower", "upper"),
    [
        (7, 25, "clopper-pearson", 0.1207166885, 0.4938768218),
        (7, 25, "wilson", 0.1428385385, 0.4757660519),
        (0, 20, "clopper-pearson", 0.0, 0.168433471),
        (20, 20, "clopper-pearson", 0.831566529, 1.0),
    ],
)
def test_known_intervals(events, n, interval, lower, upper):
    found = proportion(events=events, n=n, interval=interval)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=NOTED)


@pytest.mark.parametrize("interval", ["clopper-pearson", "wilson"])
@pytest.mark.parametrize("n", [1, 3, 20])
def test_none_and_all_end_at_zero_and_one(interval, n):
    none, everybody = (proportion(events=events, n=n, interval=interval) for events in (0, n))
    assert (none.lower, everybody.upper) == (0.0, 1.0)
    assert none.upper == pytest.approx(1 - everybody.lower, rel=STORED)


@pytest.mark.parametrize(
    ("table", "interval", "lower", "upper"),
    [  # Newcombe (1998) as noted; the scan of differences below gives the same
        ((56, 70, 48, 80), "newcombe", 0.0524, 0.3339),
        ((56, 70, 48, 80), "miettinen-nurminen", 0.0528, 0.3382),
        ((9, 10, 3, 10), "newcombe", 0.1705, 0.8090),
        ((9, 10, 3, 10), "miettinen-nurminen", 0.1700, 0.8406),
        ((10, 10, 0, 10), "newcombe", 0.6075, 1.0),
        ((10, 10, 0, 20), "miettinen-nurminen", 0.7156, 1.0),
    ],
)
def test_noted_differences(table, interval, lower, upper):
    found = difference(table, interval)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=PRINTED)


@pytest.mark.parametrize("table", TABLES)
def test_score_limits_by_trying_differences(table):
    found = difference(table, "miettinen-nurminen")
    first, last = oracle.score_interval(*table, QUANTILE, STEPS)
    assert 0 <= first - found.lower < 1 / STEPS
    assert 0 <= found.upper - last < 1 / STEPS
    for limit in (found.lower, found.upper):
        if abs(limit) < 1:
            assert abs(oracle.score(*table, limit)) == pytest.approx(QUANTILE, abs=ROOT)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("interval", ["newcombe", "miettinen-nurminen"])
def test_exchanging_the_groups_turns_the_interval_round(table, interval):
    found, other = difference(table, interval), difference((*table[2:], *table[:2]), interval)
    assert (found.lower, found.upper) == pytest.approx((-other.upper, -other.lower), abs=STORED)
    assert found.difference == -other.difference


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("interval", ["newcombe", "miettinen-nurminen"])
def test_a_higher_confidence_level_contains_a_lower_one(table, interval):
    wide, narrow = (difference(table, interval, level) for level in (0.99, 0.8))
    assert -1 <= wide.lower <= narrow.lower <= narrow.difference <= narrow.upper <= wide.upper <= 1


def test_newcombe_joins_wilson_limits():
    one, other = (proportion(events=x, n=n, interval="wilson") for x, n in ((9, 10), (3, 10)))
    found = difference((9, 10, 3, 10), "newcombe")
    assert found.lower == pytest.approx(0.6 - np.hypot(0.9 - one.lower, other.upper - 0.3), rel=1e-12)
    assert found.upper == pytest.approx(0.6 + np.hypot(one.upper - 0.9, 0.3 - other.lower), rel=1e-12)


def test_nobody_is_not_estimable():
    with pytest.raises(NotEstimableError, match="nobody"):
        proportion(events=0, n=0)
    with pytest.raises(NotEstimableError, match="nobody"):
        proportion_difference(events_1=1, n_1=2, events_0=0, n_0=0)


@pytest.mark.parametrize(("events", "n"), [(3, 2), (-1, 5), (0.5, 2), (1, 2.5), (float("nan"), 3)])
def test_bad_counts_are_refused(events, n):
    with pytest.raises(ArgumentError, match="events, n: found"):
        proportion(events=events, n=n)


def test_unknown_intervals_and_levels_are_refused():
    with pytest.raises(ArgumentError, match="interval: found 'wald'"):
        proportion(events=1, n=2, interval="wald")
    with pytest.raises(ArgumentError, match="interval: found 'wald'"):
        difference((1, 2, 1, 2), "wald")
    for interval in ("clopper-pearson", "wilson"):
        with pytest.raises(ArgumentError, match="confidence_level"):
            proportion(events=1, n=2, interval=interval, confidence_level=1.5)
