"""Adverse events: which table holds them, which rows the safety table has."""

from typing import Self

from pydantic import Field, model_validator

from twoarm.protocol.section import ExpressionText, Label, Name, Section


class SafetyRow(Section):
    """A row of the safety table: patients by the worst grade among some of their events; each counts once."""

    label: Label
    where: ExpressionText | None = Field(None, description="Which events, by the table's columns; all by default.")
    minimum_grade: int = Field(1, ge=1, le=5)
    maximum_grade: int = Field(5, ge=1, le=5)

    @model_validator(mode="after")
    def _grades_rise(self) -> Self:
        if self.minimum_grade > self.maximum_grade:
            raise ValueError("minimum_grade is above maximum_grade")
        return self


class Safety(Section):
    """Adverse events by CTCAE from one table of events; patients count once a row, at their worst grade.

    An event counts from day ``first_day`` to day ``last_day`` after time zero; those before are listed.
    """

    table: Name = Field(description="Table of events with one row an adverse event.")
    term: Name
    grade: Name = Field(description="Its column with grades 1 to 5.")
    onset: Name = Field(description="Its date column.")
    ctcae_version: Label = Field(description="Version of the criteria, as in 5.0.")
    first_day: int = Field(0, description="First day after time zero on which an onset counts.")
    last_day: int | None = Field(None, description="Last such day; no end by default.")
    rows: tuple[SafetyRow, ...] = Field((), description="Any event and grade 3 or more by default.")
    every_term: bool = Field(False, description="Add a table of all terms at any grade and at grade 3 or more.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        labels = [row.label.casefold() for row in self.rows]
        if len(set(labels)) < len(labels):
            raise ValueError("rows: two rows have the same label")
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        return self

    def table_rows(self) -> tuple[SafetyRow, ...]:
        """Return the declared rows, or any grade and grade 3 or more."""
        return self.rows or (
            SafetyRow(label="Any adverse event"),
            SafetyRow(label="Grade 3 or more", minimum_grade=3),
        )
