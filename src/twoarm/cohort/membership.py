"""Criteria, arms and time zero, in the protocol's order: at which line each patient leaves, if at any.

Everything here is an expression on a frame, so that it runs where the patients are: in memory or with an engine.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import narwhals.stable.v2 as nw

from twoarm.cohort.attrition import UNASSIGNED, StepKind
from twoarm.protocol.population import Arms
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.cell_text import clean_text
from twoarm.records.engine_ops import AnyFrame, day_of, first_that_holds, is_true
from twoarm.records.evaluation import evaluate

EXIT, UNSURE, ARM, THIRD = ":exit", ":unsure", ":arm", ":third"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the attrition table: who leaves there, unless they left before."""

    name: str
    label: str
    kind: StepKind
    refuse: bool = False  # whether the study is refused where the answer is unknown


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Patients, with the line where each leaves.

    ``:exit`` is its number, from 1 (0: they stay), ``:unsure`` whether they leave because a criterion is unknown,
    ``:arm`` 1 treated, 0 comparator, -1 neither, ``:third`` whether they meet all criteria and the column of the arms
    has a third value.
    """

    frame: AnyFrame
    lines: tuple[Line, ...]


def find_members(
    protocol: Protocol, population: StudyPopulation, frame: AnyFrame, masks: Collection[str]
) -> Membership:
    """Return who leaves where.

    Args:
        protocol: with its expressions and its data cut-off.
        population: with its criteria, arms and time zero.
        frame: one row a patient, dates as day numbers.
        masks: names of its ``held:`` columns.
    """
    lines: list[Line] = []
    leaving: list[nw.Expr] = []
    unknown: list[nw.Expr] = []
    for number, criterion in enumerate(population.section.criteria, start=1):
        answer = nw.col(f":met{number}")
        frame = evaluate(frame, protocol.parse(criterion.expression), masks, f":met{number}")
        out = answer if criterion.include is None else ~answer
        leaving.append(out.fill_null(criterion.if_missing != "keep"))
        unknown.append(answer.is_null())
        refuse = criterion.if_missing == "refuse"
        lines.append(Line(f"criterion_{number}", criterion.label, "criterion", refuse))
    criteria = len(lines)
    arms = population.section.arms
    for line, out in (*_time_zero_lines(protocol, population), *_arm_lines(arms)):
        lines.append(line)
        leaving.append(out)
    made = [f":met{number}" for number in range(1, criteria + 1)]
    left = nw.col(EXIT)
    unsure = [(left == number) & unknown[number - 1] for number in range(1, criteria + 1)]
    frame = frame.with_columns(_arm(arms).alias(ARM)).with_columns(first_that_holds(leaving).alias(EXIT))
    frame = frame.with_columns(
        (nw.any_horizontal(*unsure, ignore_nulls=True) if unsure else nw.lit(False)).alias(UNSURE),
        (((left == 0) | (left > criteria)) & _in_neither(arms)).alias(THIRD),
    )
    return Membership(frame.drop(made), tuple(lines))


def _arm(arms: Arms) -> nw.Expr:
    treated, comparator = (_is(arms.column, side.value) for side in (arms.treated, arms.comparator))
    neither = nw.when(is_true(comparator)).then(nw.lit(0, nw.Int64)).otherwise(nw.lit(UNASSIGNED, nw.Int64))
    return nw.when(is_true(treated)).then(nw.lit(1, nw.Int64)).otherwise(neither)


def _arm_lines(arms: Arms) -> list[tuple[Line, nw.Expr]]:
    return [
        (Line("no_arm", "Arm not recorded", "arm"), nw.col(arms.column).is_null()),
        (Line("other_arm", "In neither arm", "arm"), _in_neither(arms)),
    ]


def _in_neither(arms: Arms) -> nw.Expr:
    """Whether the column of the arms has a third value."""
    return (nw.col(ARM) == UNASSIGNED) & ~nw.col(arms.column).is_null()


def _is(column: str, value: str | float | bool) -> nw.Expr:
    return nw.col(column) == (clean_text(value) if isinstance(value, str) else value)


def _time_zero_lines(protocol: Protocol, population: StudyPopulation) -> list[tuple[Line, nw.Expr]]:
    """Patients whose time zero is not known, or lies after the data cut-off.

    They leave before any adjustment, so that nobody is matched whose time cannot be counted.
    """
    zero = population.section.time_zero
    if zero is None:
        return []
    lines = [(Line("no_time_zero", "Time zero not known", "arm"), nw.col(zero).is_null())]
    if protocol.data_cutoff is not None:
        late = nw.col(zero) > day_of(protocol.data_cutoff)
        lines.append((Line("late_time_zero", "Time zero after the data cut-off", "arm"), late))
    return lines
