"""Numbers that are probably in two units, or stand for a missing value that nobody declared: warnings only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from twoarm.protocol.column import IntegerColumn, NumberColumn
from twoarm.protocol.protocol import Protocol
from twoarm.records.findings import Finding
from twoarm.records.typed_table import FILE, TypedTable, findings_by_file
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import median

SENTINELS = (-9, -99, -999, -9999, 99, 999, 9999, 88, 888, 8888, 77, 777)
FEWEST = 5  # patients in the smaller of two clusters, and a twentieth of all
_MONTH = (25.0, 36.0)  # ratio of days to months, with room for chance


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """Cells of a column, from ``low`` up to below ``high``, that are suspected of something."""

    rule: str
    low: float
    high: float
    what: str
    remedy: str

    def holds(self, values: Floats) -> Booleans:
        """Whether each value is one of them; not for a missing one."""
        return np.asarray((values >= self.low) & (values < self.high))


def implausible_columns(protocol: Protocol, tables: Sequence[TypedTable]) -> Iterator[Finding]:
    """Return columns in memory whose numbers fall apart into two clusters, and cells that look like a code."""
    durations = {endpoint.time for endpoint in protocol.endpoints.values() if endpoint.time is not None}
    for table in tables:
        for column in number_columns(protocol, table):
            cells = table.frame[column].cast(pl.Float64)
            if column in durations:
                yield from _months_for_days(table, column, cells)
            values, counts = np.unique(cells.drop_nulls().to_numpy(), return_counts=True)
            for found in suspicions(values, counts.astype(np.int64)):
                rows = pl.Series(found.holds(cells.fill_null(np.nan).to_numpy()))
                yield from findings_by_file(table, rows, found.rule, "warned", column, found.what, found.remedy)


def number_columns(protocol: Protocol, table: TypedTable) -> list[str]:
    """Return the columns of numbers that were read of a table of patients."""
    declared = protocol.data[table.name].columns
    return [
        name
        for name, one in declared.items()
        if isinstance(one, IntegerColumn | NumberColumn) and name in table.columns
    ]


def suspicions(values: Floats, counts: Integers) -> Iterator[Suspicion]:
    """Yield what is suspected of a column.

    Args:
        values: its different numbers, rising, shape (k,).
        counts: how often each stands there, shape (k,).
    """
    code = _sentinel(values, counts)
    if code is not None:
        what = "cells far from all others that look like a code for missing"
        yield Suspicion("undeclared_code", code, np.nextafter(code, np.inf), what, "if so, declare it missing")
        values, counts = values[values != code], counts[values != code]
    cut = _two_clusters(values, counts)
    if cut is not None:
        above = values >= cut
        low, high = (cut, np.inf) if 2 * counts[above].sum() <= counts.sum() else (-np.inf, cut)
        what = "cells that are a multiple of the others, as if in another unit"
        remedy = "check the unit; multiply in files or a column of its own converts it"
        yield Suspicion("two_units", low, high, what, remedy)


def _months_for_days(table: TypedTable, column: str, cells: pl.Series) -> Iterator[Finding]:
    """Durations of one file that are about a thirtieth of the others'."""
    medians = {
        file: cells.filter((table.frame[FILE] == file) & (cells > 0)).median() for file in range(len(table.files))
    }
    known = {file: float(median) for file, median in medians.items() if median}  # type: ignore[arg-type]
    for file, own in known.items():
        others = [other for place, other in known.items() if place != file]
        if others and _MONTH[0] <= float(np.median(others)) / own <= _MONTH[1]:
            what = "durations that are about a thirtieth of those in the other files, as if months"
            remedy = "check the unit; multiply = 30.4375 in the file's columns converts it"
            yield from findings_by_file(
                table, table.frame[FILE] == file, "months_for_days", "warned", column, what, remedy
            )


def _sentinel(values: Floats, counts: Integers) -> float | None:
    """Return a number such as 999 that stands at least twice at the edge of a range, far from all others."""
    for code in SENTINELS:
        here = values == code
        rest = values[~here]
        if counts[here].sum() < 2 or counts[~here].sum() < 10:
            continue
        low, high = float(rest[0]), float(rest[-1])
        gap = code - high if code > 0 else low - code
        if gap > max(high - low, 1.0) * (0.5 if code > 0 else 0.25):
            return float(code)
    return None


def _two_clusters(values: Floats, counts: Integers) -> float | None:
    """Return the first number above a wide gap on the scale of ratios, if either side is a cluster of its own."""
    positive = values > 0
    values, counts = values[positive], counts[positive]
    n = int(counts.sum())
    if n < 4 * FEWEST:
        return None
    least, below_each = max(FEWEST, n // 20), np.cumsum(counts)[:-1]
    possible = np.flatnonzero((below_each >= least) & (below_each <= n - least))
    if not possible.size:
        return None
    at = int(possible[np.argmax(values[possible + 1] / values[possible])]) + 1
    below, above, gap = values[:at], values[at:], values[at] / values[at - 1]
    narrow = below[-1] / below[0] < gap * 2 and above[-1] / above[0] < gap * 2
    if gap < 2 or below.size < 3 or above.size < 3 or not narrow:
        return None
    return float(values[at]) if median(above, counts[at:]) / median(below, counts[:at]) >= 4 else None
