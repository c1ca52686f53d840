"""Greedy nearest-neighbour matching (Rosenbaum and Rubin 1985; Austin 2014)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers

DECIMALS = 10  # distances closer than this are equal: keys decide, and a caliper includes its own width

Order = Literal["closest", "largest", "smallest", "data", "random"]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Matched pairs as row numbers, in order of the focal row; with a ratio of k a focal row stands up to k times."""

    focal: Integers  # shape (pairs,)
    partner: Integers  # shape (pairs,); a row may repeat when matched with replacement
    distance: Floats  # |score difference|, shape (pairs,)
    focal_total: int

    @property
    def unmatched(self) -> int:
        """Focal patients without a partner."""
        return self.focal_total - int(np.unique(self.focal).size)


def match_nearest(
    *,
    score: ArrayLike,
    focal: ArrayLike,
    caliper: float | None = None,
    order: Order = "closest",
    key: ArrayLike | None = None,
    position: ArrayLike | None = None,
    generator: np.random.Generator | None = None,
    ratio: int = 1,
    replace: bool = False,
    exact: ArrayLike | None = None,
) -> Matches:
    """Give each focal patient, in the chosen order, the nearest patient of the other arm that is still free.

    Args:
        score: propensity score, or its logit, shape (n,).
        focal: True for those who look for a partner, shape (n,).
        caliper: largest distance allowed, inclusive, on the score's scale; None for no limit.
        order: ``closest`` takes the globally nearest pair first; ``largest`` and ``smallest`` go by the focal score;
            ``data`` by ``position``; ``random`` by ``generator``.
        key: patient keys that break ties of distance at ten decimals, shape (n,); the row number by default.
        position: rank that order ``data`` follows, shape (n,); the row number by default.
        generator: needed by order ``random``.
        ratio: partners wanted for each focal patient; everybody gets a first before anybody gets a second.
        replace: partners stay free, and order does not matter.
        exact: partners share this label, such as a centre, shape (n,).

    Raises:
        ArgumentError: an argument that is missing or of another length, or no generator for a random order.
        NotEstimableError: one of the two sides is empty.

    The work is O(n log n) whatever the order. R: ``MatchIt::matchit(method = "nearest", m.order = order)``.

    >>> pairs = match_nearest(score=[0.1, 0.5, 0.2, 0.9], focal=[1, 1, 0, 0])
    >>> pairs.focal.tolist(), pairs.partner.tolist()
    ([0, 1], [2, 3])
    """
    values = np.round(arrays.numbers("score", score), DECIMALS)
    n = values.size
    if order not in get_args(Order):
        raise ArgumentError(f"order: found {order!r}; expected one of {', '.join(get_args(Order))}")
    looks = arrays.events("focal", focal, n)
    if caliper is not None and not caliper >= 0:
        raise ArgumentError(f"caliper: found {caliper}; expected a width of at least 0")
    if looks.all() or not looks.any():
        raise NotEstimableError("one arm is empty")
    if int(ratio) != ratio or ratio < 1:
        raise ArgumentError(f"ratio: found {ratio}; expected a whole number of at least 1")
    rank = _key_rank(key, n)
    width = np.inf if caliper is None else float(caliper)
    queue = np.flatnonzero(looks)
    if order != "closest" or replace:
        queue = _queue(values, looks, rank, "data" if replace else order, position, generator)
    stratum = np.zeros(n, np.int64) if exact is None else arrays.codes("exact", exact, n)[0]
    pairs: list[tuple[int, int]] = []
    for code in range(int(stratum.max()) + 1):
        inside = stratum == code
        here = queue[inside[queue]]
        others = np.flatnonzero(~looks & inside)
        if here.size and others.size:
            pairs += _within(values, rank, width, here, others, order, int(ratio), replace)
    found = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return Matches(
        focal=found[:, 0],
        partner=found[:, 1],
        distance=np.abs(values[found[:, 0]] - values[found[:, 1]]),
        focal_total=int(looks.sum()),
    )


