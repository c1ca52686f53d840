"""Cox proportional hazards regression (Cox 1972; Efron 1977; Lin and Wei 1989)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums
from twoarm.statistics.cox_risk_sets import RiskSets, Ties, build_risk_sets
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

MAXIMUM_ITERATIONS = 30
STEP_TOLERANCE = 1e-9  # of a coefficient per SD of its column; Newton then is at the last bits
DIVERGING_STEP = 1e-3  # a step per SD still this large after 30 iterations does not converge
LONGEST_STEP = 5.0  # per SD; a longer one leaves the region in which the quadratic approximation says anything
DIVERGED = 12.0  # a coefficient per SD beyond this: hazards differ e^12-fold per SD
SPENT = 1e-8  # share of the information at 0 that is left of a coefficient that ran away
MONOTONE = "monotone likelihood: the estimate is infinite"


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
        wanted = [i for i, name in enumerate(self.names) if terms is None or name in terms]
        usable = [i for i in wanted if np.isfinite(self.coefficients[i])]
        if not usable:
            return np.nan, 0, np.nan
        beta = self.coefficients[usable]
        statistic = float(beta @ np.linalg.solve(self.covariance[np.ix_(usable, usable)], beta))
        return statistic, len(usable), chi_squared_tail(statistic, len(usable))


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
        ties: how tied event times are handled.
        robust: infinitesimal jackknife variance; by default when cluster or weight is given.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, or no term can be estimated.

    Source: Cox (1972); Efron (1977) for ties; Lin and Wei (1989) for the robust variance.
    R: ``coxph(Surv(time, event) ~ x, ties = "efron", cluster = pair)``.

    >>> fit = fit_cox(time=[1, 1, 6, 6, 8, 9], event=[1, 0, 1, 1, 0, 1], covariates=[1, 1, 1, 0, 0, 0])
    >>> round(float(fit.coefficients[0]), 6)
    1.676857
    """
    exits = arrays.times("time", time)
    n = exits.size
    if ties not in ("efron", "breslow"):
        raise ArgumentError(f"ties: found {ties!r}; expected efron or breslow")
    happened = arrays.events("event", event, n)
    design = arrays.matrix("covariates", covariates, n)
    sampling, frequencies = arrays.weights(weight, n), arrays.frequencies(frequency, n)
    stratum = np.zeros(n, np.int64) if strata is None else arrays.codes("strata", strata, n)[0]
    clusters = None if cluster is None else arrays.codes("cluster", cluster, n)[0]
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if not (happened & (sampling > 0)).any():
        raise NotEstimableError("no events")
    risk = build_risk_sets(
        time=exits,
        event=happened,
        entry=arrays.entries(entry, exits),
        stratum=stratum,
        weight=sampling,
        frequency=frequencies,
        ties=ties,
    )
    wants_robust = (clusters is not None or weight is not None) if robust is None else robust
    with one_thread():
        return _fit(risk, happened, design, labels, frequencies, sampling, clusters, ties, wants_robust)


def _fit(
    risk: RiskSets,
    event: Booleans,
    design: Floats,
    names: tuple[str, ...],
    frequency: Floats,
    sampling: Floats,
    clusters: Integers | None,
    ties: Ties,
    robust: bool,
) -> CoxFit:
    x, _, scale = standardise(design, risk.weight)
    keep, reasons = _informative(risk, x, scale)
    if not keep.any():
        raise NotEstimableError(reasons[0] if reasons else "no covariates")
    x = np.asfortranarray(x[:, keep])
    fit = _newton(risk, x)
    kept = np.flatnonzero(keep)
    finite = np.ones(kept.size, dtype=np.bool_)
    finite[fit.diverging] = False
    for j in fit.diverging:
        reasons[kept[j]] = MONOTONE
    naive = covariance = np.zeros((0, 0))
    if finite.any():
        # what diverges carries no information any more, so the others' block stands alone
        naive = covariance = invert_symmetric(fit.last.information[np.ix_(finite, finite)])
        if robust or clusters is not None:
            residuals = score_residuals(risk, event, x, fit.last)[:, finite]
            covariance = sandwich(naive, residuals, frequency, sampling, clusters)
    factor = np.outer(scale[kept[finite]], scale[kept[finite]])
    return CoxFit(
        names=names,
        coefficients=_spread(fit.beta[finite] / scale[kept[finite]], kept[finite], len(names)),
        covariance=_spread_matrix(covariance / factor, kept[finite], len(names)),
        naive_covariance=_spread_matrix(naive / factor, kept[finite], len(names)),
        reasons=tuple(reasons),
        log_likelihood=fit.last.log_likelihood,
        null_log_likelihood=fit.first.log_likelihood,
        score_statistic=float(fit.first.score @ solve_symmetric(fit.first.information, fit.first.score)),
        n=float(frequency.sum()),
        events=float(frequency[event].sum()),
        clusters=0 if clusters is None else int(np.unique(clusters).size),
        iterations=fit.iterations,
        ties=ties,
        robust=robust or clusters is not None,
    )


