"""Dates, or durations, -> time in whole days and an event, for every patient; then for the rows of a cohort."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.first_rule import first_rule, rule_counts
from twoarm.protocol.endpoint import Endpoint
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.engine_ops import day_of, is_true, least, round_half_even
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.statistics.arrays import Booleans, Integers

_RULE, _TIME, _EVENT, _LATE, _DEAD = "rule", "time", "event", "late", "dead"
_ENDED, _COMPETING = 1, 2  # by the event; by another event
_HELD = "held"  # begins the name of an endpoint whose completed dates are held
_RULES_OF_DATES = (
    "start could not be read",
    "start missing",
    "start after the data cut-off",
    "an event date could not be read",
    "last contact could not be read",
    "neither event nor last contact",
    "event before start",
    "last contact before start",
)
_RULES_OF_DURATIONS = (
    "time could not be read",
    "event could not be read",
    "time missing",
    "event missing",
    "negative time",
)


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


def time_columns(
    protocol: Protocol, population: StudyPopulation, columns: Collection[str]
) -> Iterator[dict[str, nw.Expr]]:
    """Yield the expressions that derive the endpoints of a population, in rounds: each reads what the last ones made.

    ``columns`` are those of the patients. An endpoint that rests on dates which a declared rule completed is derived
    once more with these held.
    """
    derived = [(_column(name, ""), endpoint, _Columns(columns)) for name, endpoint in population.endpoints.items()]
    for name, endpoint in population.endpoints.items():
        if any(COMPLETED + column in columns for column in _read(population, endpoint)):
            derived.append((_column(f"{_HELD}:{name}", ""), endpoint, _Columns(columns, hold_completed=True)))
    rounds: list[dict[str, nw.Expr]] = [{}, {}, {}]
    for prefix, endpoint, read in derived:
        made = _from_dates if endpoint.from_dates else _from_duration
        for place, expressions in enumerate(made(protocol, population, endpoint, read, prefix)):
            rounds[place] |= {prefix + part: expression for part, expression in expressions.items()}
    yield from rounds


def times_of(
    protocol: Protocol, population: StudyPopulation, cohort: Cohort
) -> tuple[dict[str, TimeToEvent], dict[str, TimeToEvent]]:
    """Return the endpoints of a cohort; and those that rest on completed dates and lose somebody, with these held."""
    times, held = {}, {}
    for name, endpoint in population.endpoints.items():
        times[name] = _time_to_event(protocol, name, endpoint, cohort, name)
        if _column(f"{_HELD}:{name}", _RULE) in cohort.happened.columns:
            found = _time_to_event(protocol, name, endpoint, cohort, f"{_HELD}:{name}")
            if (times[name].known & ~found.known).any():
                held[name] = found
    return times, held


def _column(name: str, part: str) -> str:
    return f":endpoint:{name}:{part}"


def _read(population: StudyPopulation, endpoint: Endpoint) -> list[str]:
    zero = population.section.time_zero
    return [*endpoint.columns().values(), *([zero] if zero else [])]


class _Columns:
    """The patients' columns as endpoints read them: a value, and whether the cell is held."""

    def __init__(self, columns: Collection[str], *, hold_completed: bool = False) -> None:
        self.columns, self.hold_completed = columns, hold_completed

    def value(self, name: str) -> nw.Expr:
        """The value; none where a completed date is held."""
        if self.hold_completed and COMPLETED + name in self.columns:
            return nw.when(~nw.col(COMPLETED + name)).then(nw.col(name))
        return nw.col(name)

    def held(self, *names: str) -> nw.Expr:
        """Whether any of the cells is held."""
        masks = [HELD + name for name in names if HELD + name in self.columns]
        if self.hold_completed:
            masks += [COMPLETED + name for name in names if COMPLETED + name in self.columns]
        return nw.any_horizontal(*(nw.col(mask) for mask in masks), ignore_nulls=True) if masks else nw.lit(False)


_Rounds = Sequence[Mapping[str, nw.Expr]]


