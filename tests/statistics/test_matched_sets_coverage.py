"""Coverage of 95 % intervals after matching with replacement, by simulation without an effect."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics.cox import fit_cox
from twoarm.statistics.crossed_clusters import crossed_variance
from twoarm.statistics.nearest_neighbour import match_nearest
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.robust_proportional_hazards import robust_proportional_hazards_test
from twoarm.statistics.survival_difference import survival_difference

SAMPLES = 1000
N = 400
# 3 standard errors of a share of 95 % among that many samples, and 1 point that a sandwich of this size may cost
COVERAGE = 3 * np.sqrt(0.95 * 0.05 / SAMPLES) + 0.01


def matched(seed, ratio):
    """Rows of sets made with replacement, of patients without an effect: outcome, arm, and how they belong together."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    arm = rng.random(N) < 1 / (1 + np.exp(0.8 - x))
    dies, leaves = rng.exponential(size=N) * np.exp(-0.7 * x), rng.exponential(2, size=N)
    made = match_nearest(score=x, focal=arm, caliper=0.2, ratio=ratio, replace=True)
    partners = np.bincount(made.focal, minlength=N)
    focal = np.flatnonzero(partners)
    rows, sets = np.concatenate([focal, made.partner]), np.concatenate([focal, made.focal])
    weight = np.concatenate([np.ones(focal.size), 1 / partners[made.focal]])
    time, event = np.minimum(dies, leaves), dies <= leaves
    return {"time": time[rows], "event": event[rows]}, arm[rows], {"weight": weight, "cluster": sets, "crossed": rows}


def errors(seed, ratio):
    """The log hazard ratio over its standard error by crossed clusters, and by set alone, of one sample."""
    outcome, arm, labels = matched(seed, ratio)
    fit = fit_cox(**outcome, covariates=arm, weight=labels["weight"], ties="breslow")
    found = crossed_variance(influence=fit.residuals("dfbeta"), first=labels["cluster"], second=labels["crossed"])
    return fit.coefficients[0] / np.sqrt([found.covariance[0, 0], found.first[0, 0]])


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1, 2])
def test_crossed_clusters_cover_and_sets_alone_do_not(ratio):
    crossed, by_set = (np.abs([errors(seed, ratio) for seed in range(SAMPLES)]) < 1.96).mean(axis=0)
    assert abs(crossed - 0.95) < COVERAGE
    assert by_set < 0.95 - COVERAGE


def other_errors(seed, ratio):
    """Difference of restricted means and of survival, and the early hazard ratio, over their standard errors."""
    outcome, arm, labels = matched(seed, ratio)
    area = compare_restricted_means(**outcome, treated=arm, tau=1.5, **labels)
    gap = survival_difference(**outcome, treated=arm, at=0.7, **labels)
    early = piecewise_hazard_ratio(**outcome, treated=arm, cuts=[0.5], **labels).pieces[0]
    return (
        area.difference / area.difference_std_error,
        gap.difference / gap.difference_std_error,
        early.log_hazard_ratio / early.std_error,
    )


@pytest.mark.slow
def test_other_effects_cover_under_crossed_clusters():
    covered = (np.abs([other_errors(seed, 1) for seed in range(SAMPLES)]) < 1.96).mean(axis=0)
    assert np.abs(covered - 0.95).max() < COVERAGE


@pytest.mark.slow
def test_the_robust_test_of_proportional_hazards_keeps_its_level_under_weights():
    rejected = np.zeros(2)
    for seed in range(SAMPLES):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=N)
        chance = 1 / (1 + np.exp(-x))
        arm = rng.random(N) < chance
        dies, leaves = rng.exponential(size=N), rng.exponential(2, size=N)
        weight = np.where(arm, 1 / chance, 1 / (1 - chance))
        fit = fit_cox(time=np.minimum(dies, leaves), event=dies <= leaves, covariates=arm, weight=weight)
        tests = robust_proportional_hazards_test(fit), proportional_hazards_test(fit)
        rejected += [test.p_values[0] < 0.05 for test in tests]
    robust, own = rejected / SAMPLES
    assert abs(robust - 0.05) < COVERAGE
    assert own > 0.1  # weights are no counts
