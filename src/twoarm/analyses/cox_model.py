"""The Cox model of an adjusted cohort's rows: its weights, and the variance that they ask for."""

from __future__ import annotations

from collections.abc import Sequence

from twoarm.analyses.request import Observed, Request
from twoarm.protocol.choices import Ties
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.cox import CoxFit, fit_cox

TIES: dict[Ties, str] = {"efron": "Efron ties", "breslow": "Breslow ties"}
BY_PAIR, ROBUST = ", robust variance clustered by pair", ", robust variance"


def fit_observed(
    request: Request,
    observed: Observed,
    covariates: Floats,
    names: Sequence[str] | None = None,
    *,
    clustered: bool = True,
    strata: Integers | None = None,
) -> CoxFit:
    """Fit a Cox model to some rows, clustered by pair unless that is not wanted; under weights the variance is robust.

    Raises:
        NotEstimableError: no events, all times tied, or no term can be estimated.
    """
    return fit_cox(
        time=observed.time,
        event=observed.event,
        covariates=covariates,
        names=names,
        strata=strata,
        weight=observed.weight,
        cluster=observed.pair if clustered else None,
        ties=request.protocol.conventions.ties,
    )


def robust(request: Request) -> bool:
    """Whether the rows of the cohort ask for a robust variance."""
    return request.adjusted.designed


def variance_name(request: Request, *, clustered: bool = True) -> str:
    """Return how the ledger calls the variance, after a comma; nothing for the model's own."""
    if request.adjusted.pair is not None:
        return BY_PAIR if clustered else ""
    return ROBUST if request.adjusted.weighted is not None else ""


def method_name(request: Request, *, clustered: bool = True) -> str:
    """Return what the ledger calls the fit."""
    return f"Cox, {TIES[request.protocol.conventions.ties]}, Wald{variance_name(request, clustered=clustered)}"


def arm_column(observed: Observed) -> Floats:
    """Return the arm as a model column of one name."""
    return observed.treated.astype(float)[:, None]
