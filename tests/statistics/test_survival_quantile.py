"""Medians and quartiles with both intervals, and the cases in which the curve is flat at one half."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import kaplan_meier as oracle
from oracles.samples import CONTROL, MAINTAINED, NOT_MAINTAINED, SIX_MP, TEN_ROWS
from oracles.stored import floats, happened, read_data, reference, rows
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.survival_quantile import survival_quantile

EXACT = 0  # a quantile is an observed time or the mean of two
BY_HAND = 1e-12  # a handful of operations
NONE = math.nan


def quantile_of(sample, interval="log-log", **options):
    found = survival_quantile(fit_kaplan_meier(**sample, interval=interval), **options)
    return found.time, found.lower, found.upper


@pytest.mark.parametrize(
    ("sample", "interval", "expected"),
    [
        (SIX_MP, "log", (23, 16, NONE)),
        (SIX_MP, "log-log", (23, 13, NONE)),
        (CONTROL, "log", (8, 4, 12)),
        (CONTROL, "log-log", (8, 4, 11)),
        (MAINTAINED, "log", (31, 18, NONE)),
        (MAINTAINED, "log-log", (31, 13, NONE)),
        (MAINTAINED, "plain", (31, 18, 48)),
        (NOT_MAINTAINED, "log", (23, 8, NONE)),
        (NOT_MAINTAINED, "log-log", (23, 5, 33)),
        (NOT_MAINTAINED, "plain", (23, 8, 33)),
    ],
)
def test_published_medians(sample, interval, expected):
    assert quantile_of(sample, interval) == pytest.approx(expected, abs=EXACT, nan_ok=True)


@pytest.mark.parametrize(
    ("sex", "interval", "expected"),
    [(1, "log", (270, 212, 310)), (1, "log-log", (270, 210, 306)), (2, "log", (426, 348, 550)),
     (2, "log-log", (426, 345, 524))],
)  # fmt: skip
def test_lung_medians_by_sex(sex, interval, expected):
    data = read_data("lung")
    chosen = data["sex"] == sex
    sample = {"time": data["time"][chosen], "event": data["status"][chosen] == 2}
    assert quantile_of(sample, interval) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize(("sample", "expected"), [(MAINTAINED, (18, 31, 48)), (NOT_MAINTAINED, (8, 23, 33))])
def test_aml_quartiles(sample, expected):
    found = tuple(quantile_of(sample, quantile=q)[0] for q in (0.25, 0.5, 0.75))
    assert found == pytest.approx(expected, abs=EXACT)


def reverse(sample):
    return {"time": sample["time"], "event": [1 - e for e in sample["event"]]}


def test_reverse_kaplan_meier_follow_up():
    assert quantile_of(reverse(SIX_MP), "log") == pytest.approx((25, 17, NONE), abs=EXACT, nan_ok=True)
    assert np.isnan(quantile_of(reverse(CONTROL))).all()


@pytest.mark.parametrize(("sex", "expected"), [(None, (588, 511, 1010)), (1, (840,)), (2, (529,))])
def test_tern_1162_lung_median_follow_up_is_not_the_median_survival(sex, expected):
    data = read_data("lung")
    chosen = np.ones(228, dtype=bool) if sex is None else data["sex"] == sex
    found = quantile_of({"time": data["time"][chosen], "event": data["status"][chosen] == 1}, "log")
    assert found[: len(expected)] == pytest.approx(expected, abs=EXACT)


def test_flat_at_one_half_to_the_end():
    assert quantile_of(TEN_ROWS)[0] == 87
    assert math.isnan(quantile_of(TEN_ROWS, flat_end="not_estimable")[0])


def test_flat_at_one_half_up_to_a_later_event_gives_the_midpoint():
    sample = {"time": [1, 2, 5, 9], "event": [1, 1, 0, 1]}
    assert quantile_of(sample)[0] == 5.5
    assert quantile_of(sample, flat_end="not_estimable")[0] == 5.5


def test_a_float_product_just_above_one_half_counts_as_one_half():
    sample = {"time": [*range(1, 13), *[50] * 12], "event": [1] * 12 + [0] * 12}
    assert fit_kaplan_meier(**sample).survival[11] > 0.5
    assert quantile_of(sample)[0] == 12
    assert math.isnan(quantile_of(sample, flat_end="not_estimable")[0])


@pytest.mark.parametrize("interval", ["inverted", "normal"])
def test_lifelines_902_a_median_not_reached_is_nan_and_not_infinite(interval):
    assert np.isnan(quantile_of({"time": [1, 2, 3], "event": [1, 0, 0]}, interval="plain")[0])
    found = survival_quantile(fit_kaplan_meier(time=[1, 2, 3], event=[1, 0, 0]), interval=interval)
    assert math.isnan(found.time)
    assert math.isnan(found.upper)


def test_lifelines_861_the_lower_limit_is_an_event_time_and_not_zero():
    found = survival_quantile(fit_kaplan_meier(**SIX_MP, interval="log"))
    assert found.lower in SIX_MP["time"]


def test_normal_interval_by_hand():
    # ten deaths at 1..10: S(4.5..) is flat at .5 from 5 to 6, so the median is 5.5 with Greenwood's SE sqrt(.25/10);
    # u = 4 (S = .6 >= .55) and l = 6 (S = .4 <= .45), so f = (.6 - .4) / (6 - 4) = .1
    found = survival_quantile(fit_kaplan_meier(time=range(1, 11), event=[1] * 10), interval="normal")
    z = 1.959963984540054
    assert found.time == 5.5
    assert (found.lower, found.upper) == pytest.approx(
        (5.5 - z * math.sqrt(0.025) / 0.1, 5.5 + z * math.sqrt(0.025) / 0.1), abs=BY_HAND
    )


def test_normal_interval_of_freireich_controls_by_hand():
    # S(5) = 12/21, S(8) = 8/21, so the median is 8 with SE sqrt(8/21 * 13/21 / 21);
    # u = 5 (12/21 >= .55) and l = 8 (8/21 <= .45), so f = (4/21) / 3
    found = survival_quantile(fit_kaplan_meier(**CONTROL), interval="normal")
    spread = 1.959963984540054 * math.sqrt(8 * 13 / 21**3) / (4 / 21 / 3)
    assert (found.lower, found.upper) == pytest.approx((8 - spread, 8 + spread), abs=BY_HAND)


def test_normal_interval_includes_events_at_exactly_five_points_above_and_below():
    # deaths at 1, 4, 9, ..., 400: S(81) = .55 and S(121) = .45, so f = .1 / 40; S = .5 from 100 to 121
    found = survival_quantile(fit_kaplan_meier(time=np.arange(1, 21) ** 2, event=[1] * 20), interval="normal")
    spread = 1.959963984540054 * math.sqrt(0.25 / 20) / (0.1 / 40)
    assert (found.time, found.lower, found.upper) == pytest.approx(
        (110.5, 110.5 - spread, 110.5 + spread),
        abs=1e-10,  # spreads of a hundred days
    )


def test_normal_interval_needs_events_on_both_sides():
    found = survival_quantile(fit_kaplan_meier(time=[1, 2, 3], event=[1, 1, 0]), interval="normal")
    assert found.time == 2
    # S(1) = 2/3 is above .55 and S(2) = 1/3 below .45
    assert math.isfinite(found.lower)
    none_above = survival_quantile(fit_kaplan_meier(time=[1, 1, 2], event=[1, 1, 0]), interval="normal")
    assert none_above.time == 1
    assert math.isnan(none_above.lower)


CASES = reference("kaplan_meier")["cases"]


def fit(case, interval):
    data = rows(case["data"], case["subset"], [case["time"], case["event"]])
    return fit_kaplan_meier(
        time=data[case["time"]],
        event=happened(case["data"], data, case["event"]),
        entry=data[case["entry"]] if case["entry"] else None,
        weight=data[case["weight"]] if case["weight"] else None,
        interval=interval,
        confidence_level=case["level"],
    )


@pytest.mark.parametrize("interval", ["log-log", "log", "plain", "logit", "arcsine"])
@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_the_median_and_its_limits(case, interval):
    found = survival_quantile(fit(case, interval))
    expected = floats(case["intervals"][interval]["median"])
    np.testing.assert_array_equal([found.time, found.lower, found.upper], expected)


@pytest.mark.parametrize("interval", ["log-log", "log", "plain", "logit", "arcsine"])
@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees_on_quartiles_and_their_limits(case, interval):
    km, expected = fit(case, interval), case["intervals"][interval]
    found = [survival_quantile(km, quantile=q) for q in reference("kaplan_meier")["shares"]]
    for field, curve in (("time", km.survival), ("lower", km.lower), ("upper", km.upper)):
        # where a limit turns upwards, R's quantile() takes its last crossing, R's print and twoarm the first
        if (np.diff(curve[~np.isnan(curve)]) <= 0).all():
            wanted = floats(expected["quantiles" if field == "time" else f"quantile_{field}"])
            np.testing.assert_array_equal([getattr(q, field) for q in found], wanted)


def test_where_the_upper_limit_turns_upwards_the_first_crossing_counts():
    sample = {key: MAINTAINED[key] + NOT_MAINTAINED[key] for key in ("time", "event")}
    km = fit_kaplan_meier(**sample, interval="log")
    assert (np.diff(km.upper) > 0).any()
    assert survival_quantile(km).upper == 45


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=30))
def test_the_median_equals_the_one_by_fractions(drawn):
    time, event = (list(values) for values in zip(*drawn, strict=True))
    found = survival_quantile(fit_kaplan_meier(time=time, event=event)).time
    assert found == pytest.approx(oracle.median(time, event), abs=EXACT, nan_ok=True)
