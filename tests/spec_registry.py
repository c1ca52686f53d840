"""A registry of few values: dates, some of them partial, a third arm, cells left out, events; and what is asked of it."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

DATED = """\
format_version = 1
title = "A registry of few values"
time_unit = "months"
data_cutoff = 2020-06-01

[data.registry]
file = "registry.csv"
key = "number"
on_invalid = "hold"

[data.registry.columns]
number = "text"
arm = "text"
start = "date"
therapy = "date"
progression = { type = "date", partial = "middle" }
death = "date"
contact = "date"
stage = "integer"
age = "integer"
sex = "text"
site = "text"

[timeline]
death = "death"
last_contact = "contact"
treatment_start = "therapy"

[populations.study]
label = "Everybody"
time_zero = "start"

[populations.study.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }
other = "exclude"

[[populations.study.criteria]]
label = "Stage below 4"
include = "stage < 4"

[[populations.study.criteria]]
label = "No site of its own"
exclude = "site == 'alone'"
if_missing = "keep"

[populations.women]
label = "Women"
time_zero = "start"
covariates = ["age", "stage", "sex", "old"]

[populations.women.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }
other = "exclude"

[[populations.women.criteria]]
label = "Women"
include = "sex == 'f'"

[covariates]
age = { kind = "continuous", unit = "years" }
old = { kind = "cut", source = "age", breaks = [50, 60], labels = ["young", "middle", "old"] }
stage = { kind = "categorical", levels = [1, 2, 3] }
sex = { kind = "categorical", levels = ["f", "m"] }

[endpoints.pfs]
label = "Progression-free survival"
primary = true
events = ["progression", "death"]
censoring = ["contact"]

[endpoints.progression]
label = "Progression"
events = ["progression"]
competing = ["death"]
censoring = ["contact"]

[endpoints.alone]
label = "Progression, death censored"
events = ["progression"]
censoring = ["death", "contact"]

[adjustments.weighted]
kind = "weighting"
covariates = ["age", "sex"]

[adjustments.multivariable]
kind = "multivariable"
covariates = ["old", "age"]

[centres]
column = "site"
minimum_events = 2

[subgroups]
variables = ["old", "stage"]
minimum_events = 3

[analyses.survival]
landmarks = [6, 12]

[analyses.landmark]
times = [3]
"""


def registry(seed: int, n: int = 420) -> pl.DataFrame:
    """Return patients of few values, with partial dates, third arms, cells left out, and dates after the cut-off."""
    g = np.random.default_rng(seed)
    start = datetime.date(2019, 1, 1)
    rows = []
    for i in g.permutation(n).tolist():
        zero = start + datetime.timedelta(days=int(g.choice([0, 31, 59])))
        last = zero + datetime.timedelta(days=int(g.choice([0, 90, 180, 300, 500, 700])))
        sick = zero + datetime.timedelta(days=int(g.choice([60, 150, 240]))) if g.random() < 0.5 else None
        sick = sick if sick is not None and sick < last else None
        dead = g.random() < 0.4
        rows.append(
            {
                "number": f"{i:04d}",
                "arm": str(g.choice(["new", "old", "other", ""], p=[0.4, 0.5, 0.06, 0.04])),
                "start": "" if g.random() < 0.02 else str(zero),
                "therapy": str(zero + datetime.timedelta(days=int(g.choice([0, 10], p=[0.9, 0.1])))),
                "progression": "" if sick is None else str(sick)[: int(g.choice([7, 10]))],
                "death": str(last) if dead else "",
                "contact": str(last),
                "stage": str(g.choice(["1", "2", "3", "4", "9", ""], p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05])),
                "age": str(g.choice([44, 52, 67, 70])) if g.random() > 0.05 else "",
                "sex": str(g.choice(["f", "m", ""], p=[0.55, 0.4, 0.05])),
                "site": str(g.choice(["A", "B", "C", "alone", ""], p=[0.4, 0.3, 0.1, 0.1, 0.1])),
            }
        )
    return pl.DataFrame(rows)


LABS = """
[data.labs]
{labs}
key = "number"
on_invalid = "hold"

