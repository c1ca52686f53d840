"""Survival of all patients as if all were in one arm: standardised by a model, or doubly robust."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from twoarm.analyses.cox_model import approximately, fit_kept, offset_of
from twoarm.analyses.hazard_ratio import model_design, small_arms
from twoarm.analyses.request import Observed, Request
from twoarm.analyses.survival import landmark_days
from twoarm.design.design_matrix import DesignMatrix
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Weighting
from twoarm.results.curve import Curve, rounded_columns
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, sorted_distinct
from twoarm.statistics.augmented_survival import augmented_survival
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.kaplan_meier import confidence_limits
from twoarm.statistics.standardised_survival import StandardisedSurvival, standardise_survival

STANDARDISED = "Cox model standardised to all patients"
AUGMENTED = "augmented inverse probability weighting"
SURVIVAL = ("survival", "survival_lower", "survival_upper")
DIFFERENCE = ("survival_difference", "survival_difference_lower", "survival_difference_upper")
OUTSIDE = "an arm's survival comes out below 0 or above 1: a few patients have extreme weights"
COMPETING = "events compete: what a model of one cause predicts is no survival"
BEYOND = "after the last follow-up of an arm"
MOST_POINTS, FEW_POINTS, MANY_PATIENTS = 200, 60, 100_000  # of a drawn curve; fewer where each takes long


def standardised_survival(request: Request) -> None:
    """Write the g-formula's curves and landmarks from every model with covariates."""
    if request.adjusted.marginal:
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name, method=approximately(request, STANDARDISED))
        with ledger.within(arm=request.contrast).estimating(*DIFFERENCE, "p_value"):
            _refuse_small(request, observed)
            design = model_design(request, observed, request.adjusted.covariates_in_model)
            fit = fit_kept(request, observed, name, design)
            marks = _landmarks(request, ledger, endpoint, observed)
            drawn = _curve_times(request, observed)
            found = standardise_survival(fit, arm=0, times=[*marks.values(), *drawn.tolist()])
            _write(request, ledger, tuple(marks), _of(found, slice(0, len(marks))))
            _curves(request, ledger, _of(found, slice(len(marks), None)))


def augmented(request: Request) -> None:
    """Write doubly robust survival at the landmarks where weights from a score stand for all patients."""
    section = request.population.adjustments.get(request.adjusted.name)
    score = request.adjusted.propensity
    if not isinstance(section, Weighting) or section.estimand != "ATE" or score is None:
        return
    for name, endpoint in request.endpoints.items():
        observed = request.observed(endpoint)
        ledger = request.ledger.within(endpoint=name, method=approximately(request, AUGMENTED))
        with ledger.within(arm=request.contrast).estimating(*DIFFERENCE, "p_value"):
            _refuse_small(request, observed)
            marks = _landmarks(request, ledger, endpoint, observed)
            wanted = request.population.covariates if section.covariates is None else section.covariates
            design = model_design(request, observed, [n for n in wanted if n != request.population.offset])
            found = augmented_survival(
                score=score.probability[request.adjusted.row[observed.rows]],
                treated=observed.treated,
                outcome=_model(request, observed, design, observed.event, offset_of(request, observed)),
                censoring=None if observed.event.all() else _model(request, observed, design, ~observed.event),
                arm=0,
                times=list(marks.values()),
            )
            _write(request, ledger, tuple(marks), found.survival)


def _refuse_small(request: Request, observed: Observed) -> None:
    if observed.competing is not None:
        raise NotEstimableError(COMPETING)
    few = small_arms(request, observed)
    if few:
        raise NotEstimableError(few)
    empty = [label for label, rows in request.split(observed.treated) if not observed.event[rows].any()]
    if empty:
        raise NotEstimableError(f"no events in {' and '.join(empty)}")


def _model(
    request: Request, observed: Observed, design: DesignMatrix, event: Booleans, offset: Floats | None = None
) -> CoxFit:
    """Return a model of the event, or of its absence, without weights."""
    return fit_cox(
        time=observed.time,
        event=event,
        covariates=design.values,
        names=design.names,
        offset=offset,
        frequency=observed.frequency,
        ties=request.protocol.conventions.approximate_ties,
    )


