"""Pearson's chi-squared and the exact Fisher-Freeman-Halton test of an r x 2 table of counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail

RELATIVE_TOLERANCE = 1e-7  # tables this close in probability count as equally likely, as in R
WORK_LIMIT = 4_000_000  # fillings of half the levels that the exact test lists before it turns to simulation
SIMULATIONS = 200_000

TableTest = Literal["pearson", "fisher", "fisher_simulated"]


@dataclass(frozen=True, slots=True)
class CountTest:
    """A test of independence; the statistic is NaN for an exact test."""

    method: TableTest
    statistic: float
    degrees_of_freedom: int
    p_value: float
    p_std_error: float  # Monte Carlo error; 0 for a test that is not simulated


def test_counts(*, table: ArrayLike) -> CountTest:
    """Test rows against columns: Pearson if every expected count is at least 5, else exact.

    Args:
        table: counts, shape (r, 2): one row a level, one column an arm.

    Raises:
        ArgumentError: negative or fractional counts, or not two columns.
        NotEstimableError: fewer than two levels or arms are occupied.

    >>> test_counts(table=[[12, 7], [5, 14]]).method
    'pearson'
    """
    counts = _occupied(table)
    expected = expected_counts(counts)
    return pearson(table=counts) if expected.min() >= 5 else fisher(table=counts)


test_counts.__test__ = False  # type: ignore[attr-defined]  # a statistic, not a test of this project


def expected_counts(counts: Integers) -> Floats:
    """Return the counts expected under independence, shape (r, c)."""
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum())


def pearson(*, table: ArrayLike) -> CountTest:
    """Pearson's chi-squared test without continuity correction. R: ``chisq.test(table, correct = FALSE)``.

    >>> round(pearson(table=[[12, 7], [5, 14]]).p_value, 6)
    0.022384
    """
    counts = _occupied(table)
    expected = expected_counts(counts)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return CountTest("pearson", statistic, freedom, chi_squared_tail(statistic, freedom), 0.0)


def fisher(*, table: ArrayLike, seed: int = 20_250_101) -> CountTest:
    """Fisher's exact test of an r x 2 table: the probability of all tables no more likely than the observed.

    The levels are split into two halves; all fillings of each half are listed with their probability, and the halves
    are joined by sorted search, so that every table counts exactly once and none is visited. Beyond a work limit the
    p-value is simulated from a fixed seed and its error is given. R: ``fisher.test(table)``.

    Source: Freeman and Halton (1951).

    >>> round(fisher(table=[[12, 7], [5, 14]]).p_value, 6)
    0.048853
    """
    counts = _occupied(table)
    if counts.shape[1] != 2:
        raise ArgumentError(f"table: found {counts.shape[1]} columns; expected 2, one an arm")
    rows = counts.sum(axis=1)
    halves = _halves(rows)
    if max(float(np.prod(half + 1.0)) for half in halves) > WORK_LIMIT:
        return _simulated(counts, seed)
    observed = float(_log_choose(rows, counts[:, 0]).sum())
    p_value = _exact_tail(halves, int(counts[:, 0].sum()), observed + np.log1p(RELATIVE_TOLERANCE))
    return CountTest("fisher", float("nan"), 0, min(p_value, 1.0), 0.0)


def _occupied(table: ArrayLike) -> Integers:
    array = np.asarray(table)
    if array.ndim != 2 or array.dtype.kind not in "iuf" or (array < 0).any() or (array != np.floor(array)).any():
        raise ArgumentError("table: expected a two-way table of counts, whole numbers of at least 0")
    counts: Integers = array.astype(np.int64)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if counts.shape[0] < 2:
        raise NotEstimableError("only one level occurs")
    if counts.shape[1] < 2:
        raise NotEstimableError("only one arm has patients")
    return counts


def _log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def _halves(rows: Integers) -> tuple[Integers, Integers]:
    """Split the levels so that both halves have about as many fillings."""
    halves: tuple[list[int], list[int]] = ([], [])
    work = [1.0, 1.0]
    for size in sorted(rows.tolist(), reverse=True):
        lighter = 0 if work[0] <= work[1] else 1
        halves[lighter].append(size)
        work[lighter] *= size + 1
    return np.array(halves[0], dtype=np.int64), np.array(halves[1], dtype=np.int64)


def _fillings(rows: Integers) -> tuple[Integers, Floats]:
    """Return (patients of arm one, log number of ways) of every filling of these levels, sorted by both."""
    placed, weight = np.zeros(1, dtype=np.int64), np.zeros(1)
    for size in rows.tolist():
        here = np.arange(size + 1)
        placed = (placed[:, None] + here[None, :]).ravel()
        weight = (weight[:, None] + _log_choose(size, here)[None, :]).ravel()
    order = np.lexsort((weight, placed))
    return placed[order], weight[order]


def _exact_tail(halves: tuple[Integers, Integers], first: int, limit: float) -> float:
    """Sum the probabilities of all tables with these margins whose log number of ways is at most ``limit``."""
    (placed, weight), (other_placed, other_weight) = _fillings(halves[0]), _fillings(halves[1])
    total = float(_log_choose(int(halves[0].sum() + halves[1].sum()), first))
    top, other_top = float(weight.max()), float(other_weight.max())
    chance, other_chance = np.exp(weight - top), np.exp(other_weight - other_top)
    here, there = np.arange(first + 1), first - np.arange(first + 1)
    bounds = np.searchsorted(placed, np.append(here, first + 1))
    low = np.searchsorted(other_placed, there, side="left")
    high = np.searchsorted(other_placed, there, side="right")
    tail = 0.0
    for count in range(first + 1):
        mine, other = slice(bounds[count], bounds[count + 1]), slice(low[count], high[count])
        below = np.concatenate(([0.0], np.cumsum(other_chance[other])))
        reach = np.searchsorted(other_weight[other], limit - weight[mine], side="right")
        tail += float((chance[mine] * below[reach]).sum())
    return tail * float(np.exp(top + other_top - total))


def _simulated(counts: Integers, seed: int) -> CountTest:
    generator = np.random.default_rng(seed)
    rows = counts.sum(axis=1)
    observed = float(_log_choose(rows, counts[:, 0]).sum())
    draws = generator.multivariate_hypergeometric(rows, int(counts[:, 0].sum()), size=SIMULATIONS, method="marginals")
    weights = _log_choose(rows[None, :], draws).sum(axis=1)
    hits = int((weights <= observed + RELATIVE_TOLERANCE).sum())
    p_value = (hits + 1) / (SIMULATIONS + 1)
    return CountTest(
        "fisher_simulated", float("nan"), 0, p_value, float(np.sqrt(p_value * (1 - p_value) / SIMULATIONS))
    )
