"""Strata by the thousand, as of matched pairs: the same numbers as stratum by stratum, in whole-array passes."""

from __future__ import annotations

import numpy as np
import pytest

from oracles import log_rank as oracle
from twoarm.errors import NotEstimableError
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.strata import first_of_stratum, running

SUMS = 1e-12  # sums of some thousand terms in another order


def _patients(seed, strata, size):
    g = np.random.default_rng(seed)
    stratum = g.permutation(np.repeat(np.arange(strata), size))
    n = stratum.size
    entry = np.floor(g.exponential(20, n))
    time = entry + np.ceil(g.exponential(60, n))
    return {
        "time": time,
        "event": g.random(n) < 0.6,
        "arm": g.integers(0, 3, n),
        "entry": entry,
        "strata": stratum,
        "frequency": g.integers(1, 4, n),
    }


@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)])
@pytest.mark.parametrize("given", [(), ("entry",), ("frequency",), ("entry", "frequency")], ids=", ".join)
@pytest.mark.parametrize(("strata", "size"), [(500, 3), (40, 30)], ids=["threes", "centres"])
def test_log_rank_adds_up_its_strata(strata, size, given, rho, gamma):
    columns = _patients(strata, strata, size)
    columns = {name: columns[name] for name in ("time", "event", "arm", "strata", *given)}
    whole = log_rank(**columns, rho=rho, gamma=gamma)
    observed, expected, variance = np.zeros(3), np.zeros(3), np.zeros((3, 3))
    for code in range(strata):
        rows = np.flatnonzero(columns["strata"] == code)
        rows = np.repeat(rows, columns["frequency"][rows]) if "frequency" in given else rows
        part = {name: columns[name][rows].tolist() for name in ("time", "event")}
        start = columns["entry"][rows].tolist() if "entry" in given else None
        labels = [*columns["arm"][rows].tolist(), 0, 1, 2]  # three more, at risk at no event, to know of all arms
        start = start if start is None else [*start, -1.0, -1.0, -1.0]
        found = oracle.log_rank(
            [*part["time"], -0.5, -0.5, -0.5], [*part["event"], 0, 0, 0], labels, None, start, rho, gamma
        )
        observed, expected, variance = observed + found[0], expected + found[1], variance + found[2]
    np.testing.assert_allclose(whole.observed, observed, rtol=SUMS)
    np.testing.assert_allclose(whole.expected, expected, rtol=SUMS)
    np.testing.assert_allclose(whole.variance, variance, rtol=SUMS, atol=SUMS * np.abs(variance).max())


def test_a_hundred_thousand_pairs_have_mcnemar_s_statistic():
    g = np.random.default_rng(3)
    pairs = 100_000
    times, event = np.ceil(g.exponential([400.0, 500.0], (pairs, 2))), g.random((pairs, 2)) < 0.5
    # a pair counts whose first to leave dies while the other is there
    treated_dies = event[:, 0] & (times[:, 0] <= times[:, 1])
    partner_dies = event[:, 1] & (times[:, 1] <= times[:, 0])
    first, second = int((treated_dies & ~partner_dies).sum()), int((partner_dies & ~treated_dies).sum())
    test = log_rank(
        time=times.ravel(),
        event=event.ravel(),
        arm=np.tile([1, 0], pairs),
        strata=np.repeat(np.arange(pairs), 2),
    )
    assert test.variance[0, 0] == pytest.approx((first + second) / 4, rel=SUMS)
    assert test.statistic == pytest.approx((first - second) ** 2 / (first + second), rel=1e-9)  # O - E loses digits


def test_strata_without_events_or_with_one_arm_add_nothing_to_the_variance():
    time, event, arm = [1, 2, 3, 4, 1, 1, 5, 6], [1, 1, 0, 1, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1, 1, 1]
    plain = log_rank(time=time[:4], event=event[:4], arm=arm[:4])
    three = log_rank(time=time, event=event, arm=arm, strata=["b"] * 4 + ["a"] * 2 + ["c"] * 2)
    assert three.statistic == pytest.approx(plain.statistic, rel=SUMS)
    assert (three.observed - three.expected).tolist() == pytest.approx(plain.observed - plain.expected, rel=SUMS)
    assert three.n.tolist() == [3, 5]


def test_pairs_of_which_no_two_are_at_risk_together():
    with pytest.raises(NotEstimableError, match="never two arms at risk at an event"):
        log_rank(time=[1, 2, 3, 4], event=[0, 1, 0, 1], arm=[0, 1, 0, 1], strata=[5, 5, 9, 9])


@pytest.mark.parametrize("by", [np.add, np.multiply], ids=["sums", "products"])
@pytest.mark.parametrize("shape", [(57,), (3, 57)])
def test_running_starts_anew_in_each_stratum(by, shape):
    g = np.random.default_rng(8)
    values = g.random(shape) + 0.5
    stratum = np.sort(g.integers(0, 9, 57))
    found = running(values, stratum, by=by)
    for code in np.unique(stratum):
        own = stratum == code
        np.testing.assert_allclose(found[..., own], by.accumulate(values[..., own], axis=-1), rtol=1e-14)
    np.testing.assert_allclose(running(values, None, by=by), by.accumulate(values, axis=-1), rtol=1e-15)


def test_a_stratum_of_small_values_keeps_its_digits():
    values, stratum = np.array([1e20, 1.0, 1e-3, 2e-3]), np.array([0, 0, 1, 1])
    assert running(values, stratum).tolist() == [1e20, 1e20, 1e-3, 3e-3]


def test_first_of_stratum():
    assert first_of_stratum(np.array([2, 2, 5, 7, 7])).tolist() == [True, False, True, True, False]
    assert first_of_stratum(np.zeros(0, np.int64)).tolist() == []
