"""Studies of counted rows say what they say of every patient: nothing is expanded where nobody asks for patients."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_counted import assert_same, counted
from spec_registry import DATED, registry
from twoarm.analyses import cox_model
from twoarm.analyses.run import ANALYSES, OF_HAZARD_RATIOS
from twoarm.cohort.cohort import build_cohort
from twoarm.endpoints.endpoints import with_endpoints
from twoarm.errors import RecordsError
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.records.engines.one_by_one import needs_patients
from twoarm.records.records import Records, read_records
from twoarm.results.results import Results
from twoarm.statistics import distinct_rows, piecewise_hazard_ratio
from twoarm.study import design_summary, run_study

ROTTERDAM = Path(__file__).parents[2] / "examples" / "rotterdam"
ONE_BY_ONE = {"lost", "response", "safety", "specifications"}  # pairs, tables of events, and a grid: of keyed patients

WEIGHTINGS = """
[adjustments.ate]
kind = "weighting"
primary = true
truncate_quantiles = [0.02, 0.97]

[adjustments.att]
kind = "weighting"
estimand = "ATT"
truncate_at = [0.1, 3.0]

[adjustments.ato]
kind = "weighting"
estimand = "ATO"

[adjustments.entropy]
kind = "weighting"
method = "entropy"
estimand = "ATE"
covariates = ["age", "meno"]

[adjustments.multivariable]
kind = "multivariable"
covariates = ["age", "meno", "size", "grade"]
"""
EVERYTHING = """
[analyses]
dialects = ["spss", "sas"]

[analyses.survival]
landmarks = [5, 10]
quantile_interval = ["inverted", "normal"]

[analyses.piecewise]
minimum_events = 5

[analyses.landmark]
times = [1]

[centres]
column = "size"

[sensitivity.unmeasured]
prevalence_treated = 0.3
prevalence_comparator = 0.5

[prognostic]
screening = { p_below = 0.4, by = "global" }
"""
OTHERWISE = """
[analyses.baseline]
continuous = "mean"

[analyses.follow_up]
method = "observed"

[analyses.survival]
landmarks = [3]
interval = "plain"

[analyses.piecewise]
cuts = [2, 5]

[analyses.restricted_mean]
tau = 4

[prognostic]
arm = "comparator"
"""


def rotterdam_rows(seed: int, n: int = 900, kinds: int = 250) -> pl.DataFrame:
    """Return patients of the Rotterdam tumour bank, drawn again and again, with a few cells left out."""
    g = np.random.default_rng(seed)
    frame = pl.read_csv(ROTTERDAM / "rotterdam.csv", infer_schema=False)
    few = frame[g.choice(frame.height, kinds, replace=False)]
    for name in ("grade", "size", "dtime"):
        few = few.with_columns(pl.Series(name, np.where(g.random(kinds) < 0.02, None, few[name].to_numpy())))
    drawn = few[g.integers(0, kinds, n)]
    return drawn.with_columns(pl.Series("pid", [f"{i:05d}" for i in g.permutation(n)]))


def rotterdam_text(more: str) -> str:
    head, _, _ = (ROTTERDAM / "study.toml").read_text("utf-8").partition("[adjustments.multivariable]")
    head = head.replace('recur or death"', 'recur or death"\ndied_first = "death and not recur"')
    return f"""{head}
[endpoints.recurrence]
label = "Recurrence"
time = "recurrence_free_days"
event = "recur"
competing = ["died_first"]

[subgroups]
variables = ["meno", "size", "chemo"]
{more}"""


def some(*names: str) -> str:
    """Return some of the weightings."""
    parts = WEIGHTINGS.split("\n\n")
    return "\n\n".join(part for part in parts if any(f"adjustments.{name}]" in part for name in names)) + "\n"


ROTTERDAM_STUDIES: Mapping[str, str] = {
    "everything": rotterdam_text(WEIGHTINGS + EVERYTHING),
    "means and other curves": rotterdam_text(some("ate", "att") + OTHERWISE),
    "event-free, Breslow ties, an offset": rotterdam_text(
        some("ate")
        + '[analyses.follow_up]\nmethod = "event_free"\n[analyses.hazard_ratio]\nties = "breslow"\noffset = "age"\n'
    ).replace('nodes > 0"', 'nodes > 1 and year >= 1980"'),
}


def analysed_rows(protocol: Protocol, records: Records) -> int:
    study = protocol.plan()[0]
    return build_cohort(protocol, study, with_endpoints(protocol, study, records)).key.size


def compare(text: str, frame: pl.DataFrame) -> Results:
    """Run a study on every patient and on counted rows; return what is said of every patient."""
    protocol = parse_protocol(text)
    assert not needs_patients(protocol)
    every = read_records(protocol, frames=dict.fromkeys(protocol.data, frame))
    alike = counted(every)
    assert analysed_rows(protocol, alike) < analysed_rows(protocol, every)
    wanted, found = (run_study(protocol, records) for records in (every, alike))
    assert not [row.id for row in wanted.estimates if row.status == "failed"]
    assert_same(found, wanted)
    assert list(design_summary(protocol, alike)) == list(design_summary(protocol, every))
    return wanted


@cache
def rotterdam(study: str) -> Results:
    return compare(ROTTERDAM_STUDIES[study], rotterdam_rows(7))


@pytest.mark.parametrize("study", ROTTERDAM_STUDIES)
def test_a_study_of_counted_rows_is_that_of_its_patients(study):
    rotterdam(study)


def test_every_analysis_was_looked_at():
    """A new analysis cannot forget the frequency: it stands in one of these studies, or needs patients one by one."""
    seen = {row.analysis for row in rotterdam("everything").estimates}
    assert (ANALYSES.keys() | OF_HAZARD_RATIOS.keys()) - ONE_BY_ONE <= seen
    assert {curve.kind for curve in rotterdam("everything").curves} >= {
        "survival",
        "cumulative_incidence",
        "histogram",
        "weights",
        "schoenfeld",
        "schoenfeld_smooth",
        "standardised",
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_registry_with_dates_holes_and_sub_cohorts(seed):
    found = compare(DATED, registry(seed))
    warned = {row.statistic for row in found.select(analysis="warning")}
    assert warned >= {"zero_follow_up", "immortal_time", "competing_censored"}
    assert found.select(analysis="partial_dates", statistic="held")
    assert any(row.value for row in found.select(analysis="endpoint", statistic="cut_back_to_data_cutoff"))
    assert any(row.value for row in found.select(analysis="attrition", statistic="excluded_unknown"))


SMALL = """\
format_version = 1
title = "A small study"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
arm = "text"
age = "integer"
sex = "text"
copy = "text"
days = "integer"
died = { type = "boolean", true = ["1"], false = ["0"] }

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }

