"""Endpoints whose events compete: cumulative incidence of both causes, Gray's test, subdistribution hazard ratio."""

from __future__ import annotations

import math

import numpy as np

from twoarm.analyses.cox_model import arm_column, variance_name
from twoarm.analyses.hazard_ratio import interval, small_arms
from twoarm.analyses.request import Observed, Request
from twoarm.analyses.survival import landmark_days
from twoarm.errors import NotEstimableError
from twoarm.results.curve import Curve, rounded_columns
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import frequencies_of
from twoarm.statistics.cumulative_incidence import CumulativeIncidence, fit_cumulative_incidence, incidence_at
from twoarm.statistics.distributions import two_sided_normal
from twoarm.statistics.fine_gray import FineGrayVariant, fit_fine_gray
from twoarm.statistics.gray_test import gray_test

CAUSES = {"": 1, "competing": 2}  # the ledger's variable -> the label of a cause; 0 is the end of follow-up
INCIDENCE = ("incidence", "incidence_lower", "incidence_upper")
GRAY = ("chi_squared", "p_value")
RATIO = tuple(f"subdistribution_hazard_ratio{end}" for end in ("", "_lower", "_upper"))
NO_LIMITS = "the interval has no limits where the incidence is 0 or 1"
NOT_WEIGHTED = "Gray's test has no weighted form"
NO_STRATA = (
    "strata of two patients give no chance of not being censored: the score is that of the log-rank test stratified by "
    "pair, and so of cause-specific hazards"
)


def cumulative_incidence(request: Request) -> None:
    """Write incidence of the event and of what competes with it, and both comparisons, where events compete."""
    if not request.adjusted.marginal:
        return
    patients = request.by_patient()
    for name, endpoint in request.endpoints.items():
        mine = patients.observed(endpoint)
        if mine.competing is None:
            continue
        ledger = request.ledger.within(endpoint=name)
        for label, rows in (("all", np.ones_like(mine.treated)), *request.split(mine.treated)):
            _describe(request, ledger.within(arm=label), mine, causes_of(mine), rows, rounded=endpoint.rounded)
        observed = request.observed(endpoint)
        cause = causes_of(observed)
        few = small_arms(request, observed)
        for variable, which in CAUSES.items():
            here = ledger.within(arm=request.contrast, variable=variable)
            _gray(request, here, observed, cause, which, few)
            _subdistribution(request, here, observed, cause, which, few)


def causes_of(observed: Observed) -> Integers:
    """Return why each patient's time ended: 1 by the event, 2 by one that competes, 0 by the end of follow-up."""
    assert observed.competing is not None, "the endpoint declares what competes"
    return np.where(observed.event, CAUSES[""], np.where(observed.competing, CAUSES["competing"], 0))


def _describe(
    request: Request, ledger: Ledger, observed: Observed, cause: Integers, rows: Booleans, *, rounded: bool
) -> None:
    ledger.add("n", observed.count(rows))
    for statistic, label in (("events", CAUSES[""]), ("competing_events", CAUSES["competing"])):
        ledger.add(statistic, observed.count(rows & (cause == label)))
    weight = None if observed.weight is None else observed.weight[rows]
    if not rows.any() or (weight is not None and not weight.any()):
        ledger.not_estimable("incidence", reason="no patients with a known endpoint")
        return
    curves = fit_cumulative_incidence(
        time=observed.time[rows],
        cause=cause[rows],
        causes=list(CAUSES.values()),
        weight=weight,
        frequency=frequencies_of(rows, observed.frequency),
        variance="aalen" if weight is None else "jackknife",
        interval=request.protocol.conventions.interval,
        confidence_level=request.protocol.confidence_level,
    )
    _landmarks(ledger, curves, request, rounded)
    if ledger.context.arm != "all" or request.imputed:
        request.ledger.curves.append(_curve(ledger, curves, observed.within(rows), cause[rows]))


def _landmarks(ledger: Ledger, curves: CumulativeIncidence, request: Request, rounded: bool) -> None:
    kind = "counting-process" if curves.variance == "aalen" else curves.variance
    method = f"{curves.interval} limits, {kind} variance"
    for name, day in landmark_days(request.protocol, rounded).items():
        for variable, label in CAUSES.items():
            here = ledger.within(parameter=name, unit="probability", variable=variable)
            with here.estimating(*INCIDENCE):
                at = incidence_at(curves, cause=label, time=day)
                here.add("incidence", at.incidence)
                for statistic, value in (("incidence_lower", at.lower), ("incidence_upper", at.upper)):
                    here.add(statistic, value, method=method, note="" if math.isfinite(value) else NO_LIMITS)


