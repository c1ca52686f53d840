"""Newton's method with step-halving for a concave log-likelihood of a few parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Floats
from twoarm.statistics.linear_algebra import solve_symmetric

MAXIMUM_ITERATIONS = 25
MAXIMUM_HALVINGS = 30
STEP_TOLERANCE = 1e-8  # relative to the largest parameter; the step after it would be its square


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """A log-likelihood at one place: its height, score (q,) and observed information (q, q)."""

    height: float  # minus infinity where the parameters are impossible
    score: Floats
    information: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the climb ended; ``converged`` is False where the likelihood has no maximum, as under separation."""

    parameters: Floats  # (q,)
    information: Floats  # (q, q), at the parameters
    height: float
    converged: bool


def maximise(likelihood: Callable[[Floats], Likelihood], start: Floats) -> Maximum:
    """Climb from ``start`` to the maximum of a concave log-likelihood; parameters that run away do not converge."""
    place, here = start, likelihood(start)
    for _ in range(MAXIMUM_ITERATIONS):
        try:
            step = solve_symmetric(here.information, here.score)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        slack = 1e-12 * max(1.0, abs(here.height))
        there = likelihood(place + step)
        for _ in range(MAXIMUM_HALVINGS):
            if there.height >= here.height - slack:
                break
            step = step / 2
            there = likelihood(place + step)
        else:
            break
        place, here = place + step, there
        if np.abs(step).max(initial=0.0) < STEP_TOLERANCE * max(1.0, np.abs(place).max(initial=0.0)):
            return Maximum(place, here.information, here.height, True)
    return Maximum(place, here.information, here.height, False)
