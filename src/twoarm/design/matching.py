"""Matched cohorts as the protocol asks for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoarm.cohort.roster import Roster
from twoarm.design.adjusted_cohort import AdjustedCohort, Lost, MatchedSets, MatchedStrata, Weighted
from twoarm.design.complete import CompletedCohort
from twoarm.design.design_matrix import build_design_matrix
from twoarm.design.propensity import fit_propensity, score_sd
from twoarm.design.random_streams import stream
from twoarm.errors import NotEstimableError
from twoarm.protocol.adjustment import Matching
from twoarm.protocol.protocol import StudyPopulation
from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums
from twoarm.statistics.balancing_weights import summarise_weights
from twoarm.statistics.matched_sets import SetRows, rows_of_sets
from twoarm.statistics.nearest_neighbour import Matches, match_nearest
from twoarm.statistics.optimal_matching import match_optimal


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Pairs of patients who are numbered from 0."""

    matches: Matches
    row: Integers  # row of the completed cohort of each patient
    strata: MatchedStrata | None = None  # None where all were matched together


@dataclass(frozen=True, slots=True, eq=False)
class _Looking:
    """Who looks for a partner, on which score, how far; n rows of the completed cohort."""

    score: Floats
    focal: Booleans
    caliper: float | None


def match(
    name: str, matching: Matching, population: StudyPopulation, completed: CompletedCohort, seed: int | None
) -> AdjustedCohort:
    """Return the matched cohort, set after set, the focal patient first and then its partners.

    Raises:
        NotEstimableError: separation in the propensity model, or no pair within the caliper.
        RecordsError: patients who are fetched by stratum are too many, or not those who were counted.
    """
    assert completed.one_by_one or completed.roster is not None, "patients are matched one by one"
    names = tuple(population.covariates) if matching.covariates is None else matching.covariates
    treated, frequency = completed.treated, completed.frequency
    score = fit_propensity(treated, build_design_matrix(completed.covariates, names, treated.size), frequency)
    distance_on = score.on(matching.scale)
    caliper = None
    if matching.caliper != "none":
        sd = score_sd(distance_on, treated, matching.caliper.sd, frequency) if matching.caliper.unit == "sd" else 1.0
        caliper = matching.caliper.width * sd
    n1, n0 = completed.count(treated), completed.count(~treated)
    focal_is_treated = n1 <= n0 if matching.focal == "smaller" else matching.focal == "treated"
    looking = _Looking(distance_on, treated if focal_is_treated else ~treated, caliper)
    if completed.roster is None:
        found = _together(name, matching, population, completed, looking, seed)
    else:
        found = _by_stratum(name, matching, completed, completed.roster, looking)
    if found.matches.focal.size == 0:
        raise NotEstimableError("no pair within the caliper")
    sets = rows_of_sets(found.matches)
    arm = population.treated if focal_is_treated else population.comparator
    larger = (n1 > n0) if focal_is_treated else (n0 > n1)
    return AdjustedCohort(
        name=name,
        label=matching.label,
        completed=completed,
        row=found.row[sets.patient],
        weight=sets.weight,
        pair=sets.pair,
        covariates_in_model=(),
        estimand=matching.answers,
        propensity=score,
        caliper_width=caliper,
        lost=_lost(arm, found, looking.focal, frequency, larger=larger),
        naive_variance=matching.naive_variance,
        weighted=_weighted(sets, treated[found.row]) if matching.sets else None,
        sets=MatchedSets(matching.ratio, matching.replacement) if matching.sets else None,
        strata=found.strata,
    )


def _together(
    name: str,
    matching: Matching,
    population: StudyPopulation,
    completed: CompletedCohort,
    looking: _Looking,
    seed: int | None,
) -> _Found:
    """Match all patients at once, each of whom is a row."""
    generator = None if seed is None else stream(seed, population.name, completed.strategy, name)
    position = completed.position[matching.order_column or ""]
    exact = _strata(matching, completed)
    pairs = _pairs(matching, looking, exact, key=completed.key, position=position, generator=generator)
    return _Found(pairs, np.arange(looking.focal.size))


