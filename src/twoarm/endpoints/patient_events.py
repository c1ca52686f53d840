"""Events beside the dates of the patients whom they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from twoarm.cohort.cohort import Cohort
from twoarm.endpoints.first_rule import rule_counts
from twoarm.records.engine_ops import in_days
from twoarm.records.evaluation import HELD
from twoarm.records.records import EventTable, Records
from twoarm.records.typed_table import COUNT, KEY

RULE = ":rule"  # number of the first rule that an event breaks; 0 where it counts
ZERO = ":zero"


def beside_patients(records: Records, table: EventTable, dates: Mapping[str, str]) -> Any:
    """Return a table's events with dates of their patients as further columns; dates are day numbers."""
    wanted = (nw.col(column).alias(name) for name, column in dates.items())
    return in_days(table.frame).join(records.patients.in_days().select(KEY, *wanted), on=KEY, how="inner")


def held_cell(table: EventTable, column: str) -> nw.Expr:
    """Return where a table has a cell that could not be read."""
    return nw.col(HELD + column) if HELD + column in table.masks else nw.lit(False)


def not_counted(records: Records, what: str, rules: Sequence[str], cohort: Cohort) -> dict[str, int]:
    """Return how many events of a cohort's patients do not count, under each rule that any breaks.

    ``what``: was made of them, such as the response.
    """
    of_cohort = records.ruled[what].join(cohort.members, on=KEY, how="semi")
    counted = records.collect(of_cohort.group_by(RULE).agg(nw.len().alias(COUNT)), f"{what}: not counted")
    return rule_counts(counted[RULE].to_numpy(), rules, counted[COUNT].to_numpy().astype("int64"))
