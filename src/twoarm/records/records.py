"""Typed records: one row a patient in the order of the patient keys, and tables of their events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.errors import Problem, RecordsError, nearest
from twoarm.protocol.data import EventSource, Source, TablePart
from twoarm.protocol.expression import column_names
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.records.endpoint_findings import endpoint_findings
from twoarm.records.engines.source import EngineReader
from twoarm.records.evaluation import COMPLETED, HELD, evaluate
from twoarm.records.event_findings import event_findings
from twoarm.records.findings import Finding, refused
from twoarm.records.key_case import fold_keys
from twoarm.records.key_findings import key_findings
from twoarm.records.level_matching import match_levels
from twoarm.records.memory import available_memory, refuse_too_large
from twoarm.records.patient_order import in_order
from twoarm.records.plausibility import implausible_columns
from twoarm.records.timeline import check_timeline
from twoarm.records.typed_table import (
    COUNT,
    FILE,
    FILE_ORDER,
    KEY,
    LONE_KEY,
    MASKS,
    ROW,
    TypedTable,
    findings_by_file,
    read_table,
)
from twoarm.results.provenance import InputFile
from twoarm.statistics.arrays import Booleans, Integers


@dataclass(frozen=True, slots=True, eq=False)
class PatientTable:
    """One row a patient, sorted by key (text, by code point) or, where nothing asks for one by one, by values.

    ``frame`` has the declared and derived columns, ``:key``, ``:file``, ``:row``, ``:file_order``, and ``held:x``
    beside a column x with cells that could not be read, ``completed:x`` with dates that a declared rule completed.
    Where nothing asks for patients one by one it may have ``:count``: a row then stands for so many identical patients.
    """

    frame: nw.DataFrame[Any]
    tables: tuple[TypedTable, ...]  # that it was joined from, the spine first

    @property
    def masks(self) -> frozenset[str]:
        """Names of the columns that mark held cells."""
        return frozenset(name for name in self.frame.columns if name.startswith(HELD))

    @property
    def frequency(self) -> Integers | None:
        """How many identical patients each row stands for, shape (n,); None where every patient is a row."""
        if COUNT not in self.frame.columns:
            return None
        counts = self.frame.get_column(COUNT).to_numpy().astype(np.int64)
        return None if (counts == 1).all() else counts

    def values_by_key(self, column: str) -> dict[str, str]:
        """Return the column of each patient as text, by key; patients without a value are left out."""
        frame = self.frame.to_polars().select(KEY, pl.col(column).cast(pl.String).alias("value")).drop_nulls()
        return dict(frame.iter_rows())

    def refused(self, rule: str, rows: Booleans, what: str, expected: str, column: str) -> list[Finding]:
        """Return what is wrong with some patients, by file and row of the table that has the column."""
        table = next((table for table in self.tables if column in table.frame.columns), self.tables[0])
        wrong = self.frame.get_column(KEY).to_polars().filter(pl.Series(rows, dtype=pl.Boolean))
        mask = table.frame[KEY].is_in(wrong.to_list())
        return list(findings_by_file(table, mask, rule, "refused", column, what, expected))


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Many rows a patient, sorted by key and then as they stand in the files; rows of unknown patients are left out."""

    name: str
    frame: pl.DataFrame
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What is known of the patients, what was found wrong, and where it came from."""

    patients: PatientTable
    events: Mapping[str, EventTable]
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]
    fetched: tuple[tuple[str, int], ...] = ()  # rows that an engine handed over, by query


def read_records(
    protocol: Protocol,
    folder: str | Path = ".",
    frames: Mapping[str, Any] | None = None,
    *,
    columns: frozenset[str] | None = None,
) -> Records:
    """Read and type the records that a protocol declares.

    Args:
        protocol: a checked protocol.
        folder: folder of the protocol file; the sources' paths start there.
        frames: Polars, pandas or pyarrow frames by name of the table, in place of files.
        columns: read these columns of the patients and nothing else; no tables of events then.

    Raises:
        RecordsError: with every reason to refuse the data, by file, column, row and patient key.
    """
    with EngineReader(protocol, Path(folder), keys=columns is not None) as reader:
        try:
            return _read(protocol, reader, frames or {}, columns)
        except RecordsError:
            if not reader.nameless:
                raise
    with EngineReader(protocol, Path(folder), keys=True) as reader:  # what is wrong is told by patient
        return _read(protocol, reader, frames or {}, columns)


def _read(
    protocol: Protocol, reader: EngineReader, frames: Mapping[str, Any], columns: frozenset[str] | None
) -> Records:
    tables, problems = _read_tables(protocol, reader, frames, columns)
    found = _first_findings(protocol, tables)
    problems += refused(found)
    if problems:
        raise RecordsError(problems)
    records = _records(protocol, tables, found, columns, given=bool(frames))
    return replace(records, fetched=tuple(reader.fetched.rows))


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Everything that is wrong with the records, the files that cannot be read at all, and what can be read."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    records: Records | None  # with what is refused held; None while files cannot be read, or patients told apart


def survey_records(protocol: Protocol, folder: str | Path = ".") -> Survey:
    """Read the records and refuse nothing.

    What can only be told of records that can be read, such as a visit after death, is left out while patients have no
    key or several rows.
    """
    with EngineReader(protocol, Path(folder), keys=True) as reader:
        tables, problems = _read_tables(protocol, reader, {}, None)
    found = _first_findings(protocol, tables)
    if problems or any(finding.rule in ("missing_key", "duplicate_key") for finding in found):
        return Survey(tuple(found), tuple(problems), None)
    records = _records(protocol, tables, found, None, refuse=False)
    return Survey(records.findings, (), records)


def _read_tables(
    protocol: Protocol, reader: EngineReader, frames: Mapping[str, Any], columns: frozenset[str] | None
) -> tuple[dict[str, TypedTable], list[Problem]]:
    tables: dict[str, TypedTable] = {}
    declared: dict[str, Source | EventSource] = {**protocol.data, **protocol.event_sources()}
    problems = _strange_frames(frames, declared)
    try:
        refuse_too_large(declared, reader.folder, frames, available_memory())
    except RecordsError as error:
        return {}, [*problems, *error.problems]
    for name, source in declared.items():
        if columns is not None and name in protocol.events:
            continue
        try:
            tables[name] = read_table(name, source, reader.folder, frames.get(name), columns, reader)
        except RecordsError as error:
            problems += error.problems
    return fold_keys(protocol, tables), problems


def _first_findings(protocol: Protocol, tables: Mapping[str, TypedTable]) -> list[Finding]:
    """What is wrong within single tables."""
    spine = next(iter(protocol.data))  # of a patient in another table there may be nothing
    found = [f for name, table in tables.items() for f in table.findings if f.rule != LONE_KEY or name == spine]
    return found + [
        f for name, table in tables.items() for f in key_findings(name in protocol.data, _key(protocol, name), table)
    ]


def _key(protocol: Protocol, name: str) -> str:
    return (protocol.data[name] if name in protocol.data else protocol.events[name]).key


def _records(
    protocol: Protocol,
    tables: Mapping[str, TypedTable],
    found: list[Finding],
    columns: frozenset[str] | None,
    *,
    refuse: bool = True,
    given: bool = False,
) -> Records:
    spine, *others = (tables[name] for name in protocol.data)
    frame, joined = _join(protocol, spine, others)
    frame, matched = match_levels(protocol, frame, (spine, *others))
    frame, contradicted = check_timeline(protocol, frame, (spine, *others), complete=columns is None)
    joined += [*matched, *contradicted]
    problems = refused(joined)
    if columns is None:
        joined += implausible_columns(protocol, (spine, *others))
    if problems and refuse:
        raise RecordsError(problems)
    frame = in_order(protocol, frame, given=given)
    patients = _derive(protocol, PatientTable(nw.from_native(frame, eager_only=True), (spine, *others)), columns)
    happened = {name: tables[name] for name in protocol.events if name in tables}
    events, strangers = _event_tables(protocol, spine, list(happened.values()))
    whole = patients.frame.to_polars()
    beside = list(event_findings(protocol, whole, happened))
    if columns is None:
        beside += endpoint_findings(protocol, whole, (spine, *others))
    inputs = tuple(described for table in tables.values() for described in table.inputs)
    return Records(patients, events, (*found, *joined, *strangers, *beside), inputs)


def refuse_changed(protocol: Protocol, records: Records, folder: str | Path) -> None:
    """Refuse sources that are no longer what was read, such as a file that was saved during the run.

    Raises:
        RecordsError: with each source that changed.
    """
    changed = []
    declared: dict[str, Source | EventSource] = {**protocol.data, **protocol.events}
    with EngineReader(protocol, Path(folder), keys=True) as reader:
        for found in {described.file: described for described in records.inputs}.values():
            part = declared[found.source].whole()
            now = _hash_now(reader, part) if part.on_engine else _file_hash_now(Path(folder), found.file)
            if now != found.sha256:
                what = f"a {'source' if part.on_engine else 'file'} that changed during the run"
                expected = "run again when nobody saves it"
                changed.append(Problem(found.file, what, expected, rule="changed_file"))
    if changed:
        raise RecordsError(changed)


def _hash_now(reader: EngineReader, part: TablePart) -> str:
    try:
        return reader.hash_now(part)
    except (RecordsError, OSError):  # it is gone, or no source any more
        return ""


def _file_hash_now(folder: Path, file: str) -> str:
    name, _, sheet = file.rpartition(" (")
    path = folder / (name if sheet and not (folder / file).exists() else file)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _strange_frames(frames: Mapping[str, Any], declared: Mapping[str, object]) -> list[Problem]:
    """A frame under a name that no table has would be passed over in silence."""
    expected = f"expected one of {', '.join(declared)}"
    return [
        Problem("frames", f"a frame for {name}", f"{expected}{nearest(str(name), declared)}", rule="unknown_frame")
        for name in frames
        if name not in declared
    ]


def _strangers(spine: TypedTable, table: TypedTable, key: str) -> tuple[pl.Series, list[Finding]]:
    """Return which rows are of patients who are not in the first table, and how that is said."""
    unknown = ~table.frame[KEY].is_in(spine.frame[KEY].to_list())
    what = f"rows of patients who are not in {' or '.join(spine.files)}"
    found = findings_by_file(table, unknown, "unknown_patient", "warned", key, what, "they are not counted")
    return unknown, list(found)


def _join(protocol: Protocol, spine: TypedTable, others: list[TypedTable]) -> tuple[pl.DataFrame, list[Finding]]:
    """Add the other tables to the first by patient key; the number of patients cannot change.

    A column that two tables have is one column: what one table lacks the other gives, and where they differ it is held.
    """
    frame, findings = spine.frame, []
    for table in others:
        _, found = _strangers(spine, table, protocol.data[table.name].key)
        findings += found
        own = [name for name in table.frame.columns if name not in (KEY, FILE, ROW, FILE_ORDER)]
        shared = [name for name in own if name in frame.columns and not name.startswith(MASKS)]
        shared = [name for name in shared if name != protocol.data[table.name].key]
        other = table.frame.select(KEY, *(pl.col(name).alias(f"{name}:other") for name in own))
        joined = frame.join(other, on=KEY, how="left")
        assert joined.height == frame.height, "a join keeps one row a patient"
        for name in shared:
            joined, conflict = _merge(joined, name)
            if conflict.any():
                what = f"cells that differ from those in {' or '.join(table.files)}"
                remedy = "held: which is right?"
                findings += findings_by_file(
                    replace(spine, frame=joined), conflict, "tables_differ", "held", name, what, remedy
                )
        fresh = [name for name in own if name not in joined.columns]  # a merged column has its masks already
        masks = [pl.col(f"{name}:other").fill_null(False).alias(name) for name in fresh if name.startswith(MASKS)]
        values = [pl.col(f"{name}:other").alias(name) for name in fresh if not name.startswith(MASKS)]
        frame = joined.with_columns(*values, *masks).select(pl.exclude("^.*:other$"))
    return frame, findings


def _merge(joined: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.Series]:
    """Give a patient the one value that is known; a cell that is held in either table, or differs, stays held."""
    first, second = joined[name], joined[f"{name}:other"]
    conflict = (first != second).fill_null(False)
    held = conflict
    for mask in (HELD + name, f"{HELD}{name}:other"):
        if mask in joined.columns:
            held = held | joined[mask].fill_null(False)
    merged = pl.select(pl.coalesce(first, second)).to_series().set(held, None).alias(name)
    joined = joined.with_columns(merged, *_merged_completed(joined, name))
    return (joined.with_columns(held.alias(HELD + name)) if held.any() else joined), conflict


def _merged_completed(joined: pl.DataFrame, name: str) -> list[pl.Expr]:
    """Whether the date that counts was completed: the first table's where it has one, else the other's."""
    first, second = COMPLETED + name, f"{COMPLETED}{name}:other"
    if first not in joined.columns and second not in joined.columns:
        return []
    own, others = (pl.col(m).fill_null(False) if m in joined.columns else pl.lit(False) for m in (first, second))
    return [pl.when(pl.col(name).is_not_null()).then(own).otherwise(others).alias(first)]


def _derive(protocol: Protocol, patients: PatientTable, columns: frozenset[str] | None) -> PatientTable:
    """Add the derived variables in order; one that reads a held cell and has no value is held, too."""
    types = {name: kind for name, kind in protocol.column_types().items() if name not in protocol.derived}
    frame = patients.frame
    for name, text in protocol.derived.items():
        node = parse_expression(text, types)
        types[name] = node.type
        if columns is not None and name not in columns:
            continue
        masks = PatientTable(frame, patients.tables).masks
        frame = evaluate(frame, node, masks, name)
        if frame.schema[name].is_float():  # what overflows is no number
            frame = frame.with_columns(nw.when(nw.col(name).is_finite()).then(nw.col(name)).alias(name))
        inputs = [nw.col(HELD + column) for column in sorted(column_names(node)) if HELD + column in masks]
        if inputs:
            held = nw.any_horizontal(*inputs, ignore_nulls=True) & nw.col(name).is_null()
            frame = frame.with_columns(held.alias(HELD + name))
        read = [COMPLETED + column for column in sorted(column_names(node)) if COMPLETED + column in frame.columns]
        if read:
            completed = nw.any_horizontal(*(nw.col(mask) for mask in read), ignore_nulls=True)
            frame = frame.with_columns((completed & ~nw.col(name).is_null()).alias(COMPLETED + name))
    return PatientTable(frame, patients.tables)


def _event_tables(
    protocol: Protocol, spine: TypedTable, tables: list[TypedTable]
) -> tuple[dict[str, EventTable], list[Finding]]:
    events, findings = {}, []
    for table in tables:
        unknown, found = _strangers(spine, table, protocol.events[table.name].key)
        findings += found
        frame = table.frame.filter(~unknown).sort(KEY, FILE_ORDER)
        events[table.name] = EventTable(table.name, frame, table.files)
    return events, findings
