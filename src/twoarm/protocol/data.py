"""Where the records lie: tables of one or several files, with one row or many rows a patient."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from twoarm.protocol.choices import (
    DecimalMark,
    IdenticalRows,
    KeyCase,
    Limits,
    OnInvalid,
    Partial,
    Percent,
    Placeholders,
    ThousandsMark,
)
from twoarm.protocol.column import ColumnDeclaration
from twoarm.protocol.section import Name, Names, Section

DELIMITER = r"^[\t\x20-\x7e]$"
Encoding = Literal["utf-8", "utf-16", "gb18030", "latin-1"]


def _stays_below_the_protocol(value: str) -> str:
    if (
        len(value) > 500
        or any(ord(letter) < 32 for letter in value)
        or value.startswith(("/", "\\"))
        or ".." in re.split(r"[/\\]", value)
        or re.match(r"[A-Za-z][\w+.-]*:", value)
    ):
        raise ValueError("expected a relative path below the protocol's folder")
    return value


FilePath = Annotated[str, AfterValidator(_stays_below_the_protocol)]
TableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}$")]
_OF_FILES = ("sheet", "delimiter", "encoding", "header_row", "rows_below_header", "stop_at", "identical_rows")


class FileColumn(Section):
    """What one file does differently in a column; the rest is as declared for the table."""

    source: str | None = Field(None, description="Header in this file; the column's own name by default.")
    value: str | None = Field(None, description="The same cell for every row of this file, which has no such column.")
    missing: tuple[str, ...] | None = Field(None, description="Cells that stand for a missing value in this file.")
    map: dict[str, str] | None = None
    true: tuple[str, ...] | None = None
    false: tuple[str, ...] | None = None
    format: str | tuple[str, ...] | None = None
    pivot: int | None = None
    partial: Partial | None = None
    placeholders: Placeholders | None = None
    decimal: DecimalMark | None = None
    thousands: ThousandsMark | None = None
    limits: Limits | None = None
    percent: Percent | None = None
    multiply: float | None = Field(None, gt=0, description="Unit conversion: what a cell is multiplied by.")

    @model_validator(mode="after")
    def _has_a_header_or_a_value(self) -> Self:
        if self.source is not None and self.value is not None:
            raise ValueError("expected either source or value")
        return self


def _header_only(value: Any) -> Any:
    """``age = "Age_years"`` is short for ``age = { source = "Age_years" }``."""
    return {"source": value} if isinstance(value, str) else value


class SourceFile(Section):
    """One of several files that hold the rows of a table, such as one a hospital."""

    file: FilePath
    columns: dict[Name, Annotated[FileColumn, BeforeValidator(_header_only)]] = Field(
        {}, description="Columns that this file names or writes in its own way."
    )
    absent: Names = Field((), description="Columns that this file does not have; missing for all its rows.")
    missing: tuple[str, ...] | None = Field(None, description="Cells that stand for a missing value in this file.")
    sheet: str | None = None
    delimiter: str | None = Field(None, pattern=DELIMITER)
    encoding: Encoding | None = None
    header_row: int | None = Field(None, ge=1, le=1000, description="Row of the header, where it is not the first.")
    rows_below_header: int | None = Field(None, ge=0, le=1000, description="Rows to skip below it, such as units.")
    stop_at: str | None = Field(None, min_length=1, description="Text in the key's column at which the table ends.")


@dataclass(frozen=True, slots=True)
class TablePart:
    """A file of a table with everything needed to read it; the table's declaration where the file says nothing."""

    file: str | None  # None for a frame
    columns: Mapping[str, ColumnDeclaration]
    values: Mapping[str, str]  # columns with one cell for all rows
    absent: frozenset[str]
    missing: tuple[str, ...]
    on_invalid: OnInvalid
    sheet: str | None
    delimiter: str
    encoding: str
    key: str
    header_row: int
    rows_below_header: int
    stop_at: str | None
    identical_rows: IdenticalRows
    folder: str | None = None
    table: str | None = None
    database: str | None = None

    @property
    def on_engine(self) -> bool:
        """Whether an engine reads it."""
        return self.folder is not None or self.table is not None

    def only(self, names: frozenset[str]) -> Self:
        """Return the part with some of its columns, and the units of these."""
        units = {getattr(column, "unit_column", None) for name, column in self.columns.items() if name in names}
        return replace(self, columns={name: c for name, c in self.columns.items() if name in names | units})


