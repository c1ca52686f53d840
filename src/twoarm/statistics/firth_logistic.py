"""Logistic regression with Firth's penalty, finite under separation (Firth 1993; Heinze and Schemper 2002)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.firth_fit import FirthFit, build_firth_fit, usable_columns
from twoarm.statistics.linear_algebra import linear_predictor, one_thread, weighted_cross_product
from twoarm.statistics.newton import Likelihood


def fit_firth_logistic(
    *,
    outcome: ArrayLike,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    frequency: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> FirthFit:
    """Fit a logistic regression with intercept whose likelihood is multiplied by the root of the information.

    Args:
        outcome: True (or 1) for a success, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        names: names of the p terms.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of the profile intervals.

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one outcome only, no term that varies, or a climb that does not end.

    Source: Firth (1993); Heinze and Schemper (2002) for the profile intervals. R: ``logistf::logistf(y ~ x)``.

    >>> fit = fit_firth_logistic(outcome=[0, 0, 1, 1], covariates=[1, 2, 3, 4])
    >>> fit.coefficients.round(6).tolist()
    [-3.274757, 1.309903]
    """
    y = arrays.events("outcome", outcome, np.asarray(outcome).size)
    design = arrays.matrix("covariates", covariates, y.size)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    frequencies = arrays.frequencies(frequency, y.size)
    level = arrays.level(confidence_level)
    if y.all() or not y.any():
        raise NotEstimableError("only one of the two outcomes occurs")
    with one_thread():
        columns = usable_columns(design, frequencies)
        terms = np.asfortranarray(np.column_stack([np.ones(y.size), columns.x]))
        return build_firth_fit(
            lambda beta: penalised_likelihood(y, terms, beta, frequencies),
            columns=columns,
            names=("(intercept)", *labels),
            intercept=True,
            confidence_level=level,
            n=int(frequencies.sum()),
            events=int(frequencies[y].sum()),
        )


def penalised_likelihood(y: Booleans, terms: Floats, beta: Floats, frequency: Floats | None = None) -> Likelihood:
    """Evaluate l + log|I| / 2 with its score x'(y - p + h (1/2 - p)), h the leverages; terms have shape (n, q)."""
    frequency = np.ones(y.size) if frequency is None else frequency
    eta = linear_predictor(terms, beta)
    fitted = special.expit(eta)
    variance = fitted * special.expit(-eta)
    information = weighted_cross_product(terms, frequency * variance)
    sign, log_determinant = np.linalg.slogdet(information)
    if sign <= 0:
        return Likelihood(-np.inf, np.zeros(beta.size), information)
    leverage = variance * np.einsum("ij,ij->i", terms @ np.linalg.inv(information), terms)
    height = float((frequency * special.log_expit(np.where(y, eta, -eta))).sum()) + log_determinant / 2
    return Likelihood(height, terms.T @ (frequency * (y - fitted + leverage * (0.5 - fitted))), information)
