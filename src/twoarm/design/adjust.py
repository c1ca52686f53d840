"""From a completed cohort to all its adjusted cohorts."""

from __future__ import annotations

import numpy as np

from twoarm.design.adjusted_cohort import AdjustedCohort, NotAdjusted
from twoarm.design.complete import CompletedCohort
from twoarm.design.matching import match
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Matching, Multivariable, Unadjusted
from twoarm.protocol.protocol import StudyPopulation


def adjust(
    population: StudyPopulation, completed: CompletedCohort, seed: int | None
) -> list[AdjustedCohort | NotAdjusted]:
    """Make every adjustment of the population; one that cannot be made keeps its place and its reason."""
    adjusted: list[AdjustedCohort | NotAdjusted] = []
    for name, adjustment in population.adjustments.items():
        if isinstance(adjustment, Matching):
            try:
                adjusted.append(match(name, adjustment, population, completed, seed))
            except NotEstimableError as error:
                adjusted.append(NotAdjusted(name, adjustment.label, str(error)))
        else:
            adjusted.append(_everybody(name, adjustment, population, completed))
    return adjusted


def _everybody(
    name: str, adjustment: Unadjusted | Multivariable, population: StudyPopulation, completed: CompletedCohort
) -> AdjustedCohort:
    n = completed.key.size
    in_model: tuple[str, ...] = ()
    if isinstance(adjustment, Multivariable):
        in_model = tuple(population.covariates) if adjustment.covariates is None else adjustment.covariates
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
