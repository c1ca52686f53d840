"""Oracles and invariants of restricted means, survival at a time, pieces and landmarks on random cohorts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.jackknife import contrast_variance, mean_until, survival_at
from twoarm.errors import NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.landmark import at_landmark
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld
from twoarm.statistics.survival_difference import survival_difference

MODEST = settings(max_examples=30, deadline=None, derandomize=True)
SAME = 1e-9  # the same sums in another order
DERIVATIVE = 2e-6  # central differences with a step of 1e-6


@dataclass
class Cohort:
    time: np.ndarray
    event: np.ndarray
    treated: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray

    @property
    def plain(self):
        return {"time": self.time, "event": self.event, "treated": self.treated}

    @property
    def everything(self):
        return {**self.plain, "weight": self.weight, "cluster": self.cluster}

    def take(self, rows):
        return Cohort(*(getattr(self, name)[rows] for name in ("time", "event", "treated", "weight", "cluster")))


@st.composite
def cohorts(draw):
    """20 to 60 patients on few days, two to a pair across the arms, weights from 0.2 to 3."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = 2 * draw(st.integers(10, 30))
    longest = draw(st.sampled_from([5, 15, 80]))
    treated = np.arange(n) % 2 == 0
    return Cohort(
        time=rng.integers(1, longest + 1, n).astype(float),
        event=rng.random(n) < draw(st.sampled_from([0.4, 0.8])),
        treated=treated,
        weight=rng.uniform(0.2, 3, n),
        cluster=np.arange(n) // 2,
    )


def estimated(function, **arguments):
    try:
        return function(**arguments)
    except NotEstimableError:
        return None


@MODEST
@given(cohorts())
def test_the_variance_is_that_of_its_definition(cohort):
    ends = [cohort.time[cohort.treated == arm].max() for arm in (True, False)]
    tau = float(min(ends))
    mean = estimated(compare_restricted_means, **cohort.everything, tau=tau)
    gap = estimated(survival_difference, **cohort.everything, at=tau / 2)
    columns = (cohort.time, cohort.event, cohort.treated, cohort.weight, cohort.cluster)
    if mean is not None:
        error = (mean.difference_upper - mean.difference) / 1.959963984540054
        assert error**2 == pytest.approx(contrast_variance(mean_until, *columns, tau), rel=1e-5, abs=DERIVATIVE)
    if gap is not None:
        expected = contrast_variance(survival_at, *columns, tau / 2)
        assert gap.difference_std_error**2 == pytest.approx(expected, rel=1e-5, abs=DERIVATIVE)


@MODEST
@given(cohorts())
def test_weight_zero_is_nobody_and_a_common_factor_nothing(cohort):
    rng = np.random.default_rng(cohort.time.size)
    gone = rng.random(cohort.time.size) < 0.2
    silent = replace(cohort, weight=np.where(gone, 0.0, cohort.weight))
    for function, more in (
        (compare_restricted_means, {}),
        (survival_difference, {"at": 3.0}),
        (piecewise_hazard_ratio, {"cuts": [3.0]}),
    ):
        one, other, scaled = (
            estimated(function, **who.everything, **more)
            for who in (silent, cohort.take(~gone), replace(cohort.take(~gone), weight=7 * cohort.weight[~gone]))
        )
        assert (one is None) == (other is None) == (scaled is None)
        if one is not None:
            assert numbers_of(one) == pytest.approx(numbers_of(other), rel=SAME, nan_ok=True)
            assert numbers_of(scaled) == pytest.approx(numbers_of(other), rel=1e-6, abs=1e-7, nan_ok=True)


def numbers_of(found):
    if hasattr(found, "pieces"):
        return [x for piece in found.pieces for x in (piece.log_hazard_ratio, piece.std_error)] + [found.statistic]
    if hasattr(found, "log_log_p_value"):
        return [found.difference, found.difference_std_error, found.ratio, found.ratio_lower, found.log_log_p_value]
    return [found.treated.mean, found.comparator.std_error, found.difference_lower, found.ratio_upper]


@MODEST
@given(cohorts())
def test_a_patient_written_twice_as_one_cluster_counts_once(cohort):
    twice = cohort.take(np.repeat(np.arange(cohort.time.size), 2))
    who = np.repeat(np.arange(cohort.time.size), 2)
    for function, more in ((compare_restricted_means, {}), (survival_difference, {"at": 3.0})):
        one = estimated(function, **cohort.plain, weight=np.ones(cohort.time.size), **more)
        two = estimated(function, **twice.plain, cluster=who, **more)
        assert (one is None) == (two is None)
        if one is not None:
            assert numbers_of(one) == pytest.approx(numbers_of(two), rel=SAME, nan_ok=True)


