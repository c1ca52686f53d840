"""Cumulative incidences of m imputations -> one of each cause, and what is read off them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from twoarm.analyses.cumulative_incidence import CAUSES, INCIDENCE, NO_LIMITS
from twoarm.analyses.pooled_columns import column, in_all, mean_at_risk, mean_count
from twoarm.analyses.survival import landmark_days
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError
from twoarm.protocol.protocol import Protocol
from twoarm.results.curve import Curve, rounded_columns
from twoarm.results.estimate import Estimate, Status, rounded
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats
from twoarm.statistics.pooled_curve import Incidence, PooledIncidence, pool_incidence

METHOD = "complementary log-log, Rubin's rules"
_PREFIX = {"": "", "competing": "competing_"}  # the ledger's variable -> prefix of a cause's columns


def pool_incidence_curves(
    protocol: Protocol, endpoints: Mapping[str, TimeToEvent], scratches: Sequence[Ledger], ledger: Ledger
) -> dict[str, Estimate | None]:
    """Write the curves of the arms; return the rows that are read off pooled ones, by the id that they replace.

    A curve that is the same in every imputation stays, with its rows. A row that another one stands for already is
    None.
    """
    rows: dict[str, Estimate | None] = {}
    for curves in in_all(scratches, "cumulative_incidence"):
        first = curves[0]
        if all(curve == first for curve in curves):
            ledger.curves.extend([first] if first.arm != "all" else [])
            continue
        try:
            pooled = {cause: _pool(protocol, curves, cause) for cause in CAUSES}
        except NotEstimableError:
            continue
        days = landmark_days(protocol, endpoints[first.endpoint].rounded)
        rows |= _rows(pooled, first, scratches, days)
        if first.arm != "all":
            ledger.curves.append(_written(pooled, curves))
    return rows


def _pool(protocol: Protocol, curves: Sequence[Curve], cause: str) -> PooledIncidence:
    prefix = _PREFIX[cause]
    parts = [
        Incidence(
            time=column(curve, "time"),
            incidence=column(curve, f"{prefix}incidence"),
            std_error=column(curve, f"{prefix}std_error"),
            finished=bool(column(curve, "survival")[-1] <= 0),
        )
        for curve in curves
    ]
    return pool_incidence(curves=parts, confidence_level=protocol.confidence_level)


def _rows(
    pooled: Mapping[str, PooledIncidence], curve: Curve, scratches: Sequence[Ledger], days: Mapping[str, float]
) -> dict[str, Estimate | None]:
    found: dict[str, Estimate | None] = {}
    written: set[str] = set()
    for row in (row for scratch in scratches for row in scratch.rows if _of_curve(row, curve)):
        if row.id in found:
            continue
        read = _read_off(pooled[row.variable], row, days[row.parameter])
        found[row.id] = None if read.id in written else read  # a limit with a method of its own in some imputations
        written.add(read.id)
    return found


def _of_curve(row: Estimate, curve: Curve) -> bool:
    here = (row.analysis, row.endpoint, row.arm) == (curve.kind, curve.endpoint, curve.arm)
    return here and row.statistic in INCIDENCE


def _read_off(pooled: PooledIncidence, row: Estimate, day: float) -> Estimate:
    at = int(np.searchsorted(pooled.time, day, side="right")) - 1
    lines = dict(zip(INCIDENCE, (pooled.incidence, pooled.lower, pooled.upper), strict=True))
    before = 0.0 if row.statistic == INCIDENCE[0] else math.nan
    value = before if at < 0 else float(lines[row.statistic][at])
    note = "" if math.isfinite(value) else NO_LIMITS
    if day > pooled.end:
        value, note = math.nan, "after the last follow-up of an imputation"
    method = "" if row.statistic == INCIDENCE[0] else METHOD
    status: Status = "ok" if math.isfinite(value) else "not_estimable"
    number = rounded(value) if math.isfinite(value) else None
    return replace(row, value=number, note=note, method=method, status=status)


def _written(pooled: Mapping[str, PooledIncidence], curves: Sequence[Curve]) -> Curve:
    """Return the pooled curve at all times of all imputations; counts and who is left without an event are means."""
    time = pooled[""].time
    lines: dict[str, Floats] = {"time": time, "at_risk": mean_at_risk(curves, time)}
    lines["censored"] = mean_count(curves, "censored", time)
    lines["survival"] = np.mean([_level(curve, "survival", time) for curve in curves], axis=0)
    for cause, prefix in _PREFIX.items():
        one = pooled[cause]
        lines[f"{prefix}events"] = mean_count(curves, f"{prefix}events", time)
        lines |= {f"{prefix}incidence": one.incidence, f"{prefix}lower": one.lower, f"{prefix}upper": one.upper}
    return replace(curves[0], columns=rounded_columns(lines))


def _level(curve: Curve, name: str, time: Floats) -> Floats:
    return np.append(1.0, column(curve, name))[np.searchsorted(column(curve, "time"), time, side="right")]
