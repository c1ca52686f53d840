"""Restricted mean survival time of the arms: a difference and a ratio that need no proportional hazards."""

from __future__ import annotations

import math

from twoarm.analyses.cox_model import variance_of_curves
from twoarm.analyses.request import Request
from twoarm.results.ledger import Ledger
from twoarm.statistics.restricted_mean import RestrictedMean, RestrictedMeanContrast, compare_restricted_means

MEAN = ("restricted_mean", "restricted_mean_lower", "restricted_mean_upper")
GAP = tuple(f"restricted_mean_difference{end}" for end in ("", "_lower", "_upper"))
RATIO = tuple(f"restricted_mean_ratio{end}" for end in ("", "_lower", "_upper"))
MEAN_SE = f"{MEAN[0]}_se"
GAP_SE = "restricted_mean_difference_se"
LOG_RATIO, LOG_RATIO_SE = "log_restricted_mean_ratio", "log_restricted_mean_ratio_se"
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
        if observed.competing is not None:
            contrast.not_estimable(*GAP, *RATIO, "p_value", reason=COMPETING)
            continue
        with contrast.estimating(*GAP, *RATIO, "p_value"):
            found = compare_restricted_means(
                time=observed.time,
                event=observed.event,
                treated=observed.treated,
                tau=None if declared is None else declared * protocol.unit_days,
                weight=observed.weight,
                cluster=observed.pair,
                crossed=observed.patient,
                frequency=observed.frequency,
                confidence_level=protocol.confidence_level,
            )
            for (label, rows), arm in zip(
                request.split(observed.treated), (found.treated, found.comparator), strict=True
            ):
                here = ledger.within(arm=label, unit="days")
                for statistic, value in zip((*MEAN, MEAN_SE), _of_arm(arm), strict=True):
                    here.add(statistic, value)
                here.add("degrees_of_freedom", observed.count(rows) - 1, unit="")
            contrast.add("tau", found.treated.tau, unit="days")
            _compare(contrast, found)


def _of_arm(arm: RestrictedMean) -> tuple[float, float, float, float]:
    return arm.mean, arm.lower, arm.upper, arm.std_error


def _compare(ledger: Ledger, found: RestrictedMeanContrast) -> None:
    gap = (found.difference, found.difference_lower, found.difference_upper)
    for statistic, value in zip(GAP, gap, strict=True):
        ledger.add(statistic, value, unit="days", note=found.variance_note)
    for statistic, value in zip(RATIO, (found.ratio, found.ratio_lower, found.ratio_upper), strict=True):
        ledger.add(statistic, value)
    ledger.add("p_value", found.difference_p_value)
    ledger.add(GAP_SE, found.difference_std_error, unit="days")
    ledger.add(LOG_RATIO, math.log(found.ratio))
    ledger.add(LOG_RATIO_SE, found.log_ratio_std_error)
    ledger.add("degrees_of_freedom", (found.clusters or found.n - 1) - 1)
