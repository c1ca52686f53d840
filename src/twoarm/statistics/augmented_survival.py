"""Survival of everybody under each arm, doubly robust: weighted by a score, augmented by two Cox models."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.linear_algebra import one_thread
from twoarm.statistics.standardised_survival import ArmPrediction, StandardisedSurvival, predict_arms

CELLS = 4_000_000  # patients times censoring times held at once
MOST_CELLS = 200_000_000  # beyond this the censoring times are taken together in groups
GROUPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class AugmentedSurvival:
    """Doubly robust survival, and in how many groups the censoring times were taken (0: each on its own)."""

    survival: StandardisedSurvival
    censoring_groups: int


def augmented_survival(
    *,
    score: ArrayLike,
    treated: ArrayLike,
    outcome: CoxFit,
    censoring: CoxFit | None,
    arm: int,
    times: ArrayLike,
) -> AugmentedSurvival:
    """Estimate mean survival under each arm, right if the score's model or the outcome's (with censoring's) is.

    Args:
        score: probability of treatment, strictly between 0 and 1, shape (n,).
        treated: True for the treated arm, shape (n,).
        outcome: Cox model of the event on the arm and covariates, all patients once, or as often as its frequency says.
        censoring: Cox model of being censored on the same terms; None where nobody was.
        arm: position of the arm among the models' terms.
        times: when survival is wanted, shape (k,).

    Raises:
        ArgumentError: scores outside (0, 1), or lengths that differ.
        NotEstimableError: an estimate of a model is infinite.

    Source: Bai, Tsiatis and O'Brien (2013); Ozenne et al. (2020). The standard error is that of the mean of the
    patients' influence values, the nuisance models taken for known.
    R: ``riskRegression::ate(event, treatment, censor, estimator = "AIPTW", known.nuisance = TRUE)``.
    """
    patients = outcome.problem.patients
    followed, happened = patients.time, patients.event  # in the order in which the model sorted them
    p = arrays.numbers("score", score, followed.size)[patients.order]
    side = arrays.events("treated", treated, followed.size)[patients.order]
    if not ((p > 0) & (p < 1)).all():
        raise ArgumentError("score: found scores outside (0, 1); expected probabilities between 0 and 1")
    at = arrays.numbers("times", times)
    event = predict_arms(outcome, arm)
    lost = None if censoring is None else _in_order(predict_arms(censoring, arm), censoring, outcome)
    lines: list[list[float]] = []
    groups = 0
    for time in at.tolist():
        sides = []
        for position, (rows, chance) in enumerate(((side, p), (~side, 1 - p))):
            model = np.exp(-event.hazard_at(time) * event.ratio[position])
            seen = _Arm(followed[rows], happened[rows], event.ratio[position][rows])
            part, used = _observed_part(seen, event, lost, None if lost is None else lost.ratio[position][rows], time)
            groups = max(groups, used)
            values = model.copy()
            values[rows] += (part - model[rows]) / chance[rows]
            sides.append(values)
        lines.append(_summary(sides[0], sides[1], patients.frequency))
    found = np.array(lines).reshape(at.size, 6)
    return AugmentedSurvival(StandardisedSurvival(at, *(found[:, j] for j in range(6))), groups)


def _in_order(prediction: ArmPrediction, of: CoxFit, like: CoxFit) -> ArmPrediction:
    """Bring one model's hazard ratios into the order in which another model sorted the same patients."""
    place = np.empty_like(of.problem.patients.order)
    place[of.problem.patients.order] = np.arange(place.size)
    rows = place[like.problem.patients.order]
    first, second = (ratio[rows] for ratio in prediction.ratio)
    return replace(prediction, ratio=(first, second))


def _summary(treated: Floats, comparator: Floats, frequency: Floats) -> list[float]:
    """Return mean and standard error of both arms' influence values and of their difference."""
    line, n = [], float(frequency.sum())
    for values in (treated, comparator, treated - comparator):
        mean = float((frequency * values).sum()) / n
        line += [mean, float(np.sqrt((frequency * (values - mean) ** 2).sum())) / n]
    return line


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """The m patients of one arm, and the outcome model's hazard ratios for them."""

    time: Floats
    event: Booleans
    ratio: Floats


def _observed_part(
    seen: _Arm, event: ArmPrediction, lost: ArmPrediction | None, loss: Floats | None, time: float
) -> tuple[Floats, int]:
    """Return 1 less what each patient's own event before ``time`` says, weighted for censoring and augmented, (m,)."""
    early = seen.time <= time
    if lost is None or loss is None:
        return 1.0 - (early & seen.event).astype(np.float64), 0
    position = np.searchsorted(lost.group_time, seen.time, side="left")  # censorings strictly before
    remaining = np.exp(-np.concatenate(([0.0], lost.cumulative))[position] * loss)  # G(T-)
    died = early & seen.event
    value = 1.0 - died / remaining
    hazard_t = event.hazard_at(time)
    censored = early & ~seen.event
    own = np.concatenate(([0.0], event.cumulative))[np.searchsorted(event.group_time, seen.time, side="right")]
    with np.errstate(over="ignore"):
        jump = np.where(censored, -np.expm1(-(hazard_t - own) * seen.ratio) / remaining, 0.0)
    integral, groups = _compensator(seen, event, lost, loss, time)
    return value - jump + integral, groups


def _compensator(
    seen: _Arm, event: ArmPrediction, lost: ArmPrediction, loss: Floats, time: float
) -> tuple[Floats, int]:
    """Sum (1 - S(t) / S(u)) / G(u-) dL(u) over the censoring times u up to ``time`` and each patient's end, (m,)."""
    count = int(np.searchsorted(lost.group_time, time, side="right"))
    u, steps = lost.group_time[:count], np.diff(np.concatenate(([0.0], lost.cumulative[:count])))
    before = lost.cumulative[:count] - steps
    groups = 0
    if count * seen.time.size > MOST_CELLS:
        groups = min(GROUPS, count)
        starts = np.linspace(0, count, groups, endpoint=False).astype(np.int64)
        u, before, steps = u[starts], before[starts], np.add.reduceat(steps, starts)
    hazard_u = np.concatenate(([0.0], event.cumulative))[np.searchsorted(event.group_time, u, side="right")]
    gap = event.hazard_at(time) - hazard_u
    total = np.zeros(seen.time.size)
    block = max(1, CELLS // max(u.size, 1))
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):  # after a patient's end, which does not count
        for start in range(0, total.size, block):
            rows = slice(start, start + block)
            inside = u[None, :] <= seen.time[rows, None]
            terms = -np.expm1(-gap[None, :] * seen.ratio[rows, None])
            terms *= np.exp(before[None, :] * loss[rows, None]) * steps[None, :]
            total[rows] = np.where(inside, terms, 0.0).sum(axis=1) * loss[rows]
    return total, groups
