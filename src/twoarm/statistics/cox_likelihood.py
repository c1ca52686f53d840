"""Cox's partial likelihood with Efron's or Breslow's ties, and its maximum (Cox 1972; Efron 1977)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from twoarm.errors import NotEstimableError
from twoarm.statistics.arrays import Floats, Integers, group_sums
from twoarm.statistics.blocks import over_blocks
from twoarm.statistics.cox_few_rows import FewRows
from twoarm.statistics.cox_risk_sets import RiskSets
from twoarm.statistics.linear_algebra import solve_symmetric, weighted_cross_product

MAXIMUM_ITERATIONS = 30
STEP_TOLERANCE = 1e-9  # of a coefficient per SD of its column; Newton then is at the last bits
DIVERGING_STEP = 1e-3  # a step per SD still this large after 30 iterations does not converge
LONGEST_STEP = 5.0  # per SD; a longer one leaves the region in which the quadratic approximation says anything
DIVERGED = 12.0  # a coefficient per SD beyond this: hazards differ e^12-fold per SD
FAR = 30.0  # hazards e^30 from 1 lose no digit, and are no reason to evaluate again
SPENT = 1e-8  # share of the information at 0 that is left of a coefficient that ran away


@dataclass(frozen=True, slots=True, eq=False)
class PartialLikelihood:
    """The partial likelihood and its derivatives at one coefficient vector; n patients, p terms, m groups."""

    log_likelihood: float
    score: Floats
    information: Floats
    hazard: Floats  # exp(linear predictor - shift), shape (n,)
    shift: float
    sums: Floats  # at-risk sums of weight x hazard x covariate, shape (m, p)
    tied_sums: Floats  # the same over the tied deaths
    a: Floats  # per group: sums over steps of weight / S0, and with the step's fraction, and squared
    b: Floats
    a2: Floats
    b2: Floats
    c2: Floats

    @classmethod
    def at(
        cls,
        risk: RiskSets,
        x: Floats,
        beta: Floats,
        offset: Floats | None = None,
        observed: Floats | None = None,
        near: float | None = None,
    ) -> PartialLikelihood:
        """Evaluate at beta; a shift of the linear predictor is taken out so that nothing overflows.

        ``observed`` is ``risk.observed(x)``, which does not depend on beta. The shift is ``near`` if the largest linear
        predictor is not far from it, else that largest one.
        """
        if risk.few is not None and type(risk) is RiskSets:
            return cls._of_few(
                risk, risk.few, x, beta, offset, risk.observed(x) if observed is None else observed, near
            )
        in_runs, dead = risk.ordered, risk.deaths
        if in_runs and near is not None:
            place = _Place(x, beta, offset, near)
            sums = _sums_of_runs(risk, place)
            largest = float(place.eta.max())
        if not (in_runs and near is not None and abs(largest - near) <= FAR):
            place = _Place.shifted(x, beta, offset)
            sums = (_sums_of_runs if in_runs else _sums)(risk, place)
        (s0, s1), (d0, d1) = sums
        log_denominators, steps = _over_steps(risk, s0, d0)
        a, b, a2, b2, c2 = steps
        log_hazards = float((risk.weight[dead] * (place.eta[dead] - place.shift)).sum())
        expected = a @ s1 - b @ d1 if risk.has_ties else a @ s1
        return cls(
            log_likelihood=log_hazards - log_denominators,
            score=(risk.observed(x) if observed is None else observed) - expected,
            information=information_matrix(risk, x, risk.weight * place.hazard, (s1, d1), steps),
            hazard=place.hazard,
            shift=place.shift,
            sums=s1,
            tied_sums=d1,
            a=a,
            b=b,
            a2=a2,
            b2=b2,
            c2=c2,
        )

    @classmethod
    def _of_few(
        cls,
        risk: RiskSets,
        few: FewRows,
        x: Floats,
        beta: Floats,
        offset: Floats | None,
        observed: Floats,
        near: float | None,
    ) -> PartialLikelihood:
        """Evaluate at beta in as few calls as can be; see ``cox_few_rows``."""
        p, ties = beta.size, risk.has_ties
        eta = beta @ x.T
        if offset is not None:
            eta += offset
        largest = float(eta.max())
        shift = largest if near is None or not abs(largest - near) <= FAR else near
        if shift != 0.0:
            eta -= shift
        hazard = np.exp(eta)
        block = np.empty((p + 1, eta.size))
        theta = np.multiply(few.weight, hazard, out=block[p])
        weighted = np.multiply(x.T, theta, out=block[:p])
        left = at_risk = few.at_risk(block)
        tied = few.tied(block, risk.deaths)
        if ties:
            steps_of = risk.steps.group
            left = at_risk.take(steps_of, axis=1) - risk.steps.fraction * tied.take(steps_of, axis=1)
        denominator, means = left[p], left[:p]
        if denominator.min() > 0:
            inverse, log_sum = 1.0 / denominator, float(risk.steps.weight @ np.log(denominator))
        else:  # hazards that underflow make a likelihood of NaN, which no step accepts
            inverse, log_sum = np.zeros_like(denominator), math.nan
        steps = few.step_weights * inverse
        steps[2:] *= inverse
        score, squares = observed - means @ steps[0], (means * steps[2]) @ means.T
        if ties:
            steps = np.add.reduceat(steps, risk.steps.start, axis=1)
        a, b, a2, b2, c2 = steps
        information = (weighted * few.exposures(a, b)) @ x - squares
        if p > 1:
            information = (information + information.T) / 2
        height = float(few.dead_weight @ eta.take(risk.deaths)) - log_sum
        return cls(height, score, information, hazard, shift, at_risk[:p].T, tied[:p].T, a, b, a2, b2, c2)


Steps = tuple[Floats, Floats, Floats, Floats, Floats]


def _over_steps(risk: RiskSets, s0: Floats, d0: Floats) -> tuple[float, Steps]:
    """Return (sum of weight x log S0, the sums a, b, a2, b2 and c2 of each group (m,))."""
    along = risk.steps_where(s0, d0)
    f, w = along.fraction, along.weight
    denominator = s0[along.group] - f * d0[along.group] if risk.has_ties else s0
    if denominator.min(initial=1.0) > 0:
        inverse, log_sum = 1.0 / denominator, float((w * np.log(denominator)).sum())
    else:  # hazards that underflow make a likelihood of NaN, which no step accepts
        inverse, log_sum = np.zeros_like(denominator), np.nan
    weighted = w * inverse
    squared = weighted * inverse
    if not risk.has_ties:
        zero = np.zeros(risk.groups)
        return log_sum, (weighted, zero, squared, zero, zero)
    each = np.empty((5, f.size))
    each[0], each[2] = weighted, squared
    np.multiply(weighted, f, out=each[1])
    np.multiply(squared, f, out=each[3])
    np.multiply(each[3], f, out=each[4])
    a, b, a2, b2, c2 = np.add.reduceat(each, along.start, axis=1)
    return log_sum, (a, b, a2, b2, c2)


Sums = tuple[Floats, Floats]  # of the hazards (m,), and of the hazards times covariates (m, p)


class _Place:
    """Linear predictor and hazard of each patient at one coefficient vector, filled in block by block."""

    def __init__(self, x: Floats, beta: Floats, offset: Floats | None, shift: float) -> None:
        self.x, self.beta, self.offset, self.shift = x, beta, offset, shift
        self.eta, self.hazard = np.empty(x.shape[0]), np.empty(x.shape[0])
        self._moves = bool(beta.any())

    @classmethod
    def shifted(cls, x: Floats, beta: Floats, offset: Floats | None) -> _Place:
        """Take out the largest linear predictor."""
        place = cls(x, beta, offset, 0.0)
        over_blocks(x.shape[0], place.predict)
        place.shift = float(place.eta.max())
        return place

    def predict(self, rows: slice) -> None:
        """Fill in the linear predictor of some rows."""
        self.eta[rows] = self.beta @ self.x.T[:, rows] if self._moves else 0.0
        if self.offset is not None:
            self.eta[rows] += self.offset[rows]

    def fill(self, rows: slice) -> None:
        """Fill in both; where the shift is too far the hazards are not meant to be used, only not to overflow."""
        self.predict(rows)
        hazard = self.hazard[rows]
        np.subtract(self.eta[rows], self.shift, out=hazard)
        np.minimum(hazard, 2 * FAR, out=hazard)
        np.exp(hazard, out=hazard)


def _sums(risk: RiskSets, place: _Place) -> tuple[Sums, Sums]:
    """Fill in the hazards; return sums over risk sets and over tied deaths, of rows in any order."""
    x, m, p = place.x, risk.groups, place.x.shape[1]
    over_blocks(x.shape[0], place.fill)
    theta = risk.weight * place.hazard
    dead, dead_theta = risk.deaths, theta[risk.deaths]
    s1, d1 = np.empty((m, p), order="F"), np.empty((m, p), order="F")
    for j in range(p):
        s1[:, j] = risk.at_risk_sum(theta * x[:, j])
        d1[:, j] = risk.death_sum(dead_theta * x[dead, j])
    return (risk.at_risk_sum(theta), s1), (risk.death_sum(dead_theta), d1)


def _sums_of_runs(risk: RiskSets, place: _Place) -> tuple[Sums, Sums]:
    """Do the same in one pass along rows that stand in runs."""
    runs, x, m, p = risk.runs, place.x, risk.groups, place.x.shape[1]
    assert runs is not None, "asked only of rows in runs"

    def add_up(rows: slice) -> tuple[Floats, Integers]:
        block = np.empty((p + 1, rows.stop - rows.start))
        place.fill(rows)
        np.multiply(place.hazard[rows], risk.weight[rows], out=block[p])
        np.multiply(x.T[:, rows], block[p], out=block[:p])
        first, beyond = np.searchsorted(runs.start, (rows.start + 1, rows.stop))
        start = np.concatenate(([0], runs.start[first:beyond] - rows.start))
        return np.add.reduceat(block, start, axis=1), runs.cell[first - 1 : beyond]

    parts = over_blocks(x.shape[0], add_up)
    cell = np.concatenate([part[1] for part in parts])
    pieces = np.concatenate([part[0] for part in parts], axis=1)
    at_risk, tied = np.empty((m, p + 1), order="F"), np.empty((m, p + 1), order="F")
    for j in range(p + 1):
        leaving = group_sums(cell, pieces[j], 2 * m + 1)
        tied[:, j] = leaving[0 : 2 * m : 2]
        at_risk[:, j] = risk.accumulated(leaving[0 : 2 * m : 2] + leaving[1 : 2 * m : 2])
    return (at_risk[:, p], at_risk[:, :p]), (tied[:, p], tied[:, :p])


def information_matrix(
    risk: RiskSets,
    x: Floats,
    theta: Floats,
    sums: tuple[Floats, Floats],
    steps: Steps,
) -> Floats:
    """Return the sum over groups of the variance of x in the risk set, shape (p, p).

    Args:
        risk: the risk sets.
        x: standardised covariates, shape (n, p).
        theta: weight times hazard, shape (n,).
        sums: at-risk and tied-death sums of theta x, each of shape (m, p).
        steps: a, b, a2, b2, c2 of each group; scaled by a function of time they give the information on x times it.
    """
    (s1, d1), (a, b, a2, b2, c2) = sums, steps
    at_risk = risk.exposure(a, b)
    information = weighted_cross_product(x, theta * at_risk) - weighted_cross_product(s1, a2)
    if risk.has_ties:
        cross = weighted_cross_product(s1, b2, d1)
        information += cross + cross.T - weighted_cross_product(d1, c2)
    return (information + information.T) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the likelihood is highest, and which terms run away to infinity."""

    beta: Floats
    first: PartialLikelihood
    first_step: Floats  # of Newton's method, from 0
    last: PartialLikelihood
    iterations: int
    diverging: Integers


