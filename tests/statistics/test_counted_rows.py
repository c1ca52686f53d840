"""Patients counted by time, event and binary covariates: the counts are those of the rows, and so are the models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm.errors import ArgumentError
from twoarm.statistics import piecewise_hazard_ratio as module
from twoarm.statistics.counted_cox import with_clusters_of_members
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.distinct_rows import collapse_rows, count_rows
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.robust_proportional_hazards import robust_proportional_hazards_test
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld

SAME = 1e-10  # sums of thousands of rows in another order


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_counts_are_those_of_the_distinct_rows(seed: int, p: int) -> None:
    rng, n = np.random.default_rng(seed), 2_000
    time, event = rng.integers(0, 12, n).astype(float), rng.random(n) < 0.5
    x = (rng.random((n, p)) < 0.4).astype(float)
    found, slow = count_rows(time=time, event=event, covariates=x), collapse_rows([time, event, *x.T])
    assert found is not None
    assert found.time.tolist() == time[slow.row].tolist()
    assert found.event.tolist() == event[slow.row].tolist()
    assert found.covariates.tolist() == x[slow.row].tolist()
    assert found.frequency.tolist() == slow.frequency.tolist()


def test_what_is_not_counted() -> None:
    time, event, x = np.arange(1.0, 9).repeat(50), np.ones(400, dtype=bool), np.zeros((400, 1))
    assert count_rows(time=time, event=event, covariates=x) is not None
    assert count_rows(time=time + 0.5, event=event, covariates=x) is None
    assert count_rows(time=time, event=event, covariates=x + 2) is None
    assert count_rows(time=time * 100, event=event, covariates=x) is None
    assert count_rows(time=time, event=event, covariates=np.zeros((400, 40))) is None


def test_a_model_of_counts_is_the_model_of_the_rows() -> None:
    rng, n = np.random.default_rng(5), 6_000
    x = (rng.random((n, 2)) < 0.5).astype(float)
    time, event = np.ceil(rng.exponential(8 * np.exp(0.3 * x[:, 0]))), rng.random(n) < 0.7
    counted = count_rows(time=time, event=event, covariates=x)
    assert counted is not None
    rows = fit_cox(time=time, event=event, covariates=x)
    found = fit_cox(time=counted.time, event=counted.event, covariates=counted.covariates, frequency=counted.frequency)
    assert found.coefficients == pytest.approx(rows.coefficients, rel=SAME)
    assert found.std_errors == pytest.approx(rows.std_errors, rel=SAME)
    assert (found.n, found.events) == (rows.n, rows.events)
    gain = [fit.log_likelihood - fit.null_log_likelihood for fit in (found, rows)]
    assert gain[0] == pytest.approx(gain[1], rel=1e-8)  # a difference of two large numbers


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_clusters_of_those_who_were_counted_are_the_clusters_of_the_rows(ties: str) -> None:
    rng, n = np.random.default_rng(8), 3_000
    x = (rng.random((n, 2)) < 0.5).astype(float)
    time, event = np.ceil(rng.exponential(8 * np.exp(0.3 * x[:, 0]))), rng.random(n) < 0.7
    cluster = rng.permutation(n) // 2
    counted = count_rows(time=time, event=event, covariates=x)
    assert counted is not None
    assert counted.time[counted.places()].tolist() == time.tolist()
    assert counted.covariates[counted.places()].tolist() == x.tolist()
    rows = fit_cox(time=time, event=event, covariates=x, cluster=cluster, ties=ties)
    alone = fit_cox(
        time=counted.time,
        event=counted.event,
        covariates=counted.covariates,
        frequency=counted.frequency,
        ties=ties,
    )
    found = with_clusters_of_members(alone, place=counted.places(), cluster=cluster)
    np.testing.assert_allclose(found.covariance, rows.covariance, rtol=SAME)
    np.testing.assert_allclose(found.naive_covariance, rows.naive_covariance, rtol=SAME)
    assert (found.clusters, found.robust, found.n) == (rows.clusters, rows.robust, rows.n)
    for test in (proportional_hazards_test, robust_proportional_hazards_test):
        one, other = test(found), test(rows)
        np.testing.assert_allclose(one.statistic, other.statistic, rtol=SAME)
        assert one.global_statistic == pytest.approx(other.global_statistic, rel=SAME)
    points = [scaled_schoenfeld(fit, term="x1") for fit in (found, rows)]
    assert points[0].time.tolist() == points[1].time.tolist()
    by_time = [np.lexsort((one.value, one.time)) for one in points]
    np.testing.assert_allclose(points[0].value[by_time[0]], points[1].value[by_time[1]], rtol=SAME)
    assert points[0].variance == pytest.approx(points[1].variance, rel=SAME)


def test_clusters_are_of_those_whom_the_model_counts() -> None:
    fit = fit_cox(time=[1, 1, 2], event=[1, 1, 1], covariates=[1, 0, 0], frequency=[2, 1, 1])
    with pytest.raises(ArgumentError, match="place: found other patients than the model counts"):
        with_clusters_of_members(fit, place=np.array([0, 1, 2, 1]), cluster=[1, 1, 2, 2])
    with pytest.raises(ArgumentError, match="cluster: "):
        with_clusters_of_members(fit, place=np.array([0, 1, 2, 0]), cluster=[1, 1, 2])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("pairs", [False, True])
def test_intervals_of_counts_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch, ties: str, pairs: bool) -> None:
    rng, n = np.random.default_rng(6), 6_000
    treated = rng.random(n) < 0.4
    time, event = np.floor(rng.exponential(6 * np.exp(0.3 * treated))), rng.random(n) < 0.7
    wanted = {"time": time, "event": event, "treated": treated, "cuts": [2, 7.5], "ties": ties}
    if pairs:
        wanted["cluster"] = rng.permutation(n) // 2
    rows = piecewise_hazard_ratio(**wanted)
    monkeypatch.setattr(module, "MANY_ROWS", 10)
    real, counted = module.count_rows, []
    monkeypatch.setattr(module, "count_rows", lambda **rows: counted.append(real(**rows)) or counted[-1])
    found = piecewise_hazard_ratio(**wanted)
    assert counted[0] is not None
    for one, other in zip(found.pieces, rows.pieces, strict=True):
        assert (one.at_risk, one.events) == (other.at_risk, other.events)
        assert one.log_hazard_ratio == pytest.approx(other.log_hazard_ratio, rel=SAME)
        assert one.std_error == pytest.approx(other.std_error, rel=SAME)
        assert one.degrees_of_freedom == other.degrees_of_freedom
    assert found.statistic == pytest.approx(rows.statistic, rel=1e-8)
    np.testing.assert_allclose(found.covariance, rows.covariance, rtol=SAME, atol=1e-14)
    assert found.robust == rows.robust == pairs
