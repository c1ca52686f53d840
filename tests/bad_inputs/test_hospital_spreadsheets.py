"""Further dirt of real spreadsheets, beside the catalogue: what would be lost in silence is refused or told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.comments import Comment

from bad_inputs.test_structure import HEADER, TABLE, changed_book, study, text
from spec_bad_inputs import PROTOCOL, Case, Rows, check, dated_patients, write_case, write_sheet
from spec_unpacked import unpacked
from twoarm.cli import main


def changed_text(tmp_path: Path, content: str, options: str = "") -> Any:
    made = study(tmp_path, options)
    (tmp_path / "patients.csv").write_bytes(content.encode())
    return check(made)


def test_merged_rows_would_leave_cells_empty(tmp_path: Path) -> None:
    def merge(_: Any, sheet: Any) -> None:
        sheet["B7"] = sheet["B8"] = None
        sheet.merge_cells("B6:B8")

    result = changed_book(tmp_path, merge)
    assert (result.exit_code, "(Sheet)  merged cells in the table (B6:B8)" in result.stderr) == (3, True), result.output


@pytest.mark.parametrize("chart", [False, True], ids=["cover", "chart"])
def test_a_first_sheet_that_is_not_the_table(chart: bool, tmp_path: Path) -> None:
    def before(book: Any, _: Any) -> None:
        if chart:
            book.create_chartsheet("First", 0)
        else:
            book.create_sheet("First", 0)["A1"] = "Registry"

    result = changed_book(tmp_path, before)
    assert (result.exit_code, "declare sheet = Sheet" in result.stderr) == (3, True), result.output
    assert changed_book(tmp_path, before, 'sheet = "Sheet"').exit_code == 0


def test_a_table_that_starts_further_down_and_to_the_right(tmp_path: Path) -> None:
    def move(_: Any, sheet: Any) -> None:
        sheet.insert_cols(1, 2)
        sheet.insert_rows(1, 4)

    assert "declare header_row = 5" in changed_book(tmp_path, move).stderr
    assert changed_book(tmp_path, move, "header_row = 5").exit_code == 0


def test_a_line_break_in_a_header_is_a_space(tmp_path: Path) -> None:
    made = write_case(
        Case(0, "", "", replace={'age = "integer"': 'age = { type = "integer", source = "Age (years)" }'}), tmp_path
    )
    (tmp_path / "patients.csv").write_text(text(TABLE).replace("age", '"Age\n (years)"', 1))
    assert check(made).exit_code == 0


def test_a_header_that_stands_on_every_page(tmp_path: Path) -> None:
    result = changed_text(tmp_path, text([*TABLE[:20], HEADER, *TABLE[20:40], HEADER, *TABLE[40:]]))
    assert (result.exit_code, "2 rows that repeat the header (row 21" in result.stderr) == (3, True), result.output


@pytest.mark.parametrize("key", ["-", "NA", "unknown", "?", "不详", "N/A"])
def test_a_key_that_is_none(key: str, tmp_path: Path) -> None:
    made = write_case(Case(0, "", "", cells={"id": key}), tmp_path)
    assert [(f.rule, f.rows) for f in findings_refused(made)] == [("no_key", (6,))]


def findings_refused(made: Path) -> list[Any]:
    from twoarm.protocol.read import read_protocol
    from twoarm.records.records import survey_records

    found = survey_records(read_protocol(made), made.parent).findings
    return [finding for finding in found if finding.outcome == "refused"]


@pytest.mark.parametrize(
    ("change", "says", "code"),
    [
        (lambda t: t.replace("\n", "\r"), "lines that end in a carriage return alone", 3),
        (lambda t: t.replace("\n", "\r\n"), "60 rows", 0),
        (lambda t: "sep=;\n" + t.replace(",", ";"), 'declare delimiter = ";" and header_row = 2', 3),
        (lambda t: "sep=,\n" + t, "declare header_row = 2", 3),
        (lambda t: t.replace("seen", '"open', 1), "a quote that is not closed, or stands within quotes", 3),
        (lambda t: t.replace("seen", 'Big "lung" tumour', 1), "60 rows", 0),
        (lambda t: t.replace("\n", ",,\n"), "empty columns without a header (2)", 0),
        (lambda t: t.replace("\n", ",\n").replace(",\n", "\n", 1), "60 rows with fewer or more cells", 3),
    ],
    ids=["old-mac", "windows", "sep-semicolon", "sep-comma", "open-quote", "quotes-inside", "more-commas", "ragged"],
)
def test_text_files_of_other_programs(change: Callable[[str], str], says: str, code: int, tmp_path: Path) -> None:
    result = changed_text(tmp_path, change(text(TABLE)))
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_comments_are_told(tmp_path: Path) -> None:
    def comment(_: Any, sheet: Any) -> None:
        sheet["K6"].comment = Comment("TOPSECRET", "Dr X")

    result = changed_book(tmp_path, comment)
    assert (result.exit_code, "cells with comments" in result.stdout, "TOPSECRET" in result.output) == (0, True, False)


@pytest.mark.parametrize(
    "cell", ["5-Mar-2018", "Mon 05 Mar 2018", "2018-W10-1", "2018-03-05 / 2018-04-01", "2018-03-05?"]
)
def test_dates_that_no_format_reads(cell: str, tmp_path: Path) -> None:
    made = write_case(Case(0, "", "", cells={"prog": cell}), tmp_path)
    result = check(made)
    assert (result.exit_code, "(row 6, patient P004)" in result.stderr, cell in result.output) == (3, True, False)


@pytest.mark.parametrize("cell", ["21·5", "–", "1 234", "22.5 kg/m2", "22..5", "±3", "(22.5)", "22.5?", "ca. 22"])
def test_numbers_that_are_none(cell: str, tmp_path: Path) -> None:
    result = check(write_case(Case(0, "", "", cells={"bmi": cell}), tmp_path))
    assert (result.exit_code, "(row 6, patient P004)" in result.stderr, cell in result.stderr) == (3, True, False)


def test_everything_is_listed_at_once_whatever_stands_in_the_way(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> Rows:
        rows[1]["prog"], rows[2]["arm"], rows[3]["sex"] = "05/03/2018", "placebo", "x"
        rows[5]["prog"], rows[6]["birth"] = "2018-02-30", "2031-01-01"
        return rows

    made = write_case(Case(0, "", "", change=spoil), tmp_path)
    result = check(made)
    assert result.exit_code == 3
    rules = [line[line.rindex("[") :] for line in result.stderr.splitlines() if line.startswith("patients.csv")]
    assert rules == ["[undeclared_order]", "[third_arm]", "[outside_levels]"]
    assert "[no_such_day]" in result.stdout
    assert "[birth_after_start]" in result.stdout
    called = CliRunner().invoke(main, ["queries", str(made), "--out", str(tmp_path / "q")])
    assert "patients.csv: 5 new" in called.output


def test_queries_by_a_column_of_centres(tmp_path: Path) -> None:
    def centres(rows: Rows) -> Rows:
        named = [{**row, "note": "North" if i % 2 else "South/East"} for i, row in enumerate(rows)]
        named[4]["bmi"], named[5]["bmi"] = "2O.5", "<3"
        return named

    made = write_case(Case(0, "", "", change=centres), tmp_path)
    out = tmp_path / "q"
    result = CliRunner().invoke(main, ["queries", str(made), "--out", str(out), "--centre", "note"])
    assert (result.exit_code, "North: 1 new" in result.output, "South/East: 1 new" in result.output) == (1, True, True)
    north = openpyxl.load_workbook(out / "North.queries.xlsx")["Open"]
    assert [cell.value for cell in north[2]][1:4] == ["P005", "7", "bmi"]
    assert north[2][7].value == "patients.csv"
    assert len(list(out.glob("South_East-*.queries.xlsx"))) == 1
    (tmp_path / "patients.csv").write_text((tmp_path / "patients.csv").read_text().replace("<3", "3"))
    again = CliRunner().invoke(main, ["queries", str(made), "--out", str(out), "--centre", "note"])
    assert "North: 0 new, 0 still open, 1 resolved" in again.output
    assert CliRunner().invoke(main, ["queries", str(made), "--out", str(out), "--centre", "nota"]).exit_code == 2


NOTE_ROWS = [
    "填表人：张三丰",
    "数据截止：2021-03-05",
    "平均年龄",
    "共 60 例",
    "Prepared by Dr Zeisig",
    "Mean age",
    "SD (years)",
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("note", NOTE_ROWS)
def test_a_note_in_the_column_of_keys_is_refused_and_not_told(kind: str, note: str, tmp_path: Path) -> None:
    """What follows such a word may be a person's name."""
    made = write_case(
        Case(69, "", "", change=lambda rows: [*rows, {**dict.fromkeys(rows[0], ""), "id": note}]), tmp_path, kind
    )
    result = check(made)
    assert (result.exit_code, "1 rows that look like totals, notes or a signature (row 62)" in result.stderr) == (
        3,
        True,
    )
    assert not [word for word in (note, "张三", "Zeisig", "2021-03-05") if word in result.output]
    CliRunner().invoke(main, ["queries", str(made), "--out", str(tmp_path / "asked")])
    assert not [name for name, text in unpacked(tmp_path / "asked") if "Zeisig" in text or "张三" in text]


