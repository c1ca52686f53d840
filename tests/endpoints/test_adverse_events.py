"""Adverse events -> worst grades: each patient once a row, windows, bounds of grades, conditions with missing values."""

from __future__ import annotations

from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_outcomes import PROTOCOL, derive_outcomes, happened, write_outcomes
from twoarm.endpoints.adverse_events import AdverseEvents
from twoarm.errors import RecordsError
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.study import run_study

OPTIONS = 'ctcae_version = "5.0"'
HOLD = {'grade = "integer"': 'grade = { type = "integer", on_invalid = "hold" }'}


def derive(tmp_path: Path, rows: str, options: str = "", replace: dict[str, str] | None = None) -> AdverseEvents:
    """Return the adverse events of patients 1 to 4, given as "1 Rash no 2 2020-01-05; ..." with - for an empty cell."""
    cells = [row.split() for row in rows.split(";")] if rows else []
    lines = [",".join("" if cell == "-" else cell for cell in row) for row in cells]
    changed = {OPTIONS: f"{OPTIONS}\n{options}", **(replace or {})}
    table = {"adverse.csv": "\n".join(["id,term,serious,grade,onset", *lines, ""])}
    found = derive_outcomes(write_outcomes(tmp_path, changed, table)).adverse_events
    assert found is not None
    return found


def test_a_patient_counts_once_at_the_worst_grade(tmp_path: Path) -> None:
    found = derive(
        tmp_path,
        "1 Rash no 2 2020-01-05; 1 Rash no 4 2020-01-06; 1 Nausea no 1 2020-01-07; 3 Rash no 3 2020-01-05; "
        "3 Rash no 3 2020-01-05",
        "every_term = true",
    )
    assert found.rows["Any adverse event"].tolist() == [4, 0, 3, 0]
    assert {term: grades.tolist() for term, grades in found.terms.items()} == {
        "Rash": [4, 0, 3, 0],
        "Nausea": [1, 0, 0, 0],
    }
    assert list(found.terms) == ["Rash", "Nausea"]  # most frequent first
    assert found.not_counted == {}


@pytest.mark.parametrize(
    ("options", "days", "not_counted"),
    [
        ("", ["2019-12-31"], {"onset before the window": 1}),
        ("", ["2020-01-01"], {}),  # day 0
        ("first_day = 1", ["2020-01-01"], {"onset before the window": 1}),
        ("first_day = -1", ["2019-12-31"], {}),
        ("last_day = 30", ["2020-01-31"], {}),
        ("last_day = 30", ["2020-02-01"], {"onset after the window": 1}),
        ("last_day = 30", ["2019-12-31", "2020-02-01"], {"onset before the window": 1, "onset after the window": 1}),
        ("", ["2020-07-01"], {"onset after the data cut-off": 1}),
    ],
)
def test_onsets_count_in_a_window_after_time_zero(
    options: str, days: list[str], not_counted: dict[str, int], tmp_path: Path
) -> None:
    rows = "; ".join(f"1 Rash no 2 {day}" for day in days)
    cutoff = {'title = "Visits and adverse events"': 'title = "Events"\ndata_cutoff = 2020-06-30'}
    found = derive(tmp_path, rows, options, cutoff)
    assert dict(found.not_counted) == not_counted
    assert found.rows["Any adverse event"].tolist() == [0 if not_counted else 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("", [True, True, True]),
        ("minimum_grade = 3", [False, True, True]),
        ("minimum_grade = 3, maximum_grade = 4", [False, True, False]),
        ("maximum_grade = 2", [True, False, False]),  # by the worst grade, and not by any event
    ],
)
def test_bounds_are_of_the_worst_grade(bounds: str, expected: list[bool], tmp_path: Path) -> None:
    row = f'{{ label = "Row"{", " if bounds else ""}{bounds} }}'
    table = "id,term,serious,grade,onset\n1,Rash,no,2,2020-01-05\n2,Rash,no,1,2020-01-05\n2,Rash,no,4,2020-01-05\n3,Rash,no,5,2020-01-05\n"
    study = write_outcomes(tmp_path, {OPTIONS: f"{OPTIONS}\nrows = [{row}]"}, {"adverse.csv": table})
    protocol = parse_protocol(study.read_text("utf-8"))
    results = run_study(protocol, read_records(protocol, tmp_path))
    rows = results.select(analysis="safety", variable_level="Row", statistic="n")
    assert {row.arm: row.value for row in rows if row.arm in "AB"} == {"A": sum(expected[:2]), "B": sum(expected[2:])}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("serious", [0, 3, 0, 0]),
        ("not serious", [2, 0, 0, 0]),  # unknown is neither
        ("serious is missing", [0, 0, 4, 0]),
        ("serious or grade >= 4", [0, 3, 4, 0]),  # true or unknown is true
        ('term in ("Rash", "Nausea")', [2, 3, 4, 0]),
        ('term == "nothing"', [0, 0, 0, 0]),
    ],
)
def test_a_condition_that_is_unknown_is_not_met(where: str, expected: list[int], tmp_path: Path) -> None:
    rows = "1 Rash no 2 2020-01-05; 2 Rash yes 3 2020-01-05; 3 Nausea - 4 2020-01-05"
    found = derive(tmp_path, rows, f"rows = [{{ label = 'Row', where = '{where}' }}]")
    assert found.rows["Row"].tolist() == expected


