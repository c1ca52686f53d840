"""Criteria -> cohort: tiny tables of who stays, who goes, and at which line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_study import patients, write_study
from twoarm.cohort.attrition import ArmCounts
from twoarm.cohort.cohort import Cohort, build_cohort
from twoarm.design.complete import complete
from twoarm.errors import RecordsError
from twoarm.protocol.missing import CompleteCase
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records


def cohort_of(study: Path) -> Cohort:
    protocol = read_protocol(study)
    return build_cohort(protocol, protocol.plan()[0], read_records(protocol, study.parent))


def lines(cohort: Cohort) -> list[tuple[str, int, int, int]]:
    return [(s.label, s.excluded.all, s.unknown.all, s.remaining.all) for s in cohort.attrition.steps]


def with_ages(**ages: str) -> list[dict[str, str]]:
    return [{**row, "age": ages.get(row["id"], row["age"])} for row in patients()]


@pytest.mark.parametrize(
    ("if_missing", "line"),
    [("exclude", ("Adults", 2, 1, 58)), ("keep", ("Adults", 1, 0, 59))],
)
def test_unknown_follows_the_protocol(if_missing: str, line: tuple[str, int, int, int], tmp_path: Path) -> None:
    rule = {'include = "age >= 18"': f'include = "age >= 18"\nif_missing = "{if_missing}"'}
    cohort = cohort_of(write_study(tmp_path, with_ages(P000="17", P001=""), rule))
    assert lines(cohort) == [("Patients in the records", 0, 0, 60), line]


def test_unknown_may_be_refused(tmp_path: Path) -> None:
    rule = {'include = "age >= 18"': 'include = "age >= 18"\nif_missing = "refuse"'}
    with pytest.raises(
        RecordsError, match=r'1 patients for whom criterion "Adults" is unknown \(row 3, patient P001\)'
    ):
        cohort_of(write_study(tmp_path, with_ages(P001=""), rule))


def test_exclusion_is_the_mirror_of_inclusion(tmp_path: Path) -> None:
    rows = with_ages(P000="17", P001="")
    included = cohort_of(write_study(tmp_path, rows))
    excluded = cohort_of(write_study(tmp_path, rows, {'include = "age >= 18"': 'exclude = "age < 18"'}))
    assert included.key.tolist() == excluded.key.tolist()


def test_each_patient_leaves_once_and_counts_add_up(tmp_path: Path) -> None:
    more = '\n[[populations.study.criteria]]\nlabel = "Old enough"\ninclude = "age >= 50"\n'
    cohort = cohort_of(write_study(tmp_path, replace={"[covariates]": more + "[covariates]"}))
    ages = [int(row["age"]) for row in patients()]
    assert lines(cohort)[-1] == ("Old enough", sum(a < 50 for a in ages), 0, sum(a >= 50 for a in ages))
    start, *rest = cohort.attrition.steps
    assert start.remaining.all - sum(step.excluded.all for step in rest) == cohort.key.size


def test_arms_are_counted_at_every_line(tmp_path: Path) -> None:
    cohort = cohort_of(write_study(tmp_path, with_ages(P000="17", P001="17")))
    assert cohort.attrition.steps[1].excluded == ArmCounts(2, 1, 1)
    assert cohort.attrition.steps[1].remaining == ArmCounts(58, 19, 39)
    assert cohort.treated.sum() == 19


def test_an_arm_that_is_missing_has_its_own_line(tmp_path: Path) -> None:
    rows = patients()
    rows[5]["arm"] = ""
    assert lines(cohort_of(write_study(tmp_path, rows)))[-1] == ("Arm not recorded", 1, 0, 59)


def test_a_third_arm_is_refused_or_left_out(tmp_path: Path) -> None:
    rows = patients()
    rows[5]["arm"] = "else"
    with pytest.raises(RecordsError, match=r"1 patients with a third value \(row 7, patient P005\)"):
        cohort_of(write_study(tmp_path, rows))
    rule = {'column = "arm"': 'column = "arm"\nother = "exclude"'}
    assert lines(cohort_of(write_study(tmp_path, rows, rule)))[-1] == ("In neither arm", 1, 0, 59)


def test_an_empty_arm_is_refused_by_name(tmp_path: Path) -> None:
    rows = [{**row, "arm": "old"} for row in patients()]
    with pytest.raises(RecordsError, match=r'no patients left in arm New after "Adults"'):
        cohort_of(write_study(tmp_path, rows))


def test_a_level_that_is_not_declared_is_refused_or_held(tmp_path: Path) -> None:
    rows = patients()
    rows[5]["sex"] = "x"
    with pytest.raises(
        RecordsError,
        match=r"1 cells outside the declared levels of covariates.sex \(row 7, patient P005\); expected one of f, m",
    ):
        cohort_of(write_study(tmp_path, rows))
    held = cohort_of(write_study(tmp_path, rows, {'sex = "text"': 'sex = { type = "text", on_invalid = "hold" }'}))
    assert held.covariates["sex"].missing.tolist().index(True) == 5


def test_complete_case_gives_a_line_a_covariate_and_counts_each_patient_once(tmp_path: Path) -> None:
    rows = patients()
    rows[3]["sex"] = rows[4]["sex"] = rows[4]["age"] = ""
    rule = {'include = "age >= 18"': 'include = "age >= 18"\nif_missing = "keep"'}
    cohort = cohort_of(write_study(tmp_path, rows, rule))
    completed = complete("complete_case", CompleteCase(), cohort, {}, None)[0]
    assert [(s.label, s.excluded.all) for s in completed.steps] == [("Age (years) missing", 1), ("Sex missing", 1)]
    assert completed.key.size == 58


def test_cut_classes_start_at_their_break(tmp_path: Path) -> None:
    cut = 'age = { kind = "cut", breaks = [50, 60], labels = ["<50", "50-59", "60+"] }'
    cohort = cohort_of(write_study(tmp_path, replace={'age = { kind = "continuous", unit = "years" }': cut}))
    ages = np.array([int(row["age"]) for row in patients()])
    assert cohort.covariates["age"].codes.tolist() == ((ages >= 50).astype(int) + (ages >= 60)).tolist()  # type: ignore[union-attr]
