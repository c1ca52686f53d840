"""Landmark analysis: who is still under observation at a fixed time, and what happens from then on (Anderson 1983)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """The m patients without the event and still followed after a time, counted from it; and how many were lost."""

    at: float
    rows: Integers  # positions among the n patients, shape (m,)
    time: Floats  # counted from the landmark, above 0, shape (m,)
    event: Booleans  # shape (m,)
    had_event: Booleans  # by the landmark, shape (n,)
    censored: Booleans  # by the landmark, shape (n,)


def at_landmark(*, time: ArrayLike, event: ArrayLike, at: float) -> Landmark:
    """Return the patients at risk after a landmark; an event or a censoring on its very day is before it.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        at: the landmark, at least 0.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: nobody is followed beyond the landmark.

    Source: Anderson, Cain and Gelber (1983). R: ``subset(data, time > at)`` with ``Surv(time - at, event)``.

    >>> at_landmark(time=[1, 3, 5], event=[1, 0, 1], at=2).time.tolist()
    [1.0, 3.0]
    """
    if not (math.isfinite(at) and at >= 0):
        raise ArgumentError(f"at: found {at}; expected a time of at least 0")
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    kept = exits > at
    if not kept.any():
        raise NotEstimableError("nobody is followed beyond the landmark")
    rows = np.flatnonzero(kept)
    return Landmark(float(at), rows, exits[rows] - at, happened[rows], happened & ~kept, ~happened & ~kept)
