"""The example study against R 4.2.2 (survival 3.5-3, MatchIt 4.7.2): examples/rotterdam/expected.json."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest

from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

FOLDER = Path(__file__).parents[2] / "examples" / "rotterdam"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
PRINTED = 6e-8  # R's numbers were written with seven decimals
DIGITS = 1e-9  # R's numbers were written with ten digits
CONTRAST = "Hormonal therapy vs No hormonal therapy"
TREATED, COMPARATOR = CONTRAST.split(" vs ")


def run(**changes: str) -> Results:
    text = (FOLDER / "study.toml").read_text()
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    protocol = parse_protocol(text)
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.fixture(scope="module")
def closest() -> Results:
    protocol = read_protocol(FOLDER / "study.toml")
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.fixture(scope="module")
def largest() -> Results:
    return run(
        order=('order = "closest"', 'order = "largest"\nnaive_variance = true'),
        output=("[subgroups]", "[output]\npatient_level = true\n\n[subgroups]"),
    )


def hazard_ratio(results: Results, adjustment: str, endpoint: str, naive: bool = False) -> list[float]:
    rows = [
        row
        for statistic in ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
        for row in results.select(
            analysis="hazard_ratio", adjustment=adjustment, endpoint=endpoint, arm=CONTRAST, statistic=statistic
        )
        if ("robust" in row.method) != naive or adjustment != "matched"
    ]
    return [float(row.value) for row in rows if row.value is not None]


@pytest.mark.parametrize("endpoint", ["os", "rfs"])
@pytest.mark.parametrize("adjustment", ["unadjusted", "multivariable"])
def test_hazard_ratios_before_matching(closest: Results, adjustment: str, endpoint: str) -> None:
    assert hazard_ratio(closest, adjustment, endpoint) == pytest.approx(EXPECTED[adjustment][endpoint], abs=PRINTED)


@pytest.mark.parametrize("endpoint", ["os", "rfs"])
@pytest.mark.parametrize("order", ["closest", "largest"])
def test_hazard_ratios_after_matching(request: pytest.FixtureRequest, order: str, endpoint: str) -> None:
    results: Results = request.getfixturevalue(order)
    expected = EXPECTED[f"matched_{order}"]
    assert hazard_ratio(results, "matched", endpoint) == pytest.approx(expected[endpoint], abs=PRINTED)
    pairs = results.get(analysis="lost", adjustment="matched", statistic="pairs")
    width = results.get(analysis="lost", adjustment="matched", statistic="caliper_width")
    assert pairs.value == expected["pairs"]
    assert width.value == pytest.approx(expected["caliper_width"], rel=DIGITS)


def test_the_naive_variance_stands_beside_on_request(largest: Results) -> None:
    assert hazard_ratio(largest, "matched", "os", naive=True) == pytest.approx(
        EXPECTED["matched_largest"]["os_naive"], abs=PRINTED
    )


def test_the_pairs_are_matchits(largest: Results) -> None:
    pairs: dict[int, dict[str, str]] = {}
    for row in largest.patients:
        if row.adjustment == "matched" and row.pair is not None:
            pairs.setdefault(row.pair, {})[row.arm] = row.key
    ours = {(pair[TREATED], pair[COMPARATOR]) for pair in pairs.values()}
    expected = EXPECTED["matched_largest"]
    assert ours == set(zip(expected["treated"], expected["control"], strict=True))


@pytest.mark.parametrize(("endpoint", "key"), [("os", "logrank_os"), ("rfs", "logrank_rfs")])
def test_log_rank(closest: Results, endpoint: str, key: str) -> None:
    row = closest.get(analysis="survival", adjustment="unadjusted", endpoint=endpoint, statistic="chi_squared")
    assert row.value == pytest.approx(EXPECTED["unadjusted"][key], rel=DIGITS)


def test_follow_up_is_shorter_in_the_treated_arm(closest: Results) -> None:
    here = {"analysis": "follow_up", "adjustment": "unadjusted", "statistic": "median"}
    medians = [closest.get(**here, arm=arm).value for arm in (COMPARATOR, TREATED)]
    assert medians == EXPECTED["reverse_km"]


@pytest.mark.parametrize("order", ["closest", "largest"])
def test_medians_after_matching(request: pytest.FixtureRequest, order: str) -> None:
    results: Results = request.getfixturevalue(order)
    for arm, expected in zip((COMPARATOR, TREATED), EXPECTED[f"matched_{order}"]["km_os"], strict=True):
        here = {"analysis": "survival", "adjustment": "matched", "endpoint": "os", "arm": arm}
        found = [
            results.get(**here, statistic=s).value for s in ("n", "events", "median", "median_lower", "median_upper")
        ]
        assert found == [expected[key] for key in ("records", "events", "median", "0.95LCL", "0.95UCL")]


@pytest.mark.parametrize(
    ("adjustment", "method", "key"),
    [
        ("unadjusted", "SD of the original sample", "smd_before"),
        ("matched", "SD of this sample", "smd_matched_sd"),
    ],
)
def test_standardised_differences(closest: Results, adjustment: str, method: str, key: str) -> None:
    """R took n - 1 variances of the 0/1 columns, too; ours are p (1 - p), so those are compared after rescaling."""
    names = ("year", "age", "meno", "grade", "nodes", "pgr", "er", "chemo")
    for name, expected in zip(names, EXPECTED["matched_closest"][key], strict=True):
        row = closest.get(
            analysis="balance", adjustment=adjustment, variable=name, variable_level="", statistic="smd", method=method
        )
        assert row.value is not None
        assert row.value * _bernoulli_factor(closest, adjustment, name) == pytest.approx(
            expected, rel=DIGITS, abs=1e-12
        )


def _bernoulli_factor(results: Results, adjustment: str, name: str) -> float:
    here = {"analysis": "baseline", "adjustment": adjustment}
    levels = results.select(**here, variable=name, statistic="n", arm=TREATED)
    if not levels:
        return 1.0
    spreads = []
    for arm in (TREATED, COMPARATOR):
        counts = [float(row.value or 0) for row in results.select(**here, variable=name, statistic="n", arm=arm)]
        n, share = sum(counts), counts[0] / sum(counts)
        spreads.append((share * (1 - share), share * (1 - share) * n / (n - 1)))
    return math.sqrt(sum(ours for ours, _ in spreads) / sum(r for _, r in spreads))


def test_all_patients_unadjusted() -> None:
    """All 2,982 patients: hazard ratio 1.5105 (1.2779 to 1.7856), coxph of survival 3.5-3."""
    everybody = run(nodes=('include = "nodes > 0"', 'include = "nodes >= 0"'))
    found = hazard_ratio(everybody, "unadjusted", "os")
    assert [round(value, 4) for value in found] == [1.5105, 1.2779, 1.7856]


def test_the_warnings_tell_the_story(closest: Results) -> None:
    fired = {(row.statistic, row.adjustment, row.variable) for row in closest.select(analysis="warning")}
    assert ("incomplete_matching", "matched", "") in fired
    assert ("follow_up_differs", "unadjusted", "") in fired
    assert {("imbalance", "matched", name) for name in ("size", "er", "chemo")} <= fired
    assert not any(name in ("larger_focal_arm", "few_events") for name, _, _ in fired)


def test_row_and_column_order_do_not_matter(closest: Results, tmp_path: Path) -> None:
    header, *rows = (FOLDER / "rotterdam.csv").read_text().splitlines()
    shuffled = sorted(rows, key=lambda row: zlib.crc32(row.encode()))
    flipped = [",".join(line.split(",")[::-1]) for line in (header, *shuffled)]
    (tmp_path / "rotterdam.csv").write_text("\n".join(flipped) + "\n")
    protocol = read_protocol(FOLDER / "study.toml")
    again = run_study(protocol, read_records(protocol, tmp_path))
    assert again.estimates_json() == closest.estimates_json()
    assert again.curves_json() == closest.curves_json()
