"""Typed patient records: one row a patient, in the order of the patient keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, RecordsError, nearest
from twoarm.protocol.data import Source
from twoarm.protocol.expression import column_names
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.records.column_typing import TypedColumn, readable, type_column
from twoarm.records.evaluation import HELD, evaluate
from twoarm.records.findings import Finding, Outcome, refused
from twoarm.records.source_files import RawTable, frame_source, read_source
from twoarm.results.provenance import InputFile

KEY = ":key"
FILE_ORDER = ":file_order"


@dataclass(frozen=True, slots=True, eq=False)
class PatientTable:
    """One row a patient, sorted by key (text, by code point).

    ``frame`` has the declared and derived columns, ``:key``, ``:file_order``, and ``held:x`` beside a column x with
    cells that could not be read.
    """

    frame: nw.DataFrame[Any]

    @property
    def masks(self) -> frozenset[str]:
        """Names of the columns that mark held cells."""
        return frozenset(name for name in self.frame.columns if name.startswith(HELD))


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What is known of the patients, what was found wrong, and where it came from."""

    patients: PatientTable
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    frame: pl.DataFrame
    findings: list[Finding]
    input: InputFile


def read_records(protocol: Protocol, folder: str | Path = ".", frames: Mapping[str, Any] | None = None) -> Records:
    """Read and type the records that a protocol declares.

    Args:
        protocol: a checked protocol.
        folder: folder of the protocol file; the sources' paths start there.
        frames: Polars, pandas or pyarrow frames by source name, in place of files.

    Raises:
        RecordsError: with every reason to refuse the data, by file, column, row and patient key.
    """
    tables: list[_Table] = []
    problems: list[Problem] = []
    for name, source in protocol.data.items():
        try:
            given = (frames or {}).get(name)
            raw = read_source(name, source, Path(folder)) if given is None else frame_source(name, given)
            tables.append(_type_table(name, source, raw))
        except RecordsError as error:
            problems += error.problems
    findings = [finding for table in tables for finding in table.findings]
    problems += refused(findings)
    if problems:
        raise RecordsError(problems)
    frame, unknown = _join(tables)
    patients = _derive(protocol, PatientTable(nw.from_native(frame.sort(KEY), eager_only=True)))
    return Records(patients, (*findings, *unknown), tuple(table.input for table in tables))


def _type_table(name: str, source: Source, raw: RawTable) -> _Table:
    headers = {column: declared.source or column for column, declared in source.columns.items()}
    absent = {column: header for column, header in headers.items() if header not in raw.frame.columns}
    if absent:
        raise RecordsError(
            [
                Problem(
                    raw.name,
                    f"no column {header}",
                    f"expected it in the header{nearest(header, raw.frame.columns)}",
                )
                for header in absent.values()
            ]
        )
    odd = {column: raw.frame.schema[header] for column, header in headers.items() if not readable(raw.frame[header])}
    if odd:
        raise RecordsError(
            [
                Problem(
                    raw.name, f"a column of type {dtype}", "expected text, numbers, yes/no or dates", headers[column]
                )
                for column, dtype in odd.items()
            ]
        )
    typed = {
        column: type_column(raw.frame[headers[column]], declared, source) for column, declared in source.columns.items()
    }
    keys = typed[source.key].values
    findings = _key_findings(keys, raw, headers[source.key])
    for column, declared in source.columns.items():
        outcome = declared.on_invalid or source.on_invalid
        findings += _cell_findings(typed[column], keys, raw, headers[column], outcome)
    columns = {KEY: keys, FILE_ORDER: pl.Series(range(raw.frame.height), dtype=pl.Int64)}
    for column, result in typed.items():
        columns[column] = result.values
        if result.held().any():
            columns[HELD + column] = result.held()
    used = set(headers.values())
    ignored = tuple(column for column in raw.frame.columns if column not in used)
    described = InputFile(name, raw.name, raw.sha256, raw.bytes, raw.frame.height, tuple(source.columns), ignored)
    return _Table(pl.DataFrame(columns), findings, described)


