"""Records of identical patients as one row with a count, and what a study says of either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.protocol.protocol import Protocol
from twoarm.records.records import PatientTable, Records
from twoarm.records.typed_table import COUNT, FILE, FILE_ORDER, KEY, ROW
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results

SAME = 1e-10  # sums run over other rows, in another order
NOTHING = 1e-12  # of a difference that is 0 but for rounding
POINTS = ("schoenfeld",)  # curves of points, those of one day in any order


def counted(protocol: Protocol, records: Records) -> Records:
    """Return the records with one row for all patients who agree in everything but their key, in order of values."""
    frame = records.patients.frame.to_polars()
    places = [KEY, FILE, ROW, FILE_ORDER, next(iter(protocol.data.values())).key]
    values = sorted(name for name in frame.columns if name not in places)
    alike = frame.group_by(values).agg(pl.col(places).min(), pl.len().cast(pl.Int64).alias(COUNT))
    alike = alike.sort(values, nulls_last=False).select(*frame.columns, COUNT)
    return replace(records, patients=PatientTable(nw.from_native(alike, eager_only=True), records.patients.tables))


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
