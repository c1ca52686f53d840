"""Identical rows as one row with a frequency: what a fit costs then depends on the distinct rows only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers

MANY_ROWS = 50_000  # from which on equal ones are counted
FEWER = 4  # rows a cell, from which on counting pays


@dataclass(frozen=True, slots=True, eq=False)
class DistinctRows:
    """The m distinct rows of n, sorted by their columns from the first to the last."""

    row: Integers  # the first row that stands for each, shape (m,)
    frequency: Integers  # rows it stands for, shape (m,)
    place: Integers  # distinct row of each row, shape (n,)


@dataclass(frozen=True, slots=True, eq=False)
class CountedRows:
    """The m distinct rows of patients whose covariates are all 0 or 1, in order of time."""

    time: Floats
    event: Booleans
    covariates: Floats  # shape (m, p)
    frequency: Integers
    _keys: Integers  # of each of the n patients, among all possible rows, shape (n,)
    _cells: Integers  # the keys that occur, rising, shape (m,)

    def places(self) -> Integers:
        """Return which distinct row stands for each patient, shape (n,)."""
        lookup = np.zeros(int(self._cells[-1]) + 1, np.int64)
        lookup[self._cells] = np.arange(self._cells.size)
        return lookup.take(self._keys)


def count_rows(
    *, time: Floats, event: Booleans, covariates: Floats, frequency: Integers | None = None
) -> CountedRows | None:
    """Count the distinct rows of n patients in one pass, if there are far fewer; None if there may not be.

    Args:
        time: time to event or end of follow-up, shape (n,); none below 0.
        event: whether the event happened, shape (n,).
        covariates: shape (n, p).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    >>> found = count_rows(
    ...     time=np.array([1.0, 2] * 30), event=np.array([True] * 60), covariates=np.array([[0.0], [1]] * 30)
    ... )
    >>> found.time.tolist(), found.frequency.tolist(), found.covariates.tolist()
    ([1.0, 2.0], [30, 30], [[0.0], [1.0]])
    """
    n, p = covariates.shape
    cells = (float(time.max(initial=0.0)) + 1) * 2.0 ** (p + 1)
    if not cells * FEWER <= n:
        return None
    key = time.astype(np.int64)
    if not (key == time).all():
        return None
    key = key * 2 + event
    for column in covariates.T:
        set_ = column == 1.0
        if not (set_ | (column == 0.0)).all():
            return None
        key = key * 2 + set_
    counts = np.bincount(key) if frequency is None else np.bincount(key, frequency).astype(np.int64)
    cell = np.flatnonzero(counts)
    columns = [(cell >> (p - 1 - j)) & 1 for j in range(p)]
    covariates = np.array(columns, dtype=np.float64).reshape(p, cell.size).T
    return CountedRows(
        (cell >> (p + 1)).astype(np.float64), ((cell >> p) & 1) == 1, covariates, counts[cell], key, cell
    )


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
