"""Weighted cohorts as the protocol asks for them."""

from __future__ import annotations

import numpy as np

from twoarm.design.adjusted_cohort import AdjustedCohort, Weighted
from twoarm.design.complete import CompletedCohort
from twoarm.design.design_matrix import build_design_matrix
from twoarm.design.propensity import fit_propensity
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Weighting
from twoarm.protocol.protocol import StudyPopulation
from twoarm.statistics.balancing_weights import balancing_weights
from twoarm.statistics.entropy_balancing import entropy_balancing


def weigh(name: str, weighting: Weighting, population: StudyPopulation, completed: CompletedCohort) -> AdjustedCohort:
    """Return every patient once, weighted so that the arms resemble one population.

    Raises:
        NotEstimableError: separation in the propensity model, scores of 0 or 1, or targets that no weights meet.
    """
    names = tuple(population.covariates) if weighting.covariates is None else weighting.covariates
    treated = completed.treated
    design = build_design_matrix(completed.covariates, names, treated.size)
    score = None
    if weighting.method == "entropy":
        assert weighting.estimand != "ATO", "the protocol refuses overlap weights by entropy balancing"
        found = entropy_balancing(
            covariates=design.values,
            treated=treated,
            estimand=weighting.estimand,
            moments=weighting.moments,
            names=design.names,
            frequency=completed.frequency,
        )
        weight, weighted = found.weight, Weighted(found.treated, found.comparator, None, 0, 0)
    else:
        score = fit_propensity(treated, design, completed.frequency)
        if not ((score.probability > 0) & (score.probability < 1)).all():
            raise NotEstimableError("a propensity score is 0 or 1: no weight makes up for patients whom one arm lacks")
        made = balancing_weights(
            score=score.probability,
            treated=treated,
            estimand=weighting.estimand,
            stabilised=weighting.stabilises,
            truncate_at=weighting.truncate_at,
            truncate_quantiles=weighting.truncate_quantiles,
            frequency=completed.frequency,
        )
        weight = made.weight
        weighted = Weighted(made.treated, made.comparator, made.limits, made.truncated_below, made.truncated_above)
    return AdjustedCohort(
        name=name,
        label=weighting.label,
        completed=completed,
        row=np.arange(treated.size),
        weight=weight,
        pair=None,
        covariates_in_model=(),
        estimand=weighting.estimand,
        propensity=score,
        caliper_width=None,
        lost=None,
        naive_variance=False,
        weighted=weighted,
    )
