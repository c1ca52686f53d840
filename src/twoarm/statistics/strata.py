"""Running sums and products that start anew in each stratum, in whole-array passes however many strata there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoarm.statistics.arrays import Floats, Integers


def running(
    values: Floats, stratum: Integers | None, dtype: type[np.floating[Any]] = np.float64, by: np.ufunc = np.add
) -> NDArray[Any]:
    """Return cumulative sums, or products, (..., m) that start anew where the stratum (m,) changes.

    Strata stand together. Nothing is taken back out of a longer sum, so that a stratum of small values keeps its digits
    beside one of large values.

    >>> running(np.array([1.0, 2, 3, 4, 5]), np.array([0, 0, 1, 1, 1])).tolist()
    [1.0, 3.0, 3.0, 7.0, 12.0]
    >>> running(np.array([1.0, 2, 3, 4, 5]), None, by=np.multiply).tolist()
    [1.0, 2.0, 6.0, 24.0, 120.0]
    """
    if stratum is None or not stratum.size or stratum[0] == stratum[-1]:
        return np.asarray(by.accumulate(values, axis=-1, dtype=dtype))
    total = values.astype(dtype)
    reach, longest = 1, int(np.bincount(stratum).max())
    while reach < longest:  # each pass doubles how far back a sum reaches
        before = np.where(stratum[reach:] == stratum[:-reach], total[..., :-reach], by.identity)
        by(total[..., reach:], before, out=total[..., reach:])
        reach *= 2
    return total


def first_of_stratum(stratum: Integers) -> NDArray[np.bool_]:
    """Say of each entry (m,) whether it is the first of its stratum; strata stand together.

    >>> first_of_stratum(np.array([0, 0, 3, 3])).tolist()
    [True, False, True, False]
    """
    first = np.ones(stratum.size, np.bool_)
    np.not_equal(stratum[1:], stratum[:-1], out=first[1:])
    return first
