"""Cells that somebody struck out: a reader of the screen sees that they no longer hold, a program does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from bad_inputs.test_structure import changed_book
from spec_bad_inputs import PROTOCOL, dated_patients
from twoarm.protocol.read import read_protocol
from twoarm.records.findings import Finding
from twoarm.records.records import read_records

STRUCK = Font(strike=True)
WHOLE, PART = 6, 9  # rows


def struck(folder: Path) -> list[Finding]:
    found = read_records(read_protocol(folder / "study.toml"), folder).findings
    return [finding for finding in found if finding.rule == "struck_out"]


def test_struck_out_cells_are_told_by_column_and_row(tmp_path: Path) -> None:
    def strike(_: Any, sheet: Any) -> None:
        sheet["C6"].font = sheet["C9"].font = STRUCK
        sheet["K4"].font = Font(strike=False, bold=True)
        sheet["C7"].font = Font(bold=True)
        sheet["H8"].font = STRUCK  # an empty cell

    result = changed_book(tmp_path, strike)
    assert result.exit_code == 0, result.output
    said = "patients.xlsx (Sheet), age: 2 cells that are struck out (row 6, patient P004; row 9, patient P007)"
    assert said in result.stdout
    assert "[struck_out]" in result.stdout
    assert [(one.column, one.rows, one.outcome) for one in struck(tmp_path)] == [("age", (6, 9), "warned")]


def test_a_row_that_is_struck_out_is_told_once_by_its_key(tmp_path: Path) -> None:
    def strike(_: Any, sheet: Any) -> None:
        for cell in sheet[6]:
            cell.font = STRUCK
        sheet["B7"].font = STRUCK

    result = changed_book(tmp_path, strike)
    assert (
        "id: 1 keys that are struck out (row 6, patient P004); read like all others: delete the rows" in result.stdout
    )
    assert [(one.column, one.rows) for one in struck(tmp_path)] == [("id", (6,)), ("arm", (7,))]


def test_columns_that_are_not_read_and_rows_after_the_end_say_nothing(tmp_path: Path) -> None:
    def strike(_: Any, sheet: Any) -> None:
        sheet["M1"], sheet["M6"] = "remark", "old"
        sheet["M6"].font = STRUCK
        sheet.append(["Total"])
        sheet.append(["x"])
        sheet["A63"].font = STRUCK

    result = changed_book(tmp_path, strike, 'stop_at = "Total"')
    assert (result.exit_code, struck(tmp_path)) == (0, []), result.output


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "inline"])
def test_a_text_of_which_a_part_is_struck_out_is_refused(shared: bool, tmp_path: Path) -> None:
    text = PROTOCOL.replace("patients.csv", "patients.xlsx")
    (tmp_path / "study.toml").write_text(text, "utf-8")
    rows = dated_patients()
    options = {"strings_to_numbers": True, "constant_memory": not shared}
    with xlsxwriter.Workbook(tmp_path / "patients.xlsx", options) as book:
        sheet, old = book.add_worksheet("Sheet"), book.add_format({"font_strikeout": True})
        for i, row in enumerate([dict(zip(rows[0], rows[0], strict=True)), *rows]):
            for j, value in enumerate(row.values()):
                if (i + 1, j) == (PART, 2):
                    sheet.write_rich_string(i, j, old, "45", " 54")
                elif (i + 1, j) == (WHOLE, 11):
                    sheet.write_rich_string(i, j, old, "se", old, "en")
                elif value:
                    sheet.write(i, j, value)
    with pytest.raises(Exception, match=r"1 cells of which a part is struck out \(C9\)") as caught:
        read_records(read_protocol(tmp_path / "study.toml"), tmp_path)
    assert "54" not in str(caught.value)
    assert "[partly_struck_out]" in str(caught.value)


def test_a_text_that_is_struck_out_as_a_whole_is_told(tmp_path: Path) -> None:
    def strike(_: Any, sheet: Any) -> None:
        old = InlineFont(strike=True)
        sheet["L6"] = CellRichText(TextBlock(old, "se"), " ", TextBlock(old, "en"))

    result = changed_book(tmp_path, strike)
    assert (result.exit_code, [one.rows for one in struck(tmp_path)]) == (0, [(6,)]), result.output


def test_an_unused_font_that_strikes_out_says_nothing(tmp_path: Path) -> None:
    def strike(book: Any, _: Any) -> None:
        book.create_sheet("older")["A1"].font = STRUCK

    assert (changed_book(tmp_path, strike).exit_code, struck(tmp_path)) == (0, [])
    assert b"strike" in openpyxl_styles(tmp_path / "patients.xlsx")


def openpyxl_styles(path: Path) -> bytes:
    import zipfile

    assert openpyxl.load_workbook(path)
    with zipfile.ZipFile(path) as book:
        return book.read("xl/styles.xml")
