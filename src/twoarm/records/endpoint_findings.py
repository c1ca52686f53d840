"""Patients whose endpoint cannot be told, by file and row: an event that is missing, a time that is negative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.protocol import Protocol
from twoarm.records.evaluation import HELD
from twoarm.records.findings import Finding
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file

REMEDY = "held: the patient leaves the endpoint"
_Rule = tuple[str, str, pl.Expr, str]  # name, column under which it is told, where, what


def endpoint_findings(protocol: Protocol, frame: pl.DataFrame, tables: Sequence[TypedTable]) -> Iterator[Finding]:
    """Return the patients whom the study population's endpoints hold, each row once a rule and column.

    Cells that are held already were told where they stand; patients without a time zero never enter the study.
    """
    zero = next(iter(protocol.populations.values())).time_zero
    rules: dict[tuple[str, str], tuple[str, pl.Series]] = {}
    for endpoint in protocol.endpoints.values():
        if not set(endpoint.columns().values()) <= set(frame.columns):
            continue
        told = [HELD + name for name in endpoint.columns().values() if HELD + name in frame.columns]
        entered = pl.lit(True) if zero not in frame.columns else pl.col(zero).is_not_null()
        open_rows = entered & ~pl.any_horizontal(pl.lit(False), *(pl.col(name).fill_null(False) for name in told))
        for name, column, where, what in _rules(endpoint, zero):
            found = frame.select((where & open_rows).fill_null(False).alias("found")).to_series()
            before = rules.get((name, column))
            rules[name, column] = (what, found if before is None else found | before[1])
    for (name, column), (what, rows) in rules.items():
        table = next((table for table in tables if column in table.frame.columns), None)
        if table is not None and rows.any():
            mask = table.frame[KEY].is_in(frame[KEY].filter(rows).to_list())
            yield from findings_by_file(table, mask, name, "held", column, what, REMEDY)


def _rules(endpoint: Endpoint, zero: str | None) -> Iterator[_Rule]:
    if endpoint.time is not None and endpoint.event is not None:
        time, event = pl.col(endpoint.time), pl.col(endpoint.event)
        yield (
            "event_missing",
            endpoint.event,
            event.is_null(),
            "patients whose event is not known",
        )
        yield "time_missing", endpoint.time, time.is_null(), "patients without a time"
        yield "negative_time", endpoint.time, time < 0, "negative times"
        return
    start = endpoint.start or zero
    if start is None:
        return
    happened = pl.min_horizontal(*endpoint.events)
    last = pl.coalesce(*endpoint.censoring)
    for name in endpoint.events:
        early = (pl.col(name) < pl.col(start)) & (pl.col(name) == happened)
        yield "event_before_start", name, early, "events before the start of the endpoint"
    seen = endpoint.censoring[0]
    early = happened.is_null() & (last < pl.col(start))
    yield "contact_before_start", seen, early, "last contacts before the start of the endpoint"
    yield "no_end", seen, happened.is_null() & last.is_null(), "patients with neither an event nor a last contact"
