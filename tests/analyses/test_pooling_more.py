"""Restricted means, cumulative incidence and centres pooled over three given imputations, as R, cmprsk and mice have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracles.stored import reference
from spec_study import PROTOCOL
from twoarm.analyses.run import run_analyses
from twoarm.cohort.covariates import ContinuousValues
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.design.complete import CompletedCohort
from twoarm.endpoints.endpoints import Endpoints
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.pooled_curve import Incidence, pool_curves, pool_incidence

GIVEN, EXPECTED = reference("pooling"), reference("pooling_more")
CLOSE = 1e-8  # the ledger keeps twelve digits
MORE = """
[data.patients.columns.other]
type = "boolean"
true = ["1"]
false = ["0"]
[data.patients.columns.site]
type = "text"
[endpoints.first]
label = "First"
time = "days"
event = "died"
competing = ["other"]
[analyses.survival]
landmarks = [180, 300]
[analyses.restricted_mean]
tau = 600
[centres]
column = "site"
minimum_events = 1
[missing.mi]
kind = "multiple_imputation"
imputations = 3
"""
SAMPLE = {"adjustment": "matched", "missing": "mi"}
CONTRAST = {**SAMPLE, "arm": "new vs old"}


def protocol_of(change: tuple[str, str] = ("", "")) -> Protocol:
    text = PROTOCOL.replace('label = "New"', 'label = "new"').replace('label = "Old"', 'label = "old"')
    text = text.replace('time_unit = "months"', 'time_unit = "days"\nseed = 1')
    text = text.replace('label = "Overall survival"', 'label = "Overall survival"\nprimary = true')
    return parse_protocol((text + MORE).replace(*change))


def cohorts(first: list[int], second: list[int]) -> list[AdjustedCohort]:
    n = len(GIVEN["patients"]["time"])
    treated = np.array(GIVEN["patients"]["treated"], dtype=bool)
    covariates: Any = {
        "age": ContinuousValues("age", "Age", "", np.arange(n, dtype=float)),
        "sex": ContinuousValues("sex", "Sex", "", np.arange(n, dtype=float) % 7),
    }
    sites = {"site": np.array([f"v{i % 3}" for i in range(n)])}
    keys = np.array([f"P{i}" for i in range(n)])
    completed = CompletedCohort("mi", keys, treated, covariates, {}, sites, np.arange(n), (), None)
    made = []
    for name, row, pair in (
        ("unadjusted", np.arange(n), None),
        ("matched", np.array([*first, *second]), np.tile(np.arange(len(first)), 2)),
    ):
        ones = np.ones(row.size)
        made.append(
            AdjustedCohort(name, name, completed, row, ones, pair, (), None, None, None, None, naive_variance=False)
        )
    return made


def outcomes(apart: int = 0) -> Endpoints:
    given = GIVEN["patients"]
    event, answered = np.array(given["event"], dtype=bool), np.array(given["answered"], dtype=bool)
    known, time = np.ones(event.size, dtype=bool), np.array(given["time"]) + apart * np.arange(event.size)
    plain = TimeToEvent("os", "OS", time, event, known, {}, 0, False)
    first = TimeToEvent("first", "First", time, event, known, {}, 0, False, competing=answered & ~event)
    return Endpoints({"os": plain, "first": first}, None, None)


def pooled(protocol: Protocol, wanted: list[str], happened: Endpoints | None = None) -> Results:
    (population,) = protocol.plan()
    population = type(population)(
        **{name: getattr(population, name) for name in population.__slots__} | {"analyses": tuple(wanted)}
    )
    ledger = Ledger(Estimate(analysis="", population="study", missing="mi"))
    made = [cohorts(*sets) for sets in zip(*(_sets(name) for name in ("first", "second")), strict=True)]
    run_analyses(protocol, population, made, happened or outcomes(), ledger)
    return Results.of(ledger.rows, ledger.curves)


def _sets(name: str) -> list[list[int]]:
    return [data[name] for data in GIVEN["imputed"]]


@pytest.fixture(scope="module")
def results() -> Results:
    return pooled(protocol_of(), ["cumulative_incidence", "restricted_mean", "centres"])


def test_nothing_fails_and_everything_has_a_number_or_a_reason(results: Results) -> None:
    assert not results.select(status="failed")
    assert [row.id for row in results.estimates if row.value is None and not row.note] == []
    assert len({row.id for row in results.estimates}) == len(results.estimates)


def check(results: Results, expected: list[float], names: tuple[str, ...], here: dict[str, str], ratio: bool) -> None:
    """Compare estimate, limits, standard error, and where there is one the test, with what mice has."""
    numbers = [*np.exp(expected[:3]), *expected[3:]] if ratio else expected
    for statistic, number in zip(names, numbers, strict=False):
        row = results.get(**here, statistic=statistic)
        assert row.value == pytest.approx(number, rel=CLOSE), statistic
        assert row.method.endswith("Rubin's rules")


def test_restricted_means_equal_r(results: Results) -> None:
    here = {"analysis": "restricted_mean", "endpoint": "os"}
    expected = EXPECTED["restricted"]
    mean, gap, ratio = (f"restricted_mean{part}" for part in ("", "_difference", "_ratio"))
    for arm in ("new", "old"):
        names = (mean, f"{mean}_lower", f"{mean}_upper", f"{mean}_se")
        check(results, expected[arm], names, {**SAMPLE, **here, "arm": arm}, ratio=False)
    names = (gap, f"{gap}_lower", f"{gap}_upper", f"{gap}_se", "p_value", "degrees_of_freedom")
    check(results, expected["gap"], names, {**CONTRAST, **here}, ratio=False)
    names = (ratio, f"{ratio}_lower", f"{ratio}_upper", "log_restricted_mean_ratio_se")
    check(results, expected["ratio"], names, {**CONTRAST, **here}, ratio=True)
    assert results.get(**CONTRAST, **here, statistic="tau").value == 600
    plain = results.get(adjustment="unadjusted", **here, arm="new vs old", statistic="restricted_mean_difference")
    assert plain.method == ""  # nothing that was missing touches it


def test_areas_up_to_different_times_are_not_pooled() -> None:
    happened = outcomes(apart=1)  # no two patients have the same time
    results = pooled(protocol_of(("tau = 600", "")), ["restricted_mean"], happened)
    here = {**CONTRAST, "analysis": "restricted_mean", "endpoint": "os"}
    taus = {
        min(max(happened.times["os"].time[i] for i in sides[name]) for name in ("first", "second"))
        for sides in GIVEN["imputed"]
    }
    assert len(taus) > 1
    for statistic in ("restricted_mean_difference", "restricted_mean_ratio", "p_value"):
        row = results.get(**here, statistic=statistic)
        assert row.value is None
        assert row.note == "tau, the smaller of the arms' largest times, differs between the imputations: declare it"
    assert results.get(**{**here, "arm": "new"}, statistic="restricted_mean").value is None
    assert not results.select(**SAMPLE, analysis="restricted_mean", statistic="restricted_mean_lower")


@pytest.mark.parametrize("arm", ["all", "new", "old"])
@pytest.mark.parametrize(("cause", "variable"), [(0, ""), (1, "competing")])
@pytest.mark.parametrize(("at", "landmark"), [(0, "180 days"), (1, "300 days")])
def test_incidence_equals_r(results: Results, arm: str, cause: int, variable: str, at: int, landmark: str) -> None:
    expected = EXPECTED["curves"][arm][cause][at]
    here = {**SAMPLE, "analysis": "cumulative_incidence", "endpoint": "first", "arm": arm, "variable": variable}
    for statistic, number in zip(("incidence", "incidence_lower", "incidence_upper"), expected, strict=True):
        row = results.get(**here, parameter=landmark, statistic=statistic)
        assert row.value == (None if number is None else pytest.approx(number, rel=CLOSE))
        assert row.method == ("" if statistic == "incidence" else "complementary log-log, Rubin's rules")


def test_the_pooled_curve_is_drawn_with_its_landmarks(results: Results) -> None:
    assert results.curve(adjustment="matched", kind="cumulative_incidence", arm="all") is None
    curve = results.curve(adjustment="matched", kind="cumulative_incidence", endpoint="first", arm="new")
    assert curve is not None
    at = int(np.searchsorted(np.array(curve.columns["time"], dtype=float), 300, side="right")) - 1
    assert curve.columns["incidence"][at] == pytest.approx(EXPECTED["curves"]["new"][0][1][0], rel=CLOSE)
    assert (np.diff(np.array(curve.columns["incidence"], dtype=float)) >= 0).all()
    assert curve.columns["at_risk"][0] == pytest.approx(np.mean([len(d["first"]) for d in GIVEN["imputed"]]))


def test_subdistribution_hazards_and_grays_tests_equal_r(results: Results) -> None:
    ratio = "subdistribution_hazard_ratio"
    names = (ratio, f"{ratio}_lower", f"{ratio}_upper", f"log_{ratio}_se", "p_value", "degrees_of_freedom")
    for cause, variable in enumerate(("", "competing")):
        here = {**CONTRAST, "analysis": "cumulative_incidence", "endpoint": "first", "variable": variable}
        method = "Fine-Gray (crr), Wald, robust variance clustered by pair, Rubin's rules"
        found = results.find(**here, statistic=ratio)
        if found is not None and found.value is None:  # R's cause without events in an arm of some imputation
            assert found.note.startswith("no events in")
        else:
            check(results, EXPECTED["fine_gray"][cause], names, {**here, "method": method}, ratio=True)
        gray = results.get(**here, statistic="p_value", method="Gray, pairs ignored, pooled by D2").value
        assert gray == pytest.approx(EXPECTED["gray"][cause], rel=1e-7)


def test_centres_are_pooled_over_imputations_and_then_over_centres(results: Results) -> None:
    expected, here = EXPECTED["centres"], {**CONTRAST, "analysis": "centres", "endpoint": "os"}
    names = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "log_hazard_ratio_se", "p_value")
    for site in range(3):
        row = {**here, "variable": "centres.site", "variable_level": str(site), "parameter": ""}
        check(results, [line[site] for line in expected["sites"]], names, row, ratio=True)
    check(results, expected["stratified"], names, {**here, "variable": ""}, ratio=True)
    together = {**here, "variable": "centres.site", "variable_level": ""}
    for method, key in (("fixed effect, inverse variance", "fixed"), ("random effects, REML, Hartung-Knapp", "random")):
        row = results.get(**together, method=method, statistic="log_hazard_ratio")
        assert row.value == pytest.approx(expected[key][0], rel=CLOSE)
    fixed = results.get(**together, method="fixed effect, inverse variance", statistic="log_hazard_ratio_se").value
    assert fixed == pytest.approx(expected["fixed"][1], rel=CLOSE)
    random = results.get(**together, statistic="tau_squared", method="random effects, REML, Hartung-Knapp").value
    assert random == pytest.approx(expected["tau_squared"], abs=1e-8)
    assert results.get(**together, statistic="chi_squared").value == pytest.approx(expected["q"], rel=CLOSE)
    for site, number in enumerate(expected["left_out"]):
        row = results.get(
            **{**together, "variable_level": str(site)}, parameter="without this centre", statistic="hazard_ratio"
        )
        assert np.log(float(row.value or 0)) == pytest.approx(number, rel=CLOSE)


def test_without_competing_events_incidence_is_one_minus_survival() -> None:
    curves, incidences = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        km = fit_kaplan_meier(time=rng.integers(1, 40, 80), event=rng.random(80) < 0.6)
        curves.append(km)
        error = np.where(km.survival > 0, km.survival * km.std_error, 0.0)
        incidences.append(Incidence(km.time, 1 - km.survival, error, finished=bool(km.survival[-1] <= 0)))
    survival, incidence = pool_curves(curves=curves), pool_incidence(curves=incidences)
    at = np.searchsorted(incidence.time, survival.time)
    np.testing.assert_allclose(1 - incidence.incidence[at], survival.survival, rtol=1e-12)
    np.testing.assert_allclose(1 - incidence.upper[at], survival.lower, rtol=1e-12)
    np.testing.assert_allclose(1 - incidence.lower[at], survival.upper, rtol=1e-12)
    assert incidence.end == survival.end
