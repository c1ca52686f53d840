"""Invariants of the statistics on random cohorts with ties, weights, late entry and strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from twoarm.errors import NotEstimableError
from twoarm.statistics.balancing_weights import balancing_weights
from twoarm.statistics.concordance import concordance
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.cumulative_incidence import fit_cumulative_incidence
from twoarm.statistics.kaplan_meier import fit_kaplan_meier, number_at_risk
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.rank_tests import kruskal_wallis, wilcoxon
from twoarm.statistics.restricted_mean import restricted_mean
from twoarm.statistics.standardised_difference import categorical_difference, continuous_difference
from twoarm.statistics.survival_quantile import survival_quantile

SAME = 1e-9  # the same sums in another order, or after an exact change of units, and one solve
LAST_BITS = 1e-12  # a few operations on the same numbers
MODEST = settings(max_examples=40, deadline=None, derandomize=True)


@dataclass
class Cohort:
    time: np.ndarray
    event: np.ndarray
    x: np.ndarray  # arm, and a covariate
    entry: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray

    @property
    def columns(self):
        return {"time": self.time, "event": self.event, "covariates": self.x}

    @property
    def everything(self):
        return {**self.columns, "entry": self.entry, "strata": self.stratum, "weight": self.weight}


@st.composite
def cohorts(draw):
    """30 to 80 patients; whole-number times of which many are tied; both arms and some events."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, longest = draw(st.integers(30, 80)), draw(st.sampled_from([4, 12, 100]))
    arm = rng.integers(0, 2, n).astype(float)
    arm[:2] = 0, 1
    entry = rng.integers(0, 4, n).astype(float)
    event = rng.random(n) < draw(st.sampled_from([0.4, 0.8]))
    event[:2] = True
    return Cohort(
        time=entry + rng.integers(1, longest + 1, n),
        event=event,
        x=np.column_stack([arm, np.round(rng.normal(size=n), 1)]),
        entry=entry,
        stratum=rng.integers(0, 2, n),
        weight=rng.integers(1, 9, n) / 4,
    )


def fitted(**columns):
    """A fit in which every term is estimable."""
    try:
        fit = fit_cox(**columns)
    except NotEstimableError:
        assume(False)
    assume(not any(fit.reasons))
    return fit


def permuted(columns, order):
    return {key: values[order] for key, values in columns.items()}


@MODEST
@given(cohorts(), st.sampled_from(["efron", "breslow"]))
def test_row_order_does_not_matter(cohort, ties):
    order = np.random.default_rng(0).permutation(cohort.time.size)
    one = fitted(**cohort.everything, ties=ties)
    other = fitted(**permuted(cohort.everything, order), ties=ties)
    assert other.coefficients == pytest.approx(one.coefficients, rel=SAME, abs=SAME)
    assert other.covariance == pytest.approx(one.covariance, rel=SAME, abs=SAME)


@MODEST
@given(cohorts())
def test_column_order_does_not_matter(cohort):
    one = fitted(**cohort.columns)
    other = fitted(**{**cohort.columns, "covariates": cohort.x[:, ::-1]})
    assert other.coefficients[::-1] == pytest.approx(one.coefficients, rel=SAME, abs=SAME)


@MODEST
@given(cohorts(), st.sampled_from([0.25, 30.4375, 1000.0]))
def test_the_unit_of_time_does_not_matter(cohort, factor):
    arm = cohort.x[:, 0]
    one, other = fitted(**cohort.columns), fitted(**{**cohort.columns, "time": cohort.time * factor})
    assert other.coefficients == pytest.approx(one.coefficients, rel=LAST_BITS)
    tests = [log_rank(time=time, event=cohort.event, arm=arm) for time in (cohort.time, cohort.time * factor)]
    assert tests[1].statistic == pytest.approx(tests[0].statistic, rel=LAST_BITS)
    medians = [survival_quantile(fit_kaplan_meier(time=time, event=cohort.event)).time
               for time in (cohort.time, cohort.time * factor)]  # fmt: skip
    assert medians[1] == pytest.approx(medians[0] * factor, rel=LAST_BITS, nan_ok=True)