def _informative(risk: RiskSets, x: Floats, scale: Floats) -> tuple[Booleans, list[str]]:
    """Say which columns can be estimated, and why the others cannot."""
    varying = scale > 0
    keep = independent_columns(weighted_cross_product(x, risk.weight), float(risk.weight.sum())) & varying
    reasons = [
        "" if kept else ("collinear with the terms before it" if varies else "constant")
        for kept, varies in zip(keep.tolist(), varying.tolist(), strict=True)
    ]
    if keep.any():
        null = _Pass.at(risk, x[:, keep], np.zeros(int(keep.sum()))).information
        total = float(risk.step_weight.sum())
        informed = independent_columns(null, total)
        for position, j in enumerate(np.flatnonzero(keep).tolist()):
            if not informed[position]:
                keep[j] = False
                empty = null[position, position] <= COLLINEAR * total
                reasons[j] = "constant within every risk set" if empty else "collinear with the terms before it"
    return keep, reasons


def _spread(values: Floats, kept: Integers, p: int) -> Floats:
    out = np.full(p, np.nan)
    out[kept] = values
    return out


def _spread_matrix(values: Floats, kept: Integers, p: int) -> Floats:
    out = np.full((p, p), np.nan)
    out[np.ix_(kept, kept)] = values
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """The partial likelihood and its derivatives at one coefficient vector."""

    log_likelihood: float
    score: Floats
    information: Floats
    hazard: Floats  # exp(linear predictor), shape (n,)
    sums: Floats  # at-risk sums of weight x hazard x covariate, shape (m, p)
    tied_sums: Floats  # the same over the tied deaths
    a: Floats  # per group: sums over steps of weight / S0, and with the step's fraction, and squared
    b: Floats
    a2: Floats
    b2: Floats
    c2: Floats

    @classmethod
    def at(cls, risk: RiskSets, x: Floats, beta: Floats) -> _Pass:
        """Evaluate at beta; the largest linear predictor is taken out so that nothing overflows."""
        m, p = risk.groups, x.shape[1]
        eta = linear_predictor(x, beta)
        shift = float(eta.max())
        hazard = np.exp(eta - shift)
        theta = risk.weight * hazard
        dead, dead_theta = risk.deaths, theta[risk.deaths]
        s0, d0 = risk.at_risk_sum(theta), risk.death_sum(dead_theta)
        s1, d1 = np.empty((m, p)), np.empty((m, p))
        for j in range(p):
            s1[:, j] = risk.at_risk_sum(theta * x[:, j])
            d1[:, j] = risk.death_sum(dead_theta * x[dead, j])
        k, f, w = risk.step_group, risk.step_fraction, risk.step_weight
        denominator = s0[k] - f * d0[k]
        if (denominator > 0).all():
            inverse, log_denominator = 1.0 / denominator, np.log(denominator)
        else:  # hazards that underflow make a likelihood of NaN, which no step accepts
            inverse, log_denominator = np.zeros_like(denominator), np.full_like(denominator, np.nan)
        a, b = group_sums(k, w * inverse, m), group_sums(k, w * f * inverse, m)
        squared = w * inverse * inverse
        a2, b2 = group_sums(k, squared, m), group_sums(k, squared * f, m)
        c2 = group_sums(k, squared * f * f, m)
        dead_weight = risk.weight[dead]
        log_likelihood = float((dead_weight * (eta[dead] - shift)).sum() - (w * log_denominator).sum())
        observed = np.array([(dead_weight * x[dead, j]).sum() for j in range(p)])
        score = observed - (a @ s1 - b @ d1)
        at_risk = risk.over_groups(a)
        at_risk[dead] -= b[risk.death_group]
        cross = weighted_cross_product(s1, b2, d1)
        information = (
            weighted_cross_product(x, theta * at_risk)
            - weighted_cross_product(s1, a2)
            + cross
            + cross.T
            - weighted_cross_product(d1, c2)
        )
        return cls(
            log_likelihood=log_likelihood,
            score=score,
            information=(information + information.T) / 2,
            hazard=hazard,
            sums=s1,
            tied_sums=d1,
            a=a,
            b=b,
            a2=a2,
            b2=b2,
            c2=c2,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Newton:
    beta: Floats
    first: _Pass
    last: _Pass
    iterations: int
    diverging: Integers


def _newton(risk: RiskSets, x: Floats) -> _Newton:
    """Maximise by Newton's method with step-halving; say which coefficients run away.

    With a monotone likelihood the log-likelihood converges while the coefficient moves by about one per iteration, so
    the step decides and not the likelihood.
    """
    beta = np.zeros(x.shape[1])
    first = current = _Pass.at(risk, x, beta)
    step = np.zeros_like(beta)
    iteration = 0
    for iteration in range(1, MAXIMUM_ITERATIONS + 1):
        try:
            step = solve_symmetric(current.information, current.score)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        step = step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), LONGEST_STEP))
        proposal = _Pass.at(risk, x, beta + step)
        slack = 1e-12 * max(1.0, abs(current.log_likelihood))
        halvings = 0
        while not proposal.log_likelihood >= current.log_likelihood - slack and halvings < 40:
            step, halvings = step / 2, halvings + 1
            proposal = _Pass.at(risk, x, beta + step)
        beta, current = beta + step, proposal
        if np.abs(step).max() < STEP_TOLERANCE * max(1.0, np.abs(beta).max()):
            return _Newton(beta, first, current, iteration, _diverging(beta, np.zeros_like(step), first, current))
        if np.abs(beta).max() > 2 * DIVERGED and np.abs(step).max() > DIVERGING_STEP:
            break
    diverging = _diverging(beta, step, first, current)
    if diverging.size == 0:
        raise NotEstimableError(f"the fit did not converge in {MAXIMUM_ITERATIONS} iterations")
    return _Newton(beta, first, current, iteration, diverging)


