"""The one door through which rows of an engine come into Python; it counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.records.engines.engine import Engine


@dataclass(slots=True)
class Fetched:
    """How many rows came in, by what they were asked for."""

    rows: list[tuple[str, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Rows of all queries."""
        return sum(rows for _, rows in self.rows)


def fetch(engine: Engine, frame: nw.LazyFrame[Any], fetched: Fetched, what: str) -> pl.DataFrame:
    """Run a query and return its rows, which are counted under ``what``."""
    found = engine.collect(frame)
    fetched.rows.append((what, found.height))
    return found


def tagged(
    engine: Engine, frame: nw.LazyFrame[Any], fetched: Fetched, tag: str, names: Mapping[int, str]
) -> pl.DataFrame:
    """Run several queries as one; rows are counted by what each was asked for, as the column ``tag`` numbers them."""
    found = engine.collect(frame)
    fetched.rows += [(what, found.filter(pl.col(tag) == number).height) for number, what in names.items()]
    return found
