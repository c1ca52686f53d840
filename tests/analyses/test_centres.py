"""Centres: stratified, within, pooled and left out, as R's survival and metafor give them, and what cannot be had."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import read_records
from twoarm.report.warnings_text import warnings_text
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes
from twoarm.tables.table import to_csv

FOLDER = Path(__file__).parents[2] / "examples" / "rotterdam"
REFERENCE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "references" / "centres.json").read_text("utf-8"))
CONTRAST = "Hormonal therapy vs No hormonal therapy"
ARMS = CONTRAST.split(" vs ")
STANDARD_ERRORS = 1e-8  # by which coefficients may differ: the ledger keeps 12 digits
RELATIVE = 1e-7  # of what is pooled over centres
TAU = 1e-6  # tau squared is where a flat slope is 0: half the digits of the likelihood

MORE = """
[adjustments.weighted]
kind = "weighting"

[adjustments.overlap]
kind = "weighting"
estimand = "ATO"

[centres]
column = "year"
minimum_events = 20
"""
CASES = [pytest.param(case, id=f"{case['label']}-{case['endpoint']}") for case in REFERENCE["cases"]]


@pytest.fixture(scope="module")
def results() -> Results:
    text = (FOLDER / "study.toml").read_text("utf-8").replace('order = "closest"', 'order = "largest"')
    covariates = '["age", "meno", "size", "grade", "nodes", "pgr", "er", "chemo"]'
    text = text.replace('kind = "multivariable"', f'kind = "multivariable"\ncovariates = {covariates}')
    protocol = parse_protocol(text + MORE)
    population = protocol.populations["study"].model_copy(update={"analyses": ("hazard_ratio", "centres")})
    protocol = protocol.model_copy(update={"populations": {"study": population}})
    return run_study(protocol, read_records(protocol, FOLDER))


def here(case: dict[str, Any]) -> dict[str, str]:
    return {"analysis": "centres", "adjustment": case["label"], "endpoint": case["endpoint"]}


def value(results: Results, **wanted: str) -> float:
    found = results.get(**wanted).value
    assert found is not None
    return float(found)


@pytest.mark.parametrize("case", CASES)
def test_the_model_stratified_by_centre_equals_r(results: Results, case: dict[str, Any]) -> None:
    place = {**here(case), "arm": CONTRAST, "variable": ""}
    estimate, error = case["stratified"]
    assert value(results, **place, statistic="log_hazard_ratio") == pytest.approx(estimate, abs=STANDARD_ERRORS * error)
    assert value(results, **place, statistic="log_hazard_ratio_se") == pytest.approx(error, rel=1e-8)
    assert results.get(**place, statistic="hazard_ratio").method.startswith("Cox stratified by centre, Efron ties")


@pytest.mark.parametrize("case", [case for case in CASES if "centres" in case.values[0]])
def test_each_centre_equals_r(results: Results, case: dict[str, Any]) -> None:
    place = here(case)
    for label, counts in zip(case["centres"], case["counts"], strict=True):
        found = [
            results.get(**place, variable_level=label, arm=arm, statistic=statistic).value
            for arm in ARMS
            for statistic in ("n", "events")
        ]
        assert found == counts
    rows = results.select(**place, arm=CONTRAST, statistic="hazard_ratio", parameter="", variable="centres.year")
    estimated = [row.variable_level for row in rows if row.value is not None and row.variable_level]
    assert estimated == case["usable"]
    for label, (estimate, error) in zip(case["usable"], case["effects"], strict=True):
        mine = {**place, "arm": CONTRAST, "variable_level": label}
        found_estimate = value(results, **mine, statistic="log_hazard_ratio")
        assert found_estimate == pytest.approx(estimate, abs=STANDARD_ERRORS * error)
        assert value(results, **mine, statistic="log_hazard_ratio_se") == pytest.approx(error, rel=1e-8)


@pytest.mark.parametrize("case", [case for case in CASES if "centres" in case.values[0]])
def test_what_the_centres_give_together_equals_metafor(results: Results, case: dict[str, Any]) -> None:
    place = {**here(case), "arm": CONTRAST, "variable": "centres.year", "variable_level": "", "parameter": ""}
    for method, expected in (
        ("fixed effect, inverse variance", case["fixed"]),
        ("random effects, REML, Hartung-Knapp", case["random"]),
    ):
        names = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
        found = [math.log(value(results, **place, method=method, statistic=name)) for name in names]
        assert found == pytest.approx(expected[:3], rel=RELATIVE, abs=RELATIVE)
        assert value(results, **place, method=method, statistic="p_value") == pytest.approx(expected[3], rel=1e-6)
    random = {**place, "method": "random effects, REML, Hartung-Knapp"}
    assert value(results, **random, statistic="tau_squared") == pytest.approx(case["random"][4], rel=TAU, abs=1e-9)
    assert value(results, **random, statistic="hartung_knapp_factor") == pytest.approx(case["factor"], rel=1e-6)
    limits = [math.log(value(results, **random, statistic=f"prediction_{end}")) for end in ("lower", "upper")]
    assert limits == pytest.approx(case["prediction"], rel=TAU)
    spread = {**place, "method": "Cochran's Q"}
    names = ("chi_squared", "degrees_of_freedom", "p_value")
    assert [value(results, **spread, statistic=name) for name in names] == pytest.approx(case["Q"], rel=RELATIVE)
    assert value(results, **spread, statistic="i_squared") == pytest.approx(100 * case["I2"], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if "centres" in case.values[0]])
def test_leaving_one_centre_out_equals_metafor(results: Results, case: dict[str, Any]) -> None:
    for label, expected in zip(case["usable"], case["left"], strict=True):
        mine = {**here(case), "arm": CONTRAST, "variable_level": label, "parameter": "without this centre"}
        names = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
        found = [math.log(value(results, **mine, statistic=name)) for name in names]
        assert found == pytest.approx(expected[:3], rel=TAU, abs=RELATIVE)
        assert value(results, **mine, statistic="tau_squared") == pytest.approx(expected[3], rel=1e-5, abs=1e-9)


def test_a_regression_is_stratified_and_not_fitted_within_centres(results: Results) -> None:
    rows = results.select(analysis="centres", adjustment="multivariable")
    assert rows
    assert {row.variable for row in rows} == {""}


COLUMN = {'sex = "text"': 'sex = "text"\nhospital = "text"'}
CENTRES = '\n[centres]\ncolumn = "hospital"\nminimum_events = 3\n'


def small(folder: Path, hospitals: list[str], more: str = "", replace: dict[str, str] | None = None) -> Results:
    """Run the small study with a hospital a patient, in turn."""
    rows = [{**row, "hospital": hospitals[i % len(hospitals)]} for i, row in enumerate(patients(120))]
    protocol = read_protocol(write_study(folder, rows, {**COLUMN, **(replace or {})}, CENTRES + more))
    return run_study(protocol, read_records(protocol, folder))


UNADJUSTED = {"analysis": "centres", "adjustment": "unadjusted", "endpoint": "os"}
EFFECT = {**UNADJUSTED, "arm": "New vs Old", "statistic": "hazard_ratio"}


def test_one_centre_cannot_be_pooled_and_changes_nothing_when_stratified(tmp_path: Path) -> None:
    results = small(tmp_path, ["A"])
    plain = results.get(analysis="hazard_ratio", adjustment="unadjusted", arm="New vs Old", statistic="hazard_ratio")
    assert results.get(**EFFECT, variable="").value == plain.value
    assert results.get(**EFFECT, variable_level="A").value == plain.value
    row = results.get(**EFFECT, variable="centres.hospital", variable_level="", method="random effects, REML, Hartung-Knapp", parameter="")  # fmt: skip
    assert (row.status, row.note) == ("not_estimable", "one centre only")
    warning = results.get(analysis="warning", adjustment="unadjusted", statistic="few_centres")
    assert warning.value == 1


def test_a_centre_with_one_arm_says_so_and_stands_in_no_pool(tmp_path: Path) -> None:
    hospitals = ["A", "B", "B", "C", "C", "C"]  # every third patient is treated: 0 and 3 of six
    results = small(tmp_path, hospitals)
    notes = {
        row.variable_level: row.note for row in results.select(**EFFECT, variable="centres.hospital") if not row.value
    }
    assert notes["A"] == "no patients in Old"
    assert notes["B"] == "no patients in New"
    assert results.get(**UNADJUSTED, statistic="centres", parameter="with an estimate").value == 1
    assert results.get(**UNADJUSTED, statistic="centres", parameter="all").value == 3


def test_patients_of_unknown_centre_are_counted_and_left_out(tmp_path: Path) -> None:
    results = small(tmp_path, ["A", "B", "", "A", "B", "A", "Not recorded"])
    counted = [
        row
        for row in results.select(**UNADJUSTED, statistic="n", variable="centres.hospital")
        if row.variable_level == "Not recorded (no value)"
    ]
    assert sum(int(row.value or 0) for row in counted) == 17  # every seventh of 120, from the third on
    all_n = [row.value or 0 for row in results.select(**UNADJUSTED, statistic="n", variable="centres.hospital")]
    assert sum(all_n) == 120


def test_a_partner_of_several_counts_once_in_its_centre(tmp_path: Path) -> None:
    again = {'kind = "matching"': 'kind = "matching"\nreplacement = true\ncaliper = "none"\ncovariates = ["sex"]'}
    more = "[output]\npatient_level = true\n"
    results = small(tmp_path, ["A", "B", "C"], more, again)
    mine = [row for row in results.patients if row.adjustment == "matched" and row.endpoint == "os"]
    hospital = {f"P{i:03d}": "ABC"[i % 3] for i in range(120)}
    wanted = {**UNADJUSTED, "adjustment": "matched", "variable": "centres.hospital"}
    assert len(mine) > len({row.key for row in mine}), "some partner stands for several"
    for label in ("New", "Old"):
        for centre in "ABC":
            there = {(row.key, row.event) for row in mine if row.arm == label and hospital[row.key] == centre}
            here = {**wanted, "arm": label, "variable_level": centre}
            found = [value_or_0(results, statistic=name, **here) for name in ("n", "events")]
            assert found == [len(there), sum(event or 0 for _, event in there)]


def value_or_0(results: Results, **wanted: str) -> float:
    row = results.find(**wanted)
    return 0.0 if row is None or row.value is None else float(row.value)


def test_a_centre_named_like_a_formula_is_inert_in_the_table(tmp_path: Path) -> None:
    results = small(tmp_path, ["=1+1", "@B", "-C", "Ω"])
    protocol = read_protocol(tmp_path / "study.toml")
    table = next(t for t in all_tables(scopes(protocol, results)[0]) if t.name == "centres-unadjusted-os")
    lines = to_csv(table).splitlines()
    assert any(line.startswith("'=1+1,") for line in lines)
    assert any(line.startswith("'@B,") for line in lines)
    assert any(line.startswith("'-C,") for line in lines)


def test_sixty_centres_of_two_patients_are_not_estimable_one_by_one(tmp_path: Path) -> None:
    results = small(tmp_path, [str(number) for number in range(60)])
    rows = results.select(**EFFECT, variable="centres.hospital", parameter="")
    levels = [row.variable_level for row in rows if row.variable_level]
    assert levels == [str(number) for number in range(60)]  # by number, not by text
    assert all(row.value is None and row.note for row in rows)
    pooled = [row for row in rows if not row.variable_level]
    assert {row.note for row in pooled} == {"no centre with an estimate"}


def test_cells_of_one_label_are_one_centre(tmp_path: Path) -> None:
    results = small(tmp_path, ["a", "b", "c"], '[centres.labels]\nc = "South"\na = "North"\nb = "South"\n')
    rows = results.select(**EFFECT, variable="centres.hospital", parameter="")
    assert [row.variable_level for row in rows if row.variable_level] == ["South", "North"]


def test_few_centres_are_warned_of_once_in_words(tmp_path: Path) -> None:
    results = small(tmp_path, ["A", "B", "B", "A"])
    protocol = read_protocol(tmp_path / "study.toml")
    said = [one.text for one in warnings_text(scopes(protocol, results)[0])]
    assert sum("centres have an estimate" in text for text in said) == 1


def test_small_centres_are_suppressed_with_all_that_tells_them(tmp_path: Path) -> None:
    hospitals = ["A", "A", "A", "B", "B", "B", "C", "C", "C", "A", "B", "A"]
    results = small(tmp_path, [*hospitals, "C", *hospitals], "\n[disclosure]\nminimum_cell = 5\n")
    counts = results.select(**UNADJUSTED, variable="centres.hospital", statistic="n")
    assert not any(row.value is not None and 0 < row.value < 5 for row in counts)
    hidden = {row.variable_level for row in counts if row.status == "suppressed"}
    for row in results.select(**EFFECT, variable="centres.hospital", parameter=""):
        if row.variable_level in hidden:
            assert row.value is None


def test_a_pooled_estimate_goes_with_a_centre_that_is_hidden(tmp_path: Path) -> None:
    """With all other centres shown, pooled estimates would tell the hidden one's, and so its events."""
    results = small(tmp_path, ["A"] * 15 + ["B"] * 45 + ["C"] * 60, "\n[disclosure]\nminimum_cell = 6\n")
    small_ones = {
        row.variable_level
        for row in results.select(**UNADJUSTED, variable="centres.hospital")
        if row.status == "suppressed" and row.statistic in ("n", "events")
    }
    assert "A" in small_ones
    pooled = results.select(**EFFECT, variable="centres.hospital", variable_level="", parameter="")
    assert {row.status for row in pooled} == {"suppressed"}
    left_out = results.select(**EFFECT, variable="centres.hospital", parameter="without this centre")
    assert all(row.status == "suppressed" for row in left_out)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[centres]\ncolumn = "hospitl"\n', 'found "hospitl"; expected a declared column'),
        ('[centres]\ncolumn = "hospital"\nminimum_events = 0\n', "expected greater than or equal to 1"),
        ("[centres]\nminimum_events = 3\n", "column is missing"),
    ],
)
def test_a_section_that_cannot_be_is_refused(tmp_path: Path, section: str, message: str) -> None:
    study = write_study(tmp_path, None, COLUMN, "\n" + section)
    with pytest.raises(ProtocolError, match=message):
        read_protocol(study)