[covariates]
age = { kind = "continuous", unit = "years" }
sex = { kind = "categorical", levels = ["f", "m"] }
copy = { kind = "categorical", levels = ["new", "old"] }

[endpoints.os]
label = "Overall survival"
time = "days"
event = "died"

[adjustments.ipw]
kind = "weighting"
covariates = ["sex"]

[adjustments.regression]
kind = "multivariable"
covariates = ["age", "sex", "copy"]

[subgroups]
variables = ["sex"]
minimum_events = 1

[prognostic]
covariates = ["age", "sex"]
"""


def small(seed: int, *, events: tuple[float, float] = (0.6, 0.8), missing: float = 0.0, n: int = 80) -> pl.DataFrame:
    """Return patients of very few values; ``events`` are the arms' shares with the event."""
    g = np.random.default_rng(seed)
    arm = g.choice(["new", "old"], n, p=[0.4, 0.6])
    died = g.random(n) < np.where(arm == "new", *events)
    return pl.DataFrame(
        {
            "id": [f"P{i:03d}" for i in g.permutation(n)],
            "arm": arm,
            "age": np.where(g.random(n) < missing, "", g.choice(["40", "50", "60"], n)),
            "sex": np.where(g.random(n) < missing, "", g.choice(["f", "m"], n)),
            "copy": arm,
            "days": g.choice(["0", "5", "9", "20"], n, p=[0.1, 0.3, 0.3, 0.3]),
            "died": np.where(died, "1", "0"),
        }
    )


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_ties_of_every_kind(ties):
    text = (
        SMALL.replace('[adjustments.ipw]\nkind = "weighting"\ncovariates = ["sex"]\n', "") if ties == "exact" else SMALL
    )
    compare(f'{text}\n[analyses.hazard_ratio]\nties = "{ties}"\n', small(5))


def test_counted_rows_are_counted_again_where_a_model_has_few_columns(monkeypatch):
    monkeypatch.setattr(cox_model, "MANY_ROWS", 1)
    monkeypatch.setattr(piecewise_hazard_ratio, "MANY_ROWS", 1)
    monkeypatch.setattr(distinct_rows, "FEWER", 0)
    compare(SMALL, small(5))


def test_an_arm_without_events_has_firths_estimate():
    found = compare(SMALL, small(3, events=(0.0, 0.7)))
    assert [row for row in found.select(analysis="hazard_ratio", statistic="hazard_ratio") if "Firth" in row.method]


@pytest.mark.parametrize("events", [(0.0, 0.0), (1.0, 1.0)])
def test_nobody_and_everybody_with_the_event(events):
    compare(SMALL, small(4, events=events))


def test_complete_cases_that_leave_an_arm_empty():
    frame = small(6, missing=0.1).with_columns(sex=pl.when(pl.col("arm") == "new").then(pl.lit("")).otherwise("sex"))
    found = compare(SMALL, frame)
    (row, *_) = found.select(analysis="adjustment", status="not_estimable")
    assert row.note.endswith("Sex is missing for 35 patients")
    assert found.select(analysis="warning", statistic="mostly_missing", arm="New")


def test_an_empty_arm_is_refused_with_the_patients_that_there_were():
    protocol = parse_protocol(
        SMALL.replace(
            "[covariates]", '[[populations.study.criteria]]\nlabel = "Old"\ninclude = "arm == \'old\'"\n\n[covariates]'
        )
    )
    every = read_records(protocol, frames={"patients": small(5)})
    said = []
    for records in (every, counted(every)):
        with pytest.raises(RecordsError) as refused:
            run_study(protocol, records)
        said.append(str(refused.value))
    assert said[0] == said[1]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.15]), n=st.integers(30, 120))
def test_studies_of_any_few_values(seed, missing, n):
    compare(SMALL, small(seed, missing=missing, n=n))
