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


@dataclass(frozen=True, eq=False, repr=False)
class ExactCoxModel(Result):
    """A Cox model with exact ties; ``fit`` is the ExactCoxFit."""

    fit: ExactCoxFit


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
        f"n {fit.n}, events {fit.events}, at most {fit.largest_tie} at a time; Wald {100 * confidence_level:g}% limits",
        f"likelihood ratio {statistic:.4g}, p = {p:.4g}; score {fit.score_statistic:.4g}.",
    ]
    notes += [f"{name} is not estimable: {why}." for name, why in zip(fit.names, fit.reasons, strict=True) if why]
    columns = ("term", "coefficient", "std_error", "odds_ratio", "lower", "upper", "p")
    return ExactCoxModel("Cox regression, exact ties", columns, tuple(rows), tuple(notes), fit)
