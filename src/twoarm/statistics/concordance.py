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


def concordance(
    *,
    time: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
) -> Concordance:
    """Compare a risk score with the order of events.

    A pair is comparable when the earlier of the two times is an event and the other patient is at risk then; at equal
    times, when just one is an event.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        risk: the higher, the earlier the event is expected, shape (n,).
        strata: compare within these strata only, shape (n,).
        entry: left truncation: at risk where entry < t, shape (n,).
        weight: a pair counts with the product of its patients' weights, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

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
    enters = arrays.entries(entry, exits)
    weights = arrays.weights(weight, exits.size) * arrays.frequencies(frequency, exits.size)
    stratum = np.zeros(exits.size, np.int64) if strata is None else arrays.codes("strata", strata, exits.size)[0]
    ranks = np.unique(score, return_inverse=True)[1].reshape(-1).astype(np.int64)
    counts = np.zeros(3)
    order = np.argsort(stratum, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        counts += _count(
            exits[rows], happened[rows], ranks[rows], None if enters is None else enters[rows], weights[rows]
        )
    concordant, discordant, tied = counts.tolist()
    comparable = concordant + discordant + tied
    if comparable <= 0:
        raise NotEstimableError("no two patients can be compared")
    return Concordance((concordant + tied / 2) / comparable, concordant, discordant, tied)


def _count(time: Floats, event: Booleans, ranks: Integers, entry: Floats | None, weight: Floats) -> Floats:
    """Return (concordant, discordant, tied in risk): weights of comparable pairs."""
    # who outlives an event: later times, and censorings at the same time; they stand before it in this order
    order = np.lexsort((~event, time))[::-1]
    times, events = time[order], event[order]
    groups = np.flatnonzero(np.concatenate(([True], (np.diff(times) != 0) | (events[1:] != events[:-1]))))
    first = groups[np.searchsorted(groups, np.arange(times.size), side="right") - 1]
    asked = np.flatnonzero(events)
    if asked.size == 0:
        return np.zeros(3)
    questions = ranks[order][asked]
    parts = _earlier(ranks[order], weight[order], first[asked], questions)
    if entry is not None:  # less those who were not yet at risk
        late = np.argsort(-entry, kind="stable")
        not_yet = np.searchsorted(-entry[late], -times[asked], side="right")
        parts = parts - _earlier(ranks[late], weight[late], not_yet, questions)
    below, equal, everybody = (weight[order][asked] * parts).sum(axis=1)
    return np.array([below, everybody - below - equal, equal])


def _earlier(ranks: Integers, weight: Floats, before: Integers, asked: Integers) -> Floats:
    """For each question sum the weights, among the first ``before``, of ranks below, equal to ``asked``, and of all.

    A merge tree, level by level: a prefix is a sum of blocks whose sizes are powers of two, and within a sorted block
    the sum is a difference of cumulative sums; O(n log^2 n) without a loop over patients.
    """
    below, equal = np.zeros(asked.size), np.zeros(asked.size)
    width = int(max(ranks.max(), asked.max())) + 2
    size = 1
    while size <= ranks.size:
        block = np.arange(ranks.size) // size
        keys = block * width + ranks
        sort = np.argsort(keys, kind="stable")
        keys, running = keys[sort], np.concatenate(([0.0], np.cumsum(weight[sort])))
        uses = np.flatnonzero(before & size)
        which = (before[uses] // size) - 1  # the last block of this size within the prefix
        low = np.searchsorted(keys, which * width + asked[uses], side="left")
        high = np.searchsorted(keys, which * width + asked[uses], side="right")
        below[uses] += running[low] - running[which * size]
        equal[uses] += running[high] - running[low]
        size *= 2
    return np.array([below, equal, np.concatenate(([0.0], np.cumsum(weight)))[before]])
