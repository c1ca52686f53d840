"""Quantiles of a survival curve and their two intervals (Brookmeyer and Crowley 1982; Collett 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.kaplan_meier import KaplanMeier

QuantileInterval = Literal["inverted", "normal"]
FlatEnd = Literal["first", "not_estimable"]

TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))  # a product of fractions may miss 1/2 by a few bits, as in R


@dataclass(frozen=True, slots=True)
class SurvivalQuantile:
    """The time by which a share of patients had the event; NaN where the curve does not reach it."""

    quantile: float
    time: float
    lower: float
    upper: float
    interval: QuantileInterval


def survival_quantile(
    km: KaplanMeier,
    *,
    quantile: float = 0.5,
    interval: QuantileInterval = "inverted",
    flat_end: FlatEnd = "first",
) -> SurvivalQuantile:
    """Return the time by which the share ``quantile`` had the event, with its interval.

    The smallest event time with S(t) at or below 1 - quantile; where S is flat at exactly that value up to a later
    event, the midpoint. Where it is flat to the end, ``flat_end`` decides: the first such time, or none.

    ``inverted`` reads the pointwise limits off in the same way (Brookmeyer and Crowley). ``normal`` is
    t -+ z SE(S(t)) / f with the density f from S at 5 points above and below (SPSS; Collett, section 2.4).
    R: ``print(survfit(...))``.

    >>> from twoarm.statistics.kaplan_meier import fit_kaplan_meier
    >>> survival_quantile(fit_kaplan_meier(time=[1, 2, 3, 4], event=[1, 1, 1, 1])).time
    2.5
    """
    target = 1.0 - quantile
    events = km.events > 0
    time = first_crossing(km.time, km.survival, events, target, flat_end)
    if interval == "normal":
        lower, upper = _normal_limits(km, time, target)
    else:
        lower = first_crossing(km.time, km.lower, events, target, flat_end)
        upper = first_crossing(km.time, km.upper, events, target, flat_end)
    return SurvivalQuantile(quantile, time, lower, upper, interval)


def first_crossing(time: Floats, curve: Floats, events: Booleans, target: float, flat_end: FlatEnd) -> float:
    """Return the first event time at which a curve, or one of its limits, is at or below ``target``; NaN if none.

    Where it is flat at exactly ``target`` up to a later event, the midpoint; see ``survival_quantile``.
    """
    usable = ~np.isnan(curve) & events
    below = np.flatnonzero(usable & (curve < target + TOLERANCE))
    if below.size == 0:
        return float("nan")
    first = below[0]
    if abs(curve[first] - target) >= TOLERANCE:
        return float(time[first])
    later = below[curve[below] < curve[first]]
    if later.size:
        return float((time[first] + time[later[0]]) / 2)
    return float(time[first]) if flat_end == "first" else float("nan")


def _normal_limits(km: KaplanMeier, time: float, target: float) -> tuple[float, float]:
    events = km.events > 0
    above = np.flatnonzero(events & (km.survival >= target + 0.05 - TOLERANCE))
    below = np.flatnonzero(events & (km.survival <= target - 0.05 + TOLERANCE))
    if np.isnan(time) or above.size == 0 or below.size == 0:
        return float("nan"), float("nan")
    u, low = above[-1], below[0]
    density = (km.survival[u] - km.survival[low]) / (km.time[low] - km.time[u])
    at = int(np.searchsorted(km.time, time, side="right")) - 1
    if km.survival[at] <= 0:  # Greenwood's variance is not defined there
        return float("nan"), float("nan")
    std_error = km.survival[at] * km.std_error[at]
    spread = normal_quantile(km.confidence_level) * std_error / density
    return float(time - spread), float(time + spread)
