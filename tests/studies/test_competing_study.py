"""Competing events from protocol to ledger: mgus2 against R's cmprsk and survival, degenerate studies, disclosure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.stored import TESTS, floats, reference
from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.report.study_report import compose
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results
from twoarm.statistics.gray_test import gray_test
from twoarm.statistics.log_rank import log_rank
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes

STUDY = """\
format_version = 1
title = "Progression of a monoclonal gammopathy in men and women"
time_unit = "months"

[data.patients]
file = "mgus2.csv"
key = "id"

[data.patients.columns]
id = "text"
age = "integer"
sex = "text"
hgb = "number"
mspike = "number"
ptime = "integer"
pstat = { type = "boolean", true = ["1"], false = ["0"] }
futime = "integer"
death = { type = "boolean", true = ["1"], false = ["0"] }

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "sex"
treated = { value = "M", label = "Men" }
comparator = { value = "F", label = "Women" }

[covariates]
age = { kind = "cut", label = "Age", breaks = [65], labels = ["<65", "65 or more"], unit = "years" }
hgb = { kind = "continuous", label = "Haemoglobin" }
mspike = { kind = "continuous", label = "M spike" }

[endpoints.progression]
label = "Progression"
primary = true
time = "ptime"
event = "pstat"
competing = ["death"]
unit = "months"

[endpoints.os]
label = "Overall survival"
time = "futime"
event = "death"
unit = "months"

[adjustments.matched]
kind = "matching"

[adjustments.weighted]
kind = "weighting"
estimand = "ATE"

[adjustments.multivariable]
kind = "multivariable"

[analyses.survival]
landmarks = [60, 120, 240]

[subgroups]
variables = ["age"]

[prognostic]

