"""Greedy matching of patients who choose one after the other the nearest who is free.

Those who cannot want the same place choose at once, which gives the pairs of choosing one after the other: patients of
different clusters of the score, and many in a row of the queue as long as they want different places. What is left is
served one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.closest_pairs import Pairs
from twoarm.statistics.score_clusters import clusters_of
from twoarm.statistics.score_order import by_score, runs_of_equals
from twoarm.statistics.swept_places import NOBODY, swept_places

AT_ONCE = 1 << 16  # patients whose nearest are looked up together
TOGETHER = 1_024  # of a queue that look at once, to begin with
WORTHWHILE = 96  # served at once, on average, that take as long as one after the other
FEW = 64  # choosing at once take as long as one after the other
LARGE = 16  # patients of a cluster, on average, where it is not worth it to look at clusters
LATER = -2  # in place of a place


@dataclass(slots=True)
class _Slots:
    """Those who can be chosen, in order of score and key, and where the next free one of each side is."""

    score: Floats
    rank: Integers
    first_equal: Integers  # the first place of the same score
    right: Integers  # leads to the first free place at or after, shape (size + 1,)
    left: Integers  # leads to one more than the last free place before, shape (size + 1,)

    @classmethod
    def all_free(cls, score: Floats, rank: Integers) -> _Slots:
        ways = np.arange(score.size + 1)
        return cls(score, rank, runs_of_equals(score)[0], ways, ways.copy())

    def take(self, places: Integers) -> None:
        self.right[places] = places + 1
        self.left[places + 1] = places


def queued_pairs(score: Floats, queue: Integers, free: Integers, rank: Integers, limit: float) -> Pairs:
    """Serve a queue in any order, fastest one that goes up the score; return rows of it and of their partners.

    Scores are whole numbers, ``rank`` breaks ties, gaps go up to ``limit``.
    """
    others, own = by_score(free, score[free], rank[free]), score[queue]
    places, ranks = score[others], rank[others]
    line = np.arange(own.size)
    rises = bool((own[1:] >= own[:-1]).all())
    if not rises:
        line = by_score(line, own, line)
    place = np.empty(own.size, np.int64)  # the first at or above
    place[line] = np.searchsorted(places, own[line])  # in order: many times as fast
    chosen, kept = _apart(places, ranks, own, place, limit, line)
    late = np.flatnonzero(chosen == LATER)
    if late.size:
        serve = swept_places if rises else _in_turn
        near, nearer = np.flatnonzero(kept), np.append(0, np.cumsum(kept))[place[late]]
        # NOBODY leads to the last, itself
        chosen[late] = np.append(near, NOBODY)[serve(places[near], ranks[near], own[late], nearer, limit)]
    found = np.flatnonzero(chosen >= 0)
    return queue[found], others[chosen[found]]


def _apart(
    score: Floats, rank: Integers, own: Floats, place: Integers, limit: float, line: Integers
) -> tuple[Integers, Booleans]:
    """Serve patients of different clusters at once: the first of the queue in each cluster, the second, and so on.

    ``line`` is the queue in order of the score.

    Return the places that the queue chooses (m,), ``LATER`` for the last of large clusters, and which places are still
    there for them.
    """
    chosen, kept = np.full(own.size, LATER), np.ones(score.size, np.bool_)
    slots = _Slots.all_free(score, rank)
    clusters = clusters_of(slots.first_equal, place[line])
    if clusters.start.size * LARGE < own.size:
        return chosen, kept
    row = line
    if (line[1:] < line[:-1]).any():
        key = np.repeat(np.arange(clusters.start.size), clusters.count) * own.size + line
        key.sort()
        row = key % own.size  # cluster by cluster, each in order of the queue
    step, start, count = 0, clusters.start, clusters.count
    while start.size > FEW:
        now = row[start + step]
        chosen[now] = wanted = _nearest(slots, own[now], place[now], limit)
        slots.take(wanted[wanted >= 0])
        step += 1
        going = count > step
        start, count = start[going], count[going]
    kept = clusters.reach(score.size, clusters.count > step)
    kept[chosen[chosen >= 0]] = False
    return chosen, kept


def _in_turn(score: Floats, rank: Integers, own: Floats, place: Integers, limit: float) -> Integers:
    """Return the places that the queue chooses, one patient after the other; ``NOBODY`` where none is near enough."""
    slots, chosen = _Slots.all_free(score, rank), np.full(own.size, NOBODY)
    served = _together(slots, own, place, limit, chosen)
    if served < own.size:
        _singly(slots, own[served:], place[served:], limit, chosen[served:])
    return chosen


def _together(slots: _Slots, own: Floats, place: Integers, limit: float, chosen: Integers) -> int:
    """Fill in the places that the queue chooses; return how many were served before clashes became frequent.

    What is nearest to somebody stays so while others take other places. So of some who look at once all get what they
    see, up to the first who wants what one before has taken: he looks again.
    """
    start, average = 0, float(TOGETHER)
    first = np.zeros(slots.right.size, np.int64)  # who wants a place first
    while start < own.size and average > WORTHWHILE:
        rows = slice(start, start + int(1.25 * average) + 1)
        wanted = _nearest(slots, own[rows], place[rows], limit)
        number = np.arange(wanted.size)
        first[wanted[::-1]] = number[::-1]
        clash = (first[wanted] != number) & (wanted >= 0)
        count = int(clash.argmax()) if clash.any() else wanted.size
        chosen[start : start + count] = wanted[:count]
        slots.take(wanted[:count][wanted[:count] >= 0])
        start += count
        average += (min(1.5 * count, 1 << 16) - average) / 8
    return start


def _nearest(slots: _Slots, own: Floats, place: Integers, limit: float) -> Integers:
    """Return the free place that each would choose now, ``NOBODY`` without one that is near enough."""
    size = slots.score.size
    above, below = _root(slots.right, place), _root(slots.left, place) - 1
    rise = np.where(above < size, slots.score[np.minimum(above, size - 1)] - own, np.inf)
    fall = np.where(below >= 0, own - slots.score[np.maximum(below, 0)], np.inf)
    wanted, gap = above, np.minimum(rise, fall)
    down = np.flatnonzero((fall <= rise) & (fall < np.inf))
    if down.size:
        under = _root(slots.right, slots.first_equal[below[down]])  # the smallest key of an equal score
        over = above[down]
        upwards = (rise[down] == fall[down]) & (slots.rank[np.minimum(over, size - 1)] < slots.rank[under])
        wanted[down] = np.where(upwards, over, under)
    wanted[~((gap <= limit) & (gap < np.inf))] = NOBODY
    return wanted


def _root(leads: Integers, at: Integers) -> Integers:
    """Return where each of some places leads in the end, and shorten the ways."""
    while True:
        step = leads[at]
        further = leads[step]
        if (further == step).all():
            return step
        leads[at] = further
        at = further


def _singly(slots: _Slots, own: Floats, place: Integers, limit: float, chosen: Integers) -> None:
    """Fill in the places that the queue chooses, one patient after the other."""
    scores, ranks, first_equal = slots.score.tolist(), slots.rank.tolist(), slots.first_equal.tolist()
    right, left, size, inf = slots.right.tolist(), slots.left.tolist(), slots.score.size, float("inf")
    taken: list[int] = []
    for above, mine in zip(place.tolist(), own.tolist(), strict=True):
        below = above
        while (step := right[above]) != above:
            right[above] = above = right[step]
        while (step := left[below]) != below:
            left[below] = below = left[step]
        rise = scores[above] - mine if above < size else inf
        slot = above
        if below:
            slot = below = below - 1
            fall = mine - scores[below]
            if rise <= fall:
                below = _first_free(right, first_equal[below])
                slot = above if rise < fall or ranks[above] < ranks[below] else below
            else:
                slot = _first_free(right, first_equal[below])
                rise = fall
        if rise <= limit and rise < inf:
            right[slot] = slot + 1
            left[slot + 1] = slot
            taken.append(slot)
        else:
            taken.append(NOBODY)
    chosen[:] = taken


def _first_free(right: list[int], slot: int) -> int:
    """Return the first free place of those with an equal score: the smallest key."""
    while (step := right[slot]) != slot:
        right[slot] = slot = right[step]
    return slot


def pairs_with_replacement(
    score: Floats, queue: Integers, others: Integers, rank: Integers, limit: float, ratio: int
) -> Pairs:
    """Give each of a queue the nearest ``ratio`` others, whoever else has them."""
    up = by_score(others, score[others], rank[others])
    down = by_score(others, -score[others], rank[others])
    ascending, size = score[up], up.size
    near = np.arange(min(ratio, size))
    rows, partners = [queue[:0]], [others[:0]]
    for start in range(0, queue.size, AT_ONCE):
        part = queue[start : start + AT_ONCE]
        above = np.searchsorted(ascending, score[part])[:, None] + near
        below = size - above[:, :1] + near  # down the score, among equal ones up the keys
        candidates = np.concatenate([up[np.minimum(above, size - 1)], down[np.minimum(below, size - 1)]], axis=1)
        gap = np.abs(score[candidates] - score[part][:, None])
        gap[np.concatenate([above, below], axis=1) >= size] = np.inf
        chosen = np.lexsort((rank[candidates], gap), axis=1)[:, : near.size]
        fits = np.take_along_axis(gap, chosen, axis=1)
        fits = (fits <= limit) & (fits < np.inf)
        rows.append(np.repeat(part, fits.sum(axis=1)))
        partners.append(np.take_along_axis(candidates, chosen, axis=1)[fits])
    return np.concatenate(rows), np.concatenate(partners)
