"""Kaplan-Meier curves, medians, survival at landmark times and log-rank tests."""

from __future__ import annotations

import math

import numpy as np

from twoarm.analyses.hazard_ratio import small_arms
from twoarm.analyses.request import Observed, Request
from twoarm.protocol.protocol import Conventions, Protocol
from twoarm.results.curve import Curve, CurveKind
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.kaplan_meier import KaplanMeier, fit_kaplan_meier, survival_at
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.survival_quantile import SurvivalQuantile, survival_quantile

NO_LIMITS = "the interval has no limits where survival is 0 or 1"
NO_INTERVAL = "the curve does not carry the interval's limit"
QUANTILE_METHODS = {"inverted": "Brookmeyer-Crowley", "normal": "normal approximation"}


def survival(request: Request) -> None:
    """Write curves, medians, landmarks and tests for every endpoint; a regression has no curve of its own."""
    if not request.adjusted.marginal:
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name)
        for label, rows in (("all", np.ones_like(observed.treated)), *request.split(observed.treated)):
            here = ledger.within(arm=label)
            here.add("n", int(rows.sum()))
            here.add("events", int(observed.event[rows].sum()))
            if not rows.any():
                here.not_estimable("median", reason="no patients with a known endpoint")
                continue
            km = fit_kaplan_meier(
                time=observed.time[rows],
                event=observed.event[rows],
                interval=request.protocol.conventions.interval,
                confidence_level=request.protocol.confidence_level,
            )
            _median(here, km, request.protocol.conventions)
            _landmarks(here, km, request, endpoint.rounded)
            if label != "all" or request.imputed:
                request.ledger.curves.append(curve_of(here, km))
        _tests(ledger.within(arm=request.contrast), observed, small_arms(request, observed))


def _median(ledger: Ledger, km: KaplanMeier, conventions: Conventions) -> None:
    for position, interval in enumerate(conventions.quantile_intervals):
        found = survival_quantile(km, interval=interval, flat_end=conventions.flat_end)
        if position == 0:
            ledger.add("median", found.time, unit="days", note="" if math.isfinite(found.time) else "not reached")
        _median_limits(ledger, km, found, conventions)


def _median_limits(ledger: Ledger, km: KaplanMeier, found: SurvivalQuantile, conventions: Conventions) -> None:
    inverted = found.interval == "inverted"
    limits = f", {conventions.interval} limits" if inverted else ""
    method = QUANTILE_METHODS[found.interval] + limits
    unreached = "not reached" if inverted and km.survival[-1] > 0 else NO_INTERVAL
    for statistic, value in (("median_lower", found.lower), ("median_upper", found.upper)):
        note = "" if math.isfinite(value) else unreached
        if value < 0:  # the normal approximation knows no bound
            value, note = 0.0, "cut at 0"
        ledger.add(statistic, value, unit="days", method=method, note=note)


def landmark_days(protocol: Protocol, rounded: bool) -> dict[str, float]:
    """Return the landmarks in days by their names; rounded where the endpoint's days were."""
    days = {
        f"{landmark:.10g} {protocol.time_unit}": landmark * protocol.unit_days
        for landmark in protocol.analyses.survival.landmarks
    }
    return {name: float(round(day)) if rounded else day for name, day in days.items()}


def _landmarks(ledger: Ledger, km: KaplanMeier, request: Request, rounded: bool) -> None:
    for name, day in landmark_days(request.protocol, rounded).items():
        here = ledger.within(parameter=name, unit="probability")
        statistics = ("survival", "survival_lower", "survival_upper")
        with here.estimating(*statistics):
            at = survival_at(km, day)
            method = f"{km.interval} limits"
            here.add("survival", at.survival)
            here.add(
                "survival_lower",
                at.lower,
                method=method,
                note="" if math.isfinite(at.lower) else NO_LIMITS,
            )
            here.add(
                "survival_upper",
                at.upper,
                method=method,
                note="" if math.isfinite(at.upper) else NO_LIMITS,
            )


def _tests(ledger: Ledger, observed: Observed, few: str) -> None:
    kinds: list[tuple[str, Integers | None]] = [("log-rank", None)]
    if observed.pair is not None:
        kinds.append(("log-rank stratified by pair", observed.pair))
    for method, strata in kinds:
        here = ledger.within(method=method)
        if few:
            here.not_estimable("chi_squared", "p_value", reason=few)
            continue
        with here.estimating("chi_squared", "p_value"):
            test = log_rank(time=observed.time, event=observed.event, arm=observed.treated, strata=strata)
            here.add("chi_squared", test.statistic)
            here.add("degrees_of_freedom", test.degrees_of_freedom)
            here.add("p_value", test.p_value)


def curve_of(ledger: Ledger, km: KaplanMeier, kind: CurveKind = "survival") -> Curve:
    """Return a Kaplan-Meier estimate as a curve of the ledger."""
    context = ledger.context
    arrays: dict[str, Floats] = {
        "time": km.time,
        "survival": km.survival,
        "lower": km.lower,
        "upper": km.upper,
        "at_risk": km.at_risk,
        "events": km.events,
        "censored": km.censored,
        "std_error": np.where(np.isfinite(km.std_error), km.std_error, np.nan),
    }
    return Curve(
        kind=kind,
        population=context.population,
        missing=context.missing,
        adjustment=context.adjustment,
        endpoint=context.endpoint,
        arm=context.arm,
        columns={name: _column(values) for name, values in arrays.items()},
    )


def _column(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(f"{value:.12g}") for value in values)