def _gray(request: Request, ledger: Ledger, observed: Observed, cause: Integers, label: int, few: str) -> None:
    paired = observed.pair is not None
    here = ledger.within(method="Gray, pairs ignored" if paired else "Gray")
    if few or observed.weight is not None:
        here.not_estimable(*GRAY, reason=few or NOT_WEIGHTED)
    else:
        with here.estimating(*GRAY):
            test = gray_test(
                time=observed.time,
                cause=cause,
                arm=observed.treated,
                cause_of_interest=label,
                frequency=observed.frequency,
            )
            here.add("chi_squared", test.statistic)
            here.add("degrees_of_freedom", test.degrees_of_freedom)
            here.add("p_value", test.p_value)
    if paired and request.adjusted.sets is None:
        ledger.within(method="Gray, stratified by pair").not_estimable("p_value", reason=NO_STRATA)


def _subdistribution(
    request: Request, ledger: Ledger, observed: Observed, cause: Integers, label: int, few: str
) -> None:
    variant: FineGrayVariant = "crr" if observed.weight is None else "finegray"
    variance = variance_name(request) or ", robust variance"
    here = ledger.within(method=f"Fine-Gray ({variant}), Wald{variance}")
    statistics = (*RATIO, "p_value")
    empty = [arm for arm, rows in request.split(observed.treated) if not (cause[rows] == label).any()]
    reason = few or (f"no events in {' and '.join(empty)}" if empty else "")
    if reason:
        here.not_estimable(*statistics, reason=reason)
        return
    with here.estimating(*statistics):
        fit = fit_fine_gray(
            time=observed.time,
            cause=cause,
            covariates=arm_column(observed),
            cause_of_interest=label,
            cluster=observed.pair,
            crossed=observed.patient if variant == "finegray" else None,  # else every patient has one row
            weight=observed.weight,
            frequency=observed.frequency,
            variant=variant,
        )
        if fit.reasons[0]:
            raise NotEstimableError(fit.reasons[0])
        coefficient, std_error = float(fit.coefficients[0]), float(fit.std_errors[0])
        ratios = interval(coefficient, std_error, request.protocol.confidence_level)
        p_value = two_sided_normal(coefficient / std_error)
        for statistic, value in zip(statistics, (*ratios, p_value), strict=True):
            here.add(statistic, value, note=fit.variance_note)
        here.add("log_subdistribution_hazard_ratio", coefficient)
        here.add("log_subdistribution_hazard_ratio_se", std_error)
        here.add("degrees_of_freedom", max((fit.clusters or int(fit.events)) - 1, 1))


def _curve(ledger: Ledger, curves: CumulativeIncidence, patients: Observed, cause: Integers) -> Curve:
    """Return both causes as one curve of the ledger; a weighted one counts patients, too."""
    context = ledger.context
    arrays: dict[str, Floats] = {
        "time": curves.time,
        "at_risk": curves.at_risk,
        "censored": curves.censored,
        "survival": curves.survival,
    }
    for code, prefix in enumerate(("", "competing_")):
        arrays[f"{prefix}events"] = curves.events[code]
        arrays[f"{prefix}incidence"] = curves.incidence[code]
        arrays[f"{prefix}lower"] = curves.lower[code]
        arrays[f"{prefix}upper"] = curves.upper[code]
        arrays[f"{prefix}std_error"] = curves.std_error[code]
    if patients.weight is not None:
        counted = patients.weight > 0
        plain = fit_cumulative_incidence(
            time=patients.time[counted],
            cause=cause[counted],
            causes=list(CAUSES.values()),
            frequency=frequencies_of(counted, patients.frequency),
        )
        arrays |= {"at_risk_patients": plain.at_risk, "censored_patients": plain.censored}
        arrays |= {"events_patients": plain.events[0], "competing_events_patients": plain.events[1]}
    return Curve(
        kind="cumulative_incidence",
        population=context.population,
        missing=context.missing,
        adjustment=context.adjustment,
        endpoint=context.endpoint,
        arm=context.arm,
        columns=rounded_columns(arrays),
    )
