"""Whether hazard ratios are constant over time: the score test of Grambsch and Therneau, of the arm and in all."""

from __future__ import annotations

from twoarm.analyses.cox_model import approximately, fit_kept, variance_name
from twoarm.analyses.hazard_ratio import ARM, model_design
from twoarm.analyses.request import Observed, Request
from twoarm.analyses.schoenfeld import schoenfeld_curves
from twoarm.results.ledger import Ledger
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.proportional_hazards import ProportionalHazardsTest, proportional_hazards_test
from twoarm.statistics.robust_proportional_hazards import robust_proportional_hazards_test

METHOD = "Grambsch-Therneau score test, Kaplan-Meier scale"
AS_COUNTS, UNPAIRED = ", weights taken for counts", ", pairs ignored"
_ROWS = ("p_value", "chi_squared", "degrees_of_freedom")


def proportional_hazards(request: Request) -> None:
    """Test every endpoint's model: each factor with its levels together, and all terms.

    In samples by design the robust test stands first, and the model's own, which R gives, beside it.
    """
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        method = approximately(request, METHOD)
        method = method if observed.competing is None else f"{method}, cause-specific hazards"
        ledger = request.ledger.within(endpoint=name, arm=request.contrast)
        own = "" if not request.adjusted.designed else AS_COUNTS if observed.weight is not None else UNPAIRED
        if request.adjusted.designed:
            _test(request, ledger.within(method=method + variance_name(request)), observed, robust=True)
        _test(request, ledger.within(method=method + own), observed, robust=False)
    schoenfeld_curves(request)


def _test(request: Request, ledger: Ledger, observed: Observed, *, robust: bool) -> None:
    with ledger.estimating(*_ROWS):
        design = model_design(request, observed, request.adjusted.covariates_in_model)
        fit = fit_kept(request, observed, ledger.context.endpoint, design, clustered=robust)
        factors = {
            variable: [term.name for term in design.terms if term.variable == variable]
            for variable in dict.fromkeys(term.variable for term in design.terms)
        }
        estimated = {n for n, reason in zip(fit.names, fit.reasons, strict=True) if not reason}
        kept = {variable: names for variable, names in factors.items() if estimated.issuperset(names)}
        _write(ledger, _tested(fit, kept, observed, robust=robust))


def _tested(fit: CoxFit, factors: dict[str, list[str]], observed: Observed, *, robust: bool) -> ProportionalHazardsTest:
    if not robust:
        return proportional_hazards_test(fit, factors=factors)
    return robust_proportional_hazards_test(fit, factors=factors, crossed=observed.patient)


def _write(ledger: Ledger, test: ProportionalHazardsTest) -> None:
    note = test.variance_note
    for position, variable in enumerate(test.names):
        here = ledger.within(variable="") if variable == ARM else ledger.within(variable=variable, arm="all")
        numbers = (test.p_values[position], test.statistic[position], test.degrees_of_freedom[position])
        for statistic, value in zip(_ROWS, numbers, strict=True):
            here.add(statistic, value.item(), note=note)
    if len(test.names) > 1:
        here = ledger.within(arm="all")
        overall = (test.global_p_value, test.global_statistic, test.global_degrees_of_freedom)
        for statistic, value in zip(_ROWS, overall, strict=True):
            here.add(statistic, value, note=note)
