"""Checks at the entry of every statistic: what is missing, negative or miscoded is refused, never guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError

FEW = 2_048  # values; so many are sorted faster than they are looked over for whole days

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


def numbers(name: str, values: ArrayLike, length: int | None = None) -> Floats:
    """Return ``values`` as finite floats of shape (n,); raise ArgumentError naming the argument otherwise."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name}: found {array.dtype} values; expected numbers")
    array = array.astype(np.float64, copy=False)
    if array.ndim != 1:
        raise ArgumentError(f"{name}: found {array.ndim} dimensions; expected one")
    if length is not None and array.size != length:
        raise ArgumentError(f"{name}: found {array.size} values; expected {length}, one a patient")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ArgumentError(f"{name}: found {bad} missing or infinite values; drop or impute those patients first")
    return array


def times(name: str, values: ArrayLike, length: int | None = None) -> Floats:
    """Return non-negative times of shape (n,)."""
    array = numbers(name, values, length)
    if array.size and array.min() < 0:
        raise ArgumentError(f"{name}: found {int((array < 0).sum())} negative times; expected times of at least 0")
    return array


def entries(values: ArrayLike | None, time: Floats) -> Floats | None:
    """Return entry times (left truncation), each before its exit, or None when everybody is followed from 0."""
    if values is None:
        return None
    array = numbers("entry", values, time.size)
    if (array >= time).any():
        late = int((array >= time).sum())
        raise ArgumentError(f"entry: found {late} patients who enter at or after their time; expected entry < time")
    return array


def events(name: str, values: ArrayLike, length: int) -> Booleans:
    """Return event indicators; anything but booleans or 0/1 is refused, so times are never taken for events."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size != length:
        raise ArgumentError(f"{name}: found shape {array.shape}; expected ({length},), one a patient")
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "fiu":
        raise ArgumentError(f"{name}: found {array.dtype} values; expected booleans or 0 and 1")
    if not ((array == 0) | (array == 1)).all():
        raise ArgumentError(f"{name}: found codes outside 0 and 1 (or missing); recode to True for an event")
    return array.astype(np.bool_)


def codes(name: str, values: ArrayLike, length: int) -> tuple[Integers, NDArray[Any]]:
    """Return (codes 0..k-1, sorted distinct labels) of a grouping such as arm, stratum or cluster."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size != length:
        raise ArgumentError(f"{name}: found shape {array.shape}; expected ({length},), one a patient")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ArgumentError(f"{name}: found {int(np.isnan(array).sum())} missing values; drop those patients first")
    if array.dtype.kind == "O" and any(value is None or value != value for value in array):
        raise ArgumentError(f"{name}: found missing values; drop those patients first")
    if array.dtype.kind in "biuf":
        labels, inverse = distinct(array)
    else:
        labels, inverse = np.unique(array, return_inverse=True)
    return inverse.astype(np.int64, copy=False).reshape(-1), labels


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    """Return (sorted distinct values, position of each value among them) of numbers; whole days need no sorting.

    >>> distinct(np.array([3.0, 1.0, 3.0]))
    (array([1., 3.]), array([1, 0, 1]))
    """
    if values.size <= FEW:
        return _distinct_of_few(values)
    days = whole_days(values)
    if days is None:
        labels, inverse = np.unique(values, return_inverse=True)
        return labels, inverse.reshape(-1)
    seen = np.bincount(days) > 0
    return np.flatnonzero(seen).astype(values.dtype), (np.cumsum(seen) - 1)[days]


def _distinct_of_few(values: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    order = values.argsort(kind="stable")
    ascending = values[order]
    new = np.ones(values.size, np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    place = np.empty(values.size, np.int64)
    place[order] = new.cumsum() - 1
    return ascending[new], place


def sorted_distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted distinct values of numbers; whole days need no sorting.

    >>> sorted_distinct(np.array([3.0, 1.0, 3.0]))
    array([1., 3.])
    """
    days = whole_days(values) if values.size > FEW else None
    if days is not None:
        return np.flatnonzero(np.bincount(days) > 0).astype(values.dtype)
    ascending = np.sort(values)
    return np.concatenate((ascending[:1], ascending[1:][ascending[1:] != ascending[:-1]]))


def count_distinct(values: NDArray[Any]) -> int:
    """Return how many different numbers there are.

    >>> count_distinct(np.array([3, 1, 3]))
    2
    """
    return int(sorted_distinct(values).size)


def count_up_to(sorted_values: NDArray[Any], values: NDArray[Any]) -> Integers:
    """Return how many of some sorted distinct values are at most each value, shape (n,)."""
    days = whole_days(values) if values.size > FEW else None
    if days is None:
        return sorted_values.searchsorted(values, side="right")
    ticks = np.arange(int(days.max(initial=0)) + 1)
    return np.searchsorted(sorted_values, ticks, side="right")[days]


def whole_days(values: NDArray[Any]) -> Integers | None:
    """Return values as integers if all are whole, at least 0 and not much more than there are values, else None."""
    if not values.size or not 0 <= values.min() <= values.max() <= 4 * values.size + 1024:
        return None
    days = values.astype(np.int64)
    return days if values.dtype.kind in "biu" or (days == values).all() else None


def weights(values: ArrayLike | None, length: int) -> Floats:
    """Return sampling weights (all at least 0, not all 0); ones when None."""
    if values is None:
        return np.ones(length)
    array = numbers("weight", values, length)
    if array.size and (array.min() < 0 or array.max() == 0):
        raise ArgumentError("weight: found negative weights or nothing but zeros; expected weights of at least 0")
    return array


def frequencies(values: ArrayLike | None, length: int) -> Floats:
    """Return frequency weights (whole numbers of at least 1: k identical patients); ones when None."""
    if values is None:
        return np.ones(length)
    array = numbers("frequency", values, length)
    if array.size and (array.min() < 1 or (array != np.floor(array)).any()):
        raise ArgumentError("frequency: expected whole numbers of at least 1; fractional weights go to weight=")
    return array


def matrix(name: str, values: ArrayLike, length: int) -> Floats:
    """Return a finite matrix of shape (n, p), a vector becoming one column; no copy of floats is made."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name}: found {array.dtype} values; expected numbers")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[0] != length:
        raise ArgumentError(f"{name}: found shape {array.shape}; expected ({length}, p), one row a patient")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ArgumentError(f"{name}: found {bad} missing or infinite values; drop or impute those patients first")
    return array


def group_sums(group: Integers, values: Floats, groups: int) -> Floats:
    """Sum values (n,) by group code; shape (groups,)."""
    return np.bincount(group, values, groups).astype(np.float64, copy=False)


def level(value: float) -> float:
    """Return a confidence level that lies strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ArgumentError(f"confidence_level: found {value}; expected a number between 0 and 1, such as 0.95")
    return float(value)


def group_counts(group: Integers, frequency: Floats | None, groups: int) -> Floats:
    """Count the entries of each group code, or sum their frequencies (n,); shape (groups,)."""
    return np.bincount(group, frequency, groups).astype(np.float64, copy=False)
