"""What a column holds and how its cells are written."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, Tag, model_validator

from twoarm.protocol.choices import DecimalMark, Limits, OnInvalid, Partial, Percent, Placeholders, ThousandsMark
from twoarm.protocol.date_format import EXCEL, conflicts, is_format, two_digits
from twoarm.protocol.expression import Type
from twoarm.protocol.section import Name, Section, folded, tag_of


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
    def _codes_are_distinct(self) -> Self:
        meanings: dict[str, str] = {}
        for code, meaning in self.map.items():
            if meanings.setdefault(folded(code), meaning) != meaning:
                raise ValueError("map: two codes that differ only in case, width or space have different meanings")
        return self


class _NumericColumn(_ColumnSection):
    multiply: float | None = Field(None, gt=0, description="Unit conversion: what a cell is multiplied by.")
    unit_column: Name | None = Field(None, description="Column of the table with the unit of each cell.")
    units: dict[str, PositiveFloat] = Field(
        {}, description="Units of that column, and what a cell in one is multiplied by."
    )

    @model_validator(mode="after")
    def _units_are_clear(self) -> Self:
        if (self.unit_column is None) != (not self.units):
            raise ValueError("expected unit_column and units together")
        if self.units and self.multiply is not None:
            raise ValueError("expected either multiply or units")
        factors: dict[str, float] = {}
        for unit, factor in self.units.items():
            if factors.setdefault(folded(unit), factor) != factor:
                raise ValueError("units: two units that differ only in case, width or space have different factors")
        return self


class IntegerColumn(_NumericColumn):
    """Whole numbers."""

    type: Literal["integer"]
    minimum: int | None = Field(None, ge=-(2**62), le=2**62)
    maximum: int | None = Field(None, ge=-(2**62), le=2**62)
    thousands: ThousandsMark | None = Field(None, description="What stands between groups of three digits.")
    limits: Limits = Field("hold", description="A cell such as <5: hold it, or take its limit.")

    @model_validator(mode="after")
    def _range_is_open(self) -> Self:
        _refuse_empty_range(self.minimum, self.maximum)
        return self


class NumberColumn(_NumericColumn):
    """Numbers with or without decimals."""

    type: Literal["number"]
    minimum: float | None = None
    maximum: float | None = None
    decimal: DecimalMark = "."
    thousands: ThousandsMark | None = Field(None, description="What stands between groups of three digits.")
    limits: Limits = Field("hold", description="A cell such as <0.5: hold it, or take its limit.")
    percent: Percent | None = Field(None, description="A cell such as 45%: 0.45 (share) or 45 (number).")

    @model_validator(mode="after")
    def _range_is_open(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same mark")
        _refuse_empty_range(self.minimum, self.maximum)
        return self


def _refuse_empty_range(minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError("minimum is above maximum")


class BooleanColumn(_ColumnSection):
    """Yes or no, by declared codes; compared without regard to case."""

    type: Literal["boolean"]
    true: tuple[str, ...] = Field(("1", "true", "yes", "y"), min_length=1)
    false: tuple[str, ...] = Field(("0", "false", "no", "n"), min_length=1)

    @model_validator(mode="after")
    def _codes_are_disjoint(self) -> Self:
        if {folded(code) for code in self.true} & {folded(code) for code in self.false}:
            raise ValueError("a code stands for both true and false")
        return self


class DateColumn(_ColumnSection):
    """Calendar days in declared formats made of YYYY (or YY), MM and DD, or serial numbers (``excel``)."""

    type: Literal["date"]
    format: str | tuple[str, ...] = Field("YYYY-MM-DD", description="One format, or several, the usual one first.")
    pivot: int | None = Field(None, ge=1900, le=2199, description="Last year that a year of two digits can mean.")
    partial: Partial = Field("hold", description="A month or a year alone: hold it, or take a day of it.")
    placeholders: Placeholders = Field("missing", description="Days such as 9999-12-31: missing, or days like others.")

    @property
    def formats(self) -> tuple[str, ...]:
        """The declared formats, the usual one first."""
        return (self.format,) if isinstance(self.format, str) else self.format

    @model_validator(mode="after")
    def _formats_are_clear(self) -> Self:
        if not self.formats or not all(is_format(form) for form in self.formats):
            raise ValueError("expected formats with YYYY, MM and DD once each, such as DD.MM.YYYY, or excel")
        if self.pivot is None and any(two_digits(form) for form in self.formats):
            raise ValueError("expected pivot with years of two digits: pivot = 2030 reads 31 as 1931")
        for first, second in conflicts(self.formats, self.pivot):
            raise ValueError(f"formats {first} and {second} can read one cell as different days")
        if EXCEL in self.formats and self.partial != "hold":
            raise ValueError('partial cannot go with "excel": a year alone looks like a serial number')
        return self


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
