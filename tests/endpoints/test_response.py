"""Visits -> best overall response (RECIST 1.1: Eisenhauer et al. 2009, table 3 and section 4.4)."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_outcomes import PROTOCOL, derive_outcomes, happened, write_outcomes
from spec_response import Visits, best, best_of, best_response
from twoarm.endpoints.response import RESPONSES, BestResponse, evaluable
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

START = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("first", "second", "late", "early"),
    [  # table 3: what two visits make, when stable disease lasted long enough at the first of them, and when not
        ("CR", "CR", "CR", "CR"),
        ("CR", "PR", "PR", "PR"),  # the table: SD, PD or PR; a PR twice is one, whatever the first was called
        ("CR", "SD", "SD", "PD"),
        ("CR", "PD", "SD", "PD"),
        ("CR", "NE", "SD", "NE"),
        ("PR", "CR", "PR", "PR"),
        ("PR", "PR", "PR", "PR"),
        ("PR", "PD", "SD", "PD"),
        ("PR", "NE", "SD", "NE"),
        ("NE", "NE", "NE", "NE"),
        ("SD", "PD", "SD", "PD"),  # section 4.4.2, in words
        ("SD", "NE", "SD", "NE"),
        ("PD", "CR", "PD", "PD"),
    ],
)
def test_table_3_of_recist_when_responses_must_be_confirmed(first: str, second: str, late: str, early: str) -> None:
    visits = f"42 {first}, 84 {second}"
    assert best(visits, confirm=28, stable=42) == late
    assert best(visits, confirm=28, stable=85) == early


def test_a_partial_response_and_then_stable_disease_is_stable_disease() -> None:
    # The table asks for no duration here; the rule that SD needs its minimum holds all the same (section 4.4.2).
    assert best("42 PR, 84 SD", confirm=28, stable=84) == "SD"
    assert best("42 PR, 84 SD", confirm=28, stable=85) == "NE"


@pytest.mark.parametrize(
    ("visits", "unconfirmed", "confirmed"),
    [
        ("", "NE", "NE"),
        ("42 CR", "CR", "SD"),
        ("42 PR", "PR", "SD"),
        ("42 PR, 70 PR", "PR", "PR"),  # 28 days
        ("42 PR, 69 PR", "PR", "SD"),  # 27 days
        ("42 PR, 69 PR, 70 PR", "PR", "PR"),  # any later visit may confirm
        ("42 CR, 69 CR, 97 CR", "CR", "CR"),
        ("42 CR, 60 NE, 84 CR", "CR", "CR"),
        ("42 CR, 60 PR, 84 CR", "CR", "PR"),  # disease was seen between the two
        ("42 PR, 60 SD, 84 PR", "PR", "PR"),
        ("42 PR, 60 NE, 84 PR", "PR", "PR"),
        ("42 SD, 84 PR", "PR", "SD"),
        ("42 SD, 84 PR, 126 CR", "CR", "PR"),
        ("42 SD, 84 PR, 126 CR, 168 CR", "CR", "CR"),
        ("42 PD, 84 CR, 126 CR", "PD", "PD"),  # nothing counts after progression
        ("42 PR, 84 PD, 126 PR", "PR", "SD"),
        ("42 NE, 84 PR", "PR", "SD"),
        ("42 NE", "NE", "NE"),
        ("42 NE, 84 PD", "PD", "PD"),
        ("0 PR", "PR", "SD"),
    ],
)
def test_visits_make_a_best_overall_response(visits: str, unconfirmed: str, confirmed: str) -> None:
    assert best(visits, confirm=None) == unconfirmed
    assert best(visits, confirm=28) == confirmed


@pytest.mark.parametrize(("stable", "expected"), [(0, "SD"), (42, "SD"), (43, "NE")])
def test_stable_disease_has_to_last(stable: int, expected: str) -> None:
    assert best("42 SD", confirm=None, stable=stable) == expected


def test_an_early_response_needs_no_duration() -> None:
    assert best("7 CR", confirm=None, stable=42) == "CR"
    assert best("7 PR, 35 PR", confirm=28, stable=42) == "PR"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(RESPONSES)), max_size=7, unique_by=lambda v: v[0]))
def test_confirmation_never_makes_a_response_better(visits: list[tuple[int, str]]) -> None:
    text = ", ".join(f"{day} {word}" for day, word in sorted(visits))
    plain, confirmed = best(text, confirm=None), best(text, confirm=28)
    assert RESPONSES.index(confirmed) >= RESPONSES.index(plain)
    assert (plain == "PD") == (confirmed == "PD")  # without a duration of SD nothing else turns into PD
    ended = [word for _, word in sorted(visits)]
    if "PD" in ended:
        assert best(text, confirm=28) == best(f"{text}, 500 CR, 600 CR", confirm=28)


_visits = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 120), st.sampled_from(RESPONSES)),
    max_size=24,
    unique_by=lambda visit: visit[:2],
)


@settings(max_examples=200, deadline=None)
@given(_visits, st.sampled_from([None, 1, 28]), st.sampled_from([0, 42]))
def test_all_patients_at_once_as_visit_by_visit(visits: Visits, confirm: int | None, stable: int) -> None:
    expected = {}
    for key in {visit[0] for visit in visits}:
        own = sorted((day, RESPONSES.index(word)) for patient, day, word in visits if patient == key)
        day, code = np.array([float(day) for day, _ in own]), np.array([code for _, code in own])
        expected[key] = RESPONSES[
            best_response(day=day, code=code, confirmation_days=confirm, stable_disease_days=stable)
        ]
    assert best_of(visits, confirm=confirm, stable=stable) == expected


def found(tmp_path: Path, visits: str, replace: dict[str, str] | None = None, **files: str) -> tuple[str, BestResponse]:
    """Return patient 1's best response, and everything; visits as "31 PR" in days from time zero."""
    rows = [visit.split() for visit in visits.split(",")] if visits else []
    lines = [f"1,{START + datetime.timedelta(days=int(day))},{word}" for day, word in rows]
    tables = {"visits.csv": "\n".join(["id,day,response", *lines, ""]), **{f"{k}.csv": v for k, v in files.items()}}
    response = derive_outcomes(write_outcomes(tmp_path, replace, tables)).response
    assert response is not None
    return RESPONSES[response.best["unconfirmed"][0]], response


