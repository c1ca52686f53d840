"""Maximum and profile of a likelihood that carries Jeffreys's prior (Firth 1993; Heinze and Schemper 2001)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twoarm.errors import NotEstimableError
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail, normal_quantile
from twoarm.statistics.linear_algebra import solve_symmetric
from twoarm.statistics.newton import Likelihood

MAXIMUM_ITERATIONS = 100
DIFFERENCE = 1e-5  # per SD, for the curvature as differences of the score
MAXIMUM_HALVINGS = 30
LONGEST_STEP = 2.0  # per SD of a column
STEP_TOLERANCE = 1e-11
LIMIT_TOLERANCE = 1e-10  # of a profile limit, per SD of its column
FARTHEST = 200.0  # per SD; a limit beyond is infinite
WIDENING = 1.6  # factor by which the search for a limit goes on outwards

Penalised = Callable[[Floats], Likelihood]  # height and score with the penalty, information without


@dataclass(frozen=True, slots=True, eq=False)
class PenalisedMaximum:
    """Where the penalised likelihood is highest."""

    parameters: Floats  # (q,)
    information: Floats  # without the penalty, (q, q)
    height: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of one parameter; an infinite limit is NaN."""

    lower: float
    upper: float
    statistic: float  # twice the fall of the height where the parameter is 0
    p_value: float


NO_PROFILE = Profile(*4 * (float("nan"),))


def maximise_penalised(likelihood: Penalised, start: Floats, free: Floats | None = None) -> PenalisedMaximum:
    """Climb from ``start`` over the parameters that are ``free``, shape (q,) of 0 and 1; all by default.

    Raises:
        NotEstimableError: the climb does not end.
    """
    moving = np.flatnonzero(np.ones(start.size) if free is None else free)
    place, here = start.copy(), likelihood(start)
    if moving.size == 0:
        return PenalisedMaximum(place, here.information, here.height)
    for _ in range(MAXIMUM_ITERATIONS):
        step = np.zeros_like(place)
        try:
            step[moving] = _direction(likelihood, place, here, moving)
        except np.linalg.LinAlgError:
            break
        longest = float(np.abs(step).max())
        if not np.isfinite(longest):
            break
        step *= LONGEST_STEP / max(longest, LONGEST_STEP)
        slack = 1e-13 * max(1.0, abs(here.height))
        there = likelihood(place + step)
        for _ in range(MAXIMUM_HALVINGS):
            if there.height >= here.height - slack:
                break
            step = step / 2
            there = likelihood(place + step)
        place, here = place + step, there
        if np.abs(step).max() < STEP_TOLERANCE * max(1.0, np.abs(place).max()):
            return PenalisedMaximum(place, here.information, here.height)
    raise NotEstimableError(f"the penalised fit did not converge in {MAXIMUM_ITERATIONS} iterations")


def _direction(likelihood: Penalised, place: Floats, here: Likelihood, moving: Integers) -> Floats:
    """Return Newton's step among the moving parameters; with the information where the height curves upwards."""
    curvature = np.empty((moving.size, moving.size))
    for column, j in enumerate(moving.tolist()):
        step = np.zeros_like(place)
        step[j] = DIFFERENCE
        slope = likelihood(place - step).score - likelihood(place + step).score
        curvature[:, column] = slope[moving] / (2 * DIFFERENCE)
    curvature = (curvature + curvature.T) / 2
    score = here.score[moving]
    if np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[0] > 0:
        return solve_symmetric(curvature, score)
    return solve_symmetric(here.information[np.ix_(moving, moving)], score)


def profile(likelihood: Penalised, top: PenalisedMaximum, j: int, std_error: float, level: float) -> Profile:
    """Return limits of parameter j: where the profile has fallen by half the chi-squared quantile on 1 df."""
    free = np.ones(top.parameters.size)
    free[j] = 0.0
    z = normal_quantile(level)

    def fall(value: float) -> float:
        start = top.parameters.copy()
        start[j] = value
        return 2 * (top.height - maximise_penalised(likelihood, start, free).height)

    centre = float(top.parameters[j])
    lower, upper = (_limit(lambda value: fall(value) - z * z, centre, side * z * std_error) for side in (-1, 1))
    statistic = max(fall(0.0), 0.0)
    return Profile(lower, upper, statistic, chi_squared_tail(statistic, 1))


def _limit(excess: Callable[[float], float], centre: float, stride: float) -> float:
    """Go outwards until ``excess`` is positive, then close in by bisection and secants (Illinois)."""
    inner, inner_excess = centre, excess(centre)
    outer = centre + stride
    outer_excess = excess(outer)
    while outer_excess < 0:
        inner, inner_excess = outer, outer_excess
        stride *= WIDENING
        outer = centre + stride
        if abs(stride) > FARTHEST:
            return float("nan")
        outer_excess = excess(outer)
    while np.isinf(outer_excess):  # so far out that the information is 0 in floating point
        middle = (inner + outer) / 2
        if abs(outer - inner) < LIMIT_TOLERANCE:
            return float("nan")
        value = excess(middle)
        if value < 0:
            inner, inner_excess = middle, value
        else:
            outer, outer_excess = middle, value
    for _ in range(100):
        middle = outer - outer_excess * (outer - inner) / (outer_excess - inner_excess)
        value = excess(middle)
        if abs(value) < LIMIT_TOLERANCE or abs(outer - inner) < LIMIT_TOLERANCE:
            return float(middle)
        if value * outer_excess < 0:
            inner, inner_excess = outer, outer_excess
        else:
            inner_excess /= 2
        outer, outer_excess = middle, value
    return float(outer)
