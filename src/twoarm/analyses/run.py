"""Word of the protocol -> analysis; each runs alone, so that one that fails leaves its neighbours unharmed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from twoarm.analyses.adjusted_survival import augmented, standardised_survival
from twoarm.analyses.balance import balance
from twoarm.analyses.baseline import baseline
from twoarm.analyses.centres import centres, centres_of_pooled
from twoarm.analyses.confounding import e_value, unmeasured
from twoarm.analyses.cumulative_incidence import cumulative_incidence
from twoarm.analyses.design_warnings import design_warnings
from twoarm.analyses.dialects import dialects
from twoarm.analyses.follow_up import follow_up
from twoarm.analyses.hazard_ratio import hazard_ratio
from twoarm.analyses.imputations import Imputations
from twoarm.analyses.kept_fits import KeptFits
from twoarm.analyses.landmark import landmark
from twoarm.analyses.lost import lost
from twoarm.analyses.partial_dates import partial_dates
from twoarm.analyses.piecewise import piecewise
from twoarm.analyses.pooling import pool_rows
from twoarm.analyses.prognostic import prognostic
from twoarm.analyses.proportional_hazards import proportional_hazards
from twoarm.analyses.request import Request
from twoarm.analyses.response import response
from twoarm.analyses.restricted_mean import restricted_mean
from twoarm.analyses.safety import safety
from twoarm.analyses.sensitivity_warnings import adjustments_disagree, sensitivity_warnings
from twoarm.analyses.side_by_side import side_by_side
from twoarm.analyses.subgroups import subgroups
from twoarm.analyses.survival import survival
from twoarm.analyses.survival_difference import survival_difference
from twoarm.analyses.weights import weights
from twoarm.cohort.attrition import AttritionStep
from twoarm.cohort.cohort import Cohort
from twoarm.design.adjusted_cohort import AdjustedCohort, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.endpoints.endpoints import Endpoints
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.choices import AnalysisName
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.ledger import Ledger
from twoarm.results.patient_row import PatientRow

OF_THE_ARMS: Mapping[AnalysisName, Callable[[Request], None]] = {
    "baseline": baseline,
    "balance": balance,
    "lost": lost,
    "weights": weights,
    "follow_up": follow_up,
}
"""Analyses of cohorts as they stand; a regression's cohort is the unadjusted one and is not described again."""

ANALYSES: Mapping[AnalysisName, Callable[[Request], None]] = {
    **OF_THE_ARMS,
    "survival": survival,
    "cumulative_incidence": cumulative_incidence,
    "survival_difference": survival_difference,
    "hazard_ratio": hazard_ratio,
    "proportional_hazards": proportional_hazards,
    "restricted_mean": restricted_mean,
    "standardised_survival": standardised_survival,
    "augmented_survival": augmented,
    "piecewise": piecewise,
    "landmark": landmark,
    "subgroups": subgroups,
    "response": response,
    "safety": safety,
    "prognostic": prognostic,
    "dialects": dialects,
    "centres": centres,
}

OF_HAZARD_RATIOS: Mapping[AnalysisName, Callable[[Request], None]] = {"e_value": e_value, "unmeasured": unmeasured}
"""Analyses of the hazard ratios in the ledger, after they were pooled where there are imputations."""

OF_CONTROLS: frozenset[AnalysisName] = frozenset({"survival", "hazard_ratio"})
"""Analyses that negative controls go through."""

OF_OUTCOMES: frozenset[AnalysisName] = frozenset(
    {
        "follow_up",
        "survival",
        "survival_difference",
        "cumulative_incidence",
        "hazard_ratio",
        "restricted_mean",
        "piecewise",
        "landmark",
        "response",
        "centres",
    }
)
"""Analyses that read no covariate but those of a regression: of the same patients they say the same."""

NOT_IMPUTED: frozenset[AnalysisName] = frozenset(
    {
        "safety",
        "prognostic",
        "dialects",
        "proportional_hazards",
        "standardised_survival",
        "augmented_survival",
    }
)
"""Analyses that stand on complete cases alone: safety does not depend on covariates, the others explore or diagnose."""

