"""Rules that records may break, as expressions; and who tells it: by file and row in memory, by count of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.protocol import Protocol as StudyProtocol
from twoarm.records.engine_ops import count_where, is_true
from twoarm.records.findings import Finding, Outcome
from twoarm.records.plausibility import implausible_columns
from twoarm.records.typed_table import FILE_ORDER, KEY, TypedTable, findings_by_file, table_with

WHICH = "held: which is right?"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What breaks a rule, and what is said of it and done about it."""

    name: str
    where: nw.Expr
    column: str  # under which it is told
    what: str
    outcome: Outcome = "held"
    remedy: str = WHICH
    masked: tuple[str, ...] = ()  # columns whose cells are held


class Teller(Protocol):
    """Looks at records for what may be wrong with them, and says which rows as well as it can."""

    ordered: bool  # whether rows of events have an order of their own

    def words(self, column: str) -> pl.Series:
        """Return the different texts of a column of patients."""

    def implausible(self, protocol: StudyProtocol) -> list[Finding]:
        """Return columns of patients with numbers that are probably in two units, or codes for a missing value."""

    def numbers(self, frame: Any, conditions: Sequence[nw.Expr]) -> list[int]:
        """Return how many rows of a frame each condition is known to hold for."""

    def of_patients(self, frame: Any, tables: Sequence[TypedTable], rules: Sequence[Rule]) -> list[Finding]:
        """Say which patients break rules, under the table that has the rule's column.

        Args:
            frame: one row a patient.
            tables: that it was joined from, the spine first.
            rules: in the order in which they are told; nothing is said of those that nobody breaks.
        """

    def of_events(self, frame: Any, table: TypedTable, rules: Sequence[Rule]) -> list[Finding]:
        """Say which rows of a table of events break rules; ``frame`` is the table, perhaps with more columns."""


def broken(teller: Teller, frame: Any, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that any row of a frame breaks."""
    numbers = teller.numbers(frame, [rule.where for rule in rules])
    return [rule for rule, number in zip(rules, numbers, strict=True) if number]


def count_rows(frame: Any, conditions: Sequence[nw.Expr]) -> Any:
    """Return the frame, of one row, with how many rows each condition is known to hold for.

    Conditions are columns first: engines sum no windows.
    """
    names = [f"n{place}" for place in range(len(conditions))]
    marked = frame.select(*(where.alias(name) for name, where in zip(names, conditions, strict=True)))
    return marked.select(*(count_where(nw.col(name)).alias(name) for name in names))


class RowTeller:
    """Tells by file, row and patient key, of tables of patients in memory."""

    ordered = True

    def __init__(self, tables: Sequence[TypedTable]) -> None:
        self.tables = tables

    def words(self, column: str) -> pl.Series:
        """Look at all tables."""
        found = [table.frame[column] for table in self.tables if column in table.columns]
        return pl.concat(found).unique()

    def implausible(self, protocol: StudyProtocol) -> list[Finding]:
        """Name the cells."""
        return list(implausible_columns(protocol, self.tables))

    def numbers(self, frame: nw.DataFrame[Any], conditions: Sequence[nw.Expr]) -> list[int]:
        """Count rows."""
        return [int(number or 0) for number in count_rows(frame, conditions).row(0)] if conditions else []

    def of_patients(
        self, frame: nw.DataFrame[Any], tables: Sequence[TypedTable], rules: Sequence[Rule]
    ) -> list[Finding]:
        """Name the rows."""
        found: list[Finding] = []
        for rule in broken(self, frame, rules):
            table = table_with(rule.column, tables)
            if table is not None:
                keys = frame.filter(is_true(rule.where)).get_column(KEY).to_list()
                mask = table.frame[KEY].is_in(keys)
                found += findings_by_file(table, mask, rule.name, rule.outcome, rule.column, rule.what, rule.remedy)
        return found

    def of_events(self, frame: nw.DataFrame[Any], table: TypedTable, rules: Sequence[Rule]) -> list[Finding]:
        """Name the rows, in the order of the files."""
        found: list[Finding] = []
        for rule in broken(self, frame, rules):
            rows: pl.DataFrame = frame.filter(is_true(rule.where)).to_native().sort(FILE_ORDER)
            of_table = (replace(table, frame=rows), pl.Series([True]).new_from_index(0, rows.height))
            found += findings_by_file(*of_table, rule.name, rule.outcome, rule.column, rule.what, rule.remedy)
        return found
