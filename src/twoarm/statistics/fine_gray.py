"""Subdistribution hazard regression (Fine and Gray 1999), weighted by the chance of not being censored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums
from twoarm.statistics.competing_causes import read_causes
from twoarm.statistics.cox import CoxFit, CoxPatients, fit_patients
from twoarm.statistics.cox_residuals import score_residuals
from twoarm.statistics.cox_risk_sets import Ties, build_risk_sets, patient_order
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance
from twoarm.statistics.distributions import two_sided_normal
from twoarm.statistics.influence import Units
from twoarm.statistics.linear_algebra import one_thread
from twoarm.statistics.robust_variance import sandwich
from twoarm.statistics.subdistribution import SubdistributionRiskSets, censoring_survival, extend_risk_sets

FineGrayVariant = Literal["crr", "finegray"]
TIES: dict[FineGrayVariant, Ties] = {"crr": "breslow", "finegray": "efron"}


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayFit:
    """A fitted model of p terms; a term that could not be estimated is NaN and carries its reason."""

    cause: Any  # its label
    names: tuple[str, ...]
    coefficients: Floats  # log subdistribution hazard ratios, shape (p,)
    covariance: Floats  # robust, shape (p, p)
    naive_covariance: Floats  # inverse information, which takes the weights for known; shape (p, p)
    reasons: tuple[str, ...]  # why a term is not estimable, or ""
    log_likelihood: float
    null_log_likelihood: float
    n: float
    events: float  # of the cause
    competing_events: float
    clusters: int  # 0 without clusters
    iterations: int
    variant: FineGrayVariant
    ties: Ties
    variance_note: str = ""  # why the variance is not the one that was asked for

    @property
    def std_errors(self) -> Floats:
        """Robust standard errors of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p_values(self) -> Floats:
        """Two-sided Wald tests, shape (p,)."""
        return np.array([two_sided_normal(z) for z in self.coefficients / self.std_errors])


def fit_fine_gray(
    *,
    time: ArrayLike,
    cause: ArrayLike,
    covariates: ArrayLike,
    cause_of_interest: Any = 1,
    names: Sequence[str] | None = None,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    censored: Any = 0,
    variant: FineGrayVariant = "crr",
) -> FineGrayFit:
    """Fit a proportional subdistribution hazards model of one cause.

    Who had an event of another cause at u stays at risk at t > u with weight G(t-) / G(u-), G being the chance of not
    being censored. The two variants differ where times are tied, and in the variance:

    - ``crr``: Breslow's ties; patients with an event at t are at risk of being censored at t; the robust variance
      counts that G was estimated, in the form of cmprsk (another cause before u, events of the cause at u or later).
    - ``finegray``: Efron's ties; events at t come before censorings at t; the robust variance takes G for known.

    Args:
        time: time to the first event of any cause or end of follow-up, shape (n,).
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        cause_of_interest: the cause whose incidence is modelled.
        names: names of the p terms.
        cluster: scores are summed within clusters such as matched pairs, shape (n,).
        crossed: a second clustering beside the first: the patient whom each row stands for, shape (n,), for
            the variant ``finegray``. G then takes patient for one, however many rows there are.
        weight: sampling weights, shape (n,), for the variant ``finegray``; G takes every patient who has one for one.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        censored: the label of end of follow-up.
        variant: see above.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length; weights with ``crr``.
        NotEstimableError: no event of the cause, all times tied, or no term can be estimated.

    Source: Fine and Gray (1999). R: ``cmprsk::crr(time, cause, x)``; ``finegray(Surv(time, factor(cause)) ~ .)`` and
    ``coxph(Surv(fgstart, fgstop, fgstatus) ~ x, weights = fgwt * w, cluster = id)``.

    >>> fit = fit_fine_gray(time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 2, 1, 0, 1], covariates=[1, 0, 1, 1, 0, 0])
    >>> round(float(fit.coefficients[0]), 4)
    0.2739
    """
    exits = arrays.times("time", time)
    n = exits.size
    if variant not in TIES:
        raise ArgumentError(f"variant: found {variant!r}; expected crr or finegray")
    if variant == "crr" and (weight is not None or crossed is not None):
        raise ArgumentError(
            f"variant: found crr with {'weights' if weight is not None else 'crossed'}; expected finegray"
        )
    found, sampling = read_causes(cause, n, censored=censored), arrays.weights(weight, n)
    design = arrays.matrix("covariates", covariates, n)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if cause_of_interest == censored:
        raise ArgumentError(f"cause_of_interest: found {censored!r}, the label of end of follow-up; expected a cause")
    frequencies = arrays.frequencies(frequency, n)
    units = Units.of(cluster, crossed, n)
    own = np.array([label == cause_of_interest for label in found.labels.tolist()] + [False])[found.codes]
    if not (own & (sampling > 0)).any():
        raise NotEstimableError(f"no events of cause {cause_of_interest}")
    if n > 1 and exits.min() == exits.max():
        raise NotEstimableError("all times are tied: nothing tells who had the event earlier")
    order = patient_order(time=exits, event=own, stratum=np.zeros(n, np.int64))
    exits, own, ended = exits[order], own[order], found.codes[order] < 0
    counts = _Counts(frequencies[order], sampling[order], _once(units, sampling)[order])
    groups = None if units.cluster is None else units.cluster[order]
    patients = _patients(order, exits, own, ended, counts, groups, variant)
    with one_thread():
        fit = fit_patients(patients, design, labels, TIES[variant], False)
        second = None if units.crossed is None else units.crossed[order]
        found_variance = _covariance(fit, ended, second, variant)
    return FineGrayFit(
        cause=cause_of_interest,
        names=labels,
        coefficients=fit.coefficients,
        covariance=found_variance.matrix,
        naive_covariance=fit.naive_covariance,
        reasons=fit.reasons,
        log_likelihood=fit.log_likelihood,
        null_log_likelihood=fit.null_log_likelihood,
        n=float((counts.frequency * counts.once).sum()),
        events=float((counts.frequency * counts.once)[own].sum()),
        competing_events=float((counts.frequency * counts.once)[~(own | ended)].sum()),
        clusters=units.count,
        iterations=fit.iterations,
        variant=variant,
        ties=TIES[variant],
        variance_note=found_variance.note,
    )


