"""A study from beginning to end; reads like the methods section."""

from __future__ import annotations

from collections.abc import Callable

from twoarm.analyses.run import run_analyses, write_attrition, write_completed
from twoarm.cohort.cohort import build_cohort
from twoarm.design.adjust import adjust
from twoarm.design.complete import complete
from twoarm.disclosure.disclose import disclose
from twoarm.endpoints.time_to_event import derive_endpoints
from twoarm.protocol.protocol import Protocol
from twoarm.records.records import Records
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.statistics.linear_algebra import one_thread


def run_study(protocol: Protocol, records: Records, *, progress: Callable[[str], None] = lambda _: None) -> Results:
    """Run every population, missing-data strategy, adjustment and analysis of a protocol.

    Args:
        protocol: what is asked; see ``read_protocol``.
        records: what is known; see ``read_records``.
        progress: is told the name of each stage.

    Raises:
        RecordsError: the records cannot answer the question as asked, such as an arm without patients.
    """
    study = Ledger(Estimate(analysis=""))
    with one_thread():
        for population in protocol.plan():
            ledger = study.within(population=population.name)
            progress(f"{population.label}: cohort and endpoints")
            cohort = build_cohort(protocol, population, records)
            endpoints = derive_endpoints(protocol, population, records, cohort)
            write_attrition(ledger, cohort, endpoints)
            for strategy, section in population.missing.items():
                progress(f"{population.label}: {section.label.lower()}, adjustment")
                completed = complete(strategy, cohort)
                here = ledger.within(missing=strategy)
                write_completed(here, completed, population)
                adjusted = adjust(population, completed, protocol.seed)
                progress(f"{population.label}: {section.label.lower()}, analyses")
                run_analyses(protocol, population, adjusted, endpoints, here)
    return disclose(protocol.disclosure, study)