@MODEST
@given(cohorts())
def test_swapping_the_arms_inverts_the_hazard_ratio(cohort):
    swapped = np.column_stack([1 - cohort.x[:, 0], cohort.x[:, 1]])
    one, other = fitted(**cohort.columns), fitted(**{**cohort.columns, "covariates": swapped})
    assert other.coefficients == pytest.approx(one.coefficients * [-1, 1], rel=SAME, abs=SAME)
    assert other.p_values == pytest.approx(one.p_values, rel=SAME, abs=SAME)
    arm = cohort.x[:, 0]
    tests = [log_rank(time=cohort.time, event=cohort.event, arm=codes) for codes in (arm, 1 - arm)]
    assert tests[1].statistic == pytest.approx(tests[0].statistic, rel=SAME, abs=SAME)
    assert tests[1].observed.tolist() == tests[0].observed[::-1].tolist()


@MODEST
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=2, max_size=40))
def test_swapping_the_arms_keeps_the_closest_distances(drawn):
    score, focal = np.array([s / 8 for s, _ in drawn]), np.array([f for _, f in drawn])
    assume(focal.any() and not focal.all() and np.unique(score).size == score.size)
    gaps = [np.sort(match_nearest(score=score, focal=side).distance) for side in (focal, ~focal)]
    assert gaps[0].tolist() == gaps[1].tolist()


@MODEST
@given(cohorts(), st.sampled_from([0.01, 12.0]), st.sampled_from([0.0, -70.0]))
def test_shifting_and_scaling_a_covariate(cohort, factor, shift):
    changed = np.column_stack([cohort.x[:, 0], cohort.x[:, 1] * factor + shift])
    one, other = fitted(**cohort.everything), fitted(**{**cohort.everything, "covariates": changed})
    assert other.coefficients * [1, factor] == pytest.approx(one.coefficients, rel=SAME, abs=SAME)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=LAST_BITS)
    scores = []
    for x in (cohort.x, changed):
        try:
            scores.append(fit_logistic(outcome=cohort.event, covariates=x).linear_predictor)
        except NotEstimableError:
            assume(False)
    assert scores[1] == pytest.approx(scores[0], rel=SAME, abs=SAME)


@MODEST
@given(cohorts())
def test_a_patient_censored_before_the_first_event_changes_nothing(cohort):
    more = {
        "time": np.append(cohort.time, 0.5),
        "event": np.append(cohort.event, False),
        "covariates": np.vstack([cohort.x, [1, 3]]),
    }
    one, other = fitted(**cohort.columns), fitted(**more)
    assert other.coefficients == pytest.approx(one.coefficients, rel=SAME, abs=SAME)
    assert other.naive_covariance == pytest.approx(one.naive_covariance, rel=SAME)
    assert other.n == one.n + 1
    tests = [log_rank(time=c["time"], event=c["event"], arm=c["covariates"][:, 0]) for c in (cohort.columns, more)]
    assert tests[1].statistic == pytest.approx(tests[0].statistic, rel=LAST_BITS)


@MODEST
@given(cohorts())
def test_without_censoring_survival_is_one_minus_the_ecdf(cohort):
    km = fit_kaplan_meier(time=cohort.time, event=np.ones(cohort.time.size))
    assert km.survival == pytest.approx([(cohort.time > t).mean() for t in km.time], abs=LAST_BITS)


@MODEST
@given(cohorts())
def test_without_ties_the_score_test_is_the_log_rank_test(cohort):
    distinct = np.random.default_rng(int(cohort.time.sum())).permutation(cohort.time.size) + 5.0
    columns = {"time": distinct, "event": cohort.event, "entry": cohort.entry, "strata": cohort.stratum}
    try:
        test = log_rank(**columns, arm=cohort.x[:, 0])
        fit = fit_cox(**columns, covariates=cohort.x[:, 0])
    except NotEstimableError:
        assume(False)
    assert fit.score_statistic == pytest.approx(test.statistic, rel=SAME, abs=SAME)


@MODEST
@given(cohorts(), st.integers(2, 4), st.sampled_from([(0, 0), (1, 0), (0, 1)]))
def test_observed_and_expected_events_add_up_to_the_same(cohort, arms, family):
    arm = np.arange(cohort.time.size) % arms
    test = log_rank(time=cohort.time, event=cohort.event, arm=arm, entry=cohort.entry, strata=cohort.stratum,
                    rho=family[0], gamma=family[1])  # fmt: skip
    assert test.observed.sum() == pytest.approx(test.expected.sum(), rel=LAST_BITS)
    if family == (0, 0):
        assert test.observed.sum() == cohort.event.sum()
    assert test.variance.sum(axis=0) == pytest.approx(np.zeros(arms), abs=SAME)


