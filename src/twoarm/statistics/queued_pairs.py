"""Greedy matching of patients who choose one after the other the nearest who is free."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.closest_pairs import Pairs
from twoarm.statistics.score_order import by_score, runs_of_equals

AT_ONCE = 1 << 16  # patients whose nearest are looked up together


def descending_pairs(score: Floats, queue: Integers, free: Integers, rank: Integers, limit: float) -> Pairs:
    """Serve a queue that goes down the score, in one sweep.

    Whoever is free above the sweep stands on a stack, the nearest on top; below it nobody has gone but a stretch right
    under the sweep. Scores are whole numbers, ``rank`` breaks ties, gaps go up to ``limit``.
    """
    down = by_score(free, -score[free], rank[free])
    falling = -score[down]
    start, end_of = runs_of_equals(falling)
    up = down[start + end_of - 1 - np.arange(down.size)]  # the order of stacking: of equal scores the last key first
    passed = np.searchsorted(falling, -score[queue], side="right").tolist()
    group_start, group_end = start.tolist(), end_of.tolist()
    scores, ranks_down, ranks_up, size = score[down].tolist(), rank[down].tolist(), rank[up].tolist(), down.size
    stack: list[int] = []
    below = 0  # nearest free below the sweep
    rows: list[int] = []
    found_above: list[int] = []
    found_below: list[int] = []
    inf = float("inf")
    for row, own, end in zip(queue.tolist(), score[queue].tolist(), passed, strict=True):
        if end > below:
            first, last = group_start[below], group_end[below]
            stack.extend(range(first, first + last - below))
            stack.extend(range(last, end))
            below = end
        rise = scores[stack[-1]] - own if stack else inf
        fall = own - scores[below] if below < size else inf
        if rise < fall or (rise == fall < inf and ranks_up[stack[-1]] < ranks_down[below]):
            if rise <= limit and rise < inf:
                found_above.append(stack.pop())
                found_below.append(-1)
                rows.append(row)
        elif fall <= limit and fall < inf:
            found_above.append(-1)
            found_below.append(below)
            rows.append(row)
            below += 1
    above, under = np.array(found_above, dtype=np.int64), np.array(found_below, dtype=np.int64)
    return np.array(rows, dtype=np.int64), np.where(above >= 0, up[above], down[under])


def queued_pairs(score: Floats, queue: Integers, free: Integers, rank: Integers, limit: float) -> Pairs:
    """Serve a queue in any order: the nearest free place on either side by union and find, in near-constant time."""
    others = by_score(free, score[free], rank[free])
    ascending = score[others]
    first_equal = runs_of_equals(ascending)[0].tolist()
    place = np.searchsorted(ascending, score[queue], side="left").tolist()
    scores, ranks, size = ascending.tolist(), rank[others].tolist(), others.size
    right = list(range(size + 1))  # the first free place at or after, by way of the places between
    left = list(range(size + 1))  # the last free place before
    rows: list[int] = []
    taken: list[int] = []
    inf = float("inf")
    for row, above, own in zip(queue.tolist(), place, score[queue].tolist(), strict=True):
        below = above
        while (step := right[above]) != above:
            right[above] = above = right[step]
        while (step := left[below]) != below:
            left[below] = below = left[step]
        rise = scores[above] - own if above < size else inf
        slot = above
        if below:
            slot = below = below - 1
            fall = own - scores[below]
            if rise <= fall:
                below = _first_free(right, first_equal[below])
                slot = above if rise < fall or ranks[above] < ranks[below] else below
            else:
                slot = _first_free(right, first_equal[below])
                rise = fall
        if rise <= limit and rise < inf:
            right[slot] = slot + 1
            left[slot + 1] = slot
            rows.append(row)
            taken.append(slot)
    return np.array(rows, dtype=np.int64), others[np.array(taken, dtype=np.int64)]


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
