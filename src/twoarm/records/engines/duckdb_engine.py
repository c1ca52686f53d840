"""DuckDB in this process: reads folders, and tables of a database file; fetches no extension."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.choices import EngineName
from twoarm.protocol.protocol import Protocol
from twoarm.records.engines.engine import Engine, Scan, polars_types, safe_names

_OFFLINE: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class DuckDBEngine:
    """A database in memory, with the file of declared tables attached to it read-only."""

    name: EngineName = "duckdb"

    def __init__(self) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="twoarm-")  # for its owner alone; what memory does not hold
        self.connection = duckdb.connect(config={**_OFFLINE, "temp_directory": self.scratch.name})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.attached: list[Path] = []
        self.kept = 0

    def scan_folder(self, files: Sequence[Path], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Open Parquet files."""
        literal = [re.sub(r"([\[*?])", r"[\1]", str(file)) for file in files]
        found = self.connection.read_parquet(literal, union_by_name=True, hive_partitioning=False)
        return _safely_named(found, columns)

    def scan_table(self, table: str, database: Path | None) -> Scan:
        """Open a table of a database file."""
        assert database is not None, "the protocol names the file of every table"
        if database not in self.attached:
            quoted = str(database).replace("'", "''")
            self.connection.execute(f"ATTACH '{quoted}' AS db{len(self.attached)} (READ_ONLY)")
            self.attached.append(database)
        found = self.connection.table(f"db{self.attached.index(database)}.{table}")
        columns = tuple(found.columns)
        frame = _safely_named(found, columns)
        return Scan(frame, columns, polars_types(frame))

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query."""
        return pl.DataFrame(frame.to_native())

    def checksum(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The file of a table is hashed, as files are."""
        raise AssertionError(f"the file with {frame} is hashed")

    def in_days(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return dates as day numbers."""
        names = ", ".join(
            f"CAST(date_diff('day', DATE '1970-01-01', {name}) AS BIGINT) AS {name}" if name in columns else name
            for name in frame.columns
        )
        found: nw.LazyFrame[Any] = nw.from_native(frame.to_native().project(names))
        return found

    def upload(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make a table of it."""
        found: nw.LazyFrame[Any] = nw.from_native(self._table(self.connection.from_arrow(frame)))
        return found

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Make a table of a query."""
        found: nw.LazyFrame[Any] = nw.from_native(self._table(frame.to_native()))
        return found

    def _table(self, relation: Any) -> Any:
        self.kept += 1
        name = f"kept{self.kept}"
        relation.to_table(name)
        return self.connection.table(name)

    def let_go(self) -> None:
        """Detach the files of databases, which nobody else could attach."""
        for number in range(len(self.attached)):
            self.connection.execute(f"DETACH db{number}")
        self.attached.clear()

    def close(self) -> None:
        """Close the connection, and delete what it put aside."""
        self.connection.close()
        self.scratch.cleanup()


def _safely_named(found: Any, columns: Sequence[str]) -> nw.LazyFrame[Any]:
    quoted = ['"' + column.replace('"', '""') + '"' for column in columns]
    names = ", ".join(f"{column} AS {safe}" for column, safe in zip(quoted, safe_names(len(columns)), strict=True))
    frame: nw.LazyFrame[Any] = nw.from_native(found.project(names))
    return frame


def open_engine(_: Protocol) -> Engine:
    """Open a database in memory."""
    return DuckDBEngine()
