"""Heterogeneity of centres: stratified by centre, within each, pooled over them, and without each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from twoarm.analyses.cox_model import (
    STATISTICS,
    arm_column,
    fit_observed,
    method_name,
    of_cause,
    ties_name,
    variance_name,
)
from twoarm.analyses.hazard_ratio import ARM, model_design, small_arms, write_hazard_ratio
from twoarm.analyses.request import Observed, Request
from twoarm.protocol.sensitivity import Centres
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Integers
from twoarm.statistics.random_effects import RandomEffects, leave_one_centre_out, pool_centres

UNKNOWN = "Not recorded"
FIXED = "fixed effect, inverse variance"
RANDOM = "random effects, REML, Hartung-Knapp"
HETEROGENEITY = "Cochran's Q"
LEFT_OUT = "without this centre"
_MISSING = "?"  # how a cohort's groups mark a cell without a value


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """The centres of some rows; a row whose centre is not known has code -1."""

    variable: str  # in the ledger: with a dot, so that it is never a covariate's name
    labels: tuple[str, ...]
    code: Integers  # shape (m,)


def centres(request: Request) -> None:
    """Write what the centres say of every endpoint; of a regression, the model stratified by centre only."""
    declared = request.protocol.centres
    if declared is None:
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        division = divide(declared, request, observed)
        ledger = request.ledger.within(endpoint=name)
        _stratified(request, ledger.within(arm=request.contrast), observed, division)
        if not request.adjusted.marginal:
            continue
        found = [
            _within(request, ledger, observed, division, code, label) for code, label in enumerate(division.labels)
        ]
        _not_recorded(request, ledger, observed, division)
        together = ledger.within(arm=request.contrast, variable=division.variable)
        together.add("centres", len(division.labels), parameter="all")
        if not request.imputed:
            _together(request, together, [effect for effect in found if effect])


def centres_of_pooled(request: Request) -> None:
    """Write what the centres say together, from their hazard ratios as they were pooled over the imputations.

    Source: Burgess, White, Resche-Rigon and Wood (2013): Rubin's rules within each centre come first.
    """
    declared, failed = request.protocol.centres, replace(request.ledger.context, statistic="analysis").id
    if declared is None or not request.adjusted.marginal or any(row.id == failed for row in request.ledger.rows):
        return
    for name, endpoint in request.endpoints.items():
        division = divide(declared, request, request.observed(endpoint))
        together = request.ledger.within(endpoint=name, arm=request.contrast, variable=division.variable)
        _together(request, together, [*_pooled_effects(together)])


def _pooled_effects(together: Ledger) -> Iterator[tuple[str, float, float]]:
    """Yield label, log hazard ratio and standard error of every centre that has them in the ledger."""
    context = together.context
    rows = {
        (row.variable_level, row.statistic): row.value
        for row in together.rows
        if replace(context, variable_level=row.variable_level, statistic=row.statistic, method=row.method).id == row.id
    }
    for (label, statistic), value in rows.items():
        error = rows.get((label, f"{statistic}_se"))
        if statistic == "log_hazard_ratio" and label and value is not None and error:
            yield label, float(value), float(error)


def divide(declared: Centres, request: Request, observed: Observed) -> Division:
    """Return the centres of an endpoint's rows: in the order of the declared labels, then by number or by text."""
    cells = request.adjusted.completed.groups[declared.column]
    known = np.array([not cell.startswith(_MISSING) for cell in cells.tolist()], dtype=np.bool_)
    texts = [cell[1:] for cell in cells.tolist()]
    shown = [declared.labels.get(text, text) for text in texts]
    present = {label for label, there in zip(shown, known.tolist(), strict=True) if there}
    first = [label for label in dict.fromkeys(declared.labels.values()) if label in present]
    labels = (*first, *sorted(present.difference(first), key=_by_number))
    at = {label: code for code, label in enumerate(labels)}
    codes = np.array([at[label] if there else -1 for label, there in zip(shown, known.tolist(), strict=True)])
    return Division(f"centres.{declared.column}", labels, codes[request.adjusted.row[observed.rows]])


def _by_number(label: str) -> tuple[float, str]:
    """Numbers rise; any other text comes after them."""
    try:
        number = float(label)
    except ValueError:
        return (math.inf, label)
    return (number if math.isfinite(number) else math.inf, label)


def _stratified(request: Request, ledger: Ledger, observed: Observed, division: Division) -> None:
    method = f"Cox stratified by centre, {ties_name(request)}, Wald{variance_name(request)}"
    here = ledger.within(method=of_cause(method, observed))
    known = division.code >= 0
    mine = observed.within(known)
    if not mine.time.size:
        here.not_estimable(*STATISTICS, reason="no patient with a known centre")
        return
    reason = small_arms(request, mine) or _without_events(request, mine, np.ones_like(mine.treated))
    if reason:
        here.not_estimable(*STATISTICS, reason=reason)
        return
    with here.estimating(*STATISTICS):
        design = model_design(request, mine, request.adjusted.covariates_in_model)
        fit = fit_observed(request, mine, design.values, design.names, strata=division.code[known])
        position = next(j for j, term in enumerate(design.terms) if term.variable == ARM)
        write_hazard_ratio(here, fit, position, request.protocol.confidence_level)