MANY_PATIENTS, MOST_AT_A_TIME = 100_000, 4  # analyses that are run at a time, each with temporaries of its own

log = logging.getLogger("twoarm")


def run_analyses(
    protocol: Protocol,
    population: StudyPopulation,
    adjusted: Sequence[Sequence[AdjustedCohort | NotAdjusted]],
    outcomes: Endpoints,
    ledger: Ledger,
    step: Callable[[str], None] = lambda _: None,
) -> None:
    """Run the population's analyses on every adjusted cohort.

    Args:
        protocol: the study.
        population: one of its populations.
        adjusted: for each completed cohort (one, or one an imputation) its adjusted cohorts, in the same order.
        outcomes: what happened to the patients.
        ledger: where the rows go.
        step: is told which analysis of which adjusted cohort comes next.
    """
    imputed = len(adjusted) > 1
    wanted = [name for name in population.analyses if not (imputed and name in NOT_IMPUTED)]
    if not imputed:
        _run_cohorts(protocol, population, adjusted[0], outcomes, wanted, ledger, step)
        adjustments_disagree(protocol, population, ledger)
        return
    for together in zip(*adjusted, strict=True):
        made = [cohort for cohort in together if isinstance(cohort, AdjustedCohort)]
        if len(made) < len(together):
            missed = _not_in_all(together)
            write_not_made(population, outcomes, ledger.within(adjustment=missed.name), missed.reason)
            continue
        scratches, all_of_them = [Ledger(ledger.context) for _ in made], Imputations.of(made[0])
        for number, (cohort, cohorts, scratch) in enumerate(zip(made, adjusted, scratches, strict=True), start=1):
            say = partial(_of_imputation, step, number, len(made))
            whole = Request(protocol, population, cohort, _unadjusted(cohorts), outcomes, scratch, all_of_them)
            for planned in _plan(whole, wanted):
                planned.run(say)
        pool_rows(protocol, outcomes.times, scratches, ledger)
        here = ledger.within(adjustment=made[0].name, analysis="warning")
        request = Request(protocol, population, made[0], _unadjusted(adjusted[0]), outcomes, here)
        if "centres" in wanted:
            here = ledger.within(adjustment=made[0].name, analysis="centres")
            _run_one(centres_of_pooled, replace(request, ledger=here, outcomes=_without_controls(request)))
        _of_hazard_ratios(request, wanted)
        _run_one(partial(_warnings, imputed=made), request)
    adjustments_disagree(protocol, population, ledger)


def _of_imputation(step: Callable[[str], None], number: int, imputations: int, what: str) -> None:
    step(f"imputation {number} of {imputations}, {what}")


def _of_hazard_ratios(request: Request, wanted: Sequence[AnalysisName]) -> None:
    for name in wanted:
        if name in OF_HAZARD_RATIOS:
            here = replace(request, ledger=request.ledger.within(analysis=name), outcomes=_without_controls(request))
            _run_one(OF_HAZARD_RATIOS[name], here)


def _without_controls(request: Request) -> Endpoints:
    sections = request.population.endpoints
    times = {name: time for name, time in request.outcomes.times.items() if not sections[name].negative_control}
    return replace(request.outcomes, times=times)


def _warnings(request: Request, imputed: Sequence[AdjustedCohort] = ()) -> None:
    design_warnings(request, imputed)
    sensitivity_warnings(request)


def _not_in_all(together: Sequence[AdjustedCohort | NotAdjusted]) -> NotAdjusted:
    """An adjustment that some imputations do not allow has no pooled estimate."""
    missed = [cohort for cohort in together if isinstance(cohort, NotAdjusted)]
    reasons = "; ".join(dict.fromkeys(cohort.reason for cohort in missed))
    reason = f"not possible in {len(missed)} of {len(together)} imputations ({reasons})"
    return NotAdjusted(missed[0].name, missed[0].label, reason)


def _unadjusted(adjusted: Sequence[AdjustedCohort | NotAdjusted]) -> AdjustedCohort:
    return next(cohort for cohort in adjusted if isinstance(cohort, AdjustedCohort) and not cohort.designed)


