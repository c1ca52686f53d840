"""Intervals of a proportion and of a difference of two (Clopper and Pearson 1934; Wilson 1927; Newcombe 1998)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.arrays import level
from twoarm.statistics.distributions import normal_quantile

ProportionInterval = Literal["clopper-pearson", "wilson"]
DifferenceInterval = Literal["newcombe", "miettinen-nurminen"]


@dataclass(frozen=True, slots=True)
class Proportion:
    """Events out of n with their share and its limits."""

    events: int
    n: int
    proportion: float
    lower: float
    upper: float
    interval: ProportionInterval


@dataclass(frozen=True, slots=True)
class ProportionDifference:
    """Share of the first group minus share of the second, with limits."""

    difference: float
    lower: float
    upper: float
    interval: DifferenceInterval


def proportion(
    *, events: int, n: int, interval: ProportionInterval = "clopper-pearson", confidence_level: float = 0.95
) -> Proportion:
    """Return a proportion with its interval.

    Raises:
        ArgumentError: counts that are no whole numbers, or more events than patients.
        NotEstimableError: nobody (0 of 0).

    R: ``binom.test(events, n)`` (Clopper-Pearson), ``prop.test(events, n, correct = FALSE)`` (Wilson).

    >>> found = proportion(events=7, n=25)
    >>> round(found.lower, 6), round(found.upper, 6)
    (0.120717, 0.493877)
    """
    x, total = _counts(events, n)
    share = x / total
    alpha = 1 - level(confidence_level)
    if interval == "clopper-pearson":
        lower = 0.0 if x == 0 else float(special.betaincinv(x, total - x + 1, alpha / 2))
        upper = 1.0 if x == total else float(special.betaincinv(x + 1, total - x, 1 - alpha / 2))
    elif interval == "wilson":
        lower, upper = _wilson(x, total, normal_quantile(confidence_level))
    else:
        raise ArgumentError(f"interval: found {interval!r}; expected clopper-pearson or wilson")
    return Proportion(x, total, share, lower, upper, interval)


def proportion_difference(
    *,
    events_1: int,
    n_1: int,
    events_0: int,
    n_0: int,
    interval: DifferenceInterval = "newcombe",
    confidence_level: float = 0.95,
) -> ProportionDifference:
    """Return the difference of two proportions with its interval.

    ``newcombe`` joins the Wilson limits of both (Newcombe 1998, method 10); ``miettinen-nurminen`` inverts the score
    test with its variance factor n / (n - 1) (Miettinen and Nurminen 1985).

    Raises:
        ArgumentError: counts that are no whole numbers, or more events than patients.
        NotEstimableError: an empty group.

    >>> found = proportion_difference(events_1=56, n_1=70, events_0=48, n_0=80)
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.0524, 0.3339)
    """
    (x1, m1), (x0, m0) = _counts(events_1, n_1), _counts(events_0, n_0)
    p1, p0 = x1 / m1, x0 / m0
    z = normal_quantile(level(confidence_level))
    if interval == "newcombe":
        (l1, u1), (l0, u0) = _wilson(x1, m1, z), _wilson(x0, m0, z)
        lower = p1 - p0 - float(np.hypot(p1 - l1, u0 - p0))
        upper = p1 - p0 + float(np.hypot(u1 - p1, p0 - l0))
    elif interval == "miettinen-nurminen":
        lower = _score_limit((x1, m1, x0, m0), z, p1 - p0, -1.0)
        upper = _score_limit((x1, m1, x0, m0), z, p1 - p0, 1.0)
    else:
        raise ArgumentError(f"interval: found {interval!r}; expected newcombe or miettinen-nurminen")
    return ProportionDifference(p1 - p0, lower, upper, interval)


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """Odds of the first group over odds of the second, with limits."""

    odds_ratio: float
    lower: float
    upper: float


def odds_ratio(*, events_1: int, n_1: int, events_0: int, n_0: int, confidence_level: float = 0.95) -> OddsRatio:
    """Return the sample odds ratio with its Wald interval on the log scale (Woolf 1955).

    Raises:
        ArgumentError: counts that are no whole numbers, or more events than patients.
        NotEstimableError: an empty group, or nobody or everybody with the event in one of them.

    R: ``exp(confint.default(glm(cbind(x, n - x) ~ arm, binomial)))``.

    >>> found = odds_ratio(events_1=12, n_1=19, events_0=5, n_0=19)
    >>> round(found.odds_ratio, 2), round(found.lower, 2)
    (4.8, 1.2)
    """
    (x1, m1), (x0, m0) = _counts(events_1, n_1), _counts(events_0, n_0)
    cells = np.array([x1, m1 - x1, x0, m0 - x0], dtype=np.float64)
    if cells.min() == 0:
        raise NotEstimableError("nobody or everybody in an arm: the odds ratio has no finite interval")
    log_ratio = float(np.log(cells) @ np.array([1.0, -1.0, -1.0, 1.0]))
    spread = normal_quantile(level(confidence_level)) * float(np.sqrt((1 / cells).sum()))
    low, middle, high = np.exp([log_ratio - spread, log_ratio, log_ratio + spread]).tolist()
    return OddsRatio(middle, low, high)


def _counts(events: int, n: int) -> tuple[int, int]:
    if not (np.isfinite([events, n]).all() and events % 1 == n % 1 == 0 and 0 <= events <= n):
        raise ArgumentError(f"events, n: found {events} of {n}; expected whole numbers with 0 <= events <= n")
    if n == 0:
        raise NotEstimableError("nobody (0 of 0)")
    return int(events), int(n)


def _wilson(x: int, n: int, z: float) -> tuple[float, float]:
    centre, spread = x + z * z / 2, z * np.sqrt(x * (n - x) / n + z * z / 4)
    lower = 0.0 if x == 0 else float((centre - spread) / (n + z * z))
    upper = 1.0 if x == n else float((centre + spread) / (n + z * z))
    return lower, upper


def _score_limit(counts: tuple[int, int, int, int], z: float, inside: float, outside: float) -> float:
    """Find where the score statistic is z, by bisection between the estimate and an end of the scale."""
    x1, m1, x0, m0 = counts
    if abs(_score(x1, m1, x0, m0, outside)) <= z:
        return outside
    for _ in range(200):
        middle = (inside + outside) / 2
        if abs(_score(x1, m1, x0, m0, middle)) <= z:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


def _score(x1: int, m1: int, x0: int, m0: int, difference: float) -> float:
    """Score statistic for a given difference of the proportions."""
    p0 = _restricted(x1, m1, x0, m0, difference)
    p1 = min(max(p0 + difference, 0.0), 1.0)
    n = m1 + m0
    variance = (p1 * (1 - p1) / m1 + p0 * (1 - p0) / m0) * n / (n - 1)
    gap = x1 / m1 - x0 / m0 - difference
    if variance <= 0:
        return 0.0 if abs(gap) < 1e-12 else float(np.copysign(np.inf, gap))
    return float(gap / np.sqrt(variance))


def _restricted(x1: int, m1: int, x0: int, m0: int, difference: float) -> float:
    """Maximum likelihood estimate of the second proportion when the difference is given; the slope falls throughout."""
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    tiny = 1e-300
    for _ in range(100):
        p0 = (low + high) / 2
        slope = 0.0
        for x, m, share in ((x1, m1, p0 + difference), (x0, m0, p0)):
            p = min(max(share, tiny), 1 - np.finfo(np.float64).epsneg)
            slope += (x / p if x else 0.0) - ((m - x) / (1 - p) if m > x else 0.0)
        low, high = (p0, high) if slope > 0 else (low, p0)
    return (low + high) / 2
