"""How long patients were watched, by arm: short or unequal follow-up bends a comparison."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.request import Observed, Request
from twoarm.analyses.survival import curve_of, fit_curve
from twoarm.protocol.choices import FollowUpMethod
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.counting import counted, median
from twoarm.statistics.log_rank import LogRank, log_rank
from twoarm.statistics.survival_quantile import survival_quantile
from twoarm.statistics.weighted_log_rank import WeightedLogRank, weighted_log_rank
from twoarm.statistics.weighted_quantile import weighted_quantile

METHODS: dict[FollowUpMethod, str] = {
    "reverse_kaplan_meier": "reverse Kaplan-Meier",
    "observed": "median of all observed times",
    "event_free": "median time of the event-free",
}


def follow_up(request: Request) -> None:
    """Write the median follow-up of each arm for the primary endpoint, and whether censoring differs."""
    name = request.protocol.primary_endpoint
    if name not in request.endpoints:
        return
    request = request.by_patient()
    method = request.protocol.analyses.follow_up.method
    ledger = request.ledger.within(endpoint=name, unit="days")
    observed = request.observed(request.endpoints[name])
    for label, rows in (("all", np.ones_like(observed.treated)), *request.split(observed.treated)):
        here = ledger.within(arm=label, method=METHODS[method])
        middle, lower, upper = _median(request, here, observed, rows, method)
        reason = "no patients" if method != "reverse_kaplan_meier" else "not reached"
        for statistic, value in (("median", middle), ("median_lower", lower), ("median_upper", upper)):
            if statistic == "median" or method == "reverse_kaplan_meier":
                here.add(statistic, value, note="" if np.isfinite(value) else reason)
    weighted = observed.weight is not None
    test_name = f"log-rank on censoring{', weighted, robust variance' if weighted else ''}"
    contrast = ledger.within(arm=request.contrast, unit="", method=test_name)
    if observed.ended.all():
        contrast.not_estimable("p_value", reason="nobody was censored")
        return
    with contrast.estimating("p_value"):
        time, censored, arm = observed.time, ~observed.ended, observed.treated
        test: LogRank | WeightedLogRank = (
            weighted_log_rank(time=time, event=censored, arm=arm, weight=observed.weight, frequency=observed.frequency)
            if weighted
            else log_rank(time=time, event=censored, arm=arm, frequency=observed.frequency)
        )
        contrast.add("p_value", test.p_value)
        contrast.add("chi_squared", test.statistic)
        contrast.add("degrees_of_freedom", test.degrees_of_freedom)


def _median(
    request: Request, ledger: Ledger, observed: Observed, rows: Booleans, method: FollowUpMethod
) -> tuple[float, float, float]:
    nothing = (float("nan"), float("nan"), float("nan"))
    if method == "event_free":
        rows = rows & ~observed.ended
    if not rows.any():
        return nothing
    mine = observed.within(rows)
    weight = None if mine.weight is None else counted(mine.weight, mine.frequency)
    if method != "reverse_kaplan_meier" and weight is not None:
        return weighted_quantile(mine.time, weight, 0.5), *nothing[1:]
    if method != "reverse_kaplan_meier":
        return median(mine.time, mine.frequency), *nothing[1:]
    conventions = request.protocol.conventions
    km = fit_curve(request, mine, ~mine.ended)
    if request.imputed:  # the pooled median is read off the pooled curve, which nobody draws
        ledger.curves.append(curve_of(ledger, km, "follow_up"))
    stated = conventions.quantile_intervals
    interval = "inverted" if "inverted" in stated else stated[0]  # few are watched long: a symmetric one goes below 0
    found = survival_quantile(km, interval=interval, flat_end=conventions.flat_end)
    return found.time, max(found.lower, 0.0) if np.isfinite(found.lower) else found.lower, found.upper
