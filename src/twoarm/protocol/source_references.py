"""Names within the tables of records: their keys, and what each of several files does differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import normpath
from typing import Any

from pydantic import ValidationError

from twoarm.protocol.column import BooleanColumn, CategoryColumn, ColumnDeclaration
from twoarm.protocol.data import EventSource, FileColumn, Source, SourceFile, merged_column
from twoarm.protocol.misreference import Misreference, one_of
from twoarm.protocol.section import folded
from twoarm.protocol.toml_positions import Path


def check_sources(sections: Mapping[str, Any], *_: Any) -> Iterator[Misreference]:
    """A table's key is one of its columns and text; its files say nothing about columns that it does not have."""
    tables = [(kind, *item) for kind in ("data", "events") for item in sections.get(kind, {}).items()]
    for kind, name, source in tables:
        yield from one_of(source.key, source.columns, "one of its columns", (kind, name, "key"))
        key = source.columns.get(source.key)
        if key is not None and key.type != "text":
            path: Path = (kind, name, "columns", source.key)
            yield Misreference(path, f"a patient key of type {key.type}", "expected text (00123 is not 123)")
        if kind == "events" and name in sections.get("data", {}):
            yield Misreference((kind, name), "the name of a table of patients", "expected another name")
        yield from _check_units(source, (kind, name, "columns"))
        yield from _check_files(source, (kind, name, "files"))


def _check_units(table: Source | EventSource, path: Path) -> Iterator[Misreference]:
    """The units of a column stand in a column of the same table that is read as text."""
    for name, column in table.columns.items():
        unit = getattr(column, "unit_column", None)
        if unit is None:
            continue
        here: Path = (*path, name, "unit_column")
        yield from one_of(unit, table.columns, "one of the table's columns", here)
        if unit in table.columns and table.columns[unit].type not in ("text", "category"):
            yield Misreference(here, f"a column of type {table.columns[unit].type}", "expected text or category")


def _check_files(table: Source | EventSource, path: Path) -> Iterator[Misreference]:
    seen: set[tuple[str, str | None]] = set()
    for i, part in enumerate(table.files):
        place = (normpath(part.file.replace("\\", "/")), part.sheet or table.sheet)
        if place in seen:
            found = "a file that stands here for the second time"
            yield Misreference((*path, i, "file"), found, "expected another file, or another sheet of it")
        seen.add(place)
        yield from _check_absent(table, part, (*path, i, "absent"))
        for name, own in part.columns.items():
            here: Path = (*path, i, "columns", name)
            yield from one_of(name, table.columns, "one of the table's columns", here)
            if name in table.columns:
                yield from _check_column(table.columns[name], own, here)
            if name == table.key and own.value is not None:
                yield Misreference((*here, "value"), "one patient key for all rows", "expected the header of the key")


def _check_absent(table: Source | EventSource, part: SourceFile, path: Path) -> Iterator[Misreference]:
    for i, name in enumerate(part.absent):
        yield from one_of(name, table.columns, "one of the table's columns", (*path, i))
        if name == table.key:
            yield Misreference((*path, i), f'found "{name}", the patient key', "expected every file to have it")
        elif name in part.columns:
            found = f'found "{name}", which the file\'s columns describe'
            yield Misreference((*path, i), found, "expected it here or there")


def _check_column(declared: ColumnDeclaration, own: FileColumn, path: Path) -> Iterator[Misreference]:
    """What a file does differently goes with the column's type, and a value for all rows is one it can hold."""
    foreign = [
        key for key in own.model_dump(exclude_none=True, exclude={"value"}) if key not in type(declared).model_fields
    ]
    for key in foreign:
        known = ", ".join(sorted(set(FileColumn.model_fields) & set(type(declared).model_fields)))
        yield Misreference((*path, key), f"{key} for a column of type {declared.type}", f"expected one of {known}")
    if foreign:
        return
    try:
        column = merged_column(declared, own)
    except ValidationError as error:
        yield Misreference(path, error.errors()[0]["msg"].removeprefix("Value error, "), "")
        return
    codes: tuple[str, ...] = ()
    if isinstance(column, CategoryColumn):
        codes = tuple(column.map)
    elif isinstance(column, BooleanColumn):
        codes = (*column.true, *column.false)
    if own.value is not None and codes and folded(own.value) not in map(folded, codes):
        yield from one_of(own.value, codes, "one of the column's codes", (*path, "value"))
