"""Dates of a patient that contradict each other: held by file and row, as nobody can tell which is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from twoarm.protocol.design_columns import design_columns
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.timeline import Timeline
from twoarm.records.cell_text import clean_text
from twoarm.records.engine_ops import divide, is_true
from twoarm.records.evaluation import HELD
from twoarm.records.findings import Finding, Outcome
from twoarm.records.rules import WHICH, Rule, Teller, broken
from twoarm.records.typed_table import KEY, TypedTable, table_with

AGE_TOLERANCE = 1.0  # years, beyond the year that an age in whole years leaves open
MOST_EVENTS = 0.95
FEWEST_FLAGS = 20


def check_timeline(
    protocol: Protocol, frame: Any, tables: Sequence[TypedTable], teller: Teller, *, complete: bool
) -> tuple[Any, list[Finding]]:
    """Return the patients with contradicting cells held, and what contradicts what.

    Args:
        protocol: with or without a ``[timeline]``.
        frame: one row a patient, dates as day numbers.
        tables: that they were joined from.
        teller: says which rows.
        complete: whether all columns were read; of the design alone, what depends on outcomes is not looked at.
    """
    findings: list[Finding] = []
    if protocol.timeline is not None:
        columns = frame.columns
        rules = list(_rules(protocol, columns, complete, _disagreement(protocol, frame, teller, complete)))
        rules = broken(teller, frame, rules)
        findings += teller.of_patients(frame, tables, rules)
        frame = _held(frame, columns, [rule for rule in rules if rule.outcome == "held"])
    if complete:
        findings += _reversed(protocol, frame, tables, teller)
    return frame, findings


def _held(frame: Any, columns: Sequence[str], rules: Sequence[Rule]) -> Any:
    """Hold the cells that contradict others."""
    masks: dict[str, nw.Expr] = {}
    for rule in rules:
        for column in rule.masked:
            masks[column] = masks[column] | is_true(rule.where) if column in masks else is_true(rule.where)
    found = []
    for column, rows in masks.items():
        before = is_true(nw.col(HELD + column)) | rows if HELD + column in columns else rows
        found += [nw.when(~rows).then(nw.col(column)).alias(column), before.alias(HELD + column)]
    return frame.with_columns(*found) if found else frame


def _rules(protocol: Protocol, columns: Sequence[str], complete: bool, most: bool) -> Iterator[Rule]:
    timeline = protocol.timeline
    assert timeline is not None, "rules follow from a timeline"
    zero = _zero(protocol, columns)
    yield from _birth_rules(protocol, timeline, zero, columns)
    if not complete:
        return
    end = timeline.treatment_end
    if end is not None and zero is not None:
        what = "ends of treatment before time zero"
        yield Rule("end_before_start", nw.col(end) < nw.col(zero), end, what, masked=(end,))
    death, flag, last = timeline.death, timeline.death_flag, timeline.last_contact
    if death is not None and death in columns:
        if zero is not None:
            early = nw.col(death) < nw.col(zero)
            yield Rule("death_before_start", early, death, "deaths before time zero", masked=(death,))
        yield from _after_death(protocol, timeline, death, zero, columns)
        if last is not None:
            later = nw.col(last) > nw.col(death)
            yield Rule("contact_after_death", later, last, "last contacts after death", masked=(last, death))
        if flag is not None:
            yield _flag_against_date(flag, death, columns, most)
    if last is not None:
        for event in _event_dates(protocol, timeline, columns):
            before = nw.col(last) < nw.col(event)
            what = f"last contacts before {event}"
            yield Rule("contact_before_event", before, last, what, masked=(last, event))
        dead = nw.lit(False)
        if death is not None:
            dead = dead | ~nw.col(death).is_null()
        if flag is not None:
            dead = dead | is_true(nw.col(flag))
        what = "patients without a last contact who are not known to have died"
        unseen = nw.col(last).is_null() & ~dead
        yield Rule("no_last_contact", unseen, last, what, remedy="held: not censored", masked=(last,))


def _zero(protocol: Protocol, columns: Sequence[str]) -> str | None:
    zero = next(iter(protocol.populations.values())).time_zero
    return zero if zero in columns else None


def _disagree(flag: str, death: str, columns: Sequence[str]) -> nw.Expr:
    disagree = nw.col(flag) != ~nw.col(death).is_null()
    return disagree & ~is_true(nw.col(HELD + death)) if HELD + death in columns else disagree


def _flag_against_date(flag: str, death: str, columns: Sequence[str], most: bool) -> Rule:
    disagree = _disagree(flag, death, columns)
    what = "yes/no cells of death that disagree with the date of death"
    if most:
        what, remedy = f"{what}, which are most: are the codes reversed?", "correct true and false of the column"
        return Rule("codes_reversed", disagree, flag, what, "refused", remedy)
    return Rule("flag_against_date", disagree, flag, what, masked=(flag, death))


def _disagreement(protocol: Protocol, frame: Any, teller: Teller, complete: bool) -> bool:
    """Whether most of the patients contradict themselves: no slips of the pen, but a column read the wrong way."""
    timeline = protocol.timeline
    assert timeline is not None, "rules follow from a timeline"
    death, flag, columns = timeline.death, timeline.death_flag, frame.columns
    if not complete or flag is None or death is None or death not in columns:
        return False
    disagree = _disagree(flag, death, columns)
    found, known = teller.numbers(frame, [disagree, ~disagree.is_null()])
    return known >= FEWEST_FLAGS and 2 * found > known


def _birth_rules(protocol: Protocol, timeline: Timeline, zero: str | None, columns: Sequence[str]) -> Iterator[Rule]:
    birth, age = timeline.birth, timeline.age
    if birth is None or zero is None or birth not in columns:
        return
    after = nw.col(birth) > nw.col(zero)
    yield Rule("birth_after_start", after, birth, "births after time zero", masked=(birth, zero))
    if age is not None and age in columns:
        years, stated = divide(nw.col(zero) - nw.col(birth), 365.25), nw.col(age).cast(nw.Float64)
        near = (stated >= years - (1 + AGE_TOLERANCE)) & (stated <= years + AGE_TOLERANCE)
        what = "ages that differ from the date of birth by more than a year"
        yield Rule("age_against_birth", ~near & ~after, age, what, masked=(age, birth))
    if timeline.sex is not None and timeline.sex in columns:
        yield from _same_person(protocol, (birth, zero, timeline.sex), columns)


def _same_person(protocol: Protocol, person: tuple[str, str, str], columns: Sequence[str]) -> Iterator[Rule]:
    """Patients of one birth, sex and time zero: perhaps one patient under two keys, the worse in both arms."""
    birth = person[0]
    known = nw.all_horizontal(*(~nw.col(name).is_null() for name in person), ignore_nulls=True)
    same = (nw.len().over(*person) > 1) & known
    across = same
    arms = next(iter(protocol.populations.values())).arms
    if arms.column in columns:
        sides = [clean_text(s.value) if isinstance(s.value, str) else s.value for s in (arms.treated, arms.comparator)]
        treated, comparator = (is_true(nw.col(arms.column) == side) for side in sides)
        groups = [treated, comparator, ~treated & ~comparator]
        present = [nw.when(group).then(1).otherwise(0).max().over(*person) for group in groups]
        across = same & (present[0] + present[1] + present[2] > 1)
    what = "patients of one birth, sex and time zero"
    refuse = "possible_duplicates" not in protocol.acknowledge
    yield Rule("same_person", same & ~across, birth, what, "warned", "one patient under two keys?")
    remedy = "one patient under two keys? acknowledge possible_duplicates with a reason if they are several"
    what = f"{what} in both arms"
    yield Rule("same_person_across_arms", across, birth, what, "refused" if refuse else "warned", remedy)


def _after_death(
    protocol: Protocol, timeline: Timeline, death: str, zero: str | None, columns: Sequence[str]
) -> Iterator[Rule]:
    """Any other date after death; columns of the design are told of and not held, so that it is blind to outcomes."""
    design = design_columns(protocol)
    for source in protocol.data.values():
        for column, declared in source.columns.items():
            if declared.type != "date" or column in (death, zero, timeline.birth, timeline.last_contact):
                continue
            if column in columns:
                later = nw.col(column) > nw.col(death)
                outcome: Outcome = "warned" if column in design else "held"
                remedy = "which is right?" if column in design else WHICH
                yield Rule("after_death", later, column, "dates after death", outcome, remedy, (column,))


def _event_dates(protocol: Protocol, timeline: Timeline, columns: Sequence[str]) -> list[str]:
    dated = [endpoint for endpoint in protocol.endpoints.values() if endpoint.from_dates]
    named = dict.fromkeys(name for endpoint in dated for name in (*endpoint.events, *endpoint.competing))
    return [name for name in named if name not in (timeline.death, timeline.last_contact) and name in columns]


def _reversed(protocol: Protocol, frame: Any, tables: Sequence[TypedTable], teller: Teller) -> list[Finding]:
    """Yes/no columns of events that are almost always yes, where the protocol does not say what yes is."""
    events = dict.fromkeys(endpoint.event for endpoint in protocol.endpoints.values() if endpoint.event is not None)
    types, asked = frame.collect_schema(), []
    for column in events:
        table = table_with(column, tables)
        if table is not None and types.get(column) == nw.Boolean:
            declared = protocol.data[table.name].columns[column]
            if not {"true", "false"} & declared.model_fields_set:
                asked.append(column)
    found: list[Finding] = []
    numbers = teller.numbers(frame, [where for name in asked for where in (nw.col(name), ~nw.col(name).is_null())])
    for column, yes, known in zip(asked, numbers[::2], numbers[1::2], strict=True):
        if known >= FEWEST_FLAGS and yes / known > MOST_EVENTS:
            what = "patients, more than 95 % of whom have the event: are the codes reversed?"
            remedy = 'state them: true = ["1"], false = ["0"]'
            rule = Rule("codes_reversed", ~nw.col(KEY).is_null(), column, what, "refused", remedy)
            found += teller.of_patients(frame, tables, [rule])
    return found
