"""Proportional odds regression of an ordered outcome by maximum likelihood (McCullagh 1980)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from twoarm.statistics.arrays import Floats, Integers, group_sums
from twoarm.statistics.linear_algebra import linear_predictor, weighted_cross_product
from twoarm.statistics.newton import Likelihood, maximise


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalOddsFit:
    """logit P(level <= j) = thresholds[j] - design @ coefficients."""

    thresholds: Floats  # (k - 1,), rising
    coefficients: Floats  # (p,)
    information: Floats  # (k - 1 + p, k - 1 + p), observed, thresholds first
    log_likelihood: float
    converged: bool  # False where the terms tell the levels apart, so that there is no maximum


def fit_proportional_odds(*, design: Floats, level: Integers, weight: Floats) -> ProportionalOddsFit:
    """Fit a proportional odds model by Newton's method; the log-likelihood is concave (Pratt 1981).

    Args:
        design: independent columns without intercept, shape (n, p).
        level: codes 0..k-1 in order, each of which occurs, k at least 2, shape (n,).
        weight: positive weights, shape (n,).

    R: ``MASS::polr(y ~ x, weights = w)``.

    >>> fit = fit_proportional_odds(design=np.empty((4, 0)), level=np.array([0, 1, 1, 2]), weight=np.ones(4))
    >>> fit.thresholds.round(4).tolist()
    [-1.0986, 1.0986]
    """
    share = np.cumsum(np.bincount(level, weight))
    start = np.concatenate([special.logit(share[:-1] / share[-1]), np.zeros(design.shape[1])])
    cuts = share.size - 1
    found = maximise(lambda flat: _likelihood(flat[:cuts], flat[cuts:], design, level, weight), start)
    thresholds, coefficients = found.parameters[:cuts], found.parameters[cuts:]
    return ProportionalOddsFit(thresholds, coefficients, found.information, found.height, found.converged)


def _likelihood(thresholds: Floats, slopes: Floats, design: Floats, level: Integers, weight: Floats) -> Likelihood:
    """Evaluate at one place.

    With a and b the thresholds above and below a row's level, less its linear predictor, P = F(a) - F(b) is
    F(a) (1 - F(b)) (1 - exp(-gap)), which loses no digits in the tails; ``r`` is 1 / (exp(gap) - 1).
    """
    if (np.diff(thresholds) <= 0).any():
        return Likelihood(-np.inf, np.empty(0), np.empty((0, 0)))
    eta = linear_predictor(design, slopes)
    a = np.append(thresholds, np.inf)[level] - eta
    b = np.append(-np.inf, thresholds)[level] - eta
    gap = np.concatenate([[np.inf], np.diff(thresholds), [np.inf]])[level]
    with np.errstate(over="ignore"):
        r = 1 / np.expm1(gap)
    height = weight * (special.log_expit(a) + special.log_expit(-b) + np.log(-np.expm1(-gap)))
    above, below = special.expit(-a), special.expit(b)
    spread_a, spread_b = weight * above * special.expit(a), weight * below * special.expit(-b)
    cuts = thresholds.size
    score = np.concatenate(
        [
            group_sums(level, weight * (above + r), cuts + 1)[:-1]
            - group_sums(level, weight * (below + r), cuts + 1)[1:],
            ((weight * (below - above))[:, None] * design).sum(axis=0),
        ]
    )
    information = np.zeros((score.size, score.size))
    both = weight * r * (1 + r)
    diagonal = group_sums(level, spread_a + both, cuts + 1)[:-1] + group_sums(level, spread_b + both, cuts + 1)[1:]
    information[np.arange(cuts), np.arange(cuts)] = diagonal
    between = group_sums(level, both, cuts + 1)[1:-1]
    information[np.arange(cuts - 1), np.arange(1, cuts)] = information[
        np.arange(1, cuts), np.arange(cuts - 1)
    ] = -between
    for j in range(cuts):
        cross = -(spread_a * (level == j) + spread_b * (level == j + 1)) @ design
        information[j, cuts:] = information[cuts:, j] = cross
    information[cuts:, cuts:] = weighted_cross_product(design, spread_a + spread_b)
    return Likelihood(float(height.sum()), score, information)


def proportional_odds_probabilities(design: Floats, thresholds: Floats, coefficients: Floats) -> Floats:
    """Return the probability of every level, shape (n, k)."""
    below = special.expit(thresholds[None, :] - linear_predictor(design, coefficients)[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)
