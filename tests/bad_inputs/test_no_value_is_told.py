"""What a message must never have: a patient's value. And what a user must have: all problems at once."""

from __future__ import annotations

from pathlib import Path

from bad_inputs.cases_cells import CELLS
from bad_inputs.cases_dates import DATES
from spec_bad_inputs import Case, check, write_case


def test_no_message_of_any_case_has_a_value_of_any_fixture(tmp_path: Path) -> None:
    said, values = {}, set()
    for position, case in enumerate([*DATES, *CELLS]):
        folder = tmp_path / str(position)
        folder.mkdir()
        study = write_case(case, folder)
        result = check(study)
        problems = [line for line in result.output.splitlines() if "patients.csv" in line and "study.toml" not in line]
        said[f"{position} {case.id}"] = "\n".join(problems)
        values |= set(case.hidden())
    assert len(values) > 60
    told = {(name, value) for name, text in said.items() for value in values if value in text}
    assert not told


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
