"""Hazard ratios of the arms within intervals of follow-up, from a Cox model with one for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_likelihood import DIVERGED, PartialLikelihood
from twoarm.statistics.cox_risk_sets import RiskSets, build_risk_sets
from twoarm.statistics.linear_algebra import invert_symmetric, one_thread
from twoarm.statistics.newton import Likelihood, maximise
from twoarm.statistics.piecewise_hazard_ratio import HazardPiece, PiecewiseHazardRatio, gather_pieces, why_not


@dataclass(frozen=True, slots=True, eq=False)
class _Interval:
    """Who is followed into an interval: the last rows in order of time; who outlives it is censored at its end."""

    rows: slice
    risk: RiskSets
    observed: Floats


def piecewise_of_fit(
    fit: CoxFit, *, arm: int, cuts: Sequence[float], minimum_events: int = 1
) -> PiecewiseHazardRatio | None:
    """Estimate the hazard ratio within intervals of follow-up from the model with one for all of them.

    The rows of that model stand in order of time, and so those of each interval stand together: no column is copied,
    and the climb starts from its estimates.

    Args:
        fit: the model with one hazard ratio of the arms, without strata, weights, clusters or late entry.
        arm: position of the arm, 0 or 1, among its terms.
        cuts: k - 1 rising times above 0; a cut belongs to the interval that it ends.
        minimum_events: an interval with fewer events in both arms together, or none in one, is not estimated.

    Raises:
        ArgumentError: a model with strata, weights, clusters or late entry.

    Returns None where an estimate of the model is missing or infinite, or the climb does not reach finite ones: what
    can be estimated then is for ``piecewise_hazard_ratio`` to say.

    Source and R: see ``piecewise_hazard_ratio``.

    >>> from twoarm.statistics.cox import fit_cox
    >>> whole = fit_cox(time=[1, 2, 3, 4, 6, 7, 8, 9], event=[1] * 8, covariates=[0, 1, 0, 1, 1, 0, 1, 0])
    >>> found = piecewise_of_fit(whole, arm=0, cuts=[5])
    >>> None if found is None else [round(piece.log_hazard_ratio, 4) for piece in found.pieces]
    [-0.1732, 0.9406]
    """
    problem, patients = fit.problem, fit.problem.patients
    plain = patients.entry is None and patients.clusters is None and patients.members is None
    if not plain or patients.stratum.any() or (patients.sampling != 1).any():
        raise ArgumentError("fit: found strata, weights, clusters or late entry; expected a model with none of them")
    if any(fit.reasons):
        return None
    bounds = list(pairwise([0.0, *map(float, cuts), math.inf]))
    described = [_describe(fit, arm, *ends, minimum_events) for ends in bounds]
    usable = [k for k, piece in enumerate(described) if not piece.reason]
    if not usable:
        return gather_pieces(described, [], None, fit.ties, robust=False)
    with one_thread():
        intervals = [_interval(fit, *bounds[k]) for k in usable]
        others = np.delete(np.arange(problem.beta.size), arm)
        start = np.concatenate((np.full(len(usable), problem.beta[arm]), problem.beta[others]))
        with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is halved
            found = maximise(partial(_likelihood, fit, intervals, arm, others), start)
        if not found.converged or np.abs(found.parameters).max() > DIVERGED:
            return None
        scale = float(problem.scale[arm])
        covariance = invert_symmetric(found.information)[: len(usable), : len(usable)] / scale**2
    pieces = described.copy()
    for j, k in enumerate(usable):
        pieces[k] = replace(
            described[k],
            log_hazard_ratio=float(found.parameters[j]) / scale,
            std_error=float(np.sqrt(covariance[j, j])),
            degrees_of_freedom=max(sum(described[k].events) - 1 - others.size, 1),
        )
    return gather_pieces(pieces, usable, covariance, fit.ties, robust=False)


def _describe(fit: CoxFit, arm: int, start: float, end: float, minimum: int) -> HazardPiece:
    patients = fit.problem.patients
    rows = _followed(fit, start)
    treated, time = fit.problem.x[rows, arm] > 0, patients.time[rows]  # a column of 0 and 1 that was standardised
    event = patients.event[rows] & (time <= end)

    def count(chosen: Booleans) -> int:
        return int(patients.frequency[rows][chosen].sum())

    at_risk, events = (count(treated), count(~treated)), (count(event & treated), count(event & ~treated))
    tied = not time.size or min(float(time[-1]), end) == min(float(time[0]), end)
    return HazardPiece(start, end, at_risk, events, math.nan, math.nan, 0, why_not(at_risk, events, minimum, tied))


def _followed(fit: CoxFit, start: float) -> slice:
    """Return who is followed beyond a time; everybody at time 0."""
    time = fit.problem.patients.time
    return slice(int(np.searchsorted(time, start, side="right")) if start > 0 else 0, time.size)


def _interval(fit: CoxFit, start: float, end: float) -> _Interval:
    patients, rows = fit.problem.patients, _followed(fit, start)
    risk = build_risk_sets(
        time=np.minimum(patients.time[rows], end),
        event=patients.event[rows] & (patients.time[rows] <= end),
        entry=None,
        stratum=patients.stratum[rows],
        weight=patients.sampling[rows],
        frequency=patients.frequency[rows],
        ties=fit.ties,
    )
    return _Interval(rows, risk, risk.observed(fit.problem.x[rows]))


def _likelihood(fit: CoxFit, intervals: list[_Interval], arm: int, others: Integers, place: Floats) -> Likelihood:
    """Add up the intervals' likelihoods; the parameters are the arm in each, and then the other terms."""
    problem, k = fit.problem, len(intervals)
    height, score, information = 0.0, np.zeros(place.size), np.zeros((place.size, place.size))
    beta = np.empty(problem.beta.size)
    beta[others] = place[k:]
    for one, interval in enumerate(intervals):
        beta[arm] = place[one]
        offset = problem.patients.offset
        at = PartialLikelihood.at(
            interval.risk,
            problem.x[interval.rows],
            beta,
            None if offset is None else offset[interval.rows],
            interval.observed,
            near=problem.at.shift,
        )
        terms = np.empty(beta.size, np.int64)
        terms[arm], terms[others] = one, np.arange(k, place.size)
        height += at.log_likelihood
        score[terms] += at.score
        information[np.ix_(terms, terms)] += at.information
    return Likelihood(height if not math.isnan(height) else -math.inf, score, information)
