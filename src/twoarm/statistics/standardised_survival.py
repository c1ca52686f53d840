"""Survival of everybody under each arm, by a Cox model averaged over the covariates (the g-formula)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_residuals import score_residuals
from twoarm.statistics.linear_algebra import linear_predictor, one_thread


@dataclass(frozen=True, slots=True, eq=False)
class StandardisedSurvival:
    """Mean survival of all n patients at k times, as if all had been treated and as if none; arrays of shape (k,)."""

    time: Floats
    treated: Floats
    treated_se: Floats
    comparator: Floats
    comparator_se: Floats
    difference: Floats  # treated minus comparator
    difference_se: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ArmPrediction:
    """The model's hazards of n patients in each arm, whatever arm they were in."""

    group_time: Floats  # event times, shape (m,)
    cumulative: Floats  # baseline hazard up to each, shape (m,)
    ratio: tuple[Floats, Floats]  # treated, comparator; shape (n,)
    columns: tuple[Floats, Floats]  # standardised covariates with the arm set, shape (n, q)

    def hazard_at(self, time: float) -> float:
        """Return the cumulative baseline hazard up to a time."""
        position = int(np.searchsorted(self.group_time, time, side="right")) - 1
        return float(self.cumulative[position]) if position >= 0 else 0.0


def predict_arms(fit: CoxFit, arm: int) -> ArmPrediction:
    """Set the arm of every patient to 1, then to 0.

    Raises:
        NotEstimableError: an estimate is infinite, or the arm is not in the model.
    """
    problem, at = fit.problem, fit.problem.at
    if not np.isfinite(fit.coefficients[problem.kept]).all():
        raise NotEstimableError("an estimate is infinite")
    place = np.flatnonzero(problem.kept == arm)
    if place.size == 0:
        raise NotEstimableError("the arm says nothing beside the covariates")
    j = int(place[0])
    ratios, columns = [], []
    for value in (1.0, 0.0):
        x = np.array(problem.x, order="F")
        x[:, j] = (value - problem.means[j]) / problem.scale[j]
        with one_thread():
            predictor = linear_predictor(x, problem.beta)
        known = problem.patients.offset
        ratios.append(np.exp((predictor if known is None else predictor + known) - at.shift))
        columns.append(x)
    risk = problem.patients.risk
    return ArmPrediction(risk.time, np.cumsum(at.a), (ratios[0], ratios[1]), (columns[0], columns[1]))


def standardise_survival(fit: CoxFit, *, arm: int, times: ArrayLike) -> StandardisedSurvival:
    """Average the predicted survival of all patients under each arm.

    Args:
        fit: a Cox model of all patients, without strata, weights or late entry; an offset stays each patient's own.
        arm: position of the arm among the model's terms.
        times: when survival is wanted, shape (k,).

    Raises:
        ArgumentError: a model with strata or weights.
        NotEstimableError: an estimate is infinite.

    Source: Robins (1986) for the g-formula; the standard error sums the squared influence of each patient on the
    coefficients, the baseline hazard and the average (Ozenne et al. 2020).
    R: ``riskRegression::ate(fit, treatment = "arm", times, estimator = "GFORMULA")``.

    >>> from twoarm.statistics.cox import fit_cox
    >>> x = [[1, 0], [1, 1], [0, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]]
    >>> fit = fit_cox(time=[3, 5, 1, 4, 6, 8, 2, 7], event=[1, 1, 1, 1, 0, 1, 1, 1], covariates=x)
    >>> standardise_survival(fit, arm=0, times=[4.0]).comparator.round(3).tolist()
    [0.597]
    """
    patients = fit.problem.patients
    if patients.stratum.any() or (patients.risk.weight != 1).any():
        raise ArgumentError("fit: found strata or weights; expected a model of patients who count once")
    at = arrays.numbers("times", times)
    predicted = predict_arms(fit, arm)
    influence = _Influence.of(fit)
    n = patients.time.size
    columns: list[list[float]] = []
    with one_thread():
        for time in at.tolist():
            hazard, (baseline, slope) = predicted.hazard_at(time), influence.at(time)
            means, effects = [], []
            for ratio, x in zip(predicted.ratio, predicted.columns, strict=True):
                survival = np.exp(-hazard * ratio)
                steep = survival * ratio
                by_beta = -hazard * np.array([steep @ x[:, j] for j in range(x.shape[1])]) / n
                by_hazard = -float(steep.sum()) / n
                means.append(float(survival.mean()))
                through = linear_predictor(influence.beta, by_beta - by_hazard * slope)
                effects.append((survival - means[-1]) / n + by_hazard * baseline + through)
            gap = effects[0] - effects[1]
            errors = [float(np.sqrt(values @ values)) for values in (*effects, gap)]
            columns.append([means[0], errors[0], means[1], errors[1], means[0] - means[1], errors[2]])
    found = np.array(columns).reshape(at.size, 6)
    return StandardisedSurvival(at, *(found[:, j] for j in range(6)))


@dataclass(frozen=True, slots=True, eq=False)
class _Influence:
    """What each patient adds to the coefficients (per SD), and to the baseline hazard with the coefficients held."""

    fit: CoxFit
    beta: Floats  # (n, q)
    squared: Floats  # running sum of the hazard's increments over the weight at risk, shape (m + 1,)
    slopes: Floats  # running sum of mean covariates times the increments, shape (m + 1, q)

    @classmethod
    def of(cls, fit: CoxFit) -> _Influence:
        problem, at = fit.problem, fit.problem.at
        risk = problem.patients.risk
        scale = np.outer(problem.scale, problem.scale)
        naive = fit.naive_covariance[np.ix_(problem.kept, problem.kept)] * scale
        scores = score_residuals(risk, problem.patients.event, problem.x, at)
        with one_thread():
            beta = np.column_stack([linear_predictor(scores, row) for row in naive])
        squared = np.concatenate(([0.0], np.cumsum(at.a2)))
        slopes = np.cumsum(at.a2[:, None] * at.sums - at.b2[:, None] * at.tied_sums, axis=0)
        return cls(fit, np.asfortranarray(beta), squared, np.vstack([np.zeros(slopes.shape[1]), slopes]))

    def at(self, time: float) -> tuple[Floats, Floats]:
        """Return (influence on the baseline hazard up to a time (n,), its slope in the coefficients (q,))."""
        risk, at = self.fit.problem.patients.risk, self.fit.problem.at
        groups = int(np.searchsorted(risk.time, time, side="right"))
        until: Integers = np.minimum(risk.last + 1, groups)
        influence = -at.hazard * self.squared[until]
        dead, group = risk.deaths, risk.death_group
        inside = group < groups
        rows, own = dead[inside], group[inside]
        influence[rows] += at.a[own] / risk.death_weight[own] + at.hazard[rows] * at.b2[own]
        return influence, self.slopes[groups]
