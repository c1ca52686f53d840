"""Kaplan-Meier: published curves, R on six data sets, the counting oracle, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import kaplan_meier as oracle
from oracles.samples import CONTROL, SIX_MP, T2, TEN_ROWS, TW, TW_WEIGHTS
from oracles.stored import floats, happened, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.kaplan_meier import fit_kaplan_meier, number_at_risk, survival_at

PRINTED = 5e-8  # the known answers were noted with seven digits after the point
EXACT = 1e-12  # sums and products of a few thousand terms, each good to 1e-16
STORED = 1e-11  # R's numbers are stored with 15 digits; limits near 0 and 1 lose a few of them
INTERVALS = ("log-log", "log", "plain", "logit", "arcsine")


@pytest.mark.parametrize(
    ("sample", "at", "survival", "std_error"),
    [
        (SIX_MP, 6, 0.857143, 0.0763604),
        (SIX_MP, 10, 0.7529412, 0.0963497),
        (SIX_MP, 23, 0.4481793, 0.1345915),
        (CONTROL, 8, 0.3809524, 0.1059712),
    ],
)
def test_freireich_survival_and_greenwood(sample, at, survival, std_error):
    km = fit_kaplan_meier(**sample)
    row = km.time.tolist().index(at)
    six_digits = 5e-7  # the first survival was noted with six digits
    assert km.survival[row] == pytest.approx(survival, abs=six_digits)
    assert km.survival[row] * km.std_error[row] == pytest.approx(std_error, abs=PRINTED)


@pytest.mark.parametrize(
    ("interval", "lower", "upper"),
    [("log", 0.585919, 0.967575), ("log-log", 0.5031995, 0.8893618), ("plain", 0.5640993, 0.9417830)],
)
def test_freireich_limits_at_ten_weeks(interval, lower, upper):
    km = fit_kaplan_meier(**SIX_MP, interval=interval)
    found = survival_at(km, 10)
    six_digits = 5e-7  # the log limits were noted with six digits
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=six_digits)


@pytest.mark.parametrize(("interval", "lower", "upper"), [("log", 0.466533, 1.0), ("log-log", 0.328717, 0.891949)])
def test_ten_rows_limits_at_eighty(interval, lower, upper):
    found = survival_at(fit_kaplan_meier(**TEN_ROWS, interval=interval), 80)
    six_digits = 5e-7  # as noted
    assert found.survival == pytest.approx(0.7, abs=EXACT)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=six_digits)


def test_ten_rows_not_estimable_beyond_the_last_follow_up():
    km = fit_kaplan_meier(**TEN_ROWS)
    assert survival_at(km, 118).survival == pytest.approx(0.5, abs=EXACT)
    with pytest.raises(NotEstimableError, match="last follow-up is at 118, before 120"):
        survival_at(km, 120)


def test_beyond_the_last_follow_up_a_survival_of_zero_stays_zero():
    assert survival_at(fit_kaplan_meier(time=[1, 2], event=[1, 1]), 50).survival == 0.0


def test_before_the_first_time_everybody_survives():
    found = survival_at(fit_kaplan_meier(time=[3, 5], event=[1, 1]), 2.5)
    assert found.survival == 1.0
    assert math.isnan(found.lower)


@pytest.mark.parametrize(
    ("entry", "time", "event", "at_risk", "survival"),
    [
        ([0, 0, 2, 2, 5], [4, 6, 6, 9, 10], [1, 1, 0, 1, 0], [4, 4, 2, 1], [0.75, 0.5625, 0.28125, 0.28125]),
        (
            T2["entry"],
            T2["time"],
            T2["event"],
            [2, 3, 5, 4, 4, 5, 2, 1],
            [1 / 2, 1 / 3, 4 / 15, 1 / 5, 3 / 20, 9 / 100, 9 / 100, 9 / 100],
        ),
        ([0, 0, 4], [4, 6, 8], [1, 0, 0], [2, 2, 1], [0.5, 0.5, 0.5]),
    ],
    ids=["five late entries", "T2", "entry at the time of an event"],
)
def test_left_truncation(entry, time, event, at_risk, survival):
    km = fit_kaplan_meier(time=time, event=event, entry=entry)
    assert km.at_risk.tolist() == at_risk
    assert km.survival == pytest.approx(survival, abs=EXACT)


def test_an_event_at_time_zero_counts():
    km = fit_kaplan_meier(time=[0, 0, 3, 5], event=[1, 0, 1, 1])
    assert km.survival == pytest.approx([0.75, 0.375, 0.0], abs=EXACT)
    assert km.at_risk.tolist() == [4, 2, 1]


def test_weights_of_the_nine_rows():
    km = fit_kaplan_meier(time=TW["time"], event=TW["event"], weight=TW_WEIGHTS)
    ten_digits = 5e-11  # as noted
    assert km.at_risk.tolist() == [19, 16, 4, 3, 1]
    assert km.survival[[0, 1, 3]] == pytest.approx([0.9473684211, 0.3552631579, 0.1184210526], abs=ten_digits)
    assert km.std_error[[0, 1, 3]] == pytest.approx([0.0540738, 0.3272471, 0.8796348], abs=PRINTED)
    assert km.n == 19


def test_whole_weights_are_that_many_patients():
    weight = np.array([1, 2, 3, 1, 2])
    time, event = np.array([4, 2, 2, 7, 7]), np.array([1, 1, 0, 1, 0])
    weighted = fit_kaplan_meier(time=time, event=event, weight=weight)
    expanded = fit_kaplan_meier(time=np.repeat(time, weight), event=np.repeat(event, weight))
    for field in ("time", "at_risk", "events", "censored", "survival", "std_error", "lower", "upper"):
        np.testing.assert_allclose(getattr(weighted, field), getattr(expanded, field), rtol=EXACT)


def test_survival_is_one_minus_the_ecdf_without_censoring():
    time = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
    km = fit_kaplan_meier(time=time, event=[1] * 10)
    assert km.survival == pytest.approx([sum(t > u for t in time) / 10 for u in km.time], abs=EXACT)


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_limits_where_survival_is_zero(interval):
    km = fit_kaplan_meier(time=[1, 2, 3], event=[1, 1, 1], interval=interval)
    assert km.survival[-1] == 0.0
    assert math.isinf(km.std_error[-1])
    assert np.isnan([km.lower[-1], km.upper[-1]]).all()


@pytest.mark.parametrize(("interval", "limit"), [("plain", 1.0), ("log", 1.0), ("log-log", None), ("logit", None)])
def test_limits_where_survival_is_one(interval, limit):
    km = fit_kaplan_meier(time=[1, 2, 3], event=[0, 1, 1], interval=interval)
    if limit is None:
        assert np.isnan([km.lower[0], km.upper[0]]).all()
    else:
        assert (km.lower[0], km.upper[0]) == (limit, limit)


CASES = reference("kaplan_meier")["cases"]


def sample_of(case):
    data = rows(case["data"], case["subset"], [case["time"], case["event"], case["entry"], case["weight"]])
    return {
        "time": data[case["time"]],
        "event": happened(case["data"], data, case["event"]),
        "entry": data[case["entry"]] if case["entry"] else None,
        "weight": data[case["weight"]] if case["weight"] else None,
    }


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_the_curve(case):
    km = fit_kaplan_meier(**sample_of(case))
    for field in ("at_risk", "events", "censored", "survival"):
        np.testing.assert_allclose(getattr(km, field), floats(case[field]), rtol=STORED, atol=STORED)
    np.testing.assert_array_equal(km.time, case["times"])
    std_error = np.where(np.isfinite(km.std_error), km.std_error, np.nan)
    np.testing.assert_allclose(std_error, floats(case["std_error"]), rtol=STORED, atol=STORED)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_the_limits(case, interval):
    km = fit_kaplan_meier(**sample_of(case), interval=interval, confidence_level=case["level"])
    expected = case["intervals"][interval]
    np.testing.assert_allclose(km.lower, floats(expected["lower"]), rtol=STORED, atol=STORED)
    np.testing.assert_allclose(km.upper, floats(expected["upper"]), rtol=STORED, atol=STORED)


def test_lung_number_at_risk_by_sex():
    data = rows("lung", None, [])
    counts = [number_at_risk(time=data["time"][data["sex"] == sex], at=[0, 180, 365, 730]) for sex in (1, 2)]
    assert [c.tolist() for c in counts] == [[138, 89, 35, 7], [90, 71, 30, 6]]


def test_lifelines_1383_number_at_risk_counts_those_with_time_at_or_after_the_tick():
    counts = number_at_risk(time=[2, 2, 3, 5], at=[0, 1, 2, 2.5, 3, 5, 6])
    assert counts.tolist() == [4, 4, 4, 2, 2, 1, 0]


def test_lifelines_1385_number_at_risk_may_rise_under_left_truncation():
    counts = number_at_risk(time=T2["time"], entry=T2["entry"], at=[0, 1, 2, 3, 6, 8, 9, 17, 18])
    assert counts.tolist() == [0, 0, 2, 3, 5, 4, 5, 1, 0]


def test_lifelines_1452_nobody_at_risk_at_the_start_is_no_crash():
    km = fit_kaplan_meier(time=[4, 6], event=[1, 0], entry=[2, 3])
    assert km.survival.tolist() == [0.5, 0.5]
    assert number_at_risk(time=[4, 6], entry=[2, 3], at=[0]).tolist() == [0]


def test_lifelines_497_an_entrant_at_the_time_of_an_event_is_not_at_risk_there():
    assert number_at_risk(time=[4, 6, 8], entry=[0, 0, 4], at=[4]).tolist() == [2]


def test_weighted_number_at_risk():
    counts = number_at_risk(time=[1, 2, 3], weight=[0.5, 2, 4], at=[0, 2, 3, 4])
    assert counts.tolist() == [6.5, 6, 4, 0]


def test_lifelines_1693_negative_times_are_refused():
    with pytest.raises(ArgumentError, match="time: found 1 negative times"):
        fit_kaplan_meier(time=[-5, 2], event=[1, 1])


def test_lifelines_missing_events_are_never_taken_for_events():
    with pytest.raises(ArgumentError, match="event: found codes outside 0 and 1"):
        fit_kaplan_meier(time=[1, 2], event=[1, np.nan])


def test_lifelines_422_row_order_does_not_move_the_curve():
    sample = sample_of(CASES[1])
    shuffled = np.random.default_rng(1).permutation(sample["time"].size)
    straight = fit_kaplan_meier(time=sample["time"], event=sample["event"])
    other = fit_kaplan_meier(time=sample["time"][shuffled], event=sample["event"][shuffled])
    for field in ("time", "at_risk", "survival", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(getattr(straight, field), getattr(other, field))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time": [], "event": []}, "time: found no patients"),
        ({"time": [1, 2], "event": [1]}, "event: found shape"),
        ({"time": [1, 2], "event": [1, 1], "entry": [0, 2]}, "entry: found 1 patients"),
        ({"time": [1, 2], "event": [1, 1], "weight": [1, -1]}, "weight: found negative"),
        ({"time": [1, 2], "event": [1, 1], "interval": "loglog"}, "interval: found 'loglog'"),
        ({"time": [1, 2], "event": [1, 1], "confidence_level": 95}, "confidence_level: found 95"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        fit_kaplan_meier(**arguments)


def test_an_unknown_interval_is_refused_even_for_a_flat_curve():
    with pytest.raises(ArgumentError, match="interval"):
        fit_kaplan_meier(time=[1], event=[0], interval="none")


@pytest.mark.parametrize(
    ("entry", "time", "event", "weight", "survival"),
    [
        ([0, 3], [3, 5], [1, 1], [0.3, 0.7], [0, 0]),
        ([3, 4, 2, 3, 0], [6, 6, 3, 5, 2], [1, 1, 1, 1, 0], [0.2, 0.2, 0.4, 0.8, 0.1], [1, 0, 0, 0]),
    ],
)
def test_fractional_weights_reach_zero_when_all_at_risk_die_under_late_entry(entry, time, event, weight, survival):
    # whoever has entered dies at once, though tenths do not cancel to the bit
    km = fit_kaplan_meier(entry=entry, time=time, event=event, weight=weight)
    assert km.survival.tolist() == survival
    assert np.isinf(km.std_error[km.survival == 0]).all()


patients = st.lists(
    st.tuples(
        st.integers(0, 8),  # entry
        st.integers(1, 6),  # follow-up
        st.booleans(),
        st.sampled_from([0.5, 1.0, 2.25, 3.0]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(patients, st.booleans())
def test_the_curve_equals_the_counting_oracle(drawn, truncated):
    entry, follow_up, event, weight = (list(values) for values in zip(*drawn, strict=True))
    time = [a + b for a, b in zip(entry, follow_up, strict=True)] if truncated else follow_up
    km = fit_kaplan_meier(time=time, event=event, entry=entry if truncated else None, weight=weight)
    expected = np.array(oracle.kaplan_meier(time, event, entry if truncated else None, weight)).T
    for found, wanted in zip((km.time, km.at_risk, km.events, km.survival), expected[:4], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(km.std_error**2, expected[4], rtol=EXACT)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(patients, st.lists(st.integers(0, 15), min_size=1, max_size=6))
def test_number_at_risk_equals_the_definition(drawn, at):
    entry, follow_up, _, weight = (list(values) for values in zip(*drawn, strict=True))
    time = [a + b for a, b in zip(entry, follow_up, strict=True)]
    counts = number_at_risk(time=time, entry=entry, weight=weight, at=at)
    for found, t in zip(counts, at, strict=True):
        wanted = sum(w for a, b, w in zip(entry, time, weight, strict=True) if a < t <= b)
        assert found == pytest.approx(wanted, abs=EXACT)
