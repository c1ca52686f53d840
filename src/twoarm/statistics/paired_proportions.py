"""Proportions of matched pairs: difference and odds ratio with pair-clustered intervals, McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import level
from twoarm.statistics.counting import count
from twoarm.statistics.distributions import normal_quantile

ROUNDING = 1e-12  # a variance below this share of its parts is rounding


@dataclass(frozen=True, slots=True)
class PairedProportions:
    """First member of the pairs against the second; an interval that does not exist is NaN."""

    pairs: int
    first_only: int  # discordant pairs
    second_only: int
    difference: float
    difference_se: float
    difference_lower: float
    difference_upper: float
    odds_ratio: float
    odds_ratio_lower: float
    odds_ratio_upper: float
    p_value: float  # exact McNemar test, two-sided


def paired_proportions(
    *, first: ArrayLike, second: ArrayLike, frequency: ArrayLike | None = None, confidence_level: float = 0.95
) -> PairedProportions:
    """Compare an outcome between the two members of matched pairs.

    The difference of proportions has the Wald interval with the variance clustered by pair, ``(b + c - (b - c)^2 / n) /
    n^2`` for b and c discordant pairs of n; the (marginal) odds ratio has the Wald interval on the log scale with the
    covariance of the pairs taken into account. Where all pairs are alike there is no variance, and so no interval; a
    limit may lie beyond -1 or 1. The test is exact: b of b + c discordant pairs against one half.

    Args:
        first: outcome of the first members, shape (n,).
        second: outcome of the second members, shape (n,).
        frequency: whole numbers; k stands for k identical pairs, shape (n,).
        confidence_level: of both intervals.

    Raises:
        ArgumentError: values other than 0 and 1, or pairs that are not whole.
        NotEstimableError: no pairs.

    Source: McNemar (1947); Agresti (2013), section 11.1. R: ``binom.test(b, b + c)``; the intervals of a linear and a
    logistic model with ``sandwich::vcovCL(type = "HC0", cadjust = FALSE)``.

    >>> found = paired_proportions(first=[1, 1, 1, 0, 1, 0], second=[0, 0, 1, 0, 0, 0])
    >>> round(found.difference, 3), round(found.p_value, 3)
    (0.5, 0.25)
    """
    n = np.asarray(first).size
    if n == 0:
        raise NotEstimableError("no pairs")
    x, y = arrays.events("first", first, n), arrays.events("second", second, n)
    if x.shape != y.shape:
        raise ArgumentError(f"second: found {y.size} values; expected {n}, one a pair")
    often = None if frequency is None else arrays.frequencies(frequency, n).astype(np.int64)
    both, b, c = (count(rows, often) for rows in (x & y, x & ~y, ~x & y))
    n = n if often is None else int(often.sum())
    p1, p0 = (both + b) / n, (both + c) / n
    z = normal_quantile(level(confidence_level))
    std_error = float(np.sqrt(max(b + c - (b - c) ** 2 / n, 0.0))) / n
    gap, spread = p1 - p0, z * std_error if std_error > 0 else float("nan")
    ratio = _odds_ratio(p1, p0, both / n, n, z)
    p_value = min(1.0, 2 * float(special.bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    return PairedProportions(n, b, c, gap, std_error, gap - spread, gap + spread, *ratio, p_value)


def _odds_ratio(p1: float, p0: float, both: float, n: int, z: float) -> tuple[float, float, float]:
    if min(p1, 1 - p1, p0, 1 - p0) <= 0:
        return float("nan"), float("nan"), float("nan")
    v1, v0 = p1 * (1 - p1), p0 * (1 - p0)
    log_ratio = np.log(p1 / (1 - p1)) - np.log(p0 / (1 - p0))
    variance = (1 / v1 + 1 / v0 - 2 * (both - p1 * p0) / (v1 * v0)) / n
    spread = z * np.sqrt(variance) if variance > ROUNDING * (1 / v1 + 1 / v0) / n else float("nan")
    return float(np.exp(log_ratio)), float(np.exp(log_ratio - spread)), float(np.exp(log_ratio + spread))
