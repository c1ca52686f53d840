"""Scaled Schoenfeld residuals and their smooth: the log hazard ratio over time (Grambsch and Therneau 1994)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.arrays import Floats, level
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_residuals import schoenfeld_residuals
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.linear_algebra import invert_symmetric, one_thread
from twoarm.statistics.proportional_hazards import TimeTransform, transformed_times

KNOTS = (0.0, 1 / 3, 2 / 3, 1.0)  # quantiles of the events' scale: 4 degrees of freedom
RANK = 1e-10  # a singular value below this share of the largest is rounding


@dataclass(frozen=True, slots=True, eq=False)
class ScaledSchoenfeld:
    """One term's residuals plus its coefficient, a value an event, by time; each estimates the log hazard ratio."""

    time: Floats  # shape (e,)
    scale: Floats  # g(time), shape (e,)
    value: Floats  # shape (e,)
    variance: float  # of a value, from the model's information


@dataclass(frozen=True, slots=True, eq=False)
class SchoenfeldSmooth:
    """The smooth at m points evenly spread over g(time), each array of shape (m,)."""

    scale: Floats
    time: Floats  # interpolated between the events
    value: Floats
    lower: Floats  # pointwise limits
    upper: Floats
    events: Floats  # until then


def scaled_schoenfeld(fit: CoxFit, *, term: str, transform: TimeTransform = "km") -> ScaledSchoenfeld:
    """Return r V e + b: residuals times the variance of the coefficients times the number of events, plus the estimate.

    Raises:
        ArgumentError: a term that the model does not have.
        NotEstimableError: an estimate that is infinite, or a term that was dropped.

    Source: Grambsch and Therneau (1994), equation 7. R: ``cox.zph(fit, terms = FALSE)$y``.
    """
    problem = fit.problem
    if term not in fit.names:
        raise ArgumentError(f"term: found {term}; expected one of {', '.join(fit.names)}")
    column = fit.names.index(term)
    if not np.isfinite(fit.coefficients[problem.kept]).all() or column not in problem.kept:
        raise NotEstimableError(fit.reasons[column] or "an estimate is infinite")
    risk, kept = problem.patients.risk, int(np.flatnonzero(problem.kept == column)[0])
    time, group = problem.patients.time[risk.deaths], risk.death_group
    order = np.lexsort((time, problem.patients.stratum[risk.deaths]))
    often = problem.patients.frequency[risk.deaths]
    order = np.repeat(order, often[order].astype(np.int64))  # k identical patients have k events
    with one_thread():
        inverse = invert_symmetric(problem.at.information)[:, kept] * often.sum()
        moved = schoenfeld_residuals(risk, problem.x, problem.at) @ inverse
    unit = float(problem.scale[kept])
    value = moved / unit + float(fit.coefficients[column])
    g = transformed_times(fit, transform)[group]
    return ScaledSchoenfeld(time[order], g[order], value[order], float(inverse[kept]) / unit**2)


def smooth_schoenfeld(
    residuals: ScaledSchoenfeld, *, points: int = 40, confidence_level: float = 0.95
) -> SchoenfeldSmooth:
    """Fit a natural cubic spline of four degrees of freedom to the residuals over g(time).

    Args:
        residuals: of one term.
        points: at which the smooth is given, from the first event to the last.
        confidence_level: of the pointwise limits, with the variance that the model gives a residual.

    Raises:
        NotEstimableError: too few distinct event times.

    Source: Therneau and Grambsch (2000), section 6.2, knots at the thirds of the events.
    R: ``lm(y ~ ns(x, df = 4, intercept = TRUE) - 1)`` on ``cox.zph(fit)``.
    """
    x = residuals.scale
    knots = np.quantile(x, KNOTS)
    if (np.diff(knots) <= 0).any() or np.unique(x).size < knots.size:
        raise NotEstimableError("too few distinct event times for a smooth")
    unit = knots[-1] - knots[0]
    places = np.linspace(knots[0], knots[-1], points)
    basis, at = (_natural_spline((values - knots[0]) / unit, (knots - knots[0]) / unit) for values in (x, places))
    left, size, right = np.linalg.svd(basis, full_matrices=False)
    if size[-1] <= RANK * size[0]:
        raise NotEstimableError("too few distinct event times for a smooth")
    solved = at @ (right.T / size)  # places by singular directions
    value = solved @ (left.T @ residuals.value)
    spread = normal_quantile(level(confidence_level)) * np.sqrt(residuals.variance * (solved**2).sum(axis=1))
    distinct, first = np.unique(x, return_index=True)
    return SchoenfeldSmooth(
        scale=places,
        time=np.interp(places, distinct, residuals.time[first]),
        value=value,
        lower=value - spread,
        upper=value + spread,
        events=np.searchsorted(np.sort(x), places, side="right").astype(np.float64),
    )


def _natural_spline(x: Floats, knots: Floats) -> Floats:
    """Return the truncated power basis that is linear beyond the boundary knots, shape (n, k) for k knots."""

    def bend(knot: float) -> Floats:
        cubes = np.maximum(x - knot, 0.0) ** 3 - np.maximum(x - knots[-1], 0.0) ** 3
        return np.asarray(cubes / (knots[-1] - knot))

    last = bend(float(knots[-2]))
    return np.column_stack([np.ones(x.size), x, *(bend(float(knot)) - last for knot in knots[:-2])])
