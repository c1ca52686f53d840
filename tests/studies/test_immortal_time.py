"""Treatment that begins after time zero: a comparison with no effect that looks like one, and the warning of it."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np

from spec_study import write_study
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.scope import scopes

N = 2_000
START, SURVIVAL = 150, 300  # means, in days: of the wait for the treatment, and of survival, which nothing changes
DATES = {
    'days = "integer"': 'diagnosis = "date"\nbegan = "date"\nlast = "date"',
    'label = "Everybody"': 'label = "Everybody"\ntime_zero = "diagnosis"',
    'time = "days"\nevent = "died"': 'events = ["death"]\ncensoring = ["last"]',
    'died = { type = "boolean", true = ["1"], false = ["0"] }': 'death = "date"',
}


def _rows(*, at_once: bool) -> list[dict[str, str]]:
    """Whoever lives until the day of a treatment gets it, or every other one at once; survival is exponential."""
    rng = np.random.default_rng(20251)
    wait, life = rng.exponential(START, N).astype(int) + 1, rng.exponential(SURVIVAL, N).astype(int) + 1
    zero = datetime.date(2015, 1, 1)
    rows = []
    for i in range(N):
        treated = i % 2 == 0 if at_once else wait[i] < life[i]
        begin = wait[i] if treated and not at_once else 0
        day = [(zero + datetime.timedelta(days=int(days))).isoformat() for days in (0, begin, life[i])]
        sex, age = "f" if rng.random() < 0.5 else "m", str(int(rng.integers(40, 80)))
        rows.append(
            {"id": f"P{i:04d}", "arm": "new" if treated else "old", "age": age, "sex": sex, "diagnosis": day[0]}
            | {"began": day[1], "death": day[2], "last": day[2]}
        )
    return rows


def _run(folder: Path, *, at_once: bool) -> Results:
    more = '\n[timeline]\ntreatment_start = "began"\n'
    protocol = read_protocol(write_study(folder, _rows(at_once=at_once), DATES, more))
    results = run_study(protocol, read_records(protocol, folder))
    if results.select(analysis="warning", statistic="immortal_time"):
        from twoarm.report.warnings_text import warnings_text

        (said,) = (s.text for s in warnings_text(scopes(protocol, results)[0]) if "Immortal time" in s.text)
        assert "100.0% of the patients of New began their treatment after time zero (diagnosis)" in said
    return results


def _hazard_ratio(results: Results) -> float:
    row = results.select(analysis="hazard_ratio", adjustment="unadjusted", statistic="hazard_ratio", variable="")[0]
    return float(row.value or 0)


def test_a_treatment_after_time_zero_looks_good_and_is_warned_of(tmp_path: Path) -> None:
    results = _run(tmp_path, at_once=False)
    assert _hazard_ratio(results) < 0.8  # nothing has an effect
    (row,) = results.select(analysis="warning", statistic="immortal_time")
    assert (row.arm, row.value, row.unit) == ("New", 100.0, "%")


def test_a_treatment_at_time_zero_is_not_warned_of(tmp_path: Path) -> None:
    results = _run(tmp_path, at_once=True)
    assert abs(np.log(_hazard_ratio(results))) < 3 * 2 / np.sqrt(N)  # three standard errors, as nobody is censored
    assert not results.select(analysis="warning", statistic="immortal_time")
