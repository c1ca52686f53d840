"""What a message must never have: a patient's value. And what a user must have: all problems at once."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bad_inputs.cases_cells import CELLS
from bad_inputs.cases_dates import DATES
from spec_bad_inputs import Case, check, write_case
from twoarm.cli import main

FORM = re.compile(
    r"^ *patients\.(csv|xlsx \(Sheet\))(  \S+  |, \S+: )"  # file, sheet and column
    r"\d+ .+ \((row \d+(, patient [^;)]*)?(; )?)+(and \d+ more)?\)"  # what is found, how often, in which rows
    r"; .+ \[[a-z_0-9]+\]\.?$"  # what to do, and the rule
)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_message_of_any_case_has_a_value_of_any_fixture(kind: str, tmp_path: Path) -> None:
    said: dict[str, list[str]] = {}
    values: set[str] = set()
    for position, case in enumerate([*DATES, *CELLS]):
        if kind == "xlsx" and not case.excel:
            continue
        folder = tmp_path / str(position)
        folder.mkdir()
        result = check(write_case(case, folder, kind))
        lines = [line for line in result.output.splitlines() if "patients." in line and "study.toml" not in line]
        said[f"{position} {case.id}"] = [line for line in lines if ": 60 rows" not in line and ": 61 rows" not in line]
        values |= set(case.hidden())
    assert len(values) > 60
    told = {(name, value) for name, lines in said.items() for value in values if value in "\n".join(lines)}
    assert not told
    odd = [(name, line) for name, lines in said.items() for line in lines if not FORM.match(line)]
    assert not odd


def test_no_query_has_a_value_of_any_fixture(tmp_path: Path) -> None:
    for position, case in enumerate([*DATES, *CELLS]):
        if case.outcome not in ("refused", "held", "warned") or position % 3:
            continue
        folder = tmp_path / str(position)
        folder.mkdir()
        study = write_case(case, folder)
        out = CliRunner().invoke(main, ["queries", str(study), "--out", str(folder / "q")])
        assert out.exit_code == 1, (case.id, out.output)
        text = out.output
        for book in (folder / "q").glob("*.xlsx"):
            with zipfile.ZipFile(book) as parts:
                text += "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
        text += (folder / "q" / "queries.json").read_text()
        assert [value for value in case.hidden() if value in text] == [], case.id


def test_check_lists_all_problems_at_once(tmp_path: Path) -> None:
    def spoil(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[1]["prog"], rows[2]["bmi"], rows[3]["died"] = "05/03/2018", "1,234", "?"
        rows[5]["id"], rows[9]["sex"] = "p006", "m"
        return rows

    result = check(write_case(Case(0, "", "", change=spoil), tmp_path))
    assert result.exit_code == 3
    lines = [line for line in result.stderr.splitlines() if line.startswith("patients.csv")]
    assert [line.split()[1] for line in lines] == ["died", "prog", "bmi", "id"]
    assert "4 problems in the data" in result.stderr
