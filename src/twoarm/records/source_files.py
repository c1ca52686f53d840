"""Files and frames -> raw tables: every cell as text, or in the type that the file itself declares."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import Encoding, TablePart
from twoarm.records.cell_text import clean_text
from twoarm.records.findings import listed

MOST_BYTES = 1_000_000_000  # of a workbook when unpacked
MOST_CELLS = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table as it came: names as in the file, rows in its order."""

    name: str  # file, or the table's place in the protocol for a frame
    frame: pl.DataFrame
    rows: pl.Series  # number of each row as a spreadsheet shows it; of a frame, from 1
    blank: tuple[int, ...]  # rows without any cell that stood between others, and were skipped
    sha256: str
    bytes: int


def read_source(place: str, source: TablePart, folder: Path) -> RawTable:
    """Read a file of a table; ``place`` is the table's in the protocol, as in ``data.patients``.

    Raises:
        RecordsError: no such file, a kind that is not read, or content that is not of that kind.
    """
    if source.file is None:
        raise RecordsError([Problem(place, "no file and no frame", "expected file or files, or frames= in Python")])
    path = folder / source.file
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        raise RecordsError([Problem(source.file, "a path that leaves the protocol's folder", "expected a file in it")])
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise RecordsError([Problem(source.file, f"a {path.suffix} file", f"expected one of {', '.join(_READERS)}")])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordsError([Problem(source.file, "cannot be read", error.strerror or "expected a file")]) from None
    if not content:
        raise RecordsError([Problem(source.file, "an empty file", "expected a header and rows")])
    try:
        frame = reader(content, source, path)
    except RecordsError:
        raise
    except ModuleNotFoundError as error:
        missing = f"the package {error.name} is not installed"
        raise RecordsError([Problem(source.file, missing, 'install "twoarm[files]"')]) from None
    except Exception as error:
        own = type(error).__module__.partition(".")[0] in _READERS_OWN
        if not own and not isinstance(error, UnicodeError | csv.Error | zipfile.BadZipFile):
            raise
        # a reader's own message may quote cells, so only its kind is told
        kind = f"content that is not {path.suffix.lower()} ({type(error).__name__})"
        raise RecordsError([Problem(source.file, kind, "save the file again and check its encoding")]) from None
    numbers = pl.Series("row", range(2, frame.height + 2), dtype=pl.Int64)
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null()).alias("filled")).to_series()
    rows = numbers.filter(filled)
    last = rows[-1] if rows.len() else 0
    blank = numbers.filter(~filled & (numbers < last))
    digest = hashlib.sha256(content).hexdigest()
    return RawTable(source.file, frame.filter(filled), rows, tuple(blank.to_list()), digest, len(content))


def frame_source(place: str, frame: Any) -> RawTable:
    """Take a Polars, pandas or pyarrow frame."""
    table = _taken(place, frame)
    digest = hashlib.sha256()
    for column in table.columns:
        digest.update(column.encode())
        if not table.schema[column].is_nested():  # no cell can be read from a list or a struct
            text = table[column].cast(pl.String, strict=False).fill_null("\0")
            digest.update(text.str.join("\1").item().encode())
    rows = pl.Series("row", range(1, table.height + 1), dtype=pl.Int64)
    return RawTable(place, table, rows, (), digest.hexdigest(), int(table.estimated_size()))


def _taken(place: str, frame: Any) -> pl.DataFrame:
    """Return a frame as a Polars frame with headers as they are compared."""
    try:
        given = nw.from_native(frame, eager_only=True)
        header = _named(list(given.columns), place)
    except nw.exceptions.DuplicateError:
        found, expected = "column names that occur more than once", "expected every name once"
        raise RecordsError([Problem(place, found, expected)]) from None
    except TypeError:
        found = f"a {type(frame).__name__}"
        raise RecordsError([Problem(place, found, "expected a Polars, pandas or pyarrow frame")]) from None
    columns, problems = {}, []
    for column, name in zip(given.columns, header, strict=True):
        try:
            columns[name] = given.get_column(column).to_polars()
        except Exception:  # its message may quote cells
            problems.append(Problem(place, "a column of mixed types", "make it text: every cell is read by type", name))
    if problems:
        raise RecordsError(problems)
    return pl.DataFrame(columns)


def _named(header: list[str], name: str) -> list[str]:
    """Return headers as they are compared: Unicode-normalised, without space around, each once."""
    stripped = [clean_text(str(column)) for column in header]
    repeated = [place for place, column in enumerate(stripped, start=1) if column and stripped.count(column) > 1]
    if repeated:
        found = f"headers that occur more than once (columns {listed(repeated)})"
        raise RecordsError([Problem(name, found, "expected a first row with every header once")])
    return [column or f"unnamed:{i}" for i, column in enumerate(stripped, start=1)]


def _read_csv(content: bytes, source: TablePart, path: Path) -> pl.DataFrame:
    text = _decoded(content, source, path)
    try:
        first = next(csv.reader(io.StringIO(text[: 1 << 20], newline=""), delimiter=source.delimiter))
    except (csv.Error, StopIteration):
        first = []
    if not any(cell.strip() for cell in first):
        raise RecordsError([Problem(path.name, "no header that can be read", "expected names in the first line")])
    header = _named(first, path.name)
    content = text.encode("utf-8")
    _refuse_ragged(content, source.delimiter, len(header), path.name)
    whole = pl.read_csv(
        io.BytesIO(content),
        separator=source.delimiter,
        has_header=False,  # the names are those above; the header is read as a row, which an empty line may follow
        schema=dict.fromkeys(header, pl.String),
    )
    return whole.slice(1)


