"""Best overall response from dated assessments: RECIST 1.1 (Eisenhauer 2009), with or without confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.first_rule import first_rule
from twoarm.endpoints.patient_events import RULE, ZERO, beside_patients, held_cell, not_counted
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.protocol.response import Response
from twoarm.records.engine_ops import AnyFrame, day_of, first_that_holds, is_true, least
from twoarm.records.records import Records
from twoarm.records.typed_table import KEY
from twoarm.statistics.arrays import Booleans, Integers

RESPONSES = ("CR", "PR", "SD", "PD", "NE")
CR, PR, SD, PD, NE = range(5)
_RULES = (
    "date or response not known",
    "after death",
    "before time zero",
    "after the data cut-off",
    "after progression",
)
DAY, CODE = ":day", ":code"
_PROGRESSION, _DEATH, _ENDS = ":progression", ":death", ":ends"


@dataclass(frozen=True, slots=True, eq=False)
class BestResponse:
    """Best overall response of n patients by each rule in force; visits that do not count, by reason."""

    best: Mapping[str, Integers]  # "unconfirmed", "confirmed" -> codes of RESPONSES, shape (n,)
    not_counted: Mapping[str, int]


def response_column(rule: str) -> str:
    """Return the name of the patients' column with the best response by a rule."""
    return f":response:{rule}"


def add_best_response(protocol: Protocol, population: StudyPopulation, records: Records, frame: Any) -> tuple[Any, Any]:
    """Return the patients' frame with the code of each one's best response, by each rule in force; NE without a visit.

    ``frame`` has a row a patient; what it is made of, visits and dates, is that of ``records``. The visits come along,
    with the first rule that each breaks.
    """
    response = protocol.response
    assert response is not None, "the protocol says what a response is"
    visits = _visits(protocol, response, population, records)
    best = best_responses(visits.filter(nw.col(RULE) == 0), response)
    columns = [response_column(rule) for rule in response.rules()]
    joined = frame.join(best.select(KEY, *columns), on=KEY, how="left")
    return joined.with_columns(nw.col(name).fill_null(NE) for name in columns), visits.select(KEY, RULE)


def response_of(protocol: Protocol, records: Records, cohort: Cohort) -> BestResponse:
    """Return the best overall response of every patient of a cohort."""
    response = protocol.response
    assert response is not None, "the protocol says what a response is"
    best = {rule: cohort.happened[response_column(rule)].to_numpy().astype(np.int64) for rule in response.rules()}
    return BestResponse(best, not_counted(records, "response", _RULES, cohort))


def _visits(protocol: Protocol, response: Response, population: StudyPopulation, records: Records) -> Any:
    """Return the visits with the day, from time zero, and the code of each, and the first rule that it breaks."""
    zero, table = population.section.time_zero, records.events[response.table]
    assert zero is not None, "response is counted from time zero"
    dates = {_PROGRESSION: response.progression, _DEATH: response.death}
    known = {name: column for name, column in dates.items() if column is not None}
    visits = beside_patients(records, table, {ZERO: zero, **known})
    code = first_that_holds([nw.col(response.response) == word for word in RESPONSES]) - 1
    visits = visits.with_columns((nw.col(response.date) - nw.col(ZERO)).alias(DAY), code.alias(CODE))
    day, unread = nw.col(DAY), held_cell(table, response.date) | held_cell(table, response.response)
    cutoff = protocol.data_cutoff
    broken = (
        unread | day.is_null() | (nw.col(CODE) < 0),
        day > nw.col(_DEATH) - nw.col(ZERO) if _DEATH in known else nw.lit(False),
        day < 0,
        nw.lit(False) if cutoff is None else nw.col(response.date) > day_of(cutoff),
    )
    visits = visits.with_columns(first_rule(_RULES[:-1], broken).alias(RULE))
    progressed = nw.when((nw.col(RULE) == 0) & (nw.col(CODE) == PD)).then(day).min().over(KEY)
    known_day = [nw.col(_PROGRESSION) - nw.col(ZERO)] if _PROGRESSION in known else []
    visits = visits.with_columns(progressed.alias(_ENDS))
    visits = visits.with_columns(least([nw.col(_ENDS), *known_day]).alias(_ENDS))
    late = (nw.col(RULE) == 0) & is_true(day > nw.col(_ENDS))
    return visits.with_columns(nw.when(late).then(len(_RULES)).otherwise(nw.col(RULE)).cast(nw.Int64).alias(RULE))


