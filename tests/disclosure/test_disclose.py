"""Small cells: gone from the ledger, from what is calculated from them, and not to be told from totals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.disclosure.disclose import COUNTS, disclose
from twoarm.protocol.output import Disclosure
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.study import run_study

MINIMUM = 10


def run(folder: Path, minimum: int) -> Results:
    rows = [{**row, "sex": "m" if i < 6 else "f"} for i, row in enumerate(patients())]
    more = f'\n[disclosure]\nminimum_cell = {minimum}\n[subgroups]\nvariables = ["sex"]\nminimum_events = 1\n'
    protocol = read_protocol(write_study(folder, rows, more=more))
    return run_study(protocol, read_records(protocol, folder))


def test_nothing_is_suppressed_by_default(tmp_path: Path) -> None:
    assert not [row for row in run(tmp_path, 0).estimates if row.status == "suppressed"]


def test_no_small_count_is_left(tmp_path: Path) -> None:
    results = run(tmp_path, MINIMUM)
    left = [row.id for row in results.estimates if row.statistic in COUNTS and row.value and 0 < row.value < MINIMUM]
    assert left == []
    assert [row for row in results.estimates if row.status == "suppressed"]


def test_curves_end_before_few_are_at_risk(tmp_path: Path) -> None:
    for curve in run(tmp_path, MINIMUM).curves:
        counts = (
            curve.columns["at_risk"] if curve.kind == "survival" else (*curve.columns["all"], *curve.columns["matched"])
        )
        assert not [count for count in counts if count and count < MINIMUM]


def ledger(**counts: dict[str, int]) -> Ledger:
    made = Ledger(Estimate(analysis="baseline", population="study", missing="cc", adjustment="unadjusted"))
    for arm, levels in counts.items():
        for level, n in levels.items():
            made.add("n", n, arm=arm, variable="stage", variable_level=level)
            made.add("percent", 100.0 * n / sum(levels.values()), arm=arm, variable="stage", variable_level=level)
    return made


def hidden(results: Results) -> set[tuple[str, str]]:
    return {(row.arm, row.variable_level) for row in results.estimates if row.status == "suppressed"}


def test_a_hidden_level_takes_a_second_with_it() -> None:
    results = disclose(
        Disclosure(minimum_cell=5), ledger(A={"I": 3, "II": 20, "III": 30}, B={"I": 40, "II": 50, "III": 60})
    )
    assert {("A", "I"), ("A", "II")} <= hidden(results)
    assert ("A", "III") not in hidden(results)


def test_a_zero_is_shown() -> None:
    results = disclose(Disclosure(minimum_cell=5), ledger(A={"I": 0, "II": 20}, B={"I": 40, "II": 50}))
    assert hidden(results) == set()


@pytest.mark.parametrize("statistic", ["percent", "n"])
def test_what_is_calculated_from_a_hidden_count_goes_with_it(statistic: str) -> None:
    results = disclose(Disclosure(minimum_cell=5), ledger(A={"I": 3, "II": 20}, B={"I": 40, "II": 50}))
    row = results.get(arm="A", variable_level="I", statistic=statistic)
    assert (row.value, row.status) == (None, "suppressed")


def test_a_suppressed_value_is_nowhere_in_the_json(tmp_path: Path) -> None:
    for row in json.loads(run(tmp_path, MINIMUM).estimates_json()):
        assert (row["value"] is None) == (row["status"] != "ok")
