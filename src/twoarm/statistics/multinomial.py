"""Multinomial (polytomous) logistic regression by maximum likelihood (McCullagh and Nelder 1989, section 5.2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.linear_algebra import weighted_cross_product
from twoarm.statistics.newton import Likelihood, maximise


@dataclass(frozen=True, slots=True, eq=False)
class MultinomialFit:
    """Log odds of each level against the first; two levels are a logistic regression."""

    coefficients: Floats  # (k - 1, q)
    information: Floats  # ((k - 1) q, (k - 1) q), coefficients row by row
    log_likelihood: float
    converged: bool  # False where the terms tell the levels apart, so that there is no maximum


def fit_multinomial(*, design: Floats, level: Integers, weight: Floats) -> MultinomialFit:
    """Fit log(P(level j) / P(level 0)) = design @ coefficients[j - 1] by Newton's method.

    Args:
        design: independent columns with the intercept first, shape (n, q).
        level: codes 0..k-1, each of which occurs, k at least 2, shape (n,).
        weight: positive weights, shape (n,).

    R: ``nnet::multinom(y ~ x, weights = w)``.

    >>> fit = fit_multinomial(design=np.ones((4, 1)), level=np.array([0, 1, 1, 1]), weight=np.ones(4))
    >>> fit.coefficients.round(4).tolist()
    [[1.0986]]
    """
    share = np.bincount(level, weight)
    width = design.shape[1]
    chosen = level[:, None] == np.arange(1, share.size)
    start = np.zeros((share.size - 1, width))
    start[:, 0] = np.log(share[1:] / share[0])
    found = maximise(lambda flat: _likelihood(flat.reshape(-1, width), design, chosen, weight), start.ravel())
    return MultinomialFit(found.parameters.reshape(-1, width), found.information, found.height, found.converged)


def _likelihood(coefficients: Floats, design: Floats, chosen: Booleans, weight: Floats) -> Likelihood:
    eta = design @ coefficients.T
    log_total = _log_total(eta)
    probability = np.exp(eta - log_total[:, None])
    height = float((weight * ((eta * chosen).sum(axis=1) - log_total)).sum())
    score = (weight[:, None] * (chosen - probability)).T @ design
    k, width = coefficients.shape
    information = np.empty((k, width, k, width))
    for a in range(k):
        for b in range(a, k):
            spread = probability[:, a] * ((a == b) - probability[:, b])
            block = weighted_cross_product(design, weight * spread)
            information[a, :, b, :] = information[b, :, a, :] = block
    return Likelihood(height, score.ravel(), information.reshape(k * width, k * width))


def multinomial_probabilities(design: Floats, coefficients: Floats) -> Floats:
    """Return the probability of every level, the first included, shape (n, k)."""
    eta = design @ coefficients.T
    log_total = _log_total(eta)
    return np.exp(np.column_stack([np.zeros(design.shape[0]), eta]) - log_total[:, None])


def _log_total(eta: Floats) -> Floats:
    """Return log(1 + sum of exp(eta)) for every row, shape (n,)."""
    top = np.maximum(eta.max(axis=1), 0.0)
    return np.asarray(top + np.log(np.exp(-top) + np.exp(eta - top[:, None]).sum(axis=1)))
