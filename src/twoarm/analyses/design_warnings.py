"""What a careful reader must be told of the design: a row for each warning, with the number behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twoarm.analyses.balance import SEPARATED
from twoarm.analyses.hazard_ratio import ARM, model_design
from twoarm.analyses.request import Request
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.protocol.choices import WarningName
from twoarm.protocol.covariate import covariate_label
from twoarm.results.estimate import Estimate
from twoarm.statistics.arrays import Booleans, Integers
from twoarm.statistics.counting import frequencies_of, share
from twoarm.statistics.linear_algebra import COLLINEAR

UNMATCHED_PERCENT = 10.0  # above this the estimand is no longer that of the whole focal arm
MOST_USES, MOST_PERCENT = 10.0, 5.0  # of one partner: focal patients, and percent of the arm's weight
EVENTS_PER_TERM = 10.0
LEAST_EFFECTIVE_PERCENT = 50.0  # of an arm's patients, as an effective sample size
ALPHA = 0.05
ZERO_PERCENT = 5.0  # of an arm with a follow-up of 0 days
IMMORTAL_PERCENT = 5.0  # of an arm whose treatment began after time zero
CENSORED_BY_DEATH_PERCENT = 5.0  # of an arm, from which on 1 - Kaplan-Meier says too much
MEAN = "mean over the imputations"


def design_warnings(request: Request, imputed: Sequence[AdjustedCohort] = ()) -> None:
    """Read the rows of this adjustment, pooled ones if it is imputed, and write the warnings that follow from them."""
    rows = [row for row in request.ledger.rows if _same(row, request.ledger.context)]
    tested: dict[str, Estimate] = {}  # the headline test of proportional hazards of each endpoint
    for row in rows:
        if row.value is None:
            continue
        key = (row.analysis, row.statistic)
        if key == ("lost", "unmatched_percent") and row.value > UNMATCHED_PERCENT:
            _warn(request, "incomplete_matching", row)
        elif key == ("lost", "focal_is_larger_arm") and row.value:
            _warn(request, "larger_focal_arm", row)
        elif key == ("lost", "largest_partner_percent") and _reused(request, rows, row.value):
            _warn(request, "reused_partners", row)
        elif key == ("weights", "effective_percent") and row.value < LEAST_EFFECTIVE_PERCENT:
            _warn(request, "extreme_weights", row)
        elif key == ("follow_up", "p_value") and row.value < ALPHA and _as_they_are(request):
            _warn(request, "follow_up_differs", row)
        elif key == ("proportional_hazards", "p_value") and not row.variable and row.arm != "all":
            tested.setdefault(row.endpoint, row)
    for row in tested.values():
        if row.value is not None and row.value < ALPHA:
            _warn(request, "non_proportional", row)
    _imbalance(request, rows)
    _few_events(request, rows)
    _zero_follow_up(request)
    _immortal_time(request)
    _competing_censored(request)
    _one_event_day(request)
    _held_endpoints(request, imputed or (request.adjusted,))
    _dropped_terms(request, rows)


def _reused(request: Request, rows: list[Estimate], percent: float) -> bool:
    """Whether one partner stands for many focal patients, or for much of the weight of its arm."""
    most = next((row.value for row in rows if (row.analysis, row.statistic) == ("lost", "most_used_partner")), None)
    often = most is not None and most > MOST_USES
    return request.adjusted.repeated and (often or percent > MOST_PERCENT)


def _same(row: Estimate, context: Estimate) -> bool:
    return (row.population, row.missing, row.adjustment) == (
        context.population,
        context.missing,
        context.adjustment,
    )


def _warn(request: Request, name: WarningName, row: Estimate, value: float | None = None) -> None:
    request.ledger.add(
        name,
        row.value if value is None else value,
        status=row.status,
        arm=row.arm,
        endpoint=row.endpoint,
        variable=row.variable,
        variable_level=row.variable_level,
        unit=row.unit,
        note=row.note if row.value is None else request.protocol.acknowledge.get(name, ""),
    )


def _imbalance(request: Request, rows: list[Estimate]) -> None:
    """Warn of each covariate that is out of balance after an adjustment of the design, by its largest difference."""
    if not request.adjusted.designed:
        return
    worst: dict[str, Estimate] = {}
    for row in rows:
        if (
            row.analysis == "balance"
            and row.statistic in ("smd", "smd_largest")
            and _size(row) > _size(worst.get(row.variable))
        ):
            worst[row.variable] = row
    for row in worst.values():
        if _size(row) > request.protocol.analyses.balance.threshold:
            _warn(request, "imbalance", row)


def _size(row: Estimate | None) -> float:
    """Size of a standardised difference; a difference without any spread is infinite."""
    if row is None:
        return -1.0
    if row.value is None:
        return math.inf if row.note == SEPARATED else 0.0
    return abs(row.value)


def _as_they_are(request: Request) -> bool:
    return not request.adjusted.designed and request.adjusted.marginal


def _dropped_terms(request: Request, rows: list[Estimate]) -> None:
    """Warn of covariates that say nothing beside the others, such as one that is identical to the arm."""
    for row in rows:
        dropped = row.note.startswith(("collinear", "constant")) and row.statistic == "hazard_ratio"
        if row.analysis == "hazard_ratio" and row.variable and dropped:
            other = _collinear_with(request, row)
            _warn(request, "dropped_term", replace(row, note=f"collinear with {other}") if other else row)


def _collinear_with(request: Request, row: Estimate) -> str:
    """Return the name of the one term that a dropped term repeats; nothing if it takes several, or is constant."""
    observed = request.observed(request.endpoints[row.endpoint])
    design = model_design(request, observed, request.adjusted.covariates_in_model)
    level = row.variable_level.partition(" vs ")[0]
    at = next(i for i, term in enumerate(design.terms) if (term.variable, term.level) == (row.variable, level))
    often = np.ones(observed.time.size) if observed.frequency is None else observed.frequency
    values = design.values - np.average(design.values, axis=0, weights=observed.frequency)
    sizes = np.sqrt((often[:, None] * values * values).sum(axis=0))
    if not sizes[at]:
        return ""
    for term, column, size in zip(design.terms[:at], values.T, sizes, strict=False):
        if size and abs(float((often * column) @ values[:, at])) > (1 - COLLINEAR) * size * sizes[at]:
            if term.variable == ARM:
                return "the arm"
            label = covariate_label(term.variable, request.population.covariates[term.variable])
            return f"{label}, {term.level}" if term.level else label
    return ""


def _held_endpoints(request: Request, cohorts: Sequence[AdjustedCohort]) -> None:
    """Warn of pairs and sets that are not whole because an endpoint is not known for some of their patients."""
    for name, endpoint in request.endpoints.items():
        broken = [
            int((np.bincount(cohort.pair, endpoint.known[cohort.cohort_rows]) < np.bincount(cohort.pair)).sum())
            for cohort in cohorts
            if cohort.pair is not None
        ]
        if any(broken):
            alike = len(set(broken)) == 1
            value = broken[0] if alike else float(np.mean(broken))
            note = request.protocol.acknowledge.get("broken_pairs", "") or ("" if alike else MEAN)
            request.ledger.add("broken_pairs", value, endpoint=name, note=note)


def _few_events(request: Request, rows: list[Estimate]) -> None:
    for name in request.endpoints:
        mine = [row for row in rows if row.analysis == "hazard_ratio" and row.endpoint == name]
        events = next((row for row in mine if row.statistic == "events"), None)
        terms = len({(row.variable, row.variable_level) for row in mine if row.statistic == "hazard_ratio"})
        if events is not None and events.value is not None and terms and events.value / terms < EVENTS_PER_TERM:
            _warn(request, "few_events", events, events.value / terms)


def _one_event_day(request: Request) -> None:
    """Warn of an endpoint all of whose events fall on one day: a date that was filled in, or the day of the export."""
    if not _as_they_are(request):
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        days = np.unique(observed.time[observed.event])
        if days.size == 1 and observed.count(observed.event) > 1:
            note = request.protocol.acknowledge.get("one_event_day", "")
            request.ledger.add("one_event_day", 1, endpoint=name, arm="all", note=note)


def _percent(marked: Booleans, rows: Booleans, frequency: Integers | None) -> float:
    """Return the percentage of marked patients among those of some rows; 0 where there are none."""
    return 100.0 * share(marked[rows], frequencies_of(rows, frequency)) if rows.any() else 0.0


def _zero_follow_up(request: Request) -> None:
    """Warn of an arm in which many patients were followed for 0 days: dates that were filled in, or lost at once."""
    if not _as_they_are(request):
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        for label, rows in request.split(observed.treated):
            percent = _percent(observed.time <= 0, rows, observed.frequency)
            if percent > ZERO_PERCENT:
                note = request.protocol.acknowledge.get("zero_follow_up", "")
                request.ledger.add("zero_follow_up", percent, endpoint=name, arm=label, unit="%", note=note)


def _immortal_time(request: Request) -> None:
    """Warn of an arm whose treatment began after time zero: who died before it stands in the other arm."""
    start = request.outcomes.treatment_start
    if start is None or not _as_they_are(request):
        return
    later = start[request.adjusted.cohort_rows] > 0
    for label, rows in request.split(request.adjusted.treated):
        percent = _percent(later, rows, request.adjusted.frequency)
        if percent > IMMORTAL_PERCENT:
            note = request.protocol.acknowledge.get("immortal_time", "")
            request.ledger.add("immortal_time", percent, arm=label, unit="%", note=note)


def _competing_censored(request: Request) -> None:
    """Warn of an arm in which death, which the endpoint does not count, ended the time of many patients."""
    if not _as_they_are(request):
        return
    for name, endpoint in request.endpoints.items():
        if endpoint.dead is None:
            continue
        observed = request.observed(endpoint)
        dead = endpoint.dead[request.adjusted.cohort_rows][observed.rows]
        for label, rows in request.split(observed.treated):
            percent = _percent(dead, rows, observed.frequency)
            if percent > CENSORED_BY_DEATH_PERCENT:
                note = request.protocol.acknowledge.get("competing_censored", "")
                request.ledger.add("competing_censored", percent, endpoint=name, arm=label, unit="%", note=note)
