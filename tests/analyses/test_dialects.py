"""What would differ under other packages' conventions: medians, hazard ratios and tests of Table 1, as R has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles.stored import reference
from spec_study import write_study
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

STORED = 1e-8  # R's Cox models end their iteration at 1e-9 of the likelihood
REFERENCE = reference("prognostic")
HAZARD = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")
CHANGES = {
    'sex = "text"\n': 'sex = "text"\nsite = "text"\n',
    'age = { kind = "continuous", unit = "years" }': 'late = { kind = "cut", source = "age", breaks = [61], '
    'labels = ["to 60", "over 60"] }\nsite = { kind = "categorical", levels = ["u", "v", "w"] }',
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("dialects")
    rows = [
        {"id": f"P{i:02d}", **{name: str(patient[name]) for name in patient}}
        for i, patient in enumerate(REFERENCE["patients"])
    ]
    options = '\n[analyses]\ndialects = ["r", "spss", "sas", "stata"]\n'
    protocol = read_protocol(write_study(folder, rows, CHANGES, options))
    return run_study(protocol, read_records(protocol, folder))


@pytest.mark.parametrize("dialect", ["r", "sas", "stata"])
def test_each_dialect_as_r_with_its_conventions(results: Results, dialect: str) -> None:
    expected = REFERENCE["dialects"][dialect]
    here = {"adjustment": "unadjusted", "analysis": "dialects", "parameter": dialect}
    for statistic, value in zip(HAZARD, expected["hazard_ratio"], strict=True):
        row = results.get(**here, variable_level="hazard_ratio", statistic=statistic, arm="New vs Old")
        assert row.value == pytest.approx(value, rel=STORED)
    for arm, values in expected["medians"].items():
        for statistic, value in zip(("median", "median_lower", "median_upper"), values, strict=True):
            row = results.get(**here, variable_level="survival", statistic=statistic, arm=arm)
            assert row.value == (None if value is None else pytest.approx(value, rel=STORED))
    for variable in ("site", "late"):
        row = results.get(**here, variable_level="baseline", variable=variable, statistic="p_value")
        assert row.value == pytest.approx(expected[variable], rel=STORED)


def test_only_r_corrects_for_continuity(results: Results) -> None:
    rows = results.select(adjustment="unadjusted", analysis="dialects", variable="late", statistic="p_value")
    assert {row.parameter: "continuity" in row.method for row in rows} == {
        "r": True, "spss": False, "sas": False, "stata": False,
    }  # fmt: skip


def test_spss_gives_symmetric_limits(results: Results) -> None:
    here = {"adjustment": "unadjusted", "analysis": "dialects", "parameter": "spss", "arm": "New"}
    middle, lower, upper = (
        results.get(**here, statistic=statistic).value for statistic in ("median", "median_lower", "median_upper")
    )
    assert middle is not None
    assert lower is not None
    assert upper is not None
    assert middle - lower == pytest.approx(upper - middle, rel=STORED)


def test_dialects_leave_the_study_itself_alone(results: Results) -> None:
    row = results.get(adjustment="unadjusted", analysis="hazard_ratio", statistic="hazard_ratio", arm="New vs Old")
    assert row.value == pytest.approx(REFERENCE["dialects"]["r"]["hazard_ratio"][0], rel=STORED)  # Efron, as R
