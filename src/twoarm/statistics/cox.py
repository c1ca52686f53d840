"""Cox proportional hazards regression (Cox 1972; Efron 1977; Lin and Wei 1989)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.columns import standard_columns
from twoarm.statistics.concordance import concordance
from twoarm.statistics.cox_likelihood import PartialLikelihood, maximise
from twoarm.statistics.cox_residuals import (
    deviance_residuals,
    martingale_residuals,
    schoenfeld_residuals,
    score_residuals,
)
from twoarm.statistics.cox_risk_sets import RiskSets, Ties, build_risk_sets, patient_order
from twoarm.statistics.distributions import chi_squared_tail, two_sided_normal
from twoarm.statistics.linear_algebra import (
    COLLINEAR,
    independent_columns,
    invert_symmetric,
    linear_predictor,
    one_thread,
)
from twoarm.statistics.robust_variance import MemberClusters, sandwich
from twoarm.statistics.wald import wald_test

ResidualKind = Literal["martingale", "deviance", "score", "schoenfeld", "dfbeta"]

SAME_RISK = 10  # decimals; linear predictors closer than this are ties of arithmetic
MONOTONE = "monotone likelihood: the estimate is infinite"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxPatients:
    """Everything about n patients but their covariates, in the order of ``patient_order``."""

    order: Integers  # rows of the arguments, (n,)
    risk: RiskSets
    time: Floats
    event: Booleans
    entry: Floats | None
    stratum: Integers
    frequency: Floats
    sampling: Floats
    clusters: Integers | None
    offset: Floats | None
    members: MemberClusters | None = None  # of counted rows; see ``with_clusters_of_members``


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxProblem:
    """What was fitted, for residuals, baseline hazard, concordance and tests; q terms were kept."""

    patients: CoxPatients
    x: Floats  # kept columns at mean 0 and SD 1, shape (n, q), in the patients' order
    means: Floats
    scale: Floats
    kept: Integers  # positions of the kept columns among the p terms, shape (q,)
    at: PartialLikelihood  # at the estimate
    beta: Floats  # per SD, shape (q,)


@dataclass(frozen=True, slots=True, eq=False)
class BaselineHazard:
    """A step function for each stratum; every array has shape (m,), one entry an event time."""

    time: Floats
    stratum: Integers  # code of the stratum, 0 without strata
    cumulative_hazard: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A fitted model of p terms; a term that could not be estimated is NaN and carries its reason."""

    names: tuple[str, ...]
    coefficients: Floats  # log hazard ratios, shape (p,)
    covariance: Floats  # robust when clusters or robust=True were asked for, shape (p, p)
    naive_covariance: Floats  # inverse information, shape (p, p)
    reasons: tuple[str, ...]  # why a term is not estimable, or ""
    log_likelihood: float
    null_log_likelihood: float
    score_statistic: float  # at 0; equals the log-rank test without ties
    n: float
    events: float
    clusters: int  # 0 without clusters
    iterations: int
    ties: Ties
    robust: bool
    problem: CoxProblem
    variance_note: str = ""  # why the variance is not the one that was asked for

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

    def residuals(self, kind: ResidualKind = "martingale") -> Floats:
        """Return residuals: martingale or deviance (n,); score or dfbeta (n, p); schoenfeld (e, p), a row a death.

        Columns of terms that were not estimated are NaN. R: ``residuals(fit, type = kind)``.
        """
        problem = self.problem
        if kind in ("martingale", "deviance"):
            one_each = martingale_residuals(problem.patients.risk, problem.patients.event, problem.at)
            if kind == "deviance":
                one_each = deviance_residuals(one_each, problem.patients.event & (problem.patients.risk.weight > 0))
            return _as_given(problem.patients.order, one_each)
        if kind == "schoenfeld":
            order = np.lexsort(
                (
                    problem.patients.time[problem.patients.risk.deaths],
                    problem.patients.stratum[problem.patients.risk.deaths],
                )
            )
            found = schoenfeld_residuals(problem.patients.risk, problem.x, problem.at)[order] * problem.scale
        elif kind in ("score", "dfbeta"):
            found = (
                score_residuals(problem.patients.risk, problem.patients.event, problem.x, problem.at) * problem.scale
            )
        else:
            raise ArgumentError(f"kind: found {kind!r}; expected martingale, deviance, score, schoenfeld or dfbeta")
        full = np.full((found.shape[0], len(self.names)), np.nan)
        full[:, problem.kept] = found
        full[:, ~np.isfinite(self.coefficients)] = np.nan
        if kind == "dfbeta":
            usable = np.flatnonzero(np.isfinite(self.coefficients))
            weighted = full[:, usable] * problem.patients.sampling[:, None]  # what leaving the patient out would change
            full[:, usable] = weighted @ self.naive_covariance[np.ix_(usable, usable)]
        return full if kind == "schoenfeld" else _as_given(problem.patients.order, full)

    def baseline_hazard(self) -> BaselineHazard:
        """Return the cumulative baseline hazard at covariates and offset of 0. R: ``basehaz(fit, centered = FALSE)``.

        Raises:
            NotEstimableError: an estimate is infinite.
        """
        problem, at = self.problem, self.problem.at
        if not np.isfinite(self.coefficients[problem.kept]).all():
            raise NotEstimableError("an estimate is infinite")
        # hazards were taken relative to the mean covariates and a shift of the linear predictor
        shift = at.shift + float(self.coefficients[problem.kept] @ problem.means)
        strata = problem.patients.risk.group_stratum
        total = np.cumsum(at.a * np.exp(-shift))
        before = np.concatenate(([0.0], total))[np.searchsorted(strata, strata, side="left")]
        return BaselineHazard(problem.patients.risk.time, strata, total - before)

    def concordance(self) -> float:
        """Return the share of comparable pairs that the linear predictor puts in the right order (Harrell's C)."""
        problem = self.problem
        predictor = linear_predictor(problem.x, problem.beta)
        if problem.patients.offset is not None:
            predictor += problem.patients.offset
        found = concordance(
            time=problem.patients.time,
            event=problem.patients.event,
            risk=np.round(predictor, SAME_RISK),
            strata=problem.patients.stratum,
            entry=problem.patients.entry,
            weight=problem.patients.risk.weight,
        )
        return found.concordance

    def likelihood_ratio_test(self) -> tuple[float, float]:
        """Return (statistic, p) against the model without terms."""
        statistic = 2 * (self.log_likelihood - self.null_log_likelihood)
        return statistic, chi_squared_tail(statistic, self.degrees_of_freedom)

    def wald_test(self, terms: Sequence[str] | None = None) -> tuple[float, int, float]:
        """Return (statistic, degrees of freedom, p) of the named terms being all zero; all terms by default."""
        return wald_test(names=self.names, coefficients=self.coefficients, covariance=self.covariance, terms=terms)


