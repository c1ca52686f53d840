"""Columns of the curves of m imputations, brought to the times of a pooled one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twoarm.results.curve import Curve, CurveKind
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats


def in_all(scratches: Sequence[Ledger], *kinds: CurveKind) -> list[list[Curve]]:
    """Return each curve of some kinds that all imputations have, from each of them."""
    found = [{curve.id: curve for curve in scratch.curves if curve.kind in kinds} for scratch in scratches]
    return [[curves[name] for curves in found] for name in found[0] if all(name in curves for curves in found)]


def column(curve: Curve, name: str) -> Floats:
    """Return a column of a curve, NaN where it has no number."""
    return np.array([np.nan if value is None else value for value in curve.columns[name]], dtype=np.float64)


def mean_at_risk(curves: Sequence[Curve], time: Floats) -> Floats:
    """Return the mean number at risk at some times."""
    return np.asarray(np.mean([_at_risk(curve, time) for curve in curves], axis=0))


def mean_count(curves: Sequence[Curve], name: str, time: Floats) -> Floats:
    """Return the mean of a column of counts at some times, 0 where a curve has no such time."""
    return np.asarray(np.mean([_counts(curve, name, time) for curve in curves], axis=0))


def _at_risk(curve: Curve, time: Floats) -> Floats:
    return np.append(column(curve, "at_risk"), 0.0)[np.searchsorted(column(curve, "time"), time, side="left")]


def _counts(curve: Curve, name: str, time: Floats) -> Floats:
    own = column(curve, "time")
    position = np.minimum(np.searchsorted(own, time, side="left"), own.size - 1)
    return np.where(own[position] == time, column(curve, name)[position], 0.0)
