"""Matched sets from the protocol to the ledger: against R, by hand, at the edge, and what is said of them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from oracles.stored import TESTS, reference
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.report.results_text import results_text
from twoarm.report.warnings_text import warnings_text
from twoarm.results.results import Results
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.optimal_matching import match_optimal
from twoarm.study import design_summary, run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import scopes

CLOSE = {"rel": 1e-8, "abs": 0.0}  # the ledger keeps 12 digits
STUDIES = {study["label"]: study for study in reference("crossed_clusters")["studies"]}
PROTOCOL = """\
format_version = 1
title = "Matched sets"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
treat = { type = "boolean", true = ["1"], false = ["0"] }
age = "integer"
educ = "integer"
race = "text"
married = { type = "boolean", true = ["1"], false = ["0"] }
nodegree = { type = "boolean", true = ["1"], false = ["0"] }
re74 = "number"
re75 = "number"
days = "integer"
happened = { type = "boolean", true = ["1"], false = ["0"] }

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "treat"
treated = { value = true, label = "Trained" }
comparator = { value = false, label = "Not trained" }

[covariates]
age = { kind = "continuous" }
educ = { kind = "continuous" }
race = { kind = "categorical", levels = ["black", "hispan", "white"] }
married = { kind = "categorical", levels = [false, true] }
nodegree = { kind = "categorical", levels = [false, true] }
re74 = { kind = "continuous" }
re75 = { kind = "continuous" }

[endpoints.work]
label = "Work"
time = "days"
event = "happened"

[subgroups]
variables = ["married"]