def fit_cox(
    *,
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    ties: Ties = "efron",
    robust: bool | None = None,
) -> CoxFit:
    """Fit a Cox model by Newton-Raphson on the partial likelihood.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        names: names of the p terms.
        entry: left truncation: at risk where entry < t <= time, shape (n,).
        strata: separate baseline hazards, shape (n,).
        cluster: robust variance with scores summed within clusters such as matched pairs, shape (n,).
        weight: sampling weights; the robust variance is then the default, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        ties: how tied event times are handled; exact ties are ``fit_exact_cox``.
        robust: infinitesimal jackknife variance; by default when cluster or weight is given.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, all times tied, or no term can be estimated.

    Source: Cox (1972); Efron (1977) for ties; Lin and Wei (1989) for the robust variance.
    R: ``coxph(Surv(time, event) ~ x, ties = "efron", cluster = pair)``.

    >>> fit = fit_cox(time=[1, 1, 6, 6, 8, 9], event=[1, 0, 1, 1, 0, 1], covariates=[1, 1, 1, 0, 0, 0])
    >>> round(float(fit.coefficients[0]), 6)
    1.676857
    """
    exits = arrays.times("time", time)
    n = exits.size
    if ties not in ("efron", "breslow"):
        raise ArgumentError(f"ties: found {ties!r}; expected efron or breslow; exact ties are fit_exact_cox")
    happened = arrays.events("event", event, n)
    design = arrays.matrix("covariates", covariates, n)
    enters = arrays.entries(entry, exits)
    sampling, frequencies = arrays.weights(weight, n), arrays.frequencies(frequency, n)
    stratum = np.zeros(n, np.int64) if strata is None else arrays.codes("strata", strata, n)[0]
    clusters = None if cluster is None else arrays.codes("cluster", cluster, n)[0]
    known = None if offset is None else arrays.numbers("offset", offset, n)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if not (happened & (sampling > 0)).any():
        raise NotEstimableError("no events")
    if n > 1 and enters is None and exits.min() == exits.max():
        raise NotEstimableError("all times are tied: nothing tells who had the event earlier")
    order = patient_order(time=exits, event=happened & (sampling > 0), stratum=stratum)
    exits, happened, stratum = exits[order], happened[order], stratum[order]
    sampling, frequencies = sampling[order], frequencies[order]
    enters, known = (None if part is None else part[order] for part in (enters, known))
    clusters = None if clusters is None else clusters[order]
    risk = build_risk_sets(
        time=exits,
        event=happened,
        entry=enters,
        stratum=stratum,
        weight=sampling,
        frequency=frequencies,
        ties=ties,
    )
    wants_robust = (clusters is not None or weight is not None) if robust is None else robust
    with one_thread():
        patients = CoxPatients(order, risk, exits, happened, enters, stratum, frequencies, sampling, clusters, known)
        return fit_patients(patients, design, labels, ties, wants_robust)


