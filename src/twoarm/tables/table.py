"""A table without a layout: every cell is text and names the ledger rows that it quotes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from twoarm.results.estimate import Estimate

_NUMBER = re.compile(r"^-[\d.,·\u202f]+%?( \(.*\))?$")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, and the ids of the ledger rows it comes from."""

    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Cells from left to right; a heading row starts a block, indented rows belong to it."""

    cells: tuple[Cell, ...]
    kind: Literal["data", "heading"] = "data"
    indent: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; ``groups`` span the columns of the same group above the header."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = field(default=())


def quote(text: str, *rows: Estimate | None) -> Cell:
    """Return a cell that quotes ledger rows."""
    return Cell(text, tuple(row.id for row in rows if row is not None))


def plain(*texts: str) -> tuple[Cell, ...]:
    """Return cells that quote nothing."""
    return tuple(Cell(text) for text in texts)


class Footnotes:
    """Letters for notes, each note once, in order of appearance."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    def mark(self, note: str) -> str:
        """Return the superscript letter of a note."""
        if note not in self._notes:
            self._notes.append(note)
        return _letter(self._notes.index(note))

    def lines(self) -> tuple[str, ...]:
        """Return the notes with their letters."""
        return tuple(f"{_letter(i)} {note}" for i, note in enumerate(self._notes))


def _letter(index: int) -> str:
    return "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"[index]


def to_csv(table: Table) -> str:
    """Return the table as CSV; nothing in it can be taken for a formula by a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_inert(table.title)])
    if table.groups:
        writer.writerow([_inert(title) for title, span in table.groups for title in [title] + [""] * (span - 1)])
    writer.writerow([_inert(column) for column in table.columns])
    for row in table.rows:
        lead = "  " if row.indent else ""
        writer.writerow([_inert((lead if i == 0 else "") + cell.text) for i, cell in enumerate(row.cells)])
    for note in table.footnotes:
        writer.writerow([_inert(note)])
    return out.getvalue()


def _inert(text: str) -> str:
    text = text.replace("−", "-")
    if text.lstrip().startswith(("=", "+", "@", "\t", "\r", "＝", "＋", "＠")):
        return f"'{text}"
    bare = text.lstrip()
    return f"'{text}" if bare.startswith(("-", "－")) and not _NUMBER.match(bare) else text


def to_html(table: Table) -> str:
    """Return the table as an HTML fragment; all text is escaped."""
    return (
        f'<table id="{escape(table.name)}"><caption>{escape(table.title)}</caption>{_head(table)}{_body(table)}</table>'
    )


def _head(table: Table) -> str:
    groups = "".join(
        f'<th colspan="{span}" scope="colgroup">{escape(title)}</th>' if title else f'<td colspan="{span}"></td>'
        for title, span in table.groups
    )
    columns = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    above = f'<tr class="groups">{groups}</tr>' if groups else ""
    return f"<thead>{above}<tr>{columns}</tr></thead>"


def _body(table: Table) -> str:
    rows = []
    for row in table.rows:
        classes = " ".join(name for name, on in (("heading", row.kind == "heading"), ("indent", row.indent)) if on)
        cells = _cells(row.cells, len(table.columns), row.kind == "heading")
        rows.append(f'<tr class="{classes}">{cells}</tr>' if classes else f"<tr>{cells}</tr>")
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.footnotes)
    foot = f'<tfoot><tr><td colspan="{len(table.columns)}">{notes}</td></tr></tfoot>' if notes else ""
    return f"<tbody>{''.join(rows)}</tbody>{foot}"


def _cells(cells: Sequence[Cell], width: int, heading: bool) -> str:
    if heading and len(cells) == 1:
        return f'<th scope="rowgroup" colspan="{width}">{escape(cells[0].text)}</th>'
    first = f'<th scope="row">{escape(cells[0].text)}</th>'
    return first + "".join(f"<td{_source(cell)}>{escape(cell.text)}</td>" for cell in cells[1:])


def _source(cell: Cell) -> str:
    return f' data-ledger="{escape(" ".join(cell.ids))}"' if cell.ids else ""