def _landmarks(request: Request, ledger: Ledger, endpoint: TimeToEvent, observed: Observed) -> dict[str, float]:
    """Return the landmarks that both arms reach, in days by name; write why there is no number at the others."""
    last = min(float(observed.time[rows].max()) for _, rows in request.split(observed.treated))
    found = {}
    for name, day in landmark_days(request.protocol, endpoint.rounded).items():
        if day <= last:
            found[name] = day
            continue
        here = ledger.within(parameter=name, arm=request.contrast)
        here.not_estimable(*DIFFERENCE, "p_value", reason=BEYOND)
    return found


def _write(request: Request, ledger: Ledger, names: tuple[str, ...], found: StandardisedSurvival) -> None:
    level = request.protocol.confidence_level
    z = normal_quantile(level)
    for position, name in enumerate(names):
        if not (0 <= found.treated[position] <= 1 and 0 <= found.comparator[position] <= 1):
            here = ledger.within(arm=request.contrast, parameter=name)
            here.not_estimable(*DIFFERENCE, "p_value", reason=OUTSIDE)
            continue
        for label, survival, error in (
            (request.population.treated, found.treated, found.treated_se),
            (request.population.comparator, found.comparator, found.comparator_se),
        ):
            here = ledger.within(arm=label, parameter=name, unit="probability")
            lower, upper = _limits(request, survival[position : position + 1], error[position : position + 1])
            for statistic, value in zip(SURVIVAL, (survival[position], lower[0], upper[0]), strict=True):
                here.add(
                    statistic, float(value), note="" if np.isfinite(value) else "no limits where survival is 0 or 1"
                )
        gap, spread = float(found.difference[position]), float(found.difference_se[position])
        here = ledger.within(arm=request.contrast, parameter=name)
        if spread == 0:
            here.not_estimable(*DIFFERENCE, "p_value", reason="no events before")
            continue
        for statistic, value in zip(DIFFERENCE, (gap, gap - z * spread, gap + z * spread), strict=True):
            here.add(statistic, 100 * value, unit="%")
        here.add("survival_difference_se", 100 * spread, unit="%")
        here.add("p_value", two_sided_normal(gap / spread))


def _limits(request: Request, survival: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return limits on the scale of the study's survival curves."""
    with np.errstate(divide="ignore", invalid="ignore"):
        of_log = np.where(survival > 0, error / survival, np.inf)
    return confidence_limits(survival, of_log, request.protocol.conventions.interval, request.protocol.confidence_level)


def _of(found: StandardisedSurvival, times: slice) -> StandardisedSurvival:
    """Return survival at some of the times."""
    return StandardisedSurvival(*(getattr(found, part.name)[times] for part in fields(found)))


def _curve_times(request: Request, observed: Observed) -> Floats:
    """Return event times, evenly thinned, as far as both arms were followed."""
    last = min(float(observed.time[rows].max()) for _, rows in request.split(observed.treated))
    times = sorted_distinct(observed.time[observed.event & (observed.time <= last)])
    most = FEW_POINTS if observed.count(np.ones_like(observed.event)) > MANY_PATIENTS else MOST_POINTS
    chosen = np.unique(np.linspace(0, times.size - 1, min(times.size, most)).round().astype(np.int64))
    return times[chosen]


def _curves(request: Request, ledger: Ledger, found: StandardisedSurvival) -> None:
    """Write both arms' standardised curves."""
    for label, survival, error in (
        (request.population.treated, found.treated, found.treated_se),
        (request.population.comparator, found.comparator, found.comparator_se),
    ):
        lower, upper = _limits(request, survival, error)
        columns = {"time": found.time, "survival": survival, "lower": lower, "upper": upper}
        context = ledger.context
        ledger.curves.append(
            Curve(
                kind="standardised",
                population=context.population,
                missing=context.missing,
                adjustment=context.adjustment,
                endpoint=context.endpoint,
                arm=label,
                columns=rounded_columns(columns),
            )
        )
