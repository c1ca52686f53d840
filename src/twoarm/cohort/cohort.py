"""Who is in the study, in which arm, with which covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from twoarm.cohort.attrition import Attrition, AttritionStep, everybody, exclude
from twoarm.cohort.covariates import CovariateValues, level_values, read_covariates
from twoarm.cohort.membership import ARM, EXIT, THIRD, UNSURE, Line, Membership, find_members
from twoarm.cohort.roster import Roster
from twoarm.errors import Problem, RecordsError
from twoarm.protocol.adjustment import Matching
from twoarm.protocol.covariate import Categorical, level_text
from twoarm.protocol.population import Arms
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.engine_ops import AnyFrame
from twoarm.records.findings import Finding, RefusedRowsError
from twoarm.records.records import Records
from twoarm.records.typed_table import COUNT, FILE_ORDER, KEY
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import count


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """One row a patient, or one for several identical ones; n rows in the order of the keys, or of the values."""

    population: StudyPopulation
    key: NDArray[np.str_]  # "" where patients are not told apart
    treated: Booleans
    covariates: Mapping[str, CovariateValues]
    position: Mapping[str, Floats]  # rank for order = "data", by order column ("" is the file's own)
    groups: Mapping[
        str, NDArray[np.str_]
    ]  # centre, and columns on which partners agree, as text; a missing one is unlike all
    attrition: Attrition
    left_out: tuple[tuple[str, str], ...]  # (key, label of the step) of everybody else, when patients are to be listed
    frequency: Integers | None  # identical patients that each row stands for; None where every patient is a row
    happened: pl.DataFrame  # what became of them, in columns for the endpoints, n rows
    members: AnyFrame  # the keys of these patients, where the patients are
    roster: Roster | None = None  # where patients to be matched can be asked for; None where each is a row

    @property
    def one_by_one(self) -> bool:
        """Whether each patient is a row, with a key."""
        return self.roster is None and self.frequency is None

    def count(self, rows: Booleans) -> int:
        """Return how many patients some rows stand for."""
        return count(rows, self.frequency)


def build_cohort(protocol: Protocol, population: StudyPopulation, records: Records) -> Cohort:
    """Apply the criteria, assign the arms, read the covariates.

    ``records`` may have columns with what became of the patients (``with_endpoints``); those of the cohort come along.

    Raises:
        RecordsError: an arm is empty, the arm column holds a third value, or levels are not as declared.
    """
    patients = records.patients
    found = find_members(protocol, population, patients.in_days(), patients.masks)
    wanted = _columns(protocol, population, records)
    rows = records.kinds(_asked(protocol, records, found, wanted), f"populations.{population.name}")
    frequency = rows[COUNT].to_numpy() if COUNT in rows.columns else None
    arm, left = (rows[name].to_numpy() for name in (ARM, EXIT))
    steps = _attrition(found.lines, arm, left, rows[UNSURE].to_numpy(), frequency)
    _refuse_unknown(records, found, rows)
    refused: list[Finding] = []
    if population.section.arms.other == "refuse" and rows[THIRD].any():
        refused += _third_value(population.section.arms, records, found)
    inside = left == 0
    if not refused:
        files = " or ".join(patients.tables[0].files)
        _refuse_empty(population, arm[inside], steps, files, protocol.disclosure.minimum_cell > 1)
    members = rows.filter(inside) if not inside.all() else rows
    covariates, outside = read_covariates(population.covariates, nw.from_native(members, eager_only=True))
    strange = [name for name in outside if not _holds(protocol, population, name)]
    refused += _outside_levels(population, strange, records, found, members)
    if refused:
        raise RefusedRowsError(refused)
    return Cohort(
        population=population,
        key=_keys(members),
        treated=arm[inside] == 1,
        covariates=covariates,
        position=_positions(population, members),
        groups=_groups(protocol, population, members),
        attrition=Attrition(steps),
        left_out=_left_out(found.lines, rows, left) if protocol.output.patient_level else (),
        frequency=_frequency(frequency, inside),
        happened=members.select(patients.happened),
        members=_of_members(found, KEY),
        roster=_roster(records, population, found, members, [ARM, *wanted]),
    )


def _columns(protocol: Protocol, population: StudyPopulation, records: Records) -> list[str]:
    """Return what is to be known of the members, each column once."""
    covariates = [covariate.source or name for name, covariate in population.covariates.items()]
    order = [name for name in _order_columns(population) if name]
    if records.row_by_row:
        order.append(FILE_ORDER)
    groups, happened = _group_columns(protocol, population), records.patients.happened
    return list(dict.fromkeys([*covariates, *order, *groups, *happened]))


def _asked(protocol: Protocol, records: Records, found: Membership, wanted: list[str]) -> AnyFrame:
    """Return the frame of what is to be known: of members everything, of the others where they left."""
    if records.row_by_row:
        return found.frame.select(KEY, EXIT, UNSURE, ARM, THIRD, *wanted)
    stays = nw.col(EXIT) == 0
    named = [nw.when(stays | nw.lit(protocol.output.patient_level)).then(nw.col(KEY)).alias(KEY)]
    of_members = [nw.when(stays).then(nw.col(name)).alias(name) for name in wanted]
    return found.frame.select(*(named if records.one_by_one else ()), EXIT, UNSURE, ARM, THIRD, *of_members)


def _attrition(
    lines: Sequence[Line], arm: Integers, left: Integers, unsure: Booleans, frequency: Integers | None
) -> tuple[AttritionStep, ...]:
    """Return the lines in which anybody left, and those of all criteria."""
    steps, inside = [everybody("Patients in the records", arm, frequency)], np.ones(arm.size, dtype=np.bool_)
    for number, line in enumerate(lines, start=1):
        out = left == number
        if line.kind == "criterion" or out.any():
            step, inside = exclude(line.name, line.label, line.kind, arm, inside, out, unsure, frequency)
            steps.append(step)
    return tuple(steps)


def _refuse_unknown(records: Records, found: Membership, rows: pl.DataFrame) -> None:
    """Refuse a criterion that must be known and is not."""
    for number, line in enumerate(found.lines, start=1):
        if line.refuse and ((rows[EXIT] == number) & rows[UNSURE]).any():
            what = f'patients for whom criterion "{line.label}" is unknown'
            remedy = "complete the records, or let if_missing say what follows"
            where = (nw.col(EXIT) == number) & nw.col(UNSURE)
            raise RefusedRowsError(records.refused(found.frame, where, "criterion_unknown", what, remedy, ""))


def _third_value(arms: Arms, records: Records, found: Membership) -> list[Finding]:
    expected = f'expected {arms.treated.value!r} or {arms.comparator.value!r}; or other = "exclude"'
    what = "patients with a third value"
    return records.refused(found.frame, nw.col(THIRD), "third_arm", what, expected, arms.column)


def _keys(members: pl.DataFrame) -> NDArray[np.str_]:
    if KEY not in members.columns:
        return np.full(members.height, "", dtype=np.str_)
    return members[KEY].to_numpy().astype(np.str_)


def _of_members(found: Membership, *columns: str) -> AnyFrame:
    """Return columns of the members; no other column is copied where frames are in memory."""
    return found.frame.select(EXIT, *columns).filter(nw.col(EXIT) == 0).select(*columns)


def _roster(
    records: Records, population: StudyPopulation, found: Membership, members: pl.DataFrame, known: list[str]
) -> Roster | None:
    matched = any(isinstance(adjustment, Matching) for adjustment in population.adjustments.values())
    if records.one_by_one or not matched:
        return None
    return Roster(records, _of_members(found, KEY, *known), members.select(*known, COUNT))


def _frequency(frequency: Integers | None, inside: Booleans) -> Integers | None:
    """Return how often each row counts, where any counts more than once."""
    found = None if frequency is None else frequency[inside]
    return None if found is None or (found == 1).all() else found


def _left_out(lines: Sequence[Line], rows: pl.DataFrame, left: Integers) -> tuple[tuple[str, str], ...]:
    named = rows[KEY]
    return tuple(
        (key, line.label)
        for number, line in enumerate(lines, start=1)
        for key in named.filter(left == number).to_list()
    )


def _refuse_empty(
    population: StudyPopulation, arm: Integers, steps: Sequence[AttritionStep], file: str, suppressed: bool
) -> None:
    empty = [
        side.label
        for code, side in ((1, population.section.arms.treated), (0, population.section.arms.comparator))
        if not (arm == code).any()
    ]
    if empty:
        found = f'no patients left in arm {" and ".join(empty)} after "{steps[-1].label}"'
        if not suppressed:
            counts = "; ".join(
                f"{step.label}: {step.remaining.treated} and {step.remaining.comparator} remain" for step in steps
            )
            found = f"{found} ({counts})"
        expected = "check the criteria and the arm's value"
        raise RecordsError([Problem(file, found, expected, f"populations.{population.name}", "empty_arm")])


def _outside_levels(
    population: StudyPopulation, names: Sequence[str], records: Records, found: Membership, members: pl.DataFrame
) -> list[Finding]:
    """Return values outside declared levels, for columns whose cells the protocol does not hold."""
    refused: list[Finding] = []
    for name in names:
        covariate = population.covariates[name]
        assert isinstance(covariate, Categorical), "levels are declared"
        column = covariate.source or name
        values = level_values(covariate, text=members.schema[column] == pl.String)
        strange = (nw.col(EXIT) == 0) & ~nw.col(column).is_in(values)
        levels = ", ".join(level_text(level) for level in covariate.levels)
        expected = f'expected one of {levels}; declare the level, or on_invalid = "hold"'
        what = f"cells outside the declared levels of covariates.{name}"
        refused += records.refused(found.frame, strange, "outside_levels", what, expected, column)
    return refused


def _holds(protocol: Protocol, population: StudyPopulation, name: str) -> bool:
    column = population.covariates[name].source or name
    for source in protocol.data.values():
        if column in source.columns:
            return (source.columns[column].on_invalid or source.on_invalid) == "hold"
    return any(source.on_invalid == "hold" for source in protocol.data.values())


def _order_columns(population: StudyPopulation) -> list[str]:
    return sorted({getattr(adjustment, "order_column", None) or "" for adjustment in population.adjustments.values()})


def _positions(population: StudyPopulation, members: pl.DataFrame) -> dict[str, Floats]:
    """Return ranks; rows of an engine have none of their own, and nothing asks for it."""
    named = {name: name or FILE_ORDER for name in _order_columns(population)}
    return {
        name: members[column].cast(pl.Float64).fill_null(np.inf).to_numpy()
        if column in members.columns
        else np.arange(members.height, dtype=np.float64)
        for name, column in named.items()
    }


def _group_columns(protocol: Protocol, population: StudyPopulation) -> list[str]:
    wanted = {name for adjustment in population.adjustments.values() for name in getattr(adjustment, "exact", ())}
    if protocol.centres is not None and "centres" in population.analyses:
        wanted.add(protocol.centres.column)
    return sorted(wanted)


def _groups(protocol: Protocol, population: StudyPopulation, members: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    groups = {}
    for name in _group_columns(protocol, population):
        values = members[name].to_list()
        groups[name] = np.array([f"={value}" if value is not None else f"?{row}" for row, value in enumerate(values)])
    return groups
