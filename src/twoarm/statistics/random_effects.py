"""Pooling of centres' estimates: fixed effect, and random effects by REML with Hartung and Knapp's interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import (
    chi_squared_tail,
    normal_quantile,
    t_quantile,
    two_sided_normal,
    two_sided_t,
)

FEW_CENTRES = 5  # below this many the variance between centres is all but unknown
GRID = 400  # places at which the slope of the restricted likelihood is looked at; it can have several maxima
BISECTIONS = 200  # to the last bit


@dataclass(frozen=True, slots=True)
class PooledCentres:
    """One estimate with its limits and the test that it is 0; a random effect's test is by Student's t."""

    estimate: float
    std_error: float
    lower: float
    upper: float
    p_value: float


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """What k centres say together, on the scale of their estimates such as the log hazard ratio."""

    fixed: PooledCentres  # normal limits
    random: PooledCentres  # Hartung and Knapp's limits, k - 1 degrees of freedom
    tau_squared: float  # variance between centres, by restricted maximum likelihood
    hartung_knapp_factor: float  # of the variance, before it is held at 1 or above
    q: float  # Cochran's
    q_p_value: float
    i_squared: float  # share of q beyond its k - 1 degrees of freedom, 0 to 1 (Higgins and Thompson)
    prediction_lower: float  # of a new centre's effect; NaN with fewer than 3 centres
    prediction_upper: float
    centres: int
    few_centres: bool  # fewer than 5: a warning belongs beside the result
    confidence_level: float


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """The random effect without each of k centres; every array has shape (k,)."""

    estimate: Floats
    lower: Floats
    upper: Floats
    tau_squared: Floats


def pool_centres(*, estimates: ArrayLike, std_errors: ArrayLike, confidence_level: float = 0.95) -> RandomEffects:
    """Pool one estimate a centre.

    Args:
        estimates: such as log hazard ratios, shape (k,).
        std_errors: above 0, shape (k,).
        confidence_level: of all intervals.

    Raises:
        ArgumentError: missing values, standard errors that are not above 0, lengths that differ.
        NotEstimableError: one centre only.

    Source: Raudenbush (2009) for REML; Hartung and Knapp (2001) with the factor of the variance not below 1 (Röver,
    Knapp and Friede 2015); Higgins and Thompson (2002) for I squared; Higgins, Thompson and Spiegelhalter (2009) for
    the prediction interval, with k - 2 degrees of freedom and the standard error of Hartung and Knapp.
    R: ``metafor::rma(y, sei = s, method = "REML", test = "adhoc")``, whose I squared is tau squared's share instead.

    >>> found = pool_centres(estimates=[-0.5, -0.1, -0.9, 0.2], std_errors=[0.2, 0.25, 0.3, 0.2])
    >>> round(found.random.estimate, 4), round(found.tau_squared, 4)
    (-0.3, 0.1598)
    """
    y, s = _read(estimates, std_errors)
    k, level = y.size, arrays.level(confidence_level)
    if k < 2:
        raise NotEstimableError("one centre only")
    variances = s * s
    mean, total, q = _weighted(y, 1 / variances)
    fixed_error, z = float(1 / np.sqrt(total)), normal_quantile(level)
    tau_squared = _restricted_maximum(y, variances)
    centre, weight, spread = _weighted(y, 1 / (variances + tau_squared))
    factor = spread / (k - 1)
    error = float(np.sqrt(max(1.0, factor) / weight))
    t = t_quantile(level, k - 1)
    reach = t_quantile(level, k - 2) * np.sqrt(tau_squared + error**2) if k > 2 else np.nan
    return RandomEffects(
        fixed=PooledCentres(
            mean, fixed_error, mean - z * fixed_error, mean + z * fixed_error, two_sided_normal(mean / fixed_error)
        ),
        random=PooledCentres(centre, error, centre - t * error, centre + t * error, two_sided_t(centre / error, k - 1)),
        tau_squared=tau_squared,
        hartung_knapp_factor=factor,
        q=q,
        q_p_value=chi_squared_tail(q, k - 1),
        i_squared=max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        prediction_lower=float(centre - reach),
        prediction_upper=float(centre + reach),
        centres=k,
        few_centres=k < FEW_CENTRES,
        confidence_level=level,
    )


def leave_one_centre_out(*, estimates: ArrayLike, std_errors: ArrayLike, confidence_level: float = 0.95) -> LeaveOneOut:
    """Pool all centres but one, for each of them; arguments as for ``pool_centres``.

    Raises:
        ArgumentError: as ``pool_centres``.
        NotEstimableError: fewer than three centres.

    R: ``metafor::leave1out(fit)``.

    >>> left = leave_one_centre_out(estimates=[-0.5, -0.1, -0.9, 0.2], std_errors=[0.2, 0.25, 0.3, 0.2])
    >>> left.estimate.round(3).tolist()
    [-0.237, -0.374, -0.135, -0.477]
    """
    y, s = _read(estimates, std_errors)
    if y.size < 3:
        raise NotEstimableError(f"{y.size} centres only; leaving one out needs three")
    fits = [
        pool_centres(estimates=np.delete(y, i), std_errors=np.delete(s, i), confidence_level=confidence_level)
        for i in range(y.size)
    ]
    return LeaveOneOut(
        estimate=np.array([fit.random.estimate for fit in fits]),
        lower=np.array([fit.random.lower for fit in fits]),
        upper=np.array([fit.random.upper for fit in fits]),
        tau_squared=np.array([fit.tau_squared for fit in fits]),
    )


def _read(estimates: ArrayLike, std_errors: ArrayLike) -> tuple[Floats, Floats]:
    y = arrays.numbers("estimates", estimates)
    s = np.asarray(std_errors)
    if s.shape != y.shape:
        raise ArgumentError(f"std_errors: found shape {s.shape}; expected {y.shape}, one a centre")
    s = arrays.numbers("std_errors", s)
    if y.size == 0:
        raise ArgumentError("estimates: found no centres; expected at least two")
    if (s <= 0).any():
        raise ArgumentError(f"std_errors: found {int((s <= 0).sum())} that are not above 0; leave those centres out")
    return y, s


def _weighted(y: Floats, weight: Floats) -> tuple[float, float, float]:
    """Return (weighted mean, sum of weights, weighted sum of squares around the mean)."""
    total = float(weight.sum())
    mean = float((weight * y).sum() / total)
    return mean, total, float((weight * (y - mean) ** 2).sum())


def _restricted_maximum(y: Floats, variances: Floats) -> float:
    """Return the tau squared of highest restricted likelihood: 0, or where its slope turns from up to down."""
    top = y.size * float(np.ptp(y)) ** 2
    if top == 0:
        return 0.0
    grid = np.concatenate(([0.0], np.geomspace(top * 1e-10, top, GRID)))
    slopes = np.array([_slope(y, variances, place) for place in grid])
    turns = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    places = [0.0, *(_bisect(y, variances, float(grid[i]), float(grid[i + 1])) for i in turns)]
    return max(places, key=lambda place: _log_likelihood(y, variances, place))


def _bisect(y: Floats, variances: Floats, low: float, high: float) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _slope(y, variances, middle) > 0 else (low, middle)
    return (low + high) / 2


def _slope(y: Floats, variances: Floats, tau_squared: float) -> float:
    """Return twice the derivative of the restricted log-likelihood."""
    weight = 1 / (variances + tau_squared)
    mean, total, _ = _weighted(y, weight)
    squared = weight * weight
    return float((squared * (y - mean) ** 2).sum() - total + squared.sum() / total)


def _log_likelihood(y: Floats, variances: Floats, tau_squared: float) -> float:
    weight = 1 / (variances + tau_squared)
    _, total, spread = _weighted(y, weight)
    return float((np.log(weight).sum() - np.log(total) - spread) / 2)
