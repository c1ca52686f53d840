"""Greedy nearest-neighbour matching (Rosenbaum and Rubin 1985; Austin 2014)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.closest_pairs import Pairs, closest_pairs
from twoarm.statistics.queued_pairs import pairs_with_replacement, queued_pairs
from twoarm.statistics.score_order import by_score

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
        return self.focal_total - arrays.count_distinct(self.focal)


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
    whole = np.rint(values * 10**DECIMALS)
    stratum = None if exact is None else arrays.codes("exact", exact, n)[0]
    limit = _whole_limit(width)
    if stratum is not None and (apart := _side_by_side(whole, stratum, limit)) is not None:
        (whole, limit), stratum = apart, None
    queue = np.flatnonzero(looks)
    if order != "closest" or replace:
        queue = _queue(whole, looks, rank, "data" if replace else order, position, generator)
    parts = [(queue[:0], queue[:0])]
    for here, others in _strata(stratum, queue, np.flatnonzero(~looks)):
        if replace:
            parts.append(pairs_with_replacement(whole, here, others, rank, limit, int(ratio)))
        else:
            parts += _within(whole, rank, limit, here, others, order, int(ratio))
    chosen, partner = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    pair = np.sort(chosen * n + partner)
    chosen, partner = pair // n, pair % n
    return Matches(
        focal=chosen,
        partner=partner,
        distance=np.abs(values[chosen] - values[partner]),
        focal_total=int(looks.sum()),
    )


def _whole_limit(width: float) -> float:
    """Return the largest whole number of last decimals that a caliper includes."""
    unit = 10.0**DECIMALS
    limit = float(np.floor(width * unit))
    if (limit + 1) / unit <= width:
        return limit + 1
    return limit - 1 if limit / unit > width else limit


def _side_by_side(score: Floats, stratum: Integers, limit: float) -> tuple[Floats, float] | None:
    """Lay strata so far apart on the score that nobody reaches another one; None where whole numbers do not suffice.

    Return the scores (n,) and the limit that keeps to one stratum.
    """
    low = float(score.min())
    span = float(score.max()) - low
    limit = min(limit, span)
    step = span + limit + 1.0
    if step * (float(stratum.max()) + 1.0) >= 2.0**53:
        return None
    return score - low + stratum * step, limit


def _strata(stratum: Integers | None, queue: Integers, others: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Go through the strata that have patients of both sides, who stay in their order."""
    if stratum is None:
        yield queue, others
        return
    sides = [rows[np.argsort(stratum[rows], kind="stable")] for rows in (queue, others)]
    both = np.intersect1d(stratum[queue], stratum[others])
    bounds = [[np.searchsorted(stratum[rows], both, side=end) for end in ("left", "right")] for rows in sides]
    for at in range(both.size):
        here, there = (rows[low[at] : high[at]] for rows, (low, high) in zip(sides, bounds, strict=True))
        yield here, there


def _within(
    score: Floats, rank: Integers, limit: float, queue: Integers, others: Integers, order: Order, ratio: int
) -> Iterator[Pairs]:
    """Match the focal rows of a queue to other rows, in as many rounds as partners are wanted."""
    free, looking = others, queue
    made = queue[:0], others[:0]
    for turn in range(ratio):
        if turn > 0:
            free = np.setdiff1d(free, made[1], assume_unique=True)
            looking = looking[np.isin(looking, made[0], assume_unique=True)]
        if free.size == 0 or looking.size == 0:
            break
        if order == "closest":
            made = closest_pairs(score, looking, free, rank, limit)
        else:
            made = queued_pairs(-score if order == "largest" else score, looking, free, rank, limit)
        yield made


def _key_rank(key: ArrayLike | None, n: int) -> Integers:
    if key is None:
        return np.arange(n)
    given = np.asarray(key)
    if given.shape == (n,) and given.dtype.kind in "iuU" and bool((given[1:] > given[:-1]).all()):
        return np.arange(n)  # in their order already, as patients of a cohort are
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
        return by_score(rows, -score[rows], rank[rows])
    if order == "smallest":
        return by_score(rows, score[rows], rank[rows])
    if order == "data":
        place = np.arange(score.size) if position is None else arrays.numbers("position", position, score.size)
        return rows[np.lexsort((rank[rows], place[rows]))]
    if generator is None:
        raise ArgumentError("generator: order = random needs a numpy Generator made from a declared seed")
    return generator.permutation(rows[np.argsort(rank[rows])])