@MODEST
@given(cohorts())
def test_the_number_at_risk_falls_by_those_who_leave_and_rises_by_those_who_enter(cohort):
    km = fit_kaplan_meier(time=cohort.time, event=cohort.event, entry=cohort.entry)
    left = km.events[:-1] + km.censored[:-1]
    entered = [((cohort.entry >= a) & (cohort.entry < b)).sum() for a, b in zip(km.time, km.time[1:], strict=False)]
    assert (km.at_risk[1:] - km.at_risk[:-1] + left).tolist() == entered
    assert number_at_risk(time=cohort.time, entry=cohort.entry, at=km.time).tolist() == km.at_risk.tolist()


@MODEST
@given(cohorts())
def test_a_curve_falls_within_its_limits(cohort):
    km = fit_kaplan_meier(time=cohort.time, event=cohort.event, entry=cohort.entry, weight=cohort.weight)
    assert (np.diff(km.survival) <= 0).all()
    given_ = ~np.isnan(km.lower)
    assert (km.lower[given_] <= km.survival[given_] + LAST_BITS).all()
    assert (km.survival[given_] <= km.upper[given_] + LAST_BITS).all()


@MODEST
@given(cohorts(), st.sampled_from([0.125, 3.0, 1000.0]), st.sampled_from(["efron", "breslow"]))
def test_multiplying_the_weights_keeps_coefficients_and_robust_errors(cohort, factor, ties):
    one = fitted(**cohort.everything, ties=ties)
    other = fitted(**{**cohort.everything, "weight": cohort.weight * factor}, ties=ties)
    assert other.coefficients == pytest.approx(one.coefficients, rel=SAME, abs=SAME)
    assert other.covariance == pytest.approx(one.covariance, rel=SAME, abs=SAME)
    assert other.naive_covariance * factor == pytest.approx(one.naive_covariance, rel=SAME, abs=SAME)


@MODEST
@given(cohorts())
def test_each_patient_twice_as_a_cluster_keeps_the_robust_errors_under_breslow(cohort):
    one = fitted(**cohort.columns, ties="breslow", robust=True)
    twice = {key: np.repeat(values, 2, axis=0) for key, values in cohort.columns.items()}
    other = fitted(**twice, cluster=np.repeat(np.arange(cohort.time.size), 2), ties="breslow")
    assert other.coefficients == pytest.approx(one.coefficients, rel=SAME, abs=SAME)
    assert other.covariance == pytest.approx(one.covariance, rel=SAME, abs=SAME)


@MODEST
@given(cohorts(), st.sampled_from(["efron", "breslow"]))
def test_a_cluster_of_one_each_is_the_plain_robust_variance(cohort, ties):
    one = fitted(**cohort.columns, robust=True, ties=ties)
    other = fitted(**cohort.columns, cluster=np.arange(cohort.time.size), ties=ties)
    assert other.covariance == pytest.approx(one.covariance, rel=SAME, abs=SAME)


@MODEST
@given(cohorts())
def test_efron_and_breslow_agree_without_ties(cohort):
    distinct = np.random.default_rng(int(cohort.time.sum())).permutation(cohort.time.size) + 1.0
    fits = [fitted(**{**cohort.columns, "time": distinct}, ties=ties, robust=True) for ties in ("efron", "breslow")]
    assert fits[1].coefficients == pytest.approx(fits[0].coefficients, rel=SAME, abs=SAME)
    assert fits[1].covariance == pytest.approx(fits[0].covariance, rel=SAME, abs=SAME)


@MODEST
@given(cohorts(), st.sampled_from([None, 0.05, 0.5]), st.sampled_from(["closest", "largest", "smallest", "data"]))
def test_matches_use_nobody_twice_and_keep_to_the_caliper(cohort, caliper, order):
    score, arm = cohort.x[:, 1], cohort.x[:, 0] == 1
    found = match_nearest(score=score, focal=arm, caliper=caliper, order=order)
    assert np.unique(found.focal).size == np.unique(found.partner).size == found.focal.size
    assert arm[found.focal].all()
    assert not arm[found.partner].any()
    assert (found.distance == np.abs(score[found.focal] - score[found.partner])).all()
    assert caliper is None or (found.distance <= caliper).all()
    assert found.unmatched + found.focal.size == arm.sum()
    if caliper is None:
        assert found.focal.size == min(arm.sum(), (~arm).sum())