PATIENT = "id,arm,start,progression,death,contact\n1,a,2020-01-01,{0},{1},2020-12-01\n2,b,2020-01-01,,,2020-12-01\n"


@pytest.mark.parametrize(
    ("visits", "progression", "death", "expected", "not_counted"),
    [
        ("31 PR", "", "", "PR", {}),
        ("0 PR", "", "", "PR", {}),
        ("-1 PR", "", "", "NE", {"before time zero": 1}),
        ("31 PR", "", "2020-02-01", "PR", {}),  # on the day of death
        ("32 PR", "", "2020-02-01", "NE", {"after death": 1}),
        ("31 PR", "2020-02-01", "", "PR", {}),  # up to and including progression
        ("32 PR", "2020-02-01", "", "NE", {"after progression": 1}),
        ("32 PR, 40 PR", "2020-02-01", "2020-02-05", "NE", {"after death": 1, "after progression": 1}),
        ("31 SD, 60 PD, 90 PR, 120 PD", "", "", "SD", {"after progression": 2}),
        ("31 PD", "", "", "PD", {}),
        ("400 PR", "", "", "NE", {"after the data cut-off": 1}),
        ("31 SD, 31 PR", "", "", "SD", {}),  # of two on one day the worse counts
        ("31 PR, 31 SD", "", "", "SD", {}),
        ("31 PR, 31 NE", "", "", "PR", {}),  # and NE gives way to what was seen
        ("31 CR, 31 PD", "", "", "PD", {}),
    ],
)
def test_which_visits_count(
    visits: str, progression: str, death: str, expected: str, not_counted: dict[str, int], tmp_path: Path
) -> None:
    replace = {'death = "death"': 'death = "death"\nprogression = "progression"'}
    replace['title = "Visits and adverse events"'] = 'title = "Visits"\ndata_cutoff = 2020-12-31'
    word, response = found(tmp_path, visits, replace, patients=PATIENT.format(progression, death))
    assert (word, dict(response.not_counted)) == (expected, not_counted)


