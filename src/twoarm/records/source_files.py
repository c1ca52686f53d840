"""Files and frames -> raw tables: every cell as text, or in the type that the file itself declares."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.errors import Problem, ProtocolError, RecordsError
from twoarm.protocol.data import TablePart
from twoarm.records.cell_text import as_written
from twoarm.records.delimited import read_delimited
from twoarm.records.raw_table import Grid, RawTable, Remark, named
from twoarm.records.workbook import read_workbook


def read_source(place: str, source: TablePart, folder: Path) -> RawTable:
    """Read a file of a table; ``place`` is the table's in the protocol, as in ``data.patients``.

    Raises:
        RecordsError: no such file, a kind that is not read, or content that is not of that kind.
    """
    if source.file is None:
        expected = "expected file or files, or frames= in Python"
        raise RecordsError([Problem(place, "no file and no frame", expected, rule="no_file")])
    path = folder / source.file
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        found = "a path that leaves the protocol's folder"
        raise ProtocolError([Problem(source.file, found, "expected a file in it", rule="outside_path")])
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        expected = f"expected one of {', '.join(_READERS)}{_OLD.get(path.suffix.lower(), '')}"
        raise RecordsError([Problem(source.file, f"a {path.suffix} file", expected, rule="unknown_kind")])
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, a device read for ever
            raise RecordsError([Problem(source.file, "no regular file", "expected a file", rule="unreadable_file")])
        content = path.read_bytes()
    except OSError as error:
        expected = error.strerror or "expected a file"
        raise RecordsError([Problem(source.file, "cannot be read", expected, rule="unreadable_file")]) from None
    if not content:
        raise RecordsError([Problem(source.file, "an empty file", "expected a header and rows", rule="empty_file")])
    try:
        grid = reader(content, source, path)
    except RecordsError:
        raise
    except ModuleNotFoundError as error:
        missing = f"the package {error.name} is not installed"
        raise RecordsError([Problem(source.file, missing, 'install "twoarm[files]"', rule="missing_package")]) from None
    except Exception as error:
        own = type(error).__module__.partition(".")[0] in _READERS_OWN
        if not own and not isinstance(error, UnicodeError | csv.Error | zipfile.BadZipFile):
            raise
        # a reader's own message may quote cells, so only its kind is told
        kind = f"content that is not {path.suffix.lower()} ({type(error).__name__})"
        expected = "save the file again and check its encoding"
        raise RecordsError([Problem(source.file, kind, expected, rule="damaged_file")]) from None
    return _raw_table(source.file, grid, hashlib.sha256(content).hexdigest(), len(content))


def _raw_table(name: str, grid: Grid, digest: str, size: int) -> RawTable:
    """Leave out empty rows and columns, each with its place."""
    frame = grid.frame
    if grid.spreadsheet:
        _refuse_cut_off(frame.height, grid.first_row, name)
    numbers = pl.Series("row", range(grid.first_row, grid.first_row + frame.height), dtype=pl.Int64)
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null()).alias("filled")).to_series()
    rows = numbers.filter(filled)
    last = rows[-1] if rows.len() else 0
    blank = numbers.filter(~filled & (numbers < last))
    empty = [
        column
        for column in frame.columns
        if column.startswith("unnamed:") and frame[column].null_count() == frame.height
    ]
    remarks = list(grid.remarks)
    if empty:
        remarks.append(Remark("blank_columns", f"empty columns without a header ({len(empty)})", "skipped"))
    return RawTable(
        name,
        frame.drop(empty).filter(filled),
        rows,
        tuple(blank.to_list()),
        digest,
        size,
        tuple(remarks),
        {header: mask.filter(filled) for header, mask in grid.dates.items()},
        {header: mask.filter(filled) for header, mask in grid.fake.items()},
        grid.epoch_1904,
        grid.sheet,
    )


def _refuse_cut_off(height: int, first_row: int, name: str) -> None:
    """Refuse a table that ends where a spreadsheet ends."""
    for limit in _SPREADSHEET_ROWS:
        if limit in (height, height + first_row - 1):
            found = f"exactly {limit:,} rows, where spreadsheets end: rows may have been cut off"
            expected = "export it again, as CSV from the source or as Parquet"
            raise RecordsError([Problem(name, found, expected, rule="cut_off_rows")])


def frame_source(place: str, frame: Any) -> RawTable:
    """Take a Polars, pandas or pyarrow frame."""
    table = _taken(place, frame)
    digest = hashlib.sha256()
    for column in table.columns:
        digest.update(column.encode())
        if not table.schema[column].is_nested():  # no cell can be read from a list or a struct
            text = as_written(table[column]).fill_null("\0")
            digest.update(text.str.join("\1").item().encode())
    rows = pl.Series("row", range(1, table.height + 1), dtype=pl.Int64)
    return RawTable(place, table, rows, (), digest.hexdigest(), int(table.estimated_size()))


def _taken(place: str, frame: Any) -> pl.DataFrame:
    """Return a frame as a Polars frame with headers as they are compared."""
    try:
        given = nw.from_native(frame, eager_only=True)
        header = named(list(given.columns), place)
    except nw.exceptions.DuplicateError:
        found, expected = "column names that occur more than once", "expected every name once"
        raise RecordsError([Problem(place, found, expected, rule="repeated_column")]) from None
    except TypeError:
        found = f"a {type(frame).__name__}"
        expected = "expected a Polars, pandas or pyarrow frame"
        raise RecordsError([Problem(place, found, expected, rule="unknown_frame")]) from None
    columns, problems = {}, []
    for column, name in zip(given.columns, header, strict=True):
        try:
            columns[name] = given.get_column(column).to_polars()
        except Exception:  # its message may quote cells
            expected = "make it text: every cell is read by type"
            problems.append(Problem(place, "a column of mixed types", expected, name, "mixed_types"))
    if problems:
        raise RecordsError(problems)
    return pl.DataFrame(columns)


def _read_parquet(content: bytes, _: TablePart, __: Path) -> Grid:
    return Grid(pl.read_parquet(io.BytesIO(content)), spreadsheet=False)


def _read_statistical(function: str, **options: Any) -> Callable[[bytes, TablePart, Path], Grid]:
    def read(_: bytes, __: TablePart, path: Path) -> Grid:
        import pyreadstat

        frame, _meta = getattr(pyreadstat, function)(str(path), output_format="polars", **options)
        return Grid(nw.from_native(frame, eager_only=True).to_polars(), spreadsheet=False)

    return read


_SPREADSHEET_ROWS = (65_536, 1_048_576)

_OLD = {
    ".xls": "; open it and save it as .xlsx",
    ".xlsm": "; save it as .xlsx, without its macros",
    ".xlsb": "; open it and save it as .xlsx",
}

_READERS_OWN = ("polars", "python_calamine", "pyreadstat")

_READERS: dict[str, Callable[[bytes, TablePart, Path], Grid]] = {
    ".csv": read_delimited,
    ".xlsx": read_workbook,
    ".parquet": _read_parquet,
    ".sav": _read_statistical("read_sav"),
    ".sas7bdat": _read_statistical("read_sas7bdat"),
    ".xpt": _read_statistical("read_xport"),
    ".dta": _read_statistical("read_dta"),
}
