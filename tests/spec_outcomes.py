"""A study of four patients with visits and adverse events, in files: change one thing, see what follows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twoarm.cohort.cohort import build_cohort
from twoarm.endpoints.endpoints import Endpoints, endpoints_of, with_endpoints
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.protocol.read import read_protocol
from twoarm.records.records import Records, read_records

PROTOCOL = """\
format_version = 1
title = "Visits and adverse events"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
arm = "text"
start = "date"
progression = "date"
death = "date"
contact = "date"

[events.visits]
file = "visits.csv"
key = "id"

[events.visits.columns]
id = "text"
day = "date"
response = { type = "category", map = { CR = "CR", PR = "PR", SD = "SD", PD = "PD", NE = "NE" } }

[events.adverse]
file = "adverse.csv"
key = "id"

[events.adverse.columns]
id = "text"
term = "text"
serious = "boolean"
grade = "integer"
onset = "date"

[populations.study]
label = "Everybody"
time_zero = "start"
arms = { column = "arm", treated = { value = "a", label = "A" }, comparator = { value = "b", label = "B" } }

[covariates]
arm_again = { kind = "categorical", source = "arm", levels = ["a", "b"] }

[endpoints.os]
label = "Overall survival"
events = ["death"]
censoring = ["contact"]

[response]
table = "visits"
date = "day"
response = "response"
death = "death"

[safety]
table = "adverse"
term = "term"
grade = "grade"
onset = "onset"
ctcae_version = "5.0"
"""

FILES = {
    "patients.csv": "id,arm,start,progression,death,contact\n"
    "1,a,2020-01-01,,,2020-12-01\n2,a,2020-01-01,,2020-06-01,2020-06-01\n"
    "3,b,2020-01-01,,,2020-12-01\n4,b,2020-01-01,,,2020-12-01\n",
    "visits.csv": "id,day,response\n1,2020-02-01,PR\n",
    "adverse.csv": "id,term,serious,grade,onset\n1,Rash,no,2,2020-01-05\n",
}


def write_outcomes(
    folder: Path, replace: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
) -> Path:
    """Write protocol and tables; return the protocol's path."""
    text = PROTOCOL
    for old, new in (replace or {}).items():
        assert old in text, f"{old!r} stands in the protocol that a test changes"
        text = text.replace(old, new, 1)
    for name, content in {**FILES, **(files or {})}.items():
        (folder / name).write_text(content, "utf-8")
    study = folder / "study.toml"
    study.write_text(text, "utf-8")
    return study


def derive_outcomes(study: Path) -> Endpoints:
    """Return what happened to the study population."""
    protocol = read_protocol(study)
    records = read_records(protocol, study.parent)
    (population,) = protocol.plan()
    return happened(protocol, population, records)


def happened(protocol: Protocol, population: StudyPopulation, records: Records) -> Endpoints:
    """Return what happened to a population of some records."""
    known = with_endpoints(protocol, population, records)
    return endpoints_of(protocol, population, known, build_cohort(protocol, population, known))
