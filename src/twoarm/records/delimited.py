"""Text files with delimiters -> raw cells; a file that could be read in two ways is refused."""

from __future__ import annotations

import contextlib
import csv
import io
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import Encoding, TablePart
from twoarm.records.cell_text import clean_text, header_text
from twoarm.records.findings import listed
from twoarm.records.raw_table import LOOKED_AT, Grid, Remark, find_header, misplaced_header, named, wanted_headers

_HEAD = 1 << 20  # letters in which a header is sought
_OTHER_DELIMITERS = {";": ";", "\t": "\\t", ",": ",", "|": "|"}


def read_delimited(content: bytes, source: TablePart, path: Path) -> Grid:
    """Read a CSV file."""
    text = _decoded(content, source, path)
    wanted = wanted_headers(source)
    head = _head(text, source.delimiter)
    elsewhere = find_header(head, wanted, source.header_row)
    if source.header_row > 1:
        text = _after(text, source.header_row - 1, source.delimiter)
    first = next(iter(_head(text, source.delimiter)), [])
    if not any(cell.strip() for cell in first):
        raise RecordsError(
            [Problem(path.name, "no header that can be read", "expected names in the first line", rule="no_header")]
        )
    if elsewhere is not None and not set(wanted) <= {header_text(cell) for cell in first}:
        raise misplaced_header(path.name, elsewhere)
    _refuse_other_delimiter(text, first, source, path.name)
    header = named(first, path.name)
    remarks: tuple[Remark, ...] = ()
    if source.stop_at is not None:
        text, remarks = _before_stop(text, source, header)
    encoded = text.encode("utf-8")
    _refuse_ragged(encoded, source.delimiter, len(header), path.name, source.header_row - 1)
    whole = pl.read_csv(
        io.BytesIO(encoded),
        separator=source.delimiter,
        has_header=False,  # the names are those above; the header is read as a row, which an empty line may follow
        schema=dict.fromkeys(header, pl.String),
    )
    skipped = 1 + source.rows_below_header
    return Grid(whole.slice(skipped), source.header_row + skipped, remarks)


def _head(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows, up to one that cannot be read."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        for row in islice(csv.reader(io.StringIO(text[:_HEAD], newline=""), delimiter=delimiter), LOOKED_AT):
            rows.append(row)
    return rows


def _after(text: str, records: int, delimiter: str) -> str:
    """Return what follows the first records, such as rows with a title."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter)
    for _ in range(records):
        next(reader, None)
    return lines.read()


def _before_stop(text: str, source: TablePart, header: list[str]) -> tuple[str, tuple[Remark, ...]]:
    """Return the text up to the row at which the table ends, and how many rows were left out."""
    key = wanted_headers(source)[0]
    column = header.index(key) if key in header else 0
    stop = clean_text(source.stop_at or "").lower()
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=source.delimiter)
    number, kept = source.header_row, 0
    for row in reader:
        if len(row) > column and number > source.header_row and clean_text(row[column]).lower() == stop:
            rest = 1 + sum(1 for left in reader if any(cell.strip() for cell in left))
            return text[:kept], (_stopped(number, rest),)
        number, kept = number + 1, lines.tell()
    return text, (_no_stop(),)


def _stopped(row: int, rest: int) -> Remark:
    return Remark("stop_at", "rows at the end", "not read, as stop_at says", tuple(range(row, row + rest)))


def _no_stop() -> Remark:
    return Remark("no_stop", "no row with the text of stop_at", "the whole file was read")


def _refuse_other_delimiter(text: str, first: list[str], source: TablePart, name: str) -> None:
    """Refuse a header that has the declared columns if another delimiter is used."""
    wanted = set(wanted_headers(source))
    if len(wanted) < 2 or wanted <= {header_text(cell) for cell in first}:
        return
    for other, shown in _OTHER_DELIMITERS.items():
        if other == source.delimiter:
            continue
        for number, again in enumerate(_head(text, other), start=source.header_row):
            if wanted <= {header_text(cell) for cell in again}:
                row = f" and header_row = {number}" if number > source.header_row else ""
                expected = f'declare delimiter = "{shown}"{row}'
                raise RecordsError([Problem(name, "a file with another delimiter", expected, rule="other_delimiter")])


def _decoded(content: bytes, source: TablePart, path: Path) -> str:
    """Return a file's text without byte order marks."""
    expected = f"declare the encoding it was saved in, one of {', '.join(get_args(Encoding))}"
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise RecordsError(
            [Problem(path.name, "a workbook that is named like a text file", "save it as CSV", rule="not_text")]
        )
    if source.encoding != "utf-16" and (content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:200].count(0) > 20):
        raise RecordsError([Problem(path.name, f"text that is not {source.encoding}", expected, rule="wrong_encoding")])
    try:
        text = content.decode(source.encoding).lstrip("\ufeff")
    except UnicodeError:
        raise RecordsError(
            [Problem(path.name, f"text that is not {source.encoding}", expected, rule="wrong_encoding")]
        ) from None
    if "\r" in text and "\n" not in text:
        found = "lines that end in a carriage return alone"
        raise RecordsError([Problem(path.name, found, "save it again as CSV (of today's systems)", rule="line_ends")])
    if source.encoding in ("gb18030", "latin-1") and not content.isascii() and _is_utf8(content):
        raise RecordsError(
            [Problem(path.name, f"text that is utf-8 and not {source.encoding}", expected, rule="wrong_encoding")]
        )
    return text


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _refuse_ragged(content: bytes, delimiter: str, width: int, name: str, before: int) -> None:
    """Refuse rows with fewer or more cells than the header: a file that was cut off, or a stray delimiter.

    An empty line is no row, but counts where rows are numbered; so do the rows ``before`` the header.
    """
    if b'"' in content:
        reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=delimiter, strict=True)
        try:
            cells = np.array([len(row) or width for row in reader], dtype=np.int64)
        except csv.Error:
            line = reader.line_num + before
            found = f"a quote that is not closed, or stands within quotes (at the latest in line {line})"
            expected = "close it, write it twice within quotes, or export again"
            raise RecordsError([Problem(name, found, expected, rule="open_quote")]) from None
    else:
        letters = np.frombuffer(content.rstrip(b"\r\n") + b"\n", dtype=np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        marks = np.searchsorted(np.flatnonzero(letters == ord(delimiter)), ends)
        cells = np.diff(marks, prepend=0) + 1
        lengths = np.diff(ends, prepend=-1) - 1
        cells[(lengths == 0) | ((lengths == 1) & (letters[ends - 1] == ord("\r")))] = width
    wrong = np.flatnonzero(cells != width)
    if wrong.size:
        rows = listed((wrong + 1 + before).tolist())
        found = f"{wrong.size} rows with fewer or more cells than the header's {width} (rows {rows})"
        expected = "check the delimiter, and whether the file was cut off; notes below the table need stop_at"
        raise RecordsError([Problem(name, found, expected, rule="ragged_rows")])
