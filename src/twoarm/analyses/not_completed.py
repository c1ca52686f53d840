"""Strategies for missing covariates that cannot be followed, and covariates that hardly anybody has."""

from __future__ import annotations

from twoarm.analyses.run import write_not_made, write_steps
from twoarm.cohort.cohort import Cohort
from twoarm.design.complete import NotCompleted
from twoarm.design.imputation import mostly_missing
from twoarm.endpoints.endpoints import Endpoints
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.ledger import Ledger


def write_not_completed(
    ledger: Ledger, completed: NotCompleted, population: StudyPopulation, outcomes: Endpoints
) -> None:
    """Write why none of the population's adjustments could be made under a strategy; its neighbours are unharmed."""
    write_steps(ledger, completed.steps, population)
    for name in population.adjustments:
        write_not_made(population, outcomes, ledger.within(adjustment=name), completed.reason)


def write_mostly_missing(protocol: Protocol, ledger: Ledger, cohort: Cohort) -> None:
    """Warn of each covariate that nobody, or hardly anybody, of an arm has; the number is 100, or 95 for "or more"."""
    note = protocol.acknowledge.get("mostly_missing", "")
    for name, arm, share in mostly_missing(cohort):
        ledger.within(analysis="warning", variable=name, arm=arm).add("mostly_missing", share, unit="%", note=note)
