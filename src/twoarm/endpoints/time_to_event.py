"""Dates, or durations, -> time in whole days and an event, aligned with the cohort's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.cohort.cohort import Cohort, held_cells
from twoarm.endpoints.first_rule import first_rule
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.engine_ops import day_number
from twoarm.records.records import Records
from twoarm.statistics.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class TimeToEvent:
    """An endpoint of n patients; those not ``known`` are left out of its analyses, each for one reason."""

    name: str
    label: str
    time: Integers  # days; 0 where not known
    event: Booleans
    known: Booleans
    reasons: Mapping[str, int]  # why patients are held -> how many
    cut_back: int  # patients whose event or follow-up after the data cut-off was cut back to it
    rounded: bool  # days were rounded from a coarser unit, and so must be the times that they are compared with
    competing: Booleans | None = None  # another event ended the time; None where the endpoint declares none
    dead: Booleans | None = None  # censored by a death that does not count; None where no date of death is declared


def derive_times(
    protocol: Protocol, population: StudyPopulation, records: Records, cohort: Cohort, cutoff: float
) -> dict[str, TimeToEvent]:
    """Return every time-to-event endpoint of the population; ``cutoff`` is a day number, infinite without one."""
    return {
        name: (_from_dates if endpoint.from_dates else _from_duration)(
            protocol, name, endpoint, records, cohort, cutoff
        )
        for name, endpoint in population.endpoints.items()
    }


def _column(records: Records, cohort: Cohort, name: str) -> tuple[Floats, Booleans]:
    """Return a column of the cohort's patients as floats (dates as day numbers, NaN missing), and its held cells."""
    expression = nw.col(name)
    dtype = records.patients.frame.schema[name]
    if dtype == nw.Date:
        expression = day_number(expression)
    column: Any = records.patients.frame.select(expression.cast(nw.Float64).alias("value")).get_column("value")
    values = column.to_numpy().astype(np.float64)[cohort.patient_rows]
    return values, held_cells(records, name, cohort.patient_rows)


def _from_duration(
    protocol: Protocol, name: str, endpoint: Endpoint, records: Records, cohort: Cohort, cutoff: float
) -> TimeToEvent:
    assert endpoint.time is not None, "an endpoint from a duration names its time"
    assert endpoint.event is not None, "an endpoint from a duration names its event"
    duration, time_held = _column(records, cohort, endpoint.time)
    event, event_held = _column(records, cohort, endpoint.event)
    others = [_column(records, cohort, column) for column in endpoint.competing]
    other = np.any([values == 1 for values, _ in others], axis=0) if others else np.zeros(event.size, dtype=np.bool_)
    needed = (event != 1) & ~other  # only then does it matter what the other columns lack
    others_held = needed & np.any([held for _, held in others], axis=0)
    others_missing = needed & np.any([np.isnan(values) for values, _ in others], axis=0)
    days = np.round(duration * protocol.days_in(endpoint.unit))
    known, reasons = first_rule(
        days.size,
        {
            "time could not be read": time_held,
            "event could not be read": event_held | others_held,
            "time missing": np.isnan(days),
            "event missing": np.isnan(event) | others_missing,
            "negative time": days < 0,
        },
    )
    limit = np.full(days.size, np.inf)
    zero = cohort.population.section.time_zero
    if np.isfinite(cutoff) and zero is not None:
        limit = cutoff - _column(records, cohort, zero)[0]
    late = known & (days > limit)
    return TimeToEvent(
        name=name,
        label=endpoint.label,
        time=np.where(known, np.minimum(days, limit), 0).astype(np.int64),
        event=np.where(known & ~late, event, 0).astype(np.bool_),
        known=known,
        reasons=reasons,
        cut_back=int(late.sum()),
        rounded=endpoint.unit != "days",
        competing=known & ~late & other & (event != 1) if others else None,
    )


def _from_dates(
    protocol: Protocol, name: str, endpoint: Endpoint, records: Records, cohort: Cohort, cutoff: float
) -> TimeToEvent:
    """The earliest event that is there, else the first censoring date that is there; nothing after the cut-off.

    A competing event ends the time like an event; on one day the event of interest wins.
    """
    start_name = endpoint.start or cohort.population.section.time_zero
    assert start_name is not None, "an endpoint from dates has a start"
    start, start_held = _column(records, cohort, start_name)
    events = [_column(records, cohort, column) for column in endpoint.events]
    others = [_column(records, cohort, column) for column in endpoint.competing]
    censoring = [_column(records, cohort, column) for column in endpoint.censoring]
    happened = np.fmin.reduce([values for values, _ in (*events, *others)])
    other = np.fmin.reduce([values for values, _ in events]) != happened
    last_seen = censoring[0][0]
    for values, _ in censoring[1:]:
        last_seen = np.where(np.isnan(last_seen), values, last_seen)
    ends = np.where(np.isnan(happened), last_seen, happened)
    event_held = np.any([held for _, held in (*events, *others)], axis=0)
    censoring_held = np.isnan(ends) & np.any([held for _, held in censoring], axis=0)
    known, reasons = first_rule(
        start.size,
        {
            "start could not be read": start_held,
            "start missing": np.isnan(start),
            "start after the data cut-off": start > cutoff,
            "an event date could not be read": event_held,
            "last contact could not be read": censoring_held,
            "neither event nor last contact": np.isnan(ends),
            "event before start": happened < start,
            "last contact before start": np.isnan(happened) & (last_seen < start),
        },
    )
    late = known & (ends > cutoff)
    days = np.minimum(ends, cutoff) - start + (1 if protocol.day_count == "inclusive" else 0)
    ended = known & ~np.isnan(happened) & ~(happened > cutoff)
    death = _death_column(protocol)
    dead = None if death is None else known & ~ended & (_column(records, cohort, death)[0] <= np.minimum(ends, cutoff))
    return TimeToEvent(
        name=name,
        label=endpoint.label,
        time=np.where(known, days, 0).astype(np.int64),
        event=ended & ~other if others else ended,
        known=known,
        reasons=reasons,
        cut_back=int(late.sum()),
        rounded=False,
        competing=ended & other if others else None,
        dead=dead,
    )


def _death_column(protocol: Protocol) -> str | None:
    """Return the patients' date of death, where the protocol says which it is."""
    timeline = None if protocol.timeline is None else protocol.timeline.death
    return timeline or (None if protocol.response is None else protocol.response.death)
