"""Pooled rows of three given imputations: every number as R's survival and mice have it; what cannot be pooled says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.stored import reference
from spec_study import PROTOCOL, patients, write_study
from twoarm.analyses.run import run_analyses
from twoarm.cohort.covariates import CategoricalValues, ContinuousValues
from twoarm.design.adjusted_cohort import AdjustedCohort, Lost, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.design.design_matrix import build_design_matrix
from twoarm.design.propensity import fit_propensity
from twoarm.endpoints.endpoints import Endpoints
from twoarm.endpoints.response import NE, PR, SD, BestResponse
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import compose
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.study import run_study

STORED = 1e-8  # R's Cox models end their iteration at 1e-9 of the likelihood
REFERENCE = reference("pooling")
VISITS = """
[events.visits]
file = "visits.csv"
key = "id"
[events.visits.columns]
id = "text"
day = "date"
seen = { type = "category", map = { CR = "CR", PR = "PR", SD = "SD", PD = "PD", NE = "NE" } }
[response]
table = "visits"
date = "day"
response = "seen"
denominator = "evaluable"
[adjustments.model]
kind = "multivariable"
[analyses.survival]
landmarks = [6]
"""


def protocol_of(more: str = "") -> Protocol:
    text = PROTOCOL.replace('label = "New"', 'label = "new"').replace('label = "Old"', 'label = "old"')
    text = text.replace('label = "Everybody"', 'label = "Everybody"\ntime_zero = "zero"')
    text = text.replace('days = "integer"', 'days = "integer"\nzero = "date"\nmarker = "number"\nlevel = "text"')
    covariates = (
        '[covariates]\nmarker = { kind = "continuous" }\nlevel = { kind = "categorical", levels = ["a", "b", "c"] }\n'
    )
    start, end = text.index("[covariates]"), text.index("[endpoints.os]")
    text = text[:start] + covariates + text[end:]
    return parse_protocol(text.replace('kind = "matching"', 'kind = "matching"\nnaive_variance = true') + VISITS + more)


def adjusted(protocol: Protocol, data: Mapping[str, Any]) -> list[AdjustedCohort]:
    """The cohort as it is, one matched set given by its rows, and the multivariable model."""
    n = len(data["marker"])
    treated = np.array(REFERENCE["patients"]["treated"], dtype=bool)
    covariates = {
        "marker": ContinuousValues("marker", "Marker", "", np.array(data["marker"])),
        "level": CategoricalValues("level", "Level", ("a", "b", "c"), 0, np.array(data["level"])),
    }
    keys = np.array([f"P{i}" for i in range(n)])
    completed = CompletedCohort("mi", keys, treated, covariates, {}, {}, np.arange(n), (), None)

    def cohort(name: str, row: Any, pair: Any = None, model: tuple[str, ...] = ()) -> AdjustedCohort:
        lost = None
        if pair is not None:
            focal = np.flatnonzero(treated)
            lost = Lost("new", focal, np.isin(focal, row), None, False)
        ones = np.ones(row.size)
        score = fit_propensity(treated, build_design_matrix(covariates, ["marker"], n), None) if lost else None
        return AdjustedCohort(
            name, name, completed, row, ones, pair, model, None, score, 0.1, lost, naive_variance=True
        )

    row = np.concatenate([data["first"], data["second"]])
    pair = np.tile(np.arange(len(data["first"])), 2)
    everybody = np.arange(n)
    return [
        cohort("unadjusted", everybody),
        cohort("matched", row, pair),
        cohort("model", everybody, model=("marker", "level")),
    ]


def outcomes(best: Any = None, rounded: bool = False) -> Endpoints:
    given = REFERENCE["patients"]
    event = np.array(given["event"], dtype=bool)
    known = np.ones(event.size, dtype=bool)
    time = TimeToEvent("os", "OS", np.array(given["time"]), event, known, {}, 0, rounded)
    answered = np.where(given["answered"], PR, SD) if best is None else best
    return Endpoints({"os": time}, BestResponse({"unconfirmed": answered}, {}), None)


def pooled(made: Sequence[Sequence[AdjustedCohort | NotAdjusted]], happened: Endpoints, protocol: Protocol) -> Results:
    (population,) = protocol.plan()
    ledger = Ledger(Estimate(analysis="", population="study", missing="mi"))
    run_analyses(protocol, population, made, happened, ledger)
    return Results.of(ledger.rows, ledger.curves)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return protocol_of()


@pytest.fixture(scope="module")
def made(protocol: Protocol) -> list[list[AdjustedCohort]]:
    return [adjusted(protocol, data) for data in REFERENCE["imputed"]]


@pytest.fixture(scope="module")
def results(protocol: Protocol, made: list[list[AdjustedCohort]]) -> Results:
    return pooled(made, outcomes(), protocol)


def test_every_pooled_number_as_r(results: Results) -> None:
    for row in REFERENCE["rows"]:
        wanted = {name: value for name, value in row.items() if name != "value"}
        assert results.get(**wanted).value == pytest.approx(row["value"], rel=STORED), wanted


def test_no_row_is_without_a_number_and_a_reason(results: Results) -> None:
    assert [row.id for row in results.estimates if row.value is None and not row.note] == []
    assert not results.select(status="failed")


def test_what_nothing_missing_has_touched_stays(results: Results) -> None:
    here = {"adjustment": "unadjusted", "arm": "new vs old"}
    assert results.get(**here, analysis="hazard_ratio", statistic="hazard_ratio").method == "Cox, Efron ties, Wald"
    assert results.get(**here, analysis="survival", statistic="p_value").method == "log-rank"
    assert results.get(**here, analysis="response", variable="disease_control", statistic="p_value").value is None


def test_the_curve_of_whole_arms_keeps_its_own_limits() -> None:
    """A dialect with log limits: the unadjusted curve is the same in all imputations and is not pooled."""
    protocol = protocol_of('interval = "log"\n')
    made = [adjusted(protocol, data) for data in REFERENCE["imputed"]]
    results = pooled(made, outcomes(), protocol)
    curve = results.curve(adjustment="unadjusted", kind="survival", arm="new")
    at = results.get(adjustment="unadjusted", analysis="survival", arm="new", statistic="survival_lower")
    assert curve is not None
    assert curve.columns["lower"][np.searchsorted(curve.columns["time"], 182.625, side="right") - 1] == at.value


def test_a_rounded_landmark_is_rounded_in_the_pooled_curve_too(protocol: Protocol, made: Any) -> None:
    """Six months are 182.625 days, 183 where days were rounded from months; events on day 183 count there."""
    happened = outcomes(rounded=True)
    happened.times["os"].time[:] = np.where(happened.times["os"].time == 180, 183, happened.times["os"].time)
    results = pooled(made, happened, protocol)
    here = {"adjustment": "matched", "analysis": "survival", "arm": "new", "statistic": "survival"}
    plain = next(row for row in REFERENCE["rows"] if row["statistic"] == "survival")
    assert results.get(**here).value == pytest.approx(plain["value"], rel=STORED)


def test_the_pooled_limit_stands_where_single_ones_could_not_be_had(made: Any) -> None:
    protocol = protocol_of('quantile_interval = ["normal", "inverted"]\n')
    results = pooled(made, outcomes(), protocol)
    rows = results.select(adjustment="matched", analysis="survival", statistic="median_lower")
    assert [(row.arm, row.method) for row in rows] == [
        (arm, "inverting the pooled curve") for arm in ("all", "new", "old")
    ]


def test_a_rate_of_nobody_keeps_both_limits(protocol: Protocol, made: Any) -> None:
    results = pooled(made, outcomes(np.full(60, SD)), protocol)
    here = {"adjustment": "matched", "analysis": "response", "arm": "new", "variable": "objective_response"}
    assert results.get(**here, statistic="percent").value == 0
    assert results.get(**here, statistic="percent_lower").value == 0
    upper = results.get(**here, statistic="percent_upper")
    assert upper.value is not None
    assert 12 < upper.value < 18  # Wilson: 3.84 / (n + 3.84) with n from 21 to 24
    contrast = {**here, "arm": "new vs old"}
    assert results.get(**contrast, statistic="difference").value == 0
    assert results.get(**contrast, statistic="difference_lower").note.startswith("the estimates have no variance")


def test_degrees_of_freedom_count_whole_pairs(protocol: Protocol, made: Any) -> None:
    best = np.where(REFERENCE["patients"]["answered"], PR, SD)
    best[::4] = NE
    results = pooled(made, outcomes(best), protocol)
    here = {"adjustment": "matched", "analysis": "response", "variable": "objective_response", "arm": "new vs old"}
    whole = results.get(**here, statistic="pairs").value
    everybody = results.get(adjustment="matched", analysis="lost", statistic="pairs", arm="new vs old").value
    assert whole is not None
    assert everybody is not None
    assert 0 < whole < everybody
    assert results.get(**here, statistic="difference").value is not None


def test_an_adjustment_that_some_imputations_do_not_allow(protocol: Protocol, made: Any) -> None:
    refused = NotAdjusted("matched", "Matched", "no pair within the caliper")
    results = pooled([made[0], [made[1][0], refused, made[1][2]], made[2]], outcomes(), protocol)
    row = results.get(adjustment="matched", analysis="hazard_ratio", statistic="hazard_ratio")
    assert row.note == "not possible in 1 of 3 imputations (no pair within the caliper)"
    assert {row.analysis for row in results.select(adjustment="matched")} == {"adjustment", "hazard_ratio"}
    assert results.get(adjustment="model", analysis="hazard_ratio", arm="new vs old", statistic="p_value").value


def test_a_test_that_changes_between_imputations_is_one_row(protocol: Protocol, made: Any) -> None:
    sparse = dict(REFERENCE["imputed"][0])
    sparse["level"] = [0] * 57 + [1, 1, 2]
    results = pooled([adjusted(protocol, sparse), made[1], made[2]], outcomes(), protocol)
    row = results.get(adjustment="unadjusted", analysis="baseline", variable="level", statistic="p_value")
    assert row.value is None
    assert row.note == "not one test in all 3 imputations: Fisher exact in 1, Pearson chi-squared in 2"


def test_broken_pairs_are_a_mean(protocol: Protocol, made: Any) -> None:
    happened = outcomes()
    happened.times["os"].known[:6] = False
    results = pooled(made, happened, protocol)
    broken = [
        sum(min(a, b) < 6 for a, b in zip(data["first"], data["second"], strict=True)) for data in REFERENCE["imputed"]
    ]
    row = results.get(adjustment="matched", analysis="warning", statistic="broken_pairs")
    assert row.value == pytest.approx(np.mean(broken), rel=STORED)


IMPUTED = '\n[missing.mi]\nkind = "multiple_imputation"\nimputations = {m}\n'
CHANGES = {'title = "A small study"': 'title = "A small study"\nseed = 3', "age >= 18": "days >= 0"}


def study(folder: Path, rows: list[dict[str, str]], m: int = 2, more: str = "") -> tuple[Protocol, Results]:
    protocol = read_protocol(write_study(folder, rows, CHANGES, IMPUTED.format(m=m) + more))
    return protocol, run_study(protocol, read_records(protocol, folder))


@pytest.mark.parametrize("lacking", [(), (7,), tuple(range(0, 60, 5))])
@pytest.mark.parametrize("alike", [False, True])
def test_whole_studies_are_pooled_and_composed(tmp_path: Path, lacking: tuple[int, ...], alike: bool) -> None:
    rows = [{**row, "age": "" if i in lacking else "55" if alike else row["age"]} for i, row in enumerate(patients())]
    protocol, results = study(tmp_path, rows)
    assert compose(protocol, results, [])
    assert [row.id for row in results.estimates if row.value is None and not row.note] == []


def test_a_covariate_that_an_arm_lacks_is_not_drawn_from_the_other(tmp_path: Path) -> None:
    rows = [{**row, "age": "" if row["arm"] == "new" else row["age"]} for row in patients()]
    _, results = study(tmp_path, rows)
    made = results.select(missing="mi", analysis="adjustment")
    assert {row.note for row in made} == {"Age (years) is missing for everybody in New, and is not imputed"}


def test_no_small_count_is_left_among_pooled_ones(tmp_path: Path) -> None:
    rows = [{**row, "sex": "" if i % 6 == 0 else row["sex"]} for i, row in enumerate(patients())]
    _, results = study(tmp_path, rows, 3, "\n[disclosure]\nminimum_cell = 10\n")
    shown = [row for row in results.estimates if row.value is not None]
    counts = [row for row in shown if row.statistic.partition("_")[0] in ("n", "events", "pairs", "unmatched")]
    assert [row.id for row in counts if row.unit != "%" and 0 < float(row.value or 0) < 10] == []
    assert results.select(status="suppressed", statistic="n_minimum")
