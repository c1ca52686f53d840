"""Prognostic models as R, with a level without events and a factor that is constant in the arm; who enters, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles.stored import reference
from spec_study import write_study
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import compose
from twoarm.results.results import Results
from twoarm.study import run_study

STORED = 1e-6  # R stops a diverging term where it still weighs about 1e-8
REFERENCE = reference("prognostic")
TERMS = {
    "I(age/5)": ("age", ""), "levelb": ("level", "b vs a"), "levelc": ("level", "c vs a"),
    "sitev": ("site", "v vs u"), "sitew": ("site", "w vs u"),
}  # fmt: skip
CHANGES = {
    'sex = "text"\n': 'sex = "text"\nlevel = "text"\nsite = "text"\n',
    'unit = "years" }': 'unit = "years", per = 5 }\n'
    'level = { kind = "categorical", levels = ["a", "b", "c", "d"] }\n'
    'site = { kind = "categorical", levels = ["u", "v", "w"] }',
}


def run(folder: Path, options: str) -> Results:
    rows = [
        {"id": f"P{i:02d}", **{name: str(patient[name]) for name in patient}}
        for i, patient in enumerate(REFERENCE["patients"])
    ]
    protocol = read_protocol(write_study(folder, rows, CHANGES, f'\n[prognostic]\narm = "treated"\n{options}\n'))
    results = run_study(protocol, read_records(protocol, folder))
    assert compose(protocol, results, [])
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("prognostic"), "")


def aslist(value: object) -> list[float | str]:
    return value if isinstance(value, list) else [value]  # type: ignore[list-item]  # R unboxes vectors of one


def compare(results: Results, model: str, found: dict[str, object]) -> None:
    for position, term in enumerate(aslist(found["terms"])):
        variable, level = TERMS[str(term)]
        here = {"analysis": "prognostic", "variable": variable, "variable_level": level, "adjustment": "unadjusted"}
        here["method"] = f"{model} Cox, Efron ties, Wald"
        for statistic, name in (
            ("hazard_ratio", "hazard_ratio"),
            ("hazard_ratio_lower", "lower"),
            ("hazard_ratio_upper", "upper"),
            ("p_value", "p_value"),
        ):
            expected = aslist(found[name])[position]
            assert results.get(**here, statistic=statistic).value == pytest.approx(expected, rel=STORED), here


def test_models_as_r(results: Results) -> None:
    models = REFERENCE["treated"]
    for found in models["univariable"].values():
        compare(results, "univariable", found)
    compare(results, "multivariable", models["multivariable"])


def test_the_global_test_as_r(results: Results) -> None:
    models = REFERENCE["treated"]
    for model, found in (("univariable", models["univariable"]["site"]), ("multivariable", models["multivariable"])):
        here = {"analysis": "prognostic", "variable": "site", "method": f"{model} global Wald test"}
        assert results.get(**here, statistic="p_value").value == pytest.approx(found["site"], rel=STORED)
        assert results.get(**here, statistic="degrees_of_freedom").value == 2


def test_a_level_without_events_has_no_global_wald_test(results: Results) -> None:
    row = results.get(
        analysis="prognostic", variable="level", method="univariable global Wald test", statistic="p_value"
    )
    assert (row.value, row.note) == (None, "without level [d] (monotone likelihood: the estimate is infinite)")


def test_a_factor_that_is_constant_in_the_arm_does_not_enter(results: Results) -> None:
    row = results.get(analysis="prognostic", variable="sex", statistic="entered")
    assert (row.value, row.note) == (0, "the model of this factor alone cannot be fitted")
    multivariable = results.select(analysis="prognostic", method="multivariable Cox, Efron ties, Wald", variable="sex")
    assert not multivariable


@pytest.mark.parametrize(
    ("screening", "entered"),
    [
        ('p_below = 0.3, by = "any_level"', {"site"}),  # v vs u: P .24
        ('p_below = 0.1, by = "global"', {"level"}),  # by the likelihood ratio, P .060, as an estimate is infinite
        ('p_below = 0.5, by = "global"', {"level", "site"}),  # site: P .490
        ('p_below = 0.05, by = "global"', set()),
    ],
)
def test_screening(tmp_path: Path, screening: str, entered: set[str]) -> None:
    results = run(tmp_path, f"screening = {{ {screening} }}")
    rows = results.select(analysis="prognostic", statistic="entered")
    assert {row.variable for row in rows if row.value} == entered
    assert len(rows) == 4
    if not entered:
        row = results.get(analysis="prognostic", method="multivariable", statistic="hazard_ratio")
        assert row.note == "no factor passed the screening"
