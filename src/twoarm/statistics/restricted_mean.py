"""Restricted mean survival time and its comparison between arms (Royston and Parmar 2013; Uno et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.influence import Units, area_influence
from twoarm.statistics.kaplan_meier import KaplanMeier, fit_kaplan_meier

NO_SPREAD = 1e-24  # a variance below this share of the squared means is rounding


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Area under the survival curve up to tau, with its standard error and limits."""

    tau: float
    mean: float
    std_error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class RestrictedMeanContrast:
    """Treated minus comparator, and treated over comparator, up to a common tau."""

    treated: RestrictedMean
    comparator: RestrictedMean
    difference: float
    difference_lower: float
    difference_upper: float
    difference_p_value: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    ratio_p_value: float
    difference_std_error: float
    log_ratio_std_error: float
    n: int  # patients who count
    clusters: int  # 0 without clusters; of the clustering that has fewer where they cross
    variance_note: str = ""  # why the difference's variance is not the one that was asked for


def restricted_mean(km: KaplanMeier, *, tau: float) -> RestrictedMean:
    """Return the restricted mean of a curve up to tau.

    Raises:
        ArgumentError: tau is not above 0.
        NotEstimableError: the curve ends before tau at a survival above 0.

    Source: Royston and Parmar (2013); the variance sums the squared areas beyond each event time times d / (n (n - d)).
    R: ``print(survfit(...), rmean = tau)``.

    >>> round(restricted_mean(fit_kaplan_meier(time=[2, 4], event=[1, 1]), tau=4).mean, 6)
    3.0
    """
    inside, areas, beyond = _areas(km, tau)
    events, at_risk = km.events[inside], km.at_risk[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where((events > 0) & (beyond > 0), beyond**2 * events / (at_risk * (at_risk - events)), 0.0)
    mean, std_error = float(areas.sum()), float(np.sqrt(terms.sum()))
    spread = normal_quantile(km.confidence_level) * std_error
    return RestrictedMean(float(tau), mean, std_error, mean - spread, mean + spread)


def _areas(km: KaplanMeier, tau: float) -> tuple[Booleans, Floats, Floats]:
    """Return which of the curve's times lie before tau, the areas of its steps, and the area from each such time on."""
    if not tau > 0:
        raise ArgumentError(f"tau: found {tau}; expected a time above 0")
    if km.time[-1] < tau and km.survival[-1] > 0:
        raise NotEstimableError(f"last follow-up is at {km.time[-1]:g}, before tau = {tau:g}")
    inside = km.time < tau
    times = np.concatenate(([0.0], km.time[inside], [tau]))
    survival = np.concatenate(([1.0], km.survival[inside]))
    areas = survival * np.diff(times)
    return inside, areas, np.cumsum(areas[::-1])[::-1][1:]


def compare_restricted_means(
    *,
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    tau: float | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> RestrictedMeanContrast:
    """Compare the restricted means of two arms.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        treated: True for the treated arm, shape (n,).
        tau: end of the area; by default the smaller of the arms' largest times.
        weight: sampling weights, shape (n,); a patient of weight 0 counts nowhere.
        cluster: what belongs together, such as matched pairs, within and between the arms, shape (n,).
        crossed: a second clustering beside the first, such as the patient whom several rows stand for, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, follow-up of an arm that ends before tau, or no spread.

    With weights or clusters the variance is the infinitesimal jackknife, its scores taken from both arms together, so
    that pairs count. R: ``survRM2::rmst2(time, status, arm, tau)`` without weights and clusters.
    """
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    arm = arrays.events("treated", treated, exits.size)
    units = Units.of(cluster, crossed, exits.size, frequency)
    if weight is not None or cluster is not None:
        weights = arrays.weights(weight, exits.size)
        counts = weights > 0
        exits, happened, arm, weights = exits[counts], happened[counts], arm[counts], weights[counts]
        units = units.within(counts)
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")
    end = float(min(exits[arm].max(), exits[~arm].max())) if tau is None else float(tau)
    if weight is not None or cluster is not None:
        return _jackknifed(exits, happened, arm, weights, units, end, confidence_level)
    one, other = (
        restricted_mean(
            fit_kaplan_meier(
                time=exits[rows],
                event=happened[rows],
                frequency=None if units.frequency is None else units.frequency[rows],
                confidence_level=confidence_level,
            ),
            tau=end,
        )
        for rows in (arm, ~arm)
    )
    error = float(np.hypot(one.std_error, other.std_error))
    if one.mean <= 0 or other.mean <= 0 or error == 0:
        raise NotEstimableError("no spread of survival before tau")
    log_error = float(np.hypot(one.std_error / one.mean, other.std_error / other.mean))
    return _contrast(one, other, error, log_error, confidence_level, units.patients(exits.size), units)


def _jackknifed(
    exits: Floats,
    happened: Booleans,
    arm: Booleans,
    weights: Floats,
    units: Units,
    tau: float,
    confidence_level: float,
) -> RestrictedMeanContrast:
    """Return the contrast with the variance of weighted, clustered scores."""
    z, scores, means = normal_quantile(arrays.level(confidence_level)), np.zeros(exits.size), []
    for rows in (arm, ~arm):
        km = fit_kaplan_meier(
            time=exits[rows],
            event=happened[rows],
            weight=weights[rows],
            frequency=None if units.frequency is None else units.frequency[rows],
            confidence_level=confidence_level,
        )
        inside, areas, after = _areas(km, tau)
        beyond = np.zeros(km.time.size)
        beyond[inside] = after
        scores[rows] = weights[rows] * area_influence(exits=exits[rows], event=happened[rows], km=km, beyond=beyond)
        mean = float(areas.sum())
        spread = float(np.sqrt(units.within(rows).variance(scores[rows]).value))
        means.append(RestrictedMean(tau, mean, spread, mean - z * spread, mean + z * spread))
    one, other = means
    found = units.variance(np.where(arm, scores, -scores))
    if one.mean <= 0 or other.mean <= 0 or found.value <= NO_SPREAD * (one.mean**2 + other.mean**2):
        raise NotEstimableError("no spread of survival before tau")
    of_logs = units.variance(np.where(arm, scores / one.mean, -scores / other.mean)).value
    if of_logs <= NO_SPREAD:
        raise NotEstimableError("no spread of the ratio before tau")
    n = units.patients(exits.size)
    error, log_error = float(np.sqrt(found.value)), float(np.sqrt(of_logs))
    return _contrast(one, other, error, log_error, confidence_level, n, units, found.note)


def _contrast(
    one: RestrictedMean,
    other: RestrictedMean,
    error: float,
    log_error: float,
    confidence_level: float,
    n: int,
    units: Units,
    note: str = "",
) -> RestrictedMeanContrast:
    z = normal_quantile(confidence_level)
    difference = one.mean - other.mean
    log_ratio = float(np.log(one.mean / other.mean))
    return RestrictedMeanContrast(
        treated=one,
        comparator=other,
        difference=difference,
        difference_lower=difference - z * error,
        difference_upper=difference + z * error,
        difference_p_value=two_sided_normal(difference / error),
        ratio=float(np.exp(log_ratio)),
        ratio_lower=float(np.exp(log_ratio - z * log_error)),
        ratio_upper=float(np.exp(log_ratio + z * log_error)),
        ratio_p_value=two_sided_normal(log_ratio / log_error),
        difference_std_error=error,
        log_ratio_std_error=log_error,
        n=n,
        clusters=units.count,
        variance_note=note,
    )
