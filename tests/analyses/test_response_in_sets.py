"""Response in matched sets: weighted rates, differences clustered by set or by crossed clusters, and their pooling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_study import patients, write_study
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import compose
from twoarm.results.results import Results
from twoarm.statistics.weighted_proportions import weighted_proportions
from twoarm.study import run_study

STORED = 1e-9  # the ledger keeps 12 digits
VISITS = """
[events.visits]
file = "visits.csv"
key = "id"
[events.visits.columns]
id = "text"
day = "date"
seen = { type = "category", map = { CR = "CR", PR = "PR", SD = "SD", PD = "PD", NE = "NE" } }
[response]
table = "visits"
date = "day"
response = "seen"
unpaired_tests = true
[output]
patient_level = true
"""
SEEN = ["CR", "PD", "PR", "SD", "NE", "PD", "SD", "PR", "PD", "SD", "SD"]
ORR = {"analysis": "response", "variable": "objective_response", "parameter": "unconfirmed", "adjustment": "matched"}
BY_SET = "weighted, robust variance clustered by matched set"
CROSSED = "weighted, robust variance by crossed clusters of set and patient"


def run(folder: Path, options: str, more: str = "", *, missing: int = 0, seed: str = "") -> Results:
    rows = [{**row, "zero": "2024-01-01"} for row in patients(90)]
    for i, row in enumerate(rows):
        row["sex"] = "" if missing and i % missing == 2 else row["sex"]
    lines = [f"{row['id']},2024-02-01,{SEEN[i * i % 11]}" for i, row in enumerate(rows)]
    (folder / "visits.csv").write_text("\n".join(["id,day,seen", *lines]) + "\n", "utf-8")
    changes = {
        'days = "integer"': 'days = "integer"\nzero = "date"',
        'label = "Everybody"': 'label = "Everybody"\ntime_zero = "zero"',
        'kind = "matching"': f'kind = "matching"\n{options}',
        'title = "A small study"': f'title = "A small study"\n{seed}',
    }
    protocol = read_protocol(write_study(folder, rows, changes, VISITS.replace("[output]", more + "\n[output]")))
    results = run_study(protocol, read_records(protocol, folder))
    assert not [row for row in results.estimates if row.status == "failed"]
    assert compose(protocol, results, [])
    return results


@pytest.mark.parametrize(("options", "method"), [("ratio = 3", BY_SET), ("ratio = 2\nreplacement = true", CROSSED)])
@pytest.mark.parametrize("denominator", ["all", "evaluable"])
def test_the_difference_is_that_of_the_weighted_rows(
    tmp_path: Path, options: str, method: str, denominator: str
) -> None:
    results = run(tmp_path, options, f'denominator = "{denominator}"')
    rows = [row for row in results.patients if row.adjustment == "matched"]
    seen = {f"P{i:03d}": SEEN[i * i % 11] for i in range(90)}
    rows = [row for row in rows if denominator == "all" or seen[row.key] != "NE"]
    yes = np.array([seen[row.key] in ("CR", "PR") for row in rows])
    treated, weight = np.array([row.arm == "New" for row in rows]), np.array([row.weight for row in rows])
    keys = np.array([row.key for row in rows])
    found = weighted_proportions(
        outcome=yes,
        treated=treated,
        weight=weight,
        cluster=np.array([row.pair for row in rows]),
        crossed=keys if method == CROSSED else None,
    )
    here = {**ORR, "arm": "New vs Old", "method": method}
    assert results.get(**here, statistic="difference").value == pytest.approx(100 * found.difference, rel=STORED)
    assert results.get(**here, statistic="difference_se").value == pytest.approx(100 * found.difference_se, rel=STORED)
    assert results.get(**here, statistic="p_value").value == pytest.approx(found.p_value, rel=STORED)
    assert results.get(**here, statistic="pairs").value == len({row.pair for row in rows})
    responders = results.get(**ORR, arm="Old", statistic="n").value
    assert responders == len(set(keys[yes & ~treated].tolist()))
    rate = results.get(**ORR, arm="Old", statistic="weighted_percent").value
    assert rate == pytest.approx(100 * np.average(yes[~treated], weights=weight[~treated]), rel=STORED)
    assert not results.select(**ORR, method="McNemar, exact")


@pytest.mark.parametrize(("options", "method"), [("ratio = 3", BY_SET), ("ratio = 2\nreplacement = true", CROSSED)])
def test_imputations_are_pooled(tmp_path: Path, options: str, method: str) -> None:
    more = '[missing.imputed]\nkind = "multiple_imputation"\nimputations = 3\niterations = 2\n'
    results = run(tmp_path, options, more, missing=6, seed="seed = 3")
    here = {**ORR, "missing": "imputed", "arm": "New vs Old"}
    for statistic in ("difference", "difference_lower", "difference_upper", "p_value", "odds_ratio"):
        assert results.get(**here, statistic=statistic, method=f"{method}, Rubin's rules").value is not None


def test_sets_that_are_not_whole_are_told(tmp_path: Path) -> None:
    rows = [{**row, "died": "" if i in (1, 30) else row["died"]} for i, row in enumerate(patients(90))]
    changes = {'kind = "matching"': 'kind = "matching"\nratio = 2\ncaliper = "none"\n[output]\npatient_level = true\n'}
    protocol = read_protocol(write_study(tmp_path, rows, changes))
    results = run_study(protocol, read_records(protocol, tmp_path))
    broken = {row.pair for row in results.patients if row.adjustment == "matched" and row.key in ("P001", "P030")}
    assert results.get(analysis="warning", statistic="broken_pairs").value == len(broken)
