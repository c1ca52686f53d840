"""Propensity scores, matching and balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import narwhals.stable.v2 as nw
import numpy as np
from scipy import special

from twoarm.design.propensity import DECIMALS, score_sd
from twoarm.errors import ArgumentError
from twoarm.notebook.columns import column, label_of, open_frame, required, terms
from twoarm.notebook.result import Result, Value, as_frame
from twoarm.protocol.choices import CaliperSd, CaliperUnit, MatchingMethod, Order, Scale
from twoarm.statistics import arrays
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.logistic import LogisticFit, fit_logistic
from twoarm.statistics.matched_sets import rows_of_sets
from twoarm.statistics.nearest_neighbour import Matches, match_nearest
from twoarm.statistics.optimal_matching import match_optimal
from twoarm.statistics.standardised_difference import binary_difference, categorical_difference, continuous_difference


@dataclass(frozen=True, eq=False, repr=False)
class LogisticModel(Result):
    """A logistic regression; ``fit`` is the LogisticFit."""

    fit: LogisticFit

    @property
    def probabilities(self) -> arrays.Floats:
        """Fitted probabilities, such as propensity scores, shape (n,)."""
        return self.fit.probabilities


@dataclass(frozen=True, eq=False, repr=False)
class MatchedPairs(Result):
    """Matched patients; ``fit`` is the kernel's Matches, as row numbers."""

    fit: Matches
    score: arrays.Floats  # on the scale on which distances were taken, shape (n,)
    keys: np.ndarray[Any, Any]

    @property
    def weights(self) -> arrays.Floats:
        """Weight of each patient over all its sets, 0 for the unmatched, shape (n,); pairs weigh 1."""
        rows = rows_of_sets(self.fit)
        return arrays.group_sums(rows.patient, rows.weight, self.score.size)

    def to_frame(self, *, pandas: bool = False) -> Any:
        """Return a row a pair: set, key of the focal patient, key of the partner, distance."""
        sets = np.unique(self.fit.focal, return_inverse=True)[1] + 1
        rows: list[list[Value]] = [
            [int(s), str(self.keys[f]), str(self.keys[p]), float(d)]
            for s, f, p, d in zip(sets, self.fit.focal, self.fit.partner, self.fit.distance, strict=True)
        ]
        return as_frame(("pair", "focal", "partner", "distance"), rows, pandas=pandas)

    def take(self, frame: Any) -> Any:
        """Return the matched rows of a frame, in its own library, with a column ``pair``.

        Raises:
            ArgumentError: a partner stands in several pairs (matching with replacement): use ``weights`` instead.
        """
        if np.unique(self.fit.partner).size < self.fit.partner.size:
            raise ArgumentError("a partner stands in several pairs; take() is for matching without replacement")
        table = open_frame(frame)
        assert table is not None, "a frame was handed over"
        pair = np.zeros(len(table), dtype=np.int64)
        pair[self.fit.focal] = np.unique(self.fit.focal, return_inverse=True)[1] + 1
        pair[self.fit.partner] = pair[self.fit.focal]
        series = nw.new_series("pair", pair.tolist(), nw.Int64, backend=nw.get_native_namespace(table))
        return table.with_columns(series).filter(nw.col("pair") > 0).to_native()


@dataclass(frozen=True, eq=False, repr=False)
class Differences(Result):
    """Standardised differences of covariates between two arms."""

    threshold: float

    def plot(self, ax: Any = None) -> Any:
        """Draw absolute differences; return the axes."""
        from twoarm.notebook.plots import draw_differences

        return draw_differences([(str(row[0]), row[1]) for row in self.rows], self.threshold, ax)


