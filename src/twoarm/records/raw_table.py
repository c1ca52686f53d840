"""A table as it came from a file or a frame, before its cells are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import TablePart
from twoarm.records.cell_text import clean_text, header_text
from twoarm.records.findings import listed

MOST_COLUMNS = 10_000
LOOKED_AT = 20  # rows in which a header is sought that is not the first row


@dataclass(frozen=True, slots=True, eq=False)
class Remark:
    """Something to be told of a whole file or sheet."""

    rule: str
    what: str
    remedy: str
    rows: tuple[int, ...] = ()
    column: str = ""  # header; the key's by default


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """What a reader found under the header: cells, and where they stand."""

    frame: pl.DataFrame
    first_row: int = 2  # number of the first row, as a spreadsheet shows it
    remarks: tuple[Remark, ...] = ()
    dates: Mapping[str, pl.Series] = field(default_factory=dict)  # header -> where a date stands among other cells
    fake: Mapping[str, pl.Series] = field(default_factory=dict)  # header -> where a serial number is no day
    epoch_1904: bool = False
    sheet: str = ""  # of a workbook
    spreadsheet: bool = True  # whether the format has the row limits of spreadsheets


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table as it came: names as in the file, rows in its order."""

    name: str  # file, or the table's place in the protocol for a frame
    frame: pl.DataFrame
    rows: pl.Series  # number of each row as a spreadsheet shows it; of a frame, from 1
    blank: tuple[int, ...]  # rows without any cell that stood between others, and were skipped
    sha256: str
    bytes: int
    remarks: tuple[Remark, ...] = ()
    dates: Mapping[str, pl.Series] = field(default_factory=dict)
    fake: Mapping[str, pl.Series] = field(default_factory=dict)
    epoch_1904: bool = False
    sheet: str = ""
    ignored: tuple[str, ...] = ()  # columns of the source that an engine did not hand over
    known_by: str = ""  # what the hash is of, where it is not a file's content

    @property
    def place(self) -> str:
        """File and sheet."""
        return f"{self.name} ({self.sheet})" if self.sheet else self.name


def named(header: list[str], name: str) -> list[str]:
    """Return headers as they are compared: Unicode-normalised, without space around, each once whatever its case."""
    if len(header) > MOST_COLUMNS:
        found = f"a header of more than {MOST_COLUMNS:,} columns"
        raise RecordsError(
            [Problem(name, found, "delete stray columns, or check the delimiter", rule="too_many_columns")]
        )
    stripped = [header_text(str(column)) for column in header]
    folded = [column.casefold() for column in stripped]
    counts: dict[str, int] = {}
    for column in folded:
        counts[column] = counts.get(column, 0) + 1
    repeated = [place for place, column in enumerate(folded, start=1) if column and counts[column] > 1]
    if repeated:
        found = f"headers that occur more than once (columns {listed(repeated)})"
        expected = "expected every header once, case and space aside; if the header is in another row, header_row"
        raise RecordsError([Problem(name, found, expected, rule="repeated_column")])
    return [column or f"unnamed:{i}" for i, column in enumerate(stripped, start=1)]


def headers_of(part: TablePart) -> dict[str, str]:
    """Return the header of each column that the file has, as headers are compared."""
    return {
        column: header_text(declared.source or column)
        for column, declared in part.columns.items()
        if column not in part.absent and column not in part.values
    }


def wanted_headers(part: TablePart) -> list[str]:
    """Return the headers that a file must have, that of the key first."""
    headers = headers_of(part)
    return list(dict.fromkeys([headers.get(part.key, part.key), *headers.values()]))


def find_header(rows: Iterable[list[str]], wanted: Iterable[str], header_row: int) -> int | None:
    """Return the row, from 1, that has all the wanted headers, if it is another than the declared one."""
    sought = set(wanted)
    for number, row in enumerate(rows, start=1):
        if number > LOOKED_AT:
            return None
        if number != header_row and len(sought) > 1 and sought <= {header_text(str(cell)) for cell in row}:
            return number
    return None


def misplaced_header(name: str, row: int) -> RecordsError:
    """Return the error that says where the header is."""
    found, expected = f"a header that stands in row {row}", f"declare header_row = {row}"
    return RecordsError([Problem(name, found, expected, rule="misplaced_header")])


def stop_position(cells: pl.Series, stop_at: str) -> int | None:
    """Return the first row whose cell is the text at which a table ends."""
    text = cells.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    found = (text == clean_text(stop_at).lower()).fill_null(False).arg_true()
    return int(found[0]) if found.len() else None
