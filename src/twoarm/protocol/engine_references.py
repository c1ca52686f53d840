"""The engine and the sources that it can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twoarm.protocol.data import EventSource, Source
from twoarm.protocol.misreference import Misreference
from twoarm.protocol.toml_positions import Path


def check_engine(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """An engine has what it needs, its catalogue has the tables, and nothing asks for an order that no engine keeps."""
    engine = sections.get("engine") or "polars"
    if engine == "spark" and sections.get("spark") is None:
        expected = 'expected [spark] with master = "local[2]", or the URL of a cluster'
        yield Misreference(("engine",), "spark, and nothing that says where it runs", expected)
    for kind in ("data", "events"):
        for name, source in sections.get(kind, {}).items():
            yield from _check_table(engine, source, (kind, name))
    first = next(iter(sections.get("data", {}).values()), None)
    if first is not None and first.whole().on_engine:
        yield from _check_order(sections)


def _check_table(engine: str, source: Source | EventSource, path: Path) -> Iterator[Misreference]:
    if source.table is None:
        return
    if engine == "polars":
        expected = 'expected engine = "duckdb" or "spark" with it, or a folder'
        yield Misreference((*path, "table"), "a table of a catalogue for Polars, which has none", expected)
    if engine == "duckdb" and source.database is None:
        yield Misreference((*path, "table"), "a table without database", "expected DuckDB's file that has the table")
    if engine == "spark" and source.database is not None:
        expected = 'expected the table alone: database goes with engine = "duckdb"'
        yield Misreference((*path, "database"), "a database for Spark", expected)


def _check_order(sections: Mapping[str, Any]) -> Iterator[Misreference]:
    """Rows of a folder or a catalogue's table have no order of their own."""
    expected = "expected order_column with it: rows of a folder or a table have no order of their own"
    for name, adjustment in sections.get("adjustments", {}).items():
        if getattr(adjustment, "order", None) == "data" and adjustment.order_column is None:
            yield Misreference(("adjustments", name, "order"), 'found "data"', expected)
    grid = sections.get("specifications")
    for i, block in enumerate(grid.matching if grid is not None else ()):
        if "data" in block.order:
            yield Misreference(("specifications", "matching", i, "order"), 'found "data"', "expected another order")
