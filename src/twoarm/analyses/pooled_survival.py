"""Survival curves of m imputations -> one curve on the log-log scale, its median and its landmarks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from twoarm.analyses.pooled_columns import column, in_all, mean_at_risk, mean_count
from twoarm.analyses.survival import NO_LIMITS, landmark_days
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError
from twoarm.protocol.protocol import Protocol
from twoarm.results.curve import Curve, CurveKind, rounded_columns
from twoarm.results.estimate import Estimate, Status, rounded
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats
from twoarm.statistics.kaplan_meier import KaplanMeier
from twoarm.statistics.pooled_curve import PooledCurve, pool_curves, pooled_median

_POOLED: tuple[CurveKind, ...] = ("survival", "follow_up")
METHOD = "log-log, Rubin's rules"
INVERTED = "inverting the pooled curve"


def pool_survival(
    protocol: Protocol, endpoints: Mapping[str, TimeToEvent], scratches: Sequence[Ledger], ledger: Ledger
) -> dict[str, Estimate | None]:
    """Write the curves of the arms; return the rows that are read off pooled ones, by the id that they replace.

    A curve that is the same in every imputation stays, with its rows. A row that another one stands for already is
    None.
    """
    rows: dict[str, Estimate | None] = {}
    written: set[str] = set()
    for curves in in_all(scratches, *_POOLED):
        first = curves[0]
        if all(curve == first for curve in curves):
            ledger.curves.extend([first] if _drawn(first) else [])
            continue
        try:
            pooled = pool_curves(curves=[_curve(c) for c in curves], confidence_level=protocol.confidence_level)
        except NotEstimableError:
            continue
        days = landmark_days(protocol, endpoints[first.endpoint].rounded)
        # a limit that is not estimable has another id than one that is, so that all imputations are looked through
        for row in (row for scratch in scratches for row in scratch.rows if _same(row, first) and row.id not in rows):
            read = _read_off(pooled, row, days)
            rows[row.id] = None if read.id in written else read  # two intervals of a median become one
            written.add(read.id)
        if _drawn(first):
            ledger.curves.append(_written(pooled, curves))
    return rows


def _drawn(curve: Curve) -> bool:
    """Whether a curve has a place in the ledger: those of the arms' survival."""
    return curve.kind == "survival" and curve.arm != "all"


def _same(row: Estimate, curve: Curve) -> bool:
    wanted = ("median", "median_lower", "median_upper", "survival", "survival_lower", "survival_upper")
    return (row.analysis, row.endpoint, row.arm) == (curve.kind, curve.endpoint, curve.arm) and row.statistic in wanted


def _read_off(pooled: PooledCurve, row: Estimate, days: Mapping[str, float]) -> Estimate:
    if row.statistic.startswith("median"):
        found = pooled_median(pooled)
        value = {"median": found.time, "median_lower": found.lower, "median_upper": found.upper}[row.statistic]
        note = "" if math.isfinite(value) else "not reached"
        method = "" if row.statistic == "median" else INVERTED
        if row.analysis == "follow_up":
            method = f"{row.method}, {INVERTED}"
    else:
        day = days[row.parameter]
        at = int(np.searchsorted(pooled.time, day, side="right")) - 1
        curve = {"survival": pooled.survival, "survival_lower": pooled.lower, "survival_upper": pooled.upper}
        value = (1.0 if row.statistic == "survival" else math.nan) if at < 0 else float(curve[row.statistic][at])
        note = "" if math.isfinite(value) else NO_LIMITS
        if day > pooled.end:
            value, note = math.nan, "after the last follow-up of an imputation"
        method = "" if row.statistic == "survival" else METHOD
    status: Status = "ok" if math.isfinite(value) else "not_estimable"
    return replace(row, value=rounded(value), note=note, method=method, status=status)


def _curve(curve: Curve) -> KaplanMeier:
    columns = {name: column(curve, name) for name in curve.columns}
    error = columns["std_error"]
    return KaplanMeier(
        time=columns["time"],
        at_risk=columns["at_risk"],
        events=columns["events"],
        censored=columns["censored"],
        survival=columns["survival"],
        std_error=np.where(np.isnan(error), np.inf, error),
        lower=columns["lower"],
        upper=columns["upper"],
        interval="log-log",
        confidence_level=0.95,
        n=float(columns["at_risk"][0]),
    )


def _written(pooled: PooledCurve, curves: Sequence[Curve]) -> Curve:
    """Return the pooled curve at all times of all imputations; numbers at risk and censored are means."""
    time = np.unique(np.concatenate([column(curve, "time") for curve in curves]))
    time = time[time <= pooled.end]
    at = np.searchsorted(pooled.time, time, side="right") - 1
    begun = at >= 0
    lines: dict[str, Floats] = {"time": time}
    for name, values, before in (
        ("survival", pooled.survival, 1.0),
        ("lower", pooled.lower, np.nan),
        ("upper", pooled.upper, np.nan),
    ):
        lines[name] = np.where(begun, values[np.maximum(at, 0)], before)
    lines["at_risk"] = mean_at_risk(curves, time)
    for name in ("events", "censored"):
        lines[name] = mean_count(curves, name, time)
    return replace(curves[0], columns=rounded_columns(lines))