def _diverging(beta: Floats, step: Floats, first: _Pass, last: _Pass) -> Integers:
    """Return the terms that still move, or have run so far that nothing is known of them any more."""
    with np.errstate(invalid="ignore"):
        moving = ~(np.abs(step) <= DIVERGING_STEP)
        spent = np.diag(last.information) < SPENT * np.diag(first.information)
    return np.flatnonzero(moving | spent | (np.abs(beta) > 2 * DIVERGED))


def score_residuals(risk: RiskSets, event: Booleans, x: Floats, at: _Pass) -> Floats:
    """Return each patient's contribution to the score, unweighted, shape (n, p) (Lin and Wei 1989).

    Under Efron ties a death counts at its own time only with the share of steps at which it was not yet removed.
    """
    residuals = np.empty_like(x, order="F")
    dead, group = risk.deaths, risk.death_group
    baseline = risk.over_groups(at.a)
    baseline[dead] -= at.b[group]
    counted = event & (risk.weight > 0)
    for j in range(x.shape[1]):
        mean = (at.a * at.sums[:, j] - at.b * at.tied_sums[:, j]) / risk.death_weight
        expected = risk.over_groups(at.a2 * at.sums[:, j] - at.b2 * at.tied_sums[:, j])
        expected[dead] -= (at.b2 * at.sums[:, j] - at.c2 * at.tied_sums[:, j])[group]
        column = -at.hazard * (x[:, j] * baseline - expected)
        column[counted] += x[counted, j] - mean[group]
        residuals[:, j] = column
    return residuals


def sandwich(
    naive: Floats, residuals: Floats, frequency: Floats, sampling: Floats, clusters: Integers | None
) -> Floats:
    """Return the robust variance: inverse information around the meat of (clustered) weighted scores."""
    if clusters is None:
        meat = weighted_cross_product(residuals, frequency * sampling * sampling)
    else:
        total = frequency * sampling
        summed = np.column_stack(
            [group_sums(clusters, total * column, int(clusters.max()) + 1) for column in residuals.T]
        )
        meat = weighted_cross_product(summed, np.ones(summed.shape[0]))
    return np.asarray(naive @ meat @ naive)
