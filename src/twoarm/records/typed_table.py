"""Files of one table -> typed columns, one file below the other; every cell keeps its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from twoarm.errors import Problem, RecordsError, nearest
from twoarm.protocol.column import ColumnDeclaration
from twoarm.protocol.data import EventSource, Source, TablePart
from twoarm.records.cell_text import readable
from twoarm.records.distinct_cells import type_long_column
from twoarm.records.engines.source import EngineReader
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.records.findings import NOTES, Finding, Outcome
from twoarm.records.raw_table import RawTable, headers_of
from twoarm.records.source_files import frame_source, read_source
from twoarm.records.typed_column import CellRule, TypedColumn
from twoarm.results.provenance import InputFile

KEY = ":key"
FILE = ":file"  # position among the table's files
ROW = ":row"  # as the file numbers it
FILE_ORDER = ":file_order"  # over all files
COUNT = ":count"  # identical patients that a row stands for; without it each row stands for one
MASKS = (HELD, COMPLETED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands."""

    file: str
    row: int
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class TypedTable:
    """Columns in their declared types, ``:key``, ``:file``, ``:row``, and ``held:x`` beside columns with held cells.

    ``completed:x`` stands beside columns with dates that a declared rule completed.
    """

    name: str
    frame: pl.DataFrame
    files: tuple[str, ...]
    sheets: tuple[str, ...]  # of each file; "" where it has none, or is named with it
    headers: tuple[Mapping[str, str], ...]  # of each file: column -> its header there
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the frame's columns."""
        return self.frame.columns


def read_table(
    name: str,
    table: Source | EventSource,
    folder: Path,
    given: Any = None,
    columns: frozenset[str] | None = None,
    reader: EngineReader | None = None,
) -> TypedTable:
    """Read and type every file of a table, or the frame that stands for it whole, under the table's own names.

    Only some columns where they are named. ``reader`` reads what lies with an engine.

    Raises:
        RecordsError: with every reason why a file cannot be read at all.
    """
    frames: list[pl.DataFrame] = []
    findings: list[Finding] = []
    inputs: list[InputFile] = []
    problems: list[Problem] = []
    raws: list[RawTable] = []
    headers: list[Mapping[str, str]] = []
    events = isinstance(table, EventSource)
    place = f"{'events' if events else 'data'}.{name}"
    parts = table.parts() if given is None else (table.whole(),)
    for declared in parts:
        part = declared if columns is None else declared.only(columns | {table.key})
        try:
            raw = _raw(place, part, folder, given, reader)
            if sum(other.file == part.file for other in parts) > 1:  # several sheets of one workbook
                raw = replace(raw, name=f"{raw.name} ({part.sheet})", sheet="")
            if not raw.frame.height and not events:  # of events there may be none
                raise RecordsError(
                    [Problem(raw.place, "no rows under the header", "expected one row a patient", rule="no_rows")]
                )
            frame, found, described = _type_part(name, table, part, raw, len(frames))
        except RecordsError as error:
            problems += error.problems
            continue
        raws.append(raw)
        headers.append(headers_of(part))
        frames.append(frame)
        findings += found
        inputs.append(described)
    if problems:
        raise RecordsError([*problems, *(finding.problem() for finding in findings if finding.outcome == "refused")])
    whole = pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]
    whole = whole.with_columns(pl.col(name).fill_null(False) for name in whole.columns if name.startswith(MASKS))
    whole = whole.with_columns(pl.Series(FILE_ORDER, range(whole.height), dtype=pl.Int64))
    files = tuple(raw.name for raw in raws)
    sheets = tuple(raw.sheet for raw in raws)
    return TypedTable(name, whole, files, sheets, tuple(headers), tuple(findings), tuple(inputs))


def _raw(place: str, part: TablePart, folder: Path, given: Any, reader: EngineReader | None) -> RawTable:
    if given is not None:
        return frame_source(place, given)
    if part.on_engine:
        assert reader is not None, "tables of an engine are read through it"
        return reader.read(place, part, refuse_headers)
    return read_source(place, part, folder)


def table_with(column: str, tables: Sequence[TypedTable]) -> TypedTable | None:
    """Return the first table that has a column."""
    return next((table for table in tables if column in table.columns), None)


def finding_by_count(
    table: TypedTable,
    count: int,
    rule: str,
    outcome: Outcome,
    column: str,
    what: str,
    remedy: str,
    keys: tuple[str, ...] = (),
) -> Finding:
    """Return a finding of so many rows without numbers, as an engine's are, under the column's header."""
    header = table.headers[0].get(column, column)
    return Finding(rule, outcome, table.files[0], header, what, (), keys, remedy, count=count)


