"""Worst grade of each patient among the adverse events of each row of the safety table (CTCAE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.first_rule import first_rule
from twoarm.endpoints.patient_events import RULE, ZERO, beside_patients, held_cell, not_counted
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.protocol.safety import Safety
from twoarm.records.engine_ops import AnyFrame, day_of, is_true
from twoarm.records.evaluation import evaluate
from twoarm.records.records import Records
from twoarm.records.typed_table import KEY
from twoarm.statistics.arrays import Integers

_TERM = ":term:"
_RULES = (
    "term, grade or onset not known",
    "onset before the window",
    "onset after the window",
    "onset after the data cut-off",
)


@dataclass(frozen=True, slots=True, eq=False)
class AdverseEvents:
    """Worst grades of n patients, 0 for none: by row of the safety table, and by term; events that do not count."""

    rows: Mapping[str, Integers]  # label -> worst grade among the row's events, shape (n,)
    terms: Mapping[str, Integers]  # term -> worst grade, shape (n,); most frequent first
    not_counted: Mapping[str, int]


def row_column(number: int) -> str:
    """Return the name of the patients' column with the worst grade of a row of the safety table."""
    return f":safety:{number}"


def term_column(term: str) -> str:
    """Return the name of the patients' column with the worst grade of a term.

    Terms are spelt in bytes, as engines have their own ideas of points, quotes and capitals in names.

    >>> term_of(term_column("Hand-foot synd."))
    'Hand-foot synd.'
    """
    return _TERM + term.encode("utf-8").hex()


def term_of(column: str) -> str:
    """Return the term of a column."""
    return bytes.fromhex(column.removeprefix(_TERM)).decode("utf-8")


def add_worst_grades(protocol: Protocol, population: StudyPopulation, records: Records, frame: Any) -> tuple[Any, Any]:
    """Return the patients' frame with each one's worst grade, 0 for none, by row of the safety table and by term.

    ``frame`` has a row a patient; what it is made of, events and dates, is that of ``records``. The events come along,
    with the first rule that each breaks.
    """
    safety = protocol.safety
    assert safety is not None, "the protocol says what an adverse event is"
    ruled = _events(protocol, safety, population, records)
    events = ruled.filter(nw.col(RULE) == 0)
    types, masks = protocol.event_column_types(safety.table), records.events[safety.table].masks
    chosen = {}
    for number, row in enumerate(safety.table_rows()):
        chosen[row_column(number)] = nw.lit(True)
        if row.where is not None:
            answer = f":where{number}"
            events = evaluate(events, parse_expression(row.where, types), masks, answer)
            chosen[row_column(number)] = is_true(nw.col(answer))
    for term in _terms(safety, records, events):
        chosen[term_column(term)] = nw.col(safety.term) == term
    worst = events.group_by(KEY).agg(
        nw.when(rows).then(nw.col(safety.grade)).max().alias(name) for name, rows in chosen.items()
    )
    joined = frame.join(worst, on=KEY, how="left").with_columns(nw.col(name).fill_null(0) for name in chosen)
    return joined, ruled.select(KEY, RULE)


def adverse_events_of(protocol: Protocol, records: Records, cohort: Cohort) -> AdverseEvents:
    """Return the worst grades of every patient of a cohort, in the window after time zero."""
    safety = protocol.safety
    assert safety is not None, "the protocol says what an adverse event is"

    def grades(column: str) -> Integers:
        return np.asarray(cohort.happened[column].to_numpy(), dtype=np.int64)

    rows = {row.label: grades(row_column(number)) for number, row in enumerate(safety.table_rows())}
    terms = {term_of(name): grades(name) for name in cohort.happened.columns if name.startswith(_TERM)}
    counts = {term: cohort.count(grade > 0) for term, grade in terms.items()}
    ordered = sorted((term for term in terms if counts[term]), key=lambda term: (-counts[term], term))
    dropped = not_counted(records, "safety", _RULES, cohort)
    return AdverseEvents(rows, {term: terms[term] for term in ordered}, dropped)


def _terms(safety: Safety, records: Records, events: AnyFrame) -> list[str]:
    if not safety.every_term:
        return []
    found = records.collect(events.select(safety.term).unique(), f"{safety.table}: terms")
    return sorted(found[safety.term].to_list())


def _events(protocol: Protocol, safety: Safety, population: StudyPopulation, records: Records) -> Any:
    """Return the adverse events with the first rule that each breaks."""
    zero, table = population.section.time_zero, records.events[safety.table]
    assert zero is not None, "adverse events are counted from time zero"
    events = beside_patients(records, table, {ZERO: zero})
    onset = nw.col(safety.onset)
    day, grade, cutoff = onset - nw.col(ZERO), nw.col(safety.grade).fill_null(0), protocol.data_cutoff
    unread = held_cell(table, safety.grade) | held_cell(table, safety.onset) | nw.col(safety.term).is_null()
    broken = (
        unread | day.is_null() | (grade < 1),
        day < safety.first_day,
        nw.lit(False) if safety.last_day is None else day > safety.last_day,
        nw.lit(False) if cutoff is None else onset > day_of(cutoff),
    )
    return events.with_columns(first_rule(_RULES, broken).alias(RULE))
