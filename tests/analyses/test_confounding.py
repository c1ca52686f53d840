"""E-values, tipping points and negative controls from protocol to ledger and report, against their closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.report.results_text import results_text
from twoarm.report.warnings_text import warnings_text
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes

LEDGER = 1e-10  # twelve digits in, a few operations
CONFOUNDER = """
[sensitivity.unmeasured]
prevalence_treated = 0.2
prevalence_comparator = 0.4
hazard_ratios = [0.5, 2]
"""
MORE = '\n[adjustments.weighted]\nkind = "weighting"\n\n[adjustments.multivariable]\nkind = "multivariable"\n'
HERE = {"endpoint": "os", "arm": "New vs Old"}


def run(folder: Path, rows: list[dict[str, str]] | None = None, more: str = "", **replace: str) -> Results:
    protocol = read_protocol(write_study(folder, rows or patients(150), replace, MORE + more))
    return run_study(protocol, read_records(protocol, folder))


def effect(results: Results, adjustment: str) -> list[float]:
    names = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
    rows = [results.get(**HERE, analysis="hazard_ratio", adjustment=adjustment, statistic=name) for name in names]
    return [float(row.value or 0) for row in rows]


def of_risk_ratio(ratio: float) -> float:
    above = max(ratio, 1 / ratio)
    return above + math.sqrt(above * (above - 1))


@pytest.mark.parametrize("adjustment", ["unadjusted", "matched", "weighted"])
def test_e_values_follow_from_the_hazard_ratios_of_the_ledger(tmp_path: Path, adjustment: str) -> None:
    results = run(tmp_path)
    ratio, lower, upper = effect(results, adjustment)
    converted = [(1 - 0.5 ** math.sqrt(h)) / (1 - 0.5 ** math.sqrt(1 / h)) for h in (ratio, lower, upper)]
    nearer = 1.0 if lower <= 1 <= upper else (converted[1] if lower > 1 else converted[2])
    place = {**HERE, "analysis": "e_value", "adjustment": adjustment, "method": "converted to risk ratio"}
    assert results.get(**place, statistic="risk_ratio").value == pytest.approx(converted[0], rel=LEDGER)
    assert results.get(**place, statistic="e_value").value == pytest.approx(of_risk_ratio(converted[0]), rel=1e-8)
    assert results.get(**place, statistic="e_value_limit").value == pytest.approx(of_risk_ratio(nearer), rel=1e-8)


def test_a_rare_outcome_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = [{**row, "died": "1" if i % 8 == 0 else "0"} for i, row in enumerate(patients(150))]
    results = run(tmp_path, rows)
    place = {**HERE, "analysis": "e_value", "adjustment": "unadjusted"}
    row = results.get(**place, statistic="risk_ratio")
    assert row.method == "hazard ratio as risk ratio"
    assert row.value == pytest.approx(effect(results, "unadjusted")[0], rel=LEDGER)


def test_a_conditional_hazard_ratio_has_no_e_value(tmp_path: Path) -> None:
    results = run(tmp_path, more=CONFOUNDER)
    for analysis in ("e_value", "unmeasured"):
        assert {row.adjustment for row in results.select(analysis=analysis)} == {"unadjusted", "matched", "weighted"}


def test_what_has_no_hazard_ratio_has_its_reason(tmp_path: Path) -> None:
    rows = [{**row, "died": "0"} for row in patients(150)]
    results = run(tmp_path, rows, CONFOUNDER)
    reason = results.get(
        analysis="hazard_ratio", adjustment="unadjusted", arm="New vs Old", statistic="hazard_ratio"
    ).note
    for analysis, statistic in (("e_value", "e_value"), ("unmeasured", "tipping_point")):
        row = results.get(**HERE, analysis=analysis, adjustment="unadjusted", statistic=statistic)
        assert (row.status, row.note) == ("not_estimable", reason)


@pytest.mark.parametrize("adjustment", ["unadjusted", "matched", "weighted"])
def test_a_confounder_divides_estimate_and_limits_by_its_bias(tmp_path: Path, adjustment: str) -> None:
    results = run(tmp_path, more=CONFOUNDER)
    estimated = effect(results, adjustment)
    place = {**HERE, "analysis": "unmeasured", "adjustment": adjustment}
    for g, bias in ((0.5, 0.9 / 0.8), (2, 1.2 / 1.4)):
        here = {**place, "parameter": f"hazard ratio {g:g}"}
        assert results.get(**here, statistic="bias_factor").value == pytest.approx(bias, rel=LEDGER)
        names = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
        found = [results.get(**here, statistic=name).value for name in names]
        assert found == pytest.approx([value / bias for value in estimated], rel=LEDGER)
    row = results.get(**place, statistic="tipping_point")
    h = estimated[0]
    g = 1 + (h - 1) / (0.2 - h * 0.4)
    if g > 0:
        assert row.value == pytest.approx(g, rel=1e-8)
    else:
        assert row.note.startswith("not reached")


def test_what_follows_from_a_hidden_hazard_ratio_is_hidden(tmp_path: Path) -> None:
    """Six deaths, all shown only from eleven on: an E-value would give the hazard ratio back."""
    rows = [{**row, "died": "1" if i in (0, 1, 3, 4, 6, 7) else "0"} for i, row in enumerate(patients(150))]
    results = run(tmp_path, rows, CONFOUNDER + "\n[disclosure]\nminimum_cell = 11\n")
    own = results.select(**HERE, analysis="hazard_ratio", adjustment="unadjusted", statistic="hazard_ratio")
    assert {row.status for row in own} == {"suppressed"}
    for analysis in ("e_value", "unmeasured"):
        assert {row.status for row in results.select(**HERE, analysis=analysis)} == {"suppressed"}
    protocol = read_protocol(tmp_path / "study.toml")
    tables = {table.name: table for table in all_tables(scopes(protocol, results)[0])}
    assert {cell.text for row in tables["e_values"].rows for cell in row.cells[3:]} <= {"", "*", "*ᵃ"}


def test_the_tables_and_the_text_say_so(tmp_path: Path) -> None:
    results = run(tmp_path, more=CONFOUNDER)
    protocol = read_protocol(tmp_path / "study.toml")
    scope = scopes(protocol, results)[0]
    tables = {table.name: table for table in all_tables(scope)}
    assert len(tables["e_values"].rows) == 3
    assert len(tables["unmeasured"].rows) == 3
    assert "20% have in New and 40% in Old" in tables["unmeasured"].footnotes[0]
    said = " ".join(sentence.text for sentence in results_text(scope)[-1])
    assert "Overall survival, matched: E-value" in said
    methods = " ".join(text for _, parts in methods_text(protocol) for text in parts)
    assert "VanderWeele and Ding" in methods
    assert "Lin, Psaty and Kronmal" in methods


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("prevalence_treated = 0.3\nprevalence_comparator = 0.3\n", "a confounder of equal prevalences causes no bias"),
        ("prevalence_treated = 1.3\nprevalence_comparator = 0.3\n", "expected less than or equal to 1"),
        ("prevalence_treated = 0.4\n", "prevalence_comparator is missing"),
        (
            "prevalence_treated = 0.4\nprevalence_comparator = 0.3\nhazard_ratios = [2, 1.5]\n",
            "hazard_ratios must rise",
        ),
        ("prevalence_treated = 0.4\nprevalence_comparator = 0.3\nhazard_ratios = [0]\n", "expected greater than 0"),
    ],
)
def test_a_confounder_that_cannot_be_is_refused(tmp_path: Path, section: str, message: str) -> None:
    study = write_study(tmp_path, more=f"\n[sensitivity.unmeasured]\n{section}")
    with pytest.raises(ProtocolError, match=message):
        read_protocol(study)


CONTROL = """
[endpoints.fall]
label = "Falls"
time = "fall_days"
event = "fell"
negative_control = true

