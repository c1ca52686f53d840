"""The Cox model of an adjusted cohort's rows: its weights, and the variance that they ask for."""

from __future__ import annotations

from collections.abc import Sequence

from twoarm.analyses.request import Observed, Request
from twoarm.cohort.covariates import ContinuousValues
from twoarm.design.design_matrix import DesignMatrix
from twoarm.errors import NotEstimableError
from twoarm.protocol.choices import Ties
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.counted_cox import with_clusters_of_members
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.crossed_clusters import with_crossed_clusters
from twoarm.statistics.distinct_rows import MANY_ROWS, count_rows
from twoarm.statistics.exact_cox import ExactCoxFit, fit_exact_cox

STATISTICS = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")
TIES: dict[Ties, str] = {"efron": "Efron ties", "breslow": "Breslow ties", "exact": "exact ties"}
APPROXIMATE = ", Efron ties"  # of what has no exact form, where exact ties are asked for
EXACT_ALONE = "exact ties have no weights and no robust variance"
AnyCoxFit = CoxFit | ExactCoxFit
BY_PAIR, ROBUST = ", robust variance clustered by pair", ", robust variance"
BY_SET = ", robust variance clustered by matched set"
CROSSED = ", robust variance by crossed clusters of set and patient"


def fit_observed(
    request: Request,
    observed: Observed,
    covariates: Floats,
    names: Sequence[str] | None = None,
    *,
    clustered: bool = True,
    strata: Integers | None = None,
) -> AnyCoxFit:
    """Fit a Cox model to some rows, clustered by pair unless that is not wanted; under weights the variance is robust.

    Where patients have several rows, clusters are crossed: matched sets and patients. The protocol keeps exact ties
    from weights and pairs.

    Raises:
        NotEstimableError: no events, all times tied, or no term can be estimated.
    """
    if request.protocol.conventions.ties != "exact":
        return _fit_counts(request, observed, covariates, names, clustered=clustered, strata=strata)
    if observed.weight is not None or observed.pair is not None:
        raise NotEstimableError(EXACT_ALONE)
    return fit_exact_cox(
        time=observed.time,
        event=observed.event,
        covariates=covariates,
        names=names,
        strata=strata,
        offset=offset_of(request, observed),
        frequency=observed.frequency,
    )


def _fit_counts(
    request: Request,
    observed: Observed,
    covariates: Floats,
    names: Sequence[str] | None,
    *,
    clustered: bool,
    strata: Integers | None = None,
) -> CoxFit:
    """Fit as ``fit_approximately`` does, to counts of equal patients where there are very many of each."""
    alone = observed.weight is None and observed.patient is None
    plain = alone and strata is None and request.population.offset is None
    many = plain and observed.time.size >= MANY_ROWS
    counted = None
    if many:
        counted = count_rows(
            time=observed.time, event=observed.event, covariates=covariates, frequency=observed.frequency
        )
    if counted is None:
        return fit_approximately(request, observed, covariates, names, clustered=clustered, strata=strata)
    fit = fit_cox(
        time=counted.time,
        event=counted.event,
        covariates=counted.covariates,
        names=names,
        frequency=counted.frequency,
        ties=request.protocol.conventions.approximate_ties,
    )
    if not clustered or observed.pair is None:
        return fit
    return with_clusters_of_members(fit, place=counted.places(), cluster=observed.pair)


def offset_of(request: Request, observed: Observed) -> Floats | None:
    """Return the part of the log hazard that the protocol takes for known, shape (m,); None without one."""
    name = request.population.offset
    if name is None:
        return None
    covariate = request.covariate(name, observed)
    assert isinstance(covariate, ContinuousValues), "the protocol allows a number only"
    return covariate.values


def fit_approximately(
    request: Request,
    observed: Observed,
    covariates: Floats,
    names: Sequence[str] | None = None,
    *,
    clustered: bool = True,
    strata: Integers | None = None,
) -> CoxFit:
    """Fit as ``fit_observed`` does, in Efron's form where exact ties are asked for: what follows has no exact form."""
    fit = fit_cox(
        time=observed.time,
        event=observed.event,
        covariates=covariates,
        names=names,
        strata=strata,
        weight=observed.weight,
        cluster=observed.pair if clustered else None,
        offset=offset_of(request, observed),
        frequency=observed.frequency,
        ties=request.protocol.conventions.approximate_ties,
    )
    if not clustered or observed.pair is None or observed.patient is None:
        return fit
    return with_crossed_clusters(fit, first=observed.pair, second=observed.patient)


def fit_kept(
    request: Request, observed: Observed, endpoint: str, design: DesignMatrix, *, clustered: bool = True
) -> CoxFit:
    """Fit the outcome model of the cohort's own covariates, exact ties aside, or return it as it was."""
    by_pair = clustered and observed.pair is not None
    of = (request.protocol, request.adjusted, request.endpoints[endpoint], by_pair)
    return request.fits.fit(
        of, lambda: _fit_counts(request, observed, design.values, design.names, clustered=clustered)
    )


def fit_own_model(
    request: Request, observed: Observed, endpoint: str, design: DesignMatrix, *, clustered: bool
) -> AnyCoxFit:
    """Fit the outcome model of the cohort's own covariates as ``fit_observed`` does; see ``fit_kept``."""
    if request.protocol.conventions.ties == "exact":
        return fit_observed(request, observed, design.values, design.names, clustered=clustered)
    return fit_kept(request, observed, endpoint, design, clustered=clustered)


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
    if request.adjusted.repeated:
        return "variance by crossed clusters of set and patient"
    if request.adjusted.pair is not None:
        return f"variance clustered by {'pair' if request.adjusted.sets is None else 'matched set'}"
    return "robust variance" if request.adjusted.weighted is not None else ""


def ties_name(request: Request) -> str:
    """Return what the ledger says of ties and of what is taken for known."""
    offset = request.population.offset
    return TIES[request.protocol.conventions.ties] + (f", offset {offset}" if offset is not None else "")


def approximately(request: Request, method: str) -> str:
    """Say of a method without an exact form which ties it has, where exact ones are asked for."""
    return method + (APPROXIMATE if request.protocol.conventions.ties == "exact" else "")


def method_name(request: Request, *, clustered: bool = True) -> str:
    """Return what the ledger calls the fit."""
    return f"Cox, {ties_name(request)}, Wald{variance_name(request, clustered=clustered)}"


def of_cause(method: str, observed: Observed) -> str:
    """Say of a model that events which compete are censored in it: its hazard is that of one cause."""
    return method if observed.competing is None else f"cause-specific {method}"


def arm_column(observed: Observed) -> Floats:
    """Return the arm as a model column of one name."""
    return observed.treated.astype(float)[:, None]
