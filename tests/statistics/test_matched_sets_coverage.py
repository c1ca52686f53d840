"""Coverage of 95 % intervals after matching with replacement, by simulation without an effect."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics.cox import fit_cox
from twoarm.statistics.crossed_clusters import crossed_variance
from twoarm.statistics.nearest_neighbour import match_nearest

SAMPLES = 1000
N = 400
# 3 standard errors of a share of 95 % among that many samples, and 1 point that a sandwich of this size may cost
COVERAGE = 3 * np.sqrt(0.95 * 0.05 / SAMPLES) + 0.01


def errors(seed, ratio):
    """The log hazard ratio over its standard error by crossed clusters, and by set alone, of one sample."""
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
    fit = fit_cox(time=time[rows], event=event[rows], covariates=arm[rows], weight=weight, ties="breslow")
    found = crossed_variance(influence=fit.residuals("dfbeta"), first=sets, second=rows)
    return fit.coefficients[0] / np.sqrt([found.covariance[0, 0], found.first[0, 0]])


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1, 2])
def test_crossed_clusters_cover_and_sets_alone_do_not(ratio):
    crossed, by_set = (np.abs([errors(seed, ratio) for seed in range(SAMPLES)]) < 1.96).mean(axis=0)
    assert abs(crossed - 0.95) < COVERAGE
    assert by_set < 0.95 - COVERAGE
