"""What a statistic answers in a notebook: frozen, readable in print and as a table, and a frame on request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from twoarm.tables.formats import Numbers

Value = float | int | str | None


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A titled table with notes; ``fit`` is the kernel's result with every array documented."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...]
    fit: Any

    def __repr__(self) -> str:
        """Return title, table and notes as aligned text."""
        cells = [list(self.columns), *([shown(name, value) for name, value in self._named(row)] for row in self.rows)]
        widths = [max(len(line[j]) for line in cells) for j in range(len(self.columns))]
        lines = ["  ".join(_aligned(cell, width, j) for j, (cell, width) in enumerate(zip(line, widths, strict=True)))
                 for line in cells]  # fmt: skip
        return "\n".join([self.title, *(line.rstrip() for line in lines), *self.notes])

    def _repr_html_(self) -> str:
        """Return the table for a notebook; all text is escaped."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(shown(name, value))}</td>" for name, value in self._named(row)) + "</tr>"
            for row in self.rows
        )
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        caption = f"<caption>{escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def to_frame(self, *, pandas: bool = False) -> Any:
        """Return the table as a Polars frame, or as a pandas frame on request."""
        return as_frame(self.columns, self.rows, pandas=pandas)

    def _named(self, row: tuple[Value, ...]) -> list[tuple[str, Value]]:
        return list(zip(self.columns, row, strict=True))


def as_frame(columns: Sequence[str], rows: Sequence[Sequence[Value]], *, pandas: bool) -> Any:
    """Return rows as a Polars frame, or as a pandas frame; a number that is not there is null."""
    data = {name: [_plain(row[j]) for row in rows] for j, name in enumerate(columns)}
    if pandas:
        import pandas as pd

        return pd.DataFrame(data)
    import polars as pl

    return pl.DataFrame(data, strict=False)


def _plain(value: Value) -> Value:
    return None if isinstance(value, float) and math.isnan(value) else value


def shown(name: str, value: Value) -> str:
    """Return a cell's text: p-values with three decimals, other numbers with four significant digits."""
    if value is None:
        return ""
    if isinstance(value, float) and math.isnan(value):
        return "NE"
    if isinstance(value, str):
        return value
    if name == "p":
        return Numbers().p_value(float(value))
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def _aligned(cell: str, width: int, position: int) -> str:
    return cell.ljust(width) if position == 0 else cell.rjust(width)