def test_visits_without_date_or_response_do_not_count(tmp_path: Path) -> None:
    tables = {"visits.csv": "id,day,response\n1,,PR\n1,2020-02-01,\n1,2020-13-01,CR\n1,2020-03-01,SD\n"}
    replace = {'day = "date"': 'day = { type = "date", on_invalid = "hold" }'}
    response = derive_outcomes(write_outcomes(tmp_path, replace, tables)).response
    assert response is not None
    assert RESPONSES[response.best["unconfirmed"][0]] == "SD"
    assert dict(response.not_counted) == {"date or response not known": 3}


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows = ["1,2020-02-01,PR", "1,2020-02-01,SD", "1,2020-03-01,CR", "2,2020-02-01,SD", "2,2020-04-01,PD"]
    seen = set()
    for order in itertools.permutations(rows):
        study = write_outcomes(tmp_path, None, {"visits.csv": "\n".join(["id,day,response", *order, ""])})
        response = derive_outcomes(study).response
        assert response is not None
        seen.add((tuple(response.best["unconfirmed"].tolist()), tuple(response.not_counted.items())))
    assert len(seen) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("1234"), st.integers(-10, 200), st.sampled_from([*RESPONSES, None])), max_size=12
    ),
    st.randoms(use_true_random=False),
)
def test_shuffled_visits_give_the_same_responses(visits: list[tuple[str, int, str | None]], random: Random) -> None:
    protocol = parse_protocol(PROTOCOL)
    (population,) = protocol.plan()
    patients = pl.DataFrame({"id": list("1234"), "arm": list("aabb"), "start": [START] * 4})
    patients = patients.with_columns(pl.lit(None, pl.Date).alias(c) for c in ("progression", "death", "contact"))
    adverse = pl.DataFrame(schema=dict.fromkeys(("id", "term", "serious", "grade", "onset"), pl.String))
    results = []
    shuffled = list(visits)
    random.shuffle(shuffled)
    for rows in (visits, shuffled):
        days = [START + datetime.timedelta(days=day) for _, day, _ in rows]
        columns = {"id": [row[0] for row in rows], "day": days, "response": [row[2] for row in rows]}
        schema = {"id": pl.String, "day": pl.Date, "response": pl.String}
        frames = {"patients": patients, "adverse": adverse, "visits": pl.DataFrame(columns, schema=schema)}
        records = read_records(protocol, frames=frames)
        response = happened(protocol, population, records).response
        assert response is not None
        results.append((response.best["unconfirmed"].tolist(), dict(response.not_counted)))
    assert results[0] == results[1]


def run(tmp_path: Path, visits: str, denominator: str) -> Results:
    replace = {'death = "death"': f'death = "death"\ndenominator = "{denominator}"\nconfirmation = "both"'}
    study = write_outcomes(tmp_path, replace, {"visits.csv": f"id,day,response\n{visits}"})
    protocol = parse_protocol(study.read_text("utf-8"))
    return run_study(protocol, read_records(protocol, tmp_path))


def counts(results: Results, arm: str, rule: str = "unconfirmed") -> dict[str, float | int | None]:
    here = {"analysis": "response", "arm": arm, "parameter": rule, "statistic": "n", "variable_level": ""}
    return {row.variable: row.value for row in results.select(**here)}


def test_who_is_counted_among_all_and_among_the_evaluable(tmp_path: Path) -> None:
    visits = "1,2020-02-01,PR\n1,2020-03-15,PR\n2,2020-02-01,NE\n3,2020-02-01,SD\n4,2020-02-01,PR\n"
    everybody = run(tmp_path, visits, "all")
    assert counts(everybody, "A") == {"": 2, "objective_response": 1, "disease_control": 1}
    assert counts(everybody, "B") == {"": 2, "objective_response": 1, "disease_control": 2}
    assert counts(everybody, "B", "confirmed") == {"": 2, "objective_response": 0, "disease_control": 2}
    among = run(tmp_path, visits, "evaluable")
    assert counts(among, "A") == {"": 1, "objective_response": 1, "disease_control": 1}
    assert counts(among, "B") == {"": 2, "objective_response": 1, "disease_control": 2}


@pytest.mark.parametrize("visits", ["", "3,2020-02-01,PR\n4,2020-02-01,PR\n"])
def test_a_rate_of_nobody_is_not_estimable(visits: str, tmp_path: Path) -> None:
    results = run(tmp_path, visits, "evaluable")
    rows = results.select(analysis="response", arm="A", parameter="unconfirmed", statistic="percent")
    assert rows
    assert {(row.value, row.status) for row in rows} == {(None, "not_estimable")}
    assert all(row.note for row in rows)
    contrast = results.select(analysis="response", arm="A vs B", statistic="difference")
    assert {row.status for row in contrast} == {"not_estimable"}


def test_without_visits_all_patients_are_not_evaluable(tmp_path: Path) -> None:
    results = run(tmp_path, "", "all")
    assert counts(results, "A") == {"": 2, "objective_response": 0, "disease_control": 0}
    row = results.select(analysis="response", arm="A", parameter="unconfirmed", variable_level="NE", statistic="n")[0]
    assert row.value == 2


def test_evaluable_is_anything_but_ne() -> None:
    assert evaluable(np.arange(5)).tolist() == [True, True, True, True, False]
