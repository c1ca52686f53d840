"""Restricted mean survival time and its comparison between arms (Royston and Parmar 2013; Uno et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.kaplan_meier import KaplanMeier, fit_kaplan_meier


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
    if not tau > 0:
        raise ArgumentError(f"tau: found {tau}; expected a time above 0")
    if km.time[-1] < tau and km.survival[-1] > 0:
        raise NotEstimableError(f"last follow-up is at {km.time[-1]:g}, before tau = {tau:g}")
    inside = km.time < tau
    times = np.concatenate(([0.0], km.time[inside], [tau]))
    survival = np.concatenate(([1.0], km.survival[inside]))
    areas = survival * np.diff(times)
    beyond = np.cumsum(areas[::-1])[::-1][1:]  # area from each distinct time to tau
    events, at_risk = km.events[inside], km.at_risk[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where((events > 0) & (beyond > 0), beyond**2 * events / (at_risk * (at_risk - events)), 0.0)
    mean, std_error = float(areas.sum()), float(np.sqrt(terms.sum()))
    spread = normal_quantile(km.confidence_level) * std_error
    return RestrictedMean(float(tau), mean, std_error, mean - spread, mean + spread)


def compare_restricted_means(
    *,
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    tau: float | None = None,
    frequency: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> RestrictedMeanContrast:
    """Compare the restricted means of two arms.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        treated: True for the treated arm, shape (n,).
        tau: end of the area; by default the smaller of the arms' largest times.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, or follow-up of an arm that ends before tau.

    R: ``survRM2::rmst2(time, status, arm, tau)``.
    """
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    frequencies = arrays.frequencies(frequency, exits.size)
    arm = arrays.events("treated", treated, exits.size)
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")
    end = float(min(exits[arm].max(), exits[~arm].max())) if tau is None else float(tau)
    one, other = (
        restricted_mean(
            fit_kaplan_meier(
                time=exits[rows],
                event=happened[rows],
                frequency=frequencies[rows],
                confidence_level=confidence_level,
            ),
            tau=end,
        )
        for rows in (arm, ~arm)
    )
    z = normal_quantile(confidence_level)
    difference = one.mean - other.mean
    error = float(np.hypot(one.std_error, other.std_error))
    if one.mean <= 0 or other.mean <= 0 or error == 0:
        raise NotEstimableError("no spread of survival before tau")
    log_ratio = float(np.log(one.mean / other.mean))
    log_error = float(np.hypot(one.std_error / one.mean, other.std_error / other.mean))
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
    )
