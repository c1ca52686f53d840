"""The largest gap between two distribution functions, from bins; only those that may hold it are looked into."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.blocks import LONG_COLUMN, over_blocks, summed

BINS = 4_096
FEW = 8_192  # values that are sorted at once
ROUNDING = 1e-12  # a bin that reaches the largest gap but for rounding is looked into


def largest_gap(values: Floats, treated: Booleans) -> float:
    """Return the largest distance between the two arms' distribution functions of finite values, shape (n,).

    The gap at the ends of bins is known from counts. Within a bin it grows by at most the share that the bin holds, so
    most bins cannot hold the largest one, and the others are cut into bins in their turn.

    >>> largest_gap(np.array([1.5, 2.5, 3.5, 4.5]), np.array([False, False, True, True]))
    1.0
    """
    own = int(np.count_nonzero(treated))
    sizes = np.array([treated.size - own, own], np.float64)
    return _within(values, treated, np.zeros(2), sizes)


def _within(values: Floats, treated: Booleans, below: Floats, sizes: Floats) -> float:
    """Return the largest gap at any of the values; ``below`` are the arms' values below all of these, shape (2,)."""
    low = float(values.min())
    width = float(values.max()) - low  # infinite where it is too large
    if values.size <= FEW or not (0 < width < np.inf and BINS / width < np.inf):
        return _sorted(values, treated, below, sizes)
    scale, place = BINS / width, np.empty(values.size, np.int16)

    def count(rows: slice) -> Floats:
        bins = (values[rows] - low) * scale
        own = place[rows]
        own[...] = bins
        return np.bincount(own * 2 + treated[rows], minlength=2 * BINS + 2).astype(np.float64)

    counts = summed(over_blocks(values.size, count, LONG_COLUMN)).reshape(-1, 2)
    ends = below + counts.cumsum(axis=0)
    gap, share = _gaps(ends, sizes), counts / sizes
    largest, before = float(np.abs(gap).max()), np.concatenate((_gaps(below[None], sizes), gap[:-1]))
    reach = np.maximum(before + share[:, 1], share[:, 0] - before)
    open_ = np.flatnonzero((reach > largest * (1 - ROUNDING)) & (counts.sum(axis=1) > 1))
    if not open_.size:
        return largest
    rows = np.flatnonzero((place >= open_[0]) & (place <= open_[-1]))
    inner = _sorted if 2 * rows.size > values.size else _within
    first = open_[0]
    return max(largest, inner(values[rows], treated[rows], ends[first] - counts[first], sizes))


def _sorted(values: Floats, treated: Booleans, below: Floats, sizes: Floats) -> float:
    order = np.argsort(values)
    values = values[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of equal values
    own = below[1] + np.cumsum(treated[order])[last]
    return float(np.abs(_gaps(np.column_stack((below.sum() + last + 1 - own, own)), sizes)).max())


def _gaps(counts: Floats, sizes: Floats) -> Floats:
    shares = counts / sizes
    return np.asarray(shares[:, 1] - shares[:, 0])
