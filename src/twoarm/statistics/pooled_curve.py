"""One survival curve, and its median, from the Kaplan-Meier curves of m imputations (Marshall et al. 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.kaplan_meier import KaplanMeier
from twoarm.statistics.survival_quantile import first_crossing


@dataclass(frozen=True, slots=True, eq=False)
class PooledCurve:
    """A survival curve at the event times of all imputations; every array has shape (t,)."""

    time: Floats
    survival: Floats  # right-continuous, never rising
    lower: Floats  # pointwise limits; NaN where some imputation has S at 1 or 0
    upper: Floats
    end: float  # last time at which something is estimated; infinite where all curves reach 0
    confidence_level: float


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """The cumulative incidence of one cause in one imputation, at its m distinct times; arrays of shape (m,)."""

    time: Floats
    incidence: Floats
    std_error: Floats
    finished: bool  # nobody is left without an event of some cause


@dataclass(frozen=True, slots=True, eq=False)
class PooledIncidence:
    """A cumulative incidence at the times of all imputations; every array has shape (t,)."""

    time: Floats
    incidence: Floats  # right-continuous, never falling
    lower: Floats  # pointwise limits; NaN where some imputation has an incidence of 0 or 1
    upper: Floats
    end: float  # last time at which something is estimated
    confidence_level: float


@dataclass(frozen=True, slots=True)
class PooledMedian:
    """Median survival of a pooled curve; NaN where the curve or its limit does not reach one half."""

    time: float
    lower: float
    upper: float


def pool_curves(*, curves: Sequence[KaplanMeier], confidence_level: float = 0.95) -> PooledCurve:
    """Pool survival curves by Rubin's rules on log(-log S), with normal quantiles.

    At every event time of any imputation, up to the shortest last follow-up among the curves that do not reach 0. Where
    S is 1 in all imputations the pooled curve is 1, where 0 in all it is 0, and where it is 1 or 0 in some it is the
    mean of S; none of these has limits. The mean of log(-log S) cannot fall nor the mean of S rise, but between the two
    the curve could rise, so it is held at its smallest value so far, and the lower limit is held at or below it.

    Args:
        curves: one an imputation, each with its own times.
        confidence_level: of the pointwise limits.

    Raises:
        ArgumentError: fewer than two curves.
        NotEstimableError: no event up to the shortest follow-up.

    Source: Rubin (1987), section 3.1; Marshall, Altman, Holder and Royston (2009), scale; the variance of log(-log S)
    is that of log S over (log S)^2. R: none; by hand from ``survfit(...)$std.err``.
    """
    if len(curves) < 2:
        raise ArgumentError(f"curves: found {len(curves)} imputations; expected at least two")
    end = min((float(curve.time[-1]) for curve in curves if curve.survival[-1] > 0), default=np.inf)
    time = np.unique(np.concatenate([curve.time[curve.events > 0] for curve in curves]))
    time = time[time <= end]
    if time.size == 0:
        raise NotEstimableError("no event up to the shortest follow-up among the imputations")
    lines = _pooled_lines([(c.time, c.survival, c.std_error) for c in curves], time, confidence_level)
    return PooledCurve(time, *lines, end, confidence_level)


def pool_incidence(*, curves: Sequence[Incidence], confidence_level: float = 0.95) -> PooledIncidence:
    """Pool cumulative incidences of one cause by Rubin's rules on log(-log(1 - F)), with normal quantiles.

    Where nothing competes this is 1 minus the pooled survival of ``pool_curves``, whose rules hold for 1 - F: at every
    time of any imputation up to the shortest last follow-up, without limits where F is 0 or 1 in some imputation.

    Args:
        curves: one an imputation, each with its own times.
        confidence_level: of the pointwise limits.

    Raises:
        ArgumentError: fewer than two curves.
        NotEstimableError: no time up to the shortest follow-up.

    Source: Rubin (1987), section 3.1; the variance of log(-log(1 - F)) is that of F over ((1 - F) log(1 - F))^2.
    R: none; by hand from ``cmprsk::cuminc`` (est, var).

    >>> one = Incidence(np.array([1.0, 2.0]), np.array([0.2, 0.4]), np.array([0.1, 0.1]), finished=False)
    >>> pool_incidence(curves=[one, one]).incidence.round(6).tolist()
    [0.2, 0.4]
    """
    if len(curves) < 2:
        raise ArgumentError(f"curves: found {len(curves)} imputations; expected at least two")
    end = min((float(curve.time[-1]) for curve in curves if not curve.finished), default=np.inf)
    time = np.unique(np.concatenate([curve.time for curve in curves]))
    time = time[time <= end]
    if time.size == 0:
        raise NotEstimableError("no time up to the shortest follow-up among the imputations")
    parts = []
    for curve in curves:
        free = 1.0 - curve.incidence
        relative = np.divide(curve.std_error, free, out=np.full_like(free, np.inf), where=free > 0)
        parts.append((curve.time, free, relative))
    free, lower, upper = _pooled_lines(parts, time, confidence_level)
    return PooledIncidence(time, 1.0 - free, 1.0 - upper, 1.0 - lower, end, confidence_level)


def _pooled_lines(
    parts: Sequence[tuple[Floats, Floats, Floats]], time: Floats, confidence_level: float
) -> tuple[Floats, Floats, Floats]:
    """Return the pooled curve with its limits at common times, from each curve's (time, S, standard error of log S)."""
    z = normal_quantile(arrays.level(confidence_level))
    survival, std_error = _steps(parts, time)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.log(-np.log(survival))
        variance = (std_error / np.log(survival)) ** 2
        centre = scale.mean(axis=0)
        total = variance.mean(axis=0) + (1 + 1 / len(parts)) * scale.var(axis=0, ddof=1)
        inside = ((survival > 0) & (survival < 1)).all(axis=0)
        spread = np.where(inside, z * np.sqrt(total), np.nan)
        pooled = np.where(inside, np.exp(-np.exp(centre)), survival.mean(axis=0))
        lower, upper = np.exp(-np.exp(centre + spread)), np.exp(-np.exp(centre - spread))
    pooled = np.minimum.accumulate(pooled)
    return pooled, np.minimum(lower, pooled), upper


def _steps(parts: Sequence[tuple[Floats, Floats, Floats]], time: Floats) -> tuple[Floats, Floats]:
    """Return every curve's (S, standard error of log S) at common times, shape (m, t) each."""
    survival, std_error = np.ones((len(parts), time.size)), np.zeros((len(parts), time.size))
    for row, (own, level, error) in enumerate(parts):
        last = np.searchsorted(own, time, side="right") - 1
        begun = last >= 0
        survival[row, begun] = level[last[begun]]
        std_error[row, begun] = error[last[begun]]
    return survival, std_error


def pooled_median(curve: PooledCurve) -> PooledMedian:
    """Return the time at which a pooled curve reaches one half, and those at which its limits do.

    The rule of a single curve's median (``survival_quantile``) on the pooled curve: inverting, not averaging, since an
    imputation whose curve stays above one half has no median to average.

    >>> from twoarm.statistics.kaplan_meier import fit_kaplan_meier
    >>> km = fit_kaplan_meier(time=[1, 2, 3, 4, 5], event=[1, 1, 1, 1, 1])
    >>> pooled_median(pool_curves(curves=[km, km])).time
    3.0
    """
    event = np.ones(curve.time.size, dtype=np.bool_)
    median, lower, upper = (
        first_crossing(curve.time, limit, event, 0.5, "first") for limit in (curve.survival, curve.lower, curve.upper)
    )
    return PooledMedian(median, lower, upper)
