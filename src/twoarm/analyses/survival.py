"""Kaplan-Meier curves, medians, survival at landmark times and log-rank tests."""

from __future__ import annotations

import math

import numpy as np

from twoarm.analyses.cox_model import of_cause, variance_name
from twoarm.analyses.hazard_ratio import small_arms
from twoarm.analyses.named_days import named_days
from twoarm.analyses.request import Observed, Request
from twoarm.protocol.protocol import Conventions, Protocol
from twoarm.results.curve import Curve, CurveKind, rounded_columns
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.kaplan_meier import KaplanMeier, fit_kaplan_meier, survival_at
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.survival_quantile import SurvivalQuantile, survival_quantile
from twoarm.statistics.weighted_log_rank import weighted_log_rank

NO_LIMITS = "the interval has no limits where survival is 0 or 1"
NO_INTERVAL = "the curve does not carry the interval's limit"
QUANTILE_METHODS = {"inverted": "Brookmeyer-Crowley", "normal": "normal approximation"}


def survival(request: Request) -> None:
    """Write curves, medians, landmarks and tests for every endpoint; a regression has no curve of its own.

    Where events compete, 1 - Kaplan-Meier overstates how many have the event: see ``cumulative_incidence``.
    """
    if not request.adjusted.marginal:
        return
    patients = request.by_patient()
    for name, endpoint in request.endpoints.items():
        observed = patients.observed(endpoint)
        if observed.competing is not None:
            continue
        ledger = request.ledger.within(endpoint=name)
        for label, rows in (("all", np.ones_like(observed.treated)), *request.split(observed.treated)):
            here = ledger.within(arm=label)
            here.add("n", observed.count(rows))
            here.add("events", observed.count(observed.event & rows))
            if not rows.any():
                here.not_estimable("median", reason="no patients with a known endpoint")
                continue
            mine = observed.within(rows)
            km = fit_curve(request, mine, mine.event)
            _median(here, km, request.protocol.conventions)
            _landmarks(here, km, request, endpoint.rounded)
            if label != "all" or request.imputed:
                request.ledger.curves.append(curve_of(here, km, patients=mine))
        compared = request.observed(endpoint)
        write_tests(request, ledger.within(arm=request.contrast), compared, small_arms(request, compared))


def fit_curve(request: Request, observed: Observed, event: Booleans) -> KaplanMeier:
    """Return the Kaplan-Meier estimate of some rows, under weights with the robust variance."""
    return fit_kaplan_meier(
        time=observed.time,
        event=event,
        weight=observed.weight,
        frequency=observed.frequency,
        interval=request.protocol.conventions.interval,
        confidence_level=request.protocol.confidence_level,
        robust=observed.weight is not None,
    )


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
    return named_days(protocol, protocol.analyses.survival.landmarks, rounded)


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


def write_tests(request: Request, ledger: Ledger, observed: Observed, few: str) -> None:
    """Write the log-rank test, plain and stratified by pair, or weighted; or why there is none.

    Where events compete it censors them, and so compares the hazards of one cause.
    """
    kinds: list[tuple[str, Integers | None]] = []
    if observed.weight is None:
        kinds.append(("log-rank", None))
    else:
        _weighted_test(
            ledger.within(method=of_cause(f"log-rank, weighted{variance_name(request)}", observed)), observed, few
        )
    sets = request.adjusted.sets
    if observed.pair is not None and (sets is None or not sets.replacement):
        kinds.append((f"log-rank stratified by {'pair' if sets is None else 'matched set'}", observed.pair))
    for method, strata in kinds:
        here = ledger.within(method=of_cause(method, observed))
        if few:
            here.not_estimable("chi_squared", "p_value", reason=few)
            continue
        with here.estimating("chi_squared", "p_value"):
            test = log_rank(
                time=observed.time,
                event=observed.event,
                arm=observed.treated,
                strata=strata,
                frequency=observed.frequency,
            )
            here.add("chi_squared", test.statistic)
            here.add("degrees_of_freedom", test.degrees_of_freedom)
            here.add("p_value", test.p_value)


def _weighted_test(ledger: Ledger, observed: Observed, few: str) -> None:
    if few:
        ledger.not_estimable("chi_squared", "p_value", reason=few)
        return
    with ledger.estimating("chi_squared", "p_value"):
        test = weighted_log_rank(
            time=observed.time,
            event=observed.event,
            arm=observed.treated,
            weight=observed.weight,
            cluster=observed.pair,
            crossed=observed.patient,
            frequency=observed.frequency,
        )
        ledger.add("chi_squared", test.statistic)
        ledger.add("degrees_of_freedom", test.degrees_of_freedom)
        ledger.add("p_value", test.p_value, note=test.variance_note)


def curve_of(ledger: Ledger, km: KaplanMeier, kind: CurveKind = "survival", patients: Observed | None = None) -> Curve:
    """Return a Kaplan-Meier estimate as a curve of the ledger; a weighted one counts patients, too."""
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
    if patients is not None and patients.weight is not None:
        plain = fit_kaplan_meier(time=patients.time, event=patients.event, frequency=patients.frequency)
        counts = {"at_risk": plain.at_risk, "events": plain.events, "censored": plain.censored}
        arrays |= {f"{name}_patients": values for name, values in counts.items()}
    return Curve(
        kind=kind,
        population=context.population,
        missing=context.missing,
        adjustment=context.adjustment,
        endpoint=context.endpoint,
        arm=context.arm,
        columns=rounded_columns(arrays),
    )