@dataclass(frozen=True, slots=True)
class _Planned:
    """One analysis of one adjusted cohort."""

    name: str
    analysis: Callable[[Request], None]
    request: Request

    def run(self, step: Callable[[str], None]) -> None:
        """Tell what comes next, and write its rows."""
        step(f"{self.request.adjusted.label}: {self.name.replace('_', ' ')}")
        alone = partial(_run_one, self.analysis, self.request)
        if self.name in OF_OUTCOMES:
            self.request.write((self.name,), (), alone)
        else:
            alone()


def _plan(whole: Request, wanted: Sequence[AnalysisName], *, apart: bool = False) -> Iterator[_Planned]:
    """Yield the analyses of an adjusted cohort, each with a ledger of its own where they are to be run apart."""
    here = whole.ledger.within(adjustment=whole.adjusted.name)

    def request(analysis: str, fits: KeptFits) -> Request:
        own = here.within(analysis=analysis)
        return replace(whole, ledger=Ledger(own.context) if apart else own, fits=fits)

    fits = KeptFits()
    for name in wanted:
        if name not in ANALYSES or (name in OF_THE_ARMS and not whole.adjusted.marginal):
            continue
        one = request(name, fits)
        if name not in OF_CONTROLS:
            one = replace(one, outcomes=_without_controls(one))
        yield _Planned(name, ANALYSES[name], one)
    if whole.outcomes.dates_held and "hazard_ratio" in wanted:
        yield _Planned("partial_dates", partial_dates, request("partial_dates", KeptFits()))


def _run_cohorts(
    protocol: Protocol,
    population: StudyPopulation,
    adjusted: Sequence[AdjustedCohort | NotAdjusted],
    outcomes: Endpoints,
    wanted: Sequence[AnalysisName],
    ledger: Ledger,
    step: Callable[[str], None],
) -> None:
    """Run the analyses of the adjusted cohorts, two or more at a time where there are many patients."""
    unadjusted = _unadjusted(adjusted)
    of_cohorts = [
        None
        if isinstance(cohort, NotAdjusted)
        else Request(protocol, population, cohort, unadjusted, outcomes, ledger.within(adjustment=cohort.name))
        for cohort in adjusted
    ]
    plans = [[] if whole is None else [*_plan(whole, wanted, apart=True)] for whole in of_cohorts]
    at_once = unadjusted.row.size >= MANY_PATIENTS
    if at_once:
        side_by_side((partial(planned.run, step) for plan in plans for planned in plan), most=MOST_AT_A_TIME)
    for cohort, whole, plan in zip(adjusted, of_cohorts, plans, strict=True):
        if isinstance(cohort, NotAdjusted):
            write_not_made(population, outcomes, ledger.within(adjustment=cohort.name), cohort.reason)
            continue
        assert whole is not None, "cohorts that were made have plans"
        if protocol.output.patient_level and cohort.marginal:
            list_patients(whole.ledger, population, cohort, outcomes)
        for planned in plan:
            if not at_once:
                planned.run(step)
            ledger.rows.extend(planned.request.ledger.rows)
            ledger.curves.extend(planned.request.ledger.curves)
        last = replace(whole, ledger=whole.ledger.within(analysis="warning"))
        _of_hazard_ratios(last, wanted)
        _run_one(_warnings, last)


def write_not_made(population: StudyPopulation, outcomes: Endpoints, ledger: Ledger, reason: str) -> None:
    """Write that an adjusted cohort could not be made, and that no endpoint has a hazard ratio in it."""
    ledger.within(analysis="adjustment").not_estimable("adjusted_cohort", reason=reason)
    if "hazard_ratio" in population.analyses:
        for name in outcomes.times:
            contrast = f"{population.treated} vs {population.comparator}"
            here = ledger.within(analysis="hazard_ratio", endpoint=name, arm=contrast)
            here.not_estimable("hazard_ratio", reason=reason)