[subgroups]
variables = ["sex"]

[prognostic]

[centres]
column = "sex"

[specifications]
unadjusted = true
"""
COLUMNS = {
    'sex = "text"': 'sex = "text"\nfell = { type = "boolean", true = ["1"], false = ["0"] }\nfall_days = "integer"'
}


def with_falls(later_by: int) -> list[dict[str, str]]:
    """Patients who all fall, the treated so many times later."""
    rows = patients(150)
    return [
        {**row, "fell": "1", "fall_days": str((7 + (i * 53) % 200) * (later_by if row["arm"] == "new" else 1))}
        for i, row in enumerate(rows)
    ]


def control(folder: Path, later_by: int) -> Results:
    protocol = read_protocol(write_study(folder, with_falls(later_by), COLUMNS, MORE + CONTROL))
    return run_study(protocol, read_records(protocol, folder))


def test_a_negative_control_goes_through_survival_and_hazard_ratios_alone(tmp_path: Path) -> None:
    results = control(tmp_path, 1)
    assert {row.analysis for row in results.select(endpoint="fall")} <= {
        "endpoint",
        "survival",
        "hazard_ratio",
        "warning",
    }
    assert {row.analysis for row in results.select(endpoint="os")} >= {"subgroups", "prognostic", "centres", "e_value"}


def test_a_negative_control_that_moves_is_told_of_in_designed_samples(tmp_path: Path) -> None:
    results = control(tmp_path, 5)
    fired = results.select(analysis="warning", statistic="negative_control")
    assert [(row.adjustment, row.endpoint) for row in fired] == [("matched", "fall"), ("weighted", "fall")]
    for row in fired:
        place = {"analysis": "hazard_ratio", "adjustment": row.adjustment, "endpoint": "fall", "arm": "New vs Old"}
        assert row.value == results.get(**place, statistic="hazard_ratio").value
    protocol = read_protocol(tmp_path / "study.toml")
    said = [one.text for one in warnings_text(scopes(protocol, results)[0])]
    assert any(text.startswith("Falls (negative control), matched: the hazard ratio is") for text in said)


def test_a_negative_control_that_stays_is_not(tmp_path: Path) -> None:
    assert not control(tmp_path, 1).select(analysis="warning", statistic="negative_control")


def test_a_negative_control_is_named_so_and_never_primary(tmp_path: Path) -> None:
    results = control(tmp_path, 1)
    protocol = read_protocol(tmp_path / "study.toml")
    assert protocol.primary_endpoint == "os"
    tables = {table.name: table for table in all_tables(scopes(protocol, results)[0])}
    headings = [row.cells[0].text for row in tables["hazard_ratios"].rows if row.kind == "heading"]
    assert headings == ["Overall survival", "Falls (negative control)"]
    methods = " ".join(text for _, parts in methods_text(protocol) for text in parts)
    assert "Negative controls: falls (negative control)." in methods


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "negative_control = true",
            "negative_control = true\nprimary = true",
            "a negative control cannot be the primary",
        ),
        ("[prognostic]", '[prognostic]\nendpoints = ["fall"]', 'found "fall", a negative control'),
        ('label = "Overall survival"', 'label = "Overall survival"\nnegative_control = true', "negative controls only"),
    ],
)
def test_a_control_in_the_wrong_place_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    study = write_study(tmp_path, with_falls(1), {**COLUMNS, old: new}, MORE + CONTROL)
    with pytest.raises(ProtocolError, match=message):
        read_protocol(study)


def test_adjustments_that_lie_apart_are_told_of(tmp_path: Path) -> None:
    """Age decides both arm and death, so that a model with age and a matching without it cannot agree."""
    rows = []
    for i, row in enumerate(patients(240)):
        old = (i * 7) % 31 > 15
        treated = (i % 5 != 0) if old else (i % 5 == 0)
        days = 20 + (i * 37) % 60 if old else 200 + (i * 53) % 400
        rows.append({**row, "arm": "new" if treated else "old", "age": "70" if old else "50", "days": str(days)})
    rows = [{**row, "died": "1"} for row in rows]
    blind = {'kind = "matching"': 'kind = "matching"\ncovariates = ["sex"]'}
    protocol = read_protocol(write_study(tmp_path, rows, blind, MORE))
    results = run_study(protocol, read_records(protocol, tmp_path))
    row = results.get(analysis="warning", statistic="adjustments_disagree")
    found = [effect(results, name)[0] for name in ("matched", "weighted")]
    place = {"analysis": "hazard_ratio", "adjustment": "multivariable", "arm": "New vs Old", "variable": ""}
    found.append(float(results.get(**place, statistic="hazard_ratio").value or 0))
    assert row.value == pytest.approx(max(found) / min(found), rel=LEDGER)
    assert row.value > 1.3
    said = [one.text for one in warnings_text(scopes(protocol, results)[0])]
    assert any(text.startswith("Overall survival: the adjustments disagree (") for text in said)


def test_adjustments_that_agree_are_not(tmp_path: Path) -> None:
    results = run(tmp_path)
    found = [effect(results, name)[0] for name in ("matched", "weighted")]
    assert max(found) / min(found) < 1.3
    assert not results.select(analysis="warning", statistic="adjustments_disagree")