def _decoded(content: bytes, source: TablePart, path: Path) -> str:
    """Return a file's text without byte order marks."""
    try:
        return content.decode(source.encoding).lstrip("\ufeff")
    except UnicodeError:
        found = f"text that is not {source.encoding}"
        expected = f"declare the encoding it was saved in, one of {', '.join(get_args(Encoding))}"
        raise RecordsError([Problem(path.name, found, expected)]) from None


def _refuse_ragged(content: bytes, delimiter: str, width: int, name: str) -> None:
    """Refuse rows with fewer or more cells than the header: a file that was cut off, or a stray delimiter.

    An empty line is no row, but counts where rows are numbered.
    """
    if b'"' in content:
        text = io.StringIO(content.decode("utf-8"), newline="")
        cells = np.array([len(row) or width for row in csv.reader(text, delimiter=delimiter)], dtype=np.int64)
    else:
        letters = np.frombuffer(content.rstrip(b"\r\n") + b"\n", dtype=np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        before = np.searchsorted(np.flatnonzero(letters == ord(delimiter)), ends)
        cells = np.diff(before, prepend=0) + 1
        lengths = np.diff(ends, prepend=-1) - 1
        cells[(lengths == 0) | ((lengths == 1) & (letters[ends - 1] == ord("\r")))] = width
    wrong = np.flatnonzero(cells != width)
    if wrong.size:
        rows = listed((wrong + 1).tolist())
        found = f"{wrong.size} rows with fewer or more cells than the header's {width} (rows {rows})"
        raise RecordsError([Problem(name, found, "check the delimiter, and whether the file was cut off")])


def _refuse_huge_sheets(content: bytes, name: str) -> None:
    """Refuse a workbook whose cells span a grid too large to hold, such as one stray cell in the last column."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [entry for entry in book.infolist() if entry.filename.startswith("xl/worksheets/")]
        if sum(entry.file_size for entry in book.infolist()) > MOST_BYTES:
            raise RecordsError([Problem(name, "a workbook of over 1 GB unpacked", "save the table as CSV or Parquet")])
        for entry in sheets:
            cells = re.findall(rb'<c r="([A-Z]+)([0-9]+)"', book.read(entry))
            columns = max((len(letters), letters) for letters, _ in cells)[1] if cells else b"A"
            width = reduce(lambda total, letter: total * 26 + letter - 64, columns, 0)
            height = max((int(row) for _, row in cells), default=1)
            if width * height > MOST_CELLS:
                found = f"a sheet that spans {height:,} rows and {width:,} columns"
                raise RecordsError([Problem(name, found, "delete stray cells beyond the table")])


def _read_excel(content: bytes, source: TablePart, path: Path) -> pl.DataFrame:
    import python_calamine

    _refuse_huge_sheets(content, path.name)
    book = python_calamine.load_workbook(io.BytesIO(content))
    if source.sheet is not None and source.sheet not in book.sheet_names:
        sheets = ", ".join(book.sheet_names)
        raise RecordsError([Problem(path.name, f"no sheet {source.sheet}", f"expected one of {sheets}")])
    sheet = book.get_sheet_by_name(source.sheet or book.sheet_names[0])
    rows = sheet.to_python(skip_empty_area=False)
    if not rows:
        raise RecordsError([Problem(path.name, "an empty sheet", "expected a header and rows")])
    header = _named([str(cell) for cell in rows[0]], path.name)
    body = rows[1:]
    return pl.DataFrame({name: _cells([row[i] for row in body]) for i, name in enumerate(header)})


def _cells(values: list[Any]) -> pl.Series:
    """A column of one type keeps it; a mixed one becomes text, days as YYYY-MM-DD and whole numbers without point."""
    filled = [None if value == "" else value for value in values]
    kinds = {type(value) for value in filled if value is not None}
    if len(kinds) == 1:
        return pl.Series(filled)
    return pl.Series([None if value is None else _as_text(value) for value in filled], dtype=pl.String)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value.strftime("%Y-%m-%d") if hasattr(value, "strftime") else str(value)


def _read_parquet(content: bytes, _: TablePart, __: Path) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(content))


def _read_statistical(function: str, **options: Any) -> Callable[[bytes, TablePart, Path], pl.DataFrame]:
    def read(_: bytes, __: TablePart, path: Path) -> pl.DataFrame:
        import pyreadstat

        frame, _meta = getattr(pyreadstat, function)(str(path), output_format="polars", **options)
        table: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
        return table

    return read


_READERS_OWN = ("polars", "python_calamine", "pyreadstat")

_READERS: dict[str, Callable[[bytes, TablePart, Path], pl.DataFrame]] = {
    ".csv": _read_csv,
    ".xlsx": _read_excel,
    ".parquet": _read_parquet,
    ".sav": _read_statistical("read_sav"),
    ".sas7bdat": _read_statistical("read_sas7bdat"),
    ".xpt": _read_statistical("read_xport"),
    ".dta": _read_statistical("read_dta"),
}
