"""Greedy matching in order of the score, where those who are far apart choose at once.

A queue that goes down the score is a sweep. Whoever of the free is above it was passed; below it nobody has gone but a
stretch right under it. Whatever the first few choose, from some place on all are free still. Where the next one is
below that place, so that somebody right above him is free for certain, his choice does not depend on theirs: a new part
of the queue begins. The first of all parts choose at once, then the second of all parts, and so on. Who reaches for
what another part may have taken is served afterwards, one after the other, and so is the rest of his part.
"""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.closest_pairs import Pairs
from twoarm.statistics.score_order import by_score, runs_of_equals

FEW = 64  # choosing at once take as long as one after the other
NOBODY, LATER = -1, -2


def descending_pairs(score: Floats, queue: Integers, free: Integers, rank: Integers, limit: float) -> Pairs:
    """Serve a queue that goes down the score.

    Scores are whole numbers, ``rank`` breaks ties, gaps go up to ``limit``.
    """
    down = by_score(free, -score[free], rank[free])
    falling, ranks, own = -score[down], rank[down], -score[queue]
    passed = np.searchsorted(falling, own, side="right")
    chosen = _at_once(falling, own, passed, limit)
    late = np.flatnonzero(chosen == LATER)
    if late.size:
        chosen[late] = _afterwards(falling, ranks, own[late], passed[late], limit, chosen[chosen >= 0])
    found = np.flatnonzero(chosen >= 0)
    return queue[found], down[chosen[found]]


def _untouched(passed: Integers) -> Integers:
    """Return for each of a queue the first place from which on all are free after him, whoever chose whom.

    ``passed`` is how many places lie above each. He takes at most the one right below him or, where those before may
    have taken that one, the next.
    """
    number = np.arange(passed.size)
    return np.asarray(np.maximum.accumulate(passed - number) + number + 1)


def _at_once(falling: Floats, own: Floats, passed: Integers, limit: float) -> Integers:
    """Return which place each of a queue chooses, shape (m,): ``NOBODY`` where none is near enough, or ``LATER``.

    Equal scores and equal gaps, which keys decide, are left for later.
    """
    chosen = np.full(own.size, LATER)
    # from here on places count from 1; 0 and one beyond the last stand for nobody
    depth = np.concatenate(([-np.inf], falling, [np.inf]))
    alone = np.ones(depth.size, np.bool_)
    alone[1:] &= depth[1:] != depth[:-1]
    alone[:-1] &= alone[1:].copy()
    taken = np.concatenate(([0], _untouched(passed)[:-1]))  # the last place that those before may have taken
    at = np.flatnonzero(passed > taken)
    stop, taken = np.append(at[1:], own.size), taken[at]
    above, below = passed[at], passed[at] + 1  # the nearest who are free
    next_above = np.arange(-1, depth.size - 1)
    while at.size > FEW:
        rise, fall = own[at] - depth[above], depth[below] - own[at]
        gap = np.minimum(rise, fall)
        known = (above > taken) | (rise > np.minimum(fall, limit))
        known &= (rise != fall) & alone[above] & alone[below]
        near, upwards = gap <= limit, rise < fall
        place = np.where(near, np.where(upwards, above, below) - 1, NOBODY)
        chosen[at] = np.where(known, place, LATER)
        above = np.where(near & upwards, next_above[above], above)
        below += near & ~upwards
        going = np.flatnonzero(known & (at + 1 < stop))
        at, stop, taken, above, below = at[going] + 1, stop[going], taken[going], above[going], below[going]
        on = np.flatnonzero(passed[at] >= below)  # who passes some who were below the one before
        next_above[below[on]] = above[on]
        above[on] = passed[at[on]]
        below[on] = above[on] + 1
    return chosen


def _afterwards(
    falling: Floats, ranks: Integers, own: Floats, passed: Integers, limit: float, taken: Integers
) -> Integers:
    """Return which place each of a queue chooses of those that are not taken, or ``NOBODY``."""
    free = np.ones(falling.size, np.bool_)
    free[taken] = False
    near = np.flatnonzero(free)
    passed = np.append(0, np.cumsum(free))[passed]
    reached = _within_reach(falling[near], passed)
    near = near[reached]
    passed = np.append(0, np.cumsum(reached))[passed]
    place = np.array(_in_turn(falling[near], ranks[near], own, passed, limit), dtype=np.int64)
    return np.asarray(np.append(near, NOBODY)[place])


def _within_reach(falling: Floats, passed: Integers) -> Booleans:
    """Tell the places that somebody of a queue may choose, or that keys compare with such a place.

    Below him, each reaches what those before may leave to him; above him, what he and those after him may take.
    """
    if falling.size == 0:
        return np.ones(0, np.bool_)
    number = np.arange(passed.size)
    until = np.minimum(_untouched(passed), falling.size)
    since = np.minimum.accumulate((passed - number)[::-1])[::-1] + number - 1
    since = runs_of_equals(falling)[0][np.maximum(since, 0)]
    edges = np.bincount(since, minlength=falling.size + 1) - np.bincount(until, minlength=falling.size + 1)
    return np.asarray(np.cumsum(edges[:-1]) > 0)


def _in_turn(falling: Floats, ranks: Integers, own: Floats, passed: Integers, limit: float) -> list[int]:
    """Return which place each of a queue chooses, one after the other; ``NOBODY`` where none is near enough.

    Whoever is free above the sweep stands on a stack, the nearest on top.
    """
    first_equal, end_equal = runs_of_equals(falling)
    mirror = first_equal + end_equal - 1 - np.arange(falling.size)  # of equal scores the last key is stacked first
    group_start, group_end = first_equal.data, end_equal.data  # read seldom; a list of each would take more
    ranks_below, ranks_above, places_above = ranks.data, ranks[mirror].data, mirror.data
    depths, size, inf = falling.tolist(), falling.size, float("inf")
    stack: list[int] = []
    below = 0  # nearest free below the sweep
    chosen: list[int] = []
    for mine, end in zip(own.tolist(), passed.tolist(), strict=True):
        if end > below:
            first, last = group_start[below], group_end[below]
            stack.extend(range(first, first + last - below))
            stack.extend(range(last, end))
            below = end
        rise = mine - depths[stack[-1]] if stack else inf
        fall = depths[below] - mine if below < size else inf
        if rise < fall or (rise == fall < inf and ranks_above[stack[-1]] < ranks_below[below]):
            chosen.append(places_above[stack.pop()] if rise <= limit and rise < inf else NOBODY)
        elif fall <= limit and fall < inf:
            chosen.append(below)
            below += 1
        else:
            chosen.append(NOBODY)
    return chosen
