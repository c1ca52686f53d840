"""Regressions for ties of discrete time and for separation: exact ties, Firth's penalty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twoarm.notebook.columns import column, events, open_frame, required, terms
from twoarm.notebook.result import Result, Value
from twoarm.statistics import arrays
from twoarm.statistics.distributions import normal_quantile
from twoarm.statistics.exact_cox import ExactCoxFit, fit_exact_cox
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.firth_fit import FirthFit
from twoarm.statistics.firth_logistic import fit_firth_logistic


@dataclass(frozen=True, eq=False, repr=False)
class ExactCoxModel(Result):
    """A Cox model with exact ties; ``fit`` is the ExactCoxFit."""

    fit: ExactCoxFit


@dataclass(frozen=True, eq=False, repr=False)
class FirthModel(Result):
    """A regression with Firth's penalty; ``fit`` is the FirthFit."""

    fit: FirthFit


def exact_cox(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    entry: Any = None,
    strata: Any = None,
    offset: Any = None,
    event_value: Any = None,
    confidence_level: float = 0.95,
) -> ExactCoxModel:
    """Fit a Cox model with exact (discrete) ties; the coefficients are log odds ratios of discrete hazards.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        entry: left truncation, shape (n,).
        strata: separate baseline hazards, shape (n,).
        offset: a part of the log hazard that is known, shape (n,).
        event_value: the code of an event.
        confidence_level: of the intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length, or too many tied deaths.
        NotEstimableError: no events, or no term can be estimated.

    >>> exact_cox(time=[1, 1, 2, 2, 3, 4], event=[1, 0, 1, 1, 0, 1], covariates=[1, 0, 1, 0, 1, 0]).rows[0][0]
    'x1'
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_exact_cox(
        time=required(source, "time", time),
        event=events(source, event, event_value),
        covariates=design.values,
        names=design.names,
        entry=column(source, "entry", entry),
        strata=column(source, "strata", strata),
        offset=column(source, "offset", offset),
    )
    z = normal_quantile(arrays.level(confidence_level))
    rows: list[tuple[Value, ...]] = []
    for name, beta, se, p in zip(fit.names, fit.coefficients, fit.std_errors, fit.p_values, strict=True):
        ratios = np.exp([beta, beta - z * se, beta + z * se]).tolist()
        rows.append((name, float(beta), float(se), *ratios, float(p)))
    statistic, p = fit.likelihood_ratio_test()
    notes = [
        f"n {fit.n}, events {fit.events}, at most {fit.largest_tie} tied; {100 * confidence_level:g}% Wald limits.",
        f"likelihood ratio {statistic:.4g}, p = {p:.4g}; score {fit.score_statistic:.4g}.",
    ]
    notes += [f"{name} is not estimable: {why}." for name, why in zip(fit.names, fit.reasons, strict=True) if why]
    columns = ("term", "coefficient", "std_error", "odds_ratio", "lower", "upper", "p")
    return ExactCoxModel("Cox regression, exact ties", columns, tuple(rows), tuple(notes), fit)


def firth_cox(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    entry: Any = None,
    strata: Any = None,
    event_value: Any = None,
    confidence_level: float = 0.95,
) -> FirthModel:
    """Fit a Cox model with Firth's penalty, finite where an arm or level has no event; Breslow ties.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        entry: left truncation, shape (n,).
        strata: separate baseline hazards, shape (n,).
        event_value: the code of an event.
        confidence_level: of the profile penalised likelihood intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: no events, or a term without information.

    >>> firth_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0]).columns[3:5]
    ('hazard_ratio', 'lower')
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_firth_cox(
        time=required(source, "time", time),
        event=events(source, event, event_value),
        covariates=design.values,
        names=design.names,
        entry=column(source, "entry", entry),
        strata=column(source, "strata", strata),
        confidence_level=confidence_level,
    )
    return _firth_result("Cox regression, Firth's penalty, Breslow ties", "hazard_ratio", fit)


def firth_logistic(
    frame: Any = None,
    /,
    outcome: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    confidence_level: float = 0.95,
) -> FirthModel:
    """Fit a logistic regression with Firth's penalty, finite under separation.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        outcome: True (or 1) for a success, shape (n,).
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        confidence_level: of the profile penalised likelihood intervals.

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one outcome only, or no term that varies.

    >>> round(float(firth_logistic(outcome=[0, 0, 1, 1], covariates=[1, 2, 3, 4]).fit.coefficients[1]), 4)
    1.3099
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_firth_logistic(
        outcome=required(source, "outcome", outcome),
        covariates=design.values,
        names=design.names,
        confidence_level=confidence_level,
    )
    return _firth_result("Logistic regression, Firth's penalty", "odds_ratio", fit)


def _firth_result(title: str, ratio: str, fit: FirthFit) -> FirthModel:
    lines = zip(fit.names, fit.coefficients, fit.std_errors, fit.lower, fit.upper, fit.p_values, strict=True)
    rows: list[tuple[Value, ...]] = [
        (name, float(beta), float(se), *np.exp([beta, low, high]).tolist(), float(p))
        for name, beta, se, low, high, p in lines
    ]
    statistic, p = fit.likelihood_ratio_test()
    notes = [
        f"n {fit.n}, events {fit.events}; {100 * fit.confidence_level:g}% profile limits, p by likelihood ratio.",
        f"penalised likelihood ratio {statistic:.4g} on {fit.degrees_of_freedom} df, p = {p:.4g}.",
    ]
    notes += [f"{name} is not estimable: {why}." for name, why in zip(fit.names, fit.reasons, strict=True) if why]
    columns = ("term", "coefficient", "std_error", ratio, "lower", "upper", "p")
    return FirthModel(title, columns, tuple(rows), tuple(notes), fit)