def _from_duration(
    protocol: Protocol, population: StudyPopulation, endpoint: Endpoint, read: _Columns, prefix: str
) -> _Rounds:
    assert endpoint.time is not None, "an endpoint from a duration names its time"
    assert endpoint.event is not None, "an endpoint from a duration names its event"
    event, others = read.value(endpoint.event), [read.value(column) for column in endpoint.competing]
    other = nw.any_horizontal(*others, ignore_nulls=True) if others else nw.lit(False)
    needed = ~is_true(event) & ~other  # only then does it matter what the other columns lack
    others_missing = (
        nw.any_horizontal(*(one.is_null() for one in others), ignore_nulls=True) if others else nw.lit(False)
    )
    days = round_half_even(read.value(endpoint.time).cast(nw.Float64) * protocol.days_in(endpoint.unit))
    time, rule = nw.col(prefix + _TIME), nw.col(prefix + _RULE)
    broken = (
        read.held(endpoint.time),
        read.held(endpoint.event) | (needed & read.held(*endpoint.competing)),
        time.is_null(),
        event.is_null() | (needed & others_missing),
        time < 0,
    )
    late, zero = nw.lit(False), population.section.time_zero
    limit = nw.lit(0.0)
    if protocol.data_cutoff is not None and zero is not None:
        limit = (nw.lit(day_of(protocol.data_cutoff), nw.Int64) - read.value(zero)).cast(nw.Float64)
        late = time > limit
    counts = (rule == 0) & ~is_true(late)
    happened = nw.when(is_true(event)).then(_ENDED).otherwise(nw.when(other).then(_COMPETING).otherwise(0))
    ends = nw.when(is_true(late)).then(limit).otherwise(time)
    return (
        {_TIME: days},
        {_RULE: first_rule(_RULES_OF_DURATIONS, broken)},
        {
            _LATE: (rule == 0) & is_true(late),
            _EVENT: nw.when(counts).then(happened).otherwise(0).cast(nw.Int64),
            _TIME: nw.when(rule == 0).then(ends).otherwise(0.0).cast(nw.Int64),
        },
    )


def _from_dates(
    protocol: Protocol, population: StudyPopulation, endpoint: Endpoint, read: _Columns, prefix: str
) -> _Rounds:
    """The earliest event that is there, else the first censoring date that is there; nothing after the cut-off.

    A competing event ends the time like an event; on one day the event of interest wins.
    """
    start_name = endpoint.start or population.section.time_zero
    assert start_name is not None, "an endpoint from dates has a start"
    start, cutoff = read.value(start_name), protocol.data_cutoff
    first = least([read.value(column) for column in endpoint.events])
    all_events = (*endpoint.events, *endpoint.competing)
    happened = least([read.value(column) for column in all_events])
    last_seen = nw.coalesce(*(read.value(column) for column in endpoint.censoring))
    ends, event, rule = nw.col(prefix + _TIME), nw.col(prefix + _EVENT), nw.col(prefix + _RULE)
    after = nw.lit(False) if cutoff is None else start > day_of(cutoff)
    broken = (
        read.held(start_name),
        start.is_null(),
        after,
        read.held(*all_events),
        ends.is_null() & read.held(*endpoint.censoring),
        ends.is_null(),
        event < start,
        event.is_null() & (ends < start),
    )
    late = nw.lit(False) if cutoff is None else ends > day_of(cutoff)
    until = ends if cutoff is None else least([ends, nw.lit(day_of(cutoff), nw.Int64)])
    other = ~is_true(first == happened) if endpoint.competing else nw.lit(False)
    ended = (rule == 0) & ~event.is_null() & ~late
    days = until - start + (1 if protocol.day_count == "inclusive" else 0)
    kind = nw.when(other).then(_COMPETING).otherwise(_ENDED)
    last = {
        _LATE: (rule == 0) & is_true(late),
        _EVENT: nw.when(is_true(ended)).then(kind).otherwise(0).cast(nw.Int64),
        _TIME: nw.when(rule == 0).then(days).otherwise(0).cast(nw.Int64),
    }
    death = _death_column(protocol)
    if death is not None:
        last[_DEAD] = is_true((rule == 0) & ~is_true(ended) & (read.value(death) <= until))
    return (
        {_EVENT: happened, _TIME: nw.coalesce(happened, last_seen)},
        {_RULE: first_rule(_RULES_OF_DATES, broken)},
        last,
    )


def _time_to_event(protocol: Protocol, name: str, endpoint: Endpoint, cohort: Cohort, read: str) -> TimeToEvent:
    """Return one endpoint of a cohort's rows, derived under the name ``read``."""

    def column(part: str) -> pl.Series:
        return cohort.happened[_column(read, part)]

    broken, event = column(_RULE).to_numpy(), column(_EVENT).to_numpy()
    rules = _RULES_OF_DATES if endpoint.from_dates else _RULES_OF_DURATIONS
    return TimeToEvent(
        name=name,
        label=endpoint.label,
        time=column(_TIME).to_numpy().astype(np.int64),
        event=event == _ENDED,
        known=broken == 0,
        reasons=rule_counts(broken, rules, cohort.frequency),
        cut_back=cohort.count(column(_LATE).to_numpy()),
        rounded=not endpoint.from_dates and endpoint.unit != "days",
        competing=event == _COMPETING if endpoint.competing else None,
        dead=column(_DEAD).to_numpy() if endpoint.from_dates and _death_column(protocol) else None,
    )


def _death_column(protocol: Protocol) -> str | None:
    """Return the patients' date of death, where the protocol says which it is."""
    timeline = None if protocol.timeline is None else protocol.timeline.death
    return timeline or (None if protocol.response is None else protocol.response.death)
