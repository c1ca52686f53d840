"""Survival at a time, pieces and landmarks where data cannot answer: a reason or an error, never a silent number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oracles.samples import FREIREICH, IS_CONTROL, PAIR, PAIRS
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.landmark import at_landmark
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld, smooth_schoenfeld
from twoarm.statistics.survival_difference import survival_difference

TREATED = 1 - np.array(IS_CONTROL)
EXACT = 1e-12
KERNELS = [
    (compare_restricted_means, {}),
    (survival_difference, {"at": 10}),
    (piecewise_hazard_ratio, {"cuts": [10]}),
]


@pytest.mark.parametrize(("kernel", "more"), KERNELS)
def test_what_every_one_of_them_refuses(kernel, more):
    columns = {**FREIREICH, "treated": TREATED, **more}
    n = TREATED.size
    for bad in (
        {"weight": [-1.0] * n},
        {"weight": [0.0] * n},
        {"weight": [math.nan] * n},
        {"weight": [1.0] * 3},
        {"cluster": [None] * n},
        {"time": [-1.0] * n},
        {"event": [2] * n},
    ):
        with pytest.raises(ArgumentError):
            kernel(**{**columns, **bad})
    for treated in ([1] * n, [0] * n):
        with pytest.raises(NotEstimableError, match="one arm only"):
            kernel(**{**columns, "treated": treated})
    with pytest.raises(NotEstimableError, match="one arm only"):  # weights of zero empty an arm
        kernel(**columns, weight=TREATED.astype(float))


def test_restricted_means_of_pairs_by_hand():
    """Without censoring a restricted mean is a mean, and the jackknife of pairs that of their differences."""
    time, treated = np.array(PAIRS["time"], float), np.array(PAIRS["covariates"])
    found = compare_restricted_means(time=time, event=np.ones(8), treated=treated, cluster=PAIR, tau=12)
    one, other = time[treated == 1], time[treated == 0]
    gap = one - other
    error = math.sqrt(((gap - gap.mean()) ** 2).sum()) / 4
    assert found.difference == pytest.approx(gap.mean(), rel=EXACT)
    assert found.difference_upper - found.difference == pytest.approx(normal_quantile(0.95) * error, rel=EXACT)
    score = (one - one.mean()) / one.mean() - (other - other.mean()) / other.mean()
    log_error = math.sqrt((score**2).sum()) / 4
    assert math.log(found.ratio_upper / found.ratio) == pytest.approx(normal_quantile(0.95) * log_error, rel=EXACT)


def test_without_weights_and_clusters_nothing_moves():
    """Greenwood's variance, as before weights were known; R gives these in the reference of restricted means."""
    plain = compare_restricted_means(**FREIREICH, treated=TREATED, tau=20)
    given = compare_restricted_means(**FREIREICH, treated=TREATED, tau=20, weight=None, cluster=None)
    assert plain == given
    jackknife = compare_restricted_means(**FREIREICH, treated=TREATED, tau=20, weight=np.ones(42))
    assert jackknife.difference == pytest.approx(plain.difference, rel=EXACT)
    # where everybody counts once the jackknife is Greenwood's variance
    assert jackknife.difference_upper == pytest.approx(plain.difference_upper, rel=EXACT)
    assert jackknife.ratio_lower == pytest.approx(plain.ratio_lower, rel=EXACT)


def test_no_spread_and_no_follow_up():
    with pytest.raises(NotEstimableError, match="no spread"):
        compare_restricted_means(time=[5, 6, 7, 8], event=[0] * 4, treated=[1, 1, 0, 0], cluster=[1, 2, 1, 2])
    with pytest.raises(NotEstimableError, match="before tau"):
        compare_restricted_means(**FREIREICH, treated=TREATED, tau=100, weight=np.ones(42))
    with pytest.raises(ArgumentError, match="tau"):
        compare_restricted_means(**FREIREICH, treated=TREATED, tau=0, weight=np.ones(42))
    with pytest.raises(NotEstimableError, match="no spread of survival by 0"):
        survival_difference(**FREIREICH, treated=TREATED, at=0)
    with pytest.raises(NotEstimableError, match="last follow-up"):
        survival_difference(**FREIREICH, treated=TREATED, at=40)
    for at in (-1, math.nan, math.inf):
        with pytest.raises(ArgumentError, match="at: found"):
            survival_difference(**FREIREICH, treated=TREATED, at=at)


def test_an_arm_that_died_out_has_a_difference_and_no_ratio():
    found = survival_difference(**FREIREICH, treated=TREATED, at=30)
    assert (found.comparator, found.comparator_std_error) == (0.0, 0.0)
    assert found.difference == found.treated
    assert np.isnan([found.ratio, found.ratio_lower, found.ratio_p_value, found.log_log_p_value]).all()
    weighted = survival_difference(**FREIREICH, treated=TREATED, at=30, weight=np.ones(42))
    assert weighted.comparator_std_error == 0.0
    assert weighted.robust
    assert not found.robust


