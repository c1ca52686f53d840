"""Restricted mean survival time of the arms: a difference and a ratio that need no proportional hazards."""

from __future__ import annotations

from twoarm.analyses.cox_model import SEVERAL_SETS, variance_of_curves
from twoarm.analyses.request import Request
from twoarm.statistics.restricted_mean import compare_restricted_means

MEAN = ("restricted_mean", "restricted_mean_lower", "restricted_mean_upper")
GAP = tuple(f"restricted_mean_difference{end}" for end in ("", "_lower", "_upper"))
RATIO = tuple(f"restricted_mean_ratio{end}" for end in ("", "_lower", "_upper"))
COMPETING = "events compete: the curve of those without the event is no survival curve, nor its area a mean time"


def restricted_mean(request: Request) -> None:
    """Compare the areas under the curves up to tau, declared or the smaller of the arms' largest times."""
    if not request.adjusted.marginal:
        return
    protocol = request.protocol
    declared = protocol.analyses.restricted_mean.tau
    method = variance_of_curves(request)
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name, method=method)
        contrast = ledger.within(arm=request.contrast)
        reason = COMPETING if observed.competing is not None else SEVERAL_SETS if observed.patient is not None else ""
        if reason:
            contrast.not_estimable(*GAP, *RATIO, "p_value", reason=reason)
            continue
        with contrast.estimating(*GAP, *RATIO, "p_value"):
            found = compare_restricted_means(
                time=observed.time,
                event=observed.event,
                treated=observed.treated,
                tau=None if declared is None else declared * protocol.unit_days,
                weight=observed.weight,
                cluster=observed.pair,
                confidence_level=protocol.confidence_level,
            )
            for label, arm in (
                (request.population.treated, found.treated),
                (request.population.comparator, found.comparator),
            ):
                for statistic, value in zip(MEAN, (arm.mean, arm.lower, arm.upper), strict=True):
                    ledger.add(statistic, value, arm=label, unit="days")
            contrast.add("tau", found.treated.tau, unit="days")
            gap = (found.difference, found.difference_lower, found.difference_upper)
            for statistic, value in zip(GAP, gap, strict=True):
                contrast.add(statistic, value, unit="days")
            for statistic, value in zip(RATIO, (found.ratio, found.ratio_lower, found.ratio_upper), strict=True):
                contrast.add(statistic, value)
            contrast.add("p_value", found.difference_p_value)
