from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bad_inputs.cases_dates import DATES, prog
from spec_bad_inputs import Case, assert_outcome, check, dated_patients, findings, write_case, write_sheet
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("case", DATES, ids=lambda case: case.id)
def test_a_bad_date(case: Case, kind: str, tmp_path: Path) -> None:
    assert_outcome(case, tmp_path, kind)


def days_of(study: Path, column: str = "prog") -> Any:
    frame = read_records(read_protocol(study), study.parent).patients.frame
    return frame.get_column(column).to_list()[4]


@pytest.mark.parametrize(
    ("cell", "declared", "day"),
    [
        ("2018-03", 'partial = "first"', (2018, 3, 1)),
        ("2018-03", 'partial = "middle"', (2018, 3, 15)),
        ("2018-02-UN", 'partial = "last"', (2018, 2, 28)),
        ("2018", 'partial = "first"', (2018, 1, 1)),
        ("2018-UN-UN", 'partial = "middle"', (2018, 7, 1)),
        ("2018", 'partial = "last"', (2018, 12, 31)),
        ("43164", 'format = "excel"', (2018, 3, 5)),
        ("59", 'format = "excel", placeholders = "keep"', (1900, 2, 28)),
        ("61", 'format = "excel"', (1900, 3, 1)),
        ("12/05/35", 'format = "DD/MM/YY", pivot = 2030', (1935, 5, 12)),
        ("12/05/30", 'format = "DD/MM/YY", pivot = 2030', (2030, 5, 12)),
        ("1970-01-01", 'placeholders = "keep"', (1970, 1, 1)),
        ("2018-03-05T23:30:00Z", 'format = "YYYY-MM-DD"', (2018, 3, 5)),
    ],
)
def test_case_03_08_09_11_13_a_day_is_read_by_declaration(
    cell: str, declared: str, day: tuple[int, int, int], tmp_path: Path
) -> None:
    def alone(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{**row, "prog": cell if i == 4 else ""} for i, row in enumerate(rows)]

    timeline = {"[timeline]\n": "[timeline]\n"}
    study = write_case(Case(9, "", "", replace={**prog(declared), **timeline}, change=alone), tmp_path)
    text = (
        study.read_text().split("[timeline]")[0]
        + "[populations.study]"
        + study.read_text().split("[populations.study]", 1)[1]
    )
    study.write_text(text)
    assert days_of(study) == datetime.date(*day)


@pytest.mark.parametrize("epoch", [1900, 1904])
@pytest.mark.parametrize("number", [True, False])
def test_case_04_the_calendar_of_a_workbook_is_its_own(epoch: int, number: bool, tmp_path: Path) -> None:
    day, serial = datetime.date(2018, 3, 5), {1900: 43164, 1904: 41702}[epoch]
    study = write_case(Case(4, "", "", replace=prog('format = ["YYYY-MM-DD", "excel"]')), tmp_path, "xlsx")
    book = openpyxl.load_workbook(tmp_path / "patients.xlsx")
    if epoch == 1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904  # type: ignore[attr-defined]
    book.active.cell(6, 8).value = serial if number else day  # type: ignore[union-attr]
    book.save(tmp_path / "patients.xlsx")
    assert days_of(study) == day
    assert check(study).exit_code == 0


@pytest.mark.parametrize("serial", [0, 1, 60])
def test_case_10_a_date_cell_that_is_no_day_is_held(serial: int, tmp_path: Path) -> None:
    study = write_case(Case(10, "", ""), tmp_path, "xlsx")
    book = openpyxl.load_workbook(tmp_path / "patients.xlsx")
    cell = book.active.cell(6, 8)  # type: ignore[union-attr]
    cell.value, cell.number_format = serial, "yyyy-mm-dd"
    book.save(tmp_path / "patients.xlsx")
    assert [(f.rule, f.rows) for f in findings(study) if f.outcome == "held"] == [("no_such_day", (6,))]


def test_case_05_date_cells_with_a_time_of_day(tmp_path: Path) -> None:
    rows: list[list[object]] = [list(dated_patients()[0])]
    for i, row in enumerate(dated_patients()):
        cells: list[object] = list(row.values())
        if i == 4:
            cells[7] = datetime.datetime(2018, 3, 5, 17, 31)
        rows.append(cells)
    study = write_case(Case(5, "", ""), tmp_path, "xlsx")
    write_sheet(tmp_path / "patients.xlsx", rows)
    assert days_of(study) == datetime.date(2018, 3, 5)
    assert {f.rule for f in findings(study)} == {"time_of_day", "time_dropped"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_case_13_the_day_does_not_depend_on_the_time_zone(zone: str, tmp_path: Path) -> None:
    study = write_case(Case(13, "", "", cells={"prog": "2018-03-05T23:30:00+08:00"}), tmp_path)
    code = (
        "import sys; from pathlib import Path; from twoarm.protocol.read import read_protocol; "
        "from twoarm.records.records import read_records; s = Path(sys.argv[1]); "
        "print(read_records(read_protocol(s), s.parent).patients.frame.get_column('prog').to_list()[4])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(study)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TZ": zone},
    )
    assert found.stdout.strip() == "2018-03-05"


def test_case_14_only_the_declared_cutoff_counts(tmp_path: Path) -> None:
    """METHODS.md wins over the catalogue: an entry after the cut-off leaves, an event is cut back, today counts for nothing."""
    cutoff = {'title = "A small study with dates"': 'title = "A small study with dates"\ndata_cutoff = 2019-06-30'}
    result = check(write_case(Case(14, "", "", replace=cutoff), tmp_path))
    assert result.exit_code == 0
    assert "Time zero after the data cut-off: 10 left out" in result.stdout
