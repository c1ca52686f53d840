"""Matched cohorts as the protocol asks for them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from twoarm.design.adjusted_cohort import AdjustedCohort, Lost
from twoarm.design.complete import CompletedCohort
from twoarm.design.design_matrix import build_design_matrix
from twoarm.design.propensity import fit_propensity, score_sd
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Matching
from twoarm.protocol.protocol import StudyPopulation
from twoarm.statistics.nearest_neighbour import match_nearest


def match(
    name: str, matching: Matching, population: StudyPopulation, completed: CompletedCohort, seed: int | None
) -> AdjustedCohort:
    """Return the matched cohort, pairs side by side.

    Raises:
        NotEstimableError: separation in the propensity model, or no pair within the caliper.
    """
    names = tuple(population.covariates) if matching.covariates is None else matching.covariates
    treated = completed.treated
    score = fit_propensity(treated, build_design_matrix(completed.covariates, names, treated.size))
    distance_on = score.on(matching.scale)
    caliper = None
    if matching.caliper != "none":
        sd = score_sd(distance_on, treated, matching.caliper.sd) if matching.caliper.unit == "sd" else 1.0
        caliper = matching.caliper.width * sd
    n1, n0 = int(treated.sum()), int((~treated).sum())
    focal_is_treated = n1 <= n0 if matching.focal == "smaller" else matching.focal == "treated"
    focal = treated if focal_is_treated else ~treated
    matches = match_nearest(
        score=distance_on,
        focal=focal,
        caliper=caliper,
        order=matching.order,
        key=completed.key,
        position=completed.position[matching.order_column or ""],
        generator=_generator(seed, population.name, completed.strategy, name),
        exact=_strata(matching, completed),
    )
    if matches.focal.size == 0:
        raise NotEstimableError("no pair within the caliper")
    found = np.zeros(treated.size, dtype=np.bool_)
    found[matches.focal] = True
    arm = population.treated if focal_is_treated else population.comparator
    larger = (n1 > n0) if focal_is_treated else (n0 > n1)
    return AdjustedCohort(
        name=name,
        label=matching.label,
        completed=completed,
        row=np.column_stack([matches.focal, matches.partner]).ravel(),
        weight=np.ones(2 * matches.focal.size),
        pair=np.repeat(np.arange(matches.focal.size), 2),
        covariates_in_model=(),
        estimand=matching.answers,
        propensity=score,
        caliper_width=caliper,
        lost=Lost(arm, np.flatnonzero(focal & found), np.flatnonzero(focal & ~found), larger),
        naive_variance=matching.naive_variance,
    )


def _strata(matching: Matching, completed: CompletedCohort) -> NDArray[np.str_] | None:
    """Return the stratum of each patient by the columns on which partners agree; None without such columns."""
    if not matching.exact:
        return None
    columns = (completed.groups[name].tolist() for name in matching.exact)
    return np.array(["\x1f".join(values) for values in zip(*columns, strict=True)])


def _generator(seed: int | None, *step: str) -> np.random.Generator | None:
    """Spawn a stream by the step's name, so that another analysis more does not change this one's draws."""
    if seed is None:
        return None
    digest = hashlib.sha256("/".join(step).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest[:8], "big")]))