def test_pairs_that_die_together_have_no_spread():
    time = [3.0, 3.0, 5.0, 5.0, 9.0, 9.0]
    with pytest.raises(NotEstimableError, match="no spread"):
        survival_difference(time=time, event=[1] * 6, treated=[1, 0] * 3, at=4, cluster=[1, 1, 2, 2, 3, 3])


def test_pieces_say_why_they_are_not_estimable():
    time = [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 31, 32]
    event = [1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1]
    treated = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1]
    found = piecewise_hazard_ratio(time=time, event=event, treated=treated, cuts=[10, 20, 30])
    reasons = [piece.reason for piece in found.pieces]
    assert reasons == ["", "no events in an arm", "no events", "one arm only is followed into the interval"]
    assert [piece.events for piece in found.pieces] == [(2, 2), (2, 0), (0, 0), (2, 0)]
    assert [math.isnan(piece.log_hazard_ratio) for piece in found.pieces] == [False, True, True, True]
    assert (found.degrees_of_freedom, math.isnan(found.statistic), math.isnan(found.p_value)) == (0, True, True)
    few = piecewise_hazard_ratio(time=time, event=event, treated=treated, cuts=[10, 20, 30], minimum_events=5)
    assert few.pieces[0].reason == "fewer than 5 events"
    assert np.isnan(few.covariance).all()


def test_a_piece_in_which_nothing_tells_who_was_earlier():
    found = piecewise_hazard_ratio(time=[5] * 6, event=[1] * 6, treated=[1, 0] * 3, cuts=[7])
    assert found.pieces[0].reason.startswith("all times are tied")
    assert found.pieces[1].reason == "one arm only is followed into the interval"


def test_an_arm_that_is_gone_before_the_other_dies_is_monotone():
    found = piecewise_hazard_ratio(
        time=[1, 2, 3, 6, 7, 8, 12, 14], event=[1] * 8, treated=[1, 1, 1, 0, 0, 0, 0, 0], cuts=[10]
    )
    assert found.pieces[0].reason.startswith("monotone")
    assert found.pieces[1].reason == "one arm only is followed into the interval"
    assert math.isnan(found.statistic)


@pytest.mark.parametrize("cuts", [[5, 5], [7, 3], [0, 4], [-1], [math.nan]])
def test_cuts_rise_above_zero(cuts):
    with pytest.raises(ArgumentError, match="cuts"):
        piecewise_hazard_ratio(**FREIREICH, treated=TREATED, cuts=cuts)


def test_one_interval_is_the_cox_model_and_time_zero_counts():
    time = np.array(FREIREICH["time"], float)
    time[:3] = 0
    found = piecewise_hazard_ratio(time=time, event=FREIREICH["event"], treated=TREATED, cuts=[])
    fit = fit_cox(time=time, event=FREIREICH["event"], covariates=TREATED)
    assert found.pieces[0].log_hazard_ratio == pytest.approx(fit.coefficients[0], abs=1e-9)
    assert found.pieces[0].at_risk == (21, 21)
    assert found.degrees_of_freedom == 0


def test_two_clusters_cannot_tell_three_pieces_apart():
    found = piecewise_hazard_ratio(**FREIREICH, treated=TREATED, cuts=[5, 9], cluster=[1, 2] * 21)
    assert found.degrees_of_freedom in (1, 2)
    assert found.degrees_of_freedom == 1 or math.isnan(found.statistic)


def test_landmarks_without_anybody():
    with pytest.raises(NotEstimableError, match="nobody is followed beyond the landmark"):
        at_landmark(time=[1, 2], event=[1, 0], at=2)
    for at in (-0.5, math.nan):
        with pytest.raises(ArgumentError, match="at: found"):
            at_landmark(time=[1, 2], event=[1, 0], at=at)
    found = at_landmark(time=[2, 2, 3], event=[1, 0, 1], at=2)
    assert (found.had_event.tolist(), found.censored.tolist()) == ([True, False, False], [False, True, False])


def test_residuals_without_a_term_an_estimate_or_enough_events():
    fit = fit_cox(**PAIRS, names=("arm",))
    with pytest.raises(ArgumentError, match="term: found age"):
        scaled_schoenfeld(fit, term="age")
    monotone = fit_cox(time=[1, 2, 3, 4], event=[1, 1, 0, 0], covariates=[1, 1, 0, 0], names=("arm",))
    with pytest.raises(NotEstimableError, match="infinite"):
        scaled_schoenfeld(monotone, term="arm")
    three = fit_cox(time=[1, 2, 3, 4], event=[1, 1, 1, 0], covariates=[1, 0, 1, 0], names=("arm",))
    with pytest.raises(NotEstimableError, match="too few distinct event times"):
        smooth_schoenfeld(scaled_schoenfeld(three, term="arm"))