def _as_given(order: Integers, values: Floats) -> Floats:
    """Return rows in the order of the arguments."""
    out = np.empty_like(values)
    out[order] = values
    return out


def fit_patients(patients: CoxPatients, design: Floats, names: tuple[str, ...], ties: Ties, robust: bool) -> CoxFit:
    """Fit the model to risk sets that are built; they may be those of a subdistribution.

    ``design`` has the rows as they were given, shape (n, p).
    """
    risk, frequency = patients.risk, patients.frequency
    columns = standard_columns(design, _as_given(patients.order, risk.weight), patients.order)
    means, scale = columns.means, columns.deviations
    varying = scale > 0
    x = columns.terms[1:].T
    keep, reasons, null, observed = _informative(
        risk, x, independent_columns(columns.gram, columns.total), varying, patients.offset
    )
    if not keep.any():
        raise NotEstimableError(reasons[0] if reasons else "no covariates")
    x = x if keep.all() else np.asfortranarray(x[:, keep])
    fit = maximise(risk, x, null, patients.offset, observed)
    kept = np.flatnonzero(keep)
    finite = np.ones(kept.size, dtype=np.bool_)
    finite[fit.diverging] = False
    for j in fit.diverging:
        reasons[kept[j]] = MONOTONE
    robust = robust or patients.clusters is not None
    naive, covariance = _variances(patients, x, fit.last, finite, robust)
    estimated = kept[finite]
    factor = np.outer(scale[estimated], scale[estimated])
    return CoxFit(
        names=names,
        coefficients=_spread(fit.beta[finite] / scale[estimated], estimated, len(names)),
        covariance=_spread_matrix(covariance / factor, estimated, len(names)),
        naive_covariance=_spread_matrix(naive / factor, estimated, len(names)),
        reasons=tuple(reasons),
        log_likelihood=fit.last.log_likelihood,
        null_log_likelihood=fit.first.log_likelihood,
        score_statistic=float(fit.first.score @ fit.first_step),
        n=float(frequency.sum()),
        events=float(frequency[patients.event].sum()),
        clusters=0 if patients.clusters is None else int(patients.clusters.max()) + 1,
        iterations=fit.iterations,
        ties=ties,
        robust=robust,
        problem=CoxProblem(patients, x, means[kept], scale[kept], kept, fit.last, fit.beta),
    )


def _variances(
    patients: CoxPatients, x: Floats, at: PartialLikelihood, finite: Booleans, robust: bool
) -> tuple[Floats, Floats]:
    """Return (inverse information, variance asked for) of the terms with finite estimates.

    What diverges carries no information any more, so the others' block stands alone.
    """
    if not finite.any():
        return np.zeros((0, 0)), np.zeros((0, 0))
    naive = invert_symmetric(at.information if finite.all() else at.information[np.ix_(finite, finite)])
    if not robust:
        return naive, naive
    residuals = score_residuals(patients.risk, patients.event, x, at)
    residuals = residuals if finite.all() else residuals[:, finite]
    return naive, sandwich(naive, residuals, patients.frequency, patients.sampling, patients.clusters)


def _informative(
    risk: RiskSets, x: Floats, independent: Booleans, varying: Booleans, offset: Floats | None
) -> tuple[Booleans, list[str], PartialLikelihood | None, Floats | None]:
    """Say which columns can be estimated and why the others cannot.

    If all candidates stay, give the likelihood at 0 and what was observed of them.
    """
    keep = independent & varying
    reasons = [
        "" if kept else ("collinear with the terms before it" if varies else "constant")
        for kept, varies in zip(keep.tolist(), varying.tolist(), strict=True)
    ]
    at_zero = observed = None
    if keep.any():
        candidates = x if keep.all() else np.asfortranarray(x[:, keep])
        observed = risk.observed(candidates)
        at_zero = PartialLikelihood.at(risk, candidates, np.zeros(candidates.shape[1]), offset, observed)
        null, total = at_zero.information, float(risk.death_weight.sum())
        informed = independent_columns(null, total)
        for position, j in enumerate(np.flatnonzero(keep).tolist()):
            if not informed[position]:
                keep[j] = False
                empty = null[position, position] <= COLLINEAR * total
                reasons[j] = "constant within every risk set" if empty else "collinear with the terms before it"
        if not informed.all():
            at_zero = observed = None
    return keep, reasons, at_zero, observed


def _spread(values: Floats, kept: Integers, p: int) -> Floats:
    if kept.size == p:
        return values
    out = np.full(p, np.nan)
    out[kept] = values
    return out


def _spread_matrix(values: Floats, kept: Integers, p: int) -> Floats:
    if kept.size == p:
        return values
    out = np.full((p, p), np.nan)
    out[np.ix_(kept, kept)] = values
    return out
