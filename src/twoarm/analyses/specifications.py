"""The declared grid: every design on every endpoint, one row of numbers each, and what they say together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from twoarm.analyses.balance import balance
from twoarm.analyses.cox_model import STATISTICS
from twoarm.analyses.hazard_ratio import hazard_ratio
from twoarm.analyses.pooling import pool_rows
from twoarm.analyses.request import Request
from twoarm.design.adjust import adjust
from twoarm.design.adjusted_cohort import AdjustedCohort, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.endpoints.endpoints import Endpoints
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.protocol.specifications import DesignChoice, Specifications
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger

KEPT = frozenset({*STATISTICS, "log_hazard_ratio", "log_hazard_ratio_se", "degrees_of_freedom", "n", "events"})

BALANCE = "over covariates and levels"

log = logging.getLogger("twoarm")


def run_specifications(
    protocol: Protocol,
    population: StudyPopulation,
    completed: Sequence[CompletedCohort],
    outcomes: Endpoints,
    ledger: Ledger,
) -> None:
    """Run the grid under one strategy for missing values; after the last one, sum up all specifications.

    Args:
        protocol: the study.
        population: one of its populations.
        completed: one completed cohort, or one an imputation.
        outcomes: what happened to the patients.
        ledger: where the rows go.
    """
    grid, strategy = protocol.specifications, completed[0].strategy
    if grid is None or "specifications" not in population.analyses:
        return
    assert completed[0].frequency is None, "a grid of designs needs patients one by one"
    strategies, endpoints = grid.missing_of(population.missing), grid.endpoints_of(population.endpoints)
    if strategy not in strategies or not endpoints:
        return
    wanted = replace(outcomes, times={name: outcomes.times[name] for name in endpoints})
    for choice in grid.designs().values():
        here = ledger.within(analysis="specifications", adjustment=choice.kind, variable_level=choice.name)
        _isolated(protocol, population, choice, completed, wanted, here)
    if strategy == strategies[-1]:
        _sum_up(ledger.within(analysis="specifications", missing="", adjustment=""), population, grid)


def _isolated(
    protocol: Protocol,
    population: StudyPopulation,
    choice: DesignChoice,
    completed: Sequence[CompletedCohort],
    outcomes: Endpoints,
    ledger: Ledger,
) -> None:
    """Keep all rows of a specification or, when it fails, one an endpoint that says so."""
    before = len(ledger.rows)
    try:
        _run_design(protocol, population, choice, completed, outcomes, ledger)
    except Exception as error:
        del ledger.rows[before:]
        kind = type(error).__name__
        log.error("specification %s failed (%s)", choice.name, kind)
        for name in outcomes.times:
            here = ledger.within(endpoint=name, arm=_contrast(population))
            here.add("hazard_ratio", None, status="failed", note=f"internal error: {kind}")


def _run_design(
    protocol: Protocol,
    population: StudyPopulation,
    choice: DesignChoice,
    completed: Sequence[CompletedCohort],
    outcomes: Endpoints,
    ledger: Ledger,
) -> None:
    scratches = []
    for one in completed:
        scratch = Ledger(ledger.context)
        _one_cohort(protocol, population, choice, one, outcomes, scratch)
        scratches.append(scratch)
    if len(scratches) == 1:
        ledger.rows.extend(scratches[0].rows)
    else:
        pool_rows(protocol, outcomes.times, scratches, ledger)


def _one_cohort(
    protocol: Protocol,
    population: StudyPopulation,
    choice: DesignChoice,
    completed: CompletedCohort,
    outcomes: Endpoints,
    ledger: Ledger,
) -> None:
    """Make the design on one completed cohort by the steps of the study's own adjustments, and keep its headline."""
    alone = replace(population, adjustments={choice.kind: choice.section})
    made = adjust(alone, completed, protocol.seed)[0]
    if isinstance(made, NotAdjusted):
        for name in outcomes.times:
            ledger.within(endpoint=name, arm=_contrast(population)).not_estimable(*STATISTICS, reason=made.reason)
        return
    request = Request(protocol, population, made, _everybody(population, completed, protocol), outcomes, ledger)
    for row in _headline_rows(request):
        ledger.rows.append(replace(row, analysis="specifications", variable_level=choice.name))
    largest = _largest_difference(request)
    for name in outcomes.times:
        here = ledger.within(endpoint=name)
        if made.pair is not None:
            here.add("pairs", int(np.unique(made.pair).size), arm="all")
        if largest is not None:
            # a cell of its own: what is missing touches balance where the hazard ratio may stand as it is
            here.add("largest_absolute_smd", largest.value, arm=request.contrast, parameter=BALANCE, note=largest.note)


