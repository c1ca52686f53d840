"""Best overall response from dated assessments (RECIST 1.1: Eisenhauer et al. 2009, table 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.event_days import cohort_events, day_numbers, held_rows
from twoarm.endpoints.first_rule import first_rule
from twoarm.protocol.response import Response
from twoarm.records.records import Records
from twoarm.statistics.arrays import Booleans, Floats, Integers

RESPONSES = ("CR", "PR", "SD", "PD", "NE")
CR, PR, SD, PD, NE = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class BestResponse:
    """Best overall response of n patients by each rule in force; visits that do not count, by reason."""

    best: Mapping[str, Integers]  # "unconfirmed", "confirmed" -> codes of RESPONSES, shape (n,)
    not_counted: Mapping[str, int]


def derive_response(response: Response, records: Records, cohort: Cohort, cutoff: float) -> BestResponse:
    """Return the best overall response of every patient of a cohort; NE without a visit that counts."""
    zero_name = cohort.population.section.time_zero
    assert zero_name is not None, "response is counted from time zero"
    n = cohort.key.size
    zero = day_numbers(records, zero_name, cohort.patient_rows)
    visits = cohort_events(records.events[response.table], response.date, cohort, zero, cutoff)
    code = np.full(visits.patient.size, -1, dtype=np.int64)
    for number, word in enumerate(RESPONSES):
        code[(visits.frame[response.response] == word).fill_null(False).to_numpy()] = number
    ends = _days_to(response.progression, records, cohort, zero)
    death = _days_to(response.death, records, cohort, zero)
    unread = held_rows(visits.frame, response.date) | held_rows(visits.frame, response.response)
    rules = {
        "date or response not known": unread | np.isnan(visits.day) | (code < 0),
        "after death": visits.day > death[visits.patient],
        "before time zero": visits.day < 0,
        "after the data cut-off": visits.after_cutoff,
    }
    progressed = (code == PD) & ~np.any(list(rules.values()), axis=0)
    np.minimum.at(ends, visits.patient[progressed], visits.day[progressed])
    rules["after progression"] = visits.day > ends[visits.patient]
    counts, not_counted = first_rule(code.size, rules, None)
    best = {
        rule: _best_of_all(visits.patient[counts], visits.day[counts], code[counts], n, response, rule == "confirmed")
        for rule in response.rules()
    }
    return BestResponse(best, not_counted)


def _days_to(column: str | None, records: Records, cohort: Cohort, zero: Floats) -> Floats:
    """Return days from time zero to a patients' date, shape (n,); infinite where there is none."""
    if column is None:
        return np.full(zero.size, np.inf)
    days = day_numbers(records, column, cohort.patient_rows) - zero
    return np.where(np.isnan(days), np.inf, days)


def _best_of_all(
    patient: Integers, day: Floats, code: Integers, n: int, response: Response, confirmed: bool
) -> Integers:
    best = np.full(n, NE, dtype=np.int64)
    rank = np.where(code == NE, NE, -code)  # worst first; what is not evaluable gives way to what is
    order = np.lexsort((rank, day, patient))
    patient, day, code = patient[order], day[order], code[order]
    once = np.ones(order.size, dtype=np.bool_)  # of several visits on one day the worst counts
    once[1:] = (np.diff(patient) != 0) | (np.diff(day) != 0)
    patient, day, code = patient[once], day[once], code[once]
    starts = np.searchsorted(patient, np.arange(n + 1))
    for row in np.flatnonzero(np.diff(starts)).tolist():
        visits = slice(starts[row], starts[row + 1])
        best[row] = best_response(
            day=day[visits],
            code=code[visits],
            confirmation_days=response.confirmation_days if confirmed else None,
            stable_disease_days=response.stable_disease_days,
        )
    return best


def best_response(*, day: Floats, code: Integers, confirmation_days: int | None, stable_disease_days: int) -> int:
    """Return the best overall response of one patient.

    Args:
        day: days of the visits from time zero, rising, shape (k,).
        code: 0 CR, 1 PR, 2 SD, 3 PD, 4 NE, shape (k,).
        confirmation_days: CR and PR count when a visit at least so many days later shows as much; None: at once.
        stable_disease_days: stable disease counts from this day on.

    Nothing after the first PD counts. A CR is confirmed by a later CR with nothing but CR or NE between them; a PR (or
    CR) by a later PR or CR, with SD or NE allowed between them. A response that is not confirmed is stable disease if
    it was seen late enough; what was seen too early for stable disease is PD if PD followed, or if disease came back
    after a CR that had to be confirmed (Eisenhauer 2009, table 3 and its footnote), else NE.

    >>> import numpy as np
    >>> visits = {"day": np.array([42.0, 84.0]), "code": np.array([PR, PD])}
    >>> RESPONSES[best_response(**visits, confirmation_days=None, stable_disease_days=0)]
    'PR'
    >>> RESPONSES[best_response(**visits, confirmation_days=28, stable_disease_days=0)]
    'SD'
    """
    progressed = np.flatnonzero(code == PD)
    before = slice(0, int(progressed[0]) if progressed.size else code.size)
    seen, when = code[before], day[before]
    for response in (CR, PR):
        if confirmation_days is None:
            if (seen == response).any():
                return response
        elif _confirmed(seen, when, response, confirmation_days):
            return response
    if ((seen <= SD) & (when >= stable_disease_days)).any():
        return SD
    return PD if progressed.size or (confirmation_days is not None and _came_back(seen)) else NE


def _came_back(seen: Integers) -> bool:
    """Whether a PR or SD follows a CR: there is disease again."""
    complete = np.flatnonzero(seen == CR)
    return bool(complete.size and np.isin(seen[complete[0] :], (PR, SD)).any())


def _confirmed(seen: Integers, when: Floats, response: int, days: int) -> bool:
    for first in np.flatnonzero(seen <= response).tolist():
        for later in range(first + 1, seen.size):
            if seen[later] <= response and when[later] - when[first] >= days:
                return True
            if response == CR and seen[later] not in (CR, NE):
                break  # what was a complete response is one no longer
    return False


def evaluable(best: Integers) -> Booleans:
    """Return who has a best response other than NE."""
    return np.asarray(best != NE)
