"""Hazard ratio of the arms within intervals of follow-up, and whether the intervals agree."""

from __future__ import annotations

import numpy as np

from twoarm.analyses.cox_model import STATISTICS, fit_kept, of_cause, offset_of, ties_name, variance_name
from twoarm.analyses.hazard_ratio import interval, model_design, small_arms
from twoarm.analyses.named_days import named_days
from twoarm.analyses.request import Observed, Request
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError
from twoarm.results.ledger import Ledger
from twoarm.statistics.counting import frequencies_of, median
from twoarm.statistics.distinct_rows import MANY_ROWS
from twoarm.statistics.distributions import two_sided_normal
from twoarm.statistics.piecewise_hazard_ratio import HazardPiece, PiecewiseHazardRatio, piecewise_hazard_ratio
from twoarm.statistics.piecewise_of_fit import piecewise_of_fit

EQUALITY = "Wald test of equal hazard ratios"
MEDIAN = ", the median event time"
_TEST = ("chi_squared", "degrees_of_freedom", "p_value")


def piecewise(request: Request) -> None:
    """Compare the arms in each interval, cut at the median event time of all where no cuts are declared.

    Covariates of a regression have hazard ratios that are the same in all intervals.
    """
    variance = variance_name(request)
    model = f"Cox within intervals, {ties_name(request)}, Wald{variance}"
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name)
        contrast = ledger.within(arm=request.contrast, method=of_cause(model, observed))
        few = small_arms(request, observed)
        if few:
            contrast.not_estimable(*STATISTICS, reason=few)
            continue
        with contrast.estimating(*STATISTICS):
            cuts = _cuts(request, endpoint)
            found = _fit(request, observed, name, list(cuts.values()))
            for label, piece in zip(_labels(list(cuts)), found.pieces, strict=True):
                for arm, at_risk, events in zip(
                    (request.population.treated, request.population.comparator),
                    piece.at_risk,
                    piece.events,
                    strict=True,
                ):
                    here = ledger.within(arm=arm, parameter=label)
                    here.add("at_risk", at_risk)
                    here.add("events", events)
                _write(contrast.within(parameter=label), piece, request.protocol.confidence_level, found.variance_note)
            _write_test(contrast.within(method=f"{EQUALITY}{variance}"), found)


def _cuts(request: Request, endpoint: TimeToEvent) -> dict[str, float]:
    """Return the cuts in days by their names; an adjusted sample has those of all patients."""
    protocol = request.protocol
    declared = protocol.analyses.piecewise.cuts
    if declared:
        cuts = named_days(protocol, declared, endpoint.rounded)
        if sorted(set(cuts.values())) != [*cuts.values()] or min(cuts.values()) <= 0:
            raise NotEstimableError("the cuts fall on one day, or on time zero")
        return cuts
    rows = request.unadjusted.cohort_rows
    happened = endpoint.known[rows] & endpoint.event[rows]
    days = endpoint.time[rows][happened]
    middle = median(days, frequencies_of(happened, request.unadjusted.frequency)) if days.size else 0.0
    if middle <= 0:
        raise NotEstimableError("no events" if not days.size else "half of the events are at time zero")
    return {f"{middle / protocol.unit_days:.4g} {protocol.time_unit}{MEDIAN}": middle}


def _labels(names: list[str]) -> list[str]:
    """Return the intervals' names: ``0 to 6 months``, ``6 to 12 months``, ``after 12 months``."""
    starts = ["0", *(name.partition(" ")[0] for name in names[:-1])]
    return [*(f"{start} to {name}" for start, name in zip(starts, names, strict=True)), f"after {names[-1]}"]


def _fit(request: Request, observed: Observed, endpoint: str, cuts: list[float]) -> PiecewiseHazardRatio:
    design = model_design(request, observed, request.adjusted.covariates_in_model)
    ties = request.protocol.conventions.ties
    fewest = request.protocol.analyses.piecewise.minimum_events
    alone = observed.weight is None and observed.pair is None and ties != "exact"
    if alone and len(design.terms) > 1 and observed.time.size >= MANY_ROWS:
        found = piecewise_of_fit(fit_kept(request, observed, endpoint, design), arm=0, cuts=cuts, minimum_events=fewest)
        if found is not None:
            return found
    return piecewise_hazard_ratio(
        time=observed.time,
        event=observed.event,
        treated=observed.treated,
        cuts=cuts,
        covariates=design.values[:, 1:],
        weight=observed.weight,
        cluster=observed.pair,
        crossed=observed.patient,
        offset=offset_of(request, observed),
        frequency=observed.frequency,
        ties=ties,
        minimum_events=fewest,
    )


def _write(ledger: Ledger, piece: HazardPiece, confidence_level: float, note: str) -> None:
    if piece.reason:
        ledger.not_estimable(*STATISTICS, reason=piece.reason)
        return
    with ledger.estimating(*STATISTICS):
        effect = interval(piece.log_hazard_ratio, piece.std_error, confidence_level)
        p_value = two_sided_normal(piece.log_hazard_ratio / piece.std_error)
        for statistic, value in zip(STATISTICS, (*effect, p_value), strict=True):
            ledger.add(statistic, value, note=note)
        ledger.add("log_hazard_ratio", piece.log_hazard_ratio)
        ledger.add("log_hazard_ratio_se", piece.std_error)
        ledger.add("degrees_of_freedom", piece.degrees_of_freedom)


def _write_test(ledger: Ledger, found: PiecewiseHazardRatio) -> None:
    if not found.degrees_of_freedom or not np.isfinite(found.statistic):
        reason = "too few pairs or patients" if found.degrees_of_freedom else "fewer than two intervals are estimated"
        ledger.not_estimable("chi_squared", "p_value", reason=reason)
        return
    for statistic, value in zip(_TEST, (found.statistic, found.degrees_of_freedom, found.p_value), strict=True):
        ledger.add(statistic, value, note=found.variance_note)