class _Table(Section):
    file: FilePath | None = Field(None, description="Path below the protocol's folder; none when a frame is given.")
    files: tuple[SourceFile, ...] = Field((), description="Several files with one set of columns, one below the other.")
    folder: FilePath | None = Field(None, description="Folder of Parquet files below the protocol's folder.")
    table: TableName | None = Field(None, description="Table of the engine's catalogue, in place of a file.")
    database: FilePath | None = Field(None, description="DuckDB's file with the table, below the protocol's folder.")
    key: Name = Field(description="Column with the patient key; always text.")
    columns: dict[Name, ColumnDeclaration] = Field(min_length=1)
    missing: tuple[str, ...] = Field(("",), description="Cells that stand for a missing value.")
    on_invalid: OnInvalid = Field("refuse", description="What follows from a cell that cannot be read as declared.")
    sheet: str | None = Field(None, description="Sheet of a workbook; the first by default.")
    delimiter: str = Field(",", pattern=DELIMITER)
    encoding: Encoding = "utf-8"
    header_row: int = Field(1, ge=1, le=1000, description="Row of the header; the table starts below it.")
    rows_below_header: int = Field(0, ge=0, le=1000, description="Rows to skip below the header, such as units.")
    stop_at: str | None = Field(None, min_length=1, description="Text in the key's column at which the table ends.")
    key_case: KeyCase = Field(
        "exact", description="fold: keys match those of the first table whatever their case; on that table, in all."
    )
    identical_rows: IdenticalRows = Field("refuse", description="Rows that are equal in every cell: or merge them.")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.file is not None and self.files:
            raise ValueError("expected either file or files")
        places = {"file": self.file, "files": self.files or None, "folder": self.folder, "table": self.table}
        declared = [name for name, place in places.items() if place is not None]
        if len(declared) > 1:
            raise ValueError(f"found {' and '.join(declared)}; expected one place of the records")
        if self.database is not None and self.table is None:
            raise ValueError("database: expected table with it, the name of the table in the file")
        foreign = [name for name in _OF_FILES if getattr(self, name) != type(self).model_fields[name].default]
        if foreign and declared in (["folder"], ["table"]):
            raise ValueError(f"{foreign[0]}: goes with file or files; found {declared[0]}")
        return self

    def parts(self) -> tuple[TablePart, ...]:
        """Return the files of the table, each with its declaration filled in; one without a file for a frame."""
        return tuple(self._part(part) for part in self.files) or (self.whole(),)

    def whole(self) -> TablePart:
        """Return the table as it is declared for all its files, in the one file or in a frame."""
        part = self._part(SourceFile.model_construct(file=""))
        return replace(part, file=self.file, folder=self.folder, table=self.table, database=self.database)

    def _part(self, part: SourceFile) -> TablePart:
        own = part.columns
        return TablePart(
            file=part.file,
            columns={name: merged_column(c, own[name]) if name in own else c for name, c in self.columns.items()},
            values={name: column.value for name, column in own.items() if column.value is not None},
            absent=frozenset(part.absent),
            missing=self.missing if part.missing is None else part.missing,
            on_invalid=self.on_invalid,
            sheet=part.sheet or self.sheet,
            delimiter=part.delimiter or self.delimiter,
            encoding=part.encoding or self.encoding,
            key=self.key,
            header_row=part.header_row or self.header_row,
            rows_below_header=self.rows_below_header if part.rows_below_header is None else part.rows_below_header,
            stop_at=part.stop_at or self.stop_at,
            identical_rows=self.identical_rows,
        )


def merged_column(declared: ColumnDeclaration, own: FileColumn) -> ColumnDeclaration:
    """Return a column's declaration with what one file does differently.

    Raises:
        ValidationError: the two do not go together.
    """
    changes = own.model_dump(exclude_none=True, exclude={"value"})
    return type(declared).model_validate({**declared.model_dump(), **changes})


class Source(_Table):
    """A table with one row a patient."""


class EventSource(_Table):
    """A table with many rows a patient, such as visits or adverse events, with columns of its own."""
