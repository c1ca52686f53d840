"""Rank tests: Wilcoxon's rank-sum test of two arms (1945), Kruskal and Wallis's of several groups (1952)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail, two_sided_normal
from twoarm.statistics.weighted_quantile import counted_quantiles

EXACT_BELOW = 50  # patients of each arm, as in R


@dataclass(frozen=True, slots=True)
class RankSum:
    """The Mann-Whitney count of the treated arm and its two-sided p-value."""

    statistic: float  # pairs in which the treated value is the larger; a tie counts one half
    p_value: float
    method: Literal["exact", "normal"]


def wilcoxon(*, values: ArrayLike, treated: ArrayLike, frequency: ArrayLike | None = None) -> RankSum:
    """Test whether one arm tends to larger values: exact below 50 a side without ties, else normal and corrected.

    Args:
        values: a continuous covariate, shape (n,).
        treated: True for the treated arm, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    Raises:
        ArgumentError: missing values or lengths that differ.
        NotEstimableError: an empty arm, or all values equal.

    R: ``wilcox.test(x, y)``.

    >>> round(wilcoxon(values=[1, 3, 5, 7, 11, 2, 4, 6, 8, 10, 12], treated=[1] * 5 + [0] * 6).p_value, 7)
    0.5367965
    """
    x = arrays.numbers("values", values)
    arm = arrays.events("treated", treated, x.size)
    times = None if frequency is None else arrays.frequencies(frequency, x.size)
    n1, n0 = (int(np.count_nonzero(rows) if times is None else times[rows].sum()) for rows in (arm, ~arm))
    if n1 == 0 or n0 == 0:
        raise NotEstimableError("only one arm has patients")
    rank_sum, tied = _rank_sum(x, arm) if times is None else _rank_sum_of_counted(x, arm, times)
    if tied.size == 1:
        raise NotEstimableError("all values are equal")
    statistic = rank_sum - n1 * (n1 + 1) / 2
    if n1 < EXACT_BELOW and n0 < EXACT_BELOW and tied.max() == 1:
        return RankSum(statistic, _exact(statistic, n1, n0), "exact")
    n = n1 + n0
    variance = n1 * n0 / 12 * ((n + 1) - float((tied**3 - tied).sum()) / (n * (n - 1)))
    centred = statistic - n1 * n0 / 2
    z = (centred - np.sign(centred) * 0.5) / np.sqrt(variance)
    return RankSum(statistic, two_sided_normal(float(z)), "normal")


@dataclass(frozen=True, slots=True)
class KruskalWallis:
    """Chi-squared statistic on k - 1 degrees of freedom, corrected for ties."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def kruskal_wallis(*, values: ArrayLike, group: ArrayLike, frequency: ArrayLike | None = None) -> KruskalWallis:
    """Test whether k groups share one distribution, by ranks (Kruskal and Wallis 1952). R: ``kruskal.test(x, g)``.

    Args:
        values: a continuous covariate, shape (n,).
        group: labels, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    Raises:
        ArgumentError: missing values or lengths that differ.
        NotEstimableError: one group only, or all values equal.

    >>> round(kruskal_wallis(values=[1, 2, 3, 4, 5, 6], group=[0, 0, 0, 1, 1, 1]).statistic, 4)
    3.8571
    """
    x = arrays.numbers("values", values)
    frequencies = arrays.frequencies(frequency, x.size)
    codes, labels = arrays.codes("group", group, x.size)
    if labels.size < 2:
        raise NotEstimableError("one group only")
    ranks, tied = midranks(x, frequencies)
    if tied.size == 1:
        raise NotEstimableError("all values are equal")
    n = int(frequencies.sum())
    sums, counts = (arrays.group_sums(codes, each, labels.size) for each in (frequencies * ranks, frequencies))
    statistic = 12 / (n * (n + 1)) * float((sums**2 / counts).sum()) - 3 * (n + 1)
    statistic /= 1 - float((tied**3 - tied).sum()) / (n**3 - n)
    freedom = int(labels.size) - 1
    return KruskalWallis(statistic, freedom, chi_squared_tail(statistic, freedom))


def midranks(values: Floats, frequency: Floats | None = None) -> tuple[Floats, Floats]:
    """Return (rank of each value, ties sharing their mean rank; number of patients at each distinct value)."""
    labels, inverse = arrays.distinct(values)
    counts = arrays.group_sums(inverse, np.ones(values.size) if frequency is None else frequency, labels.size)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[inverse], counts


def _rank_sum_of_counted(values: Floats, treated: Booleans, frequency: Floats) -> tuple[float, Floats]:
    ranks, tied = midranks(values, frequency)
    return float((frequency * ranks)[treated].sum()), tied


def _rank_sum(values: Floats, treated: Booleans) -> tuple[float, Floats]:
    """Return (sum of the treated arm's midranks, number of patients at each distinct value).

    Values are sorted without their places, which is several times as fast; the sum is of halves, and so exact.
    """
    labels, counts = _counted(values)
    ends = np.cumsum(counts)
    own, own_counts = _counted(values[treated])
    place = np.searchsorted(labels, own)
    return float(own_counts @ ((ends - counts + 1 + ends) / 2)[place]), counts


def _counted(values: Floats) -> tuple[Floats, Floats]:
    """Return the distinct values, ascending, and how many there are of each."""
    ascending = np.sort(values)
    last = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True))
    return ascending[last], np.diff(last, prepend=-1).astype(np.float64)


def _exact(statistic: float, n1: int, n0: int) -> float:
    """Two-sided p from the counts of arrangements for each value of the statistic, built up by generating function."""
    size = n1 * n0 + 1
    ways = np.zeros(size)
    ways[0] = 1.0
    for j in range(1, n1 + 1):  # the Gaussian binomial: multiply by 1 - q^(n0 + j), divide by 1 - q^j
        multiplied = ways.copy()
        multiplied[n0 + j :] -= ways[: size - n0 - j]
        for start in range(j):
            multiplied[start::j] = np.cumsum(multiplied[start::j])
        ways = multiplied
    at = min(round(statistic), n1 * n0 - round(statistic))  # symmetric; the small counts are the exact ones
    return float(min(1.0, 2 * ways[: at + 1].sum() / ways.sum()))


def medians_and_quartiles(
    values: Floats, rows: Booleans, frequency: Floats | Integers | None = None
) -> tuple[float, float, float]:
    """Return the quartiles (percentile type 7) of the chosen rows; NaN when there are none."""
    if not rows.any():
        return float("nan"), float("nan"), float("nan")
    if frequency is not None:
        low, middle, high = counted_quantiles(values[rows], frequency[rows], (0.25, 0.5, 0.75))
        return low, middle, high
    low, middle, high = np.quantile(values[rows], (0.25, 0.5, 0.75))
    return float(low), float(middle), float(high)
