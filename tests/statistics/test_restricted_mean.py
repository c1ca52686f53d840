"""Restricted mean survival time: published trials, R on six data sets, areas by hand, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.samples import CONTROL, FREIREICH, IS_CONTROL, MAINTAINED, NOT_MAINTAINED, SIX_MP
from oracles.stored import happened, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.restricted_mean import compare_restricted_means, restricted_mean

NOTED = 5e-10  # nine digits after the point, as noted
STORED = 1e-11  # sums of a few thousand terms, stored with 15 digits
EXACT = 1e-12  # a handful of operations
ANSWERS = [(case, answer) for case in reference("restricted_mean")["cases"] for answer in case["answers"]]


@pytest.mark.parametrize(
    ("sample", "tau", "mean", "std_error", "tolerance"),
    [
        (SIX_MP, 20, 16.116526611, 1.251560196, NOTED),
        (CONTROL, 20, 8.428571429, 1.268082683, NOTED),
        (MAINTAINED, 30, 24.6023, 2.31315, 5e-5),
        (NOT_MAINTAINED, 30, 19.6944, 3.0542, 5e-5),
    ],
)
def test_freireich_and_aml(sample, tau, mean, std_error, tolerance):
    found = restricted_mean(fit_kaplan_meier(**sample), tau=tau)
    assert (found.tau, found.mean) == (tau, pytest.approx(mean, abs=tolerance))
    assert found.std_error == pytest.approx(std_error, abs=tolerance)
    assert (found.lower + found.upper) / 2 == pytest.approx(found.mean, rel=EXACT)
    assert found.upper - found.mean == pytest.approx(1.959963984540054 * found.std_error, rel=EXACT)


@pytest.mark.parametrize(("sex", "mean", "std_error"), [(1, 241.4950852, 10.35822649), (2, 297.4654095, 10.79132398)])
def test_lung_at_one_year(sex, mean, std_error):
    data = read_data("lung")
    of = data["sex"] == sex
    found = restricted_mean(fit_kaplan_meier(time=data["time"][of], event=data["status"][of] == 2), tau=365)
    seven_digits = 5e-8
    assert (found.mean, found.std_error) == pytest.approx((mean, std_error), abs=seven_digits)


@pytest.mark.parametrize(("case", "answer"), ANSWERS, ids=[f"{c['label']} {a['tau']}" for c, a in ANSWERS])
def test_r_agrees(case, answer):
    data = rows(case["data"], case["subset"], [case["time"], case["event"], case["entry"]])
    entry = {"entry": data[case["entry"]]} if case["entry"] else {}
    km = fit_kaplan_meier(time=data[case["time"]], event=happened(case["data"], data, case["event"]), **entry)
    found = restricted_mean(km, tau=answer["tau"])
    assert (found.mean, found.std_error) == pytest.approx(tuple(answer["answer"]), rel=STORED, abs=STORED)


def test_before_the_first_event_the_mean_is_tau():
    found = restricted_mean(fit_kaplan_meier(time=[4, 6], event=[1, 1]), tau=3)
    assert (found.mean, found.std_error, found.lower, found.upper) == (3.0, 0.0, 3.0, 3.0)


def test_without_censoring_it_is_the_mean_of_the_times_cut_at_tau():
    time = np.array([1.0, 2, 2, 5, 7, 9, 9, 12])
    for tau in (0.5, 2, 6, 9, 12, 20):
        cut = np.minimum(time, tau)
        found = restricted_mean(fit_kaplan_meier(time=time, event=np.ones(8)), tau=tau)
        assert found.mean == pytest.approx(cut.mean(), rel=EXACT)
        assert found.std_error == pytest.approx(np.sqrt(cut.var() / 8), rel=1e-9, abs=EXACT)


def test_beyond_the_last_follow_up_only_if_nobody_survives():
    alive = fit_kaplan_meier(time=[1, 2, 3], event=[1, 1, 0])
    assert restricted_mean(alive, tau=3).mean == pytest.approx(2.0, rel=EXACT)
    with pytest.raises(NotEstimableError, match=r"last follow-up is at 3, before tau = 3\.5"):
        restricted_mean(alive, tau=3.5)
    gone = fit_kaplan_meier(time=[1, 2, 3], event=[1, 1, 1])
    assert restricted_mean(gone, tau=50).mean == pytest.approx(2.0, rel=EXACT)


@pytest.mark.parametrize("tau", [0, -1, float("nan")])
def test_tau_must_be_above_zero(tau):
    with pytest.raises(ArgumentError, match="tau: found"):
        restricted_mean(fit_kaplan_meier(time=[1, 2], event=[1, 1]), tau=tau)


def test_freireich_contrast():
    treated = 1 - np.array(IS_CONTROL)
    found = compare_restricted_means(**FREIREICH, treated=treated, tau=20)
    (one, error_1), (other, error_0) = (16.116526611, 1.251560196), (8.428571429, 1.268082683)
    error, log_error = np.hypot(error_1, error_0), np.hypot(error_1 / one, error_0 / other)
    z = normal_quantile(0.95)
    noted = 1e-8  # made of the noted means
    assert found.difference == pytest.approx(one - other, rel=noted)
    assert found.difference_lower == pytest.approx(one - other - z * error, rel=noted)
    assert found.difference_upper == pytest.approx(one - other + z * error, rel=noted)
    assert found.difference_p_value == pytest.approx(two_sided_normal((one - other) / error), rel=1e-7)
    assert found.ratio == pytest.approx(one / other, rel=noted)
    assert found.ratio_lower == pytest.approx(one / other * np.exp(-z * log_error), rel=noted)
    assert found.ratio_upper == pytest.approx(one / other * np.exp(z * log_error), rel=noted)
    assert found.ratio_p_value == pytest.approx(two_sided_normal(np.log(one / other) / log_error), rel=1e-7)


def test_exchanging_the_arms_turns_the_contrast_round():
    treated = 1 - np.array(IS_CONTROL)
    one, other = (compare_restricted_means(**FREIREICH, treated=arm) for arm in (treated, 1 - treated))
    assert one.difference == -other.difference
    assert (one.difference_lower, one.difference_upper) == (-other.difference_upper, -other.difference_lower)
    assert one.ratio == pytest.approx(1 / other.ratio, rel=EXACT)
    assert one.ratio_p_value == pytest.approx(other.ratio_p_value, rel=EXACT)


def test_tau_is_by_default_the_smaller_of_the_largest_times():
    assert compare_restricted_means(**FREIREICH, treated=IS_CONTROL).treated.tau == 23


def test_one_arm_and_no_spread_are_not_estimable():
    with pytest.raises(NotEstimableError, match="one arm only"):
        compare_restricted_means(**FREIREICH, treated=[1] * 42)
    with pytest.raises(NotEstimableError, match="no spread"):
        compare_restricted_means(time=[5, 6, 7, 8], event=[0, 0, 0, 0], treated=[1, 1, 0, 0])
