"""Records that stay with their engine: typed, joined and checked where they lie; findings have counts and no rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.expression import Call, Node, walk
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.records.checked_records import CheckedRecords, check_records
from twoarm.records.engine_ops import is_true
from twoarm.records.engines.door import Door
from twoarm.records.engines.source import EngineReader, OpenSource
from twoarm.records.engines.typed_source import TypedSource, typed_source
from twoarm.records.findings import Finding, refused
from twoarm.records.joined_tables import present
from twoarm.records.plausibility import number_columns, suspicions
from twoarm.records.rules import Rule, count_rows
from twoarm.records.typed_table import LONE_KEY, TypedTable, finding_by_count, refuse_headers, table_with
from twoarm.statistics.arrays import Floats, Integers


def may_stay(protocol: Protocol) -> bool:
    """Return whether an engine can do with the records all that is declared.

    Fetched and read in memory are files, keys that match whatever their case, names that differ in case alone, numbers
    with their units in a column beside them, and what takes a logarithm, which engines calculate differently in the
    last digit.
    """
    tables = protocol.tables().values()
    names = {name for table in tables for name in table.columns} | protocol.derived.keys() | protocol.endpoints.keys()
    return (
        all(table.whole().on_engine and not table.files for table in tables)
        and all(table.key_case == "exact" for table in tables)
        and len({name.lower() for name in names}) == len(names)
        and not any(getattr(one, "unit_column", None) for table in tables for one in table.columns.values())
        and not any(
            isinstance(part, Call) and part.function == "log" for node in _nodes(protocol) for part in walk(node)
        )
    )


def _nodes(protocol: Protocol) -> Iterator[Node]:
    """Yield the protocol's expressions."""
    yield from (protocol.parse(text) for text in protocol.derived.values())
    for population in protocol.populations.values():
        yield from (protocol.parse(criterion.expression) for criterion in population.criteria)
    if protocol.safety is not None:
        types = protocol.event_column_types(protocol.safety.table)
        rows = [row.where for row in protocol.safety.table_rows() if row.where is not None]
        yield from (parse_expression(where, types) for where in rows)


class CountTeller:
    """Tells how many rows of an engine break rules."""

    ordered = False

    def __init__(self, door: Door, sources: Mapping[str, TypedSource], protocol: Protocol) -> None:
        self.door, self.sources, self.patients = door, sources, list(protocol.data)

    def numbers(self, frame: Any, conditions: Sequence[nw.Expr]) -> list[int]:
        """Count rows."""
        if not conditions:
            return []
        counted = self.door.fetch(count_rows(frame, conditions), "rows that break rules")
        return [int(number or 0) for number in counted.row(0)]

    def of_patients(self, frame: Any, tables: Sequence[TypedTable], rules: Sequence[Rule]) -> list[Finding]:
        """Count the patients of the table that has the rule's column."""
        asked = [(rule, table) for rule in rules if (table := table_with(rule.column, tables)) is not None]
        conditions = [
            is_true(rule.where) & nw.col(present(table.name)) if table.name != self.patients[0] else rule.where
            for rule, table in asked
        ]
        return _told(asked, self.numbers(frame, conditions))

    def of_events(self, frame: Any, table: TypedTable, rules: Sequence[Rule]) -> list[Finding]:
        """Count rows of a table of events."""
        return _told([(rule, table) for rule in rules], self.numbers(frame, [rule.where for rule in rules]))

    def words(self, column: str) -> pl.Series:
        """Return the different texts that were read."""
        found = [self.sources[name].cells[column][0] for name in self.patients if column in self.sources[name].cells]
        return pl.concat(found).unique()

    def implausible(self, protocol: Protocol) -> list[Finding]:
        """Look at the different numbers of each column, and how often each stands there."""
        findings = []
        for source in (self.sources[name] for name in self.patients):
            for column in number_columns(protocol, source.table):
                values, counts = _rising(*source.cells[column])
                for found in suspicions(values, counts):
                    number = int(counts[found.holds(values)].sum())
                    what, remedy = found.what, found.remedy
                    findings.append(finding_by_count(source.table, number, found.rule, "warned", column, what, remedy))
        return findings


def _told(asked: Sequence[tuple[Rule, TypedTable]], numbers: Sequence[int]) -> list[Finding]:
    return [
        finding_by_count(table, number, rule.name, rule.outcome, rule.column, rule.what, rule.remedy)
        for (rule, table), number in zip(asked, numbers, strict=True)
        if number
    ]


def _rising(values: pl.Series, counts: pl.Series) -> tuple[Floats, Integers]:
    """Return the different numbers of a column, rising, and their counts."""
    cells = pl.DataFrame({"value": values.cast(pl.Float64), "n": counts}).drop_nulls()
    summed = cells.group_by("value").agg(pl.col("n").sum()).sort("value")
    return summed["value"].to_numpy(), summed["n"].to_numpy()


def check_on_engine(protocol: Protocol, folder: Path) -> tuple[CheckedRecords, dict[str, TypedTable], Door] | None:
    """Type and check the records of a protocol where they lie; None where they must be fetched, to be read or told of.

    Raises:
        RecordsError: a source cannot be opened, or lacks a column.
    """
    reader = EngineReader(protocol, folder)
    door = Door(reader.engine, reader.fetched)
    sources, opened = dict[str, TypedSource](), list[OpenSource]()
    for name, table in protocol.tables().items():
        part = table.whole()
        source = reader.open(part, refuse_headers)
        if not reader.has_plain_keys(source, part, once=name in protocol.data, what=f"{name}: keys"):
            return None
        sources[name] = typed_source(door, name, table, source.scan, source.header, source.described(name, part))
        opened.append(source)
    spine = next(iter(protocol.data))
    told = [one for name, source in sources.items() for one in source.table.findings if _is_told(one, name == spine)]
    if refused(told) or any(sources[name].table.inputs[0].rows == 0 for name in protocol.data):
        return None
    tables = {name: source.table for name, source in sources.items()}
    frames = {name: source.frame for name, source in sources.items()}
    checked = check_records(protocol, tables, frames, CountTeller(door, sources, protocol))
    kept = {name: door.engine.keep(frame) for name, frame in checked.events.items()}
    patients = door.engine.keep(checked.patients)
    door.engine.let_go()
    for source in opened:
        reader.refuse_if_written(source)
    return CheckedRecords(patients, kept, [*told, *checked.findings]), tables, door


def _is_told(finding: Finding, of_spine: bool) -> bool:
    """A row with a key and nothing else is no row of a patient in the first table alone."""
    return of_spine or finding.rule != LONE_KEY