def _run_one(analysis: Callable[[Request], None], request: Request) -> None:
    """Keep all rows of an analysis or, when it fails, none of them and one that says so."""
    rows, curves = len(request.ledger.rows), len(request.ledger.curves)
    try:
        analysis(request)
    except Exception as error:
        del request.ledger.rows[rows:], request.ledger.curves[curves:]
        kind = type(error).__name__
        log.error("analysis %s of %s failed (%s)", request.ledger.context.analysis, request.adjusted.name, kind)
        request.ledger.add("analysis", None, status="failed", note=f"internal error: {kind}")


def list_patients(ledger: Ledger, population: StudyPopulation, cohort: AdjustedCohort, outcomes: Endpoints) -> None:
    """Write a row a patient and endpoint, when the protocol asks for patient-level output."""
    assert cohort.completed.one_by_one, "patients are listed one by one"
    context, score = ledger.context, cohort.propensity
    for position, row in enumerate(cohort.row.tolist()):
        for name, endpoint in outcomes.times.items():
            patient = cohort.completed.cohort_rows[row]
            known = bool(endpoint.known[patient])
            ledger.patients.append(
                PatientRow(
                    population=context.population,
                    missing=context.missing,
                    adjustment=cohort.name,
                    key=str(cohort.completed.key[row]),
                    arm=population.treated if cohort.completed.treated[row] else population.comparator,
                    pair=None if cohort.pair is None else int(cohort.pair[position]) + 1,
                    propensity=None if score is None else float(score.probability[row]),
                    weight=float(cohort.weight[position]),
                    endpoint=name,
                    time=int(endpoint.time[patient]) if known else None,
                    event=_what_happened(endpoint, int(patient)) if known else None,
                )
            )


def _what_happened(endpoint: TimeToEvent, patient: int) -> int:
    """Return 1 for the event, 2 for a competing one, 0 for the end of follow-up."""
    if endpoint.competing is not None and endpoint.competing[patient]:
        return 2
    return int(endpoint.event[patient])


def write_attrition(ledger: Ledger, cohort: Cohort, outcomes: Endpoints) -> None:
    """Write the lines of eligibility, and what the endpoints held or cut back."""
    here = ledger.within(analysis="attrition")
    for step in cohort.attrition.steps:
        _write_step(here, step, cohort.population)
    for key, label in cohort.left_out:
        ledger.patients.append(PatientRow(cohort.population.name, "", "", key, "", left_out=label))
    for name, endpoint in outcomes.times.items():
        about = ledger.within(analysis="endpoint", endpoint=name, arm="all")
        for reason, count in endpoint.reasons.items():
            about.add("held", count, variable_level=reason)
        about.add("cut_back_to_data_cutoff", endpoint.cut_back)
    for analysis, events in (("response", outcomes.response), ("safety", outcomes.adverse_events)):
        about = ledger.within(analysis="events", variable=analysis, arm="all")
        for reason, count in (events.not_counted if events is not None else {}).items():
            about.add("not_counted", count, variable_level=reason)


def write_completed(ledger: Ledger, completed: CompletedCohort, population: StudyPopulation) -> None:
    """Write the lines of a missing-data strategy, and who is analysed."""
    write_steps(ledger, completed.steps, population)
    here = ledger.within(analysis="attrition")
    treated = completed.treated
    everybody = np.ones_like(treated)
    for label, rows in (("all", everybody), (population.treated, treated), (population.comparator, ~treated)):
        here.add("analysed", completed.count(rows), arm=label)


def write_steps(ledger: Ledger, steps: Sequence[AttritionStep], population: StudyPopulation) -> None:
    """Write the lines of a strategy."""
    for step in steps:
        _write_step(ledger.within(analysis="attrition"), step, population)


def _write_step(ledger: Ledger, step: AttritionStep, population: StudyPopulation) -> None:
    here = ledger.within(variable=step.name, variable_level=step.label)
    for statistic, counts in (
        ("excluded", step.excluded),
        ("excluded_unknown", step.unknown),
        ("remaining", step.remaining),
    ):
        if statistic != "remaining" and step.kind == "start":
            continue
        here.add(statistic, counts.all, arm="all")
        here.add(statistic, counts.treated, arm=population.treated)
        here.add(statistic, counts.comparator, arm=population.comparator)
