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
from twoarm.statistics.blocks import BLOCK, over_blocks, summed
from twoarm.statistics.columns import predict, standard_columns
from twoarm.statistics.linear_algebra import independent_columns, invert_symmetric, one_thread, solve_symmetric
from twoarm.statistics.newton import Likelihood

MAXIMUM_ITERATIONS = 30
STEP_TOLERANCE = 1e-10  # of a coefficient per SD of its column
DIVERGING_STEP = 1e-3
LONG_BLOCK = 2 * BLOCK  # rows; a pass is some fifteen calls a block, and threads wait for each other between calls
MANY = 1 << 16  # rows from which single precision is worth it
ROUGH_PASSES = 3  # at most so many are in single precision, so that no separation is diagnosed from it
LONG_STEP = 0.03  # per SD; the next one is some 1e-4 or more, far more than single precision is off
CLEAR = 1e-3  # smallest eigenvalue of a correlation matrix that single precision does not disturb


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
        columns = standard_columns(design, weight)
        means, scale = columns.means, columns.deviations
        keep = independent_columns(columns.gram, columns.total) & (scale > 0)
        reasons = [
            "" if keep[j] else ("constant" if scale[j] == 0 else "collinear with the terms before it")
            for j in range(len(labels))
        ]
        kept = np.flatnonzero(keep)
        terms = columns.only(kept)
        events = float(weight @ y)
        start = _without_terms(y, terms, weight, events, columns.gram[np.ix_(kept, kept)])
        beta, last, iterations = _newton(y, terms, weight, start, [labels[j] for j in kept.tolist()])
        eta = predict(terms, beta)
        covariance = invert_symmetric(last.information)
    # back from standardised columns: b_j / s_j, and the intercept takes up the means
    back = np.zeros((len(labels) + 1, beta.size))
    back[0, 0] = 1.0
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
        deviance=-2 * last.height,
        n=columns.total,
        events=events,
        iterations=iterations,
    )


def _likelihood(
    side: Floats, terms: Floats, weight: Floats, beta: Floats, kind: type[np.floating] = np.float64
) -> Likelihood:
    """Evaluate the log-likelihood, its score and information at beta, in one pass over the terms, shape (q, n).

    ``side`` is 1 for a success and -1 for another, shape (n,); ``kind`` is what is calculated with inside a block.
    """
    q = beta.size
    far = 0.9 * float(np.log(np.finfo(kind).max))  # log odds whose exponential is still a number

    def part(rows: slice) -> Floats:
        block, own, times = (array[..., rows].astype(kind, copy=False) for array in (terms, side, weight))
        margin = (beta.astype(kind) @ block) * own  # log odds of what happened
        odds = np.exp(np.clip(margin, -far, far, out=margin), out=margin)
        missed = 1.0 / (1.0 + odds)  # probability of what did not happen
        hit = odds * missed
        spread = hit * missed * times
        out = np.empty((q + 2, q))
        out[q + 1] = times @ np.log(hit)
        out[q] = block @ (missed * own * times)
        # the row of ones apart: matrix products of a dozen rows are fastest in multiples of four
        out[0] = out[:q, 0] = block @ spread
        out[1:q, 1:] = (block[1:] * spread) @ block[1:].T
        return out

    total = summed(over_blocks(side.size, part, LONG_BLOCK))
    return Likelihood(float(total[q + 1, 0]), total[q], (total[:q] + total[:q].T) / 2)


def _without_terms(
    y: arrays.Booleans, terms: Floats, weight: Floats, events: float, crossed: Floats
) -> tuple[Floats, Likelihood]:
    """Return (coefficients, likelihood) with the intercept alone; ``crossed`` is the terms' cross-product."""
    total = float(weight.sum())
    share = events / total
    beta = np.zeros(terms.shape[0])
    beta[0] = np.log(events / (total - events))
    information = np.zeros((beta.size, beta.size))
    information[0, 0], information[1:, 1:] = total, crossed
    away = weight * (y - share)
    score = summed(over_blocks(y.size, lambda rows: terms[:, rows] @ away[rows]))
    height = events * float(np.log(share)) + (total - events) * float(np.log1p(-share))
    return beta, Likelihood(height, score, information * (share * (1 - share)))


def _newton(
    y: arrays.Booleans,
    terms: Floats,
    weight: Floats,
    start: tuple[Floats, Likelihood],
    labels: Sequence[str],
) -> tuple[Floats, Likelihood, int]:
    """Return (coefficients, likelihood there, iterations); raise where a coefficient runs away.

    Where there are many rows, single precision shows the way while steps are long; what is returned is never from it.
    """
    side = 2 * y.astype(np.float64) - 1
    beta, here = start
    step = np.zeros_like(beta)
    may_be_rough, rough = y.size >= MANY and _far_from_collinear(here.information), False
    for iteration in range(1, MAXIMUM_ITERATIONS + 1):
        try:
            step = solve_symmetric(here.information, here.score)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        longest = np.abs(step).max()
        if not rough and longest < STEP_TOLERANCE * max(1.0, np.abs(beta + step).max()):
            return beta + step, here, iteration  # the likelihood there is the same to its last digits
        was_rough, rough = rough, may_be_rough and iteration <= ROUGH_PASSES and longest > LONG_STEP
        slack = (1e-6 if rough or was_rough else 1e-12) * max(1.0, abs(here.height))
        for _ in range(40):
            there = _likelihood(side, terms, weight, beta + step, np.float32 if rough else np.float64)
            if there.height >= here.height - slack:
                break
            step = step / 2
        beta, here = beta + step, there
    moving = [labels[j - 1] for j in np.flatnonzero(~(np.abs(step) <= DIVERGING_STEP)).tolist() if j > 0]
    if moving:
        raise NotEstimableError("separation: the arms are told apart by " + ", ".join(moving))
    raise NotEstimableError(f"the fit did not converge in {MAXIMUM_ITERATIONS} iterations")


def _far_from_collinear(information: Floats) -> bool:
    """Say whether single precision leaves the information with the intercept alone, shape (q, q), what it is."""
    return bool(np.linalg.eigvalsh(information / information[0, 0]).min() > CLEAR)