def _once(units: Units, sampling: Floats) -> Booleans:
    """Mark a row of weight above 0 for each patient, shape (n,)."""
    if units.crossed is None:
        return np.ones(sampling.size, dtype=np.bool_)
    once, counted = np.zeros(sampling.size, dtype=np.bool_), np.flatnonzero(sampling > 0)
    once[counted[np.unique(units.crossed[counted], return_index=True)[1]]] = True
    return once


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """How often each patient stands for itself, and its sampling weight, shape (n,)."""

    frequency: Floats
    sampling: Floats
    once: Booleans  # a row a patient


def _patients(
    order: Integers,
    time: Floats,
    own: Booleans,
    ended: Booleans,
    counts: _Counts,
    clusters: Integers | None,
    variant: FineGrayVariant,
) -> CoxPatients:
    stratum = np.zeros(time.size, np.int64)
    risk = build_risk_sets(
        time=time,
        event=own,
        entry=None,
        stratum=stratum,
        weight=counts.sampling,
        frequency=counts.frequency,
        ties=TIES[variant],
    )
    present = counts.frequency * (counts.sampling > 0) * counts.once
    free = censoring_survival(time=time, ended=ended, events_first=variant == "finegray", frequency=present)
    return CoxPatients(
        order=order,
        risk=extend_risk_sets(risk, time=time, competing=~(own | ended) & (counts.sampling > 0), free=free),
        time=time,
        event=own,
        entry=None,
        stratum=stratum,
        frequency=counts.frequency,
        sampling=counts.sampling,
        clusters=clusters,
        offset=None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Covariance:
    """The robust variance, NaN for terms that were not estimated, shape (p, p); why it is another one, or ""."""

    matrix: Floats
    note: str


def _covariance(fit: CoxFit, ended: Booleans, crossed: Integers | None, variant: FineGrayVariant) -> _Covariance:
    problem, patients = fit.problem, fit.problem.patients
    residuals = score_residuals(patients.risk, patients.event, problem.x, problem.at)
    if variant == "crr":
        residuals = residuals + _censoring_residuals(fit, ended)
    usable = np.isfinite(fit.coefficients[problem.kept])
    terms = np.ix_(problem.kept[usable], problem.kept[usable])
    covariance = np.full_like(fit.naive_covariance, np.nan)
    scores, naive = residuals[:, usable] * problem.scale[usable], fit.naive_covariance[terms]
    if patients.clusters is None or crossed is None or not usable.any():
        covariance[terms] = sandwich(naive, scores, patients.frequency, patients.sampling, patients.clusters)
        return _Covariance(covariance, "")
    weighted = scores * (patients.frequency * patients.sampling)[:, None]
    found = crossed_variance(influence=weighted @ naive, first=patients.clusters, second=crossed)
    covariance[terms] = found.covariance
    return _Covariance(covariance, "" if found.positive else LARGER)


def _censoring_residuals(fit: CoxFit, ended: Booleans) -> Floats:
    """Return what estimating G adds to each patient's score, shape (n, q).

    With Y at risk and q(u) the sum, over events of the cause at t >= u and patients with another cause before u, of
    (x - mean of x) w(t) hazard d Lambda(t), a patient censored at u adds q(u) / Y(u), and all followed to u or beyond
    lose q(u) / Y(u)^2 for each censoring at u.
    """
    risk, x, at = fit.problem.patients.risk, fit.problem.x, fit.problem.at
    assert isinstance(risk, SubdistributionRiskSets)
    frequency = fit.problem.patients.frequency
    distinct, position = arrays.distinct(fit.problem.patients.time)
    m = distinct.size
    at_risk = np.cumsum(group_sums(position, frequency, m)[::-1])[::-1]
    censorings = group_sums(position, frequency * ended, m)
    theta = frequency * at.hazard * risk.reach
    later = np.searchsorted(risk.time, distinct)  # first event time of the cause at u or later
    carried = _from(at.a * risk.free, later)
    before = _earlier(group_sums(position, theta, m))
    total = risk.at_risk_sum(frequency * at.hazard)
    out = np.empty_like(x)
    for j in range(x.shape[1]):
        means = _from(at.a * risk.free * at.sums[:, j] / total, later)
        q = _earlier(group_sums(position, theta * x[:, j], m)) * carried - before * means
        lost = np.cumsum(q * censorings / at_risk**2)
        out[:, j] = np.where(ended, (q / at_risk)[position], 0.0) - lost[position]
    return out


def _from(values: Floats, start: Integers) -> Floats:
    """Sum values (m,) from each start on."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)[start]


def _earlier(values: Floats) -> Floats:
    """Sum values (m,) before each position."""
    return np.concatenate(([0.0], np.cumsum(values)[:-1]))
