"""Competing events: dates or yes/no columns -> what ended the time; and deaths that censor without being counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_outcomes import happened
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import compose
from twoarm.results.results import Results
from twoarm.study import run_study

PROTOCOL = """\
format_version = 1
title = "Competing events"
{top}
[data.patients]
file = "patients.csv"
key = "id"
on_invalid = "hold"
[data.patients.columns]
id = "text"
arm = "text"
start = "date"
progression = "date"
transplant = "date"
death = "date"
contact = "date"
days = "integer"
grew = {{ type = "boolean", true = ["1"], false = ["0"] }}
died = {{ type = "boolean", true = ["1"], false = ["0"] }}
moved = {{ type = "boolean", true = ["1"], false = ["0"] }}
{timeline}
[populations.study]
label = "All"
time_zero = "start"
arms = {{ column = "arm", treated = {{ value = "a", label = "A" }}, comparator = {{ value = "b", label = "B" }} }}
[covariates]
arm_again = {{ kind = "categorical", source = "arm", levels = ["a", "b"] }}
[endpoints.dates]
label = "Progression"
primary = true
events = ["progression"]
{competing}
censoring = ["contact"]
[endpoints.flags]
label = "Growth"
time = "days"
event = "grew"
competing = ["died", "moved"]
"""
HEADER = "id,arm,start,progression,transplant,death,contact,days,grew,died,moved"
OTHER = "2,b,2020-01-01,,,,2020-06-01,9,0,0,0"
DATES = 'competing = ["death", "transplant"]'
CUTOFF = "data_cutoff = 2020-04-01"


def read(tmp_path: Path, rows: list[str], top: str = "", competing: str = DATES, timeline: str = ""):
    (tmp_path / "patients.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    protocol = parse_protocol(PROTOCOL.format(top=top, competing=competing, timeline=timeline))
    return protocol, read_records(protocol, tmp_path)


def derive(tmp_path: Path, row: str, endpoint: str, top: str = "") -> TimeToEvent:
    protocol, records = read(tmp_path, [f"1,a,{row}", OTHER], top)
    (population,) = protocol.plan()
    return happened(protocol, population, records).times[endpoint]


@pytest.mark.parametrize(
    ("row", "top", "days", "event", "competing"),
    [
        ("2020-01-01,2020-03-01,,2020-05-01,2020-05-01", "", 60, True, False),
        ("2020-01-01,2020-03-01,2020-02-01,2020-05-01,2020-05-01", "", 31, False, True),
        ("2020-01-01,,,2020-05-01,2020-05-01", "", 121, False, True),
        ("2020-01-01,,2020-02-01,2020-05-01,2020-05-01", "", 31, False, True),  # the earliest of those that compete
        ("2020-01-01,2020-03-01,,2020-03-01,2020-03-01", "", 60, True, False),  # on one day the event wins
        ("2020-01-01,,,,2020-06-01", "", 152, False, False),
        ("2020-01-01,,2020-07-01,,2020-06-01", "", 182, False, True),  # an event is an event, whatever the last contact
        ("2020-01-01,,,2020-05-01,2020-05-01", CUTOFF, 91, False, False),  # nothing after the cut-off counts
        ("2020-01-01,2020-05-01,2020-02-01,,2020-05-01", CUTOFF, 31, False, True),
        ("2020-01-01,2020-05-02,2020-05-01,,2020-06-01", CUTOFF, 91, False, False),
        ("2020-01-01,,,2020-04-01,2020-04-01", CUTOFF, 91, False, True),
        ("2020-01-01,,,2020-01-01,2020-01-01", "", 0, False, True),
        ("2020-01-01,,,2020-01-01,2020-01-01", 'day_count = "inclusive"', 1, False, True),
    ],
)
def test_the_earliest_of_all_dates_ends_the_time(
    tmp_path: Path, row: str, top: str, days: int, event: bool, competing: bool
) -> None:
    found = derive(tmp_path, f"{row},9,0,0,0", "dates", top)
    assert found.competing is not None
    assert (found.known[0], found.time[0], found.event[0], found.competing[0]) == (True, days, event, competing)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2020-01-01,2020-03-01,soon,,2020-05-01", "an event date could not be read"),
        ("2020-01-01,,2019-12-01,,2020-05-01", "event before start"),
        ("2020-01-01,,,,", "neither event nor last contact"),
    ],
)
def test_competing_dates_hold_a_patient_as_events_do(tmp_path: Path, row: str, reason: str) -> None:
    found = derive(tmp_path, f"{row},9,0,0,0", "dates")
    assert found.competing is not None
    assert (found.known[0], found.event[0], found.competing[0]) == (False, False, False)
    assert dict(found.reasons) == {reason: 1}


@pytest.mark.parametrize(
    ("flags", "event", "competing"),
    [
        ("0,1,0", False, True),
        ("0,0,1", False, True),
        ("1,1,0", True, False),  # the event wins
        ("1,,", True, False),  # what the other columns lack does not matter then
        ("0,1,", False, True),
        ("0,0,0", False, False),
    ],
)
def test_a_yes_no_column_says_what_ended_a_duration(tmp_path: Path, flags: str, event: bool, competing: bool) -> None:
    found = derive(tmp_path, f"2020-01-01,,,,2020-05-01,40,{flags}", "flags")
    assert found.competing is not None
    assert (found.known[0], found.time[0], found.event[0], found.competing[0]) == (True, 40, event, competing)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [("0,0,", "event missing"), (",1,0", "event missing"), ("0,maybe,0", "event could not be read")],
)
def test_a_cause_that_is_not_known_holds_the_patient(tmp_path: Path, flags: str, reason: str) -> None:
    found = derive(tmp_path, f"2020-01-01,,,,2020-05-01,40,{flags}", "flags")
    assert not found.known[0]
    assert dict(found.reasons) == {reason: 1}


def test_a_duration_is_cut_back_with_its_competing_event(tmp_path: Path) -> None:
    found = derive(tmp_path, "2020-01-01,,,,2020-05-01,200,0,1,0", "flags", CUTOFF)
    assert found.competing is not None
    assert (found.time[0], found.competing[0], found.cut_back) == (91, False, 1)


def test_an_endpoint_without_competing_events_has_none(tmp_path: Path) -> None:
    protocol, records = read(tmp_path, [f"1,a,{'2020-01-01,,,,2020-05-01'},9,0,0,0", OTHER], competing="")
    (population,) = protocol.plan()
    times = happened(protocol, population, records).times
    assert times["dates"].competing is None
    assert times["dates"].dead is None  # no date of death is declared


# ------------------------------------------------------------------------------------------- deaths that censor

TIMELINE = '[timeline]\ndeath = "death"'


def study(tmp_path: Path, dead: int, competing: str = "", contact: str = "2020-05-01") -> tuple[Results, list[str]]:
    """40 patients an arm, of whom some of the second arm die when they were last seen."""
    rows = []
    for i in range(80):
        dies = i % 2 == 1 and i // 2 < dead
        day = f"2020-03-{1 + i % 28:02d}"
        death = "2020-05-01" if dies else ""
        progressed = day if i // 2 >= 20 else ""
        rows.append(f"{i},{'ab'[i % 2]},2020-01-01,{progressed},,{death},{contact},9,0,0,0")
    protocol, records = read(tmp_path, rows, competing=competing, timeline=TIMELINE)
    results = run_study(protocol, records)
    return results, [sentence.text for sentence in compose(protocol, results, []).sections[0].warnings]


def test_deaths_that_censor_many_of_an_arm_are_warned_of(tmp_path: Path) -> None:
    results, told = study(tmp_path, 3)
    (row,) = results.select(analysis="warning", statistic="competing_censored")
    assert (row.endpoint, row.arm, row.unit) == ("dates", "B", "%")
    assert row.value == 7.5
    assert any(text.startswith("Progression: 7.5% of the patients of B are censored by their death") for text in told)


@pytest.mark.parametrize(
    ("dead", "competing", "contact"),
    [
        (2, "", "2020-05-01"),  # 5 % is not more than 5 %
        (9, 'competing = ["death"]', "2020-05-01"),
        (9, "", "2020-04-01"),  # seen last before death, which then did not end the time
    ],
)
def test_few_deaths_and_deaths_that_count_are_no_cause_for_it(
    tmp_path: Path, dead: int, competing: str, contact: str
) -> None:
    results, _ = study(tmp_path, dead, competing, contact)
    assert not results.select(analysis="warning", statistic="competing_censored")


def test_survival_itself_is_not_censored_by_death(tmp_path: Path) -> None:
    protocol, records = read(tmp_path, [f"1,a,{'2020-01-01,,,2020-05-01,2020-05-01'},9,0,0,0", OTHER], timeline=TIMELINE,
                             competing='competing = ["transplant", "death"]')  # fmt: skip
    (population,) = protocol.plan()
    times = happened(protocol, population, records).times
    assert times["dates"].dead is not None
    assert not np.any(times["dates"].dead)