[output]
patient_level = true
"""
R = reference("competing_study")
ARMS = {"all": "all", "men": "Men", "women": "Women"}
SAMPLES = ("unadjusted", "matched", "weighted")
CAUSES = ("", "competing")
CONTRAST = "Men vs Women"
DIGITS = 1e-9  # the ledger keeps 12 digits; variances are sums that cancel in part
SCORES = 1e-8  # glm and our logistic regression end at slightly different coefficients
HERE = {"analysis": "cumulative_incidence", "endpoint": "progression"}
RATIO = "log_subdistribution_hazard_ratio"


@pytest.fixture(scope="module")
def mgus2() -> Results:
    protocol = parse_protocol(STUDY)
    return run_study(protocol, read_records(protocol, TESTS / "data"))


def value(row: Estimate) -> float:
    assert row.value is not None, row.note
    return float(row.value)


def close(sample: str) -> float:
    return SCORES if sample == "weighted" else DIGITS


def test_the_pairs_are_those_that_r_was_given(mgus2: Results) -> None:
    with (TESTS / "references" / "competing_study_pairs.csv").open(newline="") as file:
        given = {(row["id"], int(row["pair"])) for row in csv.DictReader(file)}
    made = {(row.key, row.pair) for row in mgus2.patients if row.adjustment == "matched" and row.pair is not None}
    assert made == given


def test_patient_level_rows_tell_the_causes_apart(mgus2: Results) -> None:
    events = [r.event for r in mgus2.patients if (r.adjustment, r.endpoint) == ("unadjusted", "progression")]
    counts = R["unadjusted"]["counts"]["all"]
    assert [len(events), events.count(1), events.count(2)] == counts


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("arm", ARMS)
def test_counts_and_incidence_are_rs(mgus2: Results, sample: str, arm: str) -> None:
    here = {**HERE, "adjustment": sample, "arm": ARMS[arm]}
    counts = [mgus2.get(**here, variable="", statistic=s).value for s in ("n", "events", "competing_events")]
    assert counts == R[sample]["counts"][arm]
    for variable, expected in zip(CAUSES, R[sample]["incidence"][arm], strict=True):
        for statistic, key in (("incidence", "est"), ("incidence_lower", "lower"), ("incidence_upper", "upper")):
            rows = mgus2.select(**here, variable=variable, statistic=statistic)
            assert [row.parameter for row in rows] == ["60 months", "120 months", "240 months"]
            np.testing.assert_allclose([value(row) for row in rows], expected[key], rtol=close(sample))


@pytest.mark.parametrize("sample", SAMPLES)
def test_comparisons_are_rs(mgus2: Results, sample: str) -> None:
    here = {**HERE, "adjustment": sample, "arm": CONTRAST}
    gray = "Gray, pairs ignored" if sample == "matched" else "Gray"
    for code, variable in enumerate(CAUSES):
        if sample != "weighted":
            tests = [mgus2.get(**here, variable=variable, method=gray, statistic=s) for s in ("chi_squared", "p_value")]
            assert [value(row) for row in tests] == pytest.approx(R[sample]["gray"][code], rel=1e-8)
        found = [mgus2.get(**here, variable=variable, statistic=f"{RATIO}{end}") for end in ("", "_se")]
        assert [value(row) for row in found] == pytest.approx(R[sample]["fine_gray"][code], rel=close(sample))
    found = [
        mgus2.get(
            analysis="hazard_ratio",
            endpoint="progression",
            adjustment=sample,
            arm=CONTRAST,
            statistic=f"log_hazard_ratio{end}",
        )
        for end in ("", "_se")
    ]
    assert [value(row) for row in found] == pytest.approx(R[sample]["cox"], rel=close(sample))


def test_the_method_names_variant_variance_and_cause(mgus2: Results) -> None:
    methods = {row.adjustment: row.method for row in mgus2.select(**HERE, statistic="subdistribution_hazard_ratio")}
    assert methods == {
        "unadjusted": "Fine-Gray (crr), Wald, robust variance",
        "matched": "Fine-Gray (crr), Wald, robust variance clustered by pair",
        "weighted": "Fine-Gray (finegray), Wald, robust variance",
    }
    not_one = mgus2.get(**HERE, adjustment="weighted", variable="", statistic="p_value", method="Gray")
    assert (not_one.status, not_one.note) == ("not_estimable", "Gray's test has no weighted form")
    for analysis in ("hazard_ratio", "subgroups", "prognostic", "proportional_hazards"):
        for endpoint, specific in (("progression", True), ("os", False)):
            rows = mgus2.select(analysis=analysis, endpoint=endpoint, statistic="p_value")
            told = {
                "cause-specific" in row.method
                for row in rows
                if "Wald test" not in row.method and "interaction" not in row.method
            }
            assert told == {specific}, analysis


def test_no_kaplan_meier_of_an_event_that_another_prevents(mgus2: Results) -> None:
    assert {row.endpoint for row in mgus2.select(analysis="survival")} == {"os"}
    assert {(c.kind, c.endpoint) for c in mgus2.curves if c.kind != "histogram" and c.kind != "weights"} == {
        ("survival", "os"),
        ("standardised", "os"),
        ("cumulative_incidence", "progression"),
        *((kind, "progression") for kind in ("schoenfeld", "schoenfeld_smooth")),
    }
    for analysis in ("restricted_mean", "standardised_survival", "augmented_survival"):
        rows = mgus2.select(analysis=analysis, endpoint="progression")
        assert {(row.status, row.note[:14]) for row in rows} == {("not_estimable", "events compete")}, analysis


def test_follow_up_ends_with_any_event(mgus2: Results) -> None:
    medians = [
        mgus2.get(analysis="follow_up", adjustment="unadjusted", arm=arm, statistic="median")
        for arm in ("Men", "Women")
    ]
    assert [row.value for row in medians] == R["unadjusted"]["follow_up"]


def test_incidence_of_all_causes_and_the_event_free_are_everybody(mgus2: Results) -> None:
    curves = [curve for curve in mgus2.curves if curve.kind == "cumulative_incidence"]
    assert len(curves) == 6
    for curve in curves:
        parts = [floats(list(curve.columns[n])) for n in ("survival", "incidence", "competing_incidence")]
        np.testing.assert_allclose(np.sum(parts, axis=0), 1, rtol=1e-11)


def test_strata_of_pairs_make_grays_score_the_log_rank_score(mgus2: Results) -> None:
    """Why Gray's test is not given stratified by pair: within two patients nobody is kept after a competing event."""
    rows = [r for r in mgus2.patients if (r.adjustment, r.endpoint) == ("matched", "progression")]
    time, cause = np.array([r.time for r in rows]), np.array([r.event for r in rows])
    arm, pair = np.array([r.arm for r in rows]), np.array([r.pair for r in rows])
    by_pair = gray_test(time=time, cause=cause, arm=arm, strata=pair)
    cause_specific = log_rank(time=time, event=cause == 1, arm=arm, strata=pair)
    np.testing.assert_allclose(by_pair.expected, cause_specific.expected, rtol=1e-12)
    row = mgus2.get(**HERE, adjustment="matched", variable="", method="Gray, stratified by pair", statistic="p_value")
    assert row.status == "not_estimable"


def test_the_report_says_so(mgus2: Results) -> None:
    report = compose(parse_protocol(STUDY), mgus2, [])
    methods = " ".join(text for _, paragraphs in report.methods for text in paragraphs)
    assert "where column death ended it, the time ended there with a competing event" in methods
    assert "Its Cox models, those of subgroups included, are of the cause-specific hazard" in methods
    assert "weighted model of survival's finegray" in methods
    section = report.sections[0]
    text = " ".join(sentence.text for paragraph in section.results for sentence in paragraph)
    assert "Progression, unadjusted: cumulative incidence at 240 months 9.6 (7.2–12.5)% in Men" in text
    assert "Progression, matched: cause-specific hazard ratio 1.27" in text
    assert "Progression, unadjusted: median" not in text
    tables = {table.name: table for table in section.tables}
    assert "0.80 (0.56–1.16)" in tables["cumulative_incidence"].rows[2].cells[-2].text
    ids = {row.id for row in mgus2.estimates}
    assert all(i in ids for row in tables["cumulative_incidence"].rows for cell in row.cells for i in cell.ids)
    assert "cause-specific Cox, Efron ties, Wald" in " ".join(tables["hazard_ratios"].footnotes)