def best_responses(visits: AnyFrame, response: Response) -> Any:
    """Return the best response of each patient with a visit that counts, by each rule.

    ``visits`` has the key, the ``DAY`` from time zero and the ``CODE`` of each, 0 CR, 1 PR, 2 SD, 3 PD, 4 NE.

    Of several visits on one day the worst counts; what is not evaluable gives way to what is. Nothing after the first
    PD counts. A CR is confirmed by a later CR with nothing but CR or NE between them; a PR (or CR) by a later PR or CR,
    with SD or NE allowed between them. A response that is not confirmed is stable disease if it was seen late enough;
    what was seen too early for stable disease is PD if PD followed, or if disease came back after a CR that had to be
    confirmed (Eisenhauer 2009, table 3 and its footnote), else NE.
    """
    day, code = nw.col(DAY), nw.col(CODE)
    days = visits.group_by(KEY, DAY).agg(nw.when(code != NE).then(code).max().alias(CODE))
    days = days.with_columns(code.fill_null(NE))
    days = days.with_columns(nw.when(code == PD).then(day).min().over(KEY).alias(_ENDS))
    seen = days.with_columns((nw.col(_ENDS).is_null() | (day < nw.col(_ENDS))).alias(":seen"))
    found = seen.group_by(KEY).agg(*_summary(nw.col(":seen"), response))
    rules = {"unconfirmed": _unconfirmed(), "confirmed": _confirmed(response)}
    if "confirmed" in response.rules():
        found = found.join(_complete_runs(seen), on=KEY, how="left")
    return found.with_columns(rules[rule].alias(response_column(rule)) for rule in response.rules())


def _summary(seen: nw.Expr, response: Response) -> list[nw.Expr]:
    """What the visits of a patient come to: the first and the last day of each kind before progression."""
    day, code = nw.col(DAY), nw.col(CODE)
    again = nw.when(seen & ((code == PR) | (code == SD))).then(day).max()
    responding = nw.when(seen & (code <= PR)).then(day)
    stable = nw.when(seen & (code <= SD) & (day >= response.stable_disease_days)).then(1).otherwise(0)
    return [
        nw.when(seen & (code == CR)).then(day).min().alias(":first_complete"),
        responding.min().alias(":first_response"),
        responding.max().alias(":last_response"),
        again.alias(":last_disease"),
        stable.max().alias(":stable"),
        nw.col(_ENDS).min().alias(_ENDS),
    ]


def _complete_runs(seen: Any) -> Any:
    """Return how many days the longest run of CR has, with nothing but CR or NE between them."""
    day, code = nw.col(DAY), nw.col(CODE)
    before = seen.filter(nw.col(":seen")).with_columns(
        nw.when((code == PR) | (code == SD)).then(1).otherwise(0).cast(nw.Int64).alias(":breaks")
    )
    runs = before.with_columns(nw.col(":breaks").cum_sum().over(KEY, order_by=DAY).alias(":run"))
    complete = runs.filter(code == CR).group_by(KEY, ":run").agg(day.min().alias(":from"), day.max().alias(":to"))
    lasting = complete.with_columns((nw.col(":to") - nw.col(":from")).alias(":complete"))
    return lasting.group_by(KEY).agg(nw.col(":complete").max())


def _unconfirmed() -> nw.Expr:
    complete, any_response = ~nw.col(":first_complete").is_null(), ~nw.col(":first_response").is_null()
    return _chosen(complete, any_response, ~nw.col(_ENDS).is_null())


def _confirmed(response: Response) -> nw.Expr:
    lasting = nw.col(":last_response") - nw.col(":first_response") >= response.confirmation_days
    came_back = is_true(nw.col(":last_disease") > nw.col(":first_complete"))
    complete = is_true(nw.col(":complete") >= response.confirmation_days)
    return _chosen(complete, is_true(lasting), ~nw.col(_ENDS).is_null() | came_back)


def _chosen(complete: nw.Expr, partial: nw.Expr, progressed: nw.Expr) -> nw.Expr:
    otherwise = nw.when(progressed).then(PD).otherwise(NE)
    otherwise = nw.when(nw.col(":stable") == 1).then(SD).otherwise(otherwise)
    otherwise = nw.when(partial).then(PR).otherwise(otherwise)
    return nw.when(complete).then(CR).otherwise(otherwise).cast(nw.Int64)


def evaluable(best: Integers) -> Booleans:
    """Return who has a best response other than NE."""
    return np.asarray(best != NE)
