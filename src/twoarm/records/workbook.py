"""Sheets of Excel workbooks -> raw cells; everything is read, and what a reader could overlook is told."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import TablePart
from twoarm.records.cell_text import header_text
from twoarm.records.findings import listed
from twoarm.records.raw_table import Grid, Remark, find_header, misplaced_header, named, stop_position, wanted_headers
from twoarm.records.workbook_xml import BookFacts, SheetFacts, read_facts

ERROR = "#N/A"  # how an error of any kind is told on


def read_workbook(content: bytes, source: TablePart, path: Path) -> Grid:
    """Read one sheet of a workbook."""
    import python_calamine

    facts = read_facts(content, source.sheet, path.name)
    book = python_calamine.load_workbook(io.BytesIO(content))
    if source.sheet is not None and source.sheet not in book.sheet_names:
        sheets = ", ".join(book.sheet_names)
        raise RecordsError(
            [Problem(path.name, f"no sheet {source.sheet}", f"expected one of {sheets}", rule="no_sheet")]
        )
    sheet = source.sheet or book.sheet_names[0]
    place = f"{path.name} ({sheet})"
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    if source.sheet is None:
        _refuse_other_sheet(book, rows, source, path.name)
    if not any(cell != "" for row in rows for cell in row):
        raise RecordsError([Problem(place, "an empty sheet", "expected a header and rows", rule="empty_sheet")])
    header = _header(rows, source, facts.sheet, place)
    first = source.header_row + 1 + source.rows_below_header
    _refuse_uncalculated(facts.sheet, first, header, place)
    _refuse_merged(facts.sheet, first, header, wanted_headers(source), place)
    _refuse_partly_struck_out(facts.sheet, first, header, wanted_headers(source), place)
    columns = {name: [row[i] for row in rows[first - 1 :]] for i, name in enumerate(header)}
    for number, column in facts.sheet.errors:  # a reader shows them as empty
        if first <= number <= len(rows) and column <= len(header):
            columns[header[column - 1]][number - first] = ERROR
    dates = {name: found for name, cells in columns.items() if (found := _dates(cells)) is not None}
    frame = pl.DataFrame({name: _cells(cells) for name, cells in columns.items()})
    remarks = list(_remarks(facts, first))
    frame, stopped = _stop(frame, source, first)
    return Grid(
        frame,
        first,
        (*remarks, *stopped, *_struck_out(facts.sheet, range(first, first + frame.height), header, source)),
        dates={name: mask.head(frame.height) for name, mask in dates.items()},
        fake=_fake(facts, header, first, frame.height),
        epoch_1904=facts.epoch_1904,
        sheet=sheet,
    )


def _header(rows: list[list[Any]], source: TablePart, sheet: SheetFacts, name: str) -> list[str]:
    """Return the header; one in another row, or one of merged cells, is refused with the way to declare it."""
    wanted = wanted_headers(source)
    texts = [[str(cell) for cell in row] for row in rows[: source.header_row + 20]]
    here = texts[source.header_row - 1] if source.header_row <= len(texts) else []
    if not any(cell.strip() for cell in here):
        elsewhere = find_header(texts, wanted, source.header_row)
        expected = "declare header_row" + (f" = {elsewhere}" if elsewhere else "")
        raise RecordsError([Problem(name, f"no header in row {source.header_row}", expected, rule="no_header")])
    if not set(wanted) <= {header_text(cell) for cell in here}:
        elsewhere = find_header(texts, wanted, source.header_row)
        if elsewhere is not None:
            raise misplaced_header(name, elsewhere)
    merged = [m for m in sheet.merged if m[0] <= source.header_row <= m[2] and m[1] <= len(here)]
    if merged:
        found = f"merged cells in the header ({len(merged)} areas)"
        expected = "give every column one header in one row, and declare header_row"
        raise RecordsError([Problem(name, found, expected, rule="merged_header")])
    return named(here, name)


def _refuse_other_sheet(book: Any, rows: list[list[Any]], source: TablePart, name: str) -> None:
    """Refuse a workbook whose first sheet, such as a cover or a chart, lacks the header that another sheet has."""
    wanted = wanted_headers(source)

    def has_header(found: list[list[Any]]) -> bool:
        texts = [[str(cell) for cell in row] for row in found[: source.header_row + 20]]
        return find_header(texts, wanted, 0) is not None

    if len(wanted) > 1 and not has_header(rows):
        others = [sheet for sheet in book.sheet_names[1:] if has_header(book.get_sheet_by_name(sheet).to_python())]
        if others:
            expected = f"declare sheet = {' or '.join(others)}"
            found = f"a first sheet without the header, which {_has(others)}"
            raise RecordsError([Problem(name, found, expected, rule="other_sheet")])


def _has(sheets: list[str]) -> str:
    return "another sheet has" if len(sheets) == 1 else "other sheets have"


def _refuse_merged(sheet: SheetFacts, first: int, header: list[str], wanted: list[str], name: str) -> None:
    """Refuse merged rows in columns that are read: all but the first of them would be empty."""
    read = {column for column, text in enumerate(header, start=1) if text in wanted}
    areas = [area for area in sheet.merged if area[2] >= first and read & set(range(area[1], area[3] + 1))]
    if areas:
        shown = listed([f"{_letters(left)}{top}:{_letters(right)}{bottom}" for top, left, bottom, right in areas])
        found = f"merged cells in the table ({shown})"
        raise RecordsError([Problem(name, found, "unmerge them, and fill in every cell", rule="merged_cells")])


def _refuse_uncalculated(sheet: SheetFacts, first: int, header: list[str], name: str) -> None:
    cells = [(row, column) for row, column in sheet.uncalculated if row >= first and column <= len(header)]
    if cells:
        shown = listed([f"{_letters(column)}{row}" for row, column in cells])
        found = f"{len(cells)} cells with a formula that was never calculated ({shown})"
        expected = "open the workbook, let it calculate and save it; or paste values"
        raise RecordsError([Problem(name, found, expected, rule="uncalculated")])


def _refuse_partly_struck_out(sheet: SheetFacts, first: int, header: list[str], wanted: list[str], name: str) -> None:
    """Refuse texts of which a part is struck out: a reader takes what holds and what does not for one value."""
    read = {column for column, text in enumerate(header, start=1) if text in wanted}
    cells = [(row, column) for row, column in sheet.partly_struck_out if row >= first and column in read]
    if cells:
        shown = listed([f"{_letters(column)}{row}" for row, column in cells])
        found = f"{len(cells)} cells of which a part is struck out ({shown})"
        raise RecordsError([Problem(name, found, "leave in each cell what holds", rule="partly_struck_out")])


def _struck_out(sheet: SheetFacts, rows: range, header: list[str], source: TablePart) -> list[Remark]:
    """Tell of struck-out cells in columns that are read; a patient whose key is struck out is told once."""
    wanted = wanted_headers(source)
    places: dict[str, list[int]] = {}
    for row, column in sheet.struck_out:
        if row in rows and column <= len(header) and header[column - 1] in wanted:
            places.setdefault(header[column - 1], []).append(row)
    keys = places.pop(wanted[0], [])
    gone = set(keys)
    found = [Remark("struck_out", "keys that are struck out", _WITHDRAWN, tuple(keys), wanted[0])] if keys else []
    for name in header:
        others = tuple(row for row in places.get(name, ()) if row not in gone)
        if others:
            found.append(Remark("struck_out", "cells that are struck out", _NO_LONGER, others, name))
    return found


_WITHDRAWN = "read like all others: delete the rows of patients who do not count"
_NO_LONGER = "read like all others: empty the cells whose values no longer hold"


def _letters(column: int) -> str:
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _remarks(facts: BookFacts, first: int) -> list[Remark]:
    """What a reader of the screen would not see, and is read all the same."""
    sheet, found = facts.sheet, []
    hidden = tuple(row for row in sheet.hidden_rows if row >= first)
    if hidden:
        found.append(Remark("hidden_rows", "hidden rows", "read like all others", hidden))
    if sheet.hidden_columns:
        found.append(Remark("hidden_columns", f"hidden columns ({sheet.hidden_columns})", "read like all others"))
    if sheet.filtered:
        found.append(Remark("active_filter", "a filter that hides rows", "all rows are read"))
    if facts.commented:
        found.append(Remark("comments", "cells with comments", "not read; does any change what its cell says?"))
    if facts.hidden_sheets:
        what = f"hidden sheets ({len(facts.hidden_sheets)})"
        found.append(Remark("hidden_sheets", what, "read only if sheet names one"))
    return found


def _stop(frame: pl.DataFrame, source: TablePart, first: int) -> tuple[pl.DataFrame, tuple[Remark, ...]]:
    key = wanted_headers(source)[0]
    if source.stop_at is None or key not in frame.columns:
        return frame, ()
    position = stop_position(frame[key], source.stop_at)
    if position is None:
        return frame, (Remark("no_stop", "no row with the text of stop_at", "the whole sheet was read"),)
    rest = tuple(range(first + position, first + frame.height))
    remark = Remark("stop_at", "rows at the end", "not read, as stop_at says", rest)
    return frame.head(position), (remark,)


def _fake(facts: BookFacts, header: list[str], first: int, height: int) -> dict[str, pl.Series]:
    """Return where serial numbers stand that are no day; days from 1904 have no 29 February 1900."""
    positions: dict[str, list[int]] = {}
    for row, column in facts.sheet.fake_days if not facts.epoch_1904 else ():
        if first <= row < first + height and column <= len(header):
            positions.setdefault(header[column - 1], []).append(row - first)
    return {name: pl.Series(range(height)).is_in(rows) for name, rows in positions.items()}


def _dates(cells: list[Any]) -> pl.Series | None:
    """Return where dates stand in a column that has other cells, too."""
    dated = [isinstance(cell, datetime.date | datetime.time) for cell in cells]
    other = any(cell != "" and not date for cell, date in zip(cells, dated, strict=True))
    return pl.Series(dated, dtype=pl.Boolean) if any(dated) and other else None


def _cells(values: list[Any]) -> pl.Series:
    """A column of one type keeps it; a mixed one becomes text, days as YYYY-MM-DD and whole numbers without point."""
    filled = [None if value == "" else value for value in values]
    kinds = {type(value) for value in filled if value is not None}
    if kinds == {datetime.date, datetime.datetime}:
        return pl.Series([_midnight(value) for value in filled], dtype=pl.Datetime)
    cut = kinds == {float} and any(value is not None and abs(value) >= _DIGITS for value in filled)
    if len(kinds) == 1 and kinds != {datetime.time} and not cut:
        return pl.Series(filled)
    return pl.Series([None if value is None else _as_text(value) for value in filled], dtype=pl.String)


_DIGITS = 1e15  # from here on a spreadsheet has lost digits, such as those of a long patient number


def _midnight(value: Any) -> Any:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time())


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _DIGITS else repr(value)
    if isinstance(value, datetime.datetime) and value.time() != datetime.time():
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.strftime("%Y-%m-%d") if isinstance(value, datetime.date) else str(value)
