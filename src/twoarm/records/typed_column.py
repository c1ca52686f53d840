"""What becomes of a column's cells: values in the declared type, and the rules that some cells break."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce

import polars as pl

from twoarm.records.findings import Outcome

PARTIAL = "partial_date"  # the rule of dates without a day or a month


@dataclass(frozen=True, slots=True, eq=False)
class CellRule:
    """Cells of one column of which one thing is to be said."""

    what: str  # "cells that are not numbers"
    cells: pl.Series  # mask
    outcome: Outcome | None = None  # None: refused or held, as on_invalid says
    remedy: str = ""  # what else to do, beside correcting the cells


@dataclass(frozen=True, slots=True, eq=False)
class TypedColumn:
    """Values in the declared type, and what is to be said of cells, by rule."""

    values: pl.Series
    broken: dict[str, CellRule]

    def held(self) -> pl.Series:
        """True where a cell could not be read."""
        unread = [rule.cells for rule in self.broken.values() if rule.outcome in (None, "held", "refused")]
        return reduce(lambda a, b: a | b, unread) if unread else nowhere(len(self.values))

    def completed(self) -> pl.Series:
        """True where a date without a day or a month was given one by the declared rule."""
        rule = self.broken.get(PARTIAL)
        return nowhere(len(self.values)) if rule is None or rule.outcome != "normalised" else rule.cells


@lru_cache(maxsize=16)  # the columns of a table are equally long
def nowhere(n: int) -> pl.Series:
    """Return a mask of n cells without any."""
    return pl.Series([False], dtype=pl.Boolean).new_from_index(0, n)


def number_of(cells: pl.Series, counts: pl.Series | None) -> int:
    """Return how many cells are marked, each as often as it counts."""
    return int(cells.sum() if counts is None else counts.filter(cells).sum())


def matching(text: pl.Series, pattern: str) -> pl.Series:
    """Return where a text is there and matches."""
    return text.to_frame().select(pl.first().str.contains(pattern).fill_null(False)).to_series()


class Sorting:
    """Cells that are still to be read, and the rules that took the others away."""

    def __init__(self, text: pl.Series) -> None:
        self.left = text
        self.rules: dict[str, CellRule] = {}

    @property
    def done(self) -> bool:
        """Whether no cell is left."""
        return self.left.null_count() == len(self.left)

    def take(self, cells: pl.Series) -> None:
        """Cells that were read."""
        self.left = self.left.set(cells, None)

    def rule(self, name: str, pattern: str, what: str, outcome: Outcome | None = None, remedy: str = "") -> pl.Series:
        """Take away the cells that match, by a rule of this name; return which."""
        cells = matching(self.left, pattern)
        self.say(name, cells, what, outcome, remedy)
        self.take(cells)
        return cells

    def say(self, name: str, cells: pl.Series, what: str, outcome: Outcome | None = None, remedy: str = "") -> None:
        """Note cells under a rule, whether they were read or not."""
        if cells.any():
            self.rules[name] = CellRule(what, cells, outcome, remedy)
