"""Residuals of a Cox model (Therneau and Grambsch 2000, chapter 4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.blocks import over_blocks
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_risk_sets import RiskSets


def score_residuals(risk: RiskSets, event: Booleans, x: Floats, at: PartialLikelihood) -> Floats:
    """Return each patient's contribution to the score, unweighted, shape (n, p) (Lin and Wei 1989).

    Under Efron ties a death counts at its own time only with the share of steps at which it was not yet removed.
    """
    residuals = np.empty_like(x, order="F")
    of_rows = score_of_rows(risk, event, x, at)

    def fill(rows: slice) -> None:
        residuals.T[:, rows] = of_rows(rows)

    over_blocks(x.shape[0], fill)
    return residuals


def score_of_rows(risk: RiskSets, event: Booleans, x: Floats, at: PartialLikelihood) -> Callable[[slice], Floats]:
    """Return what gives the same for some rows at a time, transposed, shape (p, b)."""
    sums, tied = at.sums.T, at.tied_sums.T
    per_group = [at.a, *(at.a2 * one - at.b2 * own for one, own in zip(sums, tied, strict=True))]
    at_death = [at.b, *(at.b2 * one - at.c2 * own for one, own in zip(sums, tied, strict=True))]
    exposure = risk.exposure_of_rows(per_group, at_death)
    means = (at.a * sums - at.b * tied) / risk.death_weight
    counted = np.flatnonzero(event & (risk.weight > 0))

    def of_rows(rows: slice) -> Floats:
        expected = exposure(rows)
        columns = x.T[:, rows]
        out = np.multiply(columns, expected[0])
        np.subtract(expected[1:], out, out=out)
        out *= at.hazard[rows]
        inside = slice(*np.searchsorted(counted, (rows.start, rows.stop)).tolist())
        died = counted[inside] - rows.start
        out[:, died] += columns[:, died] - means[:, risk.death_group[inside]]
        return np.asarray(out)

    return of_rows


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
    means = (at.a * at.sums.T - at.b * at.tied_sums.T) / risk.death_weight
    residuals = x.T.take(risk.deaths, axis=1)  # a column after the other, as x stands in memory
    for column, mean in zip(residuals, means, strict=True):
        column -= mean[risk.death_group]
    return np.asarray(residuals.T)
