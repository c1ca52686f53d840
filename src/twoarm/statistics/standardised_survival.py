"""Survival of everybody under each arm, by a Cox model averaged over the covariates (the g-formula)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.blocks import over_blocks, summed
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_residuals import score_residuals
from twoarm.statistics.linear_algebra import one_thread

TIMES = 8  # at once, so that a block of patients stays in the cache


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
    arm: int  # position of the arm among the terms that were kept
    ratio: tuple[Floats, Floats]  # treated, comparator; shape (n,)

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
    with one_thread():
        treated, comparator = (_hazard_ratios(fit, j, value) for value in (1.0, 0.0))
    risk = problem.patients.risk
    return ArmPrediction(risk.time, np.cumsum(at.a), j, (treated, comparator))


def _hazard_ratios(fit: CoxFit, arm: int, value: float) -> Floats:
    """Return every patient's hazard ratio with one standardised column set to the same value; see linear_predictor."""
    problem = fit.problem
    predictor = np.zeros(problem.x.shape[0])
    for column, coefficient in enumerate(problem.beta.tolist()):
        if column == arm:
            predictor += coefficient * _set(fit, arm, value)
        elif coefficient != 0.0:
            predictor += coefficient * problem.x[:, column]
    if problem.patients.offset is not None:
        predictor += problem.patients.offset
    predictor -= problem.at.shift
    return np.asarray(np.exp(predictor, out=predictor))


def _set(fit: CoxFit, arm: int, value: float) -> float:
    return float((value - fit.problem.means[arm]) / fit.problem.scale[arm])


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
    hazards = np.array([predicted.hazard_at(time) for time in at.tolist()])
    with one_thread():
        influence = _Influence.of(fit, at)
        n = patients.time.size
        sides = [_average(fit, predicted, side, hazards) for side in (0, 1)]
        effects = [influence.of_average(average) for average in sides]
        squares = summed(over_blocks(n, partial(_squares, n, predicted, influence, hazards, sides, effects)))
    errors = np.sqrt(squares)
    treated, comparator = (average.mean for average in sides)
    return StandardisedSurvival(at, treated, errors[0], comparator, errors[1], treated - comparator, errors[2])


@dataclass(frozen=True, slots=True, eq=False)
class _Average:
    """Mean survival in one arm at k times, and how it moves with coefficients and baseline hazard."""

    mean: Floats  # (k,)
    by_beta: Floats  # (k, q)
    by_hazard: Floats  # (k,)


def _average(fit: CoxFit, predicted: ArmPrediction, side: int, hazards: Floats) -> _Average:
    """Average over the patients, block by block."""
    x, ratio, q = fit.problem.x, predicted.ratio[side], fit.problem.x.shape[1]
    own = _set(fit, predicted.arm, 1.0 - side)

    def part(rows: slice) -> Floats:
        columns = np.array(x.T[:, rows], order="C")
        columns[predicted.arm] = own
        out = np.empty((hazards.size, q + 2))
        for times, survival in _survival(ratio[rows], hazards):
            out[times, 0] = survival.sum(axis=1)
            survival *= ratio[rows]
            out[times, 1] = survival.sum(axis=1)
            out[times, 2:] = survival @ columns.T
        return out

    n = ratio.size
    total = summed(over_blocks(n, part))
    return _Average(total[:, 0] / n, -hazards[:, None] * total[:, 2:] / n, -total[:, 1] / n)


def _survival(ratio: Floats, hazards: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield survival of a block of b patients at a few times after the other, shape (times, b)."""
    for start in range(0, hazards.size, TIMES):
        times = slice(start, start + TIMES)
        survival = np.multiply.outer(-hazards[times], ratio)
        yield times, np.exp(survival, out=survival)


def _squares(
    n: int,
    predicted: ArmPrediction,
    influence: _Influence,
    hazards: Floats,
    sides: Sequence[_Average],
    effects: Sequence[Floats],
    rows: slice,
) -> Floats:
    """Return what a block adds to the squared standard errors: treated, comparator, difference; shape (3, k)."""
    out = np.empty((3, hazards.size))
    scores = np.ascontiguousarray(influence.scores.T[:, rows])
    both = [_survival(ratio[rows], hazards) for ratio in predicted.ratio]
    for (times, treated), (_, comparator) in zip(*both, strict=True):
        baseline = influence.on_hazard(rows, times)
        for survival, average, effect in zip((treated, comparator), sides, effects, strict=True):
            survival -= average.mean[times, None]
            survival /= n
            survival += average.by_hazard[times, None] * baseline
            survival += effect[times] @ scores
        out[0, times], out[1, times] = _sums_of_squares(treated), _sums_of_squares(comparator)
        treated -= comparator
        out[2, times] = _sums_of_squares(treated)
    return out


def _sums_of_squares(values: Floats) -> list[float]:
    return [float(line @ line) for line in values]


@dataclass(frozen=True, slots=True, eq=False)
class _Influence:
    """What each patient adds to the coefficients (per SD), and to the baseline hazard with the coefficients held."""

    scores: Floats  # (n, q)
    naive: Floats  # covariance that turns scores into influence on the coefficients, (q, q)
    hazard: Floats  # of each patient, (n,)
    until: Integers  # groups at which each is at risk, (n,)
    dead: Integers  # rows of those who died, rising, (e,)
    own: Floats  # their own part, (e,)
    own_group: Integers  # from this group on, (e,)
    groups: Integers  # until each of the times, (k,)
    squared: Floats  # running sum of the hazard's increments over the weight at risk, shape (m + 1,)
    slopes: Floats  # mean covariates times the increments until each time, (k, q)

    @classmethod
    def of(cls, fit: CoxFit, times: Floats) -> _Influence:
        problem, at = fit.problem, fit.problem.at
        risk = problem.patients.risk
        groups = np.searchsorted(risk.time, times, side="right")
        slopes = np.cumsum(at.a2[:, None] * at.sums - at.b2[:, None] * at.tied_sums, axis=0)
        group = risk.death_group
        return cls(
            scores=score_residuals(risk, problem.patients.event, problem.x, at),
            naive=fit.naive_covariance[np.ix_(problem.kept, problem.kept)] * np.outer(problem.scale, problem.scale),
            hazard=at.hazard,
            until=risk.last + 1,
            dead=risk.deaths,
            own=at.a[group] / risk.death_weight[group] + at.hazard[risk.deaths] * at.b2[group],
            own_group=group,
            groups=groups,
            squared=np.concatenate(([0.0], np.cumsum(at.a2))),
            slopes=np.vstack([np.zeros(slopes.shape[1]), slopes])[groups],
        )

    def of_average(self, average: _Average) -> Floats:
        """Return what a patient's score is worth for mean survival in one arm at each time, (k, q)."""
        return np.asarray((average.by_beta - average.by_hazard[:, None] * self.slopes) @ self.naive)

    def on_hazard(self, rows: slice, times: slice) -> Floats:
        """Return the influence of a block of b patients on the baseline hazard up to some times, (times, b)."""
        groups = self.groups[times, None]
        influence = self.squared.take(np.minimum(self.until[rows], groups))
        influence *= -self.hazard[rows]
        inside = slice(*np.searchsorted(self.dead, (rows.start, rows.stop)).tolist())
        died = self.dead[inside] - rows.start
        influence[:, died] += np.where(self.own_group[inside] < groups, self.own[inside], 0.0)
        return influence
