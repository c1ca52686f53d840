"""Polars: the engine that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.choices import EngineName
from twoarm.protocol.protocol import Protocol
from twoarm.records.engines.engine import Engine, Scan, safe_names


class PolarsEngine:
    """Lazy frames over Parquet files."""

    name: EngineName = "polars"

    def scan_folder(self, files: Sequence[Path], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Open Parquet files."""
        names = [pl.col(column).alias(safe) for column, safe in zip(columns, safe_names(len(columns)), strict=True)]
        return nw.from_native(pl.concat([pl.scan_parquet(file, glob=False).select(names) for file in files]))

    def scan_table(self, table: str, database: Path | None) -> Scan:
        """There are none: the protocol is refused before."""
        raise AssertionError(f"Polars has no catalogue to find {table} in {database}")

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query."""
        found: pl.DataFrame = frame.to_native().collect()
        return found

    def checksum(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """There are no tables of a catalogue."""
        raise AssertionError(f"Polars has no catalogue with {frame}")

    def in_days(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return dates as day numbers."""
        days = pl.col(columns).cast(pl.Int32).cast(pl.Int64)
        found: nw.LazyFrame[Any] = nw.from_native(frame.to_native().with_columns(days))
        return found

    def upload(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Return a table of ours."""
        return nw.from_native(frame.lazy())

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Work a frame out in memory."""
        found: nw.LazyFrame[Any] = nw.from_native(frame.to_native().collect().lazy())
        return found

    def let_go(self) -> None:
        """Files are opened anew for each query."""

    def close(self) -> None:
        """Nothing is open."""


def open_engine(_: Protocol) -> Engine:
    """Return the engine."""
    return PolarsEngine()
