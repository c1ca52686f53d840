"""The Cox model of an adjusted cohort's rows: its weights, and the variance that they ask for."""

from __future__ import annotations

from collections.abc import Sequence

from twoarm.analyses.request import Observed, Request
from twoarm.protocol.choices import Ties
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.crossed_clusters import with_crossed_clusters

STATISTICS = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")
TIES: dict[Ties, str] = {"efron": "Efron ties", "breslow": "Breslow ties"}
BY_PAIR, ROBUST = ", robust variance clustered by pair", ", robust variance"
BY_SET = ", robust variance clustered by matched set"
SEVERAL_SETS = "partners stand in several sets, so that clusters cross: see the hazard ratio"
CROSSED = ", robust variance by crossed clusters of set and patient"


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

    Where patients have several rows, clusters are crossed: matched sets and patients.

    Raises:
        NotEstimableError: no events, all times tied, or no term can be estimated.
    """
    fit = fit_cox(
        time=observed.time,
        event=observed.event,
        covariates=covariates,
        names=names,
        strata=strata,
        weight=observed.weight,
        cluster=observed.pair if clustered else None,
        ties=request.protocol.conventions.ties,
    )
    if not clustered or observed.pair is None or observed.patient is None:
        return fit
    return with_crossed_clusters(fit, first=observed.pair, second=observed.patient)


def robust(request: Request) -> bool:
    """Whether the rows of the cohort ask for a robust variance."""
    return request.adjusted.designed


def variance_name(request: Request, *, clustered: bool = True) -> str:
    """Return how the ledger calls the variance, after a comma; nothing for the model's own."""
    sets = request.adjusted.sets
    if sets is not None:
        return CROSSED if sets.replacement else BY_SET
    if request.adjusted.pair is not None:
        return BY_PAIR if clustered else ""
    return ROBUST if request.adjusted.weighted is not None else ""


def variance_of_curves(request: Request) -> str:
    """Return how the ledger calls the variance of what is read off curves; nothing for Greenwood's."""
    if request.adjusted.pair is not None:
        return f"variance clustered by {'pair' if request.adjusted.sets is None else 'matched set'}"
    return "robust variance" if request.adjusted.weighted is not None else ""


def method_name(request: Request, *, clustered: bool = True) -> str:
    """Return what the ledger calls the fit."""
    return f"Cox, {TIES[request.protocol.conventions.ties]}, Wald{variance_name(request, clustered=clustered)}"


def of_cause(method: str, observed: Observed) -> str:
    """Say of a model that events which compete are censored in it: its hazard is that of one cause."""
    return method if observed.competing is None else f"cause-specific {method}"


def arm_column(observed: Observed) -> Floats:
    """Return the arm as a model column of one name."""
    return observed.treated.astype(float)[:, None]
