"""Cumulative incidence of causes that compete (Aalen and Johansen 1978), with its variance and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats, Integers, group_sums
from twoarm.statistics.competing_causes import read_causes
from twoarm.statistics.kaplan_meier import IntervalType, confidence_limits

IncidenceVariance = Literal["aalen", "jackknife"]
EXHAUSTED = 1e-12  # a 1 - F this near to 0 is 0 but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """Cumulative incidence of k causes at a sample's m distinct times; without further word an array has shape (m,).

    With weights, numbers of patients and events are sums of weights.
    """

    causes: NDArray[Any]  # labels, shape (k,)
    time: Floats
    at_risk: Floats
    events: Floats  # shape (k, m)
    censored: Floats
    survival: Floats  # free of every cause
    incidence: Floats  # F(t), right-continuous, shape (k, m); with survival it adds up to 1
    std_error: Floats  # of F(t), shape (k, m)
    lower: Floats  # pointwise limits, shape (k, m); NaN where F is 0, and on the log-log scale where it is 1
    upper: Floats
    variance: IncidenceVariance
    interval: IntervalType
    confidence_level: float
    n: float


@dataclass(frozen=True, slots=True)
class IncidenceAt:
    """Cumulative incidence of one cause at one time with its pointwise limits."""

    incidence: float
    std_error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """What the variances read, at the m distinct times."""

    at_risk: Floats
    squared: Floats  # sum of the squared weights of those at risk
    events: Floats  # of every cause
    before: Floats  # S(t-)
    survival: Floats


def fit_cumulative_incidence(
    *,
    time: ArrayLike,
    cause: ArrayLike,
    censored: Any = 0,
    causes: Sequence[Any] | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    variance: IncidenceVariance = "aalen",
    interval: IntervalType = "log-log",
    confidence_level: float = 0.95,
) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause in one sample; causes other than its own do not censor it.

    Args:
        time: time to the first event of any cause or end of follow-up, shape (n,), at least 0.
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        censored: the label of end of follow-up.
        causes: the causes there are; those seen by default. One without an event has an incidence of 0.
        weight: sampling weights, shape (n,); who has none counts for nothing. They need the ``jackknife``.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        variance: ``aalen``, of the counting process with its correction for ties, as cmprsk; or ``jackknife``, the
            infinitesimal jackknife, as survival. They agree in large samples.
        interval: scale of the pointwise limits: log-log is log(-log F), not log(-log(1 - F)).
        confidence_level: of the limits.

    Raises:
        ArgumentError: missing or negative times, missing labels, lengths that differ, weights with ``aalen``.

    Source: Aalen and Johansen (1978); Aalen (1978) and Gray (1988) for the variance; Choudhury (2002) for the log-log
    limits. R: ``cmprsk::cuminc(time, cause)`` (est, var); ``survfit(Surv(time, factor(cause)) ~ 1, weights = w)``
    (pstate, std.err).

    >>> found = fit_cumulative_incidence(time=[1, 2, 3, 4], cause=[1, 2, 0, 1])
    >>> found.incidence.tolist()
    [[0.25, 0.25, 0.25, 0.75], [0.0, 0.25, 0.25, 0.25]]
    """
    exits = arrays.times("time", time)
    if exits.size == 0:
        raise ArgumentError("time: found no patients; expected at least one")
    if variance not in ("aalen", "jackknife"):
        raise ArgumentError(f"variance: found {variance!r}; expected aalen or jackknife")
    if weight is not None and variance == "aalen":
        raise ArgumentError("variance: found aalen with weights; expected jackknife")
    found = read_causes(cause, exits.size, censored=censored, causes=causes)
    weights, codes = arrays.weights(weight, exits.size), found.codes
    frequencies = arrays.frequencies(frequency, exits.size)
    counted = weights * frequencies > 0
    exits, weights, codes, frequencies = exits[counted], weights[counted], codes[counted], frequencies[counted]
    total_weight = weights * frequencies
    k = found.labels.size
    distinct, position = arrays.distinct(exits)
    m = distinct.size
    counts = group_sums((codes + 1) * m + position, total_weight, (k + 1) * m).reshape(k + 1, m)
    events, total = counts[1:], counts[1:].sum(axis=0)
    at_risk = np.cumsum(counts.sum(axis=0)[::-1])[::-1]
    survival = np.cumprod(1.0 - total / at_risk)
    squared = np.cumsum(group_sums(position, frequencies * weights**2, m)[::-1])[::-1]
    steps = _Steps(at_risk, squared, total, np.concatenate(([1.0], survival[:-1])), survival)
    incidence = np.cumsum(steps.before * events / at_risk, axis=1)
    incidence = np.where(incidence > 1 - EXHAUSTED, 1.0, incidence)  # the log of the rounding would become a limit
    std_error = np.zeros((k, m))
    for code in range(k):
        own = (incidence[code], events[code])
        if variance == "aalen":
            std_error[code] = _aalen(steps, *own)
        else:
            std_error[code] = _jackknife(steps, *own, position, codes == code, codes >= 0, frequencies * weights**2)
    lower, upper = _limits(incidence, std_error, interval, arrays.level(confidence_level))
    return CumulativeIncidence(
        causes=found.labels,
        time=distinct,
        at_risk=at_risk,
        events=events,
        censored=counts[0],
        survival=survival,
        incidence=incidence,
        std_error=std_error,
        lower=lower,
        upper=upper,
        variance=variance,
        interval=interval,
        confidence_level=confidence_level,
        n=float(total_weight.sum()),
    )


