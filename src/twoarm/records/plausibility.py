"""Numbers that are probably in two units, or stand for a missing value that nobody declared: warnings only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from twoarm.protocol.column import IntegerColumn, NumberColumn
from twoarm.protocol.protocol import Protocol
from twoarm.records.findings import Finding
from twoarm.records.typed_table import FILE, TypedTable, findings_by_file

SENTINELS = (-9, -99, -999, -9999, 99, 999, 9999, 88, 888, 8888, 77, 777)
FEWEST = 5  # patients in the smaller of two clusters, and a twentieth of all
_MONTH = (25.0, 36.0)  # ratio of days to months, with room for chance


def implausible_columns(protocol: Protocol, tables: Sequence[TypedTable]) -> Iterator[Finding]:
    """Return columns whose numbers fall apart into two clusters, and cells that look like an undeclared code."""
    durations = {endpoint.time for endpoint in protocol.endpoints.values() if endpoint.time is not None}
    for table in tables:
        for column, declared in protocol.data[table.name].columns.items():
            if not isinstance(declared, IntegerColumn | NumberColumn) or column not in table.frame.columns:
                continue
            cells = table.frame[column].cast(pl.Float64)
            if column in durations:
                yield from _months_for_days(table, column, cells)
            code = _sentinel(cells)
            if code is not None:
                rows = (cells == code).fill_null(False)
                what, remedy = (
                    "cells far from all others that look like a code for missing",
                    "if so, declare it missing",
                )
                yield from findings_by_file(table, rows, "undeclared_code", "warned", column, what, remedy)
                cells = cells.set(rows, None)
            cut = _two_clusters(cells)
            if cut is not None:
                rows = (cells >= cut).fill_null(False)
                few = rows if rows.sum() * 2 <= cells.count() else (cells < cut).fill_null(False)
                what = "cells that are a multiple of the others, as if in another unit"
                remedy = "check the unit; multiply in files or a column of its own converts it"
                yield from findings_by_file(table, few, "two_units", "warned", column, what, remedy)


def _months_for_days(table: TypedTable, column: str, cells: pl.Series) -> Iterator[Finding]:
    """Durations of one file that are about a thirtieth of the others'."""
    medians = {
        file: cells.filter((table.frame[FILE] == file) & (cells > 0)).median() for file in range(len(table.files))
    }
    known = {file: float(median) for file, median in medians.items() if median}  # type: ignore[arg-type]
    for file, median in known.items():
        others = [other for place, other in known.items() if place != file]
        if others and _MONTH[0] <= float(np.median(others)) / median <= _MONTH[1]:
            what = "durations that are about a thirtieth of those in the other files, as if months"
            remedy = "check the unit; multiply = 30.4375 in the file's columns converts it"
            yield from findings_by_file(
                table, table.frame[FILE] == file, "months_for_days", "warned", column, what, remedy
            )


def _sentinel(cells: pl.Series) -> float | None:
    """Return a number such as 999 that stands at least twice at the edge of a range, far from all others."""
    for code in SENTINELS:
        times = int((cells == code).sum())
        rest = cells.filter((cells != code) & cells.is_not_null())
        if times < 2 or rest.len() < 10:
            continue
        low, high = float(rest.min()), float(rest.max())  # type: ignore[arg-type]
        gap = code - high if code > 0 else low - code
        if gap > max(high - low, 1.0) * (0.5 if code > 0 else 0.25):
            return float(code)
    return None


def _two_clusters(cells: pl.Series) -> float | None:
    """Return the first number above a wide gap on the scale of ratios, if either side is a cluster of its own."""
    values = np.sort(cells.filter(cells > 0).to_numpy())
    n = values.size
    if n < 4 * FEWEST:
        return None
    least = max(FEWEST, n // 20)
    ratios = values[least : n - least + 1] / values[least - 1 : n - least]
    at = int(np.argmax(ratios)) + least
    below, above = values[:at], values[at:]
    narrow = below[-1] / below[0] < values[at] / below[-1] * 2 and above[-1] / above[0] < values[at] / below[-1] * 2
    distinct = np.unique(below).size >= 3 and np.unique(above).size >= 3
    wide = values[at] / below[-1] >= 2 and np.median(above) / np.median(below) >= 4
    return float(values[at]) if wide and distinct and narrow else None
