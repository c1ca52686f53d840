"""What happened: times to events, best response, worst grades; for every patient, then for the rows of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.adverse_events import AdverseEvents, add_worst_grades, adverse_events_of
from twoarm.endpoints.response import BestResponse, add_best_response, response_of
from twoarm.endpoints.time_to_event import TimeToEvent, time_columns, times_of
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.records import Records
from twoarm.records.typed_table import KEY
from twoarm.statistics.arrays import Floats

_TREATMENT_START = ":treatment_start"


@dataclass(frozen=True, slots=True, eq=False)
class Endpoints:
    """Everything that happened, as far as the population's analyses ask for it."""

    times: Mapping[str, TimeToEvent]
    response: BestResponse | None
    adverse_events: AdverseEvents | None
    dates_held: Mapping[str, TimeToEvent] = field(default_factory=dict)
    """Those that rest on completed dates, with these held."""
    treatment_start: Floats | None = None
    """Days from time zero to the start of treatment, NaN where not known, shape (n,); None where none is declared."""


def with_endpoints(protocol: Protocol, population: StudyPopulation, records: Records) -> Records:
    """Return the records with what happened to each patient, as far as the population's analyses ask for it.

    It is derived where the patients are, in memory or with an engine, and comes to a cohort with its other columns.
    """
    frame: Any = records.patients.in_days()
    before = list(frame.columns)
    for made in time_columns(protocol, population, before):
        frame = frame.with_columns(expression.alias(name) for name, expression in made.items())
    start = _treatment_start(protocol, population)
    if start is not None:
        frame = frame.with_columns(start.alias(_TREATMENT_START))
    ruled: dict[str, Any] = {}
    if protocol.response is not None and "response" in population.analyses:
        frame, ruled["response"] = add_best_response(protocol, population, records, frame)
    if protocol.safety is not None and "safety" in population.analyses:
        frame, ruled["safety"] = add_worst_grades(protocol, population, records, frame)
    if ruled and records.in_memory:
        frame = frame.sort(KEY)
    happened = tuple(name for name in frame.columns if name not in before)
    return replace(records, patients=replace(records.patients, frame=frame, happened=happened), ruled=ruled)


def endpoints_of(protocol: Protocol, population: StudyPopulation, records: Records, cohort: Cohort) -> Endpoints:
    """Return what happened to a cohort that was built of records with endpoints."""
    times, held = times_of(protocol, population, cohort)
    began = None
    if _treatment_start(protocol, population) is not None:
        began = cohort.happened[_TREATMENT_START].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Endpoints(
        times=times,
        response=response_of(protocol, records, cohort) if "response" in records.ruled else None,
        adverse_events=adverse_events_of(protocol, records, cohort) if "safety" in records.ruled else None,
        dates_held=held,
        treatment_start=began,
    )


def _treatment_start(protocol: Protocol, population: StudyPopulation) -> nw.Expr | None:
    start = None if protocol.timeline is None else protocol.timeline.treatment_start
    zero = population.section.time_zero
    return None if start is None or zero is None else nw.col(start) - nw.col(zero)
