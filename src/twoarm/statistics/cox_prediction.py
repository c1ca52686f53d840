"""Survival curves that a Cox model predicts for given covariates (Tsiatis 1981; Therneau and Grambsch 2000, ch. 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.kaplan_meier import IntervalType, confidence_limits
from twoarm.statistics.linear_algebra import linear_predictor


@dataclass(frozen=True, slots=True, eq=False)
class PredictedSurvival:
    """Curves of k patients at the m event times of their stratum; every matrix has shape (m, k)."""

    time: Floats  # (m,)
    survival: Floats  # exp of minus the cumulative hazard
    std_error: Floats  # of log S
    lower: Floats
    upper: Floats
    interval: IntervalType
    confidence_level: float


def predict_survival(
    fit: CoxFit,
    *,
    covariates: ArrayLike,
    stratum: int = 0,
    offset: float = 0.0,
    interval: IntervalType = "log",
    confidence_level: float = 0.95,
) -> PredictedSurvival:
    """Predict survival of patients with given covariates, with pointwise limits.

    Args:
        fit: a fitted model.
        covariates: one row a patient, in the order of the model's p terms, shape (k, p).
        stratum: code of the patients' stratum: its rank among the sorted labels, 0 without strata.
        offset: the known part of the patients' log hazard.
        interval: scale of the limits.
        confidence_level: of the limits.

    Raises:
        ArgumentError: covariates of another shape, or no such stratum.
        NotEstimableError: an estimate is infinite.

    Source: Therneau and Grambsch (2000), section 10.2: the variance of the cumulative hazard adds that of the baseline
    and that of the coefficients (robust where the fit is), with Efron's steps for Efron ties.
    R: ``survfit(fit, newdata, conf.type = "log")`` at its event times.

    >>> from twoarm.statistics.cox import fit_cox
    >>> fit = fit_cox(time=[1, 2, 3, 4], event=[1, 1, 1, 1], covariates=[1, 0, 1, 0])
    >>> predict_survival(fit, covariates=[[0.0], [1.0]]).survival.shape
    (4, 2)
    """
    problem, at = fit.problem, fit.problem.at
    kept, risk = problem.kept, fit.problem.patients.risk
    if not np.isfinite(fit.coefficients[kept]).all():
        raise NotEstimableError("an estimate is infinite")
    wanted = np.asarray(covariates)
    if wanted.ndim != 2 or wanted.shape[1] != len(fit.names):
        raise ArgumentError(
            f"covariates: found shape {wanted.shape}; expected (k, {len(fit.names)}), one row a patient"
        )
    wanted = arrays.matrix("covariates", wanted, wanted.shape[0])
    groups = np.flatnonzero(risk.group_stratum == stratum)
    if groups.size == 0:
        raise ArgumentError(f"stratum: found {stratum}; expected the code of a stratum with events")
    standing = (wanted[:, kept] - problem.means) / problem.scale
    ratio = np.exp(linear_predictor(standing, problem.beta) + offset - at.shift)
    baseline, variance = np.cumsum(at.a[groups]), np.cumsum(at.a2[groups])
    means = np.cumsum(at.a2[groups, None] * at.sums[groups] - at.b2[groups, None] * at.tied_sums[groups], axis=0)
    spread = fit.covariance[np.ix_(kept, kept)] * np.outer(problem.scale, problem.scale)
    away = baseline[:, None, None] * standing[None] - means[:, None, :]  # (m, k, q)
    through = np.einsum("mkq,qr,mkr->mk", away, spread, away)
    survival = np.exp(-baseline[:, None] * ratio)
    std_error = np.sqrt(variance[:, None] + through) * ratio
    lower, upper = confidence_limits(survival, std_error, interval, arrays.level(confidence_level))
    return PredictedSurvival(risk.time[groups], survival, std_error, lower, upper, interval, confidence_level)
