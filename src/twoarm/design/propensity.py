"""The propensity score: probability of treatment given the covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.design.design_matrix import DesignMatrix
from twoarm.errors import NotEstimableError
from twoarm.protocol.choices import CaliperSd, Scale
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import count, frequencies_of
from twoarm.statistics.logistic import LogisticFit, fit_logistic

DECIMALS = 10  # scores nearer than this differ by arithmetic, not by covariates


@dataclass(frozen=True, slots=True, eq=False)
class PropensityScore:
    """Scores of n patients on both scales, and the model they come from."""

    probability: Floats
    logit: Floats
    fit: LogisticFit

    def on(self, scale: Scale) -> Floats:
        """Return the score on the scale on which distances are taken."""
        return self.logit if scale == "logit" else self.probability


def fit_propensity(treated: Booleans, design: DesignMatrix, frequency: Integers | None) -> PropensityScore:
    """Fit a logistic regression of treatment on the covariates.

    Equal covariate rows get equal scores to the last bit, and scores are rounded to ten decimals, so that the order of
    rows, or a machine's arithmetic, does not move a pair.
    """
    fit = fit_logistic(outcome=treated, covariates=design.values, names=design.names, frequency=frequency)
    return PropensityScore(np.round(fit.probabilities, DECIMALS), np.round(fit.linear_predictor, DECIMALS), fit)


def score_sd(score: Floats, treated: Booleans, kind: CaliperSd, frequency: Integers | None) -> float:
    """Return the SD that a caliper is a multiple of: over all patients, or pooled within arms."""
    if kind == "all":
        return float(np.sqrt(_variance(score, frequency)))
    if min(count(treated, frequency), count(~treated, frequency)) < 2:
        raise NotEstimableError("the caliper's pooled SD is not defined: one patient in an arm")
    own, other = (_variance(score[arm], frequencies_of(arm, frequency)) for arm in (treated, ~treated))
    return float(np.sqrt((own + other) / 2))


def _variance(score: Floats, frequency: Integers | None) -> float:
    if frequency is None:
        return float(np.var(score, ddof=1))
    n = int(frequency.sum())
    away = score - frequency @ score / n
    return float(frequency @ (away * away) / (n - 1))