def _within(
    request: Request, ledger: Ledger, observed: Observed, division: Division, code: int, label: str
) -> tuple[str, float, float] | None:
    """Write one centre; return label, log hazard ratio and standard error where it could be estimated."""
    rows = division.code == code
    place = ledger.within(variable=division.variable, variable_level=label)
    _count(request, place, observed, rows)
    here = place.within(arm=request.contrast, method=of_cause(method_name(request), observed))
    reason = _without_events(request, observed, rows) or _too_few(request, observed, rows)
    if reason:
        here.not_estimable(*STATISTICS, reason=reason)
        return None
    with here.estimating(*STATISTICS):
        mine = observed.within(rows)
        fit = fit_observed(request, mine, arm_column(mine))
        before = len(here.rows)
        write_hazard_ratio(here, fit, 0, request.protocol.confidence_level)
        if here.rows[before].value is not None and float(fit.std_errors[0]) > 0:
            return label, float(fit.coefficients[0]), float(fit.std_errors[0])
    return None


def _count(request: Request, ledger: Ledger, observed: Observed, rows: Booleans) -> None:
    for label, arm in request.split(observed.treated):
        ledger.add("n", observed.count(rows & arm), arm=label)
        ledger.add("events", observed.count(observed.event & rows & arm), arm=label)


def _without_events(request: Request, observed: Observed, rows: Booleans) -> str:
    arms = request.split(observed.treated)
    empty = [label for label, arm in arms if not (rows & arm).any()]
    if empty:
        return f"no patients in {' and '.join(empty)}"
    silent = [label for label, arm in arms if not (observed.event & rows & arm).any()]
    return f"no events in {' and '.join(silent)}" if silent else ""


def _too_few(request: Request, observed: Observed, rows: Booleans) -> str:
    declared = request.protocol.centres
    assert declared is not None, "centres are declared"
    events = observed.count(observed.event & rows)
    return f"{events} events, fewer than {declared.minimum_events}" if events < declared.minimum_events else ""


def _not_recorded(request: Request, ledger: Ledger, observed: Observed, division: Division) -> None:
    """Count the patients whose centre is not known; they are in no other row of the analysis."""
    rows = division.code < 0
    if not rows.any():
        return
    label = UNKNOWN
    while label in division.labels:  # a centre of that name is another matter
        label += " (no value)"
    _count(request, ledger.within(variable=division.variable, variable_level=label), observed, rows)


def _together(request: Request, ledger: Ledger, found: list[tuple[str, float, float]]) -> None:
    names = [label for label, _, _ in found]
    numbers = {
        "estimates": np.array([estimate for _, estimate, _ in found]),
        "std_errors": np.array([error for _, _, error in found]),
    }
    level = request.protocol.confidence_level
    ledger.add("centres", len(found), parameter="with an estimate")
    for method in (FIXED, RANDOM):
        if not found:
            ledger.not_estimable(*STATISTICS, reason="no centre with an estimate", method=method)
    if not found:
        return
    with ledger.estimating(*STATISTICS, method=RANDOM):
        pooled = pool_centres(**numbers, confidence_level=level)
        _pooled(ledger, pooled)
    with ledger.estimating(*STATISTICS, method=RANDOM, parameter=LEFT_OUT):
        left = leave_one_centre_out(**numbers, confidence_level=level)
        for i, label in enumerate(names):
            here = ledger.within(variable_level=label, method=RANDOM, parameter=LEFT_OUT)
            _ratios(here, float(left.estimate[i]), float(left.lower[i]), float(left.upper[i]))
            here.add("tau_squared", float(left.tau_squared[i]))


def _pooled(ledger: Ledger, pooled: RandomEffects) -> None:
    for method, one in ((FIXED, pooled.fixed), (RANDOM, pooled.random)):
        here = ledger.within(method=method)
        _ratios(here, one.estimate, one.lower, one.upper)
        here.add("p_value", one.p_value)
        here.add("log_hazard_ratio", one.estimate)
        here.add("log_hazard_ratio_se", one.std_error)
    random = ledger.within(method=RANDOM)
    random.add("tau_squared", pooled.tau_squared)
    random.add("hartung_knapp_factor", max(1.0, pooled.hartung_knapp_factor))
    few = "" if pooled.centres > 2 else "needs three centres"
    for statistic, value in (("lower", pooled.prediction_lower), ("upper", pooled.prediction_upper)):
        random.add(f"prediction_{statistic}", _exponent(value), note=few)
    spread = ledger.within(method=HETEROGENEITY)
    spread.add("chi_squared", pooled.q)
    spread.add("degrees_of_freedom", pooled.centres - 1)
    spread.add("p_value", pooled.q_p_value)
    spread.add("i_squared", 100.0 * pooled.i_squared, unit="%")


def _ratios(ledger: Ledger, estimate: float, lower: float, upper: float) -> None:
    """Write exp of a pooled estimate and its limits; a limit beyond all numbers is none."""
    for statistic, value in zip(STATISTICS[:3], (estimate, lower, upper), strict=True):
        ratio = _exponent(value)
        ledger.add(statistic, ratio, note="" if math.isfinite(ratio) else "the interval has no finite limits")


def _exponent(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(value))
