"""What an engine must be able to do: look at a source without reading it, and hand over the rows of one query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.choices import EngineName
from twoarm.protocol.protocol import Protocol as StudyProtocol


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A source that an engine has opened: columns ``c0``, ``c1``, ... whatever their headers are."""

    frame: nw.LazyFrame[Any]
    columns: tuple[str, ...]  # as the source names them, in order
    types: tuple[pl.DataType, ...]  # as Polars has them; those of the cells when they have been fetched


class Engine(Protocol):
    """One engine, opened; rows reach Python through ``fetch`` alone."""

    name: EngineName

    def scan_folder(self, files: Sequence[Path], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Open Parquet files that have the same columns in the same types, one below the other."""

    def scan_table(self, table: str, database: Path | None) -> Scan:
        """Open a table of the catalogue.

        Raises:
            Exception: the engine's own, where there is no such table.
        """

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query; ``fetch`` alone calls it."""

    def checksum(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the query for what rows are known by: their number, and a sum over hashes that no order moves."""

    def in_days(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return a frame with these columns of dates as days since 1970-01-01, in 64 bits."""

    def upload(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Return a small table of ours as one of the engine's."""

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Work a frame out once, for several queries; its rows stay with the engine."""

    def let_go(self) -> None:
        """Let go of the sources, so that others can write them; what is kept stays."""

    def close(self) -> None:
        """Let go of everything."""


_EXTRAS: Mapping[EngineName, tuple[str, ...]] = {"polars": (), "duckdb": ("duckdb",), "spark": ("pyspark", "pyarrow")}


def refuse_absent(name: EngineName) -> None:
    """Refuse an engine that is not installed.

    Raises:
        RecordsError: with the extra to install.
    """
    absent = [package for package in _EXTRAS[name] if find_spec(package) is None]
    if absent:
        found = f"{name}: the package {absent[0]} is not installed"
        raise RecordsError([Problem("engine", found, f'install "twoarm[{name}]"', rule="missing_package")])


def open_engine(protocol: StudyProtocol) -> Engine:
    """Open the engine that a protocol names.

    Raises:
        RecordsError: it is not installed, or does not start.
    """
    refuse_absent(protocol.engine)
    opened: Callable[[StudyProtocol], Engine] = import_module(f"{__package__}.{protocol.engine}_engine").open_engine
    return opened(protocol)


def polars_types(frame: nw.LazyFrame[Any]) -> tuple[pl.DataType, ...]:
    """Return the types of an engine's columns as Polars has them; one that it does not have is no type of a cell."""
    found: list[pl.DataType] = []
    for kind in frame.collect_schema().dtypes():
        try:
            (known,) = nw.Schema({"c": kind}).to_polars().dtypes()
            found.append(known)
        except NotImplementedError:
            found.append(pl.Object())
    return tuple(found)


def safe_names(count: int) -> list[str]:
    """Return names that every engine takes as they are; headers may have points, quotes or letters of any script."""
    return [f"c{place}" for place in range(count)]
