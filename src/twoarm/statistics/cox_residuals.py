"""Residuals of a Cox model (Therneau and Grambsch 2000, chapter 4)."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_risk_sets import RiskSets


def score_residuals(risk: RiskSets, event: Booleans, x: Floats, at: PartialLikelihood) -> Floats:
    """Return each patient's contribution to the score, unweighted, shape (n, p) (Lin and Wei 1989).

    Under Efron ties a death counts at its own time only with the share of steps at which it was not yet removed.
    """
    residuals = np.empty_like(x, order="F")
    group = risk.death_group
    baseline = risk.exposure(at.a, at.b)
    counted = np.flatnonzero(event & (risk.weight > 0))
    for j in range(x.shape[1]):
        mean = (at.a * at.sums[:, j] - at.b * at.tied_sums[:, j]) / risk.death_weight
        expected = risk.exposure(
            at.a2 * at.sums[:, j] - at.b2 * at.tied_sums[:, j], at.b2 * at.sums[:, j] - at.c2 * at.tied_sums[:, j]
        )
        column = residuals[:, j]
        np.multiply(x[:, j], baseline, out=column)
        np.subtract(expected, column, out=column)
        column *= at.hazard
        column[counted] += x[counted, j] - mean[group]
    return residuals


def martingale_residuals(risk: RiskSets, event: Booleans, at: PartialLikelihood) -> Floats:
    """Return events minus expected events of each patient, shape (n,); they sum to 0 without weights."""
    expected = risk.exposure(at.a, at.b)
    return np.asarray((event & (risk.weight > 0)) - at.hazard * expected)


def deviance_residuals(martingale: Floats, event: Booleans) -> Floats:
    """Return martingale residuals made symmetric, shape (n,); their squares sum to the deviance.

    Source: Therneau, Grambsch and Fleming (1990), sign(m) sqrt(-2 (m + d log(d - m))).
    """
    expected = np.where(event, event - martingale, 1.0)
    logged = np.log(np.maximum(expected, np.finfo(np.float64).tiny))
    return np.asarray(np.sign(martingale) * np.sqrt(np.maximum(-2 * (martingale + logged), 0.0)))


def schoenfeld_residuals(risk: RiskSets, x: Floats, at: PartialLikelihood) -> Floats:
    """Return covariates minus their mean in the risk set, a row a death in the order of ``risk.deaths``, (e, p)."""
    weight = risk.death_weight[:, None]
    means = (at.a[:, None] * at.sums - at.b[:, None] * at.tied_sums) / weight
    return np.asarray(x[risk.deaths] - means[risk.death_group])