def logistic(
    frame: Any = None,
    /,
    outcome: Any = None,
    covariates: Any = None,
    *,
    reference: Mapping[str, str] | None = None,
    frequency: Any = None,
    confidence_level: float = 0.95,
) -> LogisticModel:
    """Fit a logistic regression, such as a propensity model.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        outcome: True (or 1) for a success, shape (n,).
        covariates: names of columns (text columns become levels), or a matrix of shape (n, p).
        reference: the level that others are compared with, by text column.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of the intervals.

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one outcome only, or separation; the terms are named.

    >>> logistic(outcome=[0, 0, 1, 0, 1, 1], covariates=[1, 2, 3, 4, 5, 6]).rows[1][0]
    'x1'
    """
    source = open_frame(frame)
    design = terms(source, covariates, reference)
    fit = fit_logistic(
        outcome=required(source, "outcome", outcome),
        covariates=design.values,
        names=design.names,
        frequency=column(source, "frequency", frequency),
    )
    z = normal_quantile(arrays.level(confidence_level))
    rows: list[tuple[Value, ...]] = []
    for name, beta, se in zip(fit.names, fit.coefficients, fit.std_errors, strict=True):
        ratios = np.exp([beta, beta - z * se, beta + z * se]).tolist()
        rows.append((name, float(beta), float(se), *ratios, two_sided_normal(beta / se)))
    notes = [f"n {fit.n:g}, successes {fit.events:g}; deviance {fit.deviance:.6g}."]
    dropped = zip(fit.names[1:], fit.reasons[1:], strict=True)
    notes += [f"{name} is not estimable: {why}." for name, why in dropped if why]
    columns = ("term", "coefficient", "std_error", "odds_ratio", "lower", "upper", "p")
    return LogisticModel("Logistic regression", columns, tuple(rows), tuple(notes), fit)


def match(
    frame: Any = None,
    /,
    treated: Any = None,
    covariates: Any = None,
    *,
    score: Any = None,
    key: Any = None,
    reference: Mapping[str, str] | None = None,
    focal_treated: bool = True,
    scale: Scale = "logit",
    caliper: float | None = 0.2,
    caliper_unit: CaliperUnit = "sd",
    caliper_sd: CaliperSd = "all",
    method: MatchingMethod = "nearest",
    order: Order = "closest",
    ratio: int = 1,
    replace: bool = False,
    exact: Any = None,
    position: Any = None,
    generator: np.random.Generator | None = None,
) -> MatchedPairs:
    """Match the two arms on a propensity score.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        treated: True (or 1) for the treated arm, shape (n,).
        covariates: of the propensity model; names of columns, or a matrix of shape (n, p).
        score: a propensity score of your own instead of covariates, shape (n,).
        key: patient keys; they break ties, shape (n,).
        reference: the level that others are compared with, by text column.
        focal_treated: whether the treated look for partners; else the comparator arm does.
        scale: distances on the logit of the score or on the probability.
        caliper: largest distance, inclusive; None for no limit.
        caliper_unit: standard deviations of the score, or its own units.
        caliper_sd: SD of all patients, or pooled within arms.
        method: greedy, or optimal: most pairs first, then the smallest total distance; without order or replacement.
        order: who chooses first.
        ratio: partners wanted for each focal patient.
        replace: whether partners stay free.
        exact: partners share this label, such as a centre, shape (n,).
        position: rank that order ``data`` follows, shape (n,).
        generator: needed by order ``random``.

    Raises:
        ArgumentError: an argument that is missing, miscoded or of another length.
        NotEstimableError: one arm only, or separation in the propensity model.
    """
    source = open_frame(frame)
    labels = np.asarray(required(source, "treated", treated))
    arm = arrays.events("treated", labels, labels.size)
    if (score is None) == (covariates is None):
        raise ArgumentError("covariates: expected either covariates or score")
    if score is None:
        design = terms(source, covariates, reference)
        fit = fit_logistic(outcome=arm, covariates=design.values, names=design.names)
        distance_on = fit.linear_predictor if scale == "logit" else fit.probabilities
    else:
        given = arrays.numbers("score", column(source, "score", score), arm.size)
        if scale == "logit" and not ((given > 0) & (given < 1)).all():
            raise ArgumentError("score: expected probabilities between 0 and 1 on the logit scale")
        distance_on = special.logit(given) if scale == "logit" else given
    values = np.round(distance_on, DECIMALS).astype(np.float64)
    width = (
        caliper if caliper is None or caliper_unit == "absolute" else caliper * score_sd(values, arm, caliper_sd, None)
    )
    keys = column(source, "key", key)
    shared = {"score": values, "focal": arm if focal_treated else ~arm, "caliper": width, "key": keys, "ratio": ratio}
    labels = column(source, "exact", exact)
    if method not in get_args(MatchingMethod):
        raise ArgumentError(f"method: found {method!r}; expected nearest or optimal")
    if method == "optimal":
        if replace or order != "closest":
            raise ArgumentError("method: optimal matching takes neither replace nor order")
        matches = match_optimal(**shared, exact=labels)
    else:
        matches = match_nearest(
            **shared,
            order=order,
            position=column(source, "position", position),
            generator=generator,
            replace=replace,
            exact=labels,
        )
    found = np.unique(matches.focal).size
    rows: tuple[tuple[Value, ...], ...] = (
        ("focal patients", matches.focal_total),
        ("with a partner", found),
        ("without", matches.unmatched),
        ("pairs", int(matches.focal.size)),
    )
    how = "optimal" if method == "optimal" else f"order {order}"
    notes = (f"caliper {width:.6g} on the {scale}; {how}.",) if width is not None else (f"{how}.",)
    names = np.arange(1, arm.size + 1) if keys is None else np.asarray(keys)
    title = f"{'Optimal' if method == 'optimal' else 'Nearest-neighbour'} matching on the propensity score"
    return MatchedPairs(title, ("", "count"), rows, notes, matches, values, names)


