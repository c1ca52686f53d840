"""Cox regression with exact treatment of ties: conditional logistic regression (Cox 1972; Gail et al. 1981)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.cox import MONOTONE
from twoarm.statistics.cox_likelihood import DIVERGED, SPENT
from twoarm.statistics.distributions import chi_squared_tail, two_sided_normal
from twoarm.statistics.linear_algebra import (
    COLLINEAR,
    independent_columns,
    invert_symmetric,
    linear_predictor,
    one_thread,
    solve_symmetric,
    standardise,
    weighted_cross_product,
)
from twoarm.statistics.newton import Likelihood, Maximum, maximise
from twoarm.statistics.wald import wald_test

AnyTies = Literal["efron", "breslow", "exact"]

LARGEST_TIE = 100  # deaths at one time; sums over more subsets leave the range of a float
LARGEST_WORK = 5e8  # patients at risk x deaths x (terms + 1)^2 of one evaluation, some ten seconds


@dataclass(frozen=True, slots=True, eq=False)
class ExactCoxFit:
    """A fitted model of p terms; a term that could not be estimated is NaN and carries its reason."""

    names: tuple[str, ...]
    coefficients: Floats  # log odds ratios of the hazards in discrete time, shape (p,)
    covariance: Floats  # inverse information, shape (p, p)
    reasons: tuple[str, ...]
    log_likelihood: float
    null_log_likelihood: float
    score_statistic: float  # at 0; for two arms the log-rank test, ties included
    n: int
    events: int
    largest_tie: int
    clusters: int = 0  # no robust variance
    variance_note: str = ""

    @property
    def std_errors(self) -> Floats:
        """Standard errors of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p_values(self) -> Floats:
        """Two-sided Wald tests, shape (p,)."""
        return np.array([two_sided_normal(z) for z in self.coefficients / self.std_errors])

    @property
    def degrees_of_freedom(self) -> int:
        """Number of terms in the model; those with an infinite estimate count, as the likelihood includes them."""
        return sum(reason in ("", MONOTONE) for reason in self.reasons)

    def likelihood_ratio_test(self) -> tuple[float, float]:
        """Return (statistic, p) against the model without terms."""
        statistic = 2 * (self.log_likelihood - self.null_log_likelihood)
        return statistic, chi_squared_tail(statistic, self.degrees_of_freedom)

    def wald_test(self, terms: Sequence[str] | None = None) -> tuple[float, int, float]:
        """Return (statistic, degrees of freedom, p) of the named terms being all zero; all terms by default."""
        return wald_test(names=self.names, coefficients=self.coefficients, covariance=self.covariance, terms=terms)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TiedSet:
    """One event time of one stratum."""

    dead: Integers  # rows of the deaths
    joining: Integers  # rows at risk that were not at risk at the set before (all, if ``fresh``)
    fresh: bool  # the risk set does not contain the one before


def fit_exact_cox(
    *,
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
) -> ExactCoxFit:
    """Fit a Cox model whose tied deaths are compared with all subsets of as many patients at risk.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        names: names of the p terms.
        entry: left truncation: at risk where entry < t <= time, shape (n,).
        strata: separate baseline hazards, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, no term can be estimated, or more tied deaths, or more work, than the limits.

    Source: Cox (1972), section 6; Gail, Lubin and Rubinstein (1981) for the sum over subsets, patient by patient.
    R: ``coxph(Surv(time, event) ~ x, ties = "exact")``.

    >>> fit = fit_exact_cox(time=[1, 1, 2, 2, 3, 4], event=[1, 0, 1, 1, 0, 1], covariates=[1, 0, 1, 0, 1, 0])
    >>> round(float(fit.coefficients[0]), 4)
    0.8814
    """
    exits = arrays.times("time", time)
    n = exits.size
    happened = arrays.events("event", event, n)
    design = arrays.matrix("covariates", covariates, n)
    enters = arrays.entries(entry, exits)
    stratum = np.zeros(n, np.int64) if strata is None else arrays.codes("strata", strata, n)[0]
    known = np.zeros(n) if offset is None else arrays.numbers("offset", offset, n)
    copies = np.repeat(np.arange(n), arrays.frequencies(frequency, n).astype(np.int64))  # subsets need them one by one
    if copies.size > n:
        exits, happened, design = exits[copies], happened[copies], design[copies]
        stratum, known, enters = stratum[copies], known[copies], None if enters is None else enters[copies]
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if not happened.any():
        raise NotEstimableError("no events")
    sets = list(_tied_sets(exits, happened, enters, stratum))
    _refuse_too_much(sets, design.shape[1])
    with one_thread():
        return _fit(sets, design, labels, known - known.max())  # the maximum cancels from every ratio


def _tied_sets(time: Floats, event: Booleans, entry: Floats | None, stratum: Integers) -> Iterator[TiedSet]:
    """Go through the event times of each stratum, the latest first, so that risk sets grow."""
    for code in np.unique(stratum[event]):
        mine = stratum == code
        later = np.inf
        for t in np.unique(time[mine & event])[::-1]:
            dead = np.flatnonzero(mine & event & (time == t))
            if entry is None:
                yield TiedSet(dead, np.flatnonzero(mine & (time >= t) & (time < later)), later == np.inf)
            else:
                yield TiedSet(dead, np.flatnonzero(mine & (entry < t) & (time >= t)), True)
            later = t


