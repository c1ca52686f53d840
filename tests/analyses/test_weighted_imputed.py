"""Weights under multiple imputation and under disclosure rules, on the lung cancer example (synthetic patients)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

FOLDER = Path(__file__).parents[2] / "examples" / "es-sclc"
CONTRAST = "ICIs continuation vs ICIs discontinuation"
WEIGHTS = """
[adjustments.overlap]
kind = "weighting"
estimand = "ATO"
label = "Overlap weights"
"""


def protocol_of(*replace: tuple[str, str]) -> Protocol:
    text = (FOLDER / "study.toml").read_text()
    for old, new in replace:
        assert old in text, old
        text = text.replace(old, new, 1)
    return parse_protocol(text + WEIGHTS)


def run(protocol: Protocol) -> Results:
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.fixture(scope="module")
def imputed() -> Results:
    return run(protocol_of(("imputations = 20", "imputations = 3")))


def test_nothing_fails_and_every_number_has_a_pooling_rule(imputed: Results) -> None:
    rows = imputed.select(missing="imputed", adjustment="overlap")
    assert len(rows) > 300
    assert {row.status for row in rows} <= {"ok", "not_estimable"}
    assert not [row.id for row in rows if "pooling rule" in row.note]


def test_the_weighted_hazard_ratio_is_pooled_on_the_log_scale(imputed: Results) -> None:
    here = {"missing": "imputed", "adjustment": "overlap", "analysis": "hazard_ratio", "endpoint": "os"}
    rows = {row.statistic: float(row.value or 0) for row in imputed.select(**here, arm=CONTRAST)}
    assert np.exp(rows["log_hazard_ratio"]) == pytest.approx(rows["hazard_ratio"], rel=1e-9)
    assert 0 < rows["fraction_missing_information"] < 0.3
    assert 0 < rows["monte_carlo_error"] < 0.1 * rows["log_hazard_ratio_se"]


def test_weighted_rates_and_their_difference_agree(imputed: Results) -> None:
    here = {"missing": "imputed", "adjustment": "overlap", "analysis": "response", "variable": "disease_control"}
    rows = imputed.select(**here, parameter="unconfirmed")
    rates = [float(row.value or 0) for row in rows if row.statistic == "weighted_percent"]
    (gap,) = (float(row.value or 0) for row in rows if row.statistic == "difference")
    assert gap == pytest.approx(rates[0] - rates[1], abs=0.2)  # logits are pooled, not percentages
    (p_value,) = (float(row.value or 0) for row in rows if row.statistic == "p_value")
    assert 0 < p_value < 1


def test_small_cells_hide_weighted_percentages_and_extreme_weights() -> None:
    hidden = run(
        protocol_of(("seed = 20251111", 'seed = 20251111\ndisclosure = "cms"'), ("imputations = 20", "imputations = 2"))
    )
    rows = hidden.select(adjustment="overlap", missing="complete_case")
    assert {row.status for row in rows if row.statistic == "largest_weight"} == {"suppressed"}
    counts = {(r.variable, r.variable_level, r.arm): r for r in rows if (r.analysis, r.statistic) == ("baseline", "n")}
    small = {key for key, row in counts.items() if row.status == "suppressed"}
    assert small
    shares = {(r.variable, r.variable_level, r.arm): r for r in rows if r.statistic == "weighted_percent"}
    assert all(shares[key].status == "suppressed" for key in small if key in shares)
    assert not [curve for curve in hidden.curves if curve.kind == "weights"]
    for curve in hidden.curves:
        if curve.adjustment == "overlap" and curve.kind == "survival":
            assert all(value is None or value >= 11 for value in curve.columns["at_risk_patients"])
