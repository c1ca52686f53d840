"""Kaplan-Meier by counting over and over."""

from __future__ import annotations

import math
from collections.abc import Sequence


def kaplan_meier(
    time: Sequence[float], event: Sequence[int], entry: Sequence[float] | None, weight: Sequence[float]
) -> list[tuple[float, float, float, float, float]]:
    """(time, at risk, events, survival, variance of log survival) at each distinct time."""
    start = [-math.inf] * len(time) if entry is None else entry
    survival, variance, rows = 1.0, 0.0, []
    for t in sorted(set(time)):
        at_risk = sum(w for w, a, b in zip(weight, start, time, strict=True) if a < t <= b)
        events = sum(w for w, b, e in zip(weight, time, event, strict=True) if b == t and e)
        if events:
            survival *= (at_risk - events) / at_risk
            left = at_risk * (at_risk - events)
            variance = variance + events / left if left > 0 else math.inf
        rows.append((t, at_risk, events, survival, variance))
    return rows


def median(time: Sequence[float], event: Sequence[int]) -> float:
    """First event time at which at most half survive, by fractions; the midpoint of a flat stretch at one half."""
    from fractions import Fraction

    survival = Fraction(1)
    reached: float | None = None
    for t in sorted({b for b, e in zip(time, event, strict=True) if e}):
        if reached is not None:
            return (reached + t) / 2
        at_risk = sum(b >= t for b in time)
        survival *= 1 - Fraction(sum(b == t and bool(e) for b, e in zip(time, event, strict=True)), at_risk)
        if survival < Fraction(1, 2):
            return t
        if survival == Fraction(1, 2):
            reached = t
    return math.nan if reached is None else reached
