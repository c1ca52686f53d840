"""Worst grade of each patient among the adverse events of each row of the safety table (CTCAE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.event_days import cohort_events, day_numbers, held_rows
from twoarm.endpoints.first_rule import first_rule
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.safety import Safety
from twoarm.records.evaluation import HELD, evaluate
from twoarm.records.records import Records
from twoarm.statistics.arrays import Booleans, Integers


@dataclass(frozen=True, slots=True, eq=False)
class AdverseEvents:
    """Worst grades of n patients, 0 for none: by row of the safety table, and by term; events that do not count."""

    rows: Mapping[str, Integers]  # label -> worst grade among the row's events, shape (n,)
    terms: Mapping[str, Integers]  # term -> worst grade, shape (n,); most frequent first
    not_counted: Mapping[str, int]


def derive_adverse_events(
    protocol: Protocol, safety: Safety, records: Records, cohort: Cohort, cutoff: float
) -> AdverseEvents:
    """Return the worst grades of every patient of a cohort, in the window after time zero."""
    zero_name = cohort.population.section.time_zero
    assert zero_name is not None, "adverse events are counted from time zero"
    zero = day_numbers(records, zero_name, cohort.patient_rows)
    events = cohort_events(records.events[safety.table], safety.onset, cohort, zero, cutoff)
    grade = events.frame[safety.grade].fill_null(0).cast(int).to_numpy()
    term = events.frame[safety.term]
    unread = held_rows(events.frame, safety.grade) | held_rows(events.frame, safety.onset) | term.is_null().to_numpy()
    last = np.inf if safety.last_day is None else safety.last_day
    rules: dict[str, Booleans] = {
        "term, grade or onset not known": unread | np.isnan(events.day) | (grade < 1),
        "onset before the window": events.day < safety.first_day,
        "onset after the window": events.day > last,
        "onset after the data cut-off": events.after_cutoff,
    }
    counts, not_counted = first_rule(grade.size, rules, None)
    n = cohort.key.size
    types = protocol.event_column_types(safety.table)
    frame = nw.from_native(events.frame, eager_only=True)
    masks = frozenset(name for name in events.frame.columns if name.startswith(HELD))
    rows = {}
    for row in safety.table_rows():
        chosen = counts
        if row.where is not None:
            answer = evaluate(frame, parse_expression(row.where, types), masks, ":answer").get_column(":answer")
            chosen = counts & answer.fill_null(False).to_numpy().astype(np.bool_)
        rows[row.label] = _worst(events.patient[chosen], grade[chosen], n)
    terms = {}
    for word in sorted(term.filter(counts).unique().to_list()) if safety.every_term else ():
        chosen = counts & (term == word).fill_null(False).to_numpy()
        terms[word] = _worst(events.patient[chosen], grade[chosen], n)
    ordered = sorted(terms, key=lambda word: (-cohort.count(terms[word] > 0), word))
    return AdverseEvents(rows, {word: terms[word] for word in ordered}, not_counted)


def _worst(patient: Integers, grade: Integers, n: int) -> Integers:
    worst = np.zeros(n, dtype=np.int64)
    np.maximum.at(worst, patient, grade)
    return worst
