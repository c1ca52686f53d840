"""Typed records: one row a patient in the order of the patient keys, and tables of their events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, RecordsError, nearest
from twoarm.protocol.adjustment import Matching
from twoarm.protocol.data import TablePart
from twoarm.protocol.expression import Type
from twoarm.protocol.protocol import Protocol
from twoarm.records.checked_records import check_records
from twoarm.records.engine_ops import AnyFrame, as_date, in_days
from twoarm.records.engines.door import Door
from twoarm.records.engines.one_by_one import needs_patients, not_all_parquet
from twoarm.records.engines.source import EngineReader
from twoarm.records.engines.told import told
from twoarm.records.evaluation import held_columns
from twoarm.records.findings import Finding, refused
from twoarm.records.key_case import fold_keys
from twoarm.records.key_findings import key_findings
from twoarm.records.memory import available_memory, refuse_too_large
from twoarm.records.records_on_engine import check_on_engine, may_stay
from twoarm.records.rules import RowTeller
from twoarm.records.typed_table import (
    COUNT,
    FILE_ORDER,
    KEY,
    LONE_KEY,
    TypedTable,
    findings_by_file,
    read_table,
    table_with,
)
from twoarm.results.provenance import InputFile


@dataclass(frozen=True, slots=True, eq=False)
class PatientTable:
    """One row a patient, in memory sorted by key (text, by code point).

    ``frame`` has the declared and derived columns, ``:key``, ``held:x`` beside a column x with cells that could not be
    read, ``completed:x`` with dates that a declared rule completed; in memory also ``:file``, ``:row`` and
    ``:file_order``.
    """

    frame: AnyFrame
    tables: tuple[TypedTable, ...]  # that it was joined from, the spine first
    happened: tuple[str, ...] = ()  # columns with what became of each patient, once it was derived

    @property
    def masks(self) -> frozenset[str]:
        """Names of the columns that mark held cells."""
        return held_columns(self.frame)

    def in_days(self) -> AnyFrame:
        """Return the frame with its dates as day numbers."""
        return in_days(self.frame)

    def values_by_key(self, column: str) -> dict[str, str]:
        """Return the column of each patient in memory as text, by key; patients without a value are left out."""
        assert isinstance(self.frame, nw.DataFrame), "patients were read by key"
        frame = self.frame.to_polars().select(KEY, pl.col(column).cast(pl.String).alias("value")).drop_nulls()
        return dict(frame.iter_rows())


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Many rows a patient, sorted by key and then as they stand in the files; rows of unknown patients are left out."""

    name: str
    frame: AnyFrame
    files: tuple[str, ...]

    @property
    def masks(self) -> frozenset[str]:
        """Names of the columns that mark held cells."""
        return held_columns(self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What is known of the patients, what was found wrong, and where it came from; in memory, or with an engine."""

    patients: PatientTable
    events: Mapping[str, EventTable]
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]
    one_by_one: bool = True  # whether patients are told apart; else those who are alike are one row with a count
    door: Door | None = None  # through which an engine's rows come
    earlier: tuple[tuple[str, int], ...] = ()  # rows that an engine handed over before it was closed, by query
    ruled: Mapping[str, AnyFrame] = field(default_factory=dict)
    """Events with the first rule that each breaks, by what was made of them, once it was derived."""

    @property
    def in_memory(self) -> bool:
        """Whether the frames are in memory."""
        return isinstance(self.patients.frame, nw.DataFrame)

    @property
    def row_by_row(self) -> bool:
        """Whether the patients are rows in memory, each told apart."""
        return self.in_memory and self.one_by_one

    @property
    def fetched(self) -> tuple[tuple[str, int], ...]:
        """Rows that an engine handed over, by query."""
        return self.earlier if self.door is None else tuple(self.door.fetched.rows)

    def collect(self, frame: AnyFrame, what: str) -> pl.DataFrame:
        """Return the rows of a frame; those of an engine are counted under ``what``."""
        if isinstance(frame, nw.DataFrame):
            return frame.to_polars()
        assert self.door is not None, "an engine's rows come through its door"
        return self.door.fetch(frame, what)

    def beside(self, table: pl.DataFrame) -> AnyFrame:
        """Return a small table of ours as one that can be joined to the patients, where they are."""
        if self.in_memory:
            return nw.from_native(table, eager_only=True)
        assert self.door is not None, "an engine is there"
        return self.door.engine.upload(table)

    def kinds(self, frame: AnyFrame, what: str) -> pl.DataFrame:
        """Return each different row once, with ``:count``, sorted; patients in memory who are told apart as is."""
        if self.row_by_row:
            return self.collect(frame, what)
        names = frame.columns
        counted = frame.group_by(*names).agg(nw.len().alias(COUNT))
        return self.collect(counted, what).with_columns(pl.col(COUNT).cast(pl.Int64)).sort(*names, nulls_last=False)

    def refused(
        self, frame: AnyFrame, where: nw.Expr, rule: str, what: str, expected: str, column: str
    ) -> list[Finding]:
        """Return what is wrong with some patients: by file and row of the table that has the column, or by key."""
        tables = self.patients.tables
        table = table_with(column, tables) or tables[0]
        wrong = frame.filter(where).select(KEY)
        if self.door is not None:
            return self.door.refused(wrong, table, rule, what, expected, column)
        mask = table.frame[KEY].is_in(self.collect(wrong, what)[KEY].to_list())
        return list(findings_by_file(table, mask, rule, "refused", column, what, expected))

    def close(self) -> None:
        """Let go of an engine."""
        if self.door is not None:
            self.door.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
    stays = columns is None and not frames and may_stay(protocol)
    records = _on_engine(protocol, Path(folder)) if stays else None
    if records is not None:
        return records
    with EngineReader(protocol, Path(folder), keys=stays or columns is not None) as reader:
        try:
            return _read(protocol, reader, frames or {}, columns)
        except RecordsError:
            if not reader.nameless:
                raise
    with EngineReader(protocol, Path(folder), keys=True) as reader:  # what is wrong is told by patient
        return _read(protocol, reader, frames or {}, columns)


def _on_engine(protocol: Protocol, folder: Path) -> Records | None:
    """Return records that stay with their engine; None where they must be fetched, or patients named."""
    apart = needs_patients(protocol)
    if apart:
        refuse_too_large(protocol.tables(), folder, {}, available_memory(), _counted_instead(protocol))
    try:
        with told(protocol.engine, "the records"):
            found = check_on_engine(protocol, folder)
    except RecordsError as error:
        if any(problem.rule == "changed_file" for problem in error.problems):
            raise
        return None  # told by patient, when they have been fetched
    if found is None:
        return None
    checked, tables, door = found
    own = tuple(tables[name] for name in protocol.data)
    events = {name: EventTable(name, frame, tables[name].files) for name, frame in checked.events.items()}
    inputs = tuple(described for table in tables.values() for described in table.inputs)
    return Records(PatientTable(checked.patients, own), events, tuple(checked.findings), inputs, apart, door)


def _counted_instead(protocol: Protocol) -> str:
    """Return how a study can do without patients one by one, where its matching alone asks for them."""
    matchings = [one for one in protocol.adjustments.values() if isinstance(one, Matching)]
    others = {name: one for name, one in protocol.adjustments.items() if not isinstance(one, Matching)}
    if matchings and not needs_patients(protocol.model_copy(update={"adjustments": others})):
        return "let partners agree in columns (exact), so that they are matched by stratum"
    return "declare fewer columns"


def _read(
    protocol: Protocol, reader: EngineReader, frames: Mapping[str, Any], columns: frozenset[str] | None
) -> Records:
    tables, problems = _read_tables(protocol, reader, frames, columns)
    found = _first_findings(protocol, tables)
    problems += refused(found)
    if problems:
        raise RecordsError(problems)
    records = _records(protocol, tables, found, columns, given=bool(frames))
    return replace(records, earlier=tuple(reader.fetched.rows))


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
    declared = protocol.tables()
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
    own = tuple(tables[name] for name in protocol.data)
    frames = {name: in_days(nw.from_native(table.frame, eager_only=True)) for name, table in tables.items()}
    checked = check_records(protocol, tables, frames, RowTeller(own), columns, refuse=refuse)
    patients = PatientTable(_with_dates(protocol, checked.patients.sort(KEY)), own)
    events = {
        name: EventTable(name, _with_dates(protocol, frame.sort(KEY, FILE_ORDER), name), tables[name].files)
        for name, frame in checked.events.items()
    }
    inputs = tuple(described for table in tables.values() for described in table.inputs)
    apart = given or columns is not None or not_all_parquet(protocol) or needs_patients(protocol)
    return Records(patients, events, (*found, *checked.findings), inputs, apart)


def _with_dates(protocol: Protocol, frame: nw.DataFrame[Any], events: str | None = None) -> nw.DataFrame[Any]:
    """Return a frame in memory with dates in place of day numbers."""
    types = protocol.column_types() if events is None else protocol.event_column_types(events)
    dates = [name for name in frame.columns if types.get(name) is Type.DATE]
    return frame.with_columns(as_date(nw.col(name)) for name in dates) if dates else frame


def refuse_changed(protocol: Protocol, records: Records, folder: str | Path) -> None:
    """Refuse sources that are no longer what was read, such as a file that was saved during the run.

    Raises:
        RecordsError: with each source that changed.
    """
    changed = []
    declared = protocol.tables()
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
