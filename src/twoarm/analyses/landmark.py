"""The arms compared among patients still at risk after a landmark, with time counted from it."""

from __future__ import annotations

from dataclasses import replace

from twoarm.analyses.cox_model import STATISTICS, fit_observed, method_name, of_cause
from twoarm.analyses.hazard_ratio import ARM, model_design, small_arms, write_hazard_ratio
from twoarm.analyses.named_days import named_days
from twoarm.analyses.request import Observed, Request
from twoarm.analyses.survival import write_tests
from twoarm.results.ledger import Ledger
from twoarm.statistics.landmark import Landmark, at_landmark


def landmark(request: Request) -> None:
    """Compare the arms from every landmark on; an event or a censoring on its day is before it.

    A regression's covariates are in the model as they were at time zero; log-rank tests stand in other samples.
    """
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        days = named_days(request.protocol, request.protocol.analyses.landmark.times, endpoint.rounded)
        for label, day in days.items():
            ledger = request.ledger.within(endpoint=name, parameter=label)
            contrast = ledger.within(arm=request.contrast, method=of_cause(method_name(request), observed))
            with contrast.estimating(*STATISTICS):
                found = at_landmark(time=observed.time, event=observed.event, at=day)
                _count(request, ledger, observed, found)
                _compare(request, contrast, from_landmark(observed, found))


def from_landmark(observed: Observed, found: Landmark) -> Observed:
    """Return the rows at risk after a landmark, time counted from it."""
    kept = observed.within(~(found.had_event | found.censored))
    return replace(kept, time=found.time)


def _count(request: Request, ledger: Ledger, observed: Observed, found: Landmark) -> None:
    kept = ~(found.had_event | found.censored)
    for arm, rows in request.split(observed.treated):
        here = ledger.within(arm=arm)
        here.add("at_risk", observed.count(kept & rows))
        here.add("events", observed.count(kept & rows & observed.event))
        here.add("lost_events", observed.count(found.had_event & rows))
        here.add("lost_censored", observed.count(found.censored & rows))


def _compare(request: Request, ledger: Ledger, observed: Observed) -> None:
    reason = small_arms(request, observed)
    if observed.treated.all() or not observed.treated.any():
        reason = "one arm only is followed beyond the landmark"
    if request.adjusted.marginal:
        write_tests(request, ledger, observed, reason)
    empty = [label for label, rows in request.split(observed.treated) if not observed.event[rows].any()]
    if reason or empty:
        ledger.not_estimable(*STATISTICS, reason=reason or f"no events in {' and '.join(empty)}")
        return
    with ledger.estimating(*STATISTICS):
        design = model_design(request, observed, request.adjusted.covariates_in_model)
        fit = fit_observed(request, observed, design.values, design.names)
        position = next(j for j, term in enumerate(design.terms) if term.variable == ARM)
        write_hazard_ratio(ledger, fit, position, request.protocol.confidence_level)
