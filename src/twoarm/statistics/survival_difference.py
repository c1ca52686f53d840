"""Survival of two arms at a time: its difference and its ratio (Klein et al. 2007)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.influence import Units, survival_influence
from twoarm.statistics.kaplan_meier import KaplanMeier, fit_kaplan_meier, survival_at

NO_SPREAD = 1e-24  # a variance of probabilities below this is rounding


@dataclass(frozen=True, slots=True)
class SurvivalDifference:
    """Treated minus comparator, and treated over comparator, at one time; NaN where survival is 0 or 1 forbids it."""

    at: float
    treated: float  # S(at)
    comparator: float
    treated_std_error: float
    comparator_std_error: float
    difference: float
    difference_std_error: float
    difference_lower: float  # normal limits, as they come: they may lie beyond 1
    difference_upper: float
    difference_p_value: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    ratio_p_value: float
    log_log_p_value: float  # of equal log(-log S), which keeps its level in small arms
    n: float  # patients who count
    clusters: int  # 0 without clusters; of the clustering that has fewer where they cross
    robust: bool  # the infinitesimal jackknife instead of Greenwood's variance
    variance_note: str = ""  # why the difference's variance is not the one that was asked for


def survival_difference(
    *,
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    at: float,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> SurvivalDifference:
    """Compare the survival of two arms at a time.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        treated: True for the treated arm, shape (n,).
        at: the time, at least 0.
        weight: sampling weights, shape (n,); a patient of weight 0 counts nowhere.
        cluster: what belongs together, such as matched pairs, shape (n,).
        crossed: a second clustering beside the first, such as the patient whom several rows stand for, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, follow-up of an arm that ends before the time, or no event by then.

    Source: Klein, Logan, Harhoff and Andersen (2007), section 2; Greenwood's variance, or with weights or clusters the
    infinitesimal jackknife of both arms together. R: ``summary(survfit(Surv(time, event) ~ arm), times = at)``.

    >>> found = survival_difference(time=[1, 2, 3, 4], event=[1, 1, 1, 1], treated=[0, 1, 0, 1], at=3)
    >>> found.difference
    0.5
    """
    if not (math.isfinite(at) and at >= 0):
        raise ArgumentError(f"at: found {at}; expected a time of at least 0")
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    arm = arrays.events("treated", treated, exits.size)
    weights = arrays.weights(weight, exits.size)
    units = Units.of(cluster, crossed, exits.size, frequency)
    counts = weights > 0
    exits, happened, arm, weights = exits[counts], happened[counts], arm[counts], weights[counts]
    units = units.within(counts)
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")
    robust = weight is not None or cluster is not None
    curves = [
        fit_kaplan_meier(
            time=exits[rows],
            event=happened[rows],
            weight=weights[rows] if robust else None,
            frequency=None if units.frequency is None else units.frequency[rows],
        )
        for rows in (arm, ~arm)
    ]
    one, other = (survival_at(km, at).survival for km in curves)
    n = units.patients(exits.size)
    if robust:
        scores = np.zeros(exits.size)
        for rows, km in zip((arm, ~arm), curves, strict=True):
            moved = survival_influence(exits=exits[rows], event=happened[rows], km=km, at=at)
            scores[rows] = weights[rows] * moved
        spread = _Scores(arm, scores, units)
        return _contrast(at, one, other, spread, n, normal_quantile(arrays.level(confidence_level)))
    variances = tuple(_greenwood(km, at) for km in curves)
    return _contrast(at, one, other, variances, n, normal_quantile(arrays.level(confidence_level)))


@dataclass(frozen=True, slots=True, eq=False)
class _Scores:
    """Weighted influences of both arms' patients on their own arm's survival."""

    arm: Booleans
    scores: Floats
    units: Units


def _greenwood(km: KaplanMeier, at: float) -> float:
    """Return the variance of S(at); 0 where S is 0 or 1, as in R."""
    last = int(np.searchsorted(km.time, at, side="right")) - 1
    if last < 0 or km.survival[last] <= 0:
        return 0.0
    return float((km.survival[last] * km.std_error[last]) ** 2)


def _variance(spread: _Scores | tuple[float, ...], one: float, other: float) -> float:
    """Return the variance of ``one`` times the treated arm's survival minus ``other`` times the comparator's."""
    if isinstance(spread, _Scores):
        scaled = np.where(spread.arm, one * spread.scores, -other * spread.scores)
        return spread.units.variance(scaled).value
    return one * one * spread[0] + other * other * spread[1]


def _note(spread: _Scores | tuple[float, ...]) -> str:
    if not isinstance(spread, _Scores):
        return ""
    return spread.units.variance(np.where(spread.arm, spread.scores, -spread.scores)).note


def _contrast(
    at: float, one: float, other: float, spread: _Scores | tuple[float, ...], n: int, z: float
) -> SurvivalDifference:
    error = math.sqrt(_variance(spread, 1.0, 1.0))
    if error**2 <= NO_SPREAD:
        raise NotEstimableError(f"no spread of survival by {at:g}")
    difference = one - other
    ratio = ratio_lower = ratio_upper = ratio_p = log_log_p = math.nan
    if one > 0 and other > 0:
        log_ratio, of_logs = math.log(one / other), math.sqrt(_variance(spread, 1 / one, 1 / other))
        ratio = one / other
        if of_logs**2 > NO_SPREAD:
            ratio_lower, ratio_upper = (math.exp(log_ratio + sign * z * of_logs) for sign in (-1, 1))
            ratio_p = two_sided_normal(log_ratio / of_logs)
    if 0 < one < 1 and 0 < other < 1:
        scales = [1 / (s * math.log(s)) for s in (one, other)]
        gap = math.log(-math.log(one)) - math.log(-math.log(other))
        of_gap = math.sqrt(_variance(spread, *scales))
        log_log_p = two_sided_normal(gap / of_gap) if of_gap**2 > NO_SPREAD else math.nan
    return SurvivalDifference(
        at=float(at),
        treated=one,
        comparator=other,
        treated_std_error=math.sqrt(_variance(spread, 1.0, 0.0)),
        comparator_std_error=math.sqrt(_variance(spread, 0.0, 1.0)),
        difference=difference,
        difference_std_error=error,
        difference_lower=difference - z * error,
        difference_upper=difference + z * error,
        difference_p_value=two_sided_normal(difference / error),
        ratio=ratio,
        ratio_lower=ratio_lower,
        ratio_upper=ratio_upper,
        ratio_p_value=ratio_p,
        log_log_p_value=log_log_p,
        n=float(n),
        clusters=spread.units.count if isinstance(spread, _Scores) else 0,
        robust=isinstance(spread, _Scores),
        variance_note=_note(spread),
    )
