"""The patients of a counted cohort, asked for a few strata at a time: matching needs each, and not all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from twoarm.cohort.membership import ARM
from twoarm.errors import Problem, RecordsError
from twoarm.records.engine_ops import AnyFrame
from twoarm.records.memory import available_memory, refuse_large_part
from twoarm.records.records import Records
from twoarm.records.typed_table import COUNT, KEY
from twoarm.statistics.arrays import Integers

MOST_AT_A_TIME = 1_000_000  # patients of several strata; a larger stratum comes alone
_ROW, _PART = ":row_of_cohort", ":part"


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Where the patients behind a cohort's rows can be asked for."""

    records: Records
    frame: AnyFrame  # a row a patient: ``:key`` and the columns of ``kinds`` but the count
    kinds: pl.DataFrame  # the cohort's rows, each different one once, with ``:count``

    def strata(self, columns: Sequence[str], rows: Integers) -> Strata:
        """Divide patients by the values of some columns, and the strata that have both arms into parts.

        Args:
            columns: on which partners agree; who has no value there has no stratum.
            rows: the cohort's rows that matter.

        Raises:
            RecordsError: memory will not suffice for the largest part.
        """
        whose = self.kinds[rows].lazy().select(*columns, ARM, COUNT).drop_nulls()
        treated = pl.col(COUNT).filter(pl.col(ARM) == 1).sum()
        found = (
            whose.group_by(columns)
            .agg(pl.col(COUNT).sum(), ((treated > 0) & (treated < pl.col(COUNT).sum())).alias("both"))
            .sort(columns)
            .collect()
        )
        both = found.filter("both")
        number = list(_parts(both[COUNT].to_list()))
        parts = both.select(*columns, COUNT).with_columns(pl.Series(_PART, number, dtype=pl.Int64))
        largest = parts.group_by(_PART).agg(pl.col(COUNT).sum())[COUNT].max()
        refuse_large_part(int(largest or 0), len(self.kinds.columns), available_memory())  # type: ignore[arg-type]
        return Strata(self, tuple(columns), rows, parts, found.height - both.height)

    def fetch(self, part: pl.DataFrame, rows: Integers, what: str) -> Integers:
        """Return the row, among some rows of the cohort, of each patient of some strata, in the order of their keys.

        Args:
            part: the strata, by the values of their columns.
            rows: the cohort's rows that matter; patients of others are left out.
            what: is asked for.

        Raises:
            RecordsError: these are not the patients who were counted.
        """
        table, columns = self.records.beside(part), part.columns
        patients = self.records.collect(self.frame.join(table, on=columns, how="semi"), what)
        wanted = [name for name in self.kinds.columns if name != COUNT]
        kinds = self.kinds[rows].with_columns(pl.Series(_ROW, np.arange(rows.size)))
        kinds = kinds.join(part, on=columns, how="semi")
        sorted_patients = (
            patients.lazy()
            .sort(KEY)
            .join(kinds.lazy().select(*wanted, _ROW), on=wanted, how="inner", nulls_equal=True, maintain_order="left")
        )
        found = sorted_patients.select(_ROW).collect()[_ROW].to_numpy()
        counted = np.bincount(found, minlength=rows.size)[kinds[_ROW].to_numpy()]
        if not (counted == kinds[COUNT].to_numpy()).all():
            where = self.records.patients.tables[0].files[0]
            found_text = "a source that changed while it was read: patients of a stratum are not those who were counted"
            raise RecordsError([Problem(where, found_text, "run again when nobody writes it", rule="changed_file")])
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Strata of both arms, in parts that are small enough to be matched in memory."""

    roster: Roster
    columns: tuple[str, ...]
    rows: Integers  # the cohort's rows that matter
    table: pl.DataFrame  # a row a stratum: its values, and the part that it belongs to
    of_one_arm: int  # strata in which nobody can have a partner

    @property
    def parts(self) -> int:
        """Number of parts."""
        return self.table[_PART].n_unique()

    def patients(self, what: str) -> Iterator[Integers]:
        """Yield, part by part, the row of each patient among ``rows``, in the order of their keys."""
        for number in range(self.parts):
            part = self.table.filter(pl.col(_PART) == number).select(self.columns)
            yield self.roster.fetch(part, self.rows, f"{what}: part {number + 1}")


def _parts(sizes: Sequence[int]) -> Iterator[int]:
    """Yield the part of each stratum: strata that follow one another share one as long as it stays small.

    >>> list(_parts([MOST_AT_A_TIME - 1, 1, 1, 3 * MOST_AT_A_TIME, 5]))
    [0, 0, 1, 2, 3]
    """
    part, inside = 0, 0
    for size in sizes:
        if inside and inside + size > MOST_AT_A_TIME:
            part, inside = part + 1, 0
        inside += size
        yield part