def _refuse_too_much(sets: Sequence[TiedSet], p: int) -> None:
    largest = max(s.dead.size for s in sets)
    if largest > LARGEST_TIE:
        raise NotEstimableError(f"{largest} deaths at one time; exact ties go up to {LARGEST_TIE}, take Efron's")
    work = sum(s.joining.size for s in sets) * (largest + 1) * (p + 1) ** 2
    if work > LARGEST_WORK:
        raise NotEstimableError(f"exact ties would take {work:.1g} operations a step; take Efron's ties")


def _fit(sets: Sequence[TiedSet], design: Floats, labels: tuple[str, ...], offset: Floats) -> ExactCoxFit:
    n, p = design.shape
    x, _, scale = standardise(design, np.ones(n))
    keep = independent_columns(weighted_cross_product(x, np.ones(n)), float(n)) & (scale > 0)
    reasons = [
        "" if kept else ("collinear with the terms before it" if varies else "constant")
        for kept, varies in zip(keep.tolist(), (scale > 0).tolist(), strict=True)
    ]
    total = float(sum(s.dead.size for s in sets))
    null = exact_likelihood(sets, x[:, keep], offset, np.zeros(int(keep.sum())))
    informed = independent_columns(null.information, total)
    for position, j in enumerate(np.flatnonzero(keep).tolist()):
        if not informed[position]:
            keep[j] = False
            empty = null.information[position, position] <= COLLINEAR * total
            reasons[j] = "constant within every risk set" if empty else "collinear with the terms before it"
    if not keep.any():
        raise NotEstimableError(reasons[0] if reasons else "no covariates")
    terms = np.ascontiguousarray(x[:, keep])
    null = exact_likelihood(sets, terms, offset, np.zeros(terms.shape[1]))
    found = maximise(lambda beta: exact_likelihood(sets, terms, offset, beta), np.zeros(terms.shape[1]))
    kept = np.flatnonzero(keep)
    finite = _finite(found, null)
    for j in kept[~finite].tolist():
        reasons[j] = MONOTONE
    coefficients, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
    estimated = kept[finite]
    coefficients[estimated] = found.parameters[finite] / scale[estimated]
    inverse = invert_symmetric(found.information[np.ix_(finite, finite)]) if finite.any() else np.zeros((0, 0))
    covariance[np.ix_(estimated, estimated)] = inverse / np.outer(scale[estimated], scale[estimated])
    return ExactCoxFit(
        names=labels,
        coefficients=coefficients,
        covariance=covariance,
        reasons=tuple(reasons),
        log_likelihood=found.height,
        null_log_likelihood=null.height,
        score_statistic=float(null.score @ solve_symmetric(null.information, null.score)),
        n=n,
        events=int(total),
        largest_tie=max(s.dead.size for s in sets),
    )


def _finite(found: Maximum, null: Likelihood) -> Booleans:
    """Say which coefficients did not run away to infinity."""
    spent = np.diag(found.information) < SPENT * np.diag(null.information)
    away = spent | (np.abs(found.parameters) > DIVERGED)
    if not found.converged and not away.any():
        raise NotEstimableError("the fit did not converge")
    return np.asarray(~away)


def exact_likelihood(sets: Sequence[TiedSet], x: Floats, offset: Floats, beta: Floats) -> Likelihood:
    """Evaluate the conditional log-likelihood with score and information at beta; x has shape (n, p)."""
    p = x.shape[1]
    eta = linear_predictor(x, beta) + offset
    hazard = np.exp(eta - eta.max())
    shifted = np.where(hazard > 0, eta - eta.max(), -np.inf)
    height, score, information = 0.0, np.zeros(p), np.zeros((p, p))
    largest = max(s.dead.size for s in sets)
    sums = SubsetSums.empty(largest, p)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for tied in sets:
            if tied.fresh:
                sums = SubsetSums.empty(largest, p)
            for row in tied.joining.tolist():
                sums.join(hazard[row], x[row])
            d = tied.dead.size
            mean = sums.first[d] / sums.total[d]
            height += float(shifted[tied.dead].sum() - np.log(sums.total[d]))
            score += x[tied.dead].sum(axis=0) - mean
            information += sums.second[d] / sums.total[d] - np.outer(mean, mean)
    usable = np.isfinite(height) and np.isfinite(score).all() and np.isfinite(information).all()
    return Likelihood(height if usable else -np.inf, score, (information + information.T) / 2)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SubsetSums:
    """Sums over all subsets of 0 to d patients: of the products of hazards, times their covariate sum, and squared."""

    total: Floats  # (d + 1,)
    first: Floats  # (d + 1, p)
    second: Floats  # (d + 1, p, p)

    @classmethod
    def empty(cls, d: int, p: int) -> SubsetSums:
        """Start without patients: one subset, that of nobody."""
        total = np.zeros(d + 1)
        total[0] = 1.0
        return cls(total, np.zeros((d + 1, p)), np.zeros((d + 1, p, p)))

    def join(self, hazard: float, x: Floats) -> None:
        """Add a patient in place: subsets of k with them are subsets of k - 1 without."""
        total, first, second = self.total[:-1], self.first[:-1], self.second[:-1]
        crossed = first[:, :, None] * x
        self.second[1:] += hazard * (
            second + crossed + crossed.transpose(0, 2, 1) + total[:, None, None] * (x[:, None] * x)
        )
        self.first[1:] += hazard * (first + total[:, None] * x)
        self.total[1:] += hazard * total
