"""Cases 62 to 84: files, sheets, headers, rows; and what of tables of events."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import polars as pl
import pytest

from spec_bad_inputs import Case, Rows, check, dated_patients, findings, run, write_case, write_csv, write_sheet
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records

ROWS = dated_patients()
HEADER = list(ROWS[0])
TABLE: list[list[object]] = [list(HEADER), *(list(row.values()) for row in ROWS)]
SECRET = "TOPSECRET"
LINES = ["\t".join(map(str, row)) for row in TABLE]
DATA = '[data.patients]\nfile = "patients.csv"'


def text(table: list[list[object]]) -> str:
    return "\n".join(",".join(str(cell) for cell in row) for row in table) + "\n"


def study(tmp_path: Path, options: str = "", kind: str = "csv", more: str = "") -> Path:
    return write_case(Case(0, "", "", replace={DATA: f"{DATA}\n{options}"}, more=more), tmp_path, kind)


def write(path: Path, table: list[list[object]]) -> None:
    if path.suffix == ".csv":
        path.write_text(text(table), "utf-8")
    else:
        write_sheet(path, table)


def with_kind(options: str, kind: str, table: list[list[object]], tmp_path: Path) -> Any:
    made = study(tmp_path, options, kind)
    write(tmp_path / f"patients.{kind}", table)
    return check(made)


WIDE = [""] * (len(HEADER) - 1)
UNITS: list[object] = ["", "", "years", *[""] * (len(HEADER) - 3)]
TITLE: list[object] = [SECRET, *WIDE]
TOTAL: list[object] = ["合计", "", "50", *[""] * (len(HEADER) - 3)]
SIGNED: list[object] = [f"{SECRET} signed", *WIDE]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("table", "options", "says", "code"),
    [
        ([TITLE, TITLE, *TABLE], "", "header_row = 3", 3),
        ([TITLE, TITLE, *TABLE], "header_row = 3", "60 rows", 0),
        ([TABLE[0], UNITS, *TABLE[1:]], "", "rows_below_header", 3),
        ([TABLE[0], UNITS, *TABLE[1:]], "rows_below_header = 1", "60 rows", 0),
        ([TITLE, TABLE[0], UNITS, *TABLE[1:]], "header_row = 2\nrows_below_header = 1", "60 rows", 0),
        ([*TABLE, TOTAL], "", "stop_at", 3),
        ([*TABLE, ["Total", *WIDE]], "", "stop_at", 3),
        ([*TABLE, ["Mean", *WIDE]], "", "stop_at", 3),
        ([*TABLE, ["", SECRET, *WIDE[1:]]], "", "rows without a patient key (row 62)", 3),
        ([*TABLE, TOTAL, SIGNED], 'stop_at = "合计"', "2 rows at the end (row 62; row 63)", 0),
        ([*TABLE[:5], [""] * len(HEADER), *TABLE[5:]], "", "empty rows (row 6)", 0),
        ([[*row[:2], "", *row[2:]] for row in TABLE], "", "empty columns without a header (1)", 0),
        ([["id", "age", *HEADER[2:]], *TABLE[1:]], "", "headers that occur more than once (columns 2, 3)", 3),
        ([["id", "arm", "age", "Age ", *HEADER[4:]], *TABLE[1:]], "", "(columns 3, 4)", 3),
        ([["id", "arm", "agee", *HEADER[3:]], *TABLE[1:]], "", "no column age; expected it in the header (did you", 3),
        ([[*row, SECRET if i else "extra"] for i, row in enumerate(TABLE)], "", "not used: extra", 0),
        ([TABLE[0]], "", "no rows under the header", 3),
        (TABLE[:2], "", "no patients left in arm Old", 3),
    ],
    ids=["case_68-title", "case_68-title-declared", "case_68-units", "case_68-units-declared", "case_68-both-declared",
         "case_69-total-chinese", "case_69-total", "case_69-mean", "case_69-note", "case_69-declared",
         "case_70-blank-row", "case_70-blank-column", "case_71-twice", "case_71-case-and-space", "case_72-missing",
         "case_72-extra", "case_78-header-only", "case_78-one-patient"],
)  # fmt: skip
def test_a_table_that_is_not_only_a_table(
    table: list[list[object]], options: str, says: str, code: int, kind: str, tmp_path: Path
) -> None:
    result = with_kind(options, kind, table, tmp_path)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert SECRET not in result.output


def test_case_69_a_stop_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "no row with the text of stop_at" in check(study(tmp_path, 'stop_at = "Total"')).output


def changed_book(tmp_path: Path, change: Callable[[Any, Any], None], options: str = "") -> Any:
    made = study(tmp_path, options, "xlsx")
    path = tmp_path / "patients.xlsx"
    book = openpyxl.load_workbook(path)
    change(book, book.active)
    book.save(path)
    return check(made)


def test_case_67_merged_cells_in_the_header(tmp_path: Path) -> None:
    def merge(_: Any, sheet: Any) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = SECRET
        sheet.merge_cells("A1:C1")

    result = changed_book(tmp_path, merge)
    assert (result.exit_code, "header_row = 2" in result.output, SECRET in result.output) == (3, True, False)
    assert changed_book(tmp_path, merge, "header_row = 2").exit_code == 0


def test_case_67_a_header_of_two_rows(tmp_path: Path) -> None:
    def merge(_: Any, sheet: Any) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "id"
        sheet.merge_cells("A1:A2")

    result = changed_book(tmp_path, merge, "header_row = 2")
    assert (result.exit_code, "merged cells in the header" in result.output) == (3, True), result.output


def test_case_70_what_is_hidden_is_read_and_told(tmp_path: Path) -> None:
    def hide(book: Any, sheet: Any) -> None:
        sheet.row_dimensions[9].hidden = True
        sheet.column_dimensions["D"].hidden = True
        sheet.auto_filter.ref = "A1:L61"
        sheet.auto_filter.add_filter_column(1, ["new"])
        book.create_sheet("older").sheet_state = "hidden"

    result = changed_book(tmp_path, hide)
    assert result.exit_code == 0
    assert "60 rows" in result.output
    for said in ("hidden rows (row 9)", "hidden columns (1)", "a filter that hides rows", "hidden sheets (1)"):
        assert said in result.output, said


@pytest.mark.parametrize(
    ("content", "options", "says", "code"),
    [
        ("\ufeff" + text(TABLE), "", "60 rows", 0),
        (text(TABLE).encode("utf-16"), "", "declare the encoding", 3),
        (text(TABLE).encode("utf-16"), 'encoding = "utf-16"', "60 rows", 0),
        (text(TABLE).replace("seen", "见过").encode("gb18030"), "", "declare the encoding", 3),
        (text(TABLE).replace("seen", "见过").encode("gb18030"), 'encoding = "gb18030"', "60 rows", 0),
        (text(TABLE).replace("seen", "见过"), 'encoding = "gb18030"', "text that is utf-8", 3),
        (text(TABLE).replace("seen", "caf\ufffd", 1), "", "lost or garbled by a wrong encoding (row 2", 3),
        (text(TABLE).replace("seen", "vÃ©cu", 1), "", "lost or garbled by a wrong encoding (row 2", 3),
        (text(TABLE).replace("seen", "å¹´", 1), "", "lost or garbled by a wrong encoding (row 2", 3),
        (text(TABLE).replace("seen", "déjà vu, ÉÀ"[:7], 1), "", "60 rows", 0),
    ],
    ids=["bom", "utf-16", "utf-16-declared", "gb18030", "gb18030-declared", "not-gb18030", "lost", "mojibake",
         "mojibake-chinese", "french"],
)  # fmt: skip
def test_case_73_an_encoding(content: str | bytes, options: str, says: str, code: int, tmp_path: Path) -> None:
    made = study(tmp_path, options)
    (tmp_path / "patients.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = check(made)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert "Ã©cu" not in result.output


@pytest.mark.parametrize(
    ("content", "options", "says", "code"),
    [
        (text(TABLE).replace(",", ";"), "", 'declare delimiter = ";"', 3),
        (text(TABLE).replace(",", ";"), 'delimiter = ";"', "60 rows", 0),
        (text(TABLE).replace(",", "\t"), "", "declare delimiter", 3),
        (text(TABLE).replace(",", "\t"), 'delimiter = "\\t"', "60 rows", 0),
        (text(TABLE).replace("seen", '"seen\ntwice"'), "", "60 rows", 0),
        (text(TABLE).replace("seen", f"{SECRET},x", 1), "", "1 rows with fewer or more cells", 3),
    ],
    ids=["semicolon", "semicolon-declared", "tab", "tab-declared", "newline-in-quotes", "ragged"],
)
def test_case_74_a_delimiter(content: str, options: str, says: str, code: int, tmp_path: Path) -> None:
    made = study(tmp_path, options)
    (tmp_path / "patients.csv").write_text(content)
    result = check(made)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert SECRET not in result.output


@pytest.mark.parametrize("rows", [65_535, 65_536, 1_048_575])
def test_case_75_rows_that_end_where_a_spreadsheet_ends(rows: int, tmp_path: Path) -> None:
    made = study(tmp_path)
    body = "\n".join([",".join(HEADER), *("P," + "," * (len(HEADER) - 2) for _ in range(rows))])
    (tmp_path / "patients.csv").write_text(body + "\n")
    result = check(made)
    assert (result.exit_code, "rows may have been cut off" in result.output) == (3, True)


def test_case_76_a_formula_without_a_result(tmp_path: Path) -> None:
    def formula(_: Any, sheet: Any) -> None:
        sheet["K6"] = "=21+1"

    result = changed_book(tmp_path, formula)
    assert (result.exit_code, "never calculated (K6)" in result.output) == (3, True), result.output


def archive(path: Path, change: Callable[[zipfile.ZipFile], None], drop: str = "") -> None:
    """Rewrite a workbook without one part and with what ``change`` adds."""
    old = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(old)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if entry.filename != drop:
                target.writestr(entry.filename, source.read(entry))
        change(target)


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)
) + "]><worksheet>&a11;</worksheet>"  # fmt: skip


@pytest.mark.parametrize(
    ("change", "drop", "says"),
    [
        (lambda book: book.writestr("xl/vbaProject.bin", SECRET), "", "macros"),
        (lambda book: book.writestr("xl/embeddings/more.zip", SECRET), "", "another archive in it"),
        (lambda book: book.writestr("../evil.xml", SECRET), "", "parts outside itself"),
        (lambda book: [book.writestr(f"xl/a{i}.xml", "") for i in range(2001)], "", "more than 2,000 parts"),
        (lambda book: book.writestr("xl/media/a.bin", b"\0" * 60_000_000), "", "unpacks to far more"),
        (lambda book: book.writestr("xl/worksheets/sheet1.xml", BOMB), "xl/worksheets/sheet1.xml", "declares entities"),
        (lambda book: book.writestr("xl/workbook.xml", BOMB), "xl/workbook.xml", "declares entities"),
        (lambda book: book.writestr("xl/workbook.xml", "<workbook"), "xl/workbook.xml", "damaged workbook"),
    ],
    ids=["macros", "nested", "outside", "entries", "ratio", "bomb-in-sheet", "bomb-in-book", "corrupt"],
)
def test_case_77_a_workbook_that_is_refused_at_once(change: Any, drop: str, says: str, tmp_path: Path) -> None:
    made = study(tmp_path, kind="xlsx")
    archive(tmp_path / "patients.xlsx", change, drop)
    start = time.perf_counter()
    result = check(made)
    assert time.perf_counter() - start < 1.0
    assert (result.exit_code, says in result.output, SECRET in result.output) == (3, True, False), result.output


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("patients.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a workbook with a password, or an old .xls"),
        ("patients.xlsx", text(TABLE).encode(), "text that was renamed"),
        ("patients.xls", b"\xd0\xcf\x11\xe0", "a .xls file"),
        ("patients.xlsm", b"PK", "without its macros"),
        ("patients.csv", b"PK\x03\x04 and more", "a workbook that is named like a text file"),
        ("patients.csv", b"", "an empty file"),
    ],
    ids=["case_77-password", "case_77-renamed", "case_77-xls", "case_77-xlsm", "case_77-renamed-csv", "case_78-empty"],
)
def test_a_file_of_another_kind(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    made = write_case(Case(77, "", "", replace={"patients.csv": name}, write=lambda *_: None), tmp_path)
    (tmp_path / name).write_bytes(content)
    result = check(made)
    assert (result.exit_code, says in result.output) == (3, True), result.output


NASTY = [
    "=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>', "{{7*7}}", "\\\\input{/etc/passwd}", "😀" * 3, "L" * 150,
]  # fmt: skip


@pytest.mark.parametrize(
    "label", NASTY, ids=lambda v: f"case_{79 if v[0] in '=+@-' else 82 if v[0] in '😀L' else 80}-{v[:6]}"
)
def test_a_label_that_a_program_would_obey(label: str, tmp_path: Path) -> None:
    made = write_case(
        Case(79, "", "", replace={'labels = ["Female", "Male"]': f"labels = [{toml(label)}, 'Male']"}), tmp_path
    )
    assert run(made).exit_code in (0, 4)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    for path in (tmp_path / "out" / "tables").glob("*.csv"):
        cells = pl.read_csv(path, has_header=False, infer_schema=False, truncate_ragged_lines=True)
        first = [cell for column in cells for cell in column.drop_nulls().to_list()]
        assert not [cell for cell in first if cell.lstrip().startswith(("=", "@", "+1", "-2+"))], path.name
    for path in (tmp_path / "out" / "figures").glob("*.svg"):
        ElementTree.fromstring(path.read_bytes())
        assert "<script>alert" not in path.read_text("utf-8")
        assert "<img" not in path.read_text("utf-8")
    with zipfile.ZipFile(tmp_path / "out" / "report.docx") as book:
        body = book.read("word/document.xml").decode("utf-8")
    ElementTree.fromstring(body)
    assert "<script>" not in body
    assert "<img" not in body
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")


def toml(label: str) -> str:
    return "'''" + label + "'''" if '"' in label or "'" in label else f'"{label}"'


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "\\\\\\\\host\\\\share", "http://x.org/a.csv", "C:a.csv"]
)
def test_case_81_a_path_that_leaves_the_folder(path: str, tmp_path: Path) -> None:
    result = check(write_case(Case(81, "", "", replace={'"patients.csv"': f'"{path}"'}), tmp_path))
    assert (result.exit_code, "below the protocol's folder" in result.output) == (2, True), result.output


def test_case_81_a_symbolic_link(tmp_path: Path) -> None:
    made = study(tmp_path)
    (tmp_path / "patients.csv").rename(tmp_path / "real.csv")
    (tmp_path / "patients.csv").symlink_to(tmp_path / "real.csv")
    assert check(made).exit_code == 2


@pytest.mark.parametrize(
    ("content", "says", "code"),
    [
        (text(TABLE).replace("seen", "x" * 10_000_000, 1), "cells of more than 100,000 bytes (row 2", 3),
        (text(TABLE).replace("seen", "a\0b", 1), "NUL character (row 2", 3),
        (text(TABLE).replace("seen", "a\u202eb", 1), "1 cells with space around", 0),
        (text(TABLE).replace("seen", "😀", 1), "60 rows", 0),
        (",".join(f"c{i}" for i in range(16_384)) + "\n" + "," * 16_383 + "\n", "more than 10,000 columns", 3),
    ],
    ids=["long", "nul", "right-to-left", "emoji", "columns"],
)
def test_case_82_cells_beyond_measure(content: str, says: str, code: int, tmp_path: Path) -> None:
    made = study(tmp_path)
    (tmp_path / "patients.csv").write_text(content)
    result = check(made)
    assert (result.exit_code, says in result.output) == (code, True), result.output[:500]


EVENTS = """
[events.visits]
file = "visits.csv"
key = "id"
[events.visits.columns]
id = "text"
day = "date"
"""


def test_case_63_64_a_table_of_events_adds_no_patient(tmp_path: Path) -> None:
    made = study(tmp_path, more=EVENTS)
    (tmp_path / "visits.csv").write_text("id,day\n" + "P001,2019-01-01\n" * 30 + f"{SECRET[:3]}9,2019-01-01\n")
    records = read_records(read_protocol(made), tmp_path)
    assert (len(records.patients.frame), len(records.events["visits"].frame)) == (60, 30)
    assert [(f.rule, f.outcome, f.rows) for f in records.findings] == [("unknown_patient", "warned", (32,))]


@pytest.mark.slow
def test_case_83_a_million_events(tmp_path: Path) -> None:
    made = study(tmp_path, more=EVENTS)
    (tmp_path / "visits.csv").write_text("id,day\n" + "P001,2019-01-01\nP002,2019-01-02\n" * 500_001)
    start = time.perf_counter()
    assert check(made).exit_code == 0
    assert time.perf_counter() - start < 20


def test_case_84_a_file_that_changes_during_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.study

    before = twoarm.study.run_study

    def changes(*arguments: Any, **named: Any) -> Any:
        with (tmp_path / "patients.csv").open("a") as file:
            file.write("\n")
        return before(*arguments, **named)

    monkeypatch.setattr(twoarm.study, "run_study", changes)
    result = run(study(tmp_path))
    assert (result.exit_code, "changed during the run" in result.output) == (3, True), result.output
    assert not (tmp_path / "out").exists()


SECOND = """
[data.registry]
file = "registry.csv"
key = "id"
[data.registry.columns]
id = "text"
death = "date"
"""


def test_case_31_two_deaths_of_one_patient_in_two_tables(tmp_path: Path) -> None:
    made = write_case(Case(31, "", "", replace={"[timeline]": SECOND + "[timeline]"}), tmp_path)
    (tmp_path / "registry.csv").write_text("id,death\nP003,2020-02-02\n")
    held = [(f.rule, f.outcome, f.rows) for f in findings(made) if f.rule == "tables_differ"]
    assert held == [("tables_differ", "held", (5,))]


def files(tmp_path: Path, change: Callable[[Rows], Rows]) -> Path:
    """Two hospitals, the second with a change."""
    rows = dated_patients()
    two = '[[data.patients.files]]\nfile = "a.csv"\n[[data.patients.files]]\nfile = "b.csv"\n\n'
    start = "[populations.study]"
    replace = {'file = "patients.csv"\n': "", "[timeline]": f"{two}[timeline]", start: f"{start}"}
    made = write_case(Case(29, "", "", replace=replace, write=lambda *_: None), tmp_path)
    write_csv(tmp_path / "a.csv", rows[:30])
    write_csv(tmp_path / "b.csv", change(rows[30:]))
    return made


def test_case_29_months_in_a_column_of_days(tmp_path: Path) -> None:
    made = files(
        tmp_path, lambda rows: [{**row, "note": str(max(1, (30 + 7 * i) // 30))} for i, row in enumerate(rows)]
    )
    write_csv(tmp_path / "a.csv", [{**row, "note": str(30 + 7 * i)} for i, row in enumerate(dated_patients()[:30])])
    changed = made.read_text().replace('note = "text"', 'note = "integer"')
    changed += '\n[endpoints.stay]\nlabel = "Stay"\ntime = "note"\nevent = "died"\n'
    made.write_text(changed)
    found = [f for f in findings(made) if f.rule == "months_for_days"]
    assert [(f.outcome, f.file, f.column, f.rows[0]) for f in found] == [("warned", "b.csv", "note", 2)]
    assert run(made).exit_code in (0, 4)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("about a thirtieth of those in the other files") < page.index("<table")
