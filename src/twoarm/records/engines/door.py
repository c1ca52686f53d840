"""An engine that is open for a study: through here its rows come."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.records.engines.engine import Engine
from twoarm.records.engines.fetch import Fetched, fetch, tagged
from twoarm.records.engines.told import told
from twoarm.records.findings import SHOWN, Finding
from twoarm.records.typed_table import KEY, TypedTable, finding_by_count


class Door:
    """An engine that is open, until it is closed or nobody holds its records any more."""

    def __init__(self, engine: Engine, fetched: Fetched) -> None:
        self.engine, self.fetched = engine, fetched
        self.close = weakref.finalize(self, engine.close)

    def fetch(self, frame: nw.LazyFrame[Any], what: str) -> pl.DataFrame:
        """Run a query and return its rows, which are counted under ``what``."""
        with told(self.engine.name, what):
            return fetch(self.engine, frame, self.fetched, what)

    def tagged(self, frame: nw.LazyFrame[Any], tag: str, names: Mapping[int, str]) -> pl.DataFrame:
        """Run several queries as one, which the column ``tag`` numbers."""
        with told(self.engine.name, next(iter(names.values()))):
            return tagged(self.engine, frame, self.fetched, tag, names)

    def refused(
        self, wrong: nw.LazyFrame[Any], table: TypedTable, rule: str, what: str, expected: str, column: str
    ) -> list[Finding]:
        """Return what is wrong with some patients: how many, and the first of their keys."""
        count = int(self.fetch(wrong.select(nw.len().alias("n")), f"{rule}: count").item())
        first = self.fetch(wrong.sort(KEY).head(SHOWN), f"{rule}: patients")[KEY]
        keys = tuple(sorted(key or "" for key in first.to_list()))
        return [finding_by_count(table, count, rule, "refused", column, what, expected, keys)]