def findings_by_file(
    table: TypedTable, rows: pl.Series, rule: str, outcome: Outcome, column: str, what: str, remedy: str
) -> Iterator[Finding]:
    """Return a finding for each file that has any of the rows, under the column's header there."""
    found = table.frame.select(KEY, FILE, ROW).filter(rows)
    for position, file in enumerate(table.files):
        here = found.filter(found[FILE] == position)
        if here.height:
            keys = tuple(here[KEY].fill_null("").to_list())
            header = table.headers[position].get(column, column)
            rows_here = tuple(here[ROW].to_list())
            yield Finding(rule, outcome, file, header, what, rows_here, keys, remedy, table.sheets[position])


def _type_part(
    name: str, table: Source | EventSource, part: TablePart, raw: RawTable, position: int
) -> tuple[pl.DataFrame, list[Finding], InputFile]:
    headers = headers_of(part)
    refuse_headers(raw, headers)
    raw, findings = _merge_identical(raw, part, headers)
    height, rows = raw.frame.height, raw.rows.alias(ROW)
    columns: dict[str, pl.Series] = {}
    typed: dict[str, TypedColumn] = {}
    for column, declared in units_first(part.columns):
        cells = raw.frame[headers[column]] if column in headers else _given(part, column, height)
        header, units = headers.get(column, ""), columns.get(getattr(declared, "unit_column", None) or "")
        beside = {"fake": raw.fake.get(header), "dates": raw.dates.get(header), "units": units}
        typed[column] = type_long_column(cells, declared, part, epoch_1904=raw.epoch_1904, beside=beside)
        columns[column] = typed[column].values
        held = typed[column].held()
        if held.any():
            columns[HELD + column] = held
        completed = typed[column].completed()
        if completed.any():
            columns[COMPLETED + column] = completed
    keys = typed[table.key].values
    if raw.blank:
        header = headers.get(table.key, table.key)
        findings.append(Finding("blank_row", "warned", raw.name, header, "empty rows", raw.blank, (), "skipped"))
    if isinstance(table, Source):
        findings += _lone_keys(raw, headers.get(table.key, table.key), keys)
    for remark in raw.remarks:
        header = remark.column or headers.get(table.key, table.key)
        outcome: Outcome = "normalised" if remark.rule == "stop_at" else "warned"
        whose = _keys_of(remark.rows, rows, keys) if remark.column else ()
        findings.append(Finding(remark.rule, outcome, raw.name, header, remark.what, remark.rows, whose, remark.remedy))
    for column, declared in part.columns.items():
        header = headers.get(column, column)
        findings += _cell_findings(typed[column], keys, rows, raw.name, header, declared, part)
    order = [mask + name for name in part.columns for mask in ("", *MASKS) if mask + name in columns]
    frame = pl.DataFrame(
        {
            KEY: keys,
            FILE: pl.Series([position], dtype=pl.Int32).new_from_index(0, height),
            ROW: rows,
            **{name: columns[name] for name in order},
        }
    )
    used = set(headers.values())
    ignored = raw.ignored or tuple(column for column in raw.frame.columns if column not in used)
    encoding = part.encoding if raw.name.lower().endswith(".csv") else ""
    described = InputFile(
        name, raw.name, raw.sha256, raw.bytes, height, tuple(part.columns), ignored, raw.sheet, encoding, raw.known_by
    )
    return frame, [replace(finding, sheet=raw.sheet) for finding in findings], described


LONE_KEY = "lone_key"


def _lone_keys(raw: RawTable, header: str, keys: pl.Series) -> Iterator[Finding]:
    """Return the rows that have a key and nothing else, in any column: notes, or patients of whom nothing is known."""
    others = [name for name in raw.frame.columns if name != header]
    if len(others) < 2 or header not in raw.frame.columns or raw.ignored:  # an engine left columns where they are
        return
    empty = raw.frame.select(pl.all_horizontal(pl.col(others).is_null()).alias("empty")).to_series()
    lone = empty & keys.is_not_null() & ~keys.str.contains(NOTES).fill_null(False)
    if lone.any():
        rows, whose = tuple(raw.rows.filter(lone).to_list()), tuple(keys.filter(lone).to_list())
        yield lone_key_finding(raw.name, header, rows, whose)


def lone_key_finding(
    file: str, header: str, rows: tuple[int, ...], whose: tuple[str, ...], *, count: int = 0
) -> Finding:
    """Return what is said of rows that have a key and nothing else."""
    remedy = "delete them, if they are notes or have no patient; stop_at ends the table"
    what = "rows with a key and nothing else"
    return Finding(LONE_KEY, "refused", file, header, what, rows, whose, remedy, count=count)