def test_a_row_with_a_key_and_nothing_else_is_no_patient_of_the_first_table(tmp_path: Path) -> None:
    lone = Case(69, "", "", change=lambda rows: [*rows, {**dict.fromkeys(rows[0], ""), "id": "see the other list"}])
    result = check(write_case(lone, tmp_path))
    assert result.exit_code == 3
    assert "1 rows with a key and nothing else (row 62, patient see the other list); delete them" in result.stderr


@pytest.mark.parametrize("key", ["SD 001", "Note-1", "SUM001", "注册001", "Mean1", "source 7", "共济-001", "S.D.1"])
def test_keys_that_only_resemble_notes_are_keys(key: str, tmp_path: Path) -> None:
    assert check(write_case(Case(0, "", "", cells={"id": key}), tmp_path)).exit_code == 0


@pytest.mark.parametrize("whole", [True, False], ids=["all-numbers", "among-texts"])
def test_a_number_of_patients_that_lost_its_last_digits(whole: bool, tmp_path: Path) -> None:
    """An identity number of 18 digits that was typed as a number keeps 15 of them."""
    rows: Any = [
        {**row, "id": 110_101_199_003_070_000 + 1000 * i if whole or i == 4 else row["id"]}
        for i, row in enumerate(dated_patients())
    ]
    (tmp_path / "study.toml").write_text(PROTOCOL.replace("patients.csv", "patients.xlsx"), "utf-8")
    write_sheet(tmp_path / "patients.xlsx", [list(rows[0]), *(list(row.values()) for row in rows)])
    assert ("shortened_key", 60 if whole else 1) in [
        (found.rule, len(found.rows)) for found in findings_refused(tmp_path / "study.toml")
    ]


def test_headers_in_other_letters_are_named_one_by_one(tmp_path: Path) -> None:
    result = changed_text(tmp_path, text([[name.upper() for name in HEADER], *TABLE[1:]]))
    assert (result.exit_code, "no column birth; expected it in the header (did you mean BIRTH?)" in result.stderr) == (
        3,
        True,
    )


def test_keys_as_formulas_of_a_text(tmp_path: Path) -> None:
    """As systems of hospitals export numbers that a spreadsheet must not shorten."""
    made = write_case(
        Case(60, "", "", change=lambda rows: [{**row, "id": f'="{row["id"]}"'} for row in rows]), tmp_path
    )
    assert [(found.rule, len(found.rows)) for found in findings_refused(made)] == [("formula_key", 60)]
