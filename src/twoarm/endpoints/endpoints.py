"""What happened to a cohort: times to events, best response, worst grades; aligned with its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.adverse_events import AdverseEvents, derive_adverse_events
from twoarm.endpoints.event_days import EPOCH_ORDINAL, day_numbers
from twoarm.endpoints.response import BestResponse, derive_response
from twoarm.endpoints.time_to_event import TimeToEvent, derive_times, hold_completed_dates
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.records import Records
from twoarm.statistics.arrays import Floats


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


def derive_endpoints(protocol: Protocol, population: StudyPopulation, records: Records, cohort: Cohort) -> Endpoints:
    """Return the population's endpoints."""
    cutoff = np.inf if protocol.data_cutoff is None else float(protocol.data_cutoff.toordinal() - EPOCH_ORDINAL)
    response = adverse_events = None
    if protocol.response is not None and "response" in population.analyses:
        response = derive_response(protocol.response, records, cohort, cutoff)
    if protocol.safety is not None and "safety" in population.analyses:
        adverse_events = derive_adverse_events(protocol, protocol.safety, records, cohort, cutoff)
    times = derive_times(protocol, population, records, cohort, cutoff)
    held = hold_completed_dates(protocol, population, records, cohort, times, cutoff)
    return Endpoints(times, response, adverse_events, held, _treatment_start(protocol, population, records, cohort))


def _treatment_start(
    protocol: Protocol, population: StudyPopulation, records: Records, cohort: Cohort
) -> Floats | None:
    start = None if protocol.timeline is None else protocol.timeline.treatment_start
    zero = population.section.time_zero
    if start is None or zero is None:
        return None
    began, counted = (day_numbers(records, name, cohort.patient_rows) for name in (start, zero))
    return began - counted
