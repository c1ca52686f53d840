"""Difference of the arms' survival at the landmark times, in percentage points."""

from __future__ import annotations

from twoarm.analyses.cox_model import variance_of_curves
from twoarm.analyses.hazard_ratio import small_arms
from twoarm.analyses.request import Request
from twoarm.analyses.survival import landmark_days
from twoarm.statistics.survival_difference import survival_difference as compare_survival

GAP = ("survival_difference", "survival_difference_lower", "survival_difference_upper")
SE = "survival_difference_se"


def survival_difference(request: Request) -> None:
    """Compare the arms as they stand at every landmark, for every endpoint without competing events."""
    if not request.adjusted.marginal:
        return
    method = f"normal limits, {variance_of_curves(request) or 'Greenwood variance'}"
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        if observed.competing is not None:
            continue
        ledger = request.ledger.within(endpoint=name, arm=request.contrast, method=method)
        few = small_arms(request, observed)
        for label, day in landmark_days(request.protocol, endpoint.rounded).items():
            here = ledger.within(parameter=label)
            if few:
                here.not_estimable(*GAP, "p_value", reason=few)
                continue
            with here.estimating(*GAP, "p_value"):
                found = compare_survival(
                    time=observed.time,
                    event=observed.event,
                    treated=observed.treated,
                    at=day,
                    weight=observed.weight,
                    cluster=observed.pair,
                    crossed=observed.patient,
                    frequency=observed.frequency,
                    confidence_level=request.protocol.confidence_level,
                )
                gap = (found.difference, found.difference_lower, found.difference_upper)
                for statistic, value in zip(GAP, gap, strict=True):
                    here.add(statistic, 100 * value, unit="percentage points", note=found.variance_note)
                here.add(SE, 100 * found.difference_std_error, unit="percentage points")
                here.add("degrees_of_freedom", (found.clusters or int(found.n) - 1) - 1)
                here.add("p_value", found.difference_p_value)