def standardised_differences(
    frame: Any, /, treated: Any, covariates: Any, *, weight: Any = None, threshold: float = 0.1
) -> Differences:
    """Return the standardised mean difference of each covariate, treated minus comparator.

    Args:
        frame: a frame with the named columns.
        treated: name of the arm's column (True or 1 for treated), or an array of shape (n,).
        covariates: names of columns; text columns of more than two levels give the Mahalanobis distance.
        weight: weights, such as ``propensity_weights(...).weight``, shape (n,); spreads stay unweighted.
        threshold: more than this counts as imbalance.

    Raises:
        ArgumentError: a column that is missing, or has missing values.
    """
    source = open_frame(frame)
    labels = np.asarray(required(source, "treated", treated))
    arm = arrays.events("treated", labels, labels.size)
    weights = None if weight is None else arrays.weights(column(source, "weight", weight), arm.size)
    rows: list[tuple[Value, ...]] = []
    for name in [covariates] if isinstance(covariates, str) else covariates:
        values = np.asarray(required(source, "covariates", name))
        label = label_of(name, "covariate")
        if values.dtype.kind in "fiu" and np.unique(values).size > 2:
            difference = continuous_difference(values=values, treated=arm, weight=weights)
        else:
            codes, levels = arrays.codes(label, values, arm.size)
            if levels.size == 2:
                difference, label = _of_two_levels(codes == 1, arm, weights), f"{label} ({levels[1]})"
            else:
                difference = categorical_difference(levels=codes, treated=arm, weight=weights)
        rows.append((label, difference, "yes" if abs(difference) > threshold else ""))
    title = f"{'Weighted s' if weight is not None else 'S'}tandardised mean differences, treated minus comparator"
    note = f"imbalance: above {threshold:g} in size; two-level covariates as proportions of the level named."
    return Differences(title, ("covariate", "smd", "imbalance"), tuple(rows), (note,), None, threshold)


def _of_two_levels(second: arrays.Booleans, arm: arrays.Booleans, weight: arrays.Floats | None) -> float:
    plain = [float(second[rows].mean()) for rows in (arm, ~arm)]
    if weight is None:
        return binary_difference(*plain)
    if not (weight[arm].any() and weight[~arm].any()):
        raise ArgumentError("weight: found an arm whose weights are all 0")
    shares = [float((weight[rows] * second[rows]).sum() / weight[rows].sum()) for rows in (arm, ~arm)]
    return binary_difference(*shares, *plain)
