"""Spark on this machine or on a cluster: the session that the protocol declares, and no other."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.choices import EngineName
from twoarm.protocol.protocol import Protocol
from twoarm.records.engines.engine import Engine, Scan, polars_types, safe_names

_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.ansi.enabled": "false",  # what overflows or is divided by zero is missing, and not an error
}
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
_LOCAL = {  # sockets on this machine alone; few tasks, for 200 of them take longer to start than to run
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}
_SPECIAL = str.maketrans({letter: f"\\{letter}" for letter in "\\[]{}*?,"})


class SparkEngine:
    """A session; one that was there before is used if it is the declared one, and is left open."""

    name: EngineName = "spark"

    def __init__(self, master: str) -> None:
        from pyspark.sql import SparkSession

        self.persisted: list[Any] = []
        before = SparkSession.getActiveSession()
        self.own = before is None
        self.session = before or _started(master)
        where = _master(self.session)
        if where != master:
            if self.own:
                self.session.stop()
            found = f"a Spark session on {where}"
            raise RecordsError(
                [Problem("spark.master", found, f"expected none, or one on {master}", rule="other_session")]
            )
        self.before: dict[str, Any] = {name: self.session.conf.get(name) for name in _SESSION}
        for name, value in _SESSION.items():
            self.session.conf.set(name, value)

    def scan_folder(self, files: Sequence[Path], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Open Parquet files; every machine of a cluster must see them under the same path."""
        found = self.session.read.parquet(*(f"file://{str(file).translate(_SPECIAL)}" for file in files))
        positions = [found.columns.index(column) for column in columns]
        frame: nw.LazyFrame[Any] = nw.from_native(found.toDF(*safe_names(len(columns))))
        names = [nw.col(f"c{old}").alias(f"c{new}") for new, old in enumerate(positions)]
        return frame if positions == sorted(positions) else frame.select(*names)

    def scan_table(self, table: str, database: Path | None) -> Scan:
        """Open a table of the catalogue."""
        assert database is None, "the protocol names no file for a table of Spark's"
        found = self.session.table(table)
        columns = tuple(found.columns)
        frame: nw.LazyFrame[Any] = nw.from_native(found.toDF(*safe_names(len(columns))))
        return Scan(frame, columns, polars_types(frame))

    def collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        """Run a query."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pl.from_arrow(frame.to_native().toArrow())
        assert isinstance(found, pl.DataFrame), "a table of Arrow becomes a frame"
        return found

    def checksum(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the query for the rows' number and the sum of their hashes, which no order of rows moves."""
        from pyspark.sql import functions

        native = frame.to_native()
        hashes = functions.xxhash64(*(functions.col(name) for name in native.columns)).cast("decimal(38,0)")
        counted = functions.count(functions.lit(1)).alias("rows"), functions.sum(hashes).alias("total")
        query: nw.LazyFrame[Any] = nw.from_native(native.agg(*counted))
        return query

    def in_days(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return dates as day numbers."""
        from pyspark.sql import functions

        native = frame.to_native()
        for name in columns:
            native = native.withColumn(name, functions.unix_date(name).cast("bigint"))
        found: nw.LazyFrame[Any] = nw.from_native(native)
        return found

    def upload(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Make a table of it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: nw.LazyFrame[Any] = nw.from_native(self.session.createDataFrame(frame.to_arrow()))
        return found

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Keep a query's rows in the memory and on the disks of the cluster, once they are asked for."""
        native = frame.to_native().persist()
        self.persisted.append(native)
        found: nw.LazyFrame[Any] = nw.from_native(native)
        return found

    def let_go(self) -> None:
        """Files are opened anew for each query."""

    def close(self) -> None:
        """Stop a session of our own; leave another as it was."""
        for native in self.persisted:
            native.unpersist()
        if self.own:
            self.session.stop()
            return
        for name, value in self.before.items():
            self.session.conf.set(name, value)


def _master(session: Any) -> str:
    """Where a session runs; one through Spark Connect does not say."""
    try:
        return str(session.sparkContext.master)
    except Exception:
        return "a server of Spark Connect"


def _started(master: str) -> Any:
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise RecordsError(
            [Problem("engine", "spark: Java is not found", "install Java 17 or later", rule="missing_package")]
        )
    from pyspark.sql import SparkSession

    local = _LOCAL if master.startswith("local") else {}
    builder = SparkSession.builder.appName("twoarm").master(master)
    for name, value in {**_SESSION, **_QUIET, **local}.items():
        builder = builder.config(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pyspark about other packages
            session = builder.getOrCreate()
    except Exception as error:
        found = f"spark: no session on {master} ({type(error).__name__})"
        expected = "check Java (17 or later), the master's URL and the cluster"
        raise RecordsError([Problem("engine", found, expected, rule="no_session")]) from None
    session.sparkContext.setLogLevel("ERROR")
    return session


def open_engine(protocol: Protocol) -> Engine:
    """Start Spark as the protocol declares it."""
    assert protocol.spark is not None, "the protocol says where Spark runs"
    return SparkEngine(protocol.spark.master)
