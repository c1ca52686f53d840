"""Cumulative incidence: R's cmprsk and survival, the counting oracle, Kaplan-Meier as its special case, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import competing as oracle
from oracles.competing import FOURTEEN, first_of
from oracles.stored import floats, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cumulative_incidence import fit_cumulative_incidence, incidence_at
from twoarm.statistics.kaplan_meier import fit_kaplan_meier

STORED = 1e-11  # R's numbers are stored with 15 digits; sums of some hundred terms
VARIANCE = 1e-9  # three sums that cancel in part, in R as here
SEVEN_DIGITS = 5e-8  # the known answers were noted so


def test_fourteen_patients():
    found = fit_cumulative_incidence(**FOURTEEN)
    for cause, time, expected in [
        (1, 1, 0.07142857), (1, 4, 0.14935065), (1, 5, 0.24675325), (1, 10, 0.48051948),
        (2, 2, 0.07142857), (2, 5, 0.16883117), (2, 8, 0.28571429), (2, 11, 0.28571429),
    ]:  # fmt: skip
        assert incidence_at(found, cause=cause, time=time).incidence == pytest.approx(expected, rel=SEVEN_DIGITS)


CASES = reference("cumulative_incidence")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees(case):
    data = first_of(case["data"])
    if case["level"] is not None:
        data = {key: values[data["arm"] == case["level"]] for key, values in data.items()}
    sample = {"time": data[case["time"]], "cause": data["cause"]}
    aalen, jackknife = fit_cumulative_incidence(**sample), fit_cumulative_incidence(**sample, variance="jackknife")
    plain = fit_cumulative_incidence(**sample, variance="jackknife", interval="plain")
    np.testing.assert_array_equal(aalen.time, case["at"])
    np.testing.assert_array_equal(aalen.at_risk, case["at_risk"])
    np.testing.assert_allclose(aalen.survival, case["survival"], rtol=STORED, atol=STORED)
    for code, stored in enumerate(case["causes"]):
        np.testing.assert_allclose(aalen.incidence[code], stored["cmprsk"]["est"], rtol=STORED)
        np.testing.assert_allclose(aalen.incidence[code], stored["pstate"], rtol=STORED)
        np.testing.assert_allclose(aalen.std_error[code] ** 2, stored["cmprsk"]["var"], rtol=VARIANCE)
        np.testing.assert_allclose(jackknife.std_error[code], stored["std_error"], rtol=VARIANCE)
        seen = aalen.incidence[code] > 0
        for field, fit, name in [
            ("lower", jackknife, "lower"), ("upper", jackknife, "upper"),
            ("lower", plain, "plain_lower"), ("upper", plain, "plain_upper"),
        ]:  # fmt: skip
            np.testing.assert_allclose(getattr(fit, field)[code][seen], floats(stored[name])[seen], rtol=VARIANCE)


def test_without_competing_causes_it_is_one_minus_kaplan_meier():
    data = first_of("ties_heavy")
    found = fit_cumulative_incidence(time=data["time"], cause=data["event"])
    km = fit_kaplan_meier(time=data["time"], event=data["event"])
    np.testing.assert_allclose(found.incidence[0], 1 - km.survival, rtol=1e-12)
    robust = fit_kaplan_meier(time=data["time"], event=data["event"], robust=True)
    jackknife = fit_cumulative_incidence(time=data["time"], cause=data["event"], variance="jackknife")
    inside = km.survival > 1e-12
    np.testing.assert_allclose(
        jackknife.std_error[0][inside], (km.survival * robust.std_error)[inside], rtol=VARIANCE, atol=1e-12
    )


def test_nothing_moves_before_the_first_event_and_limits_are_missing_there():
    found = fit_cumulative_incidence(time=[1, 2, 3, 4, 5], cause=[0, 2, 1, 0, 0])
    assert found.std_error[0, :2].tolist() == [0, 0]
    assert np.isnan(found.lower[0, :2]).all()
    assert (found.lower[0, 2:] <= found.incidence[0, 2:]).all()
    assert (found.upper[0, 2:] >= found.incidence[0, 2:]).all()


@pytest.mark.parametrize("variance", ["aalen", "jackknife"])
def test_edges(variance):
    nobody = fit_cumulative_incidence(time=[1, 2], cause=[0, 0], variance=variance)
    assert nobody.incidence.shape == (0, 2)
    declared = fit_cumulative_incidence(time=[1, 2], cause=[0, 0], causes=["death", 3], variance=variance)
    assert declared.incidence.tolist() == [[0, 0], [0, 0]]
    alone = fit_cumulative_incidence(time=[0], cause=["death"], censored="alive", variance=variance)
    assert alone.incidence.tolist() == [[1.0]]
    together = fit_cumulative_incidence(time=[3, 3, 3, 3], cause=[1, 2, 2, 0], variance=variance)
    assert together.incidence.tolist() == [[0.25], [0.5]]
    everybody = fit_cumulative_incidence(time=[3, 3], cause=[1, 1], variance=variance)
    assert everybody.incidence.tolist() == [[1.0]]
    assert np.isnan(everybody.lower).all()


def test_all_die_of_something_at_the_last_time():
    found = fit_cumulative_incidence(time=[1, 2, 2], cause=[1, 1, 2])
    assert found.survival[-1] == 0
    assert np.isfinite(found.std_error).all()
    np.testing.assert_allclose(found.std_error[0] ** 2, oracle.aalen_variance([1, 2, 2], [1, 1, 2], 1), rtol=1e-12)


def test_beyond_the_last_follow_up():
    censored_last = fit_cumulative_incidence(time=[1, 2], cause=[1, 0])
    with pytest.raises(NotEstimableError, match="last follow-up is at 2, before 3"):
        incidence_at(censored_last, cause=1, time=3)
    assert incidence_at(fit_cumulative_incidence(time=[1, 2], cause=[1, 2]), cause=1, time=3).incidence == 0.5
    assert incidence_at(censored_last, cause=1, time=0.5).incidence == 0
    with pytest.raises(ArgumentError, match="cause: found 2; expected one of"):
        incidence_at(censored_last, cause=2, time=1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": [1, -2, 3]}, "time: found 1 negative"),
        ({"time": []}, "time: found no patients"),
        ({"cause": [1, 2]}, "cause: found shape"),
        ({"cause": [1, np.nan, 0]}, "cause: found 1 missing"),
        ({"cause": [1, None, 0]}, "cause: found missing"),
        ({"cause": [1.5, 2, 0]}, "cause: found fractions"),
        ({"causes": [1]}, "cause: found 2; expected 0 or one of"),
        ({"causes": [1, 1, 2]}, "expected each cause once"),
        ({"causes": [0, 1, 2]}, "expected each cause once"),
        ({"variance": "delta"}, "variance: found 'delta'"),
        ({"interval": "logg"}, "interval: found 'logg'"),
        ({"confidence_level": 95}, "confidence_level"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        fit_cumulative_incidence(**{"time": [1, 2, 3], "cause": [1, 2, 0], **changed})


patients = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), min_size=1, max_size=18)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(patients, st.randoms(use_true_random=False))
def test_equals_counting(drawn, random):
    time, cause = ([row[i] for row in drawn] for i in range(2))
    found = fit_cumulative_incidence(time=time, cause=cause, causes=[1, 2])
    jackknife = fit_cumulative_incidence(time=time, cause=cause, causes=[1, 2], variance="jackknife")
    for code in range(2):
        np.testing.assert_allclose(found.incidence[code], oracle.incidence(time, cause, code + 1), atol=1e-12)
        np.testing.assert_allclose(
            found.std_error[code] ** 2, oracle.aalen_variance(time, cause, code + 1), rtol=1e-9, atol=1e-12
        )
        # the differences' own error is of order step^2 times third derivatives, which ties at the last patients raise
        np.testing.assert_allclose(
            jackknife.std_error[code] ** 2, oracle.jackknife_variance(time, cause, code + 1), rtol=1e-5, atol=1e-7
        )
    np.testing.assert_allclose(found.incidence.sum(axis=0) + found.survival, 1, rtol=1e-12)
    order = list(range(len(time)))
    random.shuffle(order)
    again = fit_cumulative_incidence(time=[time[i] for i in order], cause=[cause[i] for i in order], causes=[1, 2])
    for field in ("incidence", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(getattr(found, field), getattr(again, field))


def test_an_incidence_of_1_but_for_rounding_is_1_and_has_no_limits():
    found = fit_cumulative_incidence(time=[2, 2, 5, 5, 5, 2, 9], cause=[1, 1, 1, 1, 0, 1, 1])
    assert found.incidence[0, -1] == 1
    assert np.isnan([found.lower[0, -1], found.upper[0, -1]]).all()
