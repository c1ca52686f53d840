"""The different cells of a source's columns, each with the number of times that it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.records.engines.counted_rows import in_type
from twoarm.records.engines.door import Door

_TAG, _CELL, _TEXT, _COUNT = "tag", "cell", "text", "n"


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The different cells of a column, k of them, in an order of their own."""

    raw: pl.Series  # in the source's type, shape (k,)
    own: pl.Series  # as the engine has them, or their texts where it cannot compare them, shape (k,)
    counts: pl.Series  # shape (k,)
    by_text: bool

    def of(self, column: str) -> nw.Expr:
        """Return a column of the source as ``own`` has it."""
        return nw.col(column).cast(nw.String) if self.by_text else nw.col(column)


def compared_by_text(kind: nw.dtypes.DType) -> bool:
    """Return whether cells of a type are found again by their text: engines disagree about equal times and decimals."""
    return not (kind.is_integer() or kind in (nw.String, nw.Boolean, nw.Float64))


def different_cells(
    door: Door, frame: nw.LazyFrame[Any], types: Sequence[pl.DataType], columns: Sequence[int], what: str
) -> dict[int, Cells]:
    """Return the cells of some columns ``c0``, ``c1``, ... of a source, by the column's place.

    Columns of one type come in one query.

    Args:
        door: the engine.
        frame: the source; its dates are day numbers already.
        types: of all its columns, as the source has them.
        columns: places of those that are asked for.
        what: the rows are counted as, with the column's place.
    """
    schema = frame.collect_schema()
    by_type: dict[nw.dtypes.DType, list[int]] = {}
    for place in columns:
        by_type.setdefault(schema[f"c{place}"], []).append(place)
    found: dict[int, Cells] = {}
    for kind, places in by_type.items():
        text = compared_by_text(kind)
        counted = nw.concat([_counted(frame, place, text=text) for place in places])
        rows = door.tagged(counted, _TAG, {place: f"{what}: c{place}" for place in places})
        for place in places:
            here = rows.filter(pl.col(_TAG) == place)
            raw = here[_CELL]
            if types[place] == pl.Date:
                raw = pl.Series(raw.to_physical().cast(pl.Int32)).cast(pl.Date)
            cells = in_type(raw, types[place])
            found[place] = Cells(cells, here[_TEXT] if text else here[_CELL], here[_COUNT].cast(pl.Int64), text)
    return found


def _counted(frame: nw.LazyFrame[Any], place: int, *, text: bool) -> nw.LazyFrame[Any]:
    cell = nw.col(f"c{place}")
    counted = frame.select(cell.alias(_CELL)).group_by(_CELL).agg(nw.len().alias(_COUNT))
    written = [nw.col(_CELL).cast(nw.String).alias(_TEXT)] if text else []
    return counted.select(nw.lit(place, nw.Int64).alias(_TAG), nw.col(_CELL), *written, nw.col(_COUNT).cast(nw.Int64))
