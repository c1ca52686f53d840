"""Sources that lie with an engine -> raw tables: the declared columns, each different row once, with its count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import TablePart
from twoarm.protocol.protocol import Protocol
from twoarm.records.engines.counted_rows import COUNT, every_row
from twoarm.records.engines.engine import Engine, Scan, open_engine, refuse_absent
from twoarm.records.engines.fetch import Fetched, fetch
from twoarm.records.engines.one_by_one import needs_patients
from twoarm.records.engines.parquet_folder import State, file_hash, folder_hash, inside, open_folder, state_at
from twoarm.records.engines.plain_keys import keys_are_plain
from twoarm.records.engines.told import told
from twoarm.records.findings import NAMELESS
from twoarm.records.raw_table import RawTable, Remark, headers_of, named
from twoarm.results.provenance import InputFile


@dataclass(frozen=True, slots=True, eq=False)
class OpenSource:
    """A source that was opened, and how it is told from one that changed."""

    name: str
    scan: Scan
    header: list[str]  # of its columns, as headers are compared
    sha256: str
    bytes: int
    known_by: str
    path: Path | None = None
    state: State = ()

    def raw(self, frame: pl.DataFrame, ignored: tuple[str, ...] = (), remarks: tuple[Remark, ...] = ()) -> RawTable:
        """Return rows of it as a table."""
        rows = pl.Series("row", range(1, frame.height + 1), dtype=pl.Int64)
        whole = (self.sha256, self.bytes, remarks)
        return RawTable(self.name, frame, rows, (), *whole, ignored=ignored, known_by=self.known_by)

    def ignored(self, part: TablePart) -> tuple[str, ...]:
        """Return the columns that are not declared."""
        wanted = set(headers_of(part).values())
        return tuple(column for column in self.header if column not in wanted)

    def described(self, table: str, part: TablePart) -> InputFile:
        """Return where records come from; their rows are still to be counted."""
        known = self.sha256, self.bytes, 0, tuple(part.columns), self.ignored(part)
        return InputFile(table, self.name, *known, known_by=self.known_by)


class EngineReader:
    """Reads the tables of a study that lie with its engine, which is opened for the first of them.

    Patients whom nothing asks for one by one are fetched as so many of each kind, and get keys of our own.
    """

    def __init__(self, protocol: Protocol, folder: Path, *, keys: bool = False) -> None:
        refuse_absent(protocol.engine)
        self.protocol, self.folder = protocol, folder
        joined = len(protocol.data) > 1 or bool(protocol.events)
        self.keys = keys or joined or needs_patients(protocol)
        self.nameless = False  # whether any patient was read without a key
        self.fetched = Fetched()
        self._engine: Engine | None = None
        self._patients: tuple[OpenSource, int] | None = None  # the first table and its key, if that is plain

    def __enter__(self) -> EngineReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def engine(self) -> Engine:
        """The engine, opened."""
        if self._engine is None:
            self._engine = open_engine(self.protocol)
        return self._engine

    def open(self, part: TablePart, refuse: Callable[[RawTable, dict[str, str]], None]) -> OpenSource:
        """Open a table; ``refuse`` looks at a header without rows.

        Raises:
            ProtocolError: a place outside the protocol's folder.
            RecordsError: no such source, or one that is not as declared.
        """
        source = self._opened(part)
        header = pl.DataFrame(schema=dict(zip(source.header, source.scan.types, strict=True)))
        refuse(source.raw(header), headers_of(part))
        return source

    def has_plain_keys(self, source: OpenSource, part: TablePart, *, once: bool, what: str) -> bool:
        """Return whether the keys of a source can be compared where they lie; ``once``: each is a patient's."""
        at = source.header.index(headers_of(part)[part.key])
        with told(self.protocol.engine, source.name):
            return keys_are_plain(self.engine, source.scan, at, part, self.fetched, once=once, what=what)

    def refuse_if_written(self, source: OpenSource) -> None:
        """Refuse a source that somebody writes.

        Raises:
            RecordsError: it is not what it was when it was opened.
        """
        if source.path is not None and state_at(source.path) != source.state:
            expected = "run again when nobody writes it"
            raise RecordsError(
                [Problem(source.name, "a source that changed while it was read", expected, rule="changed_file")]
            )

    def read(self, place: str, part: TablePart, refuse: Callable[[RawTable, dict[str, str]], None]) -> RawTable:
        """Read a table; ``place`` is where it stands in the protocol, ``refuse`` looks at a header without rows.

        Raises:
            ProtocolError: a place outside the protocol's folder.
            RecordsError: no such source, or one that is not as declared.
        """
        source = self.open(part, refuse)
        headers = headers_of(part)
        key = headers[part.key]
        wanted = list(dict.fromkeys([key, *headers.values()]))
        with told(self.protocol.engine, source.name):
            if place.startswith("events."):
                found, remarks = self._events(place, part, source, wanted)
            else:
                found, remarks = self._of_patients(place, part, source, wanted), ()
        self.refuse_if_written(source)
        return source.raw(found, source.ignored(part), remarks)

    def hash_now(self, part: TablePart) -> str:
        """Return what a source is known by now; of files without their engine."""
        if part.folder is not None:
            return folder_hash(open_folder(part.folder, self.folder).files)[0]
        if part.database is not None:
            return file_hash(inside(part.database, self.folder))[0]
        return self._opened_table(part).sha256

    def _of_patients(self, place: str, part: TablePart, source: OpenSource, wanted: list[str]) -> pl.DataFrame:
        key, at = wanted[0], source.header.index(wanted[0])
        if place != f"data.{next(iter(self.protocol.data))}" or (self.keys and not self.protocol.events):
            return self._grouped(place, source, source.scan.frame, wanted)
        checked = (self.engine, source.scan, at, part, self.fetched)
        plain = keys_are_plain(*checked, once=True, what=f"{place}: keys")
        if plain:
            self._patients = (source, at)
        if self.keys or not plain:
            return self._grouped(place, source, source.scan.frame, wanted)
        self.nameless = True
        found = self._grouped(place, source, source.scan.frame, wanted[1:])
        numbers = pl.Series(key, range(found.height), dtype=pl.Int64).cast(pl.String).str.zfill(12)
        return found.insert_column(0, (NAMELESS + numbers).alias(key))

    def _events(
        self, place: str, part: TablePart, source: OpenSource, wanted: list[str]
    ) -> tuple[pl.DataFrame, tuple[Remark, ...]]:
        """Fetch the rows of known patients where keys can be compared where they lie, else all."""
        at, frame = source.header.index(wanted[0]), source.scan.frame
        if self._patients is None or not self._comparable(source.scan.types[at]):
            return self._grouped(place, source, frame, wanted), ()
        checked = (self.engine, source.scan, at, part, self.fetched)
        if not keys_are_plain(*checked, once=False, what=f"{place}: keys"):
            return self._grouped(place, source, frame, wanted), ()
        patients, key = self._patients
        known = frame.join(
            patients.scan.frame.select(nw.col(f"c{key}").alias("key")), left_on=f"c{at}", right_on="key", how="semi"
        )
        found = self._grouped(place, source, known, wanted)
        rows = fetch(self.engine, frame.select(nw.len().alias(COUNT)), self.fetched, f"{place}: rows").item()
        if rows == found.height:
            return found, ()
        what = f"{rows - found.height} rows of patients who are not in {patients.name}"
        return found, (Remark("unknown_patient", what, "they are not counted"),)

    def _comparable(self, kind: pl.DataType) -> bool:
        assert self._patients is not None, "there are patients to compare with"
        patients, at = self._patients
        first = next(iter(self.protocol.data.values()))
        folded = "fold" in (first.key_case, *(table.key_case for table in self.protocol.events.values()))
        other = patients.scan.types[at]
        return not folded and (kind == other or (kind.is_integer() and other.is_integer()))

    def _grouped(self, place: str, source: OpenSource, frame: nw.LazyFrame[Any], wanted: list[str]) -> pl.DataFrame:
        """Fetch each different row once, and return every row."""
        places = [source.header.index(header) for header in wanted]
        names = [f"c{at}" for at in places]
        counted = frame.group_by(*names).agg(nw.len().alias(COUNT)).select(*names, COUNT)
        found = fetch(self.engine, counted, self.fetched, place)
        return every_row(found, [source.scan.types[at] for at in places]).rename(dict(zip(names, wanted, strict=True)))

    def _opened(self, part: TablePart) -> OpenSource:
        if part.folder is None:
            return self._opened_table(part)
        found = open_folder(part.folder, self.folder)
        header = named(list(found.columns), part.folder)
        digest, size = folder_hash(found.files)
        with told(self.protocol.engine, part.folder):
            frame = self.engine.scan_folder(found.files, found.columns)
        scan = Scan(frame, found.columns, found.types)
        known_by = f"names, sizes and contents of {len(found.files)} files"
        return OpenSource(part.folder, scan, header, digest, size, known_by, self.folder / part.folder, found.state)

    def _opened_table(self, part: TablePart) -> OpenSource:
        assert part.table is not None, "a source is a folder or a table"
        name = part.table if part.database is None else f"{part.database} ({part.table})"
        database = None if part.database is None else inside(part.database, self.folder)
        if database is not None and not database.is_file():
            raise RecordsError([Problem(name, "no such file", "expected DuckDB's file with the table", rule="no_file")])
        with told(self.protocol.engine, name):
            state = () if database is None else state_at(database)
            scan = self.engine.scan_table(part.table, database)
            header = named(list(scan.columns), name)
            if database is not None:
                content = file_hash(database)
                return OpenSource(name, scan, header, *content, "content of the database's file", database, state)
            columns = sorted(header.index(one) for one in headers_of(part).values() if one in header)
            query = self.engine.checksum(scan.frame.select(*(f"c{at}" for at in columns)))
            rows, total = fetch(self.engine, query, self.fetched, f"{name}: checksum").row(0)
        known_by = f"{rows} rows, whose hashes (xxhash64) add up to {total or 0}"
        return OpenSource(name, scan, header, hashlib.sha256(known_by.encode()).hexdigest(), 0, known_by)
