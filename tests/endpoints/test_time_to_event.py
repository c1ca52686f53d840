"""Dates -> endpoints: tiny tables of start, events, contacts and cut-off against days and event."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_outcomes import happened
from twoarm.cohort.cohort import build_cohort
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records

PROTOCOL = """\
format_version = 1
title = "Dates"
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
death = "date"
contact = "date"
assessment = "date"
[populations.study]
label = "All"
arms = {{ column = "arm", treated = {{ value = "a", label = "A" }}, comparator = {{ value = "b", label = "B" }} }}
[covariates]
arm_again = {{ kind = "categorical", source = "arm", levels = ["a", "b"] }}
[endpoints.pfs]
label = "Progression-free survival"
start = "start"
events = ["progression", "death"]
censoring = ["assessment", "contact"]
"""


def derive(tmp_path: Path, row: str, top: str = "") -> TimeToEvent:
    header = "id,arm,start,progression,death,contact,assessment"
    (tmp_path / "patients.csv").write_text(f"{header}\n1,a,{row}\n2,b,2020-01-01,,,2020-06-01,\n")
    protocol = parse_protocol(PROTOCOL.format(top=top))
    records = read_records(protocol, tmp_path)
    (population,) = protocol.plan()
    return happened(protocol, population, records).times["pfs"]


@pytest.mark.parametrize(
    ("row", "days", "event"),
    [
        ("2020-01-01,2020-03-01,2020-05-01,2020-05-01,", 60, True),  # 2020 is a leap year
        ("2020-01-01,,2020-05-01,2020-05-01,", 121, True),
        ("2020-01-01,,,2020-06-01,2020-04-01", 91, False),  # the first of the list that is there
        ("2020-01-01,,,2020-06-01,", 152, False),
        ("2020-01-01,2020-01-01,,2020-06-01,", 0, True),  # an event on the first day is kept
        ("2020-01-01,2020-05-01,2020-03-01,2020-06-01,", 60, True),  # the earliest counts
    ],
)
def test_dates_become_days_and_event(row: str, days: int, event: bool, tmp_path: Path) -> None:
    endpoint = derive(tmp_path, row)
    assert (endpoint.time[0], endpoint.event[0], endpoint.known[0]) == (days, event, True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2020-03-01,,2020-06-01,", "start missing"),
        ("2020-02-30,2020-03-01,,2020-06-01,", "start could not be read"),
        ("2020-01-01,2020-13-01,,2020-06-01,", "an event date could not be read"),
        ("2020-01-01,,,,", "neither event nor last contact"),
        ("2020-01-01,,,2020-06-31,", "last contact could not be read"),
        ("2020-01-01,2019-12-31,,2020-06-01,", "event before start"),
        ("2020-01-01,,,2019-06-01,", "last contact before start"),
    ],
)
def test_what_cannot_be_told_is_held_with_its_reason(row: str, reason: str, tmp_path: Path) -> None:
    endpoint = derive(tmp_path, row)
    assert not endpoint.known[0]
    assert endpoint.reasons == {reason: 1}


@pytest.mark.parametrize(
    ("row", "days", "event", "cut_back"),
    [
        ("2020-01-01,2020-03-01,,2020-06-01,", 60, True, 1),  # the other patient is cut back
        ("2020-01-01,2020-05-01,,2020-06-01,", 91, False, 2),
        ("2020-01-01,,,2020-06-01,", 91, False, 2),
        ("2020-01-01,2020-04-01,,2020-06-01,", 91, True, 1),  # on the day of the cut-off
    ],
)
def test_nothing_counts_after_the_cut_off(row: str, days: int, event: bool, cut_back: int, tmp_path: Path) -> None:
    endpoint = derive(tmp_path, row, "data_cutoff = 2020-04-01")
    assert (endpoint.time[0], endpoint.event[0], endpoint.cut_back) == (days, event, cut_back)


def test_a_start_after_the_cut_off_is_held(tmp_path: Path) -> None:
    endpoint = derive(tmp_path, "2020-04-02,,,2020-06-01,", "data_cutoff = 2020-04-01")
    assert endpoint.reasons == {"start after the data cut-off": 1}


def test_the_inclusive_day_count_adds_one(tmp_path: Path) -> None:
    endpoint = derive(tmp_path, "2020-01-01,2020-03-01,,2020-06-01,", 'day_count = "inclusive"')
    assert endpoint.time.tolist() == [61, 153]


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (",2020-03-01,,2020-06-01,", "Time zero not known"),
        ("2020-02-30,2020-03-01,,2020-06-01,", "Time zero not known"),
        ("2020-04-02,,,2020-06-01,", "Time zero after the data cut-off"),
    ],
)
def test_who_has_no_time_zero_leaves_before_any_adjustment(row: str, label: str, tmp_path: Path) -> None:
    header = "id,arm,start,progression,death,contact,assessment"
    rest = "2,a,2020-01-01,,,2020-06-01,\n3,b,2020-01-01,,,2020-06-01,\n"
    (tmp_path / "patients.csv").write_text(f"{header}\n1,a,{row}\n{rest}")
    text = PROTOCOL.format(top="data_cutoff = 2020-04-01").replace(
        'label = "All"', 'label = "All"\ntime_zero = "start"'
    )
    protocol = parse_protocol(text)
    cohort = build_cohort(protocol, protocol.plan()[0], read_records(protocol, tmp_path))
    assert [(step.label, step.excluded.all) for step in cohort.attrition.steps[1:]] == [(label, 1)]
    assert cohort.key.tolist() == ["2", "3"]
