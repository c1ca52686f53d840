"""Case 93: a covariate that nobody, or hardly anybody, of an arm has; and case 44, one that nobody has at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result

from spec_bad_inputs import check, run
from spec_study import patients, write_study
from twoarm.results.results import Results, read_results

SEED = {'title = "A small study"': 'title = "A small study"\nseed = 1'}
IMPUTED = '\n[missing.mi]\nkind = "multiple_imputation"\nlabel = "Imputed"\nimputations = 3\n'
COMPLETE = '\n[missing.cc]\nkind = "complete_case"\nlabel = "Complete case"\n'


def study(tmp_path: Path, known: int, more: str, n: int = 90) -> Path:
    """Write a study in which sex is known for so many patients of the new arm."""
    new = [row["id"] for row in patients(n) if row["arm"] == "new"]
    gone = set(new[known:])
    return write_study(
        tmp_path, [{**row, "sex": "" if row["id"] in gone else row["sex"]} for row in patients(n)], SEED, more
    )


def ran(made: Path) -> tuple[Result, Results, str]:
    result = run(made)
    return result, read_results(made.parent / "out"), (made.parent / "out" / "report.html").read_text()


def test_case_93_the_rest_of_the_study_goes_on(tmp_path: Path) -> None:
    """Complete cases are possible, and primary; imputation is refused for the covariate."""
    result, found, page = ran(study(tmp_path, 1, COMPLETE + IMPUTED))
    assert result.exit_code == 4, result.output  # one patient of an arm is described and not compared
    assert found.select(missing="cc", analysis="baseline")
    assert {row.status for row in found.select(missing="mi", analysis="hazard_ratio")} == {"not_estimable"}
    reasons = {row.note for row in found.select(missing="mi", analysis="adjustment")}
    assert reasons == {"Sex is missing for 95% of the patients or more in New, and is not imputed"}
    warned = found.select(missing="mi", analysis="warning", statistic="mostly_missing")
    assert [(row.variable, row.arm, row.value) for row in warned] == [("sex", "New", 95)]
    assert "Sex is missing for at least 95% of the patients in New. Too little of it is known to draw it" in page
    assert "patients with any covariate missing were left out" in page


@pytest.mark.parametrize("first", [COMPLETE, IMPUTED], ids=["complete-case-first", "imputation-first"])
def test_case_93_a_whole_arm_without_the_covariate_stops_neither_strategy(first: str, tmp_path: Path) -> None:
    second = IMPUTED if first == COMPLETE else COMPLETE
    result, found, page = ran(study(tmp_path, 0, first + second))
    assert result.exit_code == 4, result.output
    assert found.select(analysis="attrition")
    assert {row.status for row in found.select(analysis="hazard_ratio")} == {"not_estimable"}
    assert "complete cases leave an arm empty" in page
    assert "Sex is missing for everybody in New" in page


def test_case_93_check_tells_what_is_not_possible(tmp_path: Path) -> None:
    result = check(study(tmp_path, 0, COMPLETE + IMPUTED))
    assert result.exit_code == 0
    assert "Complete case: not possible (complete cases leave an arm empty" in result.stdout
    assert "Imputed: not possible (Sex is missing for everybody in New, and is not imputed)" in result.stdout


def test_case_93_enough_of_the_covariate_is_imputed(tmp_path: Path) -> None:
    result, found, _ = ran(study(tmp_path, 4, IMPUTED))
    assert result.exit_code == 0, result.output
    assert not found.select(analysis="warning", statistic="mostly_missing")


def test_case_44_a_covariate_that_nobody_has_is_refused_under_every_strategy(tmp_path: Path) -> None:
    rows = [{**row, "sex": ""} for row in patients()]
    result = run(write_study(tmp_path, rows, SEED, IMPUTED))
    assert (result.exit_code, "Sex is missing for 60 patients" in result.stderr) == (3, True)
