"""Events that cannot be, by file and row: a visit after death, an adverse event before treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from twoarm.protocol.protocol import Protocol
from twoarm.records.findings import Finding
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file

_ZERO, _DEATH, _KNOWN = ":zero", ":death", ":known"
NOT_COUNTED = "not counted; correct the date, or the one that it contradicts"


def event_findings(protocol: Protocol, patients: pl.DataFrame, tables: Mapping[str, TypedTable]) -> Iterator[Finding]:
    """Return what contradicts the patients' own dates; time zero is that of the study population."""
    zero = next(iter(protocol.populations.values())).time_zero
    response, safety = protocol.response, protocol.safety
    if response is not None and response.table in tables:
        table = _beside(tables[response.table], patients, {_ZERO: zero, _DEATH: response.death})
        date, column = pl.col(response.date), response.date
        if response.death is not None:
            what = "visits after the patient's death"
            yield from _where(table, date > pl.col(_DEATH), "visit_after_death", column, what, NOT_COUNTED)
        unknown = date.is_null() | pl.col(response.response).is_null()
        yield from _where(table, unknown, "visit_unknown", column, "visits without a date or a response", "not counted")
        visit = pl.struct(KEY, response.date)
        twice = visit.is_duplicated() & date.is_not_null() & pl.col(KEY).is_not_null()
        twice = twice & (pl.col(response.response).n_unique().over(KEY, response.date) > 1)
        what = "visits of one day with different responses"
        yield from _where(table, twice, "visits_differ", column, what, "the worse one counts; which is right?")
        earlier = (date < date.shift(1).over(KEY)) | (visit.is_duplicated() & date.is_not_null() & ~twice)
        what = "visits out of the order of their dates, or twice on one day"
        yield from _where(table, earlier, "visits_unsorted", column, what, "sorted by date; a day counts once")
        yield from _after_cutoff(protocol, table, column, "visits")
    if safety is not None and safety.table in tables:
        table = _beside(tables[safety.table], patients, {_ZERO: zero})
        onset, column = pl.col(safety.onset), safety.onset
        unknown = pl.any_horizontal(pl.col(name).is_null() for name in (safety.term, safety.grade, safety.onset))
        what = "adverse events without a term, a grade or an onset"
        yield from _where(table, unknown, "event_unknown", column, what, "not counted")
        if zero is not None:
            untreated = pl.col(_ZERO).is_null() & pl.col(_KNOWN)
            what = "adverse events of patients without a time zero"
            yield from _where(table, untreated, "untreated", column, what, "outside the safety set: not counted")
            what = "adverse events before the start of treatment"
            remedy = "not treatment-emergent: outside the window unless first_day is negative"
            yield from _where(table, onset < pl.col(_ZERO), "event_before_start", column, what, remedy)
        yield from _after_cutoff(protocol, table, column, "adverse events")


def _after_cutoff(protocol: Protocol, table: TypedTable, column: str, what: str) -> Iterator[Finding]:
    if protocol.data_cutoff is not None:
        late = pl.col(column) > protocol.data_cutoff
        yield from _where(table, late, "after_cutoff", column, f"{what} after the data cut-off", "not counted")


def _beside(table: TypedTable, patients: pl.DataFrame, wanted: Mapping[str, str | None]) -> TypedTable:
    """Return the table with the patients' own dates beside each row."""
    named = (pl.col(name).alias(alias) for alias, name in wanted.items() if name)
    dates = patients.select(KEY, pl.lit(True).alias(_KNOWN), *named)
    frame = table.frame.join(dates, on=KEY, how="left", maintain_order="left")
    return replace(table, frame=frame)


def _where(table: TypedTable, condition: pl.Expr, rule: str, column: str, what: str, remedy: str) -> Iterator[Finding]:
    rows = table.frame.select(condition.fill_null(False).alias("found")).to_series()
    yield from findings_by_file(table, rows, rule, "warned", column, what, remedy)
