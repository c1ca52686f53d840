"""Patients whose endpoint cannot be told: an event that is missing, a time that is negative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.protocol import Protocol
from twoarm.records.engine_ops import is_true, least
from twoarm.records.evaluation import HELD
from twoarm.records.findings import Finding
from twoarm.records.rules import Rule, Teller
from twoarm.records.typed_table import TypedTable

REMEDY = "held: the patient leaves the endpoint"
_Condition = tuple[str, str, nw.Expr, str]  # name, column under which it is told, where, what


def endpoint_findings(protocol: Protocol, frame: Any, tables: Sequence[TypedTable], teller: Teller) -> list[Finding]:
    """Return the patients whom the study population's endpoints hold, each row once a rule and column.

    Cells that are held already were told where they stand; patients without a time zero never enter the study.

    Args:
        protocol: with its endpoints.
        frame: one row a patient, dates as day numbers.
        tables: that it was joined from.
        teller: says which rows.
    """
    zero, columns = next(iter(protocol.populations.values())).time_zero, set(frame.columns)
    rules: dict[tuple[str, str], tuple[str, nw.Expr]] = {}
    for endpoint in protocol.endpoints.values():
        if not set(endpoint.columns().values()) <= columns:
            continue
        told = [nw.col(HELD + name) for name in endpoint.columns().values() if HELD + name in columns]
        entered = nw.lit(True) if zero is None or zero not in columns else ~nw.col(zero).is_null()
        open_rows = entered & ~is_true(nw.any_horizontal(*told, ignore_nulls=True)) if told else entered
        for name, column, where, what in _conditions(endpoint, zero):
            found = is_true(where & open_rows)
            before = rules.get((name, column))
            rules[name, column] = (what, found if before is None else before[1] | found)
    made = [Rule(name, where, column, what, remedy=REMEDY) for (name, column), (what, where) in rules.items()]
    return teller.of_patients(frame, tables, made)


def _conditions(endpoint: Endpoint, zero: str | None) -> Iterator[_Condition]:
    if endpoint.time is not None and endpoint.event is not None:
        time, event = nw.col(endpoint.time), nw.col(endpoint.event)
        yield "event_missing", endpoint.event, event.is_null(), "patients whose event is not known"
        yield "time_missing", endpoint.time, time.is_null(), "patients without a time"
        yield "negative_time", endpoint.time, time < 0, "negative times"
        return
    start = endpoint.start or zero
    if start is None:
        return
    happened, last = least([nw.col(name) for name in endpoint.events]), nw.coalesce(*endpoint.censoring)
    for name in endpoint.events:
        early = (nw.col(name) < nw.col(start)) & (nw.col(name) == happened)
        yield "event_before_start", name, early, "events before the start of the endpoint"
    seen = endpoint.censoring[0]
    early = happened.is_null() & (last < nw.col(start))
    yield "contact_before_start", seen, early, "last contacts before the start of the endpoint"
    yield "no_end", seen, happened.is_null() & last.is_null(), "patients with neither an event nor a last contact"
