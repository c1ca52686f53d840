"""Effects that may change with time: restricted means, survival at a time, hazard ratios within intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.notebook.columns import column, events, label_of, names_of, open_frame, required
from twoarm.notebook.result import Result, Value
from twoarm.statistics import arrays
from twoarm.statistics.cox_risk_sets import Ties
from twoarm.statistics.distributions import normal_quantile, two_sided_normal
from twoarm.statistics.piecewise_hazard_ratio import HazardPiece
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio as fit_pieces
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.survival_difference import survival_difference as compare_survival


def restricted_mean(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    arm: Any = None,
    *,
    treated: Any = True,
    tau: float | None = None,
    weight: Any = None,
    cluster: Any = None,
    event_value: Any = None,
    confidence_level: float = 0.95,
) -> Result:
    """Compare restricted mean survival times up to tau.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: each patient's arm, shape (n,); two arms.
        treated: the value of the treated arm.
        tau: end of the area; the smaller of the arms' largest times by default.
        weight: sampling weights, shape (n,); the variance is then robust.
        cluster: what belongs together, such as matched pairs, shape (n,).
        event_value: the code of an event.
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, or follow-up of an arm that ends before tau.
    """
    columns, other = _columns(frame, time, event, arm, treated, weight, cluster, event_value)
    found = compare_restricted_means(**columns, tau=tau, confidence_level=confidence_level)
    one, two = found.treated, found.comparator
    rows: tuple[tuple[Value, ...], ...] = (
        (str(treated), one.mean, one.lower, one.upper, None),
        (other, two.mean, two.lower, two.upper, None),
        ("difference", found.difference, found.difference_lower, found.difference_upper, found.difference_p_value),
        ("ratio", found.ratio, found.ratio_lower, found.ratio_upper, found.ratio_p_value),
    )
    title = f"Restricted mean survival time up to {one.tau:g}"
    return Result(title, (label_of(arm, "arm"), "estimate", "lower", "upper", "p"), rows, (), found)


def survival_difference(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    arm: Any = None,
    *,
    at: float,
    treated: Any = True,
    weight: Any = None,
    cluster: Any = None,
    event_value: Any = None,
    confidence_level: float = 0.95,
) -> Result:
    """Compare the survival of two arms at a time.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: each patient's arm, shape (n,); two arms.
        at: the time.
        treated: the value of the treated arm.
        weight: sampling weights, shape (n,); the variance is then robust.
        cluster: what belongs together, such as matched pairs, shape (n,).
        event_value: the code of an event.
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, follow-up of an arm that ends before the time, or no event by then.
    """
    columns, other = _columns(frame, time, event, arm, treated, weight, cluster, event_value)
    found = compare_survival(**columns, at=at, confidence_level=confidence_level)
    z = normal_quantile(arrays.level(confidence_level))
    arms = (
        (str(treated), found.treated, found.treated_std_error),
        (other, found.comparator, found.comparator_std_error),
    )
    rows: tuple[tuple[Value, ...], ...] = (
        *((name, s, s - z * error, s + z * error, None) for name, s, error in arms),
        ("difference", found.difference, found.difference_lower, found.difference_upper, found.difference_p_value),
        ("ratio", found.ratio, found.ratio_lower, found.ratio_upper, found.ratio_p_value),
    )
    variance = "infinitesimal jackknife" if found.robust else "Greenwood's variance"
    notes = (f"Normal limits, {variance}; test of equal log(-log S): p = {found.log_log_p_value:.4g}.",)
    return Result(f"Survival at {at:g}", (label_of(arm, "arm"), "estimate", "lower", "upper", "p"), rows, notes, found)


def piecewise_hazard_ratio(
    frame: Any = None,
    /,
    time: Any = None,
    event: Any = None,
    arm: Any = None,
    *,
    cuts: Sequence[float],
    treated: Any = True,
    weight: Any = None,
    cluster: Any = None,
    ties: Ties = "efron",
    event_value: Any = None,
    confidence_level: float = 0.95,
) -> Result:
    """Estimate the hazard ratio of two arms within intervals of follow-up, and test that the intervals agree.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) for an event, shape (n,); other codes are declared with ``event_value``.
        arm: each patient's arm, shape (n,); two arms.
        cuts: rising times above 0; a cut belongs to the interval that it ends.
        treated: the value of the treated arm.
        weight: sampling weights, shape (n,); the variance is then robust.
        cluster: what belongs together, such as matched pairs, shape (n,).
        ties: how tied event times are handled.
        event_value: the code of an event.
        confidence_level: of all intervals.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an empty arm, or no events.
    """
    columns, _ = _columns(frame, time, event, arm, treated, weight, cluster, event_value)
    found = fit_pieces(**columns, cuts=cuts, ties=ties)
    z = normal_quantile(arrays.level(confidence_level))
    notes = [f"{_interval(piece)} is not estimable: {piece.reason}." for piece in found.pieces if piece.reason]
    notes += [
        f"Equal hazard ratios: Wald {found.statistic:.4g} on {found.degrees_of_freedom} df, p = {found.p_value:.4g}."
    ]
    names = ("interval", "events", "events_comparator", "hazard_ratio", "lower", "upper", "p")
    rows = tuple((_interval(piece), *piece.events, *_effect(piece, z)) for piece in found.pieces)
    return Result(f"Hazard ratios within intervals, {ties.capitalize()} ties", names, rows, tuple(notes), found)


def _interval(piece: HazardPiece) -> str:
    return f"{piece.start:g} to {piece.end:g}" if np.isfinite(piece.end) else f"after {piece.start:g}"


def _effect(piece: HazardPiece, z: float) -> tuple[float, float, float, float]:
    beta, error = piece.log_hazard_ratio, piece.std_error
    ratio, lower, upper = np.exp([beta, beta - z * error, beta + z * error]).tolist()
    return ratio, lower, upper, two_sided_normal(beta / error)


def _columns(
    frame: Any, time: Any, event: Any, arm: Any, treated: Any, weight: Any, cluster: Any, event_value: Any
) -> tuple[dict[str, Any], str]:
    """Return what the statistics take, and the comparator's name."""
    source = open_frame(frame)
    labels = np.asarray(required(source, "arm", arm))
    _, values = arrays.codes("arm", labels, labels.size)
    if values.size != 2 or treated not in values.tolist():
        shown = ", ".join(names_of(values.tolist()[:5]))
        raise ArgumentError(f"arm: found {shown}; expected two arms, one of them treated={treated!r}")
    columns = {
        "time": required(source, "time", time),
        "event": events(source, event, event_value),
        "treated": labels == treated,
        "weight": column(source, "weight", weight),
        "cluster": column(source, "cluster", cluster),
    }
    return columns, next(str(value) for value in values.tolist() if value != treated)
