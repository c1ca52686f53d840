"""Dates, or durations, -> time in whole days and an event, aligned with the cohort's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.cohort.cohort import Cohort, completed_dates, held_cells
from twoarm.endpoints.first_rule import first_rule
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.engine_ops import day_number
from twoarm.records.records import Records
from twoarm.statistics.arrays import Booleans, Floats, Integers

_Read = Callable[[str], tuple[Floats, Booleans]]


@dataclass(frozen=True, slots=True, eq=False)
class TimeToEvent:
    """An endpoint of n rows of a cohort; those not ``known`` are left out of its analyses, each for one reason."""

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
    read = partial(_column, records, cohort)
    return {
        name: _derive(protocol, name, endpoint, read, cohort, cutoff) for name, endpoint in population.endpoints.items()
    }


def hold_completed_dates(
    protocol: Protocol,
    population: StudyPopulation,
    records: Records,
    cohort: Cohort,
    times: Mapping[str, TimeToEvent],
    cutoff: float,
) -> dict[str, TimeToEvent]:
    """Return the endpoints that rest on dates completed by a declared rule, with those dates held instead.

    ``times`` are the endpoints as they are; one that loses nobody is left out.
    """
    read = partial(_column, records, cohort, hold_completed=True)
    held = {}
    for name, endpoint in population.endpoints.items():
        names = [*endpoint.columns().values(), *([zero] if (zero := population.section.time_zero) else [])]
        if any(completed_dates(records, column, cohort.patient_rows).any() for column in names):
            found = _derive(protocol, name, endpoint, read, cohort, cutoff)
            if (times[name].known & ~found.known).any():
                held[name] = found
    return held


def _derive(
    protocol: Protocol, name: str, endpoint: Endpoint, read: _Read, cohort: Cohort, cutoff: float
) -> TimeToEvent:
    derived = _from_dates if endpoint.from_dates else _from_duration
    return derived(protocol, name, endpoint, read, cohort, cutoff)


def _column(records: Records, cohort: Cohort, name: str, *, hold_completed: bool = False) -> tuple[Floats, Booleans]:
    """Return a column of the cohort's patients as floats (dates as day numbers, NaN missing), and its held cells."""
    expression = nw.col(name)
    dtype = records.patients.frame.schema[name]
    if dtype == nw.Date:
        expression = day_number(expression)
    column: Any = records.patients.frame.select(expression.cast(nw.Float64).alias("value")).get_column("value")
    values = column.to_numpy().astype(np.float64)[cohort.patient_rows]
    held = held_cells(records, name, cohort.patient_rows)
    if hold_completed:
        completed = completed_dates(records, name, cohort.patient_rows)
        values, held = np.where(completed, np.nan, values), held | completed
    return values, held


def _from_duration(
    protocol: Protocol, name: str, endpoint: Endpoint, read: _Read, cohort: Cohort, cutoff: float
) -> TimeToEvent:
    assert endpoint.time is not None, "an endpoint from a duration names its time"
    assert endpoint.event is not None, "an endpoint from a duration names its event"
    duration, time_held = read(endpoint.time)
    event, event_held = read(endpoint.event)
    others = [read(column) for column in endpoint.competing]
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
        cohort.frequency,
    )
    limit = np.full(days.size, np.inf)
    zero = cohort.population.section.time_zero
    if np.isfinite(cutoff) and zero is not None:
        limit = cutoff - read(zero)[0]
    late = known & (days > limit)
    return TimeToEvent(
        name=name,
        label=endpoint.label,
        time=np.where(known, np.minimum(days, limit), 0).astype(np.int64),
        event=np.where(known & ~late, event, 0).astype(np.bool_),
        known=known,
        reasons=reasons,
        cut_back=cohort.count(late),
        rounded=endpoint.unit != "days",
        competing=known & ~late & other & (event != 1) if others else None,
    )


def _from_dates(
    protocol: Protocol, name: str, endpoint: Endpoint, read: _Read, cohort: Cohort, cutoff: float
) -> TimeToEvent:
    """The earliest event that is there, else the first censoring date that is there; nothing after the cut-off.

    A competing event ends the time like an event; on one day the event of interest wins.
    """
    start_name = endpoint.start or cohort.population.section.time_zero
    assert start_name is not None, "an endpoint from dates has a start"
    start, start_held = read(start_name)
    events = [read(column) for column in endpoint.events]
    others = [read(column) for column in endpoint.competing]
    censoring = [read(column) for column in endpoint.censoring]
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
        cohort.frequency,
    )
    late = known & (ends > cutoff)
    days = np.minimum(ends, cutoff) - start + (1 if protocol.day_count == "inclusive" else 0)
    ended = known & ~np.isnan(happened) & ~(happened > cutoff)
    death = _death_column(protocol)
    dead = None if death is None else known & ~ended & (read(death)[0] <= np.minimum(ends, cutoff))
    return TimeToEvent(
        name=name,
        label=endpoint.label,
        time=np.where(known, days, 0).astype(np.int64),
        event=ended & ~other if others else ended,
        known=known,
        reasons=reasons,
        cut_back=cohort.count(late),
        rounded=False,
        competing=ended & other if others else None,
        dead=dead,
    )


def _death_column(protocol: Protocol) -> str | None:
    """Return the patients' date of death, where the protocol says which it is."""
    timeline = None if protocol.timeline is None else protocol.timeline.death
    return timeline or (None if protocol.response is None else protocol.response.death)
