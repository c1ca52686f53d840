"""Cases 29 and 50: a column of units decides what a number means."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_bad_inputs import Case, Rows, check, dated_patients, findings, write_case, write_csv
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records

BMI = 'bmi = "number"'
UNITS = {BMI: 'bmi = { type = "number", unit_column = "note", units = { "g/L" = 1, "g/dL" = 10 } }'}


def of(*units: str) -> object:
    """Give the patients of rows 6, 7, ... a number in a unit, and all others one in g/L."""

    def change(rows: Rows) -> Rows:
        return [
            {
                **row,
                "bmi": "13.5" if 4 <= i < 4 + len(units) else "141",
                "note": units[i - 4] if 4 <= i < 4 + len(units) else "g/L",
            }
            for i, row in enumerate(rows)
        ]

    return change


def study(tmp_path: Path, kind: str, *units: str, replace: dict[str, str] | None = None) -> Path:
    return write_case(Case(50, "", "", change=of(*units), replace=replace or UNITS), tmp_path, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_case_50_a_unit_column_converts_with_an_audit_line(kind: str, tmp_path: Path) -> None:
    made = study(tmp_path, kind, "g/dL", "Ｇ/dl ")
    found = [(f.rule, f.outcome, f.rows) for f in findings(made) if f.column == "bmi"]
    assert found == [("converted_unit", "normalised", (6, 7))]
    frame = read_records(read_protocol(made), tmp_path).patients.frame
    assert frame.get_column("bmi").to_list()[3:7] == [141.0, 135.0, 135.0, 141.0]
    assert "2 numbers in another unit, by column note (row 6, patient P004; row 7" in check(made).stdout


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("unit", ["mmol/L", ""], ids=["undeclared", "missing"])
def test_case_50_a_unit_that_is_not_known_holds_the_number(unit: str, kind: str, tmp_path: Path) -> None:
    made = study(tmp_path, kind, unit)
    assert [(f.rule, f.outcome, f.rows) for f in findings(made)] == [("unknown_unit", "held", (6,))]
    result = check(made)
    assert (result.exit_code, "13.5" in result.output) == (0, False)
    assert "write the unit, or declare it among units" in result.stdout


def test_case_50_the_range_is_that_of_the_columns_unit(tmp_path: Path) -> None:
    bounded = {BMI: UNITS[BMI].replace(" } }", " }, minimum = 50, maximum = 250 }")}
    assert [f.rule for f in findings(study(tmp_path, "csv", "g/dL", replace=bounded))] == ["converted_unit"]


def test_case_50_a_file_without_the_column_states_its_unit(tmp_path: Path) -> None:
    two = (
        '[[data.patients.files]]\nfile = "a.csv"\n[[data.patients.files]]\nfile = "b.csv"\n'
        '[data.patients.files.columns]\nnote = { value = "g/dL" }\n\n'
    )
    replace = {**UNITS, 'file = "patients.csv"\n': "", "[timeline]": f"{two}[timeline]"}
    made = write_case(Case(50, "", "", replace=replace, write=lambda *_: None), tmp_path)
    rows = [{**row, "note": "g/L"} for row in dated_patients()]
    write_csv(tmp_path / "a.csv", rows[:50])
    write_csv(tmp_path / "b.csv", [{k: v for k, v in row.items() if k != "note"} for row in rows[50:]])
    found = [(f.rule, f.file, len(f.rows)) for f in findings(made) if f.outcome == "normalised"]
    assert found == [("converted_unit", "b.csv", 10)]


STAY = '\n[endpoints.stay]\nlabel = "Stay"\ntime = "bmi"\nevent = "died"\n'


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("units", "rule", "outcome"),
    [('"days" = 1', "unknown_unit", "held"), ('"days" = 1, "months" = 30.4375', "converted_unit", "normalised")],
    ids=["undeclared", "declared"],
)
def test_case_29_months_in_a_column_of_days_by_their_unit(
    units: str, rule: str, outcome: str, kind: str, tmp_path: Path
) -> None:
    def change(rows: Rows) -> Rows:
        return [
            {**row, "bmi": str(2 + i % 9 if i >= 50 else 60 + 30 * (i % 9)), "note": "months" if i >= 50 else "days"}
            for i, row in enumerate(rows)
        ]

    declared = {BMI: f'bmi = {{ type = "number", unit_column = "note", units = {{ {units} }} }}'}
    made = write_case(Case(29, "", "", change=change, replace=declared, more=STAY), tmp_path, kind)
    assert [(f.rule, f.outcome, f.rows) for f in findings(made)] == [(rule, outcome, tuple(range(52, 62)))]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ('unit_column = "note"', "expected unit_column and units together"),
        ('units = { "g/L" = 1 }', "expected unit_column and units together"),
        ('unit_column = "nota", units = { "g/L" = 1 }', "one of the table's columns"),
        ('unit_column = "age", units = { "g/L" = 1 }', "expected text or category"),
        ('unit_column = "note", units = { "g/L" = 1 }, multiply = 2', "either multiply or units"),
        ('unit_column = "note", units = { "g/L" = 1, "G/l" = 2 }', "different factors"),
        ('unit_column = "note", units = { "g/L" = 0 }', "greater than 0"),
    ],
)
def test_case_50_units_that_cannot_be_meant(declared: str, says: str, tmp_path: Path) -> None:
    made = write_case(Case(50, "", "", replace={BMI: f'bmi = {{ type = "number", {declared} }}'}), tmp_path)
    result = check(made)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_case_50_integers_are_converted_too(tmp_path: Path) -> None:
    units = {
        'age = "integer"': 'age = { type = "integer", unit_column = "note", units = { "years" = 1, "decades" = 10 } }'
    }

    def change(rows: Rows) -> Rows:
        return [
            {**row, "age": "5" if i == 4 else row["age"], "note": "decades" if i == 4 else "years"}
            for i, row in enumerate(rows)
        ]

    made = write_case(Case(50, "", "", replace={**units, 'age = "age"\n': ""}, change=change), tmp_path)
    assert [(f.rule, f.rows) for f in findings(made)] == [("converted_unit", (6,))]
    assert read_records(read_protocol(made), tmp_path).patients.frame.get_column("age").to_list()[4] == 50
