"""Prognostic factors: uni- and multivariable Cox regression on the covariates, within an arm or in all patients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from twoarm.analyses.cox_model import STATISTICS, AnyCoxFit, fit_observed, method_name, of_cause
from twoarm.analyses.hazard_ratio import write_term
from twoarm.analyses.request import Observed, Request
from twoarm.cohort.covariates import CovariateValues
from twoarm.design.design_matrix import build_design_matrix
from twoarm.errors import NotEstimableError
from twoarm.protocol.prognostic import Screening
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.cox import MONOTONE
from twoarm.statistics.distributions import two_sided_normal

UNIVARIABLE, MULTIVARIABLE = "univariable", "multivariable"
GLOBAL = "global Wald test"
ONE_VALUE = "the model of this factor alone cannot be fitted"


def prognostic(request: Request) -> None:
    """Fit each factor alone, then those that enter together; a factor enters whole."""
    declared = request.protocol.prognostic
    if declared is None or request.adjusted.designed or not request.adjusted.marginal:
        return
    everybody = ("all", np.ones_like(request.adjusted.treated))
    treated, comparator = request.split(request.adjusted.treated)
    label, arm = {"all": everybody, "treated": treated, "comparator": comparator}[declared.arm]
    wanted = request.population.model_covariates if declared.covariates is None else declared.covariates
    names = [name for name in wanted if name in request.population.covariates]
    for name in request.endpoints if declared.endpoints is None else declared.endpoints:
        if name in request.endpoints:
            ledger = request.ledger.within(endpoint=name, arm=label)
            _one_endpoint(request, ledger, request.observed(request.endpoints[name]), arm, names, declared.screening)


def _one_endpoint(
    request: Request,
    ledger: Ledger,
    observed: Observed,
    arm: Booleans,
    names: Sequence[str],
    screening: Screening | None,
) -> None:
    rows = arm[observed.rows]
    ledger.add("n", observed.count(rows))
    ledger.add("events", observed.count(observed.event & rows))
    covariates = {name: request.covariate(name, observed).take(rows) for name in names}
    entered = []
    for name in names:
        fit = _fit(request, ledger, UNIVARIABLE, observed, rows, covariates, [name])
        enters = fit is not None and (screening is None or _passes(fit, screening))
        note = ONE_VALUE if fit is None else _left_out(fit, range(len(fit.names)))
        ledger.add("entered", enters, variable=name, parameter="multivariable model", note=note)
        if enters:
            entered.append(name)
    if entered:
        _fit(request, ledger, MULTIVARIABLE, observed, rows, covariates, entered)
    else:
        reason = "no factor passed the screening" if screening is not None else "no factor can be estimated"
        ledger.not_estimable("hazard_ratio", reason=reason, method=MULTIVARIABLE)


def _fit(
    request: Request,
    ledger: Ledger,
    model: str,
    observed: Observed,
    rows: Booleans,
    covariates: dict[str, CovariateValues],
    names: Sequence[str],
) -> AnyCoxFit | None:
    """Fit and write one model; None where it cannot be fitted."""
    design = build_design_matrix(covariates, names, int(np.count_nonzero(rows)))
    here = ledger.within(method=f"{model} {of_cause(method_name(request), observed)}")
    try:
        fit = fit_observed(request, observed.within(rows), design.values, design.names)
    except NotEstimableError as error:
        for name in names:
            here.not_estimable(*STATISTICS, reason=str(error), variable=name)
        return None
    for position, term in enumerate(design.terms):
        write_term(request, here, fit, position, term)
    for name in names:
        columns = [position for position, term in enumerate(design.terms) if term.variable == name]
        if len(columns) > 1:
            _global_test(ledger.within(variable=name, method=f"{model} {GLOBAL}"), fit, columns)
    return fit


def _global_test(ledger: Ledger, fit: AnyCoxFit, columns: Sequence[int]) -> None:
    note = _left_out(fit, columns)
    if any(fit.reasons[column] == MONOTONE for column in columns):  # the other levels alone would be another question
        ledger.not_estimable("p_value", reason=note)
        return
    statistic, freedom, p_value = fit.wald_test([fit.names[column] for column in columns])
    ledger.add("p_value", p_value, note=note)
    if freedom:
        ledger.add("chi_squared", statistic, note=note)
        ledger.add("degrees_of_freedom", freedom, note=note)


def _left_out(fit: AnyCoxFit, columns: Iterable[int]) -> str:
    """Name the terms without an estimate, which no Wald test can hold."""
    lacking = [f"{fit.names[j]} ({fit.reasons[j]})" for j in columns if fit.reasons[j]]
    return f"without {', '.join(lacking)}" if lacking else ""


def _passes(fit: AnyCoxFit, screening: Screening) -> bool:
    """Whether any level, or the factor as a whole, is below the limit; a level without an estimate has no P."""
    if screening.by == "global" and MONOTONE in fit.reasons:  # the likelihood ratio holds where an estimate is infinite
        return fit.likelihood_ratio_test()[1] < screening.p_below
    if screening.by == "global":
        return fit.wald_test(fit.names)[2] < screening.p_below  # NaN where no term can be estimated
    usable = [j for j, reason in enumerate(fit.reasons) if not reason]
    return any(two_sided_normal(float(fit.coefficients[j] / fit.std_errors[j])) < screening.p_below for j in usable)
