"""Survival of everybody under each arm, by a Cox model averaged over the covariates (the g-formula)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.blocks import BLOCK, over_blocks
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_residuals import score_of_rows
from twoarm.statistics.linear_algebra import linear_predictor, one_thread
from twoarm.statistics.predictor_grid import NODES, PredictorGrid

TOGETHER = 64  # blocks of patients whose sums are held at a time

T = TypeVar("T")


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
    j = _arm_column(fit, arm)
    with one_thread():
        others = _without(fit, j)
        beta = float(fit.problem.beta[j])
        treated, comparator = (np.exp(others + beta * _set(fit, j, value)) for value in (1.0, 0.0))
    return ArmPrediction(fit.problem.patients.risk.time, np.cumsum(fit.problem.at.a), j, (treated, comparator))


def _arm_column(fit: CoxFit, arm: int) -> int:
    """Return the position of the arm among the terms that were kept."""
    problem = fit.problem
    if not np.isfinite(fit.coefficients[problem.kept]).all():
        raise NotEstimableError("an estimate is infinite")
    place = np.flatnonzero(problem.kept == arm)
    if place.size == 0:
        raise NotEstimableError("the arm says nothing beside the covariates")
    return int(place[0])


def _without(fit: CoxFit, column: int) -> Floats:
    """Return every patient's linear predictor, less the likelihood's shift, without one column, (n,)."""
    problem = fit.problem
    coefficients = problem.beta.copy()
    coefficients[column] = 0.0
    predictor = np.zeros(problem.x.shape[0])

    def fill(rows: slice) -> None:
        total = predictor[rows]
        total += linear_predictor(problem.x[rows], coefficients)
        if problem.patients.offset is not None:
            total += problem.patients.offset[rows]
        total -= problem.at.shift

    over_blocks(predictor.size, fill)
    return predictor


def _set(fit: CoxFit, arm: int, value: float) -> float:
    return float((value - fit.problem.means[arm]) / fit.problem.scale[arm])


def standardise_survival(fit: CoxFit, *, arm: int, times: ArrayLike) -> StandardisedSurvival:
    """Average the predicted survival of all patients under each arm.

    Args:
        fit: a Cox model of all patients, counted with frequency where it was, without strata, weights or late entry; an
            offset stays each patient's own.
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
    if patients.stratum.any() or (patients.sampling != 1).any():
        raise ArgumentError("fit: found strata or weights; expected a model of patients who count by their number")
    at = arrays.numbers("times", times)
    column = _arm_column(fit, arm)
    with one_thread():
        gathered = _Gathered.of(fit, column, at)
        sides = [_side(fit, gathered, column, value) for value in (1.0, 0.0)]
        treated, comparator, gap = *sides, sides[0].less(sides[1])
        errors = [np.sqrt(gathered.squares(side)) for side in (treated, comparator, gap)]
    return StandardisedSurvival(at, treated.mean, errors[0], comparator.mean, errors[1], gap.mean, errors[2])


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One arm at k times: mean survival, and what makes up a patient's influence on it."""

    mean: Floats  # (k,)
    own: Floats  # how far the patients at each node are from the mean, over n; (k, nodes)
    by_hazard: Floats  # what the influence on the baseline hazard is worth, (k,)
    by_score: Floats  # what a score is worth, (k, q)

    def less(self, other: _Side) -> _Side:
        """Return the difference, which has the difference of the influences."""
        return _Side(
            self.mean - other.mean,
            self.own - other.own,
            self.by_hazard - other.by_hazard,
            self.by_score - other.by_score,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    """Sums over n patients by the nodes of a grid of their linear predictor without the arm, counted by frequency.

    A patient moves the baseline hazard up to a time by ``before`` of their own if they left by then, and else by
    their hazard times minus ``squared`` there.
    """

    n: float
    hazards: Floats  # cumulative baseline hazard at the times, (k,)
    ratio: Floats  # hazard ratio at the nodes, the arm aside, (nodes,)
    patients: Floats  # number at the nodes, (nodes,)
    covariates: Floats  # sums at the nodes, (q, nodes)
    scores: Floats  # sums at the nodes, (q, nodes)
    of_scores: Floats  # sums of squares and products of the scores, (q, q)
    moved: Floats  # sums of the influence on the baseline hazard, at the nodes, (k, nodes)
    of_moved: Floats  # its sums of squares, (k,)
    with_scores: Floats  # its products with the scores, (k, q)
    slopes: Floats  # mean covariates times the increments of the hazard until each time, (k, q)

    @classmethod
    def of(cls, fit: CoxFit, column: int, times: Floats) -> _Gathered:
        problem, at = fit.problem, fit.problem.at
        risk, frequency = problem.patients.risk, problem.patients.frequency
        groups = np.searchsorted(risk.time, times, side="right")
        squared = np.concatenate(([0.0], np.cumsum(at.a2)))
        slopes = np.cumsum(at.a2[:, None] * at.sums - at.b2[:, None] * at.tied_sums, axis=0)
        until = risk.last + 1
        cuts = np.searchsorted(until, groups, side="right")  # patients stand in order of time
        bounds, place = np.unique(np.concatenate(([0, until.size], cuts)), return_inverse=True)
        sums = _sums_between(fit, column, squared, bounds.tolist())
        left = _running_from_zero(sums.products)[place[2:]]
        stay = _running_from_zero(sums.products[::-1])[::-1][place[2:]]
        q, reached = problem.x.shape[1], squared[groups]
        gone, there = (_running_from_zero(part) for part in (sums.at_nodes[0], sums.at_nodes[1][::-1]))
        return cls(
            n=float(frequency.sum()),
            hazards=np.concatenate(([0.0], np.cumsum(at.a)))[groups],
            ratio=np.exp(sums.nodes),
            patients=sums.of_all[0],
            covariates=sums.of_all[1 : q + 1],
            scores=sums.of_all[q + 1 :],
            of_scores=sums.products.sum(axis=0)[2:, 2:],
            moved=gone[place[2:]] - reached[:, None] * there[::-1][place[2:]],
            of_moved=left[:, 0, 0] + reached**2 * stay[:, 1, 1],
            with_scores=left[:, 0, 2:] - reached[:, None] * stay[:, 1, 2:],
            slopes=np.vstack([np.zeros(q), slopes])[groups],
        )

    def squares(self, side: _Side) -> Floats:
        """Return the sum of the patients' squared influence at each time, (k,); what rounding leaves below 0 is 0."""
        at_nodes = self.patients * side.own + 2 * side.by_hazard[:, None] * self.moved
        at_nodes += 2 * side.by_score @ self.scores
        crossed = side.by_score @ self.of_scores + 2 * side.by_hazard[:, None] * self.with_scores
        total = (side.own * at_nodes).sum(axis=1) + side.by_hazard**2 * self.of_moved
        return np.asarray(np.maximum(total + (side.by_score * crossed).sum(axis=1), 0.0))


def _side(fit: CoxFit, gathered: _Gathered, column: int, value: float) -> _Side:
    """Average over the patients with the arm set to a value."""
    n, hazards = gathered.n, gathered.hazards
    standing = _set(fit, column, value)
    ratio = gathered.ratio * np.exp(float(fit.problem.beta[column]) * standing)
    exponent = np.multiply.outer(-hazards, ratio)
    lost = -np.expm1(exponent)  # not 1 - exp: early on nearly everybody survives
    survival = np.exp(exponent)
    weighted = survival * ratio
    by_hazard = -(weighted @ gathered.patients) / n
    by_beta = weighted @ gathered.covariates.T
    by_beta[:, column] = standing * -n * by_hazard
    by_beta *= -hazards[:, None] / n
    kept, scale = fit.problem.kept, fit.problem.scale
    naive = fit.naive_covariance[np.ix_(kept, kept)] * np.outer(scale, scale)
    return _Side(
        mean=survival @ gathered.patients / n,
        own=((lost @ gathered.patients / n)[:, None] - lost) / n,
        by_hazard=by_hazard,
        by_score=(by_beta - by_hazard[:, None] * gathered.slopes) @ naive,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _SumsBetween:
    """Sums over the patients from one of b bounds to the next, in order of time."""

    nodes: Floats
    of_all: Floats  # number, covariates and scores at the nodes, of all patients, (2 q + 1, nodes)
    at_nodes: Floats  # influence on the hazard when they have left, and hazard, (2, b - 1, nodes)
    products: Floats  # of these two and the scores with each other, (b - 1, q + 2, q + 2)


def _sums_between(fit: CoxFit, column: int, squared: Floats, bounds: list[int]) -> _SumsBetween:
    problem = fit.problem
    predictor, frequency, q = _without(fit, column), problem.patients.frequency, problem.x.shape[1]
    grid = PredictorGrid.over(float(predictor.min()), float(predictor.max()))
    values_of = _values_of_rows(fit, squared)
    if predictor.size <= BLOCK:
        values, crossed = values_of(slice(0, predictor.size))
        starts = np.asarray(bounds[:-1], dtype=np.int64)
        moments = grid.moments(predictor, values[: 2 * q + 1])
        between = grid.moments_between(predictor, values[2 * q + 1 :], starts)
        products = np.add.reduceat((crossed * frequency)[:, None] * crossed, starts, axis=2).transpose(2, 0, 1)
        return _SumsBetween(grid.nodes, grid.at_nodes(moments), grid.at_nodes(between), products)

    def part(rows: slice) -> tuple[Floats, Floats]:
        values, crossed = values_of(rows)
        return grid.moments(predictor[rows], values), (crossed * frequency[rows]) @ crossed.T

    moments = np.zeros((2 * q + 1, grid.intervals, NODES))
    between = np.zeros((2, len(bounds) - 1, grid.intervals, NODES))
    products = np.zeros((len(bounds) - 1, q + 2, q + 2))
    pieces = [(k, piece) for k, ends in enumerate(pairwise(bounds)) for piece in _pieces(*ends)]
    for start in range(0, len(pieces), TOGETHER):
        some = [piece for _, piece in pieces[start : start + TOGETHER]]
        found = over_blocks(len(some), partial(_first_of, some, part), size=1)
        for (k, _), (of_piece, crossed) in zip(pieces[start:], found, strict=False):
            moments += of_piece[: 2 * q + 1]
            between[:, k] += of_piece[2 * q + 1 :]
            products[k] += crossed
    return _SumsBetween(grid.nodes, grid.at_nodes(moments), grid.at_nodes(between), products)


def _values_of_rows(fit: CoxFit, squared: Floats) -> Callable[[slice], tuple[Floats, Floats]]:
    """Return what gives 1, covariates, scores and influences of rows by frequency, and influences and scores."""
    problem, at, patients = fit.problem, fit.problem.at, fit.problem.patients
    risk, frequency, q = patients.risk, patients.frequency, problem.x.shape[1]
    score = score_of_rows(risk, patients.event, problem.x, at)
    own = at.a[risk.death_group] / risk.death_weight[risk.death_group]
    own += at.hazard[risk.deaths] * at.b2[risk.death_group]

    def values_of(rows: slice) -> tuple[Floats, Floats]:
        values = np.empty((2 * q + 3, rows.stop - rows.start))
        before, hazard = values[2 * q + 1 :]
        hazard[:] = at.hazard[rows]
        np.multiply(hazard, -squared.take(risk.last[rows] + 1), out=before)
        inside = slice(*np.searchsorted(risk.deaths, (rows.start, rows.stop)).tolist())
        before[risk.deaths[inside] - rows.start] += own[inside]
        values[0], values[1 : q + 1], values[q + 1 : 2 * q + 1] = 1.0, problem.x.T[:, rows], score(rows)
        crossed = np.concatenate((values[2 * q + 1 :], values[q + 1 : 2 * q + 1]))
        values *= frequency[rows]
        return values, crossed

    return values_of


def _pieces(start: int, stop: int) -> Iterator[slice]:
    """Yield rows from one place to another in blocks."""
    for first in range(start, stop, BLOCK):
        yield slice(first, min(first + BLOCK, stop))


def _first_of(pieces: list[slice], part: Callable[[slice], T], chosen: slice) -> T:
    return part(pieces[chosen.start])


def _running_from_zero(values: Floats) -> Floats:
    """Return sums of the first 0, 1 .. b entries, shape (b + 1, ...)."""
    out = np.zeros((values.shape[0] + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=out[1:])
    return out
