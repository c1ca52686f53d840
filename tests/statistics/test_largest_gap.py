"""The largest gap between two distribution functions, from bins, against counting at every value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm.statistics.largest_gap import BINS, FEW, largest_gap

EXACT = 1e-15  # the same counts over the same sizes


def by_counting(values, treated):
    """The gap at each distinct value, from two sorted arms."""
    own, other = np.sort(values[treated]), np.sort(values[~treated])
    at = np.unique(values)
    first, second = (np.searchsorted(arm, at, side="right") / arm.size for arm in (own, other))
    return np.abs(first - second).max()


def _shapes(g, n):
    return {
        "normal": g.normal(size=n),
        "nearly equal": 1e9 + g.normal(size=n) * 1e-6,
        "skewed": np.exp(g.normal(0, 6, n)),
        "ties": np.round(g.normal(size=n), 1) + 0.05,
        "two peaks": np.where(g.random(n) < 0.5, -5.0, 5.0) + g.normal(size=n) * 0.3,
        "constant": np.full(n, 2.5),
        "one far away": np.append(g.normal(size=n - 1), 1e300),
        "infinite range": np.concatenate((g.normal(size=n - 2), [-1.7e308, 1.7e308])),
        "smallest numbers": g.integers(0, 9, n) * 5e-324,
    }


@pytest.mark.parametrize("shape", list(_shapes(np.random.default_rng(0), 2)))
@pytest.mark.parametrize("difference", [0.0, 0.02, 1.0])
def test_equals_counting_at_every_value(shape, difference):
    g = np.random.default_rng(11)
    n = 60_000
    values = _shapes(g, n)[shape]
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable") / n
    treated = g.random(n) < 0.3 + 0.4 * difference * (ranks - 0.5) * np.cos(9 * ranks)
    assert n > FEW > BINS
    assert largest_gap(values, treated) == pytest.approx(by_counting(values, treated), rel=EXACT)
    assert largest_gap(values, ~treated) == largest_gap(values, treated)


def test_separate_arms_and_equal_arms():
    values = np.linspace(0, 1, 30_000)
    assert largest_gap(values, values > 0.4) == 1.0
    twice = np.repeat(np.random.default_rng(1).normal(size=20_000), 2)
    assert largest_gap(twice, np.tile([True, False], 20_000)) == 0.0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-10, 10), st.booleans()), min_size=2, max_size=40), st.integers(1, 5))
def test_bins_within_bins(drawn, few):
    values, treated = np.array([value for value, _ in drawn]), np.array([arm for _, arm in drawn])
    treated[0], treated[1] = True, False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("twoarm.statistics.largest_gap.FEW", few)
        patch.setattr("twoarm.statistics.largest_gap.BINS", 8)
        assert largest_gap(values, treated) == pytest.approx(by_counting(values, treated), rel=EXACT)
