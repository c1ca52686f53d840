"""Closest pairs by rounds and pair by pair are the same pairs."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics import closest_pairs as module
from twoarm.statistics.nearest_neighbour import match_nearest


def _pairs(seed, levels, caliper, ratio):
    g = np.random.default_rng(seed)
    n = int(g.integers(5, 300))
    score, focal = g.integers(0, levels, n) / levels, g.random(n) < g.choice([0.2, 0.5])
    focal[:2] = True, False
    found = match_nearest(score=score, focal=focal, caliper=caliper, key=g.permutation(n), ratio=ratio)
    return list(zip(found.focal.tolist(), found.partner.tolist(), strict=True))


@pytest.mark.parametrize("levels", [3, 20, 1000, 10**9])
@pytest.mark.parametrize("caliper", [None, 0.0, 0.02, 0.2])
@pytest.mark.parametrize("ratio", [1, 2])
def test_rounds_make_the_pairs_of_the_heap(monkeypatch, levels, caliper, ratio):
    for seed in range(12):
        monkeypatch.setattr(module, "ROUNDS", 10**9)
        by_rounds = _pairs(seed, levels, caliper, ratio)
        monkeypatch.setattr(module, "ROUNDS", 0)
        assert _pairs(seed, levels, caliper, ratio) == by_rounds


@pytest.mark.parametrize("levels", [3, 20, 1000, 10**9])
@pytest.mark.parametrize("caliper", [None, 0.02])
def test_who_is_out_of_reach_changes_no_pair(monkeypatch, levels, caliper):
    within, asked = module._in_reach, []
    for seed in range(30):
        monkeypatch.setattr(module, "_in_reach", lambda score, looks: asked.append(within(score, looks)) or asked[-1])
        in_reach = _pairs(seed, levels, caliper, 1)
        monkeypatch.setattr(module, "_in_reach", lambda score, looks: np.ones_like(looks))
        assert _pairs(seed, levels, caliper, 1) == in_reach
    assert len(asked) > 5
    assert levels < 1000 or any(kept.sum() < 0.8 * kept.size for kept in asked)


def test_shrinking_gaps_end_in_the_heap_in_good_time():
    """Each gap is smaller than the one before, so that a round makes one pair."""
    n = 4000
    score = np.concatenate(([0.0], np.cumsum(np.linspace(2.0, 1.0, n - 1))))
    focal = np.arange(n) % 2 == 0
    found = match_nearest(score=score, focal=focal)
    assert found.focal.size == n // 2
    assert np.abs(found.focal - found.partner).max() == 1
