"""Harrell's concordance of a risk score with survival (Harrell et al. 1982)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True)
class Concordance:
    """Share of comparable pairs in which the higher risk had the event first; tied risks count one half."""

    concordance: float
    concordant: float
    discordant: float
    tied_risk: float


def concordance(*, time: ArrayLike, event: ArrayLike, risk: ArrayLike, strata: ArrayLike | None = None) -> Concordance:
    """Compare a risk score with the order of events.

    A pair is comparable when the earlier of the two times is an event; at equal times, when just one is an event.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        risk: the higher, the earlier the event is expected, shape (n,).
        strata: compare within these strata only, shape (n,).

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no comparable pair.

    R: ``concordance(Surv(time, event) ~ risk, reverse = TRUE)``.

    >>> concordance(time=[1, 2, 2, 2, 3], event=[1, 1, 1, 0, 0], risk=[5, 4, 1, 3, 2]).concordance
    0.75
    """
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    score = arrays.numbers("risk", risk, exits.size)
    stratum = np.zeros(exits.size, np.int64) if strata is None else arrays.codes("strata", strata, exits.size)[0]
    concordant = discordant = tied = 0
    order = np.argsort(stratum, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        parts = _count(exits[rows], happened[rows], score[rows])
        concordant, discordant, tied = concordant + parts[0], discordant + parts[1], tied + parts[2]
    comparable = concordant + discordant + tied
    if comparable == 0:
        raise NotEstimableError("no two patients can be compared")
    return Concordance((concordant + tied / 2) / comparable, float(concordant), float(discordant), float(tied))


def _count(time: Floats, event: Booleans, score: Floats) -> tuple[int, int, int]:
    """Return (concordant, discordant, tied in risk) among comparable pairs."""
    ranks = np.unique(score, return_inverse=True)[1].reshape(-1).astype(np.int64)
    # who outlives an event: later times, and censorings at the same time
    order = np.lexsort((~event, time))[::-1]
    ranks, events, times = ranks[order], event[order], time[order]
    groups = np.flatnonzero(np.concatenate(([True], (np.diff(times) != 0) | (events[1:] != events[:-1]))))
    first = groups[np.searchsorted(groups, np.arange(times.size), side="right") - 1]
    asked = np.flatnonzero(events)
    below, equal = _earlier_below(ranks, first[asked], ranks[asked])
    outlived = int(first[asked].sum())
    return int(below.sum()), outlived - int(below.sum()) - int(equal.sum()), int(equal.sum())


def _earlier_below(ranks: Integers, before: Integers, asked: Integers) -> tuple[Integers, Integers]:
    """For each question count, among ``ranks[:before]``, those below and those equal to ``asked``.

    A merge tree, level by level: a prefix is a sum of blocks whose sizes are powers of two, and within a sorted block
    the count is a binary search; O(n log^2 n) without a loop over patients.
    """
    below, equal = np.zeros(asked.size, dtype=np.int64), np.zeros(asked.size, dtype=np.int64)
    width = int(ranks.max()) + 2
    size = 1
    while size <= ranks.size:
        block = np.arange(ranks.size) // size
        keys = np.sort(block * width + ranks)
        uses = np.flatnonzero(before & size)
        which = (before[uses] // size) - 1  # the last block of this size within the prefix
        start = which * size
        low = np.searchsorted(keys, which * width + asked[uses], side="left")
        high = np.searchsorted(keys, which * width + asked[uses], side="right")
        below[uses] += low - start
        equal[uses] += high - low
        size *= 2
    return below, equal
