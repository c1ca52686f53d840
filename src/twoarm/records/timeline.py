"""Dates of a patient that contradict each other: held by file and row, as nobody can tell which is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from twoarm.protocol.design_columns import design_columns
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.timeline import Timeline
from twoarm.records.cell_text import clean_text
from twoarm.records.evaluation import HELD
from twoarm.records.findings import Finding, Outcome
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file

AGE_TOLERANCE = 1.0  # years, beyond the year that an age in whole years leaves open
MOST_EVENTS = 0.95
FEWEST_FLAGS = 20


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    where: pl.Expr
    column: str  # under which it is told
    masked: tuple[str, ...]
    what: str
    outcome: Outcome = "held"
    remedy: str = "held: which is right?"


def check_timeline(
    protocol: Protocol, frame: pl.DataFrame, tables: Sequence[TypedTable], *, complete: bool
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the patients with contradicting cells held, and what contradicts what.

    Args:
        protocol: with or without a ``[timeline]``.
        frame: one row a patient.
        tables: that they were joined from.
        complete: whether all columns were read; of the design alone, what depends on outcomes is not looked at.
    """
    findings: list[Finding] = []
    rules = list(_rules(protocol, frame, complete)) if protocol.timeline is not None else []
    masks: dict[str, pl.Series] = {}
    for rule in rules:
        rows = frame.select(rule.where.fill_null(False).alias("found")).to_series()
        if not rows.any():
            continue
        findings += _told(frame, tables, rule, rows)
        for column in rule.masked if rule.outcome == "held" else ():
            masks[column] = masks.get(column, rows) | rows
    for column, rows in masks.items():
        before = frame[HELD + column].fill_null(False) if HELD + column in frame.columns else rows
        frame = frame.with_columns(frame[column].set(rows, None), (before | rows).alias(HELD + column))
    if complete:
        findings += _reversed(protocol, frame, tables)
    return frame, findings


def _told(frame: pl.DataFrame, tables: Sequence[TypedTable], rule: _Rule, rows: pl.Series) -> Iterator[Finding]:
    table = next(table for table in tables if rule.column in table.frame.columns)
    mask = table.frame[KEY].is_in(frame[KEY].filter(rows).to_list())
    yield from findings_by_file(table, mask, rule.name, rule.outcome, rule.column, rule.what, rule.remedy)


def _rules(protocol: Protocol, frame: pl.DataFrame, complete: bool) -> Iterator[_Rule]:
    timeline = protocol.timeline
    assert timeline is not None, "rules follow from a timeline"
    zero = next(iter(protocol.populations.values())).time_zero
    zero = zero if zero in frame.columns else None
    yield from _birth_rules(protocol, timeline, zero, frame)
    if not complete:
        return
    end = timeline.treatment_end
    if end is not None and zero is not None:
        what = "ends of treatment before time zero"
        yield _Rule("end_before_start", pl.col(end) < pl.col(zero), end, (end,), what)
    death, flag, last = timeline.death, timeline.death_flag, timeline.last_contact
    if death is not None and death in frame.columns:
        if zero is not None:
            yield _Rule("death_before_start", pl.col(death) < pl.col(zero), death, (death,), "deaths before time zero")
        yield from _after_death(protocol, timeline, death, zero, frame)
        if last is not None:
            later = pl.col(last) > pl.col(death)
            yield _Rule("contact_after_death", later, last, (last, death), "last contacts after death")
        if flag is not None:
            disagree = pl.col(flag) != pl.col(death).is_not_null()
            if HELD + death in frame.columns:
                disagree = disagree & ~pl.col(HELD + death).fill_null(False)
            what = "yes/no cells of death that disagree with the date of death"
            if _most(frame, disagree):
                what, remedy = (
                    f"{what}, which are most: are the codes reversed?",
                    "correct true and false of the column",
                )
                yield _Rule("codes_reversed", disagree, flag, (), what, "refused", remedy)
            else:
                yield _Rule("flag_against_date", disagree, flag, (flag, death), what)
    if last is not None:
        for event in _event_dates(protocol, timeline, frame):
            before = pl.col(last) < pl.col(event)
            yield _Rule("contact_before_event", before, last, (last, event), f"last contacts before {event}")
        dead = pl.lit(False)
        if death is not None:
            dead = dead | pl.col(death).is_not_null()
        if flag is not None:
            dead = dead | pl.col(flag).fill_null(False)
        what = "patients without a last contact who are not known to have died"
        yield _Rule("no_last_contact", pl.col(last).is_null() & ~dead, last, (last,), what, remedy="held: not censored")


