"""Weights from propensity scores and by entropy balancing, and the log-rank test under weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.notebook.columns import column, events, label_of, open_frame, required, terms
from twoarm.notebook.result import Result, Value
from twoarm.statistics import arrays
from twoarm.statistics.balancing_weights import ArmWeights, BalancingWeights, Estimand, balancing_weights
from twoarm.statistics.cox_risk_sets import Ties
from twoarm.statistics.entropy_balancing import EntropyEstimand, EntropyWeights, entropy_balancing
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.weighted_log_rank import weighted_log_rank as test_weighted

COLUMNS = ("arm", "n", "sum", "effective_size", "smallest", "largest")


@dataclass(frozen=True, eq=False, repr=False)
class Weights(Result):
    """Weights of patients; ``fit`` is the kernel's BalancingWeights or EntropyWeights."""

    fit: BalancingWeights | EntropyWeights

    @property
    def weight(self) -> arrays.Floats:
        """The weights in the order of the rows, shape (n,)."""
        return self.fit.weight


def _row(name: str, arm: ArmWeights) -> tuple[Value, ...]:
    return (name, arm.n, arm.total, arm.effective_size, arm.smallest, arm.largest)


def propensity_weights(
    frame: Any = None,
    /,
    treated: Any = None,
    covariates: Any = None,
    *,
    score: Any = None,
    reference: Mapping[str, str] | None = None,
    estimand: Estimand = "ATE",
    stabilised: bool = False,
    truncate_at: tuple[float, float] | None = None,
    truncate_quantiles: tuple[float, float] | None = None,
) -> Weights:
    """Weight patients by the inverse of their probability of treatment, or by its kin.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        treated: True (or 1) for the treated arm, shape (n,).
        covariates: of the propensity model; names of columns, or a matrix of shape (n, p).
        score: a propensity score of your own instead of covariates, shape (n,).
        reference: the level that others are compared with, by text column.
        estimand: ATE, ATT, ATC or ATO (overlap).
        stabilised: multiply ATE weights by the share of the patient's arm.
        truncate_at: smallest and largest weight.
        truncate_quantiles: the same as quantiles of the weights, such as (0.01, 0.99).

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one arm only, or separation in the propensity model.

    >>> propensity_weights(treated=[1, 1, 0, 0], score=[0.5, 0.25, 0.25, 0.5], estimand="ATO")
    Weights from a propensity score, ATO
    arm         n   sum  effective_size  smallest  largest
    treated     2  1.25           1.923       0.5     0.75
    comparator  2  0.75             1.8      0.25      0.5
    """
    source = open_frame(frame)
    labels = np.asarray(required(source, "treated", treated))
    arm = arrays.events("treated", labels, labels.size)
    if (score is None) == (covariates is None):
        raise ArgumentError("covariates: expected either covariates or score")
    if score is None:
        design = terms(source, covariates, reference)
        probability = fit_logistic(outcome=arm, covariates=design.values, names=design.names).probabilities
    else:
        probability = column(source, "score", score)
    found = balancing_weights(
        score=probability,
        treated=arm,
        estimand=estimand,
        stabilised=stabilised,
        truncate_at=truncate_at,
        truncate_quantiles=truncate_quantiles,
    )
    notes: tuple[str, ...] = ()
    if found.limits:
        low, high = found.limits
        moved = f"{found.truncated_below} raised and {found.truncated_above} lowered"
        notes = (f"truncated to {low:.4g} to {high:.4g}: {moved}.",)
    title = f"Weights from a propensity score, {'stabilised ' if stabilised else ''}{estimand}"
    rows = (_row("treated", found.treated), _row("comparator", found.comparator))
    return Weights(title, COLUMNS, rows, notes, found)


def entropy_weights(
    frame: Any = None,
    /,
    treated: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    estimand: EntropyEstimand = "ATT",
    moments: int = 1,
) -> Weights:
    """Weight patients so that the covariates' means equal the target's exactly (Hainmueller 2012).

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        treated: True (or 1) for the treated arm, shape (n,).
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        estimand: the target: ATT the treated, ATC the comparator arm, ATE everybody.
        moments: 1 for means, 2 for variances as well.

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one arm only, or no weights meet the targets.

    >>> entropy_weights(treated=[0, 0, 0, 1, 1], covariates=[1, 2, 3, 1, 2]).weight.round(3).tolist()
    [1.849, 0.803, 0.349, 1.0, 1.0]
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    found = entropy_balancing(
        covariates=design.values,
        treated=required(source, "treated", treated),
        estimand=estimand,
        moments=moments,
        names=design.names,
    )
    rows = (_row("treated", found.treated), _row("comparator", found.comparator))
    what = "means" if moments == 1 else "means and variances"
    notes = (f"{what} of {len(design.names)} terms met; largest gap {found.largest_imbalance:.1g} SD.",)
    return Weights(f"Entropy balancing, {estimand}", COLUMNS, rows, notes, found)


def weighted_log_rank(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    arm: Any = None,
    weight: Any = None,
    *,
    strata: Any = None,
    entry: Any = None,
    cluster: Any = None,
    event_value: Any = None,
    ties: Ties = "breslow",
) -> Result:
    """Test whether weighted arms share one survival curve, with the robust variance.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: label of each patient's arm, shape (n,); two or more arms.
        weight: such as ``propensity_weights(...).weight``, shape (n,).
        strata: compare within these strata only, shape (n,).
        entry: left truncation, shape (n,).
        cluster: matched pairs, shape (n,).
        event_value: the code of an event.
        ties: Breslow's expected events are the log-rank test's.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, or no event.

    >>> weighted_log_rank(time=[1, 2, 3, 4], event=[1, 1, 1, 1], arm=list("abab"), weight=[1, 2, 1, 2]).rows[0][:3]
    ('a', 2.0, 2.0)
    """
    source = open_frame(frame)
    test = test_weighted(
        time=required(source, "time", time),
        event=events(source, event, event_value),
        arm=required(source, "arm", arm),
        weight=column(source, "weight", weight),
        strata=column(source, "strata", strata),
        entry=column(source, "entry", entry),
        cluster=column(source, "cluster", cluster),
        ties=ties,
    )
    lines = zip(test.arms, test.n, test.weight, test.observed, test.expected, strict=True)
    rows = tuple((str(label), float(n), float(w), float(o), float(e)) for label, n, w, o, e in lines)
    title = f"Weighted log-rank test, robust variance{', stratified' if strata is not None else ''}"
    tested = f"chi-squared {test.statistic:.4g} on {test.degrees_of_freedom} df, p = {test.p_value:.4g}"
    return Result(title, (label_of(arm, "arm"), "n", "weight", "observed", "expected"), rows, (tested,), test)
