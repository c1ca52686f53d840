"""Events of a cohort's patients as arrays: whose they are, how many days after time zero, and which cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from twoarm.cohort.cohort import Cohort
from twoarm.records.evaluation import HELD
from twoarm.records.records import EventTable, Records
from twoarm.records.typed_table import FILE_ORDER, KEY
from twoarm.statistics.arrays import Booleans, Floats, Integers

EPOCH_ORDINAL = 719_163  # 1970-01-01


@dataclass(frozen=True, slots=True, eq=False)
class CohortEvents:
    """The rows of a table of events that belong to a cohort, in the order of its patients and then of the file."""

    frame: pl.DataFrame
    patient: Integers  # row of the cohort, shape (k,)
    day: Floats  # days from time zero to the event; NaN where not known, shape (k,)
    after_cutoff: Booleans  # shape (k,)


def cohort_events(table: EventTable, date: str, cohort: Cohort, zero: Floats, cutoff: float) -> CohortEvents:
    """Return a table's events of the cohort's patients.

    Args:
        table: many rows a patient.
        date: its date column.
        cohort: n patients.
        zero: their time zero as a day number, shape (n,).
        cutoff: the data cut-off as a day number; infinite without one.
    """
    assert cohort.frequency is None, "events belong to patients one by one"
    rows = pl.DataFrame({KEY: cohort.key.tolist(), ":patient": np.arange(cohort.key.size)})
    frame = table.frame.join(rows, on=KEY, how="inner", maintain_order="none").sort(":patient", FILE_ORDER)
    patient = frame[":patient"].to_numpy()
    days = frame[date].cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return CohortEvents(frame, patient, days - zero[patient], days > cutoff)


def held_rows(frame: pl.DataFrame, column: str) -> Booleans:
    """Return which rows have a cell that could not be read."""
    if HELD + column not in frame.columns:
        return np.zeros(frame.height, dtype=np.bool_)
    return frame[HELD + column].to_numpy().astype(np.bool_)


def day_numbers(records: Records, name: str, rows: Integers) -> Floats:
    """Return a date column of some patients as days since 1970-01-01; NaN where missing."""
    column = records.patients.frame.get_column(name).to_polars()
    return column.cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy()[rows]
