"""Records that stay with their engine: typed, joined and checked where they lie; findings have counts and no rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from twoarm.protocol.column import IntegerColumn, NumberColumn
from twoarm.protocol.data import EventSource, Source
from twoarm.protocol.expression import Call, Node, walk
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.records.checked_records import CheckedRecords, check_records
from twoarm.records.engine_ops import count_where, is_true
from twoarm.records.engines.door import Door
from twoarm.records.engines.source import EngineReader, OpenSource
from twoarm.records.engines.typed_source import TypedSource, typed_source
from twoarm.records.findings import Finding, refused
from twoarm.records.joined_tables import present
from twoarm.records.plausibility import suspicions
from twoarm.records.rules import Rule
from twoarm.records.typed_table import LONE_KEY, TypedTable, refuse_headers


def may_stay(protocol: Protocol) -> bool:
    """Return whether an engine can do with the records all that is declared.

    Fetched and read in memory are files, keys that match whatever their case, names that differ in case alone, numbers
    with their units in a column beside them, and what takes a logarithm, which engines calculate differently in the
    last digit.
    """
    tables: list[Source | EventSource] = [*protocol.data.values(), *protocol.events.values()]
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
        self.door, self.sources = door, sources
        self.spine, *others = protocol.data
        self.patients, self.others = list(protocol.data), frozenset(others)

    def numbers(self, frame: Any, conditions: Sequence[nw.Expr]) -> list[int]:
        """Count rows."""
        if not conditions:
            return []
        names = [f"n{place}" for place in range(len(conditions))]
        marked = frame.select(*(where.alias(name) for name, where in zip(names, conditions, strict=True)))
        counted = marked.select(*(count_where(nw.col(name)).alias(name) for name in names))
        return [int(number or 0) for number in self.door.fetch(counted, "rows that break rules").row(0)]

    def of_patients(self, frame: Any, tables: Sequence[TypedTable], rules: Sequence[Rule]) -> list[Finding]:
        """Count the patients of the table that has the rule's column."""
        under = [next((table for table in tables if rule.column in table.columns), None) for rule in rules]
        asked = [(rule, table) for rule, table in zip(rules, under, strict=True) if table is not None]
        conditions = [
            is_true(rule.where) & nw.col(present(table.name)) if table.name in self.others else rule.where
            for rule, table in asked
        ]
        numbers = self.numbers(frame, conditions)
        return [_found(*one, number) for one, number in zip(asked, numbers, strict=True) if number]

    def of_events(self, frame: Any, table: TypedTable, rules: Sequence[Rule]) -> list[Finding]:
        """Count rows of a table of events."""
        numbers = self.numbers(frame, [rule.where for rule in rules])
        return [_found(rule, table, number) for rule, number in zip(rules, numbers, strict=True)]

    def words(self, column: str) -> pl.Series:
        """Return the different texts that were read."""
        found = [self.sources[name].cells[column][0] for name in self.patients if column in self.sources[name].cells]
        return pl.concat(found).unique()

    def implausible(self, protocol: Protocol) -> list[Finding]:
        """Look at the different numbers of each column, and how often each stands there."""
        findings = []
        for name in self.patients:
            for column, declared in protocol.data[name].columns.items():
                if not isinstance(declared, IntegerColumn | NumberColumn) or column not in self.sources[name].cells:
                    continue
                values, counts = _rising(*self.sources[name].cells[column])
                for found in suspicions(values, counts):
                    number = int(counts[found.holds(values)].sum())
                    rule = Rule(found.rule, nw.lit(True), column, found.what, "warned", found.remedy)
                    findings.append(_found(rule, self.sources[name].table, number))
        return findings


def _rising(values: pl.Series, counts: pl.Series) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the different numbers of a column, rising, and their counts."""
    cells = pl.DataFrame({"value": values.cast(pl.Float64), "n": counts}).drop_nulls()
    summed = cells.group_by("value").agg(pl.col("n").sum()).sort("value")
    return summed["value"].to_numpy(), summed["n"].to_numpy()


def _found(rule: Rule, table: TypedTable, number: int) -> Finding:
    header = table.headers[0].get(rule.column, rule.column)
    return Finding(rule.name, rule.outcome, table.files[0], header, rule.what, (), (), rule.remedy, count=number)


def check_on_engine(protocol: Protocol, folder: Path) -> tuple[CheckedRecords, dict[str, TypedTable], Door] | None:
    """Type and check the records of a protocol where they lie; None where they must be fetched, to be read or told of.

    Raises:
        RecordsError: a source cannot be opened, or lacks a column.
    """
    reader = EngineReader(protocol, folder)
    door = Door(reader.engine, reader.fetched)
    sources, opened = dict[str, TypedSource](), list[OpenSource]()
    declared: dict[str, Source | EventSource] = {**protocol.data, **protocol.event_sources()}
    for name, table in declared.items():
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
