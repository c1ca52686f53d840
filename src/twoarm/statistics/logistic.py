"""Logistic regression by maximum likelihood, with a diagnosis of separation (Albert and Anderson 1984)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.linear_algebra import (
    independent_columns,
    invert_symmetric,
    linear_predictor,
    one_thread,
    solve_symmetric,
    standardise,
    weighted_cross_product,
)

MAXIMUM_ITERATIONS = 30
STEP_TOLERANCE = 1e-10  # of a coefficient per SD of its column
DIVERGING_STEP = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """A fitted model of an intercept and p terms; a dropped or separating term is NaN and carries its reason."""

    names: tuple[str, ...]  # "(intercept)" first
    coefficients: Floats  # log odds ratios, shape (p + 1,)
    covariance: Floats  # inverse information, shape (p + 1, p + 1)
    reasons: tuple[str, ...]
    linear_predictor: Floats  # logit of the fitted probability, shape (n,)
    deviance: float
    n: float
    events: float
    iterations: int

    @property
    def probabilities(self) -> Floats:
        """Fitted probabilities, shape (n,)."""
        return np.asarray(special.expit(self.linear_predictor))

    @property
    def std_errors(self) -> Floats:
        """Standard errors of the coefficients, shape (p + 1,)."""
        return np.sqrt(np.diag(self.covariance))


def fit_logistic(
    *,
    outcome: ArrayLike,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    frequency: ArrayLike | None = None,
) -> LogisticFit:
    """Fit a logistic regression with intercept by iteratively reweighted least squares.

    Args:
        outcome: True (or 1) for a success such as being treated, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        names: names of the p terms.
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one outcome only, or separation: the covariates tell the outcomes apart, so that the
            likelihood has no maximum. The message names the terms.

    Source: McCullagh and Nelder (1989), section 4.4. R: ``glm(y ~ x, binomial)``.

    >>> fit = fit_logistic(outcome=[0, 0, 1, 0, 1, 1], covariates=[1, 2, 3, 4, 5, 6])
    >>> fit.coefficients.round(4).tolist()
    [-4.2491, 1.214]
    """
    y = arrays.events("outcome", outcome, np.asarray(outcome).size)
    design = arrays.matrix("covariates", covariates, y.size)
    weight = arrays.frequencies(frequency, y.size)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if y.all() or not y.any():
        raise NotEstimableError("only one of the two outcomes occurs")
    with one_thread():
        x, means, scale = standardise(design, weight)
        keep = independent_columns(weighted_cross_product(x, weight), float(weight.sum())) & (scale > 0)
        reasons = [
            "" if keep[j] else ("constant" if scale[j] == 0 else "collinear with the terms before it")
            for j in range(len(labels))
        ]
        terms = np.asfortranarray(np.column_stack([np.ones(y.size), x[:, keep]]))
        beta, information, iterations = _newton(y, terms, weight, [labels[j] for j in np.flatnonzero(keep).tolist()])
        eta = linear_predictor(terms, beta)
        covariance = invert_symmetric(information)
    # back from standardised columns: b_j / s_j, and the intercept takes up the means
    back = np.zeros((len(labels) + 1, beta.size))
    back[0, 0] = 1.0
    kept = np.flatnonzero(keep)
    for position, j in enumerate(kept, start=1):
        back[j + 1, position] = 1 / scale[j]
        back[0, position] = -means[j] / scale[j]
    coefficients, full = back @ beta, back @ covariance @ back.T
    missing = np.flatnonzero(~keep) + 1
    coefficients[missing] = np.nan
    full[missing], full[:, missing] = np.nan, np.nan
    return LogisticFit(
        names=("(intercept)", *labels),
        coefficients=coefficients,
        covariance=full,
        reasons=("", *reasons),
        linear_predictor=eta,
        deviance=-2 * _log_likelihood(y, eta, weight),
        n=float(weight.sum()),
        events=float(weight[y].sum()),
        iterations=iterations,
    )


def _log_likelihood(y: arrays.Booleans, eta: Floats, weight: Floats) -> float:
    return float((weight * special.log_expit(np.where(y, eta, -eta))).sum())


def _newton(y: arrays.Booleans, terms: Floats, weight: Floats, labels: Sequence[str]) -> tuple[Floats, Floats, int]:
    """Return (coefficients, information, iterations); raise where a coefficient runs away."""
    beta = np.zeros(terms.shape[1])
    share = float((weight * y).sum() / weight.sum())
    beta[0] = np.log(share / (1 - share))
    step = np.zeros_like(beta)
    eta = linear_predictor(terms, beta)
    height = _log_likelihood(y, eta, weight)
    for iteration in range(1, MAXIMUM_ITERATIONS + 1):
        fitted = special.expit(eta)
        residual = weight * (y - fitted)
        score = np.array([residual @ terms[:, j] for j in range(terms.shape[1])])
        information = weighted_cross_product(terms, weight * fitted * special.expit(-eta))
        try:
            step = solve_symmetric(information, score)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        for _ in range(40):
            eta = linear_predictor(terms, beta + step)
            proposal = _log_likelihood(y, eta, weight)
            if proposal >= height - 1e-12 * max(1.0, abs(height)):
                break
            step = step / 2
        beta, height = beta + step, proposal
        if np.abs(step).max() < STEP_TOLERANCE * max(1.0, np.abs(beta).max()):
            return beta, information, iteration
    moving = [labels[j - 1] for j in np.flatnonzero(~(np.abs(step) <= DIVERGING_STEP)).tolist() if j > 0]
    if moving:
        raise NotEstimableError("separation: the arms are told apart by " + ", ".join(moving))
    raise NotEstimableError(f"the fit did not converge in {MAXIMUM_ITERATIONS} iterations")
