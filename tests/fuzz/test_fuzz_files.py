"""Files that no hospital sent: records or a list of problems, in seconds and without a gigabyte, whatever the bytes."""

from __future__ import annotations

import datetime
import io
import re
import resource
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from spec_fuzz import HEADER, cells_protocol, in_bounded_time, quick, records_or_refused, spliced, thorough

ROWS = [
    [f"P{i}", "new" if i % 3 else "old", "seen", ["1.5", "45%", "<5", "1,234"][i % 4], "1", str(i * 9), "2020-01-02", "01.02.2019", "yes" if i % 2 else "no", "x"]
    for i in range(12)
]  # fmt: skip
TEXT = "\n".join(
    ",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in [HEADER, *ROWS, ["Total"] + [""] * 9]
)
OPTIONS = [
    "",
    'delimiter = ";"',
    'delimiter = "\\t"\nheader_row = 2',
    'encoding = "gb18030"',
    'encoding = "utf-16"',
    'encoding = "latin-1"\nidentical_rows = "merge"',
    "header_row = 3\nrows_below_header = 2",
    'stop_at = "total"',
]

pieces = st.one_of(
    st.sampled_from(
        [b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"PK\x03\x04", b"\x1a"]
    ),
    st.sampled_from(["男", "Total", "9" * 30, "1e999", "=1+1", "\u202e", "\u2028", "\x85", "é", "x" * 3000, "a,b\n" * 40]).map(str.encode),
    st.binary(max_size=6),
)  # fmt: skip
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), pieces), min_size=1, max_size=4)
options = st.sampled_from(OPTIONS)


@pytest.fixture(scope="module", autouse=True)
def _not_a_gigabyte() -> Iterator[None]:
    before = _peak()
    yield
    assert _peak() - before < 500_000_000


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@in_bounded_time()
def read(content: bytes, kind: str, declared: str = "") -> None:
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / f"cells.{kind}").write_bytes(content)
        records_or_refused(cells_protocol(f"cells.{kind}", declared), Path(place))


@cache
def workbook() -> bytes:
    """Return the table as a workbook with dates, numbers, a formula, a merged area, a hidden row and a filter."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate([HEADER, *ROWS]):
            sheet.write_row(number, 0, [int(cell) if cell.isdigit() else cell for cell in row])
        sheet.write_formula("D3", "=1+1", None, 2)
        sheet.write_datetime("G3", datetime.datetime(2020, 1, 2, 3, 4), day)
        sheet.write_number("G4", 60, day)
        sheet.merge_range("A20:B21", "")
        sheet.set_row(4, None, None, {"hidden": True})
        sheet.set_column("J:J", None, None, {"hidden": True})
        sheet.autofilter("A1:J13")
        book.add_worksheet("Hidden").hide()
    return content.getvalue()


@cache
def parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook())) as book:
        return {name: book.read(name) for name in book.namelist()}


PARTS = ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml"]  # fmt: skip
attributes = st.sampled_from(
    ["", "0", "-1", "1", "A1", "a1", "1A", "ZZZZZZZ9999999999", "XFD1048577", "９", "1e9", "99999999999999999999", "s", "e", "b", "n", "d", "str", "inlineStr", "true", "A1:", ":", "A1:B2:C3", "B2:A1", "é", "&lt;", "rId9", "../../x", "/"]
)  # fmt: skip
xml_edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), attributes), min_size=1, max_size=4)


def with_part(name: str, content: bytes | None) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        for part, old in parts().items():
            if part != name or content is not None:
                book.writestr(part, content if part == name and content is not None else old)
    return made.getvalue()


def with_values(name: str, changes: list[tuple[float, str]]) -> bytes:
    """Give some attributes and texts of a part another value; the XML stays well-formed."""
    content = parts()[name].decode("utf-8")
    for share, value in changes:
        places = list(re.finditer(r'(?<==")[^"]*(?=")|(?<=>)[^<]+(?=<)', content))
        spot = places[int(share * len(places))]
        content = content[: spot.start()] + value + content[spot.end() :]
    return with_part(name, content.encode("utf-8"))


@quick(40)
@given(edits, options)
def test_a_text_file(changes: list[tuple[float, int, bytes]], declared: str) -> None:
    read(spliced(TEXT.encode(), changes), "csv", declared)


@quick(40)
@given(st.binary(max_size=200), options)
def test_any_bytes_as_a_text_file(content: bytes, declared: str) -> None:
    read(content, "csv", declared)


@quick(30)
@given(edits)
def test_a_damaged_workbook(changes: list[tuple[float, int, bytes]]) -> None:
    read(spliced(workbook(), changes), "xlsx")


@quick(25)
@given(st.sampled_from(PARTS), xml_edits)
def test_a_workbook_with_other_values_in_its_xml(name: str, changes: list[tuple[float, str]]) -> None:
    read(with_values(name, changes), "xlsx")


@quick(40)
@given(st.sampled_from(PARTS), edits)
def test_a_workbook_with_broken_xml(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    read(with_part(name, spliced(parts()[name], changes)), "xlsx")


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("content", [None, b"", b"<a/>", b"<?xml version='1.0'?><sst xmlns='x'><si/></sst>"])
def test_a_workbook_without_one_of_its_parts(name: str, content: bytes | None) -> None:
    read(with_part(name, content), "xlsx")


@pytest.mark.slow
@thorough(400)
@given(edits, options)
def test_a_text_file_thoroughly(changes: list[tuple[float, int, bytes]], declared: str) -> None:
    read(spliced(TEXT.encode(), changes), "csv", declared)


@pytest.mark.slow
@thorough(200)
@given(edits)
def test_a_damaged_workbook_thoroughly(changes: list[tuple[float, int, bytes]]) -> None:
    read(spliced(workbook(), changes), "xlsx")


@pytest.mark.slow
@thorough(400)
@given(st.sampled_from(PARTS), xml_edits)
def test_a_workbook_with_other_values_in_its_xml_thoroughly(name: str, changes: list[tuple[float, str]]) -> None:
    read(with_values(name, changes), "xlsx")


@pytest.mark.slow
@thorough(200)
@given(st.sampled_from(PARTS), edits)
def test_a_workbook_with_broken_xml_thoroughly(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    read(with_part(name, spliced(parts()[name], changes)), "xlsx")


@pytest.mark.parametrize(("header", "rule"), [("day", "no_such_day"), ("note", None), ("number", "not_a_number")])
def test_a_day_beyond_the_calendar_is_held(header: str, rule: str | None, tmp_path: Path) -> None:
    table = pl.DataFrame([dict(zip(HEADER, row, strict=True)) for row in ROWS])
    far = pl.Series(header, [2_932_897, *[None] * 11], dtype=pl.Int32).cast(pl.Date)  # day one of the year 10000
    table.with_columns(far).write_parquet(tmp_path / "cells.parquet")
    records = records_or_refused(cells_protocol("cells.parquet"), tmp_path)
    assert records is not None
    found = [finding.rule for finding in records.findings if finding.column == header and 2 in finding.rows]
    assert found == ([] if rule is None else [rule])
