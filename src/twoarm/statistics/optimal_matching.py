"""Optimal matching on a score: as many pairs as a caliper allows, and among those the smallest total distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.nearest_neighbour import DECIMALS, Matches

GRID = 10**DECIMALS  # distances are whole numbers of this part, so that sums are exact and ties are ties
MOST_COMPARISONS = 200_000_000  # some seconds, and 50 MB to find the way back
Packed = NDArray[np.uint8]
MOST_VALUE, MOST_EXACT = 2**62, 2**53


def match_optimal(
    *,
    score: ArrayLike,
    focal: ArrayLike,
    caliper: float | None = None,
    key: ArrayLike | None = None,
    ratio: int = 1,
    exact: ArrayLike | None = None,
) -> Matches:
    """Give each focal patient up to ``ratio`` patients of the other arm, nobody twice, at the smallest total distance.

    In this order: the number of pairs is the largest that the caliper allows; the number of focal patients with a
    partner is the largest (no pair is lost by that); the sum of the distances is the smallest. Of matchings equally
    good in all three the result is the one found from the largest score down (equal scores: from the largest key down):
    a focal patient stays without a partner, or without a further one, if that costs nothing, and else has the partner
    of the smallest score and key that costs nothing. Row order does not matter.

    Args:
        score: propensity score, or its logit, shape (n,); taken at ten decimals.
        focal: True for those who look for partners, shape (n,).
        caliper: largest distance allowed, inclusive, on the score's scale; None for no limit.
        key: patient keys that tell equal scores apart, shape (n,); the row number by default.
        ratio: partners wanted for each focal patient.
        exact: partners share this label, such as a centre, shape (n,).

    Raises:
        ArgumentError: an argument that is missing or of another length, or scores too far apart to be added up.
        NotEstimableError: one of the two sides is empty, or there are too many comparisons.

    On a line some optimal matching has no two pairs that cross, as uncrossing makes neither the sum nor the largest of
    the distances larger; so the two arms, sorted, are aligned by dynamic programming, a comparison for each wish and
    each patient within its caliper. Source: Rosenbaum (1989); Ming and Rosenbaum (2001). R, without a caliper:
    ``MatchIt::matchit(method = "optimal", ratio = ratio)``.

    >>> pairs = match_optimal(score=[0.4, 0.5, 0.45, 0.9], focal=[1, 1, 0, 0])
    >>> pairs.focal.tolist(), pairs.partner.tolist()
    ([0, 1], [2, 3])
    """
    values = arrays.numbers("score", score)
    n = values.size
    looks = arrays.events("focal", focal, n)
    if caliper is not None and not caliper >= 0:
        raise ArgumentError(f"caliper: found {caliper}; expected a width of at least 0")
    if looks.all() or not looks.any():
        raise NotEstimableError("one arm is empty")
    if int(ratio) != ratio or ratio < 1:
        raise ArgumentError(f"ratio: found {ratio}; expected a whole number of at least 1")
    rank, labels = (np.arange(n), np.arange(n)) if key is None else arrays.codes("key", key, n)
    if labels.size != n:
        raise ArgumentError(f"key: found {n - labels.size} repeated keys; expected one a patient")
    grid = _on_grid(values, int(looks.sum()) * int(ratio))
    stratum = np.zeros(n, np.int64) if exact is None else arrays.codes("exact", exact, n)[0]
    order = np.lexsort((rank, grid, stratum))
    reach = None if caliper is None else _largest_on_grid(float(caliper))
    lines = [
        _Line.of(grid, rows[looks[rows]], rows[~looks[rows]], int(ratio), reach)
        for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1)
    ]
    _refuse_too_many(sum(line.comparisons for line in lines))
    found = np.array(sorted(pair for line in lines for pair in line.align()), dtype=np.int64).reshape(-1, 2)
    rounded = np.round(values, DECIMALS)
    return Matches(
        focal=found[:, 0],
        partner=found[:, 1],
        distance=np.abs(rounded[found[:, 0]] - rounded[found[:, 1]]),
        focal_total=int(looks.sum()),
    )


def _on_grid(score: Floats, wishes: int) -> Integers:
    """Return scores as whole numbers of the grid; a sum of priorities and distances must fit 64 bits."""
    span = float(score.max() - score.min())
    if np.abs(score).max() * GRID > MOST_EXACT or 2.0 * wishes * (2.0 * span * GRID + 1) > MOST_VALUE:
        raise ArgumentError(f"score: found values {span:g} apart; expected a narrower scale, such as the logit")
    whole = np.rint(score * GRID).astype(np.int64)
    return np.asarray(whole - whole.min())


def _largest_on_grid(caliper: float) -> int:
    """Return the largest distance on the grid that is within the caliper as a fraction."""
    largest = int(min(caliper, MOST_VALUE / (4 * GRID)) * GRID)
    while (largest + 1) / GRID <= caliper and largest < MOST_VALUE // 4:
        largest += 1
    while largest / GRID > caliper:
        largest -= 1
    return largest


def _refuse_too_many(comparisons: int) -> None:
    if comparisons > MOST_COMPARISONS:
        raise NotEstimableError(
            f"optimal matching would take {comparisons:,} comparisons, more than {MOST_COMPARISONS:,}: a narrower "
            "caliper, exact strata or nearest-neighbour matching takes fewer"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One stratum: f focal patients and m others, each in the order of score and key."""

    looking: Integers  # rows, shape (f,)
    others: Integers  # rows, shape (m,)
    wishes: int  # partners wanted for each focal patient
    place: Integers  # scores on the grid, of all rows
    low: Integers  # first of the others within the caliper, shape (f,)
    high: Integers  # one after the last, shape (f,)

    @classmethod
    def of(cls, place: Integers, looking: Integers, others: Integers, ratio: int, reach: int | None) -> _Line:
        """Find who is within reach of whom."""
        scores, own = place[others], place[looking]
        low, high = np.zeros_like(own), np.full_like(own, others.size)
        if reach is not None:
            low, high = np.searchsorted(scores, own - reach), np.searchsorted(scores, own + reach, side="right")
        return cls(looking, others, min(ratio, others.size), place, low, high)

    @property
    def comparisons(self) -> int:
        """Wishes times others within their reach."""
        return self.wishes * int((self.high - self.low).sum())

    def align(self) -> list[tuple[int, int]]:
        """Return the optimal pairs of rows.

        ``best[j]`` is the least cost of the wishes looked at so far with the first j others. A pair costs its distance
        less a reward; a patient's first partner has twice the reward of a further one. Where one more pair, or one more
        patient with a partner, can be had, partners shift along the line in one direction, which costs at most the span
        of the scores and one distance; a reward above twice the span therefore goes before any distance.
        """
        if self.comparisons == 0:
            return []
        both = np.concatenate([self.place[self.looking], self.place[self.others]])
        reward = 2 * int(both.max() - both.min()) + 1
        scores, own = self.place[self.others], self.place[self.looking]
        best = np.zeros(self.others.size + 1, dtype=np.int64)
        filled, steps = 0, []
        for i in range(own.size):
            low, high = int(self.low[i]), int(self.high[i])
            best[filled + 1 : high + 1] = best[filled]
            filled = max(filled, high)
            distance = np.abs(scores[low:high] - own[i])
            here = best[low : high + 1]
            for wish in range(self.wishes):
                before = here.copy()
                paired = before[:-1] + distance - (reward if wish else 2 * reward)
                np.minimum(before[1:], paired, out=here[1:])
                np.minimum.accumulate(here, out=here)
                steps.append((np.packbits(here[1:] < before[1:]), np.packbits(np.diff(here) < 0)))
        return self._way_back(steps)

    def _way_back(self, steps: list[tuple[Packed, Packed]]) -> list[tuple[int, int]]:
        """Follow the decisions from the last wish and the last of the others."""
        pairs, j = [], self.others.size
        for step in range(len(steps) - 1, -1, -1):
            i = step // self.wishes
            low, high = int(self.low[i]), int(self.high[i])
            j = min(j, high)
            if j <= low:
                continue
            used, needed = (_bits(packed, high - low) for packed in steps[step])
            if not used[j - low - 1]:
                continue
            last = int(np.flatnonzero(needed[: j - low])[-1])
            pairs.append((int(self.looking[i]), int(self.others[low + last])))
            j = low + last
        return pairs


def _bits(packed: Packed, size: int) -> Booleans:
    return np.unpackbits(packed, count=size).astype(np.bool_)
