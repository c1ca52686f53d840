"""Response between arms and within pairs: the numbers of small tables worked out beside them, and their limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import compose
from twoarm.results.results import Results
from twoarm.study import run_study

STORED = 1e-9  # closed form
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
"""
CHANGES = {
    'days = "integer"': 'days = "integer"\nzero = "date"',
    'label = "Everybody"': 'label = "Everybody"\ntime_zero = "zero"',
    'kind = "matching"': 'kind = "matching"\ncaliper = "none"',
}


def run(folder: Path, seen: dict[str, str], options: str = "") -> Results:
    """Twenty treated and forty others, twenty pairs; everybody's one visit shows what ``seen`` says of their arm."""
    rows = [{**row, "zero": "2024-01-01"} for row in patients()]
    lines = [f"{row['id']},2024-02-01,{seen[row['arm']].split()[i // 3 % len(seen[row['arm']].split())]}"
             for i, row in enumerate(rows)]  # fmt: skip
    (folder / "visits.csv").write_text("\n".join(["id,day,seen", *lines]) + "\n", "utf-8")
    protocol = read_protocol(write_study(folder, rows, CHANGES, VISITS + options))
    results = run_study(protocol, read_records(protocol, folder))
    assert compose(protocol, results, [])
    return results


ORR = {"analysis": "response", "variable": "objective_response", "parameter": "unconfirmed"}


def test_all_responders_against_none(tmp_path: Path) -> None:
    results = run(tmp_path, {"new": "CR", "old": "PD"})
    here = {**ORR, "adjustment": "unadjusted"}
    new = [
        results.get(**here, arm="New", statistic=s).value for s in ("n", "percent", "percent_lower", "percent_upper")
    ]
    assert new == pytest.approx([20, 100, 100 * 0.025**0.05, 100], rel=STORED)
    old = results.get(**here, arm="Old", statistic="percent_upper").value
    assert old == pytest.approx(100 * (1 - 0.025 ** (1 / 40)), rel=STORED)
    assert results.get(**here, arm="New vs Old", statistic="difference").value == 100
    assert results.get(**here, arm="New vs Old", statistic="odds_ratio").value is None
    pairs = {**ORR, "adjustment": "matched", "arm": "New vs Old"}
    assert results.get(**pairs, statistic="pairs").value == 20
    assert results.get(**pairs, statistic="difference", method="Wald, clustered by pair").value == 100
    limit = results.get(**pairs, statistic="difference_upper", method="Wald, clustered by pair")
    assert (limit.value, limit.note) == (None, "no variance: all pairs are alike")
    assert results.get(**pairs, statistic="p_value", method="McNemar, exact").value == pytest.approx(2 / 2**20)


def test_pairs_all_concordant(tmp_path: Path) -> None:
    results = run(tmp_path, {"new": "PD", "old": "PD"})
    pairs = {**ORR, "adjustment": "matched", "arm": "New vs Old"}
    method = {"method": "Wald, clustered by pair"}
    assert results.get(**pairs, **method, statistic="difference").value == 0
    assert results.get(**pairs, **method, statistic="difference_lower").value is None
    assert results.get(**pairs, **method, statistic="odds_ratio").note == "nobody or everybody in an arm"
    assert results.get(**pairs, statistic="p_value", method="McNemar, exact").value == 1
    unpaired = results.select(**pairs, statistic="p_value")
    assert [row.note for row in unpaired if row.value is None] == ["only one level occurs"]


def test_a_wald_limit_is_cut_at_a_whole(tmp_path: Path) -> None:
    """18 of 20 against none: 90 with standard error 6.71, so that the upper limit would be 103.1."""
    results = run(tmp_path, {"new": "PD " + "PR " * 9, "old": "PD"})
    pairs = {**ORR, "adjustment": "matched", "arm": "New vs Old", "method": "Wald, clustered by pair"}
    assert results.get(**pairs, statistic="difference_se").value == pytest.approx(100 * (1.8**0.5) / 20, rel=STORED)
    limit = results.get(**pairs, statistic="difference_upper")
    assert (limit.value, limit.note) == (100, "cut at 100%")


def test_the_dialect_corrects_the_unpaired_test(tmp_path: Path) -> None:
    """10 of 20 against 10 of 40 respond: chi-squared 3.75; corrected 60 (200 - 30)^2 / 640,000."""
    seen = {"new": "PR PD", "old": "PR PD PD PD"}
    plain, corrected = (tmp_path / name for name in ("plain", "corrected"))
    for folder, options, method, statistic in (
        (plain, "", "Pearson chi-squared", 3.75),
        (
            corrected,
            '[analyses.baseline]\ntable_test = "yates"\n',
            "Pearson chi-squared with continuity correction",
            2.709375,
        ),
    ):
        folder.mkdir()
        results = run(folder, seen, options)
        here = {**ORR, "adjustment": "unadjusted", "arm": "New vs Old", "method": method}
        assert results.get(**here, statistic="chi_squared").value == pytest.approx(statistic, rel=STORED)