[output]
patient_level = true
"""


def lalonde_rows() -> list[dict[str, str]]:
    """The patients of the reference, with the times that it makes up."""
    with (TESTS / "data" / "lalonde.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        number = {name: float(row[name]) for name in ("re78", "re75", "age")}
        row["days"] = str(int(1 + np.floor(number["re78"] + 7 * number["age"] + number["re75"]) % 997))
        row["happened"] = str(int((np.floor(number["re78"]) + number["age"]) % 3 != 0))
        del row["re78"]
    return rows


def write_lalonde(folder: Path, *adjustments: str, more: str = "") -> Protocol:
    out = io.StringIO()
    rows = lalonde_rows()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "patients.csv").write_text(out.getvalue(), "utf-8")
    sections = [
        f'\n[adjustments.{text.split(":")[0]}]\nkind = "matching"\n{text.split(":", 1)[1]}\n' for text in adjustments
    ]
    (folder / "study.toml").write_text(PROTOCOL + more + "".join(sections), "utf-8")
    return read_protocol(folder / "study.toml")


MATCHINGS = {
    "twice": ("with replacement 1:2", 'label = "Twice"\nratio = 2\nreplacement = true\nprimary = true'),
    "again": ("with replacement 1:1", 'label = "Again"\nreplacement = true'),
    "three": ("closest first 1:3", 'label = "Three"\nratio = 3'),
}


@cache
def lalonde(folder: Path) -> tuple[Protocol, Results]:
    protocol = write_lalonde(folder, *(f"{name}:{options}" for name, (_, options) in MATCHINGS.items()))
    return protocol, run_study(protocol, read_records(protocol, folder))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Protocol, Results]:
    return lalonde(tmp_path_factory.mktemp("lalonde"))


each = pytest.mark.parametrize("name", MATCHINGS)


@each
def test_sets_and_weights_are_those_of_r(study: tuple[Protocol, Results], name: str) -> None:
    expected = STUDIES[MATCHINGS[name][0]]
    found = [row for row in study[1].patients if row.adjustment == name]
    assert [row.pair for row in found] == expected["set"]
    assert [row.weight for row in found] == pytest.approx(expected["weight"], rel=1e-12)
    # partners of one set stand in the order of keys, in R by distance
    assert {(row.pair, row.key) for row in found} == set(zip(expected["set"], expected["patient"], strict=True))


@each
def test_the_ledger_equals_r(study: tuple[Protocol, Results], name: str) -> None:
    expected, results = STUDIES[MATCHINGS[name][0]], study[1]
    model = expected["models"][0]
    crossed = "with" in MATCHINGS[name][0]
    here = {"adjustment": name, "analysis": "hazard_ratio", "endpoint": "work", "arm": "Trained vs Not trained"}
    kind = "by crossed clusters of set and patient" if crossed else "clustered by matched set"
    method = f"Cox, Efron ties, Wald, robust variance {kind}"
    ratio = results.get(**here, statistic="hazard_ratio")
    assert (np.log(ratio.value), ratio.method) == (pytest.approx(model["alone"], **CLOSE), method)
    error = results.get(**here, statistic="log_hazard_ratio_se").value
    assert error == pytest.approx(model["alone_se"] if crossed else model["set_se"], **CLOSE)
    test = results.get(
        **{**here, "analysis": "survival"},
        statistic="chi_squared",
        method=f"log-rank, weighted, robust variance {kind}",
    )
    if crossed:
        assert test.value == pytest.approx(model["score_test"], **CLOSE)
    n = results.get(adjustment=name, analysis="hazard_ratio", endpoint="work", arm="all", statistic="n").value
    assert n == len(set(expected["patient"])) == expected["sets"] + expected["distinct"]
    effective = results.get(adjustment=name, analysis="weights", arm="Not trained", statistic="effective_sample_size")
    assert effective.value == pytest.approx(expected["effective"], rel=1e-11)


@each
def test_the_ledger_describes_the_sets(study: tuple[Protocol, Results], name: str) -> None:
    expected, results = STUDIES[MATCHINGS[name][0]], study[1]
    here = {"adjustment": name, "analysis": "lost", "arm": "Trained vs Not trained"}
    sizes = Counter(Counter(expected["set"]).values())
    assert results.get(**here, statistic="pairs").value == expected["sets"]
    assert results.get(**here, statistic="distinct_partners").value == expected["distinct"]
    assert results.get(**here, statistic="most_used_partner").value == expected["most_used"]
    for row in results.select(**here, statistic="sets_by_partners"):
        assert row.value == sizes[int(row.variable_level) + 1]
    mean = sum((size - 1) * count for size, count in sizes.items()) / expected["sets"]
    assert results.get(**here, statistic="partners_per_set").value == pytest.approx(mean, rel=1e-11)


def test_a_stratified_log_rank_goes_on_where_nobody_stands_in_two_sets(study: tuple[Protocol, Results]) -> None:
    here = {
        "analysis": "survival",
        "endpoint": "work",
        "statistic": "p_value",
        "method": "log-rank stratified by matched set",
    }
    assert study[1].get(**here, adjustment="three").value is not None
    assert study[1].find(**here, adjustment="twice") is None


def test_curves_count_patients_once(study: tuple[Protocol, Results]) -> None:
    expected = STUDIES["with replacement 1:2"]
    curve = study[1].curve(adjustment="twice", kind="survival", endpoint="work", arm="Not trained")
    assert curve is not None
    assert curve.columns["at_risk_patients"][0] == expected["distinct"]
    assert curve.columns["at_risk"][0] == pytest.approx(expected["distinct"])  # weights average 1


def test_balance_is_that_of_the_weighted_means(study: tuple[Protocol, Results]) -> None:
    expected = STUDIES["with replacement 1:2"]
    ages = {row["id"]: float(row["age"]) for row in lalonde_rows()}
    treated = np.array([key.startswith("NSW") for key in expected["patient"]])
    age, weight = np.array([ages[key] for key in expected["patient"]]), np.array(expected["weight"])
    everybody = [np.array([ages[key] for key in ages if key.startswith(arm)]) for arm in ("NSW", "PSID")]
    spread = np.sqrt((everybody[0].var(ddof=1) + everybody[1].var(ddof=1)) / 2)
    gap = np.average(age[treated], weights=weight[treated]) - np.average(age[~treated], weights=weight[~treated])
    here = {"adjustment": "twice", "analysis": "balance", "variable": "age", "statistic": "smd"}
    found = study[1].get(**here, method="SD of the original sample").value
    assert found == pytest.approx(gap / spread, rel=1e-10)
    baseline = {"adjustment": "twice", "analysis": "baseline", "arm": "Not trained", "statistic": "n"}
    assert study[1].get(**baseline, variable="").value == expected["distinct"]


def test_reports_say_what_sets_are(study: tuple[Protocol, Results]) -> None:
    protocol, results = study
    said = " ".join(text for _, paragraphs in methods_text(protocol) for text in paragraphs)
    assert "up to 2 patients of the other arm by greedy nearest-neighbour matching with replacement" in said
    assert "up to 3 patients of the other arm by greedy nearest-neighbour matching without replacement" in said
    assert "crossed clusters, V(set) + V(patient)" in said
    assert "clustered by pair" not in said
    scope = scopes(protocol, results)[0]
    words = " ".join(sentence.text for paragraph in results_text(scope) for sentence in paragraph)
    assert "Twice: 184 matched sets were formed with 127 different partners, 2.00 a set on average" in words
    warned = " ".join(sentence.text for sentence in warnings_text(scope))
    assert "Twice: the most used partner stands in 24 matched sets" in warned
    assert "Three: the most used" not in warned
    tables = {table.name: table for table in all_tables(scope)}
    sets = tables["matched_sets"]
    assert [cell.text for cell in sets.rows[0].cells] == ["Matched sets", "184", "184", "111"]
    assert [row.cells[0].text for row in sets.rows][2:5] == ["Sets with 1", "Sets with 2", "Sets with 3"]
    assert "lost-twice" in tables
    assert any("Twice (ATT)" in cell.text for row in tables["weights"].rows for cell in row.cells)


def test_optimal_sets_are_those_of_the_kernel(tmp_path: Path) -> None:
    protocol = write_lalonde(tmp_path, 'best:method = "optimal"\nratio = 2', 'greedy:label = "Greedy"\nratio = 2')
    records = read_records(protocol, tmp_path)
    results = run_study(protocol, records)
    pairs = {}
    for name in ("best", "greedy"):
        sets: dict[int, list[str]] = {}
        for row in (row for row in results.patients if row.adjustment == name):
            sets.setdefault(row.pair or 0, []).append(row.key)
        pairs[name] = [(keys[0], key) for keys in sets.values() for key in keys[1:]]
    rows = sorted(lalonde_rows(), key=lambda row: row["id"])
    keys = [row["id"] for row in rows]
    width = results.get(adjustment="best", analysis="lost", statistic="caliper_width").value
    probability = {row.key: row.propensity for row in results.patients if row.adjustment == "unadjusted"}
    assert set(probability.values()) == {None}  # scores are those of a matching
    assert len(pairs["best"]) >= len(pairs["greedy"])
    assert width == results.get(adjustment="greedy", analysis="lost", statistic="caliper_width").value
    assert all(key.startswith("NSW") and other.startswith("PSID") for key, other in pairs["best"])
    assert len({other for _, other in pairs["best"]}) == len(pairs["best"])
    assert len(keys) == 614
    said = " ".join(text for _, paragraphs in methods_text(protocol) for text in paragraphs)
    assert "by optimal matching without replacement" in said
    assert "as many pairs as possible were formed, and among those the ones of the smallest total distance" in said
    assert any(re.search(r"\d+ matched sets$", line) for line in design_summary(protocol, records))


def test_a_partner_is_as_near_as_the_kernel_says(study: tuple[Protocol, Results]) -> None:
    rows = [row for row in study[1].patients if row.adjustment == "three"]
    score = np.log([row.propensity / (1 - row.propensity) for row in rows])  # type: ignore[operator]
    width = study[1].get(adjustment="three", analysis="lost", statistic="caliper_width").value
    focal = {row.pair: score[i] for i, row in reversed(list(enumerate(rows)))}
    assert all(abs(score[i] - focal[row.pair]) <= width + 1e-6 for i, row in enumerate(rows))
    assert max(Counter(row.key for row in rows).values()) == 1


def test_both_kernels_agree_where_there_is_nothing_to_choose() -> None:
    scores, focal = [0.1, 0.5, 0.11, 0.52, 0.12, 0.53], [1, 1, 0, 0, 0, 0]
    made = [kernel(score=scores, focal=focal, caliper=0.05, ratio=2) for kernel in (match_nearest, match_optimal)]
    assert made[0].partner.tolist() == made[1].partner.tolist() == [2, 4, 3, 5]


EFFECTS = """
[analyses.survival]
landmarks = [400]
[analyses.restricted_mean]
tau = 700
[analyses.piecewise]
cuts = [300]
[endpoints.found]
label = "Work found"
primary = true
time = "days"
event = "odd"
competing = ["even"]
[derived]
odd = "happened and (educ in (1, 3, 5, 7, 9, 11, 13, 15, 17))"
even = "happened and (educ in (0, 2, 4, 6, 8, 10, 12, 14, 16, 18))"
"""


@pytest.fixture(scope="module")
def effects(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("effects")
    write_lalonde(folder, *(f"{name}:{options}" for name, (_, options) in MATCHINGS.items()))
    text = (
        (folder / "study.toml").read_text("utf-8").replace('"Matched sets"\n', '"Matched sets"\ntime_unit = "days"\n')
    )
    (folder / "study.toml").write_text(text + EFFECTS, "utf-8")
    protocol = read_protocol(folder / "study.toml")
    return run_study(protocol, read_records(protocol, folder))


@pytest.mark.parametrize("name", ["twice", "again"])
def test_effects_in_crossed_sets_equal_r(effects: Results, name: str) -> None:
    label = MATCHINGS[name][0]
    expected = next(one for one in reference("crossed_effects")["studies"] if one["label"] == label)
    here = {"adjustment": name, "endpoint": "work", "arm": "Trained vs Not trained"}

    def value(analysis: str, statistic: str, **more: str) -> float:
        row = effects.get(**{**here, "analysis": analysis, "statistic": statistic, **more})
        assert "crossed clusters of set and patient" in row.method
        assert row.value is not None
        return float(row.value)

    means = expected["restricted_mean"]
    assert value("restricted_mean", "restricted_mean_difference") == pytest.approx(means["difference"], **CLOSE)
    assert value("restricted_mean", "restricted_mean_difference_se") == pytest.approx(means["se"], **CLOSE)
    assert value("restricted_mean", "log_restricted_mean_ratio_se") == pytest.approx(means["log_se"], **CLOSE)
    gap = expected["survival"]
    assert value("survival_difference", "survival_difference") == pytest.approx(100 * gap["difference"], **CLOSE)
    assert value("survival_difference", "survival_difference_se") == pytest.approx(100 * gap["se"], **CLOSE)
    pieces = expected["piecewise"]
    for j, parameter in enumerate(("0 to 300 days", "after 300 days")):
        found = value("piecewise", "log_hazard_ratio", parameter=parameter)
        assert found == pytest.approx(pieces["coefficients"][j], **CLOSE)
        error = value("piecewise", "log_hazard_ratio_se", parameter=parameter)
        assert error == pytest.approx(np.sqrt(pieces["covariance"][j][j]), **CLOSE)
    assert value("piecewise", "chi_squared", parameter="") == pytest.approx(pieces["equality"], **CLOSE)
    for cause, variable in zip((2, 1), ("", "competing"), strict=True):  # odd years of schooling are R's cause 2
        one = expected["fine_gray"][cause - 1]
        fit = {"endpoint": "found", "variable": variable}
        found = value("cumulative_incidence", "log_subdistribution_hazard_ratio", **fit)
        assert found == pytest.approx(one["coefficient"], **CLOSE)
        error = value("cumulative_incidence", "log_subdistribution_hazard_ratio_se", **fit)
        assert error == pytest.approx(one["se"], **CLOSE)
