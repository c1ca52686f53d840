"""One draw of the missing values of one variable from its regression on complete predictors (Rubin 1987, chapter 5).

Each function draws the parameters from their (approximate) posterior before the values, so that the spread between
imputations carries the uncertainty of the regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.errors import NotEstimableError
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.linear_algebra import (
    independent_columns,
    linear_predictor,
    standardise,
    weighted_cross_product,
)
from twoarm.statistics.multinomial import fit_multinomial, multinomial_probabilities
from twoarm.statistics.proportional_odds import fit_proportional_odds, proportional_odds_probabilities

RIDGE = 1e-5  # share of each column's sum of squares, as van Buuren (2018, section 3.2.2)
SINGULAR = 1e-10  # smallest eigenvalue of a scaled information matrix that is left as it is


@dataclass(frozen=True, slots=True, eq=False)
class _Predictors:
    """Independent columns at mean 0 and SD 1 among the observed."""

    observed: Floats  # (n_observed, p)
    missing: Floats  # (n_missing, p)


def draw_pmm(
    *, observed: Floats, x_observed: Floats, x_missing: Floats, generator: np.random.Generator, donors: int = 5
) -> Floats:
    """Draw by predictive mean matching: each value is that of one of the ``donors`` patients predicted most alike.

    A Bayesian linear regression draws the slopes; donors are predicted by the estimate and recipients by the draw
    (type 1 matching), and a random one of the nearest gives its value. Patients predicted exactly alike are donors with
    equal chances; of two at the same distance on either side the lower goes first.

    Args:
        observed: values of those who have one, shape (n_observed,).
        x_observed: their predictors, without intercept, finite, shape (n_observed, p).
        x_missing: predictors of those who have none, shape (n_missing, p).
        generator: source of randomness.
        donors: how many of the nearest; all observed when there are fewer.

    Returns values of shape (n_missing,), each an observed one.

    Raises:
        NotEstimableError: nobody was observed.

    Source: Little (1988); Rubin (1987), p. 167; van Buuren (2018), algorithm 3.3.
    R: ``mice::mice.impute.pmm(y, ry, x)``.

    >>> x = np.arange(6.0)[:, None]
    >>> new, draws = np.array([[2.2]]), np.random.default_rng(1)
    >>> draw_pmm(observed=x[:, 0], x_observed=x, x_missing=new, generator=draws, donors=1).tolist()
    [2.0]
    """
    _require(observed)
    x = _prepare(x_observed, x_missing)
    n, p = x.observed.shape
    mean = observed.mean()
    ones = np.ones(n)
    gram = weighted_cross_product(x.observed, ones)
    root = np.linalg.cholesky(gram + RIDGE * np.diag(np.diag(gram)))
    right = ((observed - mean)[:, None] * x.observed).sum(axis=0)
    slopes = np.linalg.solve(root.T, np.linalg.solve(root, right))
    fitted = linear_predictor(x.observed, slopes)
    residual = observed - mean - fitted
    sigma = np.sqrt((residual * residual).sum() / generator.chisquare(max(n - p - 1, 1)))
    drawn = slopes + sigma * np.linalg.solve(root.T, generator.standard_normal(p))
    shift = sigma * generator.standard_normal() / np.sqrt(n)  # of the mean, which is independent of centred slopes
    predicted = shift + linear_predictor(x.missing, drawn)
    return np.asarray(observed[_matched(fitted, predicted, donors, generator)])


def _matched(fitted: Floats, predicted: Floats, donors: int, generator: np.random.Generator) -> Integers:
    """Return the row of the donor of each recipient, shape (n_missing,)."""
    order = np.argsort(fitted, kind="stable")
    ladder = fitted[order]
    n, k = ladder.size, min(donors, ladder.size)
    # the k nearest are neighbours on the ladder: start below the recipient and climb while the next is nearer
    first = np.clip(np.searchsorted(ladder, predicted) - k, 0, n - k)
    for _ in range(k):
        following = np.minimum(first + k, n - 1)
        first += (first + k < n) & (ladder[following] - predicted < predicted - ladder[first])
    value = ladder[first + generator.integers(0, k, size=predicted.size)]
    alike = np.searchsorted(ladder, value, side="left"), np.searchsorted(ladder, value, side="right")
    return np.asarray(order[generator.integers(*alike)])


def draw_logistic(*, observed: Floats, x_observed: Floats, x_missing: Floats, generator: np.random.Generator) -> Floats:
    """Draw a variable of two levels by logistic regression; arguments and limits are those of ``draw_polytomous``.

    Source: Rubin (1987), p. 169. R: ``mice::mice.impute.logreg(y, ry, x)``, which always augments the data.
    """
    return draw_polytomous(observed=observed, x_observed=x_observed, x_missing=x_missing, generator=generator)


def draw_polytomous(
    *, observed: Floats, x_observed: Floats, x_missing: Floats, generator: np.random.Generator
) -> Floats:
    """Draw a variable of unordered levels by multinomial logistic regression.

    The coefficients are drawn from the normal approximation to their posterior; a level that nobody has is never
    drawn. Where the predictors tell the levels apart, so that there is no maximum, the data are augmented.

    Args:
        observed: level codes of those who have one, shape (n_observed,).
        x_observed: their predictors, without intercept, finite, shape (n_observed, p).
        x_missing: predictors of those who have none, shape (n_missing, p).
        generator: source of randomness.

    Returns level codes of shape (n_missing,).

    Raises:
        NotEstimableError: nobody was observed.

    Source: Rubin (1987), p. 169; White, Daniel and Royston (2010).
    R: ``mice::mice.impute.polyreg(y, ry, x)``, which draws no coefficients and always augments.

    >>> x = np.repeat([[0.0], [1.0]], 50, axis=0)
    >>> y = np.tile([0.0, 2.0], 50)
    >>> drawn = draw_polytomous(observed=y, x_observed=x, x_missing=x[:9], generator=np.random.default_rng(1))
    >>> sorted(set(drawn.tolist()))
    [0.0, 2.0]
    """
    _require(observed)
    labels, level = np.unique(observed, return_inverse=True)
    if labels.size == 1:
        return np.full(x_missing.shape[0], labels[0])
    x = _prepare(x_observed, x_missing)
    fit = fit_multinomial(design=_with_intercept(x.observed), level=level, weight=np.ones(level.size))
    if not fit.converged:
        rows, codes, weight = _augmented(x.observed, level, labels.size)
        fit = fit_multinomial(design=_with_intercept(rows), level=codes, weight=weight)
    drawn = _normal(fit.coefficients.ravel(), fit.information, generator).reshape(fit.coefficients.shape)
    return np.asarray(labels[_pick(multinomial_probabilities(_with_intercept(x.missing), drawn), generator)])


def draw_ordinal(*, observed: Floats, x_observed: Floats, x_missing: Floats, generator: np.random.Generator) -> Floats:
    """Draw a variable of ordered levels by proportional odds regression; arguments as ``draw_polytomous``.

    Thresholds drawn out of order, which happens only between sparse levels, are put in order.

    Source: McCullagh (1980); Rubin (1987), p. 169.
    R: ``mice::mice.impute.polr(y, ry, x)``, which draws no coefficients and always augments.
    """
    _require(observed)
    labels, level = np.unique(observed, return_inverse=True)
    if labels.size == 1:
        return np.full(x_missing.shape[0], labels[0])
    x = _prepare(x_observed, x_missing)
    fit = fit_proportional_odds(design=x.observed, level=level, weight=np.ones(level.size))
    if not fit.converged:
        rows, codes, weight = _augmented(x.observed, level, labels.size)
        fit = fit_proportional_odds(design=rows, level=codes, weight=weight)
    drawn = _normal(np.concatenate([fit.thresholds, fit.coefficients]), fit.information, generator)
    cuts = labels.size - 1
    thresholds = np.sort(drawn[:cuts])
    return np.asarray(labels[_pick(proportional_odds_probabilities(x.missing, thresholds, drawn[cuts:]), generator)])


def _require(observed: Floats) -> None:
    if observed.size == 0:
        raise NotEstimableError("nobody was observed")


def _prepare(x_observed: Floats, x_missing: Floats) -> _Predictors:
    """Standardise by the observed and drop what is constant among them or a combination of columns before."""
    x, means, scale = standardise(x_observed, np.ones(x_observed.shape[0]))
    keep = (scale > 0) & independent_columns(weighted_cross_product(x, np.ones(x.shape[0])), float(x.shape[0]))
    return _Predictors(
        np.asfortranarray(x[:, keep]), np.asfortranarray((x_missing[:, keep] - means[keep]) / scale[keep])
    )


def _with_intercept(x: Floats) -> Floats:
    return np.asfortranarray(np.column_stack([np.ones(x.shape[0]), x]))


def _augmented(x: Floats, level: Integers, levels: int) -> tuple[Floats, Integers, Floats]:
    """Add 2 p k weak patients: for every predictor one SD above and below its mean, at every level.

    Their weights add up to p + 1 (White, Daniel and Royston 2010, after Clogg et al. 1991), and as every level is seen
    on both sides of every predictor, the likelihood has a maximum.
    """
    p = x.shape[1]
    corners = np.concatenate([np.eye(p), -np.eye(p)])
    rows = np.concatenate([x, np.tile(corners, (levels, 1))])
    codes = np.concatenate([level, np.repeat(np.arange(levels), 2 * p)])
    extra = 2 * p * levels
    weight = np.concatenate([np.ones(level.size), np.full(extra, (p + 1) / max(extra, 1))])
    return np.asfortranarray(rows), codes, weight


def _normal(mean: Floats, information: Floats, generator: np.random.Generator) -> Floats:
    """Draw from the normal distribution with the inverse of ``information`` as covariance."""
    scale = 1 / np.sqrt(np.maximum(np.diag(information), np.finfo(np.float64).tiny))
    scaled = information * scale[:, None] * scale[None, :]
    # all but collinear terms of a sparse level may lose definiteness to rounding
    floor = max(0.0, SINGULAR - float(np.linalg.eigvalsh(scaled).min()))
    root = np.linalg.cholesky(scaled + floor * np.eye(mean.size))
    return np.asarray(mean + scale * np.linalg.solve(root.T, generator.standard_normal(mean.size)))


def _pick(probability: Floats, generator: np.random.Generator) -> Integers:
    """Draw a column of every row of probabilities (n, k)."""
    share = generator.random((probability.shape[0], 1))
    return np.asarray((share >= np.cumsum(probability, axis=1)[:, :-1]).sum(axis=1), dtype=np.int64)
