"""Cox regression with Firth's penalty, finite under monotone likelihood (Heinze and Schemper 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_risk_sets import RiskSets, build_risk_sets
from twoarm.statistics.firth_fit import FirthFit, build_firth_fit, usable_columns
from twoarm.statistics.linear_algebra import independent_columns, one_thread
from twoarm.statistics.newton import Likelihood


def fit_firth_cox(
    *,
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    confidence_level: float = 0.95,
    profiled: Sequence[int] | None = None,
) -> FirthFit:
    """Fit a Cox model (Breslow ties) whose partial likelihood is multiplied by the root of the information.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        covariates: design matrix without intercept, shape (n, p).
        names: names of the p terms.
        entry: left truncation: at risk where entry < t <= time, shape (n,).
        strata: separate baseline hazards, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        confidence_level: of the profile intervals.
        profiled: positions of the terms whose profile is wanted, as each takes some twenty climbs; all by default. The
            others' limits and p-values are NaN.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, a term without information, or a climb that does not end.

    Source: Heinze and Schemper (2001), equations 2 to 4. R: ``coxphf::coxphf(Surv(time, event) ~ x)``.

    >>> fit = fit_firth_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0])
    >>> round(float(fit.coefficients[0]), 6)
    2.565241
    """
    exits = arrays.times("time", time)
    n = exits.size
    happened = arrays.events("event", event, n)
    design = arrays.matrix("covariates", covariates, n)
    enters = arrays.entries(entry, exits)
    stratum = np.zeros(n, np.int64) if strata is None else arrays.codes("strata", strata, n)[0]
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    level = arrays.level(confidence_level)
    if not happened.any():
        raise NotEstimableError("no events")
    frequencies = arrays.frequencies(frequency, n)
    known = None if offset is None else arrays.numbers("offset", offset, n)
    risk = build_risk_sets(
        time=exits,
        event=happened,
        entry=enters,
        stratum=stratum,
        weight=np.ones(n),
        frequency=frequencies,
        ties="breslow",
    )
    with one_thread():
        columns = usable_columns(design, frequencies)
        information = _information_at_zero(risk, columns.x, known)
        if not independent_columns(information, float(risk.death_weight.sum())).all():
            raise NotEstimableError("a term, or a combination of terms, is constant within every risk set")
        return build_firth_fit(
            lambda beta: penalised_likelihood(risk, columns.x, beta, known),
            columns=columns,
            names=labels,
            intercept=False,
            confidence_level=level,
            profiled=profiled,
            n=int(frequencies.sum()),
            events=int(frequencies[happened].sum()),
        )


def _information_at_zero(risk: RiskSets, x: Floats, offset: Floats | None) -> Floats:
    return PartialLikelihood.at(risk, x, np.zeros(x.shape[1]), offset).information


def penalised_likelihood(risk: RiskSets, x: Floats, beta: Floats, offset: Floats | None = None) -> Likelihood:
    """Evaluate l + log|I| / 2 with its score U_r + tr(I^-1 dI/db_r) / 2; x has shape (n, p)."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # far out hazards overflow: no height there
        at = PartialLikelihood.at(risk, x, beta, offset)
        sign, log_determinant = np.linalg.slogdet(at.information)
    if not (sign > 0 and np.isfinite(log_determinant) and np.isfinite(at.log_likelihood)):
        return Likelihood(-np.inf, np.zeros(beta.size), at.information)
    pull = _pull(risk, x, at, np.asarray(np.linalg.inv(at.information), dtype=np.float64))
    return Likelihood(at.log_likelihood + log_determinant / 2, at.score + pull, at.information)


def _pull(risk: RiskSets, x: Floats, at: PartialLikelihood, inverse: Floats) -> Floats:
    """Return tr(I^-1 dI/db_r) / 2, shape (p,).

    dI/db_r holds third central moments of x in the risk sets, summed over deaths; with V = I^-1 and z = x - mean it is
    E[z'Vz z_r] that is needed, which takes p^2 sums over the risk sets and not p^3.
    """
    p, theta = x.shape[1], risk.weight * at.hazard
    total = risk.at_risk_sum(theta)
    mean = at.sums / total[:, None]
    square = ((x @ inverse) * x).sum(axis=1)
    expected = risk.at_risk_sum(theta * square) / total
    toward = mean @ inverse
    central = np.column_stack([risk.at_risk_sum(theta * square * x[:, r]) / total for r in range(p)])
    central -= expected[:, None] * mean
    for j, r in combinations_with_replacement(range(p), 2):
        covariance = risk.at_risk_sum(theta * x[:, j] * x[:, r]) / total - mean[:, j] * mean[:, r]
        central[:, r] -= 2 * toward[:, j] * covariance
        if j != r:
            central[:, j] -= 2 * toward[:, r] * covariance
    return np.asarray(risk.death_weight @ central) / 2
