"""From a completed cohort to all its adjusted cohorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from twoarm.design.adjusted_cohort import AdjustedCohort, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.design.matching import match
from twoarm.design.weighting import weigh
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Matching, Multivariable, Unadjusted, Weighting
from twoarm.protocol.protocol import StudyPopulation
from twoarm.statistics.arrays import Integers


def adjust(
    population: StudyPopulation,
    completed: CompletedCohort,
    seed: int | None,
    step: Callable[[str], None] = lambda _: None,
) -> list[AdjustedCohort | NotAdjusted]:
    """Make every adjustment of the population; one that cannot be made keeps its place and its reason.

    ``step`` is told the label of each.
    """
    adjusted: list[AdjustedCohort | NotAdjusted] = []
    for name, adjustment in population.adjustments.items():
        step(adjustment.label)
        if isinstance(adjustment, Matching | Weighting):
            try:
                adjusted.append(_designed(name, adjustment, population, completed, seed))
            except NotEstimableError as error:
                adjusted.append(NotAdjusted(name, adjustment.label, str(error)))
        else:
            adjusted.append(_everybody(name, adjustment, population, completed))
    return adjusted


def _designed(
    name: str, section: Matching | Weighting, population: StudyPopulation, completed: CompletedCohort, seed: int | None
) -> AdjustedCohort:
    """Match or weigh, and say how to do it again on a resample of the completed cohort."""

    def make(cohort: CompletedCohort) -> AdjustedCohort:
        if isinstance(section, Matching):
            return match(name, section, population, cohort, seed)
        return weigh(name, section, population, cohort)

    def again(rows: Integers) -> AdjustedCohort:
        return make(completed.resampled(rows))

    replicates = section.bootstrap.replicates if section.bootstrap else 0
    return replace(make(completed), again=again, replicates=replicates)


def _everybody(
    name: str, adjustment: Unadjusted | Multivariable, population: StudyPopulation, completed: CompletedCohort
) -> AdjustedCohort:
    n = completed.key.size
    in_model: tuple[str, ...] = ()
    if isinstance(adjustment, Multivariable):
        in_model = population.model_covariates if adjustment.covariates is None else adjustment.covariates
    return AdjustedCohort(
        name=name,
        label=adjustment.label,
        completed=completed,
        row=np.arange(n),
        weight=np.ones(n),
        pair=None,
        covariates_in_model=in_model,
        estimand=None,
        propensity=None,
        caliper_width=None,
        lost=None,
        naive_variance=False,
    )
