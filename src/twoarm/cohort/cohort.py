"""Who is in the study, in which arm, with which covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoarm.cohort.attrition import UNASSIGNED, Attrition, AttritionStep, everybody, exclude
from twoarm.cohort.covariates import CovariateValues, read_covariates
from twoarm.cohort.eligibility import apply_criteria
from twoarm.errors import Problem, RecordsError
from twoarm.protocol.covariate import Categorical, level_text
from twoarm.protocol.population import Arms
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.records.cell_text import clean_text
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.records.findings import Finding, RefusedRowsError
from twoarm.records.records import PatientTable, Records
from twoarm.records.typed_table import FILE_ORDER, KEY
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import count


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """One row a patient, or one for several identical ones; n rows in the order of the patient table."""

    population: StudyPopulation
    key: NDArray[np.str_]
    treated: Booleans
    covariates: Mapping[str, CovariateValues]
    position: Mapping[str, Floats]  # rank for order = "data", by order column ("" is the file's own)
    groups: Mapping[
        str, NDArray[np.str_]
    ]  # centre, and columns on which partners agree, as text; a missing one is unlike all
    patient_rows: Integers  # row of each patient in the patient table
    attrition: Attrition
    left_out: tuple[tuple[str, str], ...]  # (key, label of the step) of everybody else, when patients are to be listed
    frequency: Integers | None  # identical patients that each row stands for; None where every patient is a row

    def count(self, rows: Booleans) -> int:
        """Return how many patients some rows stand for."""
        return count(rows, self.frequency)


def build_cohort(protocol: Protocol, population: StudyPopulation, records: Records) -> Cohort:
    """Apply the criteria, assign the arms, read the covariates.

    Raises:
        RecordsError: an arm is empty, the arm column holds a third value, or levels are not as declared.
    """
    patients = records.patients
    arms = population.section.arms
    arm, third = _assign(arms, patients)
    frequency = patients.frequency
    steps = [everybody("Patients in the records", arm, frequency)]
    criteria, inside, left = apply_criteria(protocol, population.section.criteria, patients, arm)
    steps += criteria
    refused = _third_value(arms, patients, inside & third) if arms.other == "refuse" else []
    nobody = np.zeros_like(inside)
    absent = (arm == UNASSIGNED) & ~third
    rules = [*_time_zero_rules(protocol, population, patients), ("no_arm", "Arm not recorded", absent)]
    for name, label, out in (*rules, ("other_arm", "In neither arm", third)):
        if (inside & out).any():
            left.append((label, inside & out))
            step, inside = exclude(name, label, "arm", arm, inside, out, nobody, frequency)
            steps.append(step)
    if not refused:
        files = " or ".join(patients.tables[0].files)
        _refuse_empty(population, arm[inside], steps, files, protocol.disclosure.minimum_cell > 1)
    rows = np.flatnonzero(inside)
    frame = patients.frame.filter(inside.tolist()) if not inside.all() else patients.frame
    covariates, outside = read_covariates(population.covariates, frame)
    holding = frozenset(name for name in outside if _holds(protocol, population, name))
    refused += _outside_levels(population, {n: outside[n] for n in outside if n not in holding}, patients, rows)
    if refused:
        raise RefusedRowsError(refused)
    return Cohort(
        population=population,
        key=frame.get_column(KEY).to_numpy().astype(np.str_),
        treated=arm[rows] == 1,
        covariates=covariates,
        position=_positions(population, frame),
        groups=_groups(protocol, population, frame),
        patient_rows=rows,
        attrition=Attrition(tuple(steps)),
        left_out=_left_out(patients, left) if protocol.output.patient_level else (),
        frequency=None if frequency is None else frequency[rows],
    )


def _left_out(patients: PatientTable, left: list[tuple[str, Booleans]]) -> tuple[tuple[str, str], ...]:
    assert patients.frequency is None, "patients are listed one by one"
    keys = patients.frame.get_column(KEY).to_list()
    return tuple((keys[row], label) for label, rows in left for row in np.flatnonzero(rows).tolist())


def _time_zero_rules(
    protocol: Protocol, population: StudyPopulation, patients: PatientTable
) -> list[tuple[str, str, Booleans]]:
    """Return (name, label, mask) of patients whose time zero is not known, or lies after the data cut-off.

    They leave before any adjustment, so that nobody is matched whose time cannot be counted.
    """
    name = population.section.time_zero
    if name is None:
        return []
    column = patients.frame.get_column(name)
    unknown = column.is_null().to_numpy().astype(np.bool_)
    rules = [("no_time_zero", "Time zero not known", unknown)]
    if protocol.data_cutoff is not None:
        late = (column > protocol.data_cutoff).fill_null(False).to_numpy().astype(np.bool_)
        rules.append(("late_time_zero", "Time zero after the data cut-off", late))
    return rules


def _assign(arms: Arms, patients: PatientTable) -> tuple[Integers, Booleans]:
    """Return (1 treated, 0 comparator, -1 neither; mask of third values)."""
    column = patients.frame.get_column(arms.column)
    arm = np.full(len(column), UNASSIGNED, dtype=np.int64)
    for code, side in ((1, arms.treated), (0, arms.comparator)):
        value = clean_text(side.value) if isinstance(side.value, str) else side.value
        arm[(column == value).fill_null(False).to_numpy().astype(np.bool_)] = code
    known = ~column.is_null().to_numpy()
    return arm, np.asarray(known & (arm == UNASSIGNED))


def _third_value(arms: Arms, patients: PatientTable, rows: Booleans) -> list[Finding]:
    expected = f'expected {arms.treated.value!r} or {arms.comparator.value!r}; or other = "exclude"'
    return patients.refused("third_arm", rows, "patients with a third value", expected, arms.column)


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
    population: StudyPopulation, outside: Mapping[str, Booleans], patients: PatientTable, rows: Integers
) -> list[Finding]:
    """Return values outside declared levels, for columns whose cells the protocol does not hold."""
    found: list[Finding] = []
    for name, strange in outside.items():
        covariate = population.covariates[name]
        assert isinstance(covariate, Categorical), "levels are declared"
        everybody = np.zeros(len(patients.frame), dtype=np.bool_)
        everybody[rows[strange]] = True
        levels = ", ".join(level_text(level) for level in covariate.levels)
        expected = f'expected one of {levels}; declare the level, or on_invalid = "hold"'
        what = f"cells outside the declared levels of covariates.{name}"
        found += patients.refused("outside_levels", everybody, what, expected, covariate.source or name)
    return found


def _holds(protocol: Protocol, population: StudyPopulation, name: str) -> bool:
    column = population.covariates[name].source or name
    for source in protocol.data.values():
        if column in source.columns:
            return (source.columns[column].on_invalid or source.on_invalid) == "hold"
    return any(source.on_invalid == "hold" for source in protocol.data.values())


def _positions(population: StudyPopulation, frame: Any) -> dict[str, Floats]:
    wanted = {getattr(adjustment, "order_column", None) or "" for adjustment in population.adjustments.values()}
    positions = {}
    for name in sorted(wanted):
        column = frame.get_column(name or FILE_ORDER).to_numpy().astype(np.float64)
        positions[name] = np.where(np.isnan(column), np.inf, column)
    return positions


def _groups(protocol: Protocol, population: StudyPopulation, frame: Any) -> dict[str, NDArray[np.str_]]:
    wanted = {name for adjustment in population.adjustments.values() for name in getattr(adjustment, "exact", ())}
    if protocol.centres is not None and "centres" in population.analyses:
        wanted.add(protocol.centres.column)
    groups = {}
    for name in sorted(wanted):
        values = frame.get_column(name).to_list()
        groups[name] = np.array([f"={value}" if value is not None else f"?{row}" for row, value in enumerate(values)])
    return groups


def held_cells(records: Records, column: str, rows: Integers) -> Booleans:
    """Return which of these patients have a held cell in a column."""
    return _mask(records, HELD + column, rows)


def completed_dates(records: Records, column: str, rows: Integers) -> Booleans:
    """Return for which of these patients a declared rule completed a date of a column, or one it is derived from."""
    return _mask(records, COMPLETED + column, rows)


def _mask(records: Records, name: str, rows: Integers) -> Booleans:
    if name not in records.patients.frame.columns:
        return np.zeros(rows.size, dtype=np.bool_)
    return np.asarray(records.patients.frame.get_column(name).to_numpy()[rows], dtype=np.bool_)
