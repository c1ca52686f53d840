"""Intervals from resamples that are matched or weighted anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

FOLDER = Path(__file__).parents[2] / "examples" / "rotterdam"
WEIGHTED = '[adjustments.att]\nkind = "weighting"\nestimand = "ATT"\nbootstrap = { replicates = 200 }\n'
SEEDED = ("format_version = 1", "format_version = 1\nseed = 7")


def run(adjustments: str, *replace: tuple[str, str]) -> Results:
    head, _, _ = (FOLDER / "study.toml").read_text().partition("[adjustments.multivariable]")
    text = head + adjustments
    for old, new in replace:
        text = text.replace(old, new, 1)
    protocol = parse_protocol(text)
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.fixture(scope="module")
def weighted() -> Results:
    return run(WEIGHTED, SEEDED)


def test_the_estimate_is_that_of_the_sample_and_the_interval_is_wald_from_the_resamples(weighted: Results) -> None:
    rows = [row for row in weighted.select(analysis="hazard_ratio", adjustment="att", endpoint="os") if row.value]
    robust = {row.statistic: float(row.value or 0) for row in rows if row.method.endswith("robust variance")}
    drawn = {row.statistic: float(row.value or 0) for row in rows if "200 resamples weighted anew" in row.method}
    assert drawn["hazard_ratio"] == robust["hazard_ratio"]
    middle, width = np.log(drawn["hazard_ratio"]), 1.959963984540054 * drawn["log_hazard_ratio_se"]
    assert np.log(drawn["hazard_ratio_upper"]) == pytest.approx(middle + width, rel=1e-10)
    # both estimate one standard error; 200 draws know theirs to some 5 %, and the score's estimation makes it smaller
    assert 0.7 < drawn["log_hazard_ratio_se"] / robust["log_hazard_ratio_se"] < 1.15


def test_the_same_seed_gives_the_same_interval(weighted: Results) -> None:
    again = run(WEIGHTED, SEEDED)
    assert again.estimates_json() == weighted.estimates_json()


def test_matched_resamples_are_matched_anew() -> None:
    matched = '[adjustments.matched]\nkind = "matching"\nbootstrap = { replicates = 100 }\n'
    found = run(matched, SEEDED, ("nodes > 0", "nodes > 6"))
    rows = found.select(analysis="hazard_ratio", adjustment="matched", endpoint="os", statistic="hazard_ratio_upper")
    assert [("100 resamples matched anew" in row.method, row.status) for row in rows] == [(False, "ok"), (True, "ok")]


def test_resamples_need_a_seed() -> None:
    with pytest.raises(Exception, match="resamples without a seed; expected a seed at the top of the protocol"):
        run(WEIGHTED)