def maximise(
    risk: RiskSets,
    x: Floats,
    first: PartialLikelihood | None = None,
    offset: Floats | None = None,
    observed: Floats | None = None,
) -> Maximum:
    """Maximise by Newton's method with step-halving; say which coefficients run away.

    ``first`` is the likelihood at 0, and ``observed`` is ``risk.observed(x)``, where they are known.

    With a monotone likelihood the log-likelihood converges while the coefficient moves by about one per iteration, so
    the step decides and not the likelihood.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is halved
        return _climb(risk, x, first, offset, risk.observed(x) if observed is None else observed)


def _climb(
    risk: RiskSets, x: Floats, first: PartialLikelihood | None, offset: Floats | None, observed: Floats
) -> Maximum:
    beta = np.zeros(x.shape[1])
    first = current = first or PartialLikelihood.at(risk, x, beta, offset, observed)
    step = first_step = np.zeros_like(beta)
    iteration = 0
    for iteration in range(1, MAXIMUM_ITERATIONS + 1):
        try:
            step = solve_symmetric(current.information, current.score)
        except np.linalg.LinAlgError:
            break
        first_step = first_step if iteration > 1 else step
        longest = _largest(step)
        if not math.isfinite(longest):
            break
        if longest > LONGEST_STEP:
            step = step * (LONGEST_STEP / longest)
        proposal = PartialLikelihood.at(risk, x, beta + step, offset, observed, current.shift)
        slack = 1e-12 * max(1.0, abs(current.log_likelihood))
        halvings = 0
        while not proposal.log_likelihood >= current.log_likelihood - slack and halvings < 40:
            step, halvings = step / 2, halvings + 1
            proposal = PartialLikelihood.at(risk, x, beta + step, offset, observed, current.shift)
        beta, current = beta + step, proposal
        if _largest(step) < STEP_TOLERANCE * max(1.0, _largest(beta)):
            diverging = _diverging(beta, np.zeros_like(step), first, current)
            return Maximum(beta, first, first_step, current, iteration, diverging)
        if _largest(beta) > 2 * DIVERGED and _largest(step) > DIVERGING_STEP:
            break
    diverging = _diverging(beta, step, first, current)
    if diverging.size == 0:
        raise NotEstimableError(f"the fit did not converge in {MAXIMUM_ITERATIONS} iterations")
    return Maximum(beta, first, first_step, current, iteration, diverging)


def _largest(values: Floats) -> float:
    """Return the largest absolute value of a few; infinity if one is not a number."""
    sizes = [abs(value) for value in values.tolist()]
    return math.inf if any(size != size for size in sizes) else max(sizes)


def _diverging(beta: Floats, step: Floats, first: PartialLikelihood, last: PartialLikelihood) -> Integers:
    """Return the terms that still move, or have run so far that nothing is known of them any more."""
    known, before = last.information.diagonal().tolist(), first.information.diagonal().tolist()
    running_away = [
        not abs(move) <= DIVERGING_STEP or left < SPENT * once or abs(place) > 2 * DIVERGED
        for move, left, once, place in zip(step.tolist(), known, before, beta.tolist(), strict=True)
    ]
    return np.flatnonzero(running_away)
