"""Who is nearest to each of a queue that goes up a score, in one sweep."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.score_order import runs_of_equals

NOBODY = -1  # in place of a place


def swept_places(score: Floats, rank: Integers, own: Floats, place: Integers, limit: float) -> Integers:
    """Return which place each of a queue chooses, one after the other; ``NOBODY`` where none is near enough.

    Args:
        score: whole numbers of the places, none of them taken, in ascending order, shape (k,).
        rank: different whole numbers of the places that break ties; of equal scores they ascend, shape (k,).
        own: whole numbers of the queue, in ascending order, shape (m,).
        place: the first place at or above each of the queue, shape (m,).
        limit: largest gap.

    Whoever was passed and is free stands on a stack, the nearest on top; ahead of the sweep nobody has gone but a
    stretch right before it.

    >>> three = np.array([1.0, 3.0, 8.0]), np.array([0, 1, 2])
    >>> swept_places(*three, own=np.array([2.0, 4.0]), place=np.array([1, 2]), limit=2.0).tolist()
    [0, 1]
    """
    first_equal, end_equal = runs_of_equals(score)
    mirror = first_equal + end_equal - 1 - np.arange(score.size)  # of equal scores the last key is stacked first
    group_start, group_end = first_equal.data, end_equal.data  # read seldom; a list of each would take more
    ranks, stacked, stacked_ranks = rank.data, mirror.data, rank[mirror].data
    scores, size, inf = score.tolist(), score.size, float("inf")
    stack: list[int] = []
    ahead = 0  # nearest free ahead of the sweep
    chosen: list[int] = []
    for mine, end in zip(own.tolist(), place.tolist(), strict=True):
        if end > ahead:
            first, last = group_start[ahead], group_end[ahead]
            stack.extend(range(first, first + last - ahead))
            stack.extend(range(last, end))
            ahead = end
        back = mine - scores[stack[-1]] if stack else inf
        forth = scores[ahead] - mine if ahead < size else inf
        if back < forth or (back == forth < inf and stacked_ranks[stack[-1]] < ranks[ahead]):
            chosen.append(stacked[stack.pop()] if back <= limit and back < inf else NOBODY)
        elif forth <= limit and forth < inf:
            chosen.append(ahead)
            ahead += 1
        else:
            chosen.append(NOBODY)
    return np.array(chosen, dtype=np.int64)
