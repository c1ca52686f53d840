"""Records of identical patients as one row with a count, and what a study says of either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twoarm.records.records import Records
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results

SAME = 1e-10  # sums run over other rows, in another order
NOTHING = 1e-12  # of a difference that is 0 but for rounding
POINTS = ("schoenfeld",)  # curves of points, those of one day in any order


def counted(records: Records) -> Records:
    """Return the records with those who are alike in all that is asked for as one row with a count."""
    return replace(records, one_by_one=False)


def assert_same(found: Results, wanted: Results) -> None:
    """Every count is the same, every other number to ten digits, and everything that is said of them."""
    assert [row.id for row in found.estimates] == [row.id for row in wanted.estimates]
    apart = [
        f"{have.id}: {have.value!r} {have.note!r}, not {want.value!r} {want.note!r}"
        for have, want in zip(found.estimates, wanted.estimates, strict=True)
        if not _same_row(have, want)
    ]
    assert not apart, "\n".join(apart[:20])
    assert [curve.id for curve in found.curves] == [curve.id for curve in wanted.curves]
    apart = [have.id for have, want in zip(found.curves, wanted.curves, strict=True) if not _same_curve(have, want)]
    assert not apart, "\n".join(apart[:20])


def _same_row(have: Estimate, want: Estimate) -> bool:
    said = replace(have, value=None) == replace(want, value=None) and type(have.value) is type(want.value)
    if isinstance(have.value, int):
        return said and have.value == want.value
    return said and (have.value is None or math.isclose(have.value, want.value or 0, rel_tol=SAME, abs_tol=NOTHING))


def _same_curve(have: Curve, want: Curve) -> bool:
    columns = list(have.columns)
    if columns != list(want.columns) or have.unit != want.unit:
        return False
    one, other = (_numbers(curve) for curve in (have, want))
    if one.shape != other.shape:
        return False
    if have.kind in POINTS:
        one, other = (points[:, np.lexsort(points[::-1])] for points in (one, other))
    return np.allclose(one, other, rtol=SAME, atol=NOTHING, equal_nan=True)


def _numbers(curve: Curve) -> np.ndarray:
    columns: Sequence[Sequence[float | None]] = list(curve.columns.values())
    return np.array([[math.nan if value is None else value for value in column] for column in columns])