def _keys_of(wanted: tuple[int, ...], rows: pl.Series, keys: pl.Series) -> tuple[str, ...]:
    """Return the patient keys of some rows, "" where one has none."""
    known = dict(zip(rows.to_list(), keys.to_list(), strict=True))
    return tuple(known.get(row) or "" for row in wanted)


def units_first(columns: Mapping[str, ColumnDeclaration]) -> list[tuple[str, ColumnDeclaration]]:
    """Return the columns with those that hold units before the numbers that they are of."""
    return sorted(columns.items(), key=lambda item: getattr(item[1], "unit_column", None) is not None)


def _merge_identical(raw: RawTable, part: TablePart, headers: Mapping[str, str]) -> tuple[RawTable, list[Finding]]:
    """Keep one of the rows that are equal in every cell, where the protocol says so."""
    if part.identical_rows == "refuse":
        return raw, []
    first = raw.frame.select(pl.struct(pl.all()).is_first_distinct().alias("first")).to_series()
    if first.all():
        return raw, []
    rows = tuple(raw.rows.filter(~first).to_list())
    header = headers.get(part.key, part.key)
    what, remedy = "rows that repeat another in every cell", 'left out (identical_rows = "merge")'
    found = Finding("identical_rows", "normalised", raw.name, header, what, rows, (), remedy)
    kept = replace(
        raw,
        frame=raw.frame.filter(first),
        rows=raw.rows.filter(first),
        dates={name: mask.filter(first) for name, mask in raw.dates.items()},
        fake={name: mask.filter(first) for name, mask in raw.fake.items()},
    )
    return kept, [found]


def _given(part: TablePart, column: str, height: int) -> pl.Series:
    """The cells of a column that the file does not have: one value for all, or missing."""
    return pl.Series([part.values.get(column)], dtype=pl.String).new_from_index(0, height)


def refuse_headers(raw: RawTable, headers: Mapping[str, str]) -> None:
    """Refuse a table that lacks declared columns, or has one of a type that no cell can be read from."""
    absent = [header for header in headers.values() if header not in raw.frame.columns]
    folded = {column.casefold() for column in raw.frame.columns}
    if absent and len(absent) == len(headers) > 1 and not folded & {header.casefold() for header in absent}:
        found = f"none of the {len(headers)} declared columns in the header"
        expected = (
            "check that it is the right file and sheet, the delimiter, and header_row if the header is in another row"
        )
        raise RecordsError([Problem(raw.place, found, expected, rule="missing_column")])
    if absent:
        raise RecordsError(
            [
                Problem(
                    raw.place,
                    f"no column {header}",
                    f"expected it in the header{nearest(header, raw.frame.columns)}",
                    rule="missing_column",
                )
                for header in absent
            ]
        )
    odd = {header: raw.frame.schema[header] for header in headers.values() if not readable(raw.frame[header])}
    if odd:
        raise RecordsError(
            [
                Problem(raw.place, f"a column of type {dtype}", _KINDS, header, "unknown_type")
                for header, dtype in odd.items()
            ]
        )


def _cell_findings(
    column: TypedColumn,
    keys: pl.Series,
    rows: pl.Series,
    file: str,
    header: str,
    declared: ColumnDeclaration,
    part: TablePart,
) -> Iterator[Finding]:
    for name, rule, outcome, remedy in broken_rules(column, declared, part):
        patients = tuple(keys.filter(rule.cells).fill_null("").to_list())
        found = tuple(rows.filter(rule.cells).to_list())
        yield Finding(name, outcome, file, header, rule.what, found, patients, remedy)


def broken_rules(
    column: TypedColumn, declared: ColumnDeclaration, part: TablePart
) -> Iterator[tuple[str, CellRule, Outcome, str]]:
    """Yield the rules that any cell of a column breaks, what becomes of these cells, and what can be done."""
    hold = (declared.on_invalid or part.on_invalid) == "hold"
    for name, rule in column.broken.items():
        if rule.cells.any():
            outcome = rule.outcome or ("held" if hold else "refused")
            remedy = rule.remedy
            if rule.outcome is None:
                remedy = _HELD if hold else f"{remedy}, or {_CORRECT}" if remedy else _CORRECT
            yield name, rule, outcome, remedy or (_HELD if outcome == "held" else _CORRECT)


_KINDS = "expected text, numbers, yes/no or dates"
_HELD = "held: counts as unknown"
_CORRECT = 'correct the cells, declare them missing, or on_invalid = "hold"'
