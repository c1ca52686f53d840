"""How long patients were watched, by arm: short or unequal follow-up bends a comparison."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.request import Observed, Request
from twoarm.analyses.survival import curve_of
from twoarm.protocol.choices import FollowUpMethod
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.survival_quantile import survival_quantile

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
    method = request.protocol.analyses.follow_up.method
    ledger = request.ledger.within(endpoint=name, unit="days")
    observed = request.observed(request.endpoints[name])
    for label, rows in (("all", np.ones_like(observed.treated)), *request.split(observed.treated)):
        here = ledger.within(arm=label, method=METHODS[method])
        median, lower, upper = _median(request, here, observed, rows, method)
        reason = "no patients" if method != "reverse_kaplan_meier" else "not reached"
        for statistic, value in (("median", median), ("median_lower", lower), ("median_upper", upper)):
            if statistic == "median" or method == "reverse_kaplan_meier":
                here.add(statistic, value, note="" if np.isfinite(value) else reason)
    contrast = ledger.within(arm=request.contrast, unit="", method="log-rank on censoring")
    if observed.event.all():
        contrast.not_estimable("p_value", reason="nobody was censored")
        return
    with contrast.estimating("p_value"):
        test = log_rank(time=observed.time, event=~observed.event, arm=observed.treated)
        contrast.add("p_value", test.p_value)
        contrast.add("chi_squared", test.statistic)
        contrast.add("degrees_of_freedom", test.degrees_of_freedom)


def _median(
    request: Request, ledger: Ledger, observed: Observed, rows: Booleans, method: FollowUpMethod
) -> tuple[float, float, float]:
    nothing = (float("nan"), float("nan"), float("nan"))
    if method == "event_free":
        rows = rows & ~observed.event
    if not rows.any():
        return nothing
    if method != "reverse_kaplan_meier":
        return float(np.median(observed.time[rows])), *nothing[1:]
    conventions = request.protocol.conventions
    km = fit_kaplan_meier(
        time=observed.time[rows],
        event=~observed.event[rows],
        interval=conventions.interval,
        confidence_level=request.protocol.confidence_level,
    )
    if request.imputed:  # the pooled median is read off the pooled curve, which nobody draws
        ledger.curves.append(curve_of(ledger, km, "follow_up"))
    stated = conventions.quantile_intervals
    interval = "inverted" if "inverted" in stated else stated[0]  # few are watched long: a symmetric one goes below 0
    found = survival_quantile(km, interval=interval, flat_end=conventions.flat_end)
    return found.time, max(found.lower, 0.0) if np.isfinite(found.lower) else found.lower, found.upper
