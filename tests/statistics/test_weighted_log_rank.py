"""The robust weighted log-rank test: R on five data sets, the plain test's numerator, invariants, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import cox as oracle
from oracles.samples import FREIREICH, IS_CONTROL
from oracles.stored import happened, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.weighted_log_rank import weighted_log_rank

STORED = 1e-9  # sums of a few thousand terms, inverted once
EXACT = 1e-12
CASES = reference("weighted_log_rank")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_r_agrees(case):
    keys = ("time", "arm", "weight", "entry", "strata", "cluster")
    data = rows(case["data"], None, [case["event"], *(case[key] for key in keys)])
    columns = {key: data[case[key]] for key in keys if case[key]}
    test = weighted_log_rank(event=happened(case["data"], data, case["event"]), ties=case["ties"], **columns)
    assert test.statistic == pytest.approx(case["statistic"], rel=STORED)
    assert test.degrees_of_freedom == case["df"]
    assert test.observed == pytest.approx(case["observed"], rel=EXACT)
    assert test.expected.sum() == pytest.approx(test.observed.sum(), rel=EXACT)


def test_without_weights_observed_and_expected_are_the_log_rank_tests():
    robust, plain = (test(**FREIREICH, arm=IS_CONTROL) for test in (weighted_log_rank, log_rank))
    np.testing.assert_allclose(robust.expected, plain.expected, rtol=EXACT)
    assert plain.expected == pytest.approx([19.25050095, 10.74949905], abs=5e-9)
    assert robust.statistic != plain.statistic


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["efron", "breslow"]))
def test_the_slow_oracle_agrees(seed, ties):
    rng = np.random.default_rng(seed)
    n = 20
    arm = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    time, event = rng.integers(1, 7, n).astype(float), rng.random(n) < 0.7
    weight = rng.integers(1, 9, n) / 4
    if not event.any():
        return
    sample = oracle.Sample.of(time, event, arm[:, None], weight=weight)
    at = oracle.likelihood(sample, np.zeros(1), ties)
    meat = float(((weight * at.residuals[:, 0]) ** 2).sum())
    if meat < 1e-9:
        return
    test = weighted_log_rank(time=time, event=event, arm=arm, weight=weight, ties=ties)
    assert test.statistic == pytest.approx(float(at.score[0]) ** 2 / meat, rel=1e-8)


def test_weights_all_multiplied_and_order_change_nothing():
    data = read_data("ties_heavy")
    columns = {key: data[key] for key in ("time", "event", "arm", "weight")}
    one = weighted_log_rank(**columns)
    other = weighted_log_rank(**{**columns, "weight": 7 * columns["weight"]})
    turned = weighted_log_rank(**{key: values[::-1] for key, values in columns.items()})
    assert other.statistic == pytest.approx(one.statistic, rel=1e-10)
    assert turned.statistic == pytest.approx(one.statistic, rel=1e-10)


def test_a_weight_of_zero_leaves_the_patient_out():
    time, event, arm = [1, 2, 3, 4, 5, 6, 2.5], [1, 1, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 1]
    weight = [1, 2, 0.5, 1, 3, 1, 0]
    whole = weighted_log_rank(time=time, event=event, arm=arm, weight=weight)
    fewer = weighted_log_rank(time=time[:-1], event=event[:-1], arm=arm[:-1], weight=weight[:-1])
    assert whole.statistic == pytest.approx(fewer.statistic, rel=EXACT)
    curves = [
        fit_kaplan_meier(time=t, event=e, weight=w, robust=True)
        for t, e, w in ((time, event, weight), (time[:-1], event[:-1], weight[:-1]))
    ]
    shared = np.isin(curves[0].time, curves[1].time)
    np.testing.assert_allclose(curves[0].survival[shared], curves[1].survival, rtol=EXACT)
    np.testing.assert_allclose(curves[0].std_error[shared], curves[1].std_error, rtol=EXACT)


def test_no_event_in_an_arm_is_still_a_test():
    test = weighted_log_rank(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], arm=[1, 1, 1, 0, 0, 0])
    assert test.observed.tolist() == [0, 3]
    assert test.p_value < 0.05


def test_everybody_dies_at_once():
    with pytest.raises(NotEstimableError, match="never two arms at risk at an event"):
        weighted_log_rank(time=[1, 1, 1, 1], event=[1, 1, 1, 1], arm=[0, 0, 1, 1], ties="efron")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"arm": [1, 1, 1, 1]}, NotEstimableError, "one arm only"),
        ({"weight": [1, 0, 1, 0]}, NotEstimableError, "one arm only"),
        ({"event": [0, 0, 0, 0]}, NotEstimableError, "no events"),
        ({"event": [1, 0, 0, 0], "weight": [0, 1, 1, 1]}, NotEstimableError, "no events"),
        ({"strata": [1, 2, 1, 2]}, NotEstimableError, "never two arms at risk at an event"),
        ({"weight": [1, -1, 1, 1]}, ArgumentError, "weight: found negative"),
        ({"ties": "exact"}, ArgumentError, "ties: found 'exact'"),
    ],
)
def test_bad_arguments_are_named(changed, error, message):
    columns = {"time": [1, 2, 3, 4], "event": [1, 1, 0, 1], "arm": [0, 1, 0, 1]}
    with pytest.raises(error, match=message):
        weighted_log_rank(**{**columns, **changed})
