"""How many patients rows stand for, where a row may stand for several identical ones."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.weighted_quantile import counted_quantiles


def count(rows: Booleans, frequency: Integers | None) -> int:
    """Return how many patients the marked rows stand for.

    Args:
        rows: shape (n,).
        frequency: identical patients that each row stands for, shape (n,); None where each stands for one.

    >>> marked = np.array([True, True, False])
    >>> count(marked, None), count(marked, np.array([1, 4, 2]))
    (2, 5)
    """
    return int(np.count_nonzero(rows) if frequency is None else frequency[rows].sum())


def share(rows: Booleans, frequency: Integers | None) -> float:
    """Return the share of patients whom the marked rows stand for, among those of n rows, of which there are some.

    >>> share(np.array([True, False]), np.array([1, 3]))
    0.25
    """
    return count(rows, frequency) / (rows.size if frequency is None else int(frequency.sum()))


def level_counts(codes: Integers, levels: int, frequency: Integers | None) -> Integers:
    """Return how many patients have each of so many codes, shape (levels,).

    >>> level_counts(np.array([0, 2, 0]), 3, np.array([1, 2, 3])).tolist()
    [4, 0, 2]
    """
    return np.bincount(codes, frequency, levels).astype(np.int64, copy=False)


def median(values: Integers | Floats, frequency: Integers | None) -> float:
    """Return the median of some patients' values.

    >>> median(np.array([1.0, 5.0]), np.array([1, 3]))
    5.0
    """
    if frequency is None:
        return float(np.median(values))
    return counted_quantiles(values.astype(np.float64), frequency.astype(np.float64), (0.5,))[0]


def counted(weight: Floats | None, frequency: Integers | None) -> Floats | None:
    """Return the weight of all patients of each row, shape (n,); None where each row is one patient of weight 1.

    >>> counted(np.array([0.5, 2.0]), np.array([4, 1])).tolist()
    [2.0, 2.0]
    """
    if weight is None:
        return None if frequency is None else frequency.astype(np.float64)
    return weight if frequency is None else weight * frequency


def frequencies_of(rows: Booleans, frequency: Integers | None) -> Integers | None:
    """Return the frequencies of the marked rows."""
    return None if frequency is None else frequency[rows]
