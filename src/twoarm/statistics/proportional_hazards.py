"""Test of proportional hazards (Grambsch and Therneau 1994), in the score form of R's survival 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_likelihood import information_matrix
from twoarm.statistics.cox_residuals import schoenfeld_residuals
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.linear_algebra import one_thread, solve_symmetric
from twoarm.statistics.rank_tests import midranks

TimeTransform = Literal["km", "identity", "log", "rank"]


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazardsTest:
    """One line a term, and the global test; small p-values speak against constant hazard ratios.

    NaN where too few clusters leave a robust variance without full rank.
    """

    names: tuple[str, ...]  # k terms and factors
    statistic: Floats  # chi-squared, shape (k,)
    degrees_of_freedom: Integers
    p_values: Floats
    global_statistic: float
    global_degrees_of_freedom: int
    global_p_value: float
    transform: TimeTransform
    variance_note: str = ""  # why the variance is not the one that was asked for


def proportional_hazards_test(
    fit: CoxFit, *, transform: TimeTransform = "km", factors: Mapping[str, Sequence[str]] | None = None
) -> ProportionalHazardsTest:
    """Test whether coefficients change with time: the score test for adding x g(t) to the model.

    Args:
        fit: a fitted model.
        transform: g(t): one minus the Kaplan-Meier estimate just before t, t itself, its log, or
            its rank among all times.
        factors: names of terms that are tested together, by the factor's name; other terms are tested one by one.

    Raises:
        NotEstimableError: a term's estimate is infinite, or there is one event time only.

    Source: Grambsch and Therneau (1994). R: ``cox.zph(fit)`` of survival 3 and later.
    """
    problem = fit.problem
    risk, at = problem.patients.risk, problem.at
    if not np.isfinite(fit.coefficients[problem.kept]).all():
        raise NotEstimableError("an estimate is infinite")
    if np.unique(risk.time).size < 2:
        raise NotEstimableError("one event time only")
    g = centred_times(fit, transform)
    theta = risk.weight * at.hazard
    steps, sums = (at.a, at.b, at.a2, at.b2, at.c2), (at.sums, at.tied_sums)
    with one_thread():
        score = (risk.weight[risk.deaths] * g[risk.death_group]) @ schoenfeld_residuals(risk, problem.x, at)
        crossed = information_matrix(risk, problem.x, theta, sums, _scaled(steps, g))
        squared = information_matrix(risk, problem.x, theta, sums, _scaled(steps, g * g))
    return terms_tested(fit, factors, transform, partial(_score_test, at.information, crossed, squared, score))


def terms_tested(
    fit: CoxFit,
    factors: Mapping[str, Sequence[str]] | None,
    transform: TimeTransform,
    chi_squared: Callable[[list[int]], float],
    variance_note: str = "",
) -> ProportionalHazardsTest:
    """Return the test of every factor, of every other term, and of all columns; ``chi_squared`` is that of columns."""
    blocks = term_blocks(fit, factors or {})
    whole = list(range(sum(map(len, blocks.values()))))
    statistic = np.array([chi_squared(columns) for columns in blocks.values()])
    overall = chi_squared(whole)
    freedom = np.array([len(columns) for columns in blocks.values()])
    return ProportionalHazardsTest(
        names=tuple(blocks),
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_values=np.array([chi_squared_tail(s, int(d)) for s, d in zip(statistic, freedom, strict=True)]),
        global_statistic=overall,
        global_degrees_of_freedom=len(whole),
        global_p_value=chi_squared_tail(overall, len(whole)),
        transform=transform,
        variance_note=variance_note,
    )


def term_blocks(fit: CoxFit, factors: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the columns, among those that were kept, of every factor and of every term outside factors."""
    names = [fit.names[j] for j in fit.problem.kept.tolist()]
    unknown = {term for terms in factors.values() for term in terms} - set(fit.names)
    if unknown:
        raise ArgumentError(f"factors: found {', '.join(sorted(unknown))}; expected terms of the model")
    factor_of = {term: factor for factor, terms in factors.items() for term in terms}
    blocks: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        blocks.setdefault(factor_of.get(name, name), []).append(column)
    return blocks


def _scaled(
    steps: tuple[Floats, Floats, Floats, Floats, Floats], by: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    a, b, a2, b2, c2 = steps
    return a * by, b * by, a2 * by, b2 * by, c2 * by


def _score_test(information: Floats, crossed: Floats, squared: Floats, score: Floats, columns: list[int]) -> float:
    """Score test of the time-varying terms in some columns, the constant terms being at their maximum."""
    full = np.block([[information, crossed[:, columns]], [crossed[columns], squared[np.ix_(columns, columns)]]])
    all_scores = np.concatenate([np.zeros(information.shape[0]), score[columns]])
    return float(all_scores @ solve_symmetric(full, all_scores))


def centred_times(fit: CoxFit, transform: TimeTransform) -> Floats:
    """Return g at each group's time less its mean over the events, shape (m,)."""
    weight = fit.problem.patients.risk.death_weight
    g = transformed_times(fit, transform)
    return np.asarray(g - (weight * g).sum() / weight.sum())


def transformed_times(fit: CoxFit, transform: TimeTransform) -> Floats:
    """Return g at each group's time, shape (m,)."""
    problem = fit.problem
    times = problem.patients.risk.time
    if transform == "identity":
        return times
    if transform == "log":
        if times.min() <= 0:
            raise ArgumentError("transform: log needs event times above 0; take km, rank or identity")
        return np.log(times)
    if transform == "rank":
        ranks, _ = midranks(problem.patients.time, problem.patients.frequency)
        everybody = np.argsort(problem.patients.time, kind="stable")
        place = np.searchsorted(problem.patients.time[everybody], times)
        return np.asarray(ranks[everybody][place])
    if transform != "km":
        raise ArgumentError(f"transform: found {transform!r}; expected km, identity, log or rank")
    patients = problem.patients
    km = fit_kaplan_meier(time=patients.time, event=patients.event, entry=patients.entry, frequency=patients.frequency)
    survival = np.concatenate(([1.0], km.survival))
    return np.asarray(1.0 - survival[np.searchsorted(km.time, times, side="left")])
