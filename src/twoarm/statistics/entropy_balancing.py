"""Entropy balancing: weights nearest to equal ones that meet the target's moments (Hainmueller 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.balancing_weights import ArmWeights, summarise_weights
from twoarm.statistics.linear_algebra import (
    independent_columns,
    linear_predictor,
    one_thread,
    standardise,
    weighted_cross_product,
)
from twoarm.statistics.newton import Likelihood, maximise

EntropyEstimand = Literal["ATT", "ATC", "ATE"]

MET = 1e-8  # SDs by which a moment may miss its target; Newton ends at some 1e-14 where weights exist
FLAT = 1e-12  # a spread below this share of the values' size is rounding


@dataclass(frozen=True, slots=True, eq=False)
class EntropyWeights:
    """Weights of n patients; each weighted arm's sum to its number of patients."""

    weight: Floats  # (n,); 1 in the arm that is the target
    estimand: EntropyEstimand
    moments: int
    treated: ArmWeights
    comparator: ArmWeights
    largest_imbalance: float  # over terms, moments and weighted arms, in SDs of all patients


def entropy_balancing(
    *,
    covariates: ArrayLike,
    treated: ArrayLike,
    estimand: EntropyEstimand = "ATT",
    moments: int = 1,
    names: Sequence[str] | None = None,
    frequency: ArrayLike | None = None,
) -> EntropyWeights:
    """Weight the arms so that the means of all covariates equal the target's exactly.

    Args:
        covariates: design matrix without intercept, shape (n, p).
        treated: True (or 1) for the treated arm, shape (n,).
        estimand: the target. ATT: the treated arm, so that the comparator arm is weighted; ATC: the reverse; ATE: all
            patients, so that both arms are weighted.
        moments: 1 for means; 2 for means of the squares as well, hence variances.
        names: names of the p terms, for messages.
        frequency: whole numbers; k stands for k identical patients, each of whom has the row's weight, shape (n,).

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one arm only, or no weights meet the targets; the message says which term cannot, where one
            alone cannot.

    Source: Hainmueller (2012), equations 6 to 10: the weights are proportional to exp(z'x), z maximising the dual.
    R: ``WeightIt::weightit(treat ~ x, method = "ebal", estimand = "ATT")``.

    >>> found = entropy_balancing(covariates=[1, 2, 3, 1, 2], treated=[0, 0, 0, 1, 1])
    >>> found.weight.round(4).tolist()
    [1.8486, 0.8028, 0.3486, 1.0, 1.0]
    """
    arm_size = np.asarray(treated).size
    arm = arrays.events("treated", treated, arm_size)
    design = arrays.matrix("covariates", covariates, arm_size)
    if estimand not in get_args(EntropyEstimand):
        raise ArgumentError(f"estimand: found {estimand!r}; expected ATT, ATC or ATE")
    if moments not in (1, 2):
        raise ArgumentError(f"moments: found {moments!r}; expected 1 or 2")
    often = arrays.frequencies(frequency, arm_size)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if len(labels) != design.shape[1]:
        raise ArgumentError(f"names: found {len(labels)} names; expected {design.shape[1]}, one a column")
    if arm.all() or not arm.any():
        raise NotEstimableError("one arm only")
    with one_thread():
        x = standardise(design, often)[0]
        if moments == 2:  # of centred columns: with the means met, their squares meet when the variances do
            x = np.column_stack([x, standardise(x * x, often)[0]])
            labels = (*labels, *(f"{name} squared" for name in labels))
        target = {"ATT": arm, "ATC": ~arm}.get(estimand, np.ones(arm_size, dtype=np.bool_))
        means = x[target].mean(axis=0) if frequency is None else often[target] @ x[target] / often[target].sum()
        weight = np.ones(arm_size)
        for rows, called in ((arm, "treated arm"), (~arm, "comparator arm")):
            if (target & ~rows).any():
                weight[rows] = _weigh(x[rows] - means, often[rows], labels, called)
    return EntropyWeights(
        weight=weight,
        estimand=estimand,
        moments=moments,
        treated=summarise_weights(weight, arm, None if frequency is None else often),
        comparator=summarise_weights(weight, ~arm, None if frequency is None else often),
        largest_imbalance=_imbalance(x, weight * often, arm, means),
    )


def _imbalance(x: Floats, weight: Floats, arm: Booleans, means: Floats) -> float:
    gaps = [weight[rows] @ x[rows] / weight[rows].sum() - means for rows in (arm, ~arm)]
    return float(np.abs(gaps).max(initial=0.0))


def _weigh(gaps: Floats, often: Floats, labels: Sequence[str], called: str) -> Floats:
    """Return weights of one arm, summing to its size, under which every column of ``gaps`` (n, p) has mean 0."""
    n = float(often.sum())
    _refuse_one_sided(gaps, labels, called)
    within, _, scale = standardise(gaps, often)
    keep = independent_columns(weighted_cross_product(within, often), n) & (scale > FLAT)
    terms = np.asfortranarray(gaps[:, keep])

    def dual(z: Floats) -> Likelihood:
        weight, height = _tilted(terms, z, often)
        mean = np.array([weight @ terms[:, j] for j in range(terms.shape[1])])
        return Likelihood(height, -mean, weighted_cross_product(terms - mean, weight))

    found = maximise(dual, np.zeros(terms.shape[1]))
    weight = _tilted(terms, found.parameters, often)[0]
    missed = np.abs(weight @ gaps)
    if missed.max(initial=0.0) > MET:
        worst = labels[int(missed.argmax())]
        raise NotEstimableError(
            f"no weights of the {called} meet all targets at once: they lie outside its patients, or at their edge "
            f"(furthest off: {worst})"
        )
    return np.asarray(weight * n / often)


def _tilted(terms: Floats, z: Floats, often: Floats) -> tuple[Floats, float]:
    """Return (weights of rows proportional to exp(terms z), of sum 1; minus the log of the mean of exp(terms z))."""
    eta = linear_predictor(terms, z)
    top = float(eta.max())
    eta -= top
    tilted = np.exp(eta, out=eta)
    tilted *= often
    total = tilted.sum()
    return tilted / total, -(top + float(np.log(total / often.sum())))


def _refuse_one_sided(gaps: Floats, labels: Sequence[str], called: str) -> None:
    """Refuse where a term's target is not between the arm's smallest and largest value."""
    low, high = gaps.min(axis=0, initial=np.inf), gaps.max(axis=0, initial=-np.inf)
    outside = ~((low < -FLAT) & (high > FLAT)) & ~((np.abs(low) <= FLAT) & (np.abs(high) <= FLAT))
    if outside.any():
        listed = ", ".join(labels[j] for j in np.flatnonzero(outside).tolist())
        raise NotEstimableError(f"the {called} cannot be weighted to the target's mean of {listed}: no value beyond it")