# ------------------------------------------------------------------------------------------------ small studies

COLUMN = {"died = { type": 'other = { type = "boolean", true = ["1"], false = ["0"] }\ndied = { type'}
COMPETING = {**COLUMN, 'event = "died"': 'event = "died"\ncompeting = ["other"]'}
LANDMARKS = "\n[analyses.survival]\nlandmarks = [6, 13]\n"


def run(folder: Path, rows: list[dict[str, str]], more: str = LANDMARKS, replace: Any = None) -> Results:
    study = write_study(folder, rows, COMPETING if replace is None else replace, more)
    protocol = read_protocol(study)
    return run_study(protocol, read_records(protocol, folder))


def of_causes(*causes: int, n: int = 60) -> list[dict[str, str]]:
    """n patients whose times end by these causes in turn."""
    chosen = [causes[i % len(causes)] for i in range(n)]
    return [
        {**row, "died": str(int(c == 1)), "other": str(int(c == 2))} for row, c in zip(patients(n), chosen, strict=True)
    ]


def found(results: Results, **wanted: str) -> Estimate:
    return results.get(analysis="cumulative_incidence", adjustment="unadjusted", **{"variable": "", **wanted})


SMALL = {
    "nobody competes": of_causes(1, 0, 1, 1),
    "no event": of_causes(2, 0),
    "everybody competes": of_causes(2),
    "everybody has the event": of_causes(1),
    "nobody has anything": of_causes(0),
    "one day": [{**row, "days": "90"} for row in of_causes(0, 1, 2, 1, 2)],
    "day 0": [{**row, "days": "0" if i % 9 == 0 else row["days"]} for i, row in enumerate(of_causes(0, 1, 2, 1, 2))],
    "one patient": [{**row, "arm": "new" if i == 20 else "old"} for i, row in enumerate(of_causes(0, 1, 2, 1, 2))],
    "no event in an arm": [
        {**row, "died": "0" if row["arm"] == "new" else row["died"]} for row in of_causes(0, 1, 2, 1, 2)
    ],
}


@pytest.mark.parametrize("label", SMALL)
def test_degenerate_studies_end_with_reasons(tmp_path: Path, label: str) -> None:
    results = run(tmp_path, SMALL[label])
    assert not [row.id for row in results.estimates if row.status == "failed"]
    assert all(row.value is not None or row.note for row in results.select(analysis="cumulative_incidence"))
    protocol = read_protocol(tmp_path / "study.toml")
    assert compose(protocol, results, []).sections[0].tables


def test_without_competing_events_incidence_is_one_minus_survival(tmp_path: Path) -> None:
    rows = SMALL["nobody competes"]
    results = run(tmp_path, rows)
    plain = run(tmp_path, rows, replace=COLUMN)
    for arm in ("New", "Old"):
        survival = plain.get(
            analysis="survival", adjustment="unadjusted", arm=arm, statistic="survival", parameter="6 months"
        )
        incidence = found(results, arm=arm, statistic="incidence", parameter="6 months")
        assert value(incidence) == pytest.approx(1 - value(survival), rel=1e-10)
        assert found(results, arm=arm, statistic="incidence", parameter="6 months", variable="competing").value == 0
    other = found(results, arm="New vs Old", variable="competing", statistic="subdistribution_hazard_ratio")
    assert other.note == "no events in New and Old"
    assert not results.select(analysis="warning", statistic="competing_censored")


def test_an_arm_without_the_event_is_not_compared_by_a_ratio(tmp_path: Path) -> None:
    results = run(tmp_path, SMALL["no event in an arm"])
    assert found(results, arm="New vs Old", statistic="subdistribution_hazard_ratio").note == "no events in New"
    assert found(results, arm="New vs Old", statistic="p_value", method="Gray").status == "ok"
    assert found(results, arm="New", statistic="incidence", parameter="13 months").value == 0


def test_when_everybody_competes_nothing_is_left(tmp_path: Path) -> None:
    results = run(tmp_path, SMALL["everybody competes"])
    assert found(results, arm="Old", statistic="incidence", parameter="13 months").value == 0
    gray = found(results, arm="New vs Old", statistic="p_value", method="Gray")
    assert gray.note == "no events of cause 1"
    assert found(results, arm="all", statistic="competing_events").value == 60


