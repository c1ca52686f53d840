"""Outcomes of the catalogue that are not met yet, each with its reason; a case that is met must leave this file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bad_inputs.test_structure import EVENTS, study
from spec_bad_inputs import Case, check, findings, run, write_case
from spec_study import patients, write_study
from twoarm.results.results import read_results


@pytest.mark.xfail(strict=True, reason="imputed days are flagged and counted, but no second run without them is made")
def test_case_09_an_imputed_day_has_a_sensitivity_run(tmp_path: Path) -> None:
    declared = {'prog = "date"': 'prog = { type = "date", partial = "middle" }'}
    run(write_case(Case(9, "", "", cells={"prog": "2018-03"}, replace=declared), tmp_path))
    assert "sensitivity" in (tmp_path / "out" / "report.html").read_text().lower()


@pytest.mark.xfail(strict=True, reason="columns of units are not part of the protocol; a file's multiply converts")
@pytest.mark.parametrize("case", [29, 50], ids=["case_29-unit-column-holds", "case_50-unit-column-converts"])
def test_a_unit_column(case: int, tmp_path: Path) -> None:
    unit = {'bmi = "number"': 'bmi = { type = "number", unit_column = "note" }'}
    assert check(write_case(Case(case, "", "", replace=unit), tmp_path)).exit_code == 0


@pytest.mark.xfail(strict=True, reason="no option reads keys of two tables without regard to case; they are listed")
def test_case_65_keys_of_two_tables_in_other_case(tmp_path: Path) -> None:
    made = study(tmp_path, more=EVENTS)
    (tmp_path / "visits.csv").write_text("id,day\np001,2019-01-01\n")
    assert not [f for f in findings(made) if f.rule == "unknown_patient"]


@pytest.mark.xfail(strict=True, reason="no warning tells that all events fall on one day; the tie method is named")
def test_case_88_all_events_on_one_day_are_warned_of(tmp_path: Path) -> None:
    rows = [{**row, "days": "100" if row["died"] == "1" else "200"} for row in patients()]
    run(write_study(tmp_path, rows))
    assert "one day" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.xfail(strict=True, reason="Firth's estimate is not an analysis of the report yet")
@pytest.mark.parametrize("case", [86, 89], ids=["case_86-firth", "case_89-firth"])
def test_firth_stands_beside_what_is_not_estimable(case: int, tmp_path: Path) -> None:
    rows = [
        {**row, **({"died": "0"} if case == 86 else {"days": str(10 + i), "died": "1"})}
        if row["arm"] == "new"
        else {**row, "days": str(900 + i), "died": "1"}
        for i, row in enumerate(patients())
    ]
    run(write_study(tmp_path, rows))
    assert any("Firth" in row.method for row in read_results(tmp_path / "out").estimates)


@pytest.mark.xfail(
    strict=True, reason="a covariate that is missing in a whole arm stops the study, not imputation alone"
)
def test_case_93_the_rest_of_the_study_goes_on(tmp_path: Path) -> None:
    more = '\n[missing.mi]\nkind = "multiple_imputation"\nlabel = "Imputed"\nimputations = 3\n'
    rows = [{**row, "sex": ""} if row["arm"] == "new" else row for row in patients()]
    seed = {'title = "A small study"': 'title = "A small study"\nseed = 1'}
    assert run(write_study(tmp_path, rows, seed, more)).exit_code in (0, 4)
