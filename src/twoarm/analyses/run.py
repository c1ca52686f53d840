"""Word of the protocol -> analysis; each runs alone, so that one that fails leaves its neighbours unharmed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from twoarm.analyses.balance import balance
from twoarm.analyses.baseline import baseline
from twoarm.analyses.design_warnings import design_warnings
from twoarm.analyses.follow_up import follow_up
from twoarm.analyses.hazard_ratio import hazard_ratio
from twoarm.analyses.lost import lost
from twoarm.analyses.request import Request
from twoarm.analyses.subgroups import subgroups
from twoarm.analyses.survival import survival
from twoarm.cohort.attrition import AttritionStep
from twoarm.cohort.cohort import Cohort
from twoarm.design.adjusted_cohort import AdjustedCohort, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.choices import AnalysisName
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.ledger import Ledger
from twoarm.results.patient_row import PatientRow

OF_THE_ARMS: Mapping[AnalysisName, Callable[[Request], None]] = {
    "baseline": baseline,
    "balance": balance,
    "lost": lost,
    "follow_up": follow_up,
}
"""Analyses of cohorts as they stand; a regression's cohort is the unadjusted one and is not described again."""

ANALYSES: Mapping[AnalysisName, Callable[[Request], None]] = {
    **OF_THE_ARMS,
    "survival": survival,
    "hazard_ratio": hazard_ratio,
    "subgroups": subgroups,
}

log = logging.getLogger("twoarm")


def run_analyses(
    protocol: Protocol,
    population: StudyPopulation,
    adjusted: Sequence[AdjustedCohort | NotAdjusted],
    endpoints: Mapping[str, TimeToEvent],
    ledger: Ledger,
) -> None:
    """Run the population's analyses on every adjusted cohort."""
    unadjusted = next(cohort for cohort in adjusted if isinstance(cohort, AdjustedCohort) and cohort.pair is None)
    for cohort in adjusted:
        here = ledger.within(adjustment=cohort.name)
        if isinstance(cohort, AdjustedCohort) and protocol.output.patient_level and cohort.marginal:
            list_patients(here, population, cohort, endpoints)
        if isinstance(cohort, NotAdjusted):
            here.within(analysis="adjustment").not_estimable("adjusted_cohort", reason=cohort.reason)
            _not_made(population, endpoints, here, cohort.reason)
            continue
        for name in population.analyses:
            if name in OF_THE_ARMS and not cohort.marginal:
                continue
            _run_one(
                ANALYSES[name],
                Request(protocol, population, cohort, unadjusted, endpoints, here.within(analysis=name)),
            )
        _run_one(
            design_warnings,
            Request(protocol, population, cohort, unadjusted, endpoints, here.within(analysis="warning")),
        )


def _not_made(population: StudyPopulation, endpoints: Mapping[str, TimeToEvent], ledger: Ledger, reason: str) -> None:
    if "hazard_ratio" in population.analyses:
        for name in endpoints:
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


def list_patients(
    ledger: Ledger, population: StudyPopulation, cohort: AdjustedCohort, endpoints: Mapping[str, TimeToEvent]
) -> None:
    """Write a row a patient and endpoint, when the protocol asks for patient-level output."""
    context, score = ledger.context, cohort.propensity
    for position, row in enumerate(cohort.row.tolist()):
        for name, endpoint in endpoints.items():
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
                    event=int(endpoint.event[patient]) if known else None,
                )
            )


def write_attrition(ledger: Ledger, cohort: Cohort, endpoints: Mapping[str, TimeToEvent]) -> None:
    """Write the lines of eligibility, and what the endpoints held or cut back."""
    here = ledger.within(analysis="attrition")
    for step in cohort.attrition.steps:
        _write_step(here, step, cohort.population)
    for key, label in cohort.left_out:
        ledger.patients.append(PatientRow(cohort.population.name, "", "", key, "", left_out=label))
    for name, endpoint in endpoints.items():
        about = ledger.within(analysis="endpoint", endpoint=name, arm="all")
        for reason, count in endpoint.reasons.items():
            about.add("held", count, variable_level=reason)
        about.add("cut_back_to_data_cutoff", endpoint.cut_back)


def write_completed(ledger: Ledger, completed: CompletedCohort, population: StudyPopulation) -> None:
    """Write the lines of a missing-data strategy, and who is analysed."""
    here = ledger.within(analysis="attrition")
    for step in completed.steps:
        _write_step(here, step, population)
    counts = {"all": completed.treated.size, population.treated: int(completed.treated.sum())}
    counts[population.comparator] = int((~completed.treated).sum())
    for label, count in counts.items():
        here.add("analysed", int(count), arm=label)


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
