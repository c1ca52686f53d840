"""The declared grid: every row is what the study's own adjustment gives; what fails fails alone; sums and limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_study import patients, write_study
from twoarm.analyses import specifications
from twoarm.errors import ProtocolError
from twoarm.figures.specification_curve import specification_curve
from twoarm.figures.theme import style
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.protocol.specifications import MatchingGrid, Specifications, WeightingGrid
from twoarm.records.records import read_records
from twoarm.report.results_text import results_text
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes

MEASURED = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")
GRID = """
[specifications]
sets = { both = ["age", "sex"], age = ["age"] }
multivariable = true
unadjusted = true

[[specifications.matching]]
caliper = [0.05, 0.2, "none"]
order = ["closest", "largest"]

[[specifications.weighting]]
estimand = ["ATE", "ATO"]

[[specifications.weighting]]
method = ["entropy"]
estimand = ["ATT"]
"""
DECLARED = """
[adjustments.tight]
kind = "matching"
caliper = { width = 0.05 }
order = "largest"

[adjustments.open]
kind = "matching"
caliper = "none"
covariates = ["age"]

[adjustments.overlap]
kind = "weighting"
estimand = "ATO"
covariates = ["age"]

[adjustments.entropy]
kind = "weighting"
method = "entropy"
estimand = "ATT"

[adjustments.model]
kind = "multivariable"
covariates = ["age"]
"""
SAME = {
    "matched": "matching, caliper 0.2, order closest, scale logit, focal arm treated, covariates both",
    "tight": "matching, caliper 0.05, order largest, scale logit, focal arm treated, covariates both",
    "open": "matching, caliper none, order closest, scale logit, focal arm treated, covariates age",
    "overlap": "weighting, weights propensity, estimand ATO, truncation none, covariates age",
    "entropy": "weighting, weights entropy, estimand ATT, truncation none, covariates both",
    "model": "multivariable, covariates age",
    "unadjusted": "unadjusted",
}


def run(folder: Path, more: str, rows: list[dict[str, str]] | None = None, **replace: str) -> Results:
    protocol = read_protocol(write_study(folder, rows or patients(150), replace, more))
    return run_study(protocol, read_records(protocol, folder))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("grid"), DECLARED + GRID)


@pytest.mark.parametrize("adjustment", SAME)
def test_a_specification_is_what_the_single_adjustment_gives(results: Results, adjustment: str) -> None:
    here = {"analysis": "specifications", "variable_level": SAME[adjustment], "endpoint": "os"}
    own = {"analysis": "hazard_ratio", "adjustment": adjustment, "endpoint": "os", "variable": ""}
    for statistic in MEASURED:
        expected = results.select(**own, arm="New vs Old", statistic=statistic)[0]
        found = results.get(**here, arm="New vs Old", statistic=statistic)
        assert (found.value, found.method) == (expected.value, expected.method)
    for statistic in ("n", "events"):
        expected = results.get(**own, arm="all", statistic=statistic)
        assert results.get(**here, arm="all", statistic=statistic).value == expected.value
    largest = results.find(analysis="balance", adjustment=adjustment, statistic="largest_absolute_smd")
    if largest is not None:
        assert results.get(**here, statistic="largest_absolute_smd").value == largest.value
    pairs = results.find(analysis="lost", adjustment=adjustment, statistic="pairs")
    if pairs is not None:
        assert results.get(**here, statistic="pairs").value == pairs.value


def test_every_combination_is_run_once(results: Results) -> None:
    levels = {row.variable_level for row in results.select(analysis="specifications") if row.variable_level}
    assert len(levels) == 1 + 2 * (1 + 3 * 2 + 2 + 1)
    assert results.get(analysis="specifications", variable_level="", statistic="specifications").value == len(levels)


def test_the_summary_counts_the_rows(results: Results) -> None:
    rows = [row for row in results.select(analysis="specifications") if row.variable_level]
    ratios, lower, upper = (
        np.array([row.value for row in rows if row.statistic == name], dtype=float) for name in MEASURED[:3]
    )
    here = {"analysis": "specifications", "variable_level": "", "endpoint": "os", "missing": "", "adjustment": ""}
    expected = {
        "share_below_1": 100 * np.mean(ratios < 1),
        "share_excluding_1": 100 * np.mean((lower > 1) | (upper < 1)),
        "smallest_hazard_ratio": ratios.min(),
        "largest_hazard_ratio": ratios.max(),
    }
    for statistic, value in expected.items():
        assert results.get(**here, statistic=statistic).value == pytest.approx(value, rel=1e-11)


def test_a_grid_of_one(tmp_path: Path) -> None:
    results = run(tmp_path, "\n[specifications]\n[[specifications.matching]]\n")
    own = results.select(analysis="hazard_ratio", adjustment="matched", arm="New vs Old", statistic="hazard_ratio")[0]
    rows = results.select(analysis="specifications", statistic="hazard_ratio")
    assert [row.value for row in rows] == [own.value]
    protocol = read_protocol(tmp_path / "study.toml")
    scope = scopes(protocol, results)[0]
    table = next(table for table in all_tables(scope) if table.name == "specifications")
    assert table.rows[0].cells[0].text == "The only one"
    assert "order closest" in table.footnotes[0]
    with style():
        assert specification_curve(scope) is not None


def test_a_specification_that_cannot_be_made_keeps_its_row_and_harms_no_other(tmp_path: Path) -> None:
    """Sex tells the arm: the score of the sets with it separates, that of age alone does not."""
    rows = [{**row, "sex": "m" if row["arm"] == "new" else "f"} for row in patients(150)]
    results = run(tmp_path, GRID, rows)
    for row in results.select(analysis="specifications", statistic="hazard_ratio", adjustment="matching"):
        if row.variable_level.endswith("covariates both"):
            assert row.status == "not_estimable"
            assert "separat" in row.note
        else:
            assert row.value is not None
    total = results.get(analysis="specifications", statistic="specifications").value
    estimated = results.get(analysis="specifications", statistic="specifications_with_estimate").value
    assert total == 21
    assert estimated is not None
    assert 0 < estimated < 21


def test_an_error_of_ours_in_one_design_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = specifications.adjust

    def broken(population: object, *rest: object) -> object:
        section = next(iter(population.adjustments.values()))  # type: ignore[attr-defined]
        if getattr(section, "caliper", None) == "none":
            raise ZeroDivisionError
        return real(population, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(specifications, "adjust", broken)
    results = run(tmp_path, GRID)
    failed = [row for row in results.select(analysis="specifications") if row.status == "failed"]
    assert len(failed) == 4
    assert {row.note for row in failed} == {"internal error: ZeroDivisionError"}
    assert results.get(analysis="specifications", statistic="specifications_with_estimate").value == 17


IMPUTABLE = {
    "format_version = 1": "format_version = 1\nseed = 4",
    'include = "age >= 18"': 'include = "age >= 18"\nif_missing = "keep"',
}


def test_endpoints_and_strategies_multiply(tmp_path: Path) -> None:
    more = """