def _limits(incidence: Floats, std_error: Floats, interval: IntervalType, level: float) -> tuple[Floats, Floats]:
    """Return pointwise limits; F takes the place of S in those of a survival curve."""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(incidence > 0, std_error / incidence, 0.0)
    return confidence_limits(incidence, relative, interval, level)


def tied_share(events: Floats, at_risk: Floats) -> Floats:
    """Return 1 - (d - 1) / (n - 1), by which d tied events are less variable than d events in a row; 1 for d <= 1."""
    return np.asarray(np.where(events > 1, 1 - (events - 1) / np.maximum(at_risk - 1, 1), 1.0))


def _aalen(steps: _Steps, incidence: Floats, events: Floats) -> Floats:
    """Return the standard error of one cause's incidence, shape (m,).

    An event of the cause at u moves F(t) by S(u-) / n (1 - (F(t) - F(u)) / S(u)), of another cause by the second part
    alone; as F(t) does not depend on u, the squares add up as three cumulative sums.
    """
    others = steps.events - events
    squared = (steps.before / steps.at_risk) ** 2
    own = squared * tied_share(events, steps.at_risk) * events
    other = np.where(steps.survival > 0, squared * tied_share(others, steps.at_risk) * others, 0.0)
    inverse = np.zeros(incidence.size)
    np.divide(1.0, steps.survival, out=inverse, where=steps.survival > 0)
    here = inverse * incidence
    constant = np.cumsum(own * (1 + here) ** 2 + other * here**2)
    linear = np.cumsum(inverse * (own * (1 + here) + other * here))
    quadratic = np.cumsum(inverse**2 * (own + other))
    total = constant - 2 * incidence * linear + incidence**2 * quadratic
    # nothing moves F before the first event of the cause, nor after the last one until the next
    return np.asarray(np.sqrt(np.maximum(np.where(np.cumsum(events) > 0, total, 0.0), 0.0)))


def _jackknife(
    steps: _Steps,
    incidence: Floats,
    events: Floats,
    position: Integers,
    own: arrays.Booleans,
    happened: arrays.Booleans,
    squared: Floats,
) -> Floats:
    """Return the infinitesimal jackknife standard error of one cause's incidence, shape (m,).

    A patient still at risk moves F(t) by a sum A(t) that all of them share; one who left at u by
    A(u) + own S(u-) / n + (F(t) - F(u)) L, L being what the patient did to log S. Squares count with squared weights.
    """
    n, d = steps.at_risk, steps.events
    left = np.where(n > d, n - d, 1.0)
    rise = np.where(n > d, d / (n * left), 0.0)
    total = np.cumsum(rise)
    jump = steps.before * events / n
    shared = np.cumsum(jump * (total - rise) - jump / n)
    moved = shared[position] + np.where(own, (steps.before / n)[position], 0.0)
    slope = np.where((n > d)[position], total[position] - happened / left[position], 0.0)
    base = moved - incidence[position] * slope
    m = incidence.size
    products = (base * base, base * slope, slope * slope)
    sums = [np.cumsum(group_sums(position, squared * values, m)) for values in products]
    staying = np.append(steps.squared[1:], 0.0)
    variance = sums[0] + 2 * incidence * sums[1] + incidence**2 * sums[2] + staying * shared**2
    return np.asarray(np.sqrt(np.maximum(np.where(np.cumsum(events) > 0, variance, 0.0), 0.0)))


def incidence_at(curves: CumulativeIncidence, *, cause: Any, time: float) -> IncidenceAt:
    """Return the cumulative incidence of a cause at a time, with its limits.

    Raises:
        ArgumentError: a cause that the curves do not have.
        NotEstimableError: beyond the last follow-up, unless everybody had an event by then (R carries the last value).

    >>> curves = fit_cumulative_incidence(time=[1, 2, 3, 4], cause=[1, 2, 0, 1])
    >>> incidence_at(curves, cause=1, time=2.5).incidence
    0.25
    """
    labels = curves.causes.tolist()
    if cause not in labels:
        raise ArgumentError(f"cause: found {cause!r}; expected one of {labels}")
    last = int(np.searchsorted(curves.time, time, side="right")) - 1
    if time > curves.time[-1] and curves.survival[-1] > 0:
        raise NotEstimableError(f"last follow-up is at {curves.time[-1]:g}, before {time:g}")
    if last < 0:
        return IncidenceAt(0.0, 0.0, np.nan, np.nan)
    code = labels.index(cause)
    numbers = (curves.incidence, curves.std_error, curves.lower, curves.upper)
    return IncidenceAt(*(float(values[code, last]) for values in numbers))
