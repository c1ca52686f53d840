"""Hazard ratios within levels of a covariate, and whether they differ (interaction)."""

from __future__ import annotations

from functools import partial

import numpy as np

from twoarm.analyses.cox_model import STATISTICS, arm_column, fit_observed, method_name, of_cause, robust
from twoarm.analyses.hazard_ratio import write_hazard_ratio
from twoarm.analyses.request import Observed, Request
from twoarm.cohort.covariates import CategoricalValues
from twoarm.errors import NotEstimableError
from twoarm.protocol.analysis import Subgroups
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail


def subgroups(request: Request) -> None:
    """Estimate within every level of every declared variable."""
    declared = request.protocol.subgroups
    if declared is None or not request.adjusted.marginal or not _asked(declared, request):
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name)
        for variable in declared.variables:
            if variable not in request.adjusted.completed.covariates:
                continue
            covariate = request.covariate(variable, observed)
            assert isinstance(covariate, CategoricalValues), "the protocol allows subgroups of levels only"
            make = partial(_variable, request, ledger.within(variable=variable), observed, covariate)
            request.write(("subgroups", name, variable), [variable], make)


def _asked(declared: Subgroups, request: Request) -> bool:
    return declared.adjustments is None or request.adjusted.name in declared.adjustments


def _variable(request: Request, ledger: Ledger, observed: Observed, covariate: CategoricalValues) -> None:
    usable = [
        _level(request, ledger.within(variable_level=level), observed, covariate.codes == code)
        for code, level in enumerate(covariate.levels)
    ]
    _interaction(request, ledger, observed, covariate.codes, np.flatnonzero(usable))


def _level(request: Request, ledger: Ledger, observed: Observed, rows: Booleans) -> bool:
    """Write one level; return whether it could be estimated."""
    events = []
    for label, arm in request.split(observed.treated):
        ledger.add("n", observed.count(rows & arm), arm=label)
        events.append(observed.count(observed.event & rows & arm))
        ledger.add("events", events[-1], arm=label)
    method = of_cause(method_name(request), observed)
    here = ledger.within(arm=request.contrast, method=method)
    declared = request.protocol.subgroups
    assert declared is not None, "subgroups are declared"
    reason = ""
    if sum(events) < declared.minimum_events:
        reason = f"{sum(events)} events, fewer than {declared.minimum_events}"
    elif min(events) == 0:
        reason = "no events in an arm"
    if reason:
        here.not_estimable(*STATISTICS, reason=reason)
        return False
    with here.estimating(*STATISTICS):
        mine = observed.within(rows)
        fit = fit_observed(request, mine, arm_column(mine))
        write_hazard_ratio(here, fit, 0, request.protocol.confidence_level)
        return not fit.reasons[0]
    return False


def _interaction(request: Request, ledger: Ledger, observed: Observed, codes: Integers, usable: Integers) -> None:
    """Test whether the hazard ratio differs between the levels that could be estimated."""
    by_wald = robust(request)
    method = "interaction, robust Wald" if by_wald else "interaction, likelihood ratio"
    here = ledger.within(arm=request.contrast, method=method)
    if usable.size < 2:
        here.not_estimable("p_value", reason="fewer than two levels with estimates")
        return
    rows = np.isin(codes, usable)
    mine = observed.within(rows)
    arm = arm_column(mine)
    levels = (codes[rows, None] == usable[None, 1:]).astype(np.float64)
    with here.estimating("p_value"):
        test = _wald if by_wald else _ratio
        statistic, freedom, variance = test(request, mine, arm, levels)
        among = (
            "" if usable.size == np.count_nonzero(np.bincount(codes)) else f"among {usable.size} levels with estimates"
        )
        note = "; ".join(filter(None, (among, variance)))
        here.add("p_value", chi_squared_tail(statistic, freedom), note=note)
        here.add("chi_squared", statistic)
        here.add("degrees_of_freedom", freedom)


def _ratio(request: Request, observed: Observed, arm: Floats, levels: Floats) -> tuple[float, int, str]:
    small = fit_observed(request, observed, np.column_stack([arm, levels]))
    large = fit_observed(request, observed, np.column_stack([arm, levels, arm * levels]))
    return 2 * (large.log_likelihood - small.log_likelihood), levels.shape[1], ""


def _wald(request: Request, observed: Observed, arm: Floats, levels: Floats) -> tuple[float, int, str]:
    products = [f"interaction {j}" for j in range(levels.shape[1])]
    names = ["arm", *(f"level {j}" for j in range(levels.shape[1])), *products]
    fit = fit_observed(request, observed, np.column_stack([arm, levels, arm * levels]), names)
    statistic, freedom, _ = fit.wald_test(products)
    if freedom < len(products):
        raise NotEstimableError("an interaction term is not estimable")
    return statistic, freedom, fit.variance_note
