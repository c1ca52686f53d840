"""The patients of a counted cohort, asked for a few strata at a time: matching needs each, and not all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.cohort.membership import ARM
from twoarm.errors import Problem, RecordsError
from twoarm.records.engine_ops import AnyFrame
from twoarm.records.memory import available_memory, refuse_large_part
from twoarm.records.records import Records
from twoarm.records.typed_table import COUNT, KEY
from twoarm.statistics.arrays import Integers

MOST_AT_A_TIME = 2_000_000  # patients of several strata; a larger stratum comes alone
_FEW = 1_000  # values that a filter may name
_ROW, _PART, _KIND = ":row_of_cohort", ":part", ":kind"


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
        kinds = self.kinds[rows].with_columns(pl.Series(_ROW, np.arange(rows.size)))
        treated = pl.col(COUNT).filter(pl.col(ARM) == 1).sum()
        found = (
            kinds.lazy()
            .group_by(columns)
            .agg(pl.col(COUNT).sum(), ((treated > 0) & (treated < pl.col(COUNT).sum())).alias("both"))
            .drop_nulls()
            .sort(columns)
            .collect()
        )
        both = found.filter("both")
        part = list(_parts(both[COUNT].to_list()))
        table = both.select(*columns, COUNT).with_columns(pl.Series(_PART, part, dtype=pl.Int32))
        largest = table.group_by(_PART).agg(pl.col(COUNT).sum())[COUNT].to_list()
        refuse_large_part(max(largest, default=0), len(self.kinds.columns), available_memory())
        return Strata(
            records=self.records,
            frame=self.frame,
            table=table.drop(COUNT),
            kinds=kinds.join(table.drop(COUNT), on=columns, how="inner", maintain_order="left"),
            of_one_arm=found.height - both.height,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Strata of both arms, in parts that are small enough to be matched in memory."""

    records: Records
    frame: AnyFrame  # a row a patient
    table: pl.DataFrame  # a row a stratum: its values, and the part that it belongs to
    kinds: pl.DataFrame  # rows of the cohort in these strata, with their parts
    of_one_arm: int  # strata in which nobody can have a partner

    @property
    def parts(self) -> int:
        """Number of parts."""
        return self.table[_PART].n_unique()

    def patients(self, what: str) -> Iterator[Integers]:
        """Yield, part by part, the row of each patient among those that matter, in the order of their keys.

        Raises:
            RecordsError: these are not the patients who were counted.
        """
        for number in range(self.parts):
            part = self.table.filter(pl.col(_PART) == number).drop(_PART)
            fetched = self.records.collect(self._inside(part), f"{what}: part {number + 1}")
            yield self._rows(fetched, self.kinds.filter(pl.col(_PART) == number).drop(_PART))

    def _inside(self, part: pl.DataFrame) -> AnyFrame:
        """Return the patients of some strata; a filter by few values costs an engine less than a join."""
        frame, few = self.frame, [column for column in part.columns if part[column].n_unique() <= _FEW]
        for column in few:
            frame = frame.filter(nw.col(column).is_in(part[column].unique().to_list()))
        whole = len(few) == len(part.columns) == 1
        return frame if whole else frame.join(self.records.beside(part), on=part.columns, how="semi")

    def _rows(self, patients: pl.DataFrame, kinds: pl.DataFrame) -> Integers:
        """Find the row of each patient by everything that is known of them; those who do not matter have none."""
        known = [name for name in patients.columns if name != KEY]
        kinds = kinds.with_row_index(_KIND)
        in_order, rows = patients.lazy().sort(KEY), kinds.lazy().select(*known, _KIND)
        found = in_order.join(rows, on=known, how="inner", nulls_equal=True, maintain_order="left").select(_KIND)
        kind = found.collect()[_KIND].to_numpy()
        if not (np.bincount(kind, minlength=kinds.height) == kinds[COUNT].to_numpy()).all():
            where = self.records.patients.tables[0].files[0]
            changed = "a source that changed while it was read: patients of a stratum are not those who were counted"
            raise RecordsError([Problem(where, changed, "run again when nobody writes it", rule="changed_file")])
        return np.asarray(kinds[_ROW].to_numpy()[kind])


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
