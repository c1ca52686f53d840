"""A source in its declared types, where it lies: each different cell is fetched once, and read as a cell of a file is.

What comes of the cells goes back to the engine: as an expression where they are what they were but for some that stand
for nothing, else as a table that is joined to the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.column import ColumnDeclaration
from twoarm.protocol.data import EventSource, Source, TablePart
from twoarm.records.column_typing import type_column
from twoarm.records.engine_ops import count_where, is_true
from twoarm.records.engines.cells import Cells, different_cells
from twoarm.records.engines.door import Door
from twoarm.records.engines.engine import Scan
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.records.findings import Finding
from twoarm.records.raw_table import headers_of
from twoarm.records.typed_column import TypedColumn, number_of
from twoarm.records.typed_table import KEY, MASKS, TypedTable, broken_rules, lone_key_finding
from twoarm.results.provenance import InputFile

_FEW = 1_000  # cells that an expression may name


@dataclass(frozen=True, slots=True, eq=False)
class TypedSource:
    """A table in its declared types, where it lies; dates are day numbers."""

    table: TypedTable  # without its rows
    frame: nw.LazyFrame[Any]  # ``:key``, the declared columns, ``held:x`` and ``completed:x``
    cells: Mapping[str, tuple[pl.Series, pl.Series]]  # different values of each column but the key, and their counts


def typed_source(
    door: Door, name: str, table: Source | EventSource, scan: Scan, header: list[str], described: InputFile
) -> TypedSource:
    """Read a source of plain keys where it lies; findings have counts and name no row.

    Args:
        door: the engine.
        name: of the table.
        table: its declaration.
        scan: the source, opened.
        header: of its columns, as headers are compared.
        described: where it came from.
    """
    part = table.whole()
    headers = headers_of(part)
    places = {column: header.index(found) for column, found in headers.items()}
    dates = [f"c{place}" for place in sorted(set(places.values())) if scan.types[place] == pl.Date]
    frame = door.engine.in_days(scan.frame, dates) if dates else scan.frame
    others = {column: place for column, place in places.items() if column != table.key}
    cells = different_cells(door, frame, scan.types, sorted(set(others.values())), name)
    key = nw.col(f"c{places[table.key]}")
    expressions = {KEY: key.cast(nw.String), table.key: key.cast(nw.String)}
    findings: list[Finding] = []
    if isinstance(table, Source):
        findings += _lone_keys(door, frame, places[table.key], headers[table.key], described)
    values: dict[str, tuple[pl.Series, pl.Series]] = {}
    for column, declared in part.columns.items():
        if column == table.key:
            continue
        assert getattr(declared, "unit_column", None) is None, "numbers beside their units are read in memory"
        read = cells[places[column]]
        typed = type_column(read.raw, declared, part, counts=read.counts)
        findings += _findings(typed, read.counts, described.file, headers[column], declared, part)
        values[column] = (typed.values, read.counts)
        frame = _put_back(door, frame, column, places[column], read, typed, expressions)
    types: dict[str, Any] = dict.fromkeys([KEY, *part.columns], pl.Null)
    rows = replace(described, rows=_rows(door, name, frame, cells))
    about = (described.file,), ("",), (headers,), tuple(findings), (rows,)
    ordered = [expressions[column].alias(column) for column in _in_order(part, expressions)]
    return TypedSource(TypedTable(name, pl.DataFrame(schema=types), *about), frame.select(*ordered), values)


def _rows(door: Door, name: str, frame: nw.LazyFrame[Any], cells: Mapping[int, Cells]) -> int:
    """Return how many rows a source has."""
    for read in cells.values():
        return int(read.counts.sum())
    return int(door.fetch(frame.select(nw.len().alias("n")), f"{name}: rows").item())


def _lone_keys(door: Door, frame: nw.LazyFrame[Any], key: int, header: str, described: InputFile) -> list[Finding]:
    """Return the rows that have a key and nothing else, where every column of the source is declared."""
    columns = frame.columns
    if len(columns) < 3 or described.ignored_columns:
        return []
    empty = [nw.col(column).is_null() for column in columns if column != f"c{key}"]
    lone = nw.all_horizontal(*empty, ignore_nulls=True) & ~nw.col(f"c{key}").is_null()
    number = int(door.fetch(frame.select(count_where(lone).alias("n")), f"{described.source}: lone keys").item())
    return [lone_key_finding(described.file, header, (), (), count=number)] if number else []


def _findings(
    typed: TypedColumn, counts: pl.Series, file: str, header: str, declared: ColumnDeclaration, part: TablePart
) -> Iterator[Finding]:
    for name, rule, outcome, remedy in broken_rules(typed, declared, part):
        number = number_of(rule.cells, counts)
        yield Finding(name, outcome, file, header, rule.what, (), (), remedy, count=number)


def _put_back(
    door: Door,
    frame: nw.LazyFrame[Any],
    column: str,
    place: int,
    read: Cells,
    typed: TypedColumn,
    expressions: dict[str, nw.Expr],
) -> nw.LazyFrame[Any]:
    """Say what the cells of a column are, in expressions; return the source, perhaps with a table joined."""
    held, completed = typed.held(), typed.completed()
    values = typed.values.to_physical().cast(pl.Int64) if typed.values.dtype == pl.Date else typed.values
    exceptions = _exceptions(read, values, held) if not completed.any() else None
    if exceptions is not None:
        expressions |= _as_it_was(read.of(f"c{place}"), column, read, values.dtype, exceptions, held)
        return frame
    number = f"_{len(expressions)}"
    table = pl.DataFrame({"k" + number: read.own, "v" + number: values, "h" + number: held, "m" + number: completed})
    table = table.filter(read.own.is_not_null())
    assert table["k" + number].n_unique() == table.height, "each cell is read once"
    frame = frame.with_columns(read.of(f"c{place}").alias("t" + number))
    frame = frame.join(door.engine.upload(table), left_on="t" + number, right_on="k" + number, how="left")
    expressions[column] = nw.col("v" + number)
    if held.any():
        expressions[HELD + column] = is_true(nw.col("h" + number))
    if completed.any():
        expressions[COMPLETED + column] = is_true(nw.col("m" + number))
    return frame


def _exceptions(read: Cells, values: pl.Series, held: pl.Series) -> pl.Series | None:
    """Return the few cells that stand for nothing, where all others are what they were; None where they are not.

    NaN is missing without a word.
    """
    kind, wanted = read.own.dtype, values.dtype
    if kind != wanted and not (kind.is_integer() and wanted in (pl.Int64, pl.Float64)):
        return None
    own = read.own.fill_nan(None) if kind.is_float() else read.own
    changed = ~own.cast(wanted, strict=False).eq_missing(values) | held
    found = read.own.filter(changed)
    finite = not kind.is_float() or bool(found.is_finite().all())
    return found if found.len() <= _FEW and finite and values.filter(changed).is_null().all() else None


def _as_it_was(
    cell: nw.Expr, column: str, read: Cells, wanted: pl.DataType, exceptions: pl.Series, held: pl.Series
) -> dict[str, nw.Expr]:
    value = cell if read.own.dtype == wanted else cell.cast(nw.Int64 if wanted.is_integer() else nw.Float64)
    if wanted == pl.Float64:
        value = nw.when(~value.is_nan()).then(value) + 0.0  # no -0.0
    if exceptions.len():
        value = nw.when(~cell.is_in(exceptions.to_list())).then(value)
    found = {column: value}
    if held.any():
        found[HELD + column] = is_true(cell.is_in(read.own.filter(held).to_list()))
    return found


def _in_order(part: TablePart, expressions: Mapping[str, nw.Expr]) -> list[str]:
    masked = [mask + column for column in part.columns for mask in ("", *MASKS)]
    return [name for name in (KEY, *masked) if name in expressions]
