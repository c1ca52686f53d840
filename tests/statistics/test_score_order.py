"""Rows by score and rank, and strata laid side by side on the score: the same pairs as stratum by stratum."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics import nearest_neighbour
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.score_order import by_score, runs_of_equals


@pytest.mark.parametrize("spread", [3.0, 1e6, 1e12, 2.0**52], ids=["ties", "packed", "wide", "too wide to pack"])
@pytest.mark.parametrize("n", [1, 2, 5_000])
def test_rows_by_score_and_rank(spread, n):
    g = np.random.default_rng(n)
    score, rows = np.rint(g.uniform(-spread, spread, n)), g.permutation(3 * n)[:n]
    for rank in (g.permutation(n), g.permutation(40 * n + 2_000)[:n]):
        assert by_score(rows, score, rank).tolist() == rows[np.lexsort((rank, score))].tolist()


def test_runs_of_equals():
    values = np.sort(np.random.default_rng(2).integers(0, 40, 300)).astype(float)
    start, end = runs_of_equals(values)
    assert start.tolist() == np.searchsorted(values, values, side="left").tolist()
    assert end.tolist() == np.searchsorted(values, values, side="right").tolist()
    assert [part.size for part in runs_of_equals(values[:0])] == [0, 0]


@pytest.mark.parametrize("caliper", [None, 0.0, 0.01])
@pytest.mark.parametrize("order", ["closest", "largest", "smallest", "data", "random"])
@pytest.mark.parametrize(
    "more", [{}, {"ratio": 3}, {"replace": True}], ids=["pairs", "three partners", "with replacement"]
)
def test_strata_side_by_side_give_the_pairs_of_each_stratum(monkeypatch, order, caliper, more):
    g = np.random.default_rng(17)
    n, strata = 2_000, 300
    columns = {
        "score": np.round(g.normal(size=n), 1) if caliper == 0.0 else g.normal(size=n),
        "focal": g.random(n) < 0.3,
        "exact": g.integers(0, strata, n),
        "key": g.permutation(n),
    }

    def match():
        found = match_nearest(**columns, order=order, caliper=caliper, generator=np.random.default_rng(5), **more)
        assert (columns["exact"][found.focal] == columns["exact"][found.partner]).all()
        return found.focal.tolist(), found.partner.tolist(), found.distance.tolist()

    at_once = match()
    monkeypatch.setattr(nearest_neighbour, "_side_by_side", lambda *_: None)
    assert at_once == match()
    assert len(at_once[0]) > 10
