"""A long column is read by its different cells: what a cell means does not depend on its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from twoarm.protocol.column import ColumnDeclaration
from twoarm.protocol.data import Source, TablePart
from twoarm.records.column_typing import type_column
from twoarm.records.typed_column import TypedColumn

LONG = 20_000  # cells; below, nothing is gained
_CELL, _NUMBER, _ROW = "cell", "number", "row"


def type_long_column(
    raw: pl.Series,
    declared: ColumnDeclaration,
    source: Source | TablePart,
    *,
    epoch_1904: bool,
    beside: Mapping[str, pl.Series | None],
) -> TypedColumn:
    """Return a column in its declared type, as ``type_column`` does; a long one of few different cells much sooner.

    Args:
        raw: cells as they came.
        declared: what the column holds.
        source: its table, for the cells that stand for a missing value.
        epoch_1904: whether a workbook counts days from 1904.
        beside: what else ``type_column`` is told of single rows; where it is anything, the cells alone do not decide.
    """
    alone = all(series is None for series in beside.values()) and raw.dtype not in (pl.Null, pl.Object)
    found = _counted(raw) if alone and len(raw) >= LONG else None
    if found is None or 4 * found.height > len(raw):
        return type_column(raw, declared, source, epoch_1904=epoch_1904, **beside)
    typed = type_column(found[_CELL], declared, source, epoch_1904=epoch_1904, counts=found[_NUMBER])
    table = found.select(_CELL).with_row_index(_ROW)
    places = pl.DataFrame({_CELL: raw}).join(table, on=_CELL, how="left", nulls_equal=True, maintain_order="left")[_ROW]
    broken = {name: replace(rule, cells=rule.cells.gather(places)) for name, rule in typed.broken.items()}
    return TypedColumn(typed.values.gather(places), broken)


def _counted(raw: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({_CELL: raw}).group_by(_CELL).agg(pl.len().alias(_NUMBER))
