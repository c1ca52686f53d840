"""Kaplan-Meier estimate of survival with Greenwood's variance (Kaplan and Meier 1958; Greenwood 1926)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import normal_quantile

ROUNDING = 1e-12

IntervalType = Literal["log-log", "log", "plain", "logit", "arcsine"]


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """A survival curve at its m distinct times; every array has shape (m,)."""

    time: Floats
    at_risk: Floats  # followed to this time or beyond, entered before it
    events: Floats
    censored: Floats
    survival: Floats  # S(t), right-continuous
    std_error: Floats  # of log S(t), Greenwood's or robust; infinite where S(t) is 0
    lower: Floats  # pointwise limits; NaN where the interval type gives none
    upper: Floats
    interval: IntervalType
    confidence_level: float
    n: float


@dataclass(frozen=True, slots=True)
class SurvivalAt:
    """Survival at one time with its pointwise limits."""

    survival: float
    lower: float
    upper: float


def fit_kaplan_meier(
    *,
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    interval: IntervalType = "log-log",
    confidence_level: float = 0.95,
    robust: bool = False,
) -> KaplanMeier:
    """Estimate the survival curve of one sample.

    Args:
        time: time to event or end of follow-up, shape (n,), at least 0.
        event: True (or 1) where the event happened, shape (n,).
        entry: time of coming under observation, shape (n,); None when all are followed from the start.
        weight: sampling weights, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        interval: scale of the pointwise limits.
        confidence_level: of the pointwise limits.
        robust: infinitesimal jackknife instead of Greenwood's variance, for sampling weights.

    Raises:
        ArgumentError: missing or negative times, events that are not 0/1, lengths that differ.

    Source: Kaplan and Meier (1958); the variance of log S is the sum of d / (n (n - d)).
    R: ``survfit(Surv(time, event) ~ 1, conf.type = "log-log")``.

    >>> km = fit_kaplan_meier(time=[1, 2, 2, 3], event=[1, 1, 0, 0])
    >>> km.survival.tolist()
    [0.75, 0.5, 0.5]
    """
    exits = arrays.times("time", time)
    if exits.size == 0:
        raise ArgumentError("time: found no patients; expected at least one")
    happened = arrays.events("event", event, exits.size)
    enters = arrays.entries(entry, exits)
    sampling, frequencies = arrays.weights(weight, exits.size), arrays.frequencies(frequency, exits.size)
    weights = sampling * frequencies
    distinct, position = arrays.distinct(exits)
    leaving = arrays.group_sums(position, weights, distinct.size)
    events = arrays.group_sums(position, weights * happened, distinct.size)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if enters is not None:
        not_yet = np.searchsorted(distinct, enters, side="right")
        late = arrays.group_sums(not_yet, weights, distinct.size + 1)
        # a patient who enters at or after a distinct time is not at risk there
        at_risk = at_risk - np.cumsum(late[::-1])[::-1][1:]
    # weights that are no whole numbers leave rounding in a difference of sums: who is at risk, and dies, is all of them
    at_risk = np.where(events >= at_risk * (1 - ROUNDING), events, at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(np.where(events > 0, 1.0 - events / at_risk, 1.0)).astype(np.float64)
        terms = np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0)
        greenwood = np.cumsum(terms)
    if robust:
        std_error = _jackknife_error(exits, happened, enters, weights * sampling, (distinct, at_risk, events))
    else:
        std_error = np.sqrt(greenwood)
    lower, upper = confidence_limits(survival, std_error, interval, arrays.level(confidence_level))
    return KaplanMeier(
        time=distinct,
        at_risk=at_risk,
        events=events,
        censored=leaving - events,
        survival=survival,
        std_error=std_error,
        lower=lower,
        upper=upper,
        interval=interval,
        confidence_level=confidence_level,
        n=float(weights.sum()),
    )


def _jackknife_error(
    exits: Floats,
    happened: arrays.Booleans,
    enters: Floats | None,
    squared: Floats,
    curve: tuple[Floats, Floats, Floats],
) -> Floats:
    """Return the infinitesimal jackknife standard error of log S, shape (m,).

    A patient moves log S(t) by A(min(t, exit)) - A(entry), A summing d / (n (n - d)), less 1 / (n - d) at an event of
    their own; so the squares of those who left, and the polynomial in A(t) of those still at risk, sum cumulatively.
    ``squared`` are frequencies times squares of sampling weights, shape (n,).
    """
    distinct, at_risk, events = curve
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0)
        own = np.where(events > 0, 1 / (at_risk - events), 0.0)
    last = np.isinf(rise)
    rise, own = np.where(last, 0.0, rise), np.where(last, 0.0, own)
    total = np.cumsum(rise)
    m = distinct.size
    position = np.searchsorted(distinct, exits)
    start = np.zeros(exits.size)
    if enters is not None:
        before = np.searchsorted(distinct, enters, side="right") - 1
        start = np.where(before >= 0, total[before], 0.0)
    moved = total[position] - start - np.where(happened, own[position], 0.0)
    left = np.cumsum(arrays.group_sums(position, squared * moved * moved, m))
    still = [_still_at_risk(position, enters, distinct, squared * start**power) for power in range(3)]
    variance = left + still[0] * total**2 - 2 * still[1] * total + still[2]
    dead = np.cumsum(last) > 0
    return np.asarray(np.where(dead, np.inf, np.sqrt(np.maximum(variance, 0.0))))


def _still_at_risk(position: arrays.Integers, enters: Floats | None, distinct: Floats, values: Floats) -> Floats:
    """Sum values over patients who entered before each distinct time and leave after it, shape (m,)."""
    m = distinct.size
    beyond = np.cumsum(arrays.group_sums(position, values, m)[::-1])[::-1]
    after = np.append(beyond[1:], 0.0)
    if enters is None:
        return after
    not_yet = np.cumsum(arrays.group_sums(np.searchsorted(distinct, enters), values, m + 1)[::-1])[::-1][1:]
    return np.asarray(after - not_yet)


def confidence_limits(
    survival: Floats, std_error: Floats, interval: IntervalType, confidence_level: float
) -> tuple[Floats, Floats]:
    """Return pointwise (lower, upper) limits from the standard error of log S.

    As in R, log-log and logit give none where S is 1 or 0, and no type gives any where S is 0.
    """
    z = normal_quantile(confidence_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.where((survival > 0) & np.isfinite(std_error), survival, np.nan)
        inside = np.where(s < 1, s, np.nan)
        if interval == "plain":
            lower, upper = s - z * s * std_error, s + z * s * std_error
        elif interval == "log":
            lower, upper = s * np.exp(-z * std_error), s * np.exp(z * std_error)
        elif interval == "log-log":
            log_log = np.log(-np.log(inside))
            spread = z * std_error / np.log(inside)
            lower, upper = np.exp(-np.exp(log_log - spread)), np.exp(-np.exp(log_log + spread))
        elif interval == "logit":
            logit, spread = np.log(inside / (1 - inside)), z * std_error / (1 - inside)
            lower, upper = 1 / (1 + np.exp(-(logit - spread))), 1 / (1 + np.exp(-(logit + spread)))
        elif interval == "arcsine":
            angle, spread = np.arcsin(np.sqrt(s)), 0.5 * z * std_error * np.sqrt(s / (1 - inside))
            lower = np.sin(np.maximum(angle - spread, 0)) ** 2
            upper = np.sin(np.minimum(angle + spread, np.pi / 2)) ** 2
        else:
            raise ArgumentError(f"interval: found {interval!r}; expected log-log, log, plain, logit or arcsine")
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def survival_at(km: KaplanMeier, time: float) -> SurvivalAt:
    """Return S(time) with its limits.

    Raises:
        NotEstimableError: beyond the last follow-up, unless survival is 0 there (R carries the last value on).
    """
    last = int(np.searchsorted(km.time, time, side="right")) - 1
    if last < 0:
        lower, upper = confidence_limits(np.ones(1), np.zeros(1), km.interval, km.confidence_level)
        return SurvivalAt(1.0, float(lower[0]), float(upper[0]))
    if time > km.time[-1] and km.survival[-1] > 0:
        raise NotEstimableError(f"last follow-up is at {km.time[-1]:g}, before {time:g}")
    return SurvivalAt(float(km.survival[last]), float(km.lower[last]), float(km.upper[last]))


def number_at_risk(
    *,
    time: ArrayLike,
    at: ArrayLike,
    entry: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
) -> Floats:
    """Count patients with entry < t <= time at each t of ``at``; no entry means that all are at risk at 0."""
    exits = arrays.times("time", time)
    weights = arrays.weights(weight, exits.size) * arrays.frequencies(frequency, exits.size)
    ticks = arrays.numbers("at", at)
    counts = _weight_at_or_after(exits, weights, ticks)
    enters = arrays.entries(entry, exits)
    return counts if enters is None else counts - _weight_at_or_after(enters, weights, ticks)


def _weight_at_or_after(values: Floats, weights: Floats, ticks: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    above = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    return np.asarray(above[np.searchsorted(values[order], ticks, side="left")])
