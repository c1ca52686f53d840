"""Whether hazard ratios are constant over time: the score test of Grambsch and Therneau, of the arm and in all."""

from __future__ import annotations

from twoarm.analyses.hazard_ratio import ARM, model_design
from twoarm.analyses.request import Request
from twoarm.analyses.schoenfeld import schoenfeld_curves
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.proportional_hazards import proportional_hazards_test

METHOD = "Grambsch-Therneau score test, Kaplan-Meier scale"
WEIGHTED = "the score test has no form for sampling weights"
_ROWS = ("p_value", "chi_squared", "degrees_of_freedom")


def proportional_hazards(request: Request) -> None:
    """Test every endpoint's model: each factor with its levels together, and all terms."""
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        method = METHOD if observed.competing is None else f"{METHOD}, cause-specific hazards"
        ledger = request.ledger.within(endpoint=name, method=method, arm=request.contrast)
        if observed.weight is not None:
            ledger.not_estimable(*_ROWS, reason=WEIGHTED)
            continue
        with ledger.estimating(*_ROWS):
            design = model_design(request, observed, request.adjusted.covariates_in_model)
            fit = fit_cox(
                time=observed.time,
                event=observed.event,
                covariates=design.values,
                names=design.names,
                ties=request.protocol.conventions.ties,
            )
            factors = {
                variable: [term.name for term in design.terms if term.variable == variable]
                for variable in dict.fromkeys(term.variable for term in design.terms)
            }
            estimated = {n for n, reason in zip(fit.names, fit.reasons, strict=True) if not reason}
            kept = {variable: names for variable, names in factors.items() if estimated.issuperset(names)}
            test = proportional_hazards_test(fit, factors=kept)
            for position, variable in enumerate(test.names):
                here = ledger.within(variable="") if variable == ARM else ledger.within(variable=variable, arm="all")
                numbers = (test.p_values[position], test.statistic[position], test.degrees_of_freedom[position])
                for statistic, value in zip(_ROWS, numbers, strict=True):
                    here.add(statistic, value.item())
            if len(test.names) > 1:
                here = ledger.within(arm="all")
                overall = (test.global_p_value, test.global_statistic, test.global_degrees_of_freedom)
                for statistic, value in zip(_ROWS, overall, strict=True):
                    here.add(statistic, value)
    schoenfeld_curves(request)
