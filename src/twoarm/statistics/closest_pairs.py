"""Greedy matching, the globally nearest pair first, in rounds over all patients at once.

A pair is the next one for both of its patients when each is the other's nearest; pairs like that can be made together,
whatever the order, as nothing that is made elsewhere can part them. What few rounds leave is made pair by pair.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.score_clusters import clusters_of
from twoarm.statistics.score_order import by_score, runs_of_equals

ROUNDS = 32  # visits a patient, on average, before what is left is made pair by pair
OVERHEAD = 512  # visits that take as long as what a round costs whatever its size

Pairs = tuple[Integers, Integers]  # rows of those who look for a partner, and of their partners


@dataclass(slots=True)
class _Nodes:
    """Patients of one arm with one score, in order of their keys; sorted by score, arms need not alternate."""

    score: Floats
    looks: Booleans
    head: Integers  # place in the line of rows of the first who is still free
    end: Integers

    def only(self, kept: Booleans | Integers) -> _Nodes:
        return _Nodes(self.score[kept], self.looks[kept], self.head[kept], self.end[kept])


def closest_pairs(score: Floats, looking: Integers, free: Integers, rank: Integers, limit: float) -> Pairs:
    """Return pairs of rows of two arms; scores are whole numbers, ``rank`` breaks ties, gaps go up to ``limit``."""
    rows = np.concatenate([looking, free])
    looks = np.arange(rows.size) < looking.size
    first_looking = np.where(looks, rank[rows], rank[rows] + score.size)
    place = by_score(np.arange(rows.size), score[rows], first_looking)
    line, looks = rows[place], looks[place]
    if free.size > 2 * looking.size:  # more than can be in reach
        kept = _in_reach(score[line], looks)
        line, looks = line[kept], looks[kept]
    nodes, made = _equal_scores(score[line], looks, line)
    ranks = rank[line]
    visits = 0.0
    while nodes.score.size and visits < ROUNDS * line.size:
        visits += nodes.score.size + OVERHEAD
        nodes, pairs = _round(nodes, ranks, limit)
        made.append((line[pairs[0]], line[pairs[1]]))
    if nodes.score.size:
        rest = np.array(list(_one_after_another(nodes, ranks.tolist(), limit)), dtype=np.int64).reshape(-1, 2)
        made.append((line[rest[:, 0]], line[rest[:, 1]]))
    return np.concatenate([pair[0] for pair in made]), np.concatenate([pair[1] for pair in made])


def _in_reach(score: Floats, looks: Booleans) -> Booleans:
    """Tell who in a line of both arms looks or may be chosen; who looks stands before equal scores."""
    kept, free = looks.copy(), ~looks
    first_equal = runs_of_equals(score[free])[0]
    kept[free] = clusters_of(first_equal, np.cumsum(free, dtype=np.int64)[looks]).reach(first_equal.size)
    return kept


def _equal_scores(score: Floats, looks: Booleans, line: Integers) -> tuple[_Nodes, list[Pairs]]:
    """Pair off patients with equal scores; return what is left as nodes, and the pairs."""
    new_score = np.concatenate(([True], np.diff(score) > 0))
    head = np.flatnonzero(new_score | np.concatenate(([True], looks[1:] != looks[:-1])))
    end = np.append(head[1:], line.size)
    both = np.flatnonzero(~new_score[head])  # the second arm of a score, behind its first
    count = np.minimum(end[both] - head[both], end[both - 1] - head[both - 1])
    pairs = line[_ranges(head[both - 1], count)], line[_ranges(head[both], count)]
    head[both] += count
    head[both - 1] += count
    return _Nodes(score[np.minimum(head, line.size - 1)], looks[end - 1], head, end).only(head < end), [pairs]


def _ranges(start: Integers, count: Integers) -> Integers:
    """Return start, start + 1, ... of each range, one range after the other."""
    before = np.cumsum(count) - count
    return np.repeat(start - before, count) + np.arange(int(count.sum()))


def _round(nodes: _Nodes, ranks: Integers, limit: float) -> tuple[_Nodes, Pairs]:
    """Make all pairs of mutual nearest patients; drop who has nobody near enough, as nobody comes nearer later."""
    score, looks, m = nodes.score, nodes.looks, nodes.score.size
    own = np.arange(m)
    changes = looks[1:] != looks[:-1]
    turns = np.flatnonzero(changes)  # last node before the arm changes
    stretch = np.zeros(m, np.int64)
    np.cumsum(changes, out=stretch[1:])
    padded = np.concatenate(([-1], turns, [m - 1]))
    left, right = padded[stretch], padded[stretch + 1] + 1  # nearest nodes of the other arm
    with_left, with_right = left >= 0, right < m
    left, right = np.maximum(left, 0), np.minimum(right, m - 1)
    gap_left = np.where(with_left, score - score[left], np.inf)
    gap_right = np.where(with_right, score[right] - score, np.inf)
    gap = np.minimum(gap_left, gap_right)
    leftwards = gap_left < gap_right
    tied = (gap_left == gap_right) & with_left & with_right
    if tied.any():
        leftwards[tied] = ranks[nodes.head[left[tied]]] < ranks[nodes.head[right[tied]]]
    best = np.where(leftwards, left, right)
    near = (gap <= limit) & (gap < np.inf)
    first = np.flatnonzero(near & looks & (best[best] == own))
    second = best[first]
    # two queues are served together unless one of them has another queue just as near
    count = np.minimum(nodes.end[first] - nodes.head[first], nodes.end[second] - nodes.head[second])
    count = np.where(tied[first] | tied[second], 1, count)
    pairs = _ranges(nodes.head[first], count), _ranges(nodes.head[second], count)
    head = nodes.head.copy()
    head[first] += count
    head[second] += count
    return _Nodes(score, looks, head, nodes.end).only(near & (head < nodes.end)), pairs


def _one_after_another(nodes: _Nodes, ranks: list[int], limit: float) -> Iterator[tuple[int, int]]:
    """Make the nearest pair, then the nearest of the rest: it is always adjacent among the free sorted by score."""
    score, looks = nodes.score.tolist(), nodes.looks.tolist()
    head, end = nodes.head.tolist(), nodes.end.tolist()
    size = len(score)
    after, before = [*range(1, size), -1], list(range(-1, size - 1))

    def candidate(i: int, j: int) -> tuple[float, int, int, int, int] | None:
        """The pair of two adjacent nodes' first patients, if they are of different arms and near enough."""
        if i < 0 or j < 0 or looks[i] == looks[j]:
            return None
        gap = score[j] - score[i]
        if not gap <= limit:
            return None
        a, b = (i, j) if looks[i] else (j, i)
        return gap, ranks[head[a]], ranks[head[b]], i, j

    heap = [pair for i in range(size) if (pair := candidate(i, after[i]))]
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        i, j = entry[3], entry[4]
        if head[i] == end[i] or after[i] != j or candidate(i, j) != entry:
            continue  # stale: a patient of the pair has gone, and what came instead is in the heap
        a, b = (i, j) if looks[i] else (j, i)
        yield head[a], head[b]
        head[a] += 1
        head[b] += 1
        line = [before[i], *(node for node in (i, j) if head[node] < end[node]), after[j]]
        for left, right in pairwise(line):
            if left >= 0:
                after[left] = right
            if right >= 0:
                before[right] = left
            if pair := candidate(left, right):
                heapq.heappush(heap, pair)
