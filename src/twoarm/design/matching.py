"""Matched cohorts as the protocol asks for them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from twoarm.design.adjusted_cohort import AdjustedCohort, Lost, MatchedSets, Weighted
from twoarm.design.complete import CompletedCohort
from twoarm.design.design_matrix import build_design_matrix
from twoarm.design.propensity import fit_propensity, score_sd
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Matching
from twoarm.protocol.protocol import StudyPopulation
from twoarm.statistics.arrays import Booleans, Floats, group_sums
from twoarm.statistics.balancing_weights import summarise_weights
from twoarm.statistics.matched_sets import SetRows, rows_of_sets
from twoarm.statistics.nearest_neighbour import Matches, match_nearest
from twoarm.statistics.optimal_matching import match_optimal


def match(
    name: str, matching: Matching, population: StudyPopulation, completed: CompletedCohort, seed: int | None
) -> AdjustedCohort:
    """Return the matched cohort, set after set, the focal patient first and then its partners.

    Raises:
        NotEstimableError: separation in the propensity model, or no pair within the caliper.
    """
    names = tuple(population.covariates) if matching.covariates is None else matching.covariates
    assert completed.frequency is None, "patients are matched one by one"
    treated = completed.treated
    score = fit_propensity(treated, build_design_matrix(completed.covariates, names, treated.size), None)
    distance_on = score.on(matching.scale)
    caliper = None
    if matching.caliper != "none":
        sd = score_sd(distance_on, treated, matching.caliper.sd) if matching.caliper.unit == "sd" else 1.0
        caliper = matching.caliper.width * sd
    n1, n0 = int(treated.sum()), int((~treated).sum())
    focal_is_treated = n1 <= n0 if matching.focal == "smaller" else matching.focal == "treated"
    focal = treated if focal_is_treated else ~treated
    matches = _matches(name, matching, population, completed, distance_on, focal, caliper, seed)
    if matches.focal.size == 0:
        raise NotEstimableError("no pair within the caliper")
    rows = rows_of_sets(matches)
    found = np.zeros(treated.size, dtype=np.bool_)
    found[matches.focal] = True
    arm = population.treated if focal_is_treated else population.comparator
    larger = (n1 > n0) if focal_is_treated else (n0 > n1)
    return AdjustedCohort(
        name=name,
        label=matching.label,
        completed=completed,
        row=rows.patient,
        weight=rows.weight,
        pair=rows.pair,
        covariates_in_model=(),
        estimand=matching.answers,
        propensity=score,
        caliper_width=caliper,
        lost=Lost(arm, np.flatnonzero(focal & found), np.flatnonzero(focal & ~found), larger),
        naive_variance=matching.naive_variance,
        weighted=_weighted(rows, treated) if matching.sets else None,
        sets=MatchedSets(matching.ratio, matching.replacement) if matching.sets else None,
    )


def _matches(
    name: str,
    matching: Matching,
    population: StudyPopulation,
    completed: CompletedCohort,
    score: Floats,
    focal: Booleans,
    caliper: float | None,
    seed: int | None,
) -> Matches:
    strata = _strata(matching, completed)
    if matching.method == "optimal":
        return match_optimal(
            score=score, focal=focal, caliper=caliper, key=completed.key, ratio=matching.ratio, exact=strata
        )
    return match_nearest(
        score=score,
        focal=focal,
        caliper=caliper,
        order=matching.order,
        key=completed.key,
        position=completed.position[matching.order_column or ""],
        generator=_generator(seed, population.name, completed.strategy, name),
        ratio=matching.ratio,
        replace=matching.replacement,
        exact=strata,
    )


def _weighted(rows: SetRows, treated: Booleans) -> Weighted:
    """Return what the sets' weights leave of each arm, over distinct patients."""
    total = group_sums(rows.patient, rows.weight, treated.size)
    inside = total > 0
    treated_arm, comparator_arm = (summarise_weights(total, inside & arm) for arm in (treated, ~treated))
    return Weighted(treated_arm, comparator_arm, limits=None, truncated_below=0, truncated_above=0)


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