[endpoints.late]
label = "Late death"
time = "days"
event = "died"

[missing.complete_case]
kind = "complete_case"

[missing.imputed]
kind = "multiple_imputation"
imputations = 3

[specifications]
[[specifications.matching]]
caliper = [0.1, 0.5]
"""
    rows = [{**row, "age": "" if i % 17 == 0 else row["age"]} for i, row in enumerate(patients(150))]
    primary = {'label = "Overall survival"': 'label = "Overall survival"\nprimary = true'}
    results = run(tmp_path, more, rows, **IMPUTABLE, **primary)
    found = results.select(analysis="specifications", statistic="hazard_ratio")
    assert len(found) == 2 * 2 * 2
    assert {row.missing for row in found} == {"complete_case", "imputed"}
    pooled = [row for row in found if row.missing == "imputed"]
    assert all(row.value is not None for row in pooled)
    assert all(row.method.endswith("Rubin's rules") for row in pooled)
    assert results.get(analysis="specifications", endpoint="os", statistic="specifications").value == 4
    protocol = read_protocol(tmp_path / "study.toml")
    first, second = scopes(protocol, results)
    assert "specifications" in {table.name for table in all_tables(first)}
    assert "specifications" not in {table.name for table in all_tables(second)}
    table = next(table for table in all_tables(first) if table.name == "specifications")
    assert [row.kind for row in table.rows].count("heading") == 2
    assert len(table.rows) == 2 + 8
    said = " ".join(sentence.text for sentence in results_text(first)[-1])
    assert "4 of 4 specifications" in said


def test_an_imputed_specification_is_the_imputed_adjustment(tmp_path: Path) -> None:
    more = '\n[missing.imputed]\nkind = "multiple_imputation"\nimputations = 3\n\n[specifications]\nunadjusted = true\n[[specifications.matching]]\n'
    rows = [{**row, "age": "" if i % 17 == 0 else row["age"]} for i, row in enumerate(patients(150))]
    results = run(tmp_path, more, rows, **IMPUTABLE)
    for statistic in MEASURED:
        for adjustment, kind in (("matched", "matching"), ("unadjusted", "unadjusted")):
            place = {"analysis": "hazard_ratio", "adjustment": adjustment, "arm": "New vs Old"}
            own = results.select(**place, statistic=statistic)[0]
            found = results.get(analysis="specifications", adjustment=kind, statistic=statistic)
            assert (found.value, found.method) == (own.value, own.method)
            assert own.method.endswith("Rubin's rules") == (adjustment == "matched")


def test_counts_are_suppressed_where_small_cells_are(tmp_path: Path) -> None:
    results = run(tmp_path, GRID + "\n[disclosure]\nminimum_cell = 5\n")
    rows = [row for row in results.select(analysis="specifications") if row.variable_level]
    assert {row.status for row in rows if row.statistic in ("n", "events", "pairs")} == {"suppressed"}
    assert any(row.value is not None for row in rows if row.statistic == "hazard_ratio")


PROBLEMS = [
    ("", "expected a block of matching or weighting, multivariable or unadjusted"),
    ('endpoints = ["pfs"]\nunadjusted = true', 'found "pfs"; expected one of the endpoints'),
    ('missing = ["imputed"]\nunadjusted = true', 'found "imputed"; expected one of the missing'),
    ('sets = { a = ["sexx"] }\nmultivariable = true', 'found "sexx"; expected one of the covariates'),
    ("[[specifications.matching]]\ncaliper = [0.1, 0.1]", "expected every option once"),
    ("[[specifications.matching]]\norder = []", "expected an option or more"),
    ('[[specifications.matching]]\norder = ["random"]', "expected a seed at the top of the protocol with it"),
    ('[[specifications.matching]]\norder = ["closets"]', "did you mean closest?"),
    (
        '[[specifications.weighting]]\nmethod = ["propensity", "entropy"]\nestimand = ["ATO"]',
        "expected a block of its own for what goes together",
    ),
    (
        "[[specifications.matching]]\ncaliper = ["
        + ", ".join(f"0.{i:02d}" for i in range(1, 60))
        + ']\norder = ["closest", "largest", "smallest", "data"]',
        "found 236 designs; expected at most 200",
    ),
]


@pytest.mark.parametrize(("section", "message"), PROBLEMS)
def test_a_grid_that_cannot_be_is_refused(tmp_path: Path, section: str, message: str) -> None:
    study = write_study(tmp_path, more=f"\n[specifications]\n{section}\n")
    with pytest.raises(ProtocolError) as refused:
        read_protocol(study)
    assert message in str(refused.value)


def test_endpoints_and_strategies_count_towards_the_limit(tmp_path: Path) -> None:
    endpoints = "".join(f'\n[endpoints.e{i}]\nlabel = "E{i}"\ntime = "days"\nevent = "died"\n' for i in range(10))
    grid = f"\n[specifications]\n[[specifications.matching]]\ncaliper = [{', '.join(f'0.{i}' for i in range(1, 10))}]\n"
    grid += 'order = ["closest", "largest", "smallest"]\n'
    primary = {'label = "Overall survival"': 'label = "Overall survival"\nprimary = true'}
    with pytest.raises(ProtocolError, match=r"found 297 specifications \(27 designs, 11 endpoints, 1 strategies"):
        read_protocol(write_study(tmp_path, None, primary, endpoints + grid))


def test_designs_declared_twice_are_run_once() -> None:
    grid = Specifications(
        matching=(MatchingGrid(caliper=(0.1, 0.2)), MatchingGrid(caliper=(0.2, "none"))),
        weighting=(WeightingGrid(), WeightingGrid(estimand=("ATE", "ATT"))),
    )
    assert len(grid.designs()) == 3 + 2


def test_the_protocols_of_a_grid_are_deterministic(tmp_path: Path) -> None:
    first = run(tmp_path, GRID)
    again = run(tmp_path, GRID)
    assert first.estimates_json() == again.estimates_json()


def test_a_covariate_that_the_population_leaves_out_is_refused(tmp_path: Path) -> None:
    text = write_study(tmp_path, more=GRID).read_text("utf-8")
    text = text.replace('label = "Everybody"', 'label = "Everybody"\ncovariates = ["age"]')
    with pytest.raises(ProtocolError, match=r'"sex" is no covariate of populations\.study'):
        parse_protocol(text)
