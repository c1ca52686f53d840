"""Pearson's chi-squared and the exact Fisher-Freeman-Halton test of a two-way table of counts."""

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

TableTest = Literal["pearson", "yates", "fisher", "fisher_simulated"]


@dataclass(frozen=True, slots=True)
class CountTest:
    """A test of independence; the statistic is NaN for an exact test."""

    method: TableTest
    statistic: float
    degrees_of_freedom: int
    p_value: float
    p_std_error: float  # Monte Carlo error; 0 for a test that is not simulated


def test_counts(*, table: ArrayLike, continuity: bool = False) -> CountTest:  # noqa: PT028  # no test of ours
    """Test rows against columns: Pearson if every expected count is at least 5, else exact.

    Args:
        table: counts, shape (r, c): one row a level, one column an arm.
        continuity: correct a table of two by two for continuity (Yates 1934).

    Raises:
        ArgumentError: negative or fractional counts.
        NotEstimableError: fewer than two levels or arms are occupied.

    >>> test_counts(table=[[12, 7], [5, 14]]).method
    'pearson'
    """
    counts = _occupied(table)
    expected = expected_counts(counts)
    return pearson(table=counts, continuity=continuity) if expected.min() >= 5 else fisher(table=counts)


test_counts.__test__ = False  # type: ignore[attr-defined]  # a statistic, not a test of this project


def expected_counts(counts: Integers) -> Floats:
    """Return the counts expected under independence, shape (r, c)."""
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum())


def pearson(*, table: ArrayLike, continuity: bool = False) -> CountTest:
    """Pearson's chi-squared test; a table of two by two may be corrected for continuity (Yates 1934).

    R: ``chisq.test(table, correct = FALSE)``; with ``continuity``, ``correct = TRUE``.

    >>> round(pearson(table=[[12, 7], [5, 14]]).p_value, 6)
    0.022384
    """
    counts = _occupied(table)
    expected = expected_counts(counts)
    distance = np.abs(counts - expected)
    corrected = continuity and counts.shape == (2, 2)
    if corrected:
        distance = distance - np.minimum(0.5, distance)
    statistic = float((distance**2 / expected).sum())
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return CountTest("yates" if corrected else "pearson", statistic, freedom, chi_squared_tail(statistic, freedom), 0.0)


def fisher(*, table: ArrayLike, seed: int = 20_250_101) -> CountTest:
    """Fisher's exact test of an r x c table: the probability of all tables no more likely than the observed.

    The levels are split into two halves; all fillings of each half are listed with their probability, and the halves
    are joined by sorted search, so that every table counts exactly once and none is visited. Beyond a work limit the
    p-value is simulated from a fixed seed and its error is given. R: ``fisher.test(table)``.

    Source: Freeman and Halton (1951).

    >>> round(fisher(table=[[12, 7], [5, 14]]).p_value, 6)
    0.048853
    """
    counts = _occupied(table)
    if counts.shape[1] > counts.shape[0]:
        counts = counts.T
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    halves = _halves(rows, columns.size)
    code_limit = float(np.prod(columns[:-1] + 1.0))
    if max(_work(half, columns.size) for half in halves) > WORK_LIMIT or code_limit > 2**62:
        return _simulated(counts, seed)
    observed = float(_log_ways(counts).sum())
    p_value = _exact_tail(halves, columns, observed + np.log1p(RELATIVE_TOLERANCE))
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


def _log_ways(rows: Integers) -> Floats:
    """Return the log number of ways to fill each row (a, c): its total's factorial over those of its cells."""
    cells = rows.astype(np.float64)
    return np.asarray(special.gammaln(cells.sum(axis=-1) + 1) - special.gammaln(cells + 1).sum(axis=-1))


def _work(rows: Integers, columns: int) -> float:
    """Number of fillings of some rows."""
    return float(np.prod([special.binom(size + columns - 1, columns - 1) for size in rows.tolist()]))


def _halves(rows: Integers, columns: int) -> tuple[Integers, Integers]:
    """Split the levels so that both halves have about as many fillings."""
    halves: tuple[list[int], list[int]] = ([], [])
    for size in sorted(rows.tolist(), reverse=True):
        work = [_work(np.array(half), columns) for half in halves]
        halves[0 if work[0] <= work[1] else 1].append(size)
    return np.array(halves[0], dtype=np.int64), np.array(halves[1], dtype=np.int64)