def _within(
    score: Floats,
    rank: Integers,
    width: float,
    queue: Integers,
    others: Integers,
    order: Order,
    ratio: int,
    replace: bool,
) -> list[tuple[int, int]]:
    """Match the focal rows of a queue to other rows, in as many rounds as partners are wanted."""
    if replace:
        return list(_with_replacement(score, rank, width, queue, others, ratio))
    pairs: list[tuple[int, int]] = []
    free, looking = others, queue
    for _ in range(ratio):
        if free.size == 0 or looking.size == 0:
            break
        if order == "closest":
            made = list(_closest_first(score, looking, free, rank, width))
        else:
            made = list(_one_by_one(score, free, rank, width, looking))
        pairs += made
        free = np.setdiff1d(free, [partner for _, partner in made])
        served = {focal for focal, _ in made}
        looking = np.array([row for row in looking.tolist() if row in served], dtype=np.int64)
    return pairs


def _key_rank(key: ArrayLike | None, n: int) -> Integers:
    if key is None:
        return np.arange(n)
    ranks, labels = arrays.codes("key", key, n)
    if labels.size != n:
        raise ArgumentError(f"key: found {n - labels.size} repeated keys; expected one a patient")
    return ranks


def _queue(
    score: Floats,
    focal: Booleans,
    rank: Integers,
    order: Order,
    position: ArrayLike | None,
    generator: np.random.Generator | None,
) -> Integers:
    """Return the focal rows in the order in which they choose."""
    rows = np.flatnonzero(focal)
    if order == "largest":
        return rows[np.lexsort((rank[rows], -score[rows]))]
    if order == "smallest":
        return rows[np.lexsort((rank[rows], score[rows]))]
    if order == "data":
        place = np.arange(score.size) if position is None else arrays.numbers("position", position, score.size)
        return rows[np.lexsort((rank[rows], place[rows]))]
    if generator is None:
        raise ArgumentError("generator: order = random needs a numpy Generator made from a declared seed")
    return generator.permutation(rows[np.argsort(rank[rows])])


class _FreeSlots:
    """Sorted slots 0..n-1 of which some are taken: the nearest free one on either side in near-constant time."""

    def __init__(self, size: int) -> None:
        self._right = list(range(size + 1))
        self._left = list(range(size + 1))  # shifted by one: slot i stands at i + 1, and 0 is "none"

    @staticmethod
    def _find(parent: list[int], slot: int) -> int:
        root = slot
        while parent[root] != root:
            root = parent[root]
        while parent[slot] != root:
            parent[slot], slot = root, parent[slot]
        return root

    def right(self, slot: int) -> int:
        """First free slot at or after ``slot``; the size when there is none."""
        return self._find(self._right, slot)

    def left(self, slot: int) -> int:
        """Last free slot at or before ``slot``; -1 when there is none."""
        return self._find(self._left, slot + 1) - 1

    def take(self, slot: int) -> None:
        """Mark a slot as taken."""
        self._right[slot] = slot + 1
        self._left[slot + 1] = slot


def _one_by_one(
    score: Floats, others: Integers, rank: Integers, width: float, queue: Integers
) -> Iterator[tuple[int, int]]:
    """Serve the focal rows of the queue one after the other."""
    others = others[np.lexsort((rank[others], score[others]))]
    sorted_score = score[others]
    first_equal = np.searchsorted(sorted_score, sorted_score, side="left").tolist()
    place = np.searchsorted(sorted_score, score[queue], side="left").tolist()
    scores, ranks, size = sorted_score.tolist(), rank[others].tolist(), others.size
    free = _FreeSlots(size)
    for row, start, own in zip(queue.tolist(), place, score[queue].tolist(), strict=True):
        above = free.right(start)
        below = free.left(start - 1) if start > 0 else -1
        if below >= 0:  # among equal scores the smallest key comes first
            below = free.right(first_equal[below])
        up = round(scores[above] - own, DECIMALS) if above < size else np.inf
        down = round(own - scores[below], DECIMALS) if below >= 0 else np.inf
        if up == down and up < np.inf:
            slot = above if ranks[above] < ranks[below] else below
        else:
            slot = above if up < down else below
        if min(up, down) <= width and slot >= 0 and min(up, down) < np.inf:
            free.take(slot)
            yield row, int(others[slot])