[data.labs.columns]
number = "text"
age = "integer"
ldh = {{ type = "number", missing = ["", "-9"], minimum = 0 }}
"""
EVENTS = """
[events.visits]
{visits}
key = "number"
on_invalid = "hold"

[events.visits.columns]
number = "text"
day = "date"
word = {{ type = "category", map = {{ cr = "CR", pr = "PR", sd = "SD", pd = "PD", ne = "NE" }} }}

[events.adverse]
{adverse}
key = "number"
on_invalid = "hold"

[events.adverse.columns]
number = "text"
term = "text"
grade = "integer"
onset = "date"
serious = {{ type = "boolean", true = ["yes"], false = ["no"] }}

[derived]
high = "ldh > 250 and age >= 50"
years = "round((therapy - start) / 365.25 days, 3)"
later = "start + 14 days"
"""
OUTCOMES = """
[response]
table = "visits"
date = "day"
response = "word"
progression = "progression"
death = "death"
confirmation = "both"
stable_disease_days = 40

[safety]
table = "adverse"
term = "term"
grade = "grade"
onset = "onset"
last_day = 200
every_term = true
ctcae_version = "5.0"

[[safety.rows]]
label = "Any"

[[safety.rows]]
label = "Serious"
where = "serious and grade >= 2"
"""


def with_events(seed: int, n: int = 420) -> dict[str, pl.DataFrame]:
    """Return the registry with a second table of patients, and visits and adverse events, by name."""
    g = np.random.default_rng(seed)
    patients = registry(seed, n)
    keys, start = patients["number"].to_list(), datetime.date(2019, 1, 1)

    def day() -> str:
        return str(start + datetime.timedelta(days=int(g.integers(-20, 520)))) if g.random() > 0.03 else ""

    def some(words: list[str], p: list[float]) -> str:
        return str(g.choice(words, p=p))

    known = [key for key in keys if g.random() < 0.8] + ["9001"]
    labs = [
        {"number": key, "age": some(["44", "52", "67", "70", ""], [0.02, 0.02, 0.02, 0.02, 0.92]), "ldh": ldh}
        for key in known
        for ldh in [some(["200", "180.5", "310", "-9", "", "high"], [0.3, 0.2, 0.3, 0.1, 0.08, 0.02])]
    ]
    words = ["cr", "pr", "sd", "pd", "ne", "", "?"]
    visits = [
        {"number": key, "day": day(), "word": some(words, [0.15, 0.2, 0.3, 0.15, 0.1, 0.05, 0.05])}
        for key in [*keys, "9002"]
        for _ in range(int(g.integers(0, 5)))
    ]
    adverse = [
        {
            "number": key,
            "term": some(["Rash", "Nausea", "Fatigue", ""], [0.4, 0.3, 0.25, 0.05]),
            "grade": some(["1", "2", "3", "4", "5", "", "9"], [0.3, 0.3, 0.2, 0.1, 0.02, 0.05, 0.03]),
            "onset": day(),
            "serious": some(["yes", "no", ""], [0.2, 0.7, 0.1]),
        }
        for key in [*keys, "9003"]
        for _ in range(int(g.integers(0, 3)))
    ]
    return {
        "registry": patients,
        "labs": pl.DataFrame(labs),
        "visits": pl.DataFrame(visits),
        "adverse": pl.DataFrame(adverse),
    }


def with_events_protocol(place: str) -> str:
    """Return what is asked of it, each table at a place such as ``folder = "{}"``."""
    head, _, tail = DATED.replace('file = "registry.csv"', place.format("registry")).partition("\n[timeline]")
    tables = {name: place.format(name) for name in ("labs", "visits", "adverse")}
    return f"{head}\n{LABS.format(**tables)}{EVENTS.format(**tables)}\n[timeline]{tail}{OUTCOMES}"