def test_events_that_are_not_known_do_not_count(tmp_path: Path) -> None:
    rows = "1 Rash no - 2020-01-05; 1 - no 2 2020-01-05; 1 Rash no 2 -; 1 Rash no 6 2020-01-05; 2 Rash no 1 2020-01-05"
    found = derive(tmp_path, rows, "every_term = true", HOLD)
    assert dict(found.not_counted) == {"term, grade or onset not known": 4}
    assert found.rows["Any adverse event"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("grade", ["0", "6", "3/4", "III", "3.5", "-1"])
def test_a_grade_outside_1_to_5_is_refused_or_held(grade: str, tmp_path: Path) -> None:
    try:
        found = derive(tmp_path, f"1 Rash no 2 2020-01-05; 2 Rash no {grade} 2020-01-05")
    except RecordsError as error:
        (problem,) = error.problems
        assert (problem.where, problem.key) == ("adverse.csv", "grade")
        assert "(row 3, patient 2)" in problem.found
        return
    assert dict(found.not_counted) == {"term, grade or onset not known": 1}
    assert found.rows["Any adverse event"].tolist() == [2, 0, 0, 0]


def test_nobody_with_an_event(tmp_path: Path) -> None:
    found = derive(tmp_path, "", "every_term = true")
    assert found.rows["Any adverse event"].tolist() == [0, 0, 0, 0]
    assert (found.terms, found.not_counted) == ({}, {})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("1234"),
            st.sampled_from(["Rash", "Nausea", "Ａ", ""]),
            st.sampled_from(["1", "3", "5", ""]),
            st.sampled_from(["2019-12-31", "2020-01-01", "2020-05-01", ""]),
        ),
        max_size=10,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[str, str, str, str]], random: Random) -> None:
    protocol = parse_protocol(PROTOCOL.replace(OPTIONS, f"{OPTIONS}\nevery_term = true"))
    (population,) = protocol.plan()
    days = {name: [None] * 4 for name in ("progression", "death")}
    patients = pl.DataFrame({"id": list("1234"), "arm": list("aabb"), "start": ["2020-01-01"] * 4, **days})
    patients = patients.with_columns(contact=pl.lit("2020-12-01"))
    visits = pl.DataFrame(schema=dict.fromkeys(("id", "day", "response"), pl.String))
    found = []
    for order in (rows, random.sample(rows, len(rows))):
        columns = {name: [row[i] for row in order] for i, name in enumerate(("id", "term", "grade", "onset"))}
        adverse = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_columns(serious=pl.lit("no"))
        frames = {"patients": patients, "visits": visits, "adverse": adverse}
        records = read_records(protocol, frames=frames)
        events = happened(protocol, population, records)
        assert events.adverse_events is not None
        terms = [(term, grades.tolist()) for term, grades in events.adverse_events.terms.items()]
        any_event = events.adverse_events.rows["Any adverse event"].tolist()
        found.append((terms, any_event, dict(events.adverse_events.not_counted)))
    assert found[0] == found[1]
