"""Nelson-Aalen cumulative hazard at each patient's own time (Nelson 1972; Aalen 1978)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats


def nelson_aalen(*, time: ArrayLike, event: ArrayLike, frequency: ArrayLike | None = None) -> Floats:
    """Return the sample's cumulative hazard, the sum of d / n up to and with each patient's own time, shape (n,).

    It carries the outcome, with the event indicator, into an imputation model (White and Royston 2009).

    Args:
        time: time to event or end of follow-up, shape (n,), at least 0.
        event: True (or 1) where the event happened, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    Raises:
        ArgumentError: missing or negative times, events that are not 0/1, lengths that differ.

    R: ``survfit(Surv(time, event) ~ 1)$cumhaz``; ``mice::nelsonaalen(data, time, event)`` is the same without tied
    events, among which it takes Efron's sum of 1 / (n - i).

    >>> nelson_aalen(time=[1, 2, 2, 4], event=[1, 1, 0, 0]).round(4).tolist()
    [0.25, 0.5833, 0.5833, 0.5833]
    """
    exits = arrays.times("time", time)
    if exits.size == 0:
        raise ArgumentError("time: found no patients; expected at least one")
    happened = arrays.events("event", event, exits.size)
    frequencies = arrays.frequencies(frequency, exits.size)
    distinct, position = arrays.distinct(exits)
    events = arrays.group_sums(position, frequencies * happened, distinct.size)
    leaving = arrays.group_sums(position, frequencies, distinct.size)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    return np.asarray(np.cumsum(events / at_risk)[position])
