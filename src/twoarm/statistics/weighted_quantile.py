"""Quantiles of a weighted sample, the inverse of its distribution function, and of counted values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.statistics.arrays import Floats, Integers

ROUNDING = 1e-12


def weighted_quantile(values: Floats, weight: Floats, share: float) -> float:
    """Return the smallest value with at least ``share`` of the weight at or below it.

    Args:
        values: shape (n,).
        weight: at least 0, not all 0, shape (n,).
        share: between 0 and 1.

    Raises:
        ArgumentError: no values, or weights that are all 0.

    Source: Hyndman and Fan (1996), type 1, with weights. R: ``survey::svyquantile(~x, design, p, qrule = "math")``.

    >>> weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 4.0]), 0.5)
    3.0
    """
    total = float(weight.sum())
    if values.size == 0 or total <= 0:
        raise ArgumentError("weight: found nothing that counts; expected a weight above 0")
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / total
    return float(values[order][int(np.searchsorted(reached, share - ROUNDING, side="left"))])


def counted_quantiles(values: Floats, frequency: Floats | Integers, shares: Sequence[float]) -> list[float]:
    """Return quantiles of type 7 of values (n,), each written out as often as its frequency says.

    R: ``quantile(rep(x, frequency), shares)``.

    >>> counted_quantiles(np.array([1.0, 2.0, 9.0]), np.array([1.0, 3.0, 1.0]), [0.5, 0.875])
    [2.0, 5.5]
    """
    order = np.argsort(values, kind="stable")
    ascending, last = values[order], np.cumsum(frequency[order])  # rank of the last patient of each value
    found = []
    for share in shares:
        place = (last[-1] - 1) * share
        below, above = ascending[np.searchsorted(last, (np.floor(place), np.ceil(place)), side="right")].tolist()
        found.append(float(below + (above - below) * (place - np.floor(place))))
    return found
