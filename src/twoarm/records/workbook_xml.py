"""What a workbook hides from its readers: hidden rows, filters, formulas without a result, errors, bombs."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import reduce
from posixpath import join, normpath
from typing import Any

from twoarm.errors import Problem, RecordsError
from twoarm.records.strike_through import StruckOut, read_struck_out, struck_runs, tag

MOST_BYTES = 300_000_000  # of a workbook when unpacked
MOST_ENTRIES = 2_000
MOST_RATIO = 100  # unpacked to packed, of a workbook of over 50 MB unpacked; tables of few values come near 60
MOST_CELLS = 50_000_000
_CHUNK = 1 << 20
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, LookupError, OverflowError)
"""What reading an archive and its XML raises where bytes, numbers or references in them make no sense."""
_NESTED = re.compile(r"\.(zip|xls|xlsx|xlsm|docx|docm|7z|gz|rar)$", re.IGNORECASE)


@dataclass(slots=True)
class SheetFacts:
    """What a sheet's XML says beside the values of its cells; cells are (row, column) from 1."""

    rows: int = 1
    columns: int = 1
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: int = 0
    filtered: bool = False
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # top, left, bottom, right
    uncalculated: list[tuple[int, int]] = field(default_factory=list)
    errors: list[tuple[int, int]] = field(default_factory=list)
    fake_days: list[tuple[int, int]] = field(default_factory=list)  # serial numbers 0, 1 and 60
    struck_out: list[tuple[int, int]] = field(default_factory=list)
    partly_struck_out: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BookFacts:
    """Sheets that are hidden, whether days count from 1904, and the facts of one sheet."""

    hidden_sheets: tuple[str, ...]
    epoch_1904: bool
    sheet: SheetFacts
    commented: bool = False  # any of its sheets


def read_facts(content: bytes, wanted: str | None, name: str) -> BookFacts:
    """Check a workbook's archive and read the XML of one sheet, the first by default.

    Raises:
        RecordsError: no workbook, one with macros or a password, or one that is made to exhaust the machine.
    """
    if not content.startswith(b"PK"):
        raise RecordsError([_no_workbook(content, name)])
    try:
        return _read_book(content, wanted, name)
    except _DAMAGES:
        raise RecordsError([_damaged(name)]) from None


def _read_book(content: bytes, wanted: str | None, name: str) -> BookFacts:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        _refuse_archive(book, name)
        files = set(book.namelist())
        if "xl/workbook.xml" not in files:
            found = "content that is not .xlsx (an archive without a workbook)"
            raise RecordsError([Problem(name, found, "save the table as .xlsx or CSV", rule="no_workbook")])
        root = _parse(book, "xl/workbook.xml", name)
        sheets = [_plain(element.attrib) for element in root.iter() if tag(element) == "sheet"]
        epoch = any(
            tag(e) == "workbookPr" and e.attrib.get("date1904", "0").lower() in ("1", "true") for e in root.iter()
        )
        hidden = tuple(sheet["name"] for sheet in sheets if sheet.get("state", "visible") != "visible")
        chosen = next((sheet for sheet in sheets if wanted in (None, sheet["name"])), None)
        facts = SheetFacts()
        if chosen is not None:
            path = _sheet_path(book, chosen.get("id", ""), files, name)
            if path is not None:
                struck = read_struck_out(book, lambda archive, part: _parse(archive, part, name))
                _read_sheet(book, path, facts, name, struck)
    commented = any(re.search(r"(^|/)(threadedC|c)omments?\d*[^/]*\.xml$", part) for part in files)
    return BookFacts(hidden, epoch, facts, commented)


