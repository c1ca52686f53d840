"""The Rotterdam example under weights, from the protocol to the ledger, against R (references/weighting_study.R)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.stored import reference
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.statistics.weighted_proportions import weighted_proportions
from twoarm.study import run_study

FOLDER = Path(__file__).parents[2] / "examples" / "rotterdam"
STORED = reference("weighting_study")
CONTRAST = "Hormonal therapy vs No hormonal therapy"
TREATED, COMPARATOR = CONTRAST.split(" vs ")
DIGITS = 1e-7  # scores are rounded to ten decimals on both sides; large weights carry that on
MODEL = ["year", "age", "nodes", "size", "meno"]
WEIGHTINGS = {
    "ATE": 'estimand = "ATE"',
    "ATT": 'estimand = "ATT"',
    "ATC": 'estimand = "ATC"',
    "ATO": 'estimand = "ATO"',
    "cut": 'estimand = "ATE"\ntruncate_quantiles = [0.01, 0.99]',
}


def protocol_text() -> str:
    text = (FOLDER / "study.toml").read_text()
    head, _, _ = text.partition("[adjustments.multivariable]")
    head = head.replace(
        "[endpoints.os]",
        'young = { kind = "cut", source = "age", breaks = [50], labels = ["<50", "50+"] }\n\n[endpoints.os]',
    )
    sections = [
        f'[adjustments.w{name}]\nkind = "weighting"\nlabel = "W{name}"\ncovariates = {MODEL}\n{options}\n'
        for name, options in WEIGHTINGS.items()
    ]
    sections += [
        '[adjustments.few]\nkind = "weighting"\nlabel = "Few"\ncovariates = ["nodes", "size"]\n',
        '[adjustments.ebal]\nkind = "weighting"\nmethod = "entropy"\nestimand = "ATE"\n',
        '[analyses.survival]\nlandmarks = [5]\n[subgroups]\nvariables = ["young"]\n',
    ]
    return head + "\n".join(sections)


@pytest.fixture(scope="module")
def results() -> Results:
    protocol = parse_protocol(protocol_text())
    return run_study(protocol, read_records(protocol, FOLDER))


def value(results: Results, name: str, analysis: str, statistic: str, **wanted: str) -> float:
    found = results.select(adjustment=name, analysis=analysis, statistic=statistic, **wanted)
    assert len(found) == 1, [row.id for row in found]
    assert found[0].value is not None, found[0].note
    return float(found[0].value)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weighted_analyses_equal_r(results: Results, name: str) -> None:
    expected: dict[str, Any] = STORED["cases"][name]
    here = f"w{name}"
    model = {"endpoint": "os", "arm": CONTRAST, "variable": ""}
    coefficient = value(results, here, "hazard_ratio", "log_hazard_ratio", **model)
    assert coefficient == pytest.approx(expected["coefficient"], abs=DIGITS)
    error = value(results, here, "hazard_ratio", "log_hazard_ratio_se", **model)
    assert error == pytest.approx(expected["robust_se"], rel=DIGITS)
    chi_squared = value(results, here, "survival", "chi_squared", endpoint="os")
    assert chi_squared == pytest.approx(np.ravel(expected["log_rank"])[0], rel=1e-6)
    for position, arm in enumerate((COMPARATOR, TREATED)):
        at = {"endpoint": "os", "arm": arm}
        assert value(results, here, "survival", "median", **at) == expected["median"][position]
        survival = value(results, here, "survival", "survival", **at)
        assert survival == pytest.approx(expected["survival"][position], rel=DIGITS)
        for side in ("lower", "upper"):
            limit = value(results, here, "survival", f"survival_{side}", **at)
            assert limit == pytest.approx(expected[side][position], rel=1e-6)
        curve = results.curve(kind="survival", adjustment=here, **at)
        assert curve is not None
        later = next(i for i, day in enumerate(curve.columns["time"]) if day is not None and day >= 365)
        assert curve.columns["at_risk"][later] == pytest.approx(expected["at_risk"][position], rel=DIGITS)
        effective = value(results, here, "weights", "effective_sample_size", arm=arm)
        assert effective == pytest.approx(expected["ess"][1 - position], rel=1e-6)
    smd = value(results, here, "balance", "smd", variable="age")
    assert smd == pytest.approx(expected["smd_age"], abs=DIGITS)
    young = {**model, "variable": "young", "variable_level": "<50"}
    for statistic, number in zip(("log_hazard_ratio", "log_hazard_ratio_se"), expected["young"], strict=True):
        assert value(results, here, "subgroups", statistic, **young) == pytest.approx(number, rel=1e-6)


def test_overlap_weights_and_entropy_balance_every_term(results: Results) -> None:
    for name, variables in (("wATO", MODEL), ("ebal", [*MODEL, "grade", "pgr", "er", "chemo"])):
        rows = results.select(adjustment=name, analysis="balance", statistic="smd")
        sizes = [abs(float(row.value)) for row in rows if row.variable in variables and row.value is not None]
        assert len(sizes) > len(variables)
        assert max(sizes) < 1e-7  # scores are rounded to ten decimals


def test_truncation_is_counted(results: Results) -> None:
    assert value(results, "wcut", "weights", "truncated_below") == 16
    assert value(results, "wcut", "weights", "truncated_above") == 16


@pytest.mark.parametrize("name", ["ATE", "ATO", "cut"])
def test_proportional_hazards_are_tested_under_weights_as_r_does(results: Results, name: str) -> None:
    expected = STORED["cases"][name]["constancy"]
    here = {"adjustment": f"w{name}", "analysis": "proportional_hazards", "endpoint": "os", "statistic": "chi_squared"}
    rows = results.select(**here)
    assert [row.value for row in rows] == pytest.approx(expected, rel=1e-6)
    scale = "Grambsch-Therneau score test, Kaplan-Meier scale"
    assert [row.method for row in rows] == [f"{scale}, robust variance", f"{scale}, weights taken for counts"]


def test_weighted_samples_are_not_tested_in_table_one(results: Results) -> None:
    assert not results.select(adjustment="wATE", analysis="baseline", statistic="p_value")


def test_few_effective_patients_are_warned_of(results: Results) -> None:
    warned = results.select(adjustment="wATE", analysis="warning", statistic="extreme_weights")
    assert [row.arm for row in warned] == [TREATED]


def test_weighted_proportions_equal_r() -> None:
    expected = STORED["proportions"]
    found = weighted_proportions(outcome=STORED["outcome"], treated=STORED["treated"], weight=STORED["weight"])
    shares = [found.treated.proportion, found.comparator.proportion]
    assert shares == pytest.approx(expected["shares"], rel=1e-12)
    assert found.difference == pytest.approx(expected["difference"], rel=1e-10)
    assert found.difference_se == pytest.approx(expected["se"], rel=1e-10)
    p, q = shares
    slopes = (1 / (p * (1 - p)), 1 / (q * (1 - q)))
    spread = math.hypot(slopes[0] * found.treated.std_error, slopes[1] * found.comparator.std_error)
    limit = math.exp(math.log(found.odds_ratio) + 1.959963984540054 * spread)
    assert found.odds_ratio_upper == pytest.approx(limit, rel=1e-12)


def test_doubly_robust_and_standardised_survival_agree_with_the_weights(results: Results) -> None:
    at = {"analysis": "augmented_survival", "adjustment": "wATE", "endpoint": "os", "parameter": "5 years"}
    notes = {row.note for row in results.select(**at)}
    assert notes == {"an arm's survival comes out below 0 or above 1: a few patients have extreme weights"}
    at["adjustment"] = "few"
    rows = {(row.arm, row.statistic): row.value for row in results.select(**at)}
    for arm in (TREATED, COMPARATOR):
        low, middle, high = (float(rows[arm, f"survival{end}"] or 0) for end in ("_lower", "", "_upper"))
        assert low < middle < high
    gap = 100 * (float(rows[TREATED, "survival"] or 0) - float(rows[COMPARATOR, "survival"] or 0))
    assert rows[CONTRAST, "survival_difference"] == pytest.approx(gap, rel=1e-9)
    assert not results.select(analysis="augmented_survival", adjustment="wATT")  # it stands for all patients
    assert not results.select(analysis="standardised_survival")  # no model with covariates was declared
