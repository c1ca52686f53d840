"""Cox regression: the hazard ratio of the arms, and of the covariates where they are in the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twoarm.analyses.bootstrap import bootstrap_hazard_ratios
from twoarm.analyses.cox_model import STATISTICS, AnyCoxFit, fit_own_model, method_name, of_cause
from twoarm.analyses.firth import write_firth
from twoarm.analyses.request import Observed, Request
from twoarm.design.design_matrix import DesignMatrix, Term, covariate_terms, fill_columns
from twoarm.errors import NotEstimableError
from twoarm.protocol.covariate import Continuous
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats
from twoarm.statistics.cox import MONOTONE
from twoarm.statistics.distributions import normal_quantile, two_sided_normal

ARM = "arm"
MOST_DESCRIBED = 5  # patients in an arm that is described and not compared


def hazard_ratio(request: Request) -> None:
    """Fit the model of every endpoint."""
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name)
        ledger.add("n", observed.count(np.ones_like(observed.event)), arm="all")
        ledger.add("events", observed.count(observed.event), arm="all")
        design = model_design(request, observed, request.adjusted.covariates_in_model)
        for method, clustered in _variances(request):
            _fit(request, ledger.within(method=of_cause(method, observed)), observed, design, clustered)
    bootstrap_hazard_ratios(request)


def _variances(request: Request) -> list[tuple[str, bool]]:
    """Return the method's name and whether the variance is clustered by pair; the headline first."""
    wanted = [True, False] if request.adjusted.naive_variance else [True]
    return [(method_name(request, clustered=clustered), clustered) for clustered in wanted]


def model_design(request: Request, observed: Observed, names: Sequence[str]) -> DesignMatrix:
    """Return the columns of an outcome model: the arm first, then the named covariates."""
    whole = request.adjusted.completed.covariates
    wanted, patients = [whole[name] for name in names], request.adjusted.row[observed.rows]

    def fill(columns: Floats, rows: slice) -> None:
        columns[0] = observed.treated[rows]
        fill_columns(wanted, columns[1:], patients[rows])

    return DesignMatrix((Term(ARM, "", ""), *covariate_terms(wanted)), observed.time.size, fill)


def _fit(request: Request, ledger: Ledger, observed: Observed, design: DesignMatrix, clustered: bool) -> None:
    arm = ledger.within(arm=request.contrast)
    if observed.treated.all() or not observed.treated.any():
        arm.not_estimable(*STATISTICS, reason="one arm only has a known endpoint")
        return
    few = small_arms(request, observed)
    if few:
        arm.not_estimable(*STATISTICS, reason=few)
        return
    empty = [label for label, rows in request.split(observed.treated) if not observed.event[rows].any()]
    if empty:
        arm.not_estimable(*STATISTICS, reason=f"no events in {' and '.join(empty)}")
        if clustered and len(empty) == 1:
            write_firth(request, ledger, observed, design)
        return
    with arm.estimating(*STATISTICS):
        fit = fit_own_model(request, observed, ledger.context.endpoint, design, clustered=clustered)
        for position, term in enumerate(design.terms):
            if term.variable == ARM:
                write_hazard_ratio(arm, fit, position, request.protocol.confidence_level)
                if clustered and fit.reasons[position] == MONOTONE:
                    write_firth(request, ledger, observed, design)
                continue
            write_term(request, ledger.within(arm="all"), fit, position, term)


def small_arms(request: Request, observed: Observed) -> str:
    """Return why arms of a handful of patients are described and not compared; nothing if they are larger."""
    few = [label for label, rows in request.split(observed.treated) if observed.count(rows) <= MOST_DESCRIBED]
    return f"five patients or fewer in {' and '.join(few)}: described, not compared" if few else ""


def write_term(request: Request, ledger: Ledger, fit: AnyCoxFit, position: int, term: Term) -> None:
    """Write the hazard ratio of a covariate's term: a level against the reference, or so many units."""
    level = f"{term.level} vs {term.reference}" if term.level else ""
    covariate = request.population.covariates[term.variable]
    per = covariate.per if isinstance(covariate, Continuous) else 1.0
    parameter = "" if per == 1.0 else f"per {per:g}"
    here = ledger.within(variable=term.variable, variable_level=level, parameter=parameter)
    write_hazard_ratio(here, fit, position, request.protocol.confidence_level, per)


def write_hazard_ratio(
    ledger: Ledger, fit: AnyCoxFit, position: int, confidence_level: float, per: float = 1.0
) -> None:
    """Write a term's hazard ratio per so many units with its Wald interval and p-value, or why there is none."""
    if fit.reasons[position]:
        ledger.not_estimable(*STATISTICS, reason=fit.reasons[position])
        return
    coefficient, std_error = per * float(fit.coefficients[position]), per * float(fit.std_errors[position])
    try:
        ratio, lower, upper = interval(coefficient, std_error, confidence_level)
    except NotEstimableError as error:
        ledger.not_estimable(*STATISTICS, reason=str(error))
        return
    p_value = two_sided_normal(coefficient / std_error)
    for statistic, value in zip(STATISTICS, (ratio, lower, upper, p_value), strict=True):
        ledger.add(statistic, value, note=fit.variance_note)
    ledger.add("log_hazard_ratio", coefficient)
    ledger.add("log_hazard_ratio_se", std_error)
    ledger.add("degrees_of_freedom", (fit.clusters or int(fit.events)) - fit.degrees_of_freedom)


def interval(coefficient: float, std_error: float, confidence_level: float) -> tuple[float, float, float]:
    """Return exp of a coefficient and of its Wald limits."""
    spread = normal_quantile(confidence_level) * std_error
    with np.errstate(over="ignore"):
        low, middle, high = np.exp([coefficient - spread, coefficient, coefficient + spread])
    if not np.isfinite([low, middle, high]).all():
        raise NotEstimableError("the interval has no finite limits")
    return float(middle), float(low), float(high)