def _no_workbook(content: bytes, name: str) -> Problem:
    """Say plainly what a file named .xlsx is instead."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        found = "content that is not .xlsx (a workbook with a password, or an old .xls)"
        return Problem(name, found, "remove the password and save it as .xlsx", rule="locked_workbook")
    found = "content that is not .xlsx (text that was renamed, or a damaged file)"
    return Problem(name, found, "save the table as .xlsx, or name it .csv if it is text", rule="no_workbook")


def _refuse_archive(book: zipfile.ZipFile, name: str) -> None:
    entries = book.infolist()
    unpacked, packed = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
    save = "save the table as a new .xlsx, as CSV or as Parquet"
    names = [entry.filename for entry in entries]
    outside = any(".." in part.split("/") or part.startswith("/") or "\\" in part for part in names)
    bomb = unpacked > 50_000_000 and unpacked > MOST_RATIO * max(packed, 1)
    reasons = [
        ("archive_bomb", len(entries) > MOST_ENTRIES, f"a workbook of more than {MOST_ENTRIES:,} parts"),
        ("archive_bomb", unpacked > MOST_BYTES, "a workbook of over 300 MB unpacked"),
        ("archive_bomb", bomb, "a workbook that unpacks to far more than its size"),
        ("locked_workbook", any(e.flag_bits & 1 for e in entries), "a workbook with a password"),
        ("outside_parts", outside, "a workbook with parts outside itself"),
        ("macros", any(part.lower().endswith("vbaproject.bin") for part in names), "a workbook with macros (.xlsm)"),
        ("nested_archive", any(_NESTED.search(part) for part in names), "a workbook with another archive in it"),
    ]
    found = [(rule, reason) for rule, applies, reason in reasons if applies]
    if found:
        raise RecordsError([Problem(name, reason, save, rule=rule) for rule, reason in found])
    for entry in entries:  # a part that is longer than it says, or damaged, ends in an error of its checksum
        with book.open(entry) as part:
            while part.read(_CHUNK):
                pass


def _parse(book: zipfile.ZipFile, path: str, name: str) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(book.read(path), forbid_dtd=True)
    except DefusedXmlException:
        raise RecordsError([_bomb(name)]) from None
    except ParseError:
        raise RecordsError([_damaged(name)]) from None


def _bomb(name: str) -> Problem:
    found = "a workbook whose XML declares entities or a document type"
    return Problem(name, found, "no spreadsheet writes these; save the table as a new .xlsx", rule="xml_entities")


def _damaged(name: str) -> Problem:
    found = "content that is not .xlsx (a damaged workbook)"
    return Problem(name, found, "open it and save it again", rule="damaged_file")


def _plain(attributes: Any) -> dict[str, str]:
    return {key.rpartition("}")[2]: value for key, value in attributes.items()}


def _sheet_path(book: zipfile.ZipFile, relation: str, files: set[str], name: str) -> str | None:
    if "xl/_rels/workbook.xml.rels" not in files:
        return None
    for element in _parse(book, "xl/_rels/workbook.xml.rels", name).iter():
        if element.attrib.get("Id") == relation:
            target = element.attrib.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            return path if path in files else None
    return None


def _read_sheet(book: zipfile.ZipFile, path: str, facts: SheetFacts, name: str, struck: StruckOut) -> None:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    try:
        with book.open(path) as part:
            for _, element in iterparse(part, ("end",), forbid_dtd=True):
                name_of = tag(element)
                if name_of == "row":
                    _read_row(element, facts, struck)
                    element.clear()
                    if facts.rows * facts.columns > MOST_CELLS:
                        break
                elif name_of in _PARTS:
                    _PARTS[name_of](element, facts)
    except DefusedXmlException:
        raise RecordsError([_bomb(name)]) from None
    except ParseError:
        raise RecordsError([_damaged(name)]) from None
    if facts.rows * facts.columns > MOST_CELLS:
        found = f"a sheet that spans {facts.rows:,} rows and {facts.columns:,} columns"
        raise RecordsError([Problem(name, found, "delete stray cells beyond the table", rule="stray_cells")])


def _read_row(row: Any, facts: SheetFacts, struck: StruckOut) -> None:
    number = int(row.attrib.get("r", facts.rows + 1))
    facts.rows = max(facts.rows, number)
    if row.attrib.get("hidden") in ("1", "true"):
        facts.hidden_rows.append(number)
    for cell in row:
        reference = cell.attrib.get("r")
        column = _column(reference) if reference else facts.columns
        facts.columns = max(facts.columns, column)
        if cell.attrib.get("t") == "e":
            facts.errors.append((number, column))
            continue
        parts = {tag(part): part.text for part in cell}
        value = parts.get("v")
        if "f" in parts and not value and "is" not in parts and cell.attrib.get("t") != "str":
            facts.uncalculated.append((number, column))
        elif value in ("0", "1", "60") and cell.attrib.get("t", "n") == "n":
            facts.fake_days.append((number, column))
        if struck.any or "is" in parts:
            _read_strike(cell, value, (number, column), facts, struck)


def _read_strike(cell: Any, value: str | None, place: tuple[int, int], facts: SheetFacts, struck: StruckOut) -> None:
    """Note a filled cell that is struck out, by its own format or by that of its text."""
    shared = value if cell.attrib.get("t") == "s" else None
    texts = [part for part in cell if tag(part) == "is"]
    inline = [run for text in texts for run in struck_runs(text)]
    if value is None and not texts:
        return
    if shared in struck.part_texts or (any(inline) and not all(inline)):
        facts.partly_struck_out.append(place)
    elif cell.attrib.get("s") in struck.formats or shared in struck.whole_texts or any(inline):
        facts.struck_out.append(place)


def _column(reference: str) -> int:
    letters = reference.rstrip("0123456789")
    return reduce(lambda total, letter: total * 26 + ord(letter) - 64, letters, 0)


def _read_merge(element: Any, facts: SheetFacts) -> None:
    ends = element.attrib.get("ref", "").split(":")
    if len(ends) == 2:
        (top, left), (bottom, right) = (
            (int(end.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") or 0), _column(end)) for end in ends
        )
        facts.merged.append((top, left, bottom, right))


def _read_column(element: Any, facts: SheetFacts) -> None:
    if element.attrib.get("hidden") in ("1", "true"):
        facts.hidden_columns += min(int(element.attrib["max"]), 16_384) - int(element.attrib["min"]) + 1


def _read_filter(_: Any, facts: SheetFacts) -> None:
    facts.filtered = True


_PARTS = {"mergeCell": _read_merge, "col": _read_column, "filterColumn": _read_filter}
