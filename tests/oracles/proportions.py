"""The score interval of a difference of two proportions by trying differences one after the other."""

from __future__ import annotations

import math

import numpy as np

EDGE = 1e-9  # a statistic this close to the quantile is on the limit


def restricted_share(x1: int, n1: int, x0: int, n0: int, difference: float) -> float:
    """Second proportion of greatest likelihood among those that differ by ``difference``, by golden section."""
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    ratio = (math.sqrt(5) - 1) / 2

    def likelihood(p0: float) -> float:
        p1 = min(max(p0 + difference, 0.0), 1.0)
        parts = ((x1, p1), (n1 - x1, 1 - p1), (x0, p0), (n0 - x0, 1 - p0))
        return sum(count * (math.log(p) if p > 0 else -math.inf) for count, p in parts if count)

    for _ in range(80):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (left, high) if likelihood(left) < likelihood(right) else (low, right)
    return (low + high) / 2


def score(x1: int, n1: int, x0: int, n0: int, difference: float) -> float:
    """Miettinen and Nurminen's statistic."""
    p0 = restricted_share(x1, n1, x0, n0, difference)
    p1 = min(max(p0 + difference, 0.0), 1.0)
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
    gap = x1 / n1 - x0 / n0 - difference
    if abs(gap) < EDGE:
        return 0.0
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)


def score_interval(x1: int, n1: int, x0: int, n0: int, quantile: float, steps: int) -> tuple[float, float]:
    """First and last difference, ``steps`` to a unit, that the score test does not reject."""
    kept = [
        difference
        for difference in np.arange(-steps, steps + 1) / steps
        if abs(score(x1, n1, x0, n0, float(difference))) <= quantile + EDGE
    ]
    return float(kept[0]), float(kept[-1])