def _everybody(population: StudyPopulation, completed: CompletedCohort, protocol: Protocol) -> AdjustedCohort:
    """Return every patient once, whose spread is the yardstick of balance."""
    unadjusted = {n: a for n, a in population.adjustments.items() if a.kind == "unadjusted"}
    made = adjust(replace(population, adjustments=unadjusted), completed, protocol.seed)[0]
    assert isinstance(made, AdjustedCohort), "everybody as they are can always be had"
    return made


def _headline_rows(request: Request) -> Iterator[Estimate]:
    """Yield the arm's hazard ratio by the headline method, and the counts of its model."""
    scratch = Ledger(replace(request.ledger.context, analysis="hazard_ratio", variable_level=""))
    hazard_ratio(replace(request, ledger=scratch))
    for name in request.endpoints:
        mine = [row for row in scratch.rows if row.endpoint == name and not row.variable and row.statistic in KEPT]
        method = next((row.method for row in mine if row.arm == request.contrast), "")
        yield from (row for row in mine if row.arm == "all" or row.method == method)


def _largest_difference(request: Request) -> Estimate | None:
    """Return the largest standardised difference; none of a regression, which balances nothing."""
    if not request.adjusted.marginal:
        return None
    scratch = Ledger(replace(request.ledger.context, analysis="balance", variable_level=""))
    balance(replace(request, ledger=scratch))
    return next(row for row in scratch.rows if row.statistic == "largest_absolute_smd")


def _contrast(population: StudyPopulation) -> str:
    return f"{population.treated} vs {population.comparator}"


def _sum_up(ledger: Ledger, population: StudyPopulation, grid: Specifications) -> None:
    """Write, an endpoint at a time, how the estimates of all specifications lie about 1."""
    for endpoint in grid.endpoints_of(population.endpoints):
        rows = [row for row in ledger.rows if _of_grid(row, population, endpoint)]
        found = {
            statistic: {_key(row): float(row.value) for row in rows if row.statistic == statistic and row.value}
            for statistic in STATISTICS[:3]
        }
        ratios = found["hazard_ratio"]
        here = ledger.within(endpoint=endpoint, arm=_contrast(population))
        here.add("specifications", len({_key(row) for row in rows}))
        here.add("specifications_with_estimate", len(ratios))
        names = ("share_below_1", "share_excluding_1", "smallest_hazard_ratio", "largest_hazard_ratio")
        if not ratios:
            here.not_estimable(*names, reason="no specification with an estimate")
            continue
        below = [ratio < 1 for ratio in ratios.values()]
        lower, upper = found["hazard_ratio_lower"], found["hazard_ratio_upper"]
        excluding = [lower.get(key, 0.0) > 1 or upper.get(key, 2.0) < 1 for key in ratios]
        values = (100 * float(np.mean(below)), 100 * float(np.mean(excluding)), *_ends(list(ratios.values())))
        for name, value in zip(names, values, strict=True):
            here.add(name, value, unit="%" if name.startswith("share") else "")


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _of_grid(row: Estimate, population: StudyPopulation, endpoint: str) -> bool:
    return (row.analysis, row.population, row.endpoint) == ("specifications", population.name, endpoint) and bool(
        row.variable_level
    )


def _key(row: Estimate) -> tuple[str, str]:
    return (row.missing, row.variable_level)
