"""Pooled survival curves and medians: R taken time by time, imputations all alike, ends, hand-worked mixtures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.stored import floats, read_data, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.pooled_curve import PooledCurve, pool_curves, pooled_median
from twoarm.statistics.survival_quantile import survival_quantile

STORED = 1e-12  # closed form on both sides
ALIKE = 1e-12  # the same formula after a mean of equal numbers


def veteran(celltype):
    data = read_data("veteran")
    rows = data["celltype"] == celltype
    return fit_kaplan_meier(time=data["time"][rows], event=data["status"][rows])


def test_r_agrees_time_by_time():
    found = pool_curves(curves=[veteran(cell) for cell in ("squamous", "smallcell", "large")])
    expected = reference("rubin")["curve"]
    assert found.time.tolist() == expected["time"]
    assert found.survival == pytest.approx(floats(expected["survival"]), rel=STORED)
    for name in ("lower", "upper"):
        np.testing.assert_allclose(getattr(found, name), floats(expected[name]), rtol=STORED)


def test_imputations_all_alike_are_the_single_curve():
    km = veteran("squamous")
    found = pool_curves(curves=[km, km, km])
    events = km.events > 0
    assert found.time.tolist() == km.time[events].tolist()
    assert found.survival == pytest.approx(km.survival[events], rel=ALIKE)
    np.testing.assert_allclose(found.lower, km.lower[events], rtol=ALIKE)
    np.testing.assert_allclose(found.upper, km.upper[events], rtol=ALIKE)
    single = survival_quantile(km)
    median = pooled_median(found)
    assert (median.time, median.lower, median.upper) == (single.time, single.lower, single.upper)


def test_mixtures_have_the_mean_and_no_limits():
    first = fit_kaplan_meier(time=[1, 2, 3, 4], event=[1, 1, 1, 1])
    second = fit_kaplan_meier(time=[2, 3, 4, 9], event=[1, 1, 1, 0])
    found = pool_curves(curves=[first, second])
    assert found.time.tolist() == [1, 2, 3, 4]
    assert found.survival[0] == (0.75 + 1) / 2
    assert found.survival[3] == (0 + 0.25) / 2
    assert np.isnan(found.lower[[0, 3]]).all()
    assert np.isnan(found.upper[[0, 3]]).all()
    scale = (math.log(-math.log(0.5)) + math.log(-math.log(0.75))) / 2
    assert found.survival[1] == pytest.approx(math.exp(-math.exp(scale)), rel=ALIKE)
    assert found.lower[1] < found.survival[1] < found.upper[1]


def test_all_dead_is_zero():
    found = pool_curves(
        curves=[fit_kaplan_meier(time=[1, 2], event=[1, 1]), fit_kaplan_meier(time=[1, 3], event=[1, 1])]
    )
    assert found.survival[-1] == 0
    assert found.end == math.inf


def test_nothing_beyond_the_shortest_follow_up_unless_all_are_dead():
    short = fit_kaplan_meier(time=[1, 2, 5, 5], event=[1, 1, 0, 0])
    long = fit_kaplan_meier(time=[1, 2, 6, 8], event=[1, 1, 1, 0])
    dead = fit_kaplan_meier(time=[1, 2, 3, 4], event=[1, 1, 1, 1])
    assert pool_curves(curves=[short, long]).time.tolist() == [1, 2]
    assert pool_curves(curves=[short, long]).end == 5
    assert pool_curves(curves=[dead, long]).time.tolist() == [1, 2, 3, 4, 6]
    assert pool_curves(curves=[dead, long]).end == 8


def test_a_curve_that_would_rise_is_held():
    # the plain mean at 1 lies below the log-log mean at 2, where S is 0.99 and 0.9
    first = fit_kaplan_meier(time=[2] + [50] * 99, event=[1] + [0] * 99)
    second = fit_kaplan_meier(time=[1] * 10 + [50] * 90, event=[1] * 10 + [0] * 90)
    found = pool_curves(curves=[first, second])
    assert found.survival.tolist() == [0.95, 0.95]
    assert found.lower[1] <= 0.95 < found.upper[1]


def test_the_median_is_inverted_not_averaged():
    curve = PooledCurve(
        time=np.array([1.0, 2.0, 3.0, 4.0]),
        survival=np.array([0.8, 0.6, 0.4, 0.3]),
        lower=np.array([np.nan, 0.45, 0.3, 0.1]),
        upper=np.array([np.nan, 0.8, 0.7, 0.6]),
        end=4.0,
        confidence_level=0.95,
    )
    median = pooled_median(curve)
    assert (median.time, median.lower) == (3, 2)
    assert math.isnan(median.upper)


def test_flat_at_one_half_is_the_midpoint():
    km = fit_kaplan_meier(time=[1, 2, 3, 4], event=[1, 1, 1, 1])
    assert pooled_median(pool_curves(curves=[km, km])).time == 2.5


def test_refusals():
    km = fit_kaplan_meier(time=[1, 2], event=[0, 0])
    with pytest.raises(ArgumentError, match="curves: found 1 imputations"):
        pool_curves(curves=[km])
    with pytest.raises(NotEstimableError, match="no event up to"):
        pool_curves(curves=[km, km])


samples = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=15)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(samples, min_size=2, max_size=4))
def test_invariants(drawn):
    curves = [fit_kaplan_meier(time=[t for t, _ in one], event=[e for _, e in one]) for one in drawn]
    if not any((c.events > 0).any() for c in curves):
        return
    try:
        found = pool_curves(curves=curves)
    except NotEstimableError:
        return
    assert (np.diff(found.survival) <= 0).all()
    assert ((found.survival >= 0) & (found.survival <= 1)).all()
    given_ = ~np.isnan(found.lower)
    assert (given_ == ~np.isnan(found.upper)).all()
    assert (found.lower[given_] <= found.survival[given_]).all()
    assert (found.survival[given_] <= found.upper[given_]).all()
    again = pool_curves(curves=curves[::-1])
    assert again.survival == pytest.approx(found.survival, abs=ALIKE)
    median = pooled_median(found)
    if not math.isnan(median.time) and not math.isnan(median.lower):
        assert median.lower <= median.time
