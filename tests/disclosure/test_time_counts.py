"""Counts through time: what tells of few patients between two times goes, and single events of a smooth with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_study import patients, write_study
from twoarm.disclosure.disclose import COUNTS
from twoarm.disclosure.time_counts import told_by_time
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results
from twoarm.study import run_study

MINIMUM = 5


def run(folder: Path, minimum: int, more: str) -> Results:
    text = f"\n[disclosure]\nminimum_cell = {minimum}\n{more}"
    protocol = read_protocol(write_study(folder, patients(300), more=text))
    return run_study(protocol, read_records(protocol, folder))


def count(analysis: str, statistic: str, value: int, parameter: str = "6 months") -> Estimate:
    return Estimate(analysis, "p", "m", "a", "os", "New", "", "", statistic, parameter, "", value)


TOTALS = [count("survival", "n", 100, ""), count("survival", "events", 70, "")]
PIECES = [count("piecewise", "events", 30, "0 to 6 months"), count("piecewise", "events", 40, "after 6 months")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([], False),
        ([count("landmark", "lost_events", 32), count("landmark", "events", 38)], True),  # 2 events in between
        ([count("landmark", "lost_events", 30), count("landmark", "events", 40)], False),  # the same time
        ([count("landmark", "lost_events", 50), count("landmark", "events", 20)], False),
        ([count("piecewise", "at_risk", 60), count("landmark", "at_risk", 57)], True),
        ([count("piecewise", "at_risk", 98)], True),  # 2 of all 100 left
    ],
)
def test_neighbours_in_time(more: list[Estimate], told: bool) -> None:
    found = told_by_time([*TOTALS, *PIECES, *more], MINIMUM)
    assert bool(found) == told


def test_small_pieces_and_landmarks_go_as_a_whole(tmp_path: Path) -> None:
    more = (
        "[analyses.piecewise]\ncuts = [1.3, 8]\n[analyses.landmark]\ntimes = [3, 3.1]\n"
        "[analyses.survival]\nlandmarks = [6]\n"
    )
    found = run(tmp_path, MINIMUM, more)
    for word in ("piecewise", "landmark"):
        rows = found.select(adjustment="unadjusted", analysis=word)
        assert {row.status for row in rows} == {"suppressed"}, word
    assert found.select(adjustment="unadjusted", analysis="survival_difference")[0].status == "ok"


def test_large_pieces_stay(tmp_path: Path) -> None:
    found = run(tmp_path, MINIMUM, "[analyses.piecewise]\ncuts = [6]\n[analyses.landmark]\ntimes = [6]\n")
    for word in ("piecewise", "landmark"):
        rows = found.select(adjustment="unadjusted", analysis=word)
        assert {row.status for row in rows} == {"ok"}, word
    assert not [row.id for row in found.estimates if row.statistic in COUNTS and 0 < (row.value or 0) < MINIMUM]


def test_residuals_are_dropped_and_their_smooth_is_cut_at_both_ends(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "few").mkdir()
    whole, cut = run(tmp_path / "all", 0, ""), run(tmp_path / "few", MINIMUM, "")
    here = {"adjustment": "unadjusted", "endpoint": "os"}
    assert whole.curve(kind="schoenfeld", **here) is not None
    assert not [curve for curve in cut.curves if curve.kind == "schoenfeld"]
    before, after = (results.curve(kind="schoenfeld_smooth", **here) for results in (whole, cut))
    assert before is not None
    assert after is not None
    events = [int(value or 0) for value in before.columns["events"]]
    kept = [j for j, value in enumerate(events) if MINIMUM <= value <= events[-1] - MINIMUM]
    assert after.columns == {n: tuple(v[j] for j in kept) for n, v in before.columns.items() if n != "events"}
    assert 0 < len(kept) < len(events)
