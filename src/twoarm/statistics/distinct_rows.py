"""Identical rows as one row with a frequency: what a fit costs then depends on the distinct rows only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Integers


@dataclass(frozen=True, slots=True, eq=False)
class DistinctRows:
    """The m distinct rows of n, sorted by their columns from the first to the last."""

    row: Integers  # the first row that stands for each, shape (m,)
    frequency: Integers  # rows it stands for, shape (m,)
    place: Integers  # distinct row of each row, shape (n,)


def collapse_rows(columns: Sequence[ArrayLike]) -> DistinctRows:
    """Return the distinct rows of some columns of shape (n,), with how often each occurs.

    Every kernel that takes ``frequency`` gives of the distinct rows what it gives of all rows, to rounding.

    Raises:
        ArgumentError: no columns, missing values, or columns of different lengths.

    >>> found = collapse_rows([[1, 0, 1, 1], [True, True, True, False]])
    >>> found.row.tolist(), found.frequency.tolist()
    ([1, 3, 0], [1, 1, 2])
    """
    if not columns:
        raise ArgumentError("columns: found none; expected at least one")
    n = np.asarray(columns[0]).size
    place, size = np.zeros(n, np.int64), 1
    for column in columns:
        codes, labels = arrays.codes("columns", column, n)
        # joint codes are made dense again, so that they never overflow
        joint, place = arrays.distinct(place * labels.size + codes)
        size = joint.size
    frequency = np.bincount(place, minlength=size) if n else np.empty(0, np.int64)
    row = np.empty(frequency.size, np.int64)
    row[place[::-1]] = np.arange(n)[::-1]
    return DistinctRows(row, frequency, place)
