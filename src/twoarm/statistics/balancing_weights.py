"""Weights from propensity scores (Robins, Hernán and Brumback 2000; Li, Morgan and Zaslavsky 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.weighted_quantile import counted_quantiles

Estimand = Literal["ATE", "ATT", "ATC", "ATO"]


@dataclass(frozen=True, slots=True)
class ArmWeights:
    """What the weights leave of one arm."""

    n: int
    total: float
    effective_size: float  # (sum w)^2 / sum w^2
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True, eq=False)
class BalancingWeights:
    """Weights of n patients, and what they cost each arm."""

    weight: Floats  # (n,)
    estimand: Estimand
    stabilised: bool
    treated: ArmWeights
    comparator: ArmWeights
    limits: tuple[float, float] | None  # weights outside were moved to the nearer one; None without truncation
    truncated_below: int  # patients
    truncated_above: int


def effective_sample_size(weight: Floats, frequency: Floats | None = None) -> float:
    """Return (sum w)^2 / sum w^2: as many patients of equal weight give a mean of the same variance (Kish 1965).

    ``frequency`` are whole numbers; k stands for k identical patients.

    >>> effective_sample_size(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    counted = weight if frequency is None else weight * frequency
    squared = float((weight * counted).sum())
    return float(counted.sum()) ** 2 / squared if squared > 0 else 0.0


def summarise_weights(weight: Floats, rows: Booleans, frequency: Floats | None = None) -> ArmWeights:
    """Return size, total, effective size and extreme weights of the patients in ``rows``."""
    mine, often = weight[rows], None if frequency is None else frequency[rows]
    return ArmWeights(
        n=int(mine.size if often is None else often.sum()),
        total=float(mine.sum() if often is None else (mine * often).sum()),
        effective_size=effective_sample_size(mine, often),
        smallest=float(mine.min()),
        largest=float(mine.max()),
    )


def balancing_weights(
    *,
    score: ArrayLike,
    treated: ArrayLike,
    estimand: Estimand = "ATE",
    stabilised: bool = False,
    truncate_at: tuple[float, float] | None = None,
    truncate_quantiles: tuple[float, float] | None = None,
    frequency: ArrayLike | None = None,
) -> BalancingWeights:
    """Turn propensity scores into weights under which the arms resemble one population.

    Args:
        score: probability of treatment, strictly between 0 and 1, shape (n,).
        treated: True (or 1) for the treated arm, shape (n,).
        estimand: whom the arms come to resemble. ATE: everybody, 1 / p and 1 / (1 - p). ATT: the treated, 1 and
            p / (1 - p). ATC: the comparator arm, (1 - p) / p and 1. ATO: those who might get either, 1 - p and p.
        stabilised: multiply ATE weights by the share of the patient's arm.
        truncate_at: smallest and largest weight; a weight outside is moved to the nearer of them.
        truncate_quantiles: the same at two quantiles (type 7) of the weights that vary: everybody's, or under ATT and
            ATC those of the arm that is weighted.
        frequency: whole numbers; k stands for k identical patients, each of whom has the row's weight, shape (n,).

    Raises:
        ArgumentError: a score of 0 or 1 or missing, an argument that is miscoded or of another length, both kinds of
            truncation at once, or stabilised weights of another estimand than ATE.
        NotEstimableError: one arm only.

    Source: Robins, Hernán and Brumback (2000); Li, Morgan and Zaslavsky (2018), table 1.
    R: ``WeightIt::get_w_from_ps(p, treat, estimand)``.

    >>> balancing_weights(score=[0.5, 0.25, 0.25, 0.5], treated=[1, 1, 0, 0]).weight.round(4).tolist()
    [2.0, 4.0, 1.3333, 2.0]
    """
    p = arrays.numbers("score", score)
    arm = arrays.events("treated", treated, p.size)
    _check(p, arm, estimand, stabilised)
    often = None if frequency is None else arrays.frequencies(frequency, p.size)
    with np.errstate(over="ignore"):
        weight = _raw_weights(p, arm, estimand)
    if not np.isfinite(weight).all():
        raise ArgumentError("score: found scores so near 0 or 1 that a weight is infinite")
    if stabilised:
        share = arm.mean() if often is None else often[arm].sum() / often.sum()
        weight = weight * np.where(arm, share, 1 - share)
    varying = {"ATT": ~arm, "ATC": arm}.get(estimand, np.ones(arm.size, dtype=np.bool_))
    counts = None if often is None else often[varying]
    limits = _limits(weight[varying], truncate_at, truncate_quantiles, counts)
    low, high = limits if limits else (0.0, np.inf)
    below, above = varying & (weight < low), varying & (weight > high)
    weight = np.where(below, low, np.where(above, high, weight))
    return BalancingWeights(
        weight=weight,
        estimand=estimand,
        stabilised=stabilised,
        treated=summarise_weights(weight, arm, often),
        comparator=summarise_weights(weight, ~arm, often),
        limits=limits,
        truncated_below=int(below.sum() if often is None else often[below].sum()),
        truncated_above=int(above.sum() if often is None else often[above].sum()),
    )


def _check(p: Floats, arm: Booleans, estimand: Estimand, stabilised: bool) -> None:
    if estimand not in get_args(Estimand):
        raise ArgumentError(f"estimand: found {estimand!r}; expected ATE, ATT, ATC or ATO")
    if stabilised and estimand != "ATE":
        raise ArgumentError(f"stabilised: found with {estimand}; only ATE weights are stabilised")
    outside = int(((p <= 0) | (p >= 1)).sum())
    if outside:
        raise ArgumentError(f"score: found {outside} scores outside (0, 1); expected probabilities between 0 and 1")
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")


def _raw_weights(p: Floats, arm: Booleans, estimand: Estimand) -> Floats:
    if estimand == "ATE":
        return np.asarray(np.where(arm, 1 / p, 1 / (1 - p)))
    if estimand == "ATT":
        return np.asarray(np.where(arm, 1.0, p / (1 - p)))
    if estimand == "ATC":
        return np.asarray(np.where(arm, (1 - p) / p, 1.0))
    return np.asarray(np.where(arm, 1 - p, p))


def _limits(
    varying: Floats,
    at: tuple[float, float] | None,
    quantiles: tuple[float, float] | None,
    frequency: Floats | None,
) -> tuple[float, float] | None:
    """Return the smallest and largest weight that truncation leaves, or None."""
    if at is not None and quantiles is not None:
        raise ArgumentError("truncate_at: found truncate_quantiles as well; expected one of them")
    if quantiles is not None:
        if not 0 <= quantiles[0] < quantiles[1] <= 1:
            raise ArgumentError(f"truncate_quantiles: found {quantiles}; expected 0 <= lower < upper <= 1")
        if frequency is not None:
            low, high = counted_quantiles(varying, frequency, quantiles)
        else:
            low, high = np.quantile(varying, quantiles).tolist()
        return float(low), float(high)
    if at is not None and not 0 <= at[0] < at[1]:
        raise ArgumentError(f"truncate_at: found {at}; expected 0 <= smallest < largest")
    return None if at is None else (float(at[0]), float(at[1]))
