"""Events that cannot be: a visit after death, an adverse event before treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import narwhals.stable.v2 as nw

from twoarm.protocol.protocol import Protocol
from twoarm.protocol.response import Response
from twoarm.protocol.safety import Safety
from twoarm.records.engine_ops import day_of, is_true
from twoarm.records.findings import Finding
from twoarm.records.rules import Rule, Teller
from twoarm.records.typed_table import FILE_ORDER, KEY, TypedTable

_ZERO, _DEATH, _KNOWN = ":zero", ":death", ":known"
NOT_COUNTED = "not counted; correct the date, or the one that it contradicts"


def event_findings(
    protocol: Protocol, patients: Any, events: Mapping[str, tuple[TypedTable, Any]], teller: Teller
) -> Iterator[Finding]:
    """Return what contradicts the patients' own dates; time zero is that of the study population.

    Args:
        protocol: with its response and its adverse events.
        patients: one row a patient, dates as day numbers.
        events: each table of events and its frame, dates as day numbers, rows of unknown patients included.
        teller: says which rows.
    """
    zero = next(iter(protocol.populations.values())).time_zero
    response, safety = protocol.response, protocol.safety
    if response is not None and response.table in events:
        table, rows = events[response.table]
        frame = _beside(rows, patients, {_ZERO: zero, _DEATH: response.death})
        yield from teller.of_events(frame, table, list(_visit_rules(protocol, response, teller.ordered)))
    if safety is not None and safety.table in events:
        table, rows = events[safety.table]
        frame = _beside(rows, patients, {_ZERO: zero})
        yield from teller.of_events(frame, table, list(_adverse_rules(protocol, safety, zero)))


def _visit_rules(protocol: Protocol, response: Response, ordered: bool) -> Iterator[Rule]:
    date, word, column = nw.col(response.date), nw.col(response.response), response.date
    if response.death is not None:
        what = "visits after the patient's death"
        yield _warned("visit_after_death", date > nw.col(_DEATH), column, what, NOT_COUNTED)
    unknown = date.is_null() | word.is_null()
    yield _warned("visit_unknown", unknown, column, "visits without a date or a response", "not counted")
    visit = (KEY, response.date)
    repeated = (nw.len().over(*visit) > 1) & ~date.is_null()
    blank, written = (
        nw.when(part).then(1).otherwise(0).max().over(*visit) == 1 for part in (word.is_null(), ~word.is_null())
    )
    differ = is_true(word.max().over(*visit) != word.min().over(*visit)) | (blank & written)
    twice = repeated & ~nw.col(KEY).is_null() & differ
    what = "visits of one day with different responses"
    yield _warned("visits_differ", twice, column, what, "the worse one counts; which is right?")
    earlier = repeated & ~twice
    if ordered:
        earlier = is_true(date < date.shift(1).over(KEY, order_by=FILE_ORDER)) | earlier
    what = "visits out of the order of their dates, or twice on one day"
    yield _warned("visits_unsorted", earlier, column, what, "sorted by date; a day counts once")
    yield from _after_cutoff(protocol, column, "visits")


def _adverse_rules(protocol: Protocol, safety: Safety, zero: str | None) -> Iterator[Rule]:
    onset, column = nw.col(safety.onset), safety.onset
    absent = [nw.col(name).is_null() for name in (safety.term, safety.grade, safety.onset)]
    what = "adverse events without a term, a grade or an onset"
    yield _warned("event_unknown", nw.any_horizontal(*absent, ignore_nulls=True), column, what, "not counted")
    if zero is not None:
        untreated = nw.col(_ZERO).is_null() & nw.col(_KNOWN)
        what = "adverse events of patients without a time zero"
        yield _warned("untreated", untreated, column, what, "outside the safety set: not counted")
        what = "adverse events before the start of treatment"
        remedy = "not treatment-emergent: outside the window unless first_day is negative"
        yield _warned("event_before_start", onset < nw.col(_ZERO), column, what, remedy)
    yield from _after_cutoff(protocol, column, "adverse events")


def _after_cutoff(protocol: Protocol, column: str, what: str) -> Iterator[Rule]:
    if protocol.data_cutoff is not None:
        late = nw.col(column) > day_of(protocol.data_cutoff)
        yield _warned("after_cutoff", late, column, f"{what} after the data cut-off", "not counted")


def _beside(events: Any, patients: Any, wanted: Mapping[str, str | None]) -> Any:
    """Return a table with the patients' own dates beside each row."""
    named = (nw.col(name).alias(alias) for alias, name in wanted.items() if name)
    return events.join(patients.select(KEY, nw.lit(True).alias(_KNOWN), *named), on=KEY, how="left")


def _warned(name: str, where: nw.Expr, column: str, what: str, remedy: str) -> Rule:
    return Rule(name, where, column, what, "warned", remedy)