@MODEST
@given(cohorts())
def test_where_everybody_counts_once_the_jackknife_is_greenwoods_variance(cohort):
    once = np.ones(cohort.time.size)
    for function, more in ((compare_restricted_means, {}), (survival_difference, {"at": 4.0})):
        one, other = (estimated(function, **cohort.plain, **more, weight=weight) for weight in (None, once))
        assert (one is None) == (other is None)
        if one is not None:
            assert numbers_of(one) == pytest.approx(numbers_of(other), rel=1e-8, nan_ok=True)


@MODEST
@given(cohorts())
def test_without_censoring_before_the_time_survival_is_a_share(cohort):
    at = 4.0
    seen = replace(cohort, event=cohort.event | (cohort.time <= at))
    found = estimated(survival_difference, **seen.plain, at=at)
    if found is not None:
        arms = [seen.time[seen.treated == arm] > at for arm in (True, False)]
        share = [float(arm.mean()) for arm in arms]
        assert found.difference == pytest.approx(share[0] - share[1], abs=1e-12)
        variance = sum(s * (1 - s) / arm.size for s, arm in zip(share, arms, strict=True))
        assert found.difference_std_error**2 == pytest.approx(variance, rel=SAME)


@MODEST
@given(cohorts())
def test_exchanging_the_arms_turns_everything_round(cohort):
    other = replace(cohort, treated=~cohort.treated)
    gaps = [estimated(survival_difference, **who.everything, at=3.0) for who in (cohort, other)]
    if gaps[0] is not None:
        assert gaps[0].difference == -gaps[1].difference
        assert gaps[0].difference_std_error == pytest.approx(gaps[1].difference_std_error, rel=SAME)
        assert gaps[0].ratio * gaps[1].ratio == pytest.approx(1.0, rel=SAME, nan_ok=True)
    pieces = [estimated(piecewise_hazard_ratio, **who.everything, cuts=[2, 6]) for who in (cohort, other)]
    if pieces[0] is not None:
        for one, two in zip(pieces[0].pieces, pieces[1].pieces, strict=True):
            assert one.log_hazard_ratio == pytest.approx(-two.log_hazard_ratio, abs=1e-7, nan_ok=True)
        assert pieces[0].statistic == pytest.approx(pieces[1].statistic, rel=1e-6, abs=1e-7, nan_ok=True)


@MODEST
@given(cohorts())
def test_a_piece_is_a_truncated_and_censored_fit_of_its_own(cohort):
    found = estimated(piecewise_hazard_ratio, **cohort.plain, cuts=[2.0, 6.0])
    assume(found is not None)
    for piece in found.pieces:
        if piece.reason:
            continue
        rows = cohort.time > piece.start if piece.start else np.ones(cohort.time.size, bool)
        fit = fit_cox(
            time=np.minimum(cohort.time[rows], piece.end),
            event=cohort.event[rows] & (cohort.time[rows] <= piece.end),
            covariates=cohort.treated[rows],
        )
        assert piece.log_hazard_ratio == pytest.approx(fit.coefficients[0], abs=1e-7)
        assert piece.std_error == pytest.approx(fit.std_errors[0], rel=1e-7)
    assert sum(sum(piece.events) for piece in found.pieces) == cohort.event.sum()


@MODEST
@given(cohorts(), st.floats(0, 10))
def test_a_landmark_loses_nobody_from_the_count(cohort, at):
    found = estimated(at_landmark, time=cohort.time, event=cohort.event, at=at)
    if found is not None:
        assert found.rows.size + found.had_event.sum() + found.censored.sum() == cohort.time.size
        assert found.event.sum() + found.had_event.sum() == cohort.event.sum()
        assert (found.time > 0).all()


@MODEST
@given(cohorts())
def test_scaled_residuals_average_to_the_estimate(cohort):
    fit = estimated(fit_cox, time=cohort.time, event=cohort.event, covariates=cohort.treated, names=("arm",))
    assume(fit is not None and np.isfinite(fit.coefficients[0]))
    residuals = scaled_schoenfeld(fit, term="arm")
    assert residuals.value.mean() == pytest.approx(fit.coefficients[0], abs=1e-7)
