"""Test of proportional hazards with a robust variance, for weights and clusters (Lin and Wei 1989; Boos 1992)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import NotEstimableError
from twoarm.statistics.arrays import Floats
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.cox_likelihood import information_matrix
from twoarm.statistics.cox_residuals import score_residuals
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance
from twoarm.statistics.linear_algebra import COLLINEAR, one_thread, solve_symmetric
from twoarm.statistics.proportional_hazards import ProportionalHazardsTest, TimeTransform, centred_times, terms_tested
from twoarm.statistics.robust_variance import clustered_products, sandwich


def robust_proportional_hazards_test(
    fit: CoxFit,
    *,
    transform: TimeTransform = "km",
    factors: Mapping[str, Sequence[str]] | None = None,
    crossed: ArrayLike | None = None,
) -> ProportionalHazardsTest:
    """Test whether coefficients change with time by the score test for adding x g(t), its variance robust.

    Each patient's share of the score, less what it moves of the coefficients, is weighted and summed within the fit's
    clusters; the sum of squares stands for the information. Under sampling weights the model's own test takes them for
    counts, and in matched samples it takes patients for independent; this one does neither.

    Args:
        fit: a fitted model; its weights and clusters are those of the test.
        transform: g(t), see ``proportional_hazards_test``.
        factors: names of terms that are tested together, by the factor's name; other terms are tested one by one.
        crossed: a second clustering beside the fit's own, such as the patient whom several rows stand for, shape (n,).

    Raises:
        NotEstimableError: a term's estimate is infinite, or there is one event time only.

    Source: Lin and Wei (1989) for the shares; Boos (1992) for the score test. R: none; by hand from
    ``residuals(coxph(...), "score")`` of the model with x g(t) on data split at the event times.

    >>> from twoarm.statistics.cox import fit_cox
    >>> fit = fit_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 1, 0, 1], covariates=[1, 0, 1, 1, 0, 0])
    >>> round(robust_proportional_hazards_test(fit).global_statistic, 4)
    1.6399
    """
    problem = fit.problem
    patients, risk, at = problem.patients, problem.patients.risk, problem.at
    if not np.isfinite(fit.coefficients[problem.kept]).all():
        raise NotEstimableError("an estimate is infinite")
    if np.unique(risk.time).size < 2:
        raise NotEstimableError("one event time only")
    g = centred_times(fit, transform)
    with one_thread():
        constant = score_residuals(risk, patients.event, problem.x, at)
        changing = _times_g(fit, g)
        steps = (at.a * g, at.b * g, at.a2 * g, at.b2 * g, at.c2 * g)
        crossing = information_matrix(risk, problem.x, risk.weight * at.hazard, (at.sums, at.tied_sums), steps)
        shares = changing - constant @ solve_symmetric(at.information, crossing)
        score = (patients.frequency * patients.sampling) @ changing
        variance, note = _variance(fit, shares, crossed)
    return terms_tested(fit, factors, transform, partial(_quadratic, score, variance), note)


def _times_g(fit: CoxFit, g: Floats) -> Floats:
    """Return each patient's share of the score of x g(t), unweighted, shape (n, q)."""
    patients, risk, at = fit.problem.patients, fit.problem.patients.risk, fit.problem.at
    scaled = replace(at, a=at.a * g, b=at.b * g, a2=at.a2 * g, b2=at.b2 * g, c2=at.c2 * g)
    shares = score_residuals(risk, patients.event, fit.problem.x, scaled)
    counted = np.flatnonzero(patients.event & (risk.weight > 0))
    shares[counted] += (g[risk.death_group] - 1.0)[:, None] * fit.problem.x[counted]  # x g(t), not x, at an own event
    return shares


def _variance(fit: CoxFit, shares: Floats, crossed: ArrayLike | None) -> tuple[Floats, str]:
    patients = fit.problem.patients
    if patients.members is not None:
        return clustered_products(shares, patients.members), ""
    if patients.clusters is None or crossed is None:
        unit = np.eye(shares.shape[1])
        return sandwich(unit, shares, patients.frequency, patients.sampling, patients.clusters), ""
    weighted = shares * (patients.frequency * patients.sampling)[:, None]
    second = np.asarray(crossed)[patients.order]
    found = crossed_variance(influence=weighted, first=patients.clusters, second=second)
    return found.covariance, "" if found.positive else LARGER


def _quadratic(score: Floats, variance: Floats, columns: list[int]) -> float:
    spread = variance[np.ix_(columns, columns)]
    scale = np.sqrt(np.diag(spread))
    if not (scale > 0).all() or np.linalg.eigvalsh(spread / np.outer(scale, scale))[0] <= COLLINEAR:
        return float("nan")
    return float(score[columns] @ solve_symmetric(spread, score[columns]))