def _by_stratum(name: str, matching: Matching, completed: CompletedCohort, roster: Roster, looking: _Looking) -> _Found:
    """Match the patients of a few strata at a time, in the order of their keys, and keep those who are in pairs."""
    labels = _strata(matching, completed)
    assert labels is not None, "there are columns on which partners agree"
    code = np.unique(labels, return_inverse=True)[1].reshape(-1)
    strata = roster.strata(matching.exact, completed.cohort_rows)
    parts, whose = [_NO_PAIRS], [code[:0]]
    for row in strata.patients(f"adjustments.{name}"):
        part = _Looking(looking.score[row], looking.focal[row], looking.caliper)
        found = _pairs(matching, part, code[row])  # keys are in order, and ties go by it
        paired = np.unique(np.concatenate([found.focal, found.partner]))
        before = sum(rows.size for rows in whose)
        focal, partner = (np.searchsorted(paired, side) + before for side in (found.focal, found.partner))
        parts.append(Matches(focal, partner, found.distance, found.focal_total))
        whose.append(row[paired])
    matches = Matches(
        focal=np.concatenate([part.focal for part in parts]),
        partner=np.concatenate([part.partner for part in parts]),
        distance=np.concatenate([part.distance for part in parts]),
        focal_total=completed.count(looking.focal),
    )
    done = MatchedStrata(strata.table.height, strata.of_one_arm, strata.parts)
    return _Found(matches, np.concatenate(whose), done)


def _pairs(
    matching: Matching,
    looking: _Looking,
    exact: NDArray[np.str_] | Integers | None,
    *,
    key: NDArray[np.str_] | None = None,
    position: Floats | None = None,
    generator: np.random.Generator | None = None,
) -> Matches:
    """Pair patients as the protocol says."""
    ratio, caliper = matching.ratio, looking.caliper
    if matching.method == "optimal":
        return match_optimal(
            score=looking.score, focal=looking.focal, caliper=caliper, key=key, ratio=ratio, exact=exact
        )
    return match_nearest(
        score=looking.score,
        focal=looking.focal,
        caliper=caliper,
        order=matching.order,
        key=key,
        position=position,
        generator=generator,
        ratio=ratio,
        replace=matching.replacement,
        exact=exact,
    )


_NO_PAIRS = Matches(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0)


def _lost(arm: str, found: _Found, focal: Booleans, frequency: Integers | None, *, larger: bool) -> Lost:
    """Return the focal patients, first those who found a partner."""
    n = focal.size
    matched = np.bincount(found.row[np.unique(found.matches.focal)], minlength=n)
    left = np.where(focal, 1 if frequency is None else frequency, 0) - matched
    rows = np.flatnonzero(matched), np.flatnonzero(left)
    row, counts = np.concatenate(rows), np.concatenate([matched[rows[0]], left[rows[1]]])
    return Lost(arm, row, np.arange(row.size) < rows[0].size, None if frequency is None else counts, larger)


def _weighted(sets: SetRows, treated: Booleans) -> Weighted:
    """Return what the sets' weights leave of each arm, over different patients."""
    total = group_sums(sets.patient, sets.weight, treated.size)
    inside = total > 0
    treated_arm, comparator_arm = (summarise_weights(total, inside & arm) for arm in (treated, ~treated))
    return Weighted(treated_arm, comparator_arm, limits=None, truncated_below=0, truncated_above=0)


def _strata(matching: Matching, completed: CompletedCohort) -> NDArray[np.str_] | None:
    """Return the stratum of each patient by the columns on which partners agree; None without such columns."""
    if not matching.exact:
        return None
    columns = (completed.groups[name].tolist() for name in matching.exact)
    return np.array(["\x1f".join(values) for values in zip(*columns, strict=True)])
