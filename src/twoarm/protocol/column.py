"""What a column holds and how its cells are written."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from twoarm.protocol.choices import DecimalMark, OnInvalid
from twoarm.protocol.expression import Type
from twoarm.protocol.section import Section, folded, tag_of

_DATE_PART = re.compile(r"YYYY|MM|DD")


class _ColumnSection(Section):
    source: str | None = Field(None, description="Header in the file; the column's own name by default.")
    missing: tuple[str, ...] | None = Field(None, description="Cells that stand for a missing value.")
    on_invalid: OnInvalid | None = Field(None, description="Refuse the data, or hold the cell and go on.")


class TextColumn(_ColumnSection):
    """Any text, such as a patient key."""

    type: Literal["text"]


class CategoryColumn(_ColumnSection):
    """Text with a code map: ``map = { "男" = "male", "1" = "male" }``; a value outside it is invalid."""

    type: Literal["category"]
    map: dict[str, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_are_distinct(self) -> CategoryColumn:
        meanings: dict[str, str] = {}
        for code, meaning in self.map.items():
            if meanings.setdefault(folded(code), meaning) != meaning:
                raise ValueError("map: two codes that differ only in case, width or space have different meanings")
        return self


class IntegerColumn(_ColumnSection):
    """Whole numbers."""

    type: Literal["integer"]
    multiply: float | None = Field(None, gt=0, description="Unit conversion: what a cell is multiplied by.")
    minimum: int | None = Field(None, ge=-(2**62), le=2**62)
    maximum: int | None = Field(None, ge=-(2**62), le=2**62)

    @model_validator(mode="after")
    def _range_is_open(self) -> IntegerColumn:
        return _ranged(self)


class NumberColumn(_ColumnSection):
    """Numbers with or without decimals."""

    type: Literal["number"]
    multiply: float | None = Field(None, gt=0, description="Unit conversion: what a cell is multiplied by.")
    minimum: float | None = None
    maximum: float | None = None
    decimal: DecimalMark = "."

    @model_validator(mode="after")
    def _range_is_open(self) -> NumberColumn:
        return _ranged(self)


_Ranged = TypeVar("_Ranged", IntegerColumn, NumberColumn)


def _ranged(column: _Ranged) -> _Ranged:
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        raise ValueError("minimum is above maximum")
    return column


class BooleanColumn(_ColumnSection):
    """Yes or no, by declared codes; compared without regard to case."""

    type: Literal["boolean"]
    true: tuple[str, ...] = Field(("1", "true", "yes", "y"), min_length=1)
    false: tuple[str, ...] = Field(("0", "false", "no", "n"), min_length=1)

    @model_validator(mode="after")
    def _codes_are_disjoint(self) -> BooleanColumn:
        if {folded(code) for code in self.true} & {folded(code) for code in self.false}:
            raise ValueError("a code stands for both true and false")
        return self


class DateColumn(_ColumnSection):
    """Calendar days in one declared format made of YYYY, MM and DD (leading zeros may be left out)."""

    type: Literal["date"]
    format: str = "YYYY-MM-DD"

    @field_validator("format")
    @classmethod
    def _has_three_parts(cls, value: str) -> str:
        if sorted(_DATE_PART.findall(value)) != ["DD", "MM", "YYYY"]:
            raise ValueError("expected a format with YYYY, MM and DD once each, such as DD.MM.YYYY")
        return value


def _short_form(value: Any) -> Any:
    """``age = "integer"`` is short for ``age = { type = "integer" }``."""
    return {"type": value} if isinstance(value, str) else value


ColumnDeclaration = Annotated[
    Annotated[TextColumn, Tag("text")]
    | Annotated[CategoryColumn, Tag("category")]
    | Annotated[IntegerColumn, Tag("integer")]
    | Annotated[NumberColumn, Tag("number")]
    | Annotated[BooleanColumn, Tag("boolean")]
    | Annotated[DateColumn, Tag("date")],
    Discriminator(tag_of("type")),
    BeforeValidator(_short_form),
]

COLUMN_TYPES = {
    "text": Type.TEXT,
    "category": Type.TEXT,
    "integer": Type.NUMBER,
    "number": Type.NUMBER,
    "boolean": Type.BOOLEAN,
    "date": Type.DATE,
}