def _key_findings(keys: pl.Series, raw: RawTable, header: str) -> list[Finding]:
    findings = []
    absent = keys.is_null()
    if absent.any():
        rows = _row_numbers(absent, raw)
        remedy = "give every patient a key, or delete the rows (totals and notes are not patients)"
        findings.append(
            Finding("missing_key", "refused", raw.name, header, "rows without a patient key", rows, (), remedy)
        )
    repeated = keys.is_duplicated() & ~absent
    if repeated.any():
        said = f"rows with a key that occurs more than once ({keys.filter(repeated).n_unique()} patients)"
        rows, names = _row_numbers(repeated, raw), tuple(keys.filter(repeated).to_list())
        remedy = "keep one row a patient"
        findings.append(Finding("duplicate_key", "refused", raw.name, header, said, rows, names, remedy))
    return findings


def _cell_findings(column: TypedColumn, keys: pl.Series, raw: RawTable, header: str, on_invalid: str) -> list[Finding]:
    findings = []
    for rule, (what, cells) in column.broken.items():
        if cells.any():
            held = on_invalid == "hold"
            names = tuple("?" if key is None else key for key in keys.filter(cells).to_list())
            remedy = (
                "held: counts as unknown" if held else 'correct the cells, declare them missing, or on_invalid = "hold"'
            )
            outcome: Outcome = "held" if held else "refused"
            findings.append(Finding(rule, outcome, raw.name, header, what, _row_numbers(cells, raw), names, remedy))
    return findings


def _row_numbers(mask: pl.Series, raw: RawTable) -> tuple[int, ...]:
    return tuple((mask.arg_true() + raw.first_row).to_list())


def _join(tables: list[_Table]) -> tuple[pl.DataFrame, list[Finding]]:
    """Add the other tables to the first by patient key; the number of patients cannot change."""
    spine, findings = tables[0].frame, []
    for table in tables[1:]:
        other = table.frame
        strangers = other.filter(~other[KEY].is_in(spine[KEY].to_list()))
        if strangers.height:
            what = f"rows of patients who are not in {tables[0].input.file}"
            rows = tuple((strangers[FILE_ORDER] + 2).to_list())
            keys = tuple(strangers[KEY].to_list())
            key = table.input.columns[0]
            findings.append(
                Finding("unknown_patient", "warned", table.input.file, key, what, rows, keys, "they are not counted")
            )
        extra = [name for name in other.columns if name not in spine.columns or name == KEY]
        joined = spine.join(other.select(extra), on=KEY, how="left")
        joined = joined.with_columns(pl.col(name).fill_null(False) for name in extra if name.startswith(HELD))
        assert joined.height == spine.height, "a join keeps one row a patient"
        spine = joined
    return spine, findings


def _derive(protocol: Protocol, patients: PatientTable) -> PatientTable:
    """Add the derived variables in order; one that reads a held cell and has no value is held, too."""
    types = {name: kind for name, kind in protocol.column_types().items() if name not in protocol.derived}
    frame = patients.frame
    for name, text in protocol.derived.items():
        node = parse_expression(text, types)
        types[name] = node.type
        masks = PatientTable(frame).masks
        frame = frame.with_columns(evaluate(node, masks).alias(name))
        if frame.schema[name].is_float():  # what overflows is no number
            frame = frame.with_columns(nw.when(nw.col(name).is_finite()).then(nw.col(name)).alias(name))
        inputs = [nw.col(HELD + column) for column in sorted(column_names(node)) if HELD + column in masks]
        if inputs:
            held = nw.any_horizontal(*inputs, ignore_nulls=True) & nw.col(name).is_null()
            frame = frame.with_columns(held.alias(HELD + name))
    return PatientTable(frame)