def _compositions(total: int, columns: int) -> Integers:
    """Return all ways to write a total as a sum over columns, shape (ways, columns).

    >>> _compositions(2, 2).tolist()
    [[0, 2], [1, 1], [2, 0]]
    """
    ways, left = np.zeros((1, 0), dtype=np.int64), np.array([total])
    for _ in range(columns - 1):
        choices = left + 1
        here = np.arange(choices.sum()) - np.repeat(np.cumsum(choices) - choices, choices)
        ways = np.column_stack((ways.repeat(choices, axis=0), here))
        left = left.repeat(choices) - here
    return np.column_stack((ways, left))


def _fillings(rows: Integers, columns: Integers) -> tuple[Integers, Floats]:
    """Return (code of the column sums, log number of ways) of every filling of these levels, sorted by both.

    The last column follows from the others, so the code has one digit for each of the others, in the base of its total.
    """
    bases = np.concatenate(([1], np.cumprod(columns[:-1] + 1)))[:-1] if columns.size > 1 else np.ones(1, dtype=np.int64)
    sums, weight = np.zeros((1, columns.size), dtype=np.int64), np.zeros(1)
    for size in rows.tolist():
        here = _compositions(size, columns.size)
        sums = (sums[:, None, :] + here[None, :, :]).reshape(-1, columns.size)
        weight = (weight[:, None] + _log_ways(here)[None, :]).ravel()
        fits = (sums <= columns).all(axis=1)
        sums, weight = sums[fits], weight[fits]
    code = sums[:, :-1] @ bases
    order = np.lexsort((weight, code))
    return code[order], weight[order]


def _exact_tail(halves: tuple[Integers, Integers], columns: Integers, limit: float) -> float:
    """Sum the probabilities of all tables with these margins whose log number of ways is at most ``limit``."""
    (code, weight), (other_code, other_weight) = _fillings(halves[0], columns), _fillings(halves[1], columns)
    bases = np.concatenate(([1], np.cumprod(columns[:-1] + 1)))[:-1]
    whole = int(columns[:-1] @ bases)
    total = float(_log_ways(columns[None, :])[0])
    top, other_top = float(weight.max()), float(other_weight.max())
    chance, other_chance = np.exp(weight - top), np.exp(other_weight - other_top)
    present, starts = np.unique(code, return_index=True)
    ends = np.append(starts[1:], code.size)
    low = np.searchsorted(other_code, whole - present, side="left")
    high = np.searchsorted(other_code, whole - present, side="right")
    tail = 0.0
    for start, end, first, last in zip(starts, ends, low, high, strict=True):
        below = np.concatenate(([0.0], np.cumsum(other_chance[first:last])))
        reach = np.searchsorted(other_weight[first:last], limit - weight[start:end], side="right")
        tail += float((chance[start:end] * below[reach]).sum())
    return tail * float(np.exp(top + other_top - total))


def _simulated(counts: Integers, seed: int) -> CountTest:
    generator = np.random.default_rng(seed)
    rows = counts.sum(axis=1)
    observed = float(_log_ways(counts).sum())
    left = np.broadcast_to(rows, (SIMULATIONS, rows.size)).copy()
    weights = special.gammaln(rows + 1.0).sum() * np.ones(SIMULATIONS)
    for total in counts.sum(axis=0)[:-1].tolist():  # column by column from what is left of the rows
        drawn = _draw(generator, left, total)
        weights -= special.gammaln(drawn + 1.0).sum(axis=1)
        left -= drawn
    weights -= special.gammaln(left + 1.0).sum(axis=1)
    hits = int((weights <= observed + RELATIVE_TOLERANCE).sum())
    p_value = (hits + 1) / (SIMULATIONS + 1)
    error = float(np.sqrt(p_value * (1 - p_value) / SIMULATIONS))
    return CountTest("fisher_simulated", float("nan"), 0, p_value, error)


def _draw(generator: np.random.Generator, left: Integers, total: int) -> Integers:
    """Draw a column of given total from each simulation's remaining rows, row by row (multivariate hypergeometric)."""
    drawn = np.zeros_like(left)
    wanted = np.full(left.shape[0], total)
    beyond = left.sum(axis=1)
    for row in range(left.shape[1]):
        beyond = beyond - left[:, row]
        drawn[:, row] = generator.hypergeometric(left[:, row], beyond, wanted)
        wanted = wanted - drawn[:, row]
    return drawn