def _most(frame: pl.DataFrame, disagree: pl.Expr) -> bool:
    """Whether most of the patients contradict themselves: no slips of the pen, but a column read the wrong way."""
    found = frame.select(disagree.alias("found")).to_series().drop_nulls()
    return found.len() >= FEWEST_FLAGS and 2 * int(found.sum()) > found.len()


def _birth_rules(protocol: Protocol, timeline: Timeline, zero: str | None, frame: pl.DataFrame) -> Iterator[_Rule]:
    birth, age = timeline.birth, timeline.age
    if birth is None or zero is None or birth not in frame.columns:
        return
    after = pl.col(birth) > pl.col(zero)
    yield _Rule("birth_after_start", after, birth, (birth, zero), "births after time zero")
    if age is not None and age in frame.columns:
        years = (pl.col(zero) - pl.col(birth)).dt.total_days() / 365.25
        apart = ~pl.col(age).cast(pl.Float64).is_between(years - 1 - AGE_TOLERANCE, years + AGE_TOLERANCE)
        what = "ages that differ from the date of birth by more than a year"
        yield _Rule("age_against_birth", apart & ~after, age, (age, birth), what)
    if timeline.sex is not None and timeline.sex in frame.columns:
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in (birth, zero, timeline.sex))
        person = pl.struct(birth, zero, timeline.sex)
        arms = next(iter(protocol.populations.values())).arms
        same = person.is_duplicated() & known
        across = same
        if arms.column in frame.columns:
            sides = [
                clean_text(s.value) if isinstance(s.value, str) else s.value for s in (arms.treated, arms.comparator)
            ]
            inside = pl.when(pl.col(arms.column).is_in(sides)).then(pl.col(arms.column))
            across = same & (inside.n_unique().over(birth, zero, timeline.sex) > 1)
        what = "patients of one birth, sex and time zero"
        refuse = "possible_duplicates" not in protocol.acknowledge
        yield _Rule("same_person", same & ~across, birth, (), what, "warned", "one patient under two keys?")
        remedy = "one patient under two keys? acknowledge possible_duplicates with a reason if they are several"
        yield _Rule(
            "same_person_across_arms",
            across,
            birth,
            (),
            f"{what} in both arms",
            "refused" if refuse else "warned",
            remedy,
        )


def _after_death(
    protocol: Protocol, timeline: Timeline, death: str, zero: str | None, frame: pl.DataFrame
) -> Iterator[_Rule]:
    """Any other date after death; columns of the design are told of and not held, so that it is blind to outcomes."""
    design = design_columns(protocol)
    for source in protocol.data.values():
        for column, declared in source.columns.items():
            if declared.type != "date" or column in (death, zero, timeline.birth, timeline.last_contact):
                continue
            if column in frame.columns:
                later = pl.col(column) > pl.col(death)
                outcome: Outcome = "warned" if column in design else "held"
                remedy = "which is right?" if column in design else "held: which is right?"
                yield _Rule("after_death", later, column, (column,), "dates after death", outcome, remedy)


def _event_dates(protocol: Protocol, timeline: Timeline, frame: pl.DataFrame) -> list[str]:
    dated = [endpoint for endpoint in protocol.endpoints.values() if endpoint.from_dates]
    named = dict.fromkeys(name for endpoint in dated for name in (*endpoint.events, *endpoint.competing))
    return [name for name in named if name not in (timeline.death, timeline.last_contact) and name in frame.columns]


def _reversed(protocol: Protocol, frame: pl.DataFrame, tables: Sequence[TypedTable]) -> Iterator[Finding]:
    """Yes/no columns of events that are almost always yes, where the protocol does not say what yes is."""
    events = dict.fromkeys(endpoint.event for endpoint in protocol.endpoints.values() if endpoint.event is not None)
    for column in events:
        table = next((table for table in tables if column in table.frame.columns), None)
        if table is None or frame.schema.get(column) != pl.Boolean:
            continue
        declared = protocol.data[table.name].columns[column]
        stated = {"true", "false"} & declared.model_fields_set
        known = frame[column].drop_nulls()
        if not stated and known.len() >= FEWEST_FLAGS and float(known.mean() or 0.0) > MOST_EVENTS:  # type: ignore[arg-type]
            what = "patients, more than 95 % of whom have the event: are the codes reversed?"
            remedy = 'state them: true = ["1"], false = ["0"]'
            everybody = table.frame[KEY].is_not_null()
            yield from findings_by_file(table, everybody, "codes_reversed", "refused", column, what, remedy)
