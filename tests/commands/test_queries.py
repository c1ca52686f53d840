"""queries: one workbook a hospital, answered, corrected, and asked again."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from twoarm.cli import main
from twoarm.commands.exit_codes import DIFFERS, OK, PROTOCOL_INVALID

EXAMPLE = Path(__file__).parents[2] / "examples" / "es-sclc"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    shutil.copytree(EXAMPLE, folder)
    return folder / "study.toml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8-sig")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def rows(path: Path, sheet: str) -> list[list[object]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path)[sheet].iter_rows(min_row=2)]


def test_clean_files_raise_no_query(study: Path, tmp_path: Path) -> None:
    result = call("queries", study, "--out", tmp_path / "queries")
    assert (result.exit_code, result.output) == (OK, "0 queries are open.\n")


def test_each_hospital_gets_its_own_and_a_rerun_shows_what_was_resolved(study: Path, tmp_path: Path) -> None:
    tianjin, mongolia = study.parent / "centre_tianjin.csv", study.parent / "centre_innermongolia.csv"
    change(tianjin, "TJ-001,Tianjin,male,53,", "TJ-001,Tianjin,=1+1,153,")
    change(mongolia, "NM-002,内蒙古,男,69,是", "NM-002,内蒙古,男,69,可能")
    out = tmp_path / "queries"
    first = call("queries", study, "--out", out)
    assert first.exit_code == DIFFERS
    assert "centre_tianjin.csv: 2 new, 0 still open, 0 resolved" in first.output
    assert "centre_innermongolia.csv: 1 new, 0 still open, 0 resolved" in first.output
    workbook = out / "centre_tianjin.csv.queries.xlsx"
    asked = rows(workbook, "Open")
    assert [row[1:4] for row in asked] == [["TJ-001", "2", "sex"], ["TJ-001", "2", "age"]]
    texts = "".join(str(cell) for row in asked for cell in row)
    assert "153" not in texts
    assert "=1+1" not in texts
    # the hospital answers one and corrects the other
    book = openpyxl.load_workbook(workbook)
    book["Open"].cell(row=2, column=7, value="asked the ward")
    book.save(workbook)
    change(tianjin, "=1+1,153,", "=1+1,53,")
    second = call("queries", study, "--out", out)
    assert "centre_tianjin.csv: 0 new, 1 still open, 1 resolved" in second.output
    assert rows(workbook, "Open")[0][6] == "asked the ward"
    assert [row[3] for row in rows(workbook, "Resolved")] == ["age"]
    change(tianjin, "=1+1", "male")
    change(mongolia, "可能", "是")
    assert call("queries", study, "--out", out).exit_code == OK


def test_a_file_that_cannot_be_read_is_a_query(study: Path, tmp_path: Path) -> None:
    change(study.parent / "centre_tianjin.csv", ",smoking,", ",smoker,")
    result = call("queries", study, "--out", tmp_path / "queries")
    assert result.exit_code == DIFFERS
    found = rows(tmp_path / "queries" / "centre_tianjin.csv.queries.xlsx", "Open")
    assert [row[4] for row in found] == ["no column smoking"]


def test_a_folder_with_other_files_is_left_alone(study: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("x")
    result = call("queries", study, "--out", tmp_path / "letters")
    assert (result.exit_code, "holds other files" in result.output) == (PROTOCOL_INVALID, True)


def test_the_same_questions_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    change(study.parent / "centre_tianjin.csv", "TJ-001,Tianjin,male,53,", "TJ-001,Tianjin,male,153,")
    for name in ("a", "b"):
        call("queries", study, "--out", tmp_path / name)
    first, second = ((tmp_path / name / "centre_tianjin.csv.queries.xlsx").read_bytes() for name in ("a", "b"))
    assert first == second
    assert (tmp_path / "a" / "queries.json").stat().st_mode & 0o777 == 0o600