def test_a_handful_is_described_and_not_compared(tmp_path: Path) -> None:
    results = run(tmp_path, SMALL["one patient"])
    reason = "five patients or fewer in New: described, not compared"
    assert found(results, arm="New vs Old", statistic="subdistribution_hazard_ratio").note == reason
    assert found(results, arm="New vs Old", statistic="p_value", method="Gray").note == reason
    assert found(results, arm="New", statistic="n").value == 1


def test_imputed_studies_pool_it(tmp_path: Path) -> None:
    rows = [{**row, "age": "" if i == 7 else row["age"]} for i, row in enumerate(of_causes(0, 1, 2, 1, 2))]
    more = (
        LANDMARKS
        + '\n[missing.complete_case]\nkind = "complete_case"\n[missing.imputed]\nkind = "multiple_imputation"\n'
    )
    more += "imputations = 2\niterations = 2\n"
    adults = {'include = "age >= 18"': 'include = "age >= 18"\nif_missing = "keep"'}
    results = run(tmp_path, rows, more, {**COMPETING, **adults, "format_version = 1": "format_version = 1\nseed = 3"})
    incidence = results.select(analysis="cumulative_incidence", statistic="incidence")
    assert {row.missing for row in incidence} == {"complete_case", "imputed"}
    assert None not in [row.value for row in incidence]
    pooled = results.select(
        analysis="hazard_ratio", missing="imputed", statistic="hazard_ratio", adjustment="unadjusted"
    )
    assert [row.method for row in pooled] == ["cause-specific Cox, Efron ties, Wald"]  # no covariate, nothing imputed


def test_small_counts_of_either_cause_are_hidden_with_all_that_tells_them(tmp_path: Path) -> None:
    rows = of_causes(1, 1, 1, 0, n=120)
    for row in [row for row in rows if row["arm"] == "new"][:4]:
        row["died"], row["other"] = "0", "1"
    for row in [row for row in rows if row["arm"] == "old"][:20]:
        row["died"], row["other"] = "0", "1"
    results = run(tmp_path, rows, LANDMARKS + "\n[disclosure]\nminimum_cell = 10\n")
    for row in results.select(analysis="cumulative_incidence", adjustment="unadjusted"):
        if row.statistic == "competing_events":
            assert row.value is None or row.value >= 10
        if row.arm in ("New", "New vs Old"):
            assert row.status != "ok", row.id
    shown = [curve for curve in results.curves if curve.kind == "cumulative_incidence"]
    assert all(curve.arm != "New" for curve in shown if curve.adjustment == "unadjusted")
    for curve in shown:
        steps = zip(*(curve.columns[name] for name in ("events", "competing_events", "censored")), strict=True)
        assert all(sum(part or 0 for part in step) >= 10 for step in steps)


def test_the_protocol_names_what_is_wrong(tmp_path: Path) -> None:
    def message(competing: str, more: str = "") -> str:
        changed = {**COLUMN, 'event = "died"': f'event = "died"\ncompeting = ["{competing}"]'}
        with pytest.raises(ProtocolError) as error:
            read_protocol(write_study(tmp_path, of_causes(1), changed, more))
        return str(error.value)

    assert (
        'study.toml:38:14  endpoints.os.competing.0  found "othr"; expected a declared column (did you mean other?)'
        in message("othr")
    )
    assert 'found "days", a number column; expected a boolean column' in message("days")
    assert 'found "died", which the endpoint names before; expected another column' in message("died")
    asked = {**COLUMN, 'label = "Everybody"': 'label = "Everybody"\nanalyses = ["cumulative_incidence"]'}
    with pytest.raises(ProtocolError, match='found "cumulative_incidence"; expected competing events in an endpoint'):
        read_protocol(write_study(tmp_path, of_causes(1), asked))


def test_a_landmark_analysis_of_competing_events_says_that_it_is_cause_specific(tmp_path: Path) -> None:
    results = run(tmp_path, of_causes(0, 1, 2, 1, 2), "\n[analyses.landmark]\ntimes = [3]\n")
    rows = results.select(analysis="landmark", adjustment="unadjusted", arm="New vs Old", statistic="p_value")
    assert [row.method for row in rows] == ["cause-specific log-rank", "cause-specific Cox, Efron ties, Wald"]
    protocol = read_protocol(tmp_path / "study.toml")
    table = {one.name: one for one in all_tables(scopes(protocol, results)[0])}["landmark"]
    assert any("hazard ratio and log-rank test are cause-specific" in note for note in table.footnotes)
    assert table.rows[1].cells[-1].text != "NE"
    said = " ".join(text for _, paragraphs in methods_text(protocol) for text in paragraphs)
    assert "Where events compete both are cause-specific: a competing event censors." in said