@MODEST
@given(cohorts())
def test_swapping_the_arms_changes_the_sign_of_a_standardised_difference(cohort):
    arm, x = cohort.x[:, 0] == 1, cohort.x[:, 1]
    found = continuous_difference(values=x, treated=arm)
    assert continuous_difference(values=x, treated=~arm) == pytest.approx(-found, rel=LAST_BITS)
    assert continuous_difference(values=5 - 3 * x, treated=arm) == pytest.approx(-found, rel=SAME)
    levels = cohort.stratum
    distances = [categorical_difference(levels=levels, treated=side) for side in (arm, ~arm)]
    assert distances[0] == pytest.approx(distances[1], rel=SAME)


@MODEST
@given(cohorts())
def test_a_monotone_change_of_scale_keeps_the_rank_test(cohort):
    arm, x = cohort.x[:, 0] == 1, cohort.x[:, 1]
    assert wilcoxon(values=np.exp(x), treated=arm) == wilcoxon(values=x, treated=arm)


@MODEST
@given(cohorts())
def test_residuals_weighted_sum_to_zero(cohort):
    fit = fitted(**cohort.everything)
    for kind in ("martingale", "score"):
        residuals = fit.residuals(kind)
        total = np.abs(cohort.weight @ np.abs(residuals)).max()
        assert np.abs(cohort.weight @ residuals).max() <= SAME * total


@MODEST
@given(cohorts())
def test_the_scale_of_covariates_does_not_move_the_test_of_proportional_hazards(cohort):
    scaled = {**cohort.everything, "covariates": cohort.x * [2.0, 0.01] + [5.0, -3.0]}
    fit, other = fitted(**cohort.everything), fitted(**scaled)
    assume(np.unique(cohort.time[cohort.event]).size > 2)
    one, two = proportional_hazards_test(fit), proportional_hazards_test(other)
    np.testing.assert_allclose(one.statistic, two.statistic, rtol=1e-5, atol=1e-6)
    assert one.global_statistic == pytest.approx(two.global_statistic, rel=1e-5, abs=1e-6)


@MODEST
@given(cohorts())
def test_a_reversed_score_reverses_the_concordance(cohort):
    columns = {"time": cohort.time, "event": cohort.event, "strata": cohort.stratum}
    try:
        one, other = (concordance(**columns, risk=sign * cohort.x[:, 1]) for sign in (1, -1))
    except NotEstimableError:
        assume(False)
    assert (one.concordant, one.tied_risk) == (other.discordant, other.tied_risk)
    assert one.concordance + other.concordance == pytest.approx(1, rel=LAST_BITS)


@MODEST
@given(cohorts())
def test_the_restricted_mean_grows_with_tau_and_scales_with_time(cohort):
    km, days = (fit_kaplan_meier(time=cohort.time * by, event=cohort.event) for by in (1, 30))
    longest = float(km.time[-1])
    half, whole = (restricted_mean(km, tau=longest * share) for share in (0.5, 1.0))
    assert half.mean <= whole.mean <= longest
    scaled = restricted_mean(days, tau=longest * 30)
    assert (scaled.mean, scaled.std_error) == pytest.approx((30 * whole.mean, 30 * whole.std_error), rel=SAME)


@MODEST
@given(cohorts())
def test_kruskal_wallis_of_two_groups_follows_ranks_only(cohort):
    values = cohort.x[:, 1]
    one = kruskal_wallis(values=values, group=cohort.stratum)
    other = kruskal_wallis(values=np.exp(values), group=1 - cohort.stratum)
    assert one.statistic == pytest.approx(other.statistic, rel=SAME, abs=SAME)


@MODEST
@given(cohorts(), st.integers(1, 4))
def test_incidences_and_survival_add_up_to_one(cohort, causes):
    cause = np.where(cohort.event, 1 + cohort.stratum * (np.arange(cohort.time.size) % causes), 0)
    found = fit_cumulative_incidence(time=cohort.time, cause=cause)
    assert found.incidence.sum(axis=0) + found.survival == pytest.approx(np.ones(found.time.size), abs=LAST_BITS)


@MODEST
@given(cohorts())
def test_weights_of_the_treated_leave_the_treated_as_they_are(cohort):
    arm = cohort.x[:, 0]
    try:
        score = fit_logistic(outcome=arm, covariates=cohort.x[:, 1]).probabilities
    except NotEstimableError:
        assume(False)
    assert (balancing_weights(score=score, treated=arm, estimand="ATT").weight[arm == 1] == 1).all()
    assert (balancing_weights(score=score, treated=arm, estimand="ATC").weight[arm == 0] == 1).all()
    overlap = balancing_weights(score=score, treated=arm, estimand="ATO").weight
    balanced = continuous_difference(values=cohort.x[:, 1], treated=arm, weight=overlap)
    assert balanced == pytest.approx(0, abs=SAME)
