"""Gray's test: R's cmprsk, the oracle that counts at each event time, the log-rank score, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import competing as oracle
from oracles.competing import FOURTEEN, first_of
from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.gray_test import gray_test
from twoarm.statistics.log_rank import log_rank

STORED = 1e-11  # R's numbers are stored with 15 digits
SLOW = 1e-9  # the oracle adds up in another order


def test_fourteen_patients():
    for cause, expected in ((1, 0.00233761), (2, 0.61166279)):
        test = gray_test(**FOURTEEN, arm=[0, 1] * 7, cause_of_interest=cause)
        assert test.statistic == pytest.approx(expected, abs=5e-9)  # noted with eight decimals


CASES = reference("gray_test")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees(case):
    data = FOURTEEN | {"arm": [0, 1] * 7} if case["data"] == "fourteen" else first_of(case["data"])
    data = {key: np.asarray(values)[: case["rows"]] for key, values in data.items()}
    for position, cause in enumerate((1, 2)):
        test = gray_test(
            time=data[case["time"]],
            cause=data["cause"],
            arm=data[case["arm"]],
            strata=data[case["strata"]] if case["strata"] else None,
            cause_of_interest=cause,
        )
        assert test.statistic == pytest.approx(case["statistic"][position], rel=STORED)
        assert test.p_value == pytest.approx(case["p_value"][position], rel=1e-10)  # a tail multiplies by chi-squared
        assert test.degrees_of_freedom == case["degrees_of_freedom"]


def test_score_without_competing_causes_is_the_log_rank_score():
    data = first_of("ties_heavy")
    test = gray_test(time=data["time"], cause=data["event"], arm=data["arm"])
    score = log_rank(time=data["time"], event=data["event"], arm=data["arm"])
    np.testing.assert_allclose(test.observed - test.expected, score.observed - score.expected, rtol=1e-9)
    assert test.statistic == pytest.approx(score.statistic, rel=0.05)  # the variances differ, by little


def test_swapping_arms_and_permuting_rows_changes_nothing_but_the_sign():
    data = first_of("ties_heavy")
    arm = data["arm"] == "A"
    test = gray_test(time=data["time"], cause=data["cause"], arm=arm)
    swapped = gray_test(time=data["time"], cause=data["cause"], arm=~arm)
    assert (test.observed - test.expected)[0] == pytest.approx((swapped.observed - swapped.expected)[1], rel=1e-12)
    assert swapped.statistic == pytest.approx(test.statistic, rel=1e-12)
    order = np.random.default_rng(1).permutation(arm.size)
    again = gray_test(time=data["time"][order], cause=data["cause"][order], arm=arm[order])
    assert again.statistic == test.statistic


def test_identical_arms_do_not_differ():
    test = gray_test(time=[1, 2, 3, 4] * 2, cause=[1, 2, 0, 1] * 2, arm=[0] * 4 + [1] * 4)
    assert test.statistic == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"time": [1, 2], "cause": [1, 1], "arm": [0, 0]}, "one arm only"),
        ({"time": [1], "cause": [1], "arm": [0]}, "one arm only"),
        ({"time": [1, 2], "cause": [0, 0], "arm": [0, 1]}, "no events of cause 1"),
        ({"time": [1, 2], "cause": [2, 0], "arm": [0, 1]}, "no events of cause 1"),
        ({"time": [1, 2, 3], "cause": [0, 1, 1], "arm": [0, 1, 1]}, "never two arms at risk"),
        ({"time": [1, 2], "cause": [1, 2], "arm": [0, 1], "strata": [0, 1]}, "never two arms at risk"),
        ({"time": [2, 2], "cause": [1, 1], "arm": [0, 1]}, "never two arms at risk"),
    ],
)
def test_not_estimable(arguments, reason):
    with pytest.raises(NotEstimableError, match=reason):
        gray_test(**arguments)


def test_everything_at_one_time():
    test = gray_test(time=[3] * 6, cause=[1, 1, 2, 1, 0, 2], arm=[0, 0, 0, 1, 1, 1])
    score, variance = oracle.gray([3] * 6, [1, 1, 2, 1, 0, 2], [0, 0, 0, 1, 1, 1], 1)
    assert test.statistic == pytest.approx(score[0] ** 2 / variance[0, 0], rel=1e-12)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": [1, -2, 3]}, "time: found 1 negative"),
        ({"cause": [1, 1]}, "cause: found shape"),
        ({"arm": [0, 1]}, "arm: found shape"),
        ({"strata": [1, None, 1]}, "strata: found missing"),
        ({"cause_of_interest": 0}, "cause_of_interest: found 0"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        gray_test(**{"time": [1, 2, 3], "cause": [1, 0, 1], "arm": [0, 1, 0], **changed})


patients = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 2), st.sampled_from("abc"), st.integers(0, 1)), min_size=4, max_size=40
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(patients, st.booleans())
def test_equals_counting(drawn, stratified):
    time, cause, arm, stratum = (np.array(values) for values in zip(*drawn, strict=True))
    stratum = stratum if stratified else np.zeros_like(stratum)
    labels = sorted(set(arm.tolist()))
    assume(len(labels) > 1)
    score, variance = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
    for level in set(stratum.tolist()):
        mine = stratum == level
        here = [labels.index(a) for a in sorted(set(arm[mine].tolist()))]
        try:
            with np.errstate(all="raise"):
                part = oracle.gray(time[mine].tolist(), cause[mine].tolist(), arm[mine].tolist(), 1)
        except (FloatingPointError, ZeroDivisionError):
            assume(False)  # a pooled incidence of exactly 1: refused, see below
        if (cause[mine] == 1).any():
            score[here] += part[0]
            variance[np.ix_(here, here)] += part[1]
    values = np.linalg.eigvalsh(variance)
    assume(values[-1] > 1e-9)
    arguments = {"time": time, "cause": cause, "arm": arm, "strata": stratum}
    if values[0] < -1e-8 * max(1, values[-1]):
        with pytest.raises(NotEstimableError, match="the variance is not positive"):
            gray_test(**arguments)
        return
    assume((np.abs(values) < 1e-12).any() or values[0] > -1e-12)
    test = gray_test(**arguments)
    np.testing.assert_allclose(test.observed - test.expected, score, rtol=SLOW, atol=SLOW)
    np.testing.assert_allclose(test.variance, variance, rtol=SLOW, atol=SLOW)


def test_pooled_incidence_of_one_is_refused():
    """Arm a is used up at once; by the events at 2 the pooled estimate is 1, and b and c are still compared."""
    with pytest.raises(NotEstimableError, match="the pooled cumulative incidence reaches 1"):
        gray_test(time=[1, 1, 1, 1, 2, 3, 2, 4], cause=[1] * 8, arm=list("aaaabbcc"))