def _with_replacement(
    score: Floats, rank: Integers, width: float, queue: Integers, others: Integers, ratio: int
) -> Iterator[tuple[int, int]]:
    """Give each focal row its nearest others, whoever else has them."""
    others = others[np.lexsort((rank[others], score[others]))]
    scores = score[others]
    for row in queue.tolist():
        at = int(np.searchsorted(scores, score[row]))
        # equal scores beyond the ratio may stand on either side: take all at the edge's distance, then sort by key
        low, high = max(at - ratio, 0), min(at + ratio, scores.size)
        low, high = np.searchsorted(scores, scores[low]), np.searchsorted(scores, scores[high - 1], side="right")
        near = others[low:high]
        distance = np.round(np.abs(score[near] - score[row]), DECIMALS)
        for position in np.lexsort((rank[near], distance))[:ratio].tolist():
            if distance[position] <= width:
                yield row, int(near[position])


def _closest_first(
    score: Floats, looking_rows: Integers, free_rows: Integers, rank: Integers, width: float
) -> Iterator[tuple[int, int]]:
    """Match the globally nearest pair, then the nearest of the rest, and so on.

    The nearest pair across arms is always adjacent among the free patients sorted by score, so a heap of adjacent
    pairs and a linked list of the free suffice. Patients with equal scores share a node; they pair off within it first.
    """
    rows = np.concatenate([looking_rows, free_rows])
    focal = np.zeros(score.size, dtype=np.bool_)
    focal[looking_rows] = True
    order = rows[np.lexsort((rank[rows], score[rows]))]
    starts = np.flatnonzero(np.concatenate(([True], np.diff(score[order]) > 0)))
    node_score = score[order][starts].tolist()
    queues: list[list[int]] = []
    sides: list[bool] = []
    for members in np.split(order, starts[1:]):
        looking, free = members[focal[members]].tolist(), members[~focal[members]].tolist()
        both = min(len(looking), len(free))
        yield from zip(looking[:both], free[:both], strict=True)
        queues.append((looking[both:] or free[both:])[::-1])
        sides.append(bool(looking[both:]))
    ranks = rank.tolist()
    alive = [i for i, queue in enumerate(queues) if queue]
    if not alive:
        return
    after = dict(zip(alive, [*alive[1:], -1], strict=True))
    before = dict(zip(alive, [-1, *alive[:-1]], strict=True))

    def candidate(i: int, j: int) -> tuple[float, int, int, int, int] | None:
        """The pair of two adjacent nodes' first patients, if they are of different arms and near enough."""
        if i < 0 or j < 0 or sides[i] == sides[j]:
            return None
        gap = round(node_score[j] - node_score[i], DECIMALS)
        if not gap <= width:
            return None
        a, b = (i, j) if sides[i] else (j, i)
        return gap, ranks[queues[a][-1]], ranks[queues[b][-1]], i, j

    heap = [pair for i in alive if (pair := candidate(i, after[i]))]
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        i, j = entry[3], entry[4]
        if after.get(i) != j or candidate(i, j) != entry:
            continue  # stale: a patient of the pair has gone, and what came instead is in the heap
        looking, free = (i, j) if sides[i] else (j, i)
        yield queues[looking].pop(), queues[free].pop()
        line = [before[i], *(node for node in (i, j) if queues[node]), after[j]]
        for node in (i, j):
            if not queues[node]:
                del before[node], after[node]
        for left, right in pairwise(line):
            if left >= 0:
                after[left] = right
            if right >= 0:
                before[right] = left
            if pair := candidate(left, right):
                heapq.heappush(heap, pair)
