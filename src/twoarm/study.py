"""A study from beginning to end; reads like the methods section."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import numpy as np

from twoarm.analyses.not_completed import write_mostly_missing, write_not_completed
from twoarm.analyses.run import run_analyses, write_attrition, write_completed
from twoarm.analyses.specifications import run_specifications
from twoarm.cohort.attrition import AttritionStep
from twoarm.cohort.cohort import build_cohort
from twoarm.design.adjust import adjust
from twoarm.design.adjusted_cohort import NotAdjusted
from twoarm.design.complete import NotCompleted, complete
from twoarm.design.imputation import missing_rows, not_drawn
from twoarm.disclosure.disclose import disclose, disclose_inputs
from twoarm.endpoints.endpoints import endpoints_of, with_endpoints
from twoarm.errors import Problem, RecordsError
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol
from twoarm.records.findings import Finding, RefusedRowsError
from twoarm.records.records import Records, Survey, survey_records
from twoarm.results.estimate import Estimate, Status
from twoarm.results.ledger import Ledger
from twoarm.results.provenance import Provenance
from twoarm.results.results import Results
from twoarm.statistics.linear_algebra import one_thread


def run_study(
    protocol: Protocol,
    records: Records,
    *,
    progress: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
    so_far: Callable[[Ledger, bool], None] = lambda *_: None,
) -> Results:
    """Run every population, missing-data strategy, adjustment and analysis of a protocol.

    Args:
        protocol: what is asked; see ``read_protocol``.
        records: what is known; see ``read_records``.
        progress: is told the name of each stage.
        step: is told what a stage is at.
        so_far: is shown the ledger, undisclosed, before each strategy for missing values (True) and before each step
            (False); later rows leave those that are there as they are.

    Raises:
        RecordsError: the records cannot answer the question as asked, such as an arm without patients.
    """
    study, turn = Ledger(Estimate(analysis="")), Lock()

    def at(what: str) -> None:
        with turn:  # analyses may run side by side
            so_far(study, False)
            step(what)

    with one_thread():
        for population in protocol.plan():
            ledger = study.within(population=population.name)
            progress(f"{population.label}: cohort and endpoints")
            known = with_endpoints(protocol, population, records)
            cohort = build_cohort(protocol, population, known)
            outcomes = endpoints_of(protocol, population, known, cohort)
            write_attrition(ledger, cohort, outcomes)
            for strategy, section in population.missing.items():
                so_far(study, True)
                progress(f"{population.label}: {section.label}, adjustment")
                completed = complete(strategy, section, cohort, outcomes.times, protocol.seed)
                here = ledger.within(missing=strategy)
                write_mostly_missing(protocol, here, cohort)
                if isinstance(completed, NotCompleted):
                    write_not_completed(here, completed, population, outcomes)
                    continue
                write_completed(here, completed[0], population)
                adjusted = [adjust(population, one, protocol.seed, at) for one in completed]
                progress(f"{population.label}: {section.label}, analyses")
                run_analyses(protocol, population, adjusted, outcomes, here, at)
                run_specifications(protocol, population, completed, outcomes, here)
    return disclose(protocol.disclosure, study)


def primary_status(protocol: Protocol, results: Results) -> Status:
    """Return the status of the primary analysis: the hazard ratio of the primary endpoint in the study population."""
    study = protocol.plan()[0]
    wanted = {
        "population": study.name,
        "missing": next(iter(study.missing)),
        "adjustment": protocol.primary_adjustment,
    }
    if "hazard_ratio" not in study.analyses or protocol.primary_adjustment not in study.adjustments:
        return "skipped"
    if results.select(**wanted, analysis="hazard_ratio", status="failed"):
        return "failed"
    endpoint = {"endpoint": protocol.primary_endpoint, "statistic": "hazard_ratio", "variable": ""}
    rows = results.select(**wanted, analysis="hazard_ratio", **endpoint)
    return rows[0].status if rows else "skipped"


def provenance_of(protocol: Protocol, records: Records) -> Provenance:
    """Return what the manifest says of a run: the protocol by its canonical content, the inputs by their hashes."""
    canonical = hashlib.sha256(protocol.model_dump_json().encode("utf-8")).hexdigest()
    engine = {"polars": (), "duckdb": ("duckdb",), "spark": ("pyspark",)}[protocol.engine]
    return Provenance.of(canonical, disclose_inputs(protocol.disclosure, records.inputs), protocol.seed, engine)


def design_hashes(protocol: Protocol, records: Records) -> dict[str, str]:
    """Return a hash of who is compared with whom, for every adjustment of complete cases; outcomes are not needed.

    Raises:
        RecordsError: the records cannot answer the question as asked.
    """
    hashes: dict[str, str] = {}
    with one_thread():
        for population in protocol.plan():
            cohort = build_cohort(protocol, population, records)
            for strategy, section in population.missing.items():
                if isinstance(section, MultipleImputation):
                    continue
                completed = complete(strategy, section, cohort, {}, protocol.seed)
                if isinstance(completed, NotCompleted):
                    digest = hashlib.sha256(completed.reason.encode("utf-8")).hexdigest()
                    hashes |= {f"{population.name}/{strategy}/{name}": digest for name in population.adjustments}
                    continue
                for made in adjust(population, completed[0], protocol.seed):
                    lines = [made.reason] if isinstance(made, NotAdjusted) else list(made.members())
                    digest = hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()
                    hashes[f"{population.name}/{strategy}/{made.name}"] = digest
    return hashes


def design_summary(protocol: Protocol, records: Records) -> Iterator[str]:
    """Yield who would be compared, and how many pairs each matching makes; outcomes are not looked at.

    Raises:
        RecordsError: the records cannot answer the question as asked.
    """
    for population in protocol.plan():
        cohort = build_cohort(protocol, population, records)
        yield f"{population.label}:"
        for step in cohort.attrition.steps:
            yield f"  {step.label}: {_left(step)}{step.remaining.all:,} remain"
        for strategy, section in population.missing.items():
            if isinstance(section, MultipleImputation):
                scarce = not_drawn(cohort)
                if scarce:
                    yield f"  {section.label}: not possible ({scarce})"
                    continue
                missing = missing_rows(cohort)
                incomplete, everybody = cohort.count(missing), cohort.count(np.ones_like(missing))
                yield (
                    f"  {section.label}: {everybody:,} to analyse, {section.imputations} times; "
                    f"{incomplete:,} with a missing covariate (drawn with the outcomes, which are not looked at here)"
                )
                continue
            found = complete(strategy, section, cohort, {}, protocol.seed)
            steps = found.steps if isinstance(found, NotCompleted) else found[0].steps
            for step in steps:
                yield f"  {step.label}: {_left(step)}{step.remaining.all:,} remain"
            if isinstance(found, NotCompleted):
                yield f"  {section.label}: not possible ({found.reason})"
                continue
            completed = found[0]
            treated, others = completed.count(completed.treated), completed.count(~completed.treated)
            counts = f"{population.treated} {treated:,}, {population.comparator} {others:,}"
            yield f"  {section.label}: {treated + others:,} to analyse ({counts})"
            for made in adjust(population, completed, protocol.seed):
                if isinstance(made, NotAdjusted):
                    yield f"  {made.label}: not possible ({made.reason})"
                elif made.pair is not None:
                    yield f"  {made.label}: {made.set_count:,} {'pairs' if made.sets is None else 'matched sets'}"


def everything_wrong(protocol: Protocol, folder: str | Path) -> Survey:
    """Return what is wrong with the records and with who is compared, by row or in all.

    Nothing is refused on the way, so that one mistake does not hide another.
    """
    survey = survey_records(protocol, folder)
    findings: list[Finding] = list(survey.findings)
    problems: list[Problem] = list(survey.problems)
    for population in protocol.plan() if survey.records is not None else ():
        assert survey.records is not None, "populations are built of records"
        try:
            build_cohort(protocol, population, survey.records)
        except RefusedRowsError as error:
            findings += [finding for finding in error.findings if finding not in findings]
        except RecordsError as error:
            problems += error.problems
    return Survey(tuple(findings), tuple(problems), survey.records)


def _left(step: AttritionStep) -> str:
    return "" if step.kind == "start" else f"{step.excluded.all:,} left out, "
