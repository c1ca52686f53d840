"""Who is studied, from when, and which two arms are compared."""

from typing import Any, Self

from pydantic import Field, model_validator

from twoarm.protocol.choices import AnalysisName, IfMissing, OtherArms
from twoarm.protocol.section import ExpressionText, Label, Name, Section, Value

RESERVED = {"all", "matched", "unmatched", "matched vs unmatched"}
"""Words that the ledger's arm field uses for other groups."""


class Criterion(Section):
    """One line of the attrition table: patients to include or to exclude."""

    label: Label
    include: ExpressionText | None = Field(None, description="Patients who meet this stay.")
    exclude: ExpressionText | None = Field(None, description="Patients who meet this leave.")
    if_missing: IfMissing = Field("exclude", description="What follows when the criterion is unknown for a patient.")

    @model_validator(mode="after")
    def _includes_or_excludes(self) -> Self:
        if (self.include is None) == (self.exclude is None):
            raise ValueError("expected either include or exclude")
        return self

    @property
    def expression(self) -> str:
        """The rule as written."""
        return self.include or self.exclude or ""


class Arm(Section):
    """One of the two arms: the value of the arm's column and its name on paper."""

    value: Value
    label: Label


class Arms(Section):
    """How patients fall into the two arms."""

    column: Name
    treated: Arm
    comparator: Arm
    other: OtherArms = Field("refuse", description="What follows from a third value.")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.treated.value == self.comparator.value:
            raise ValueError("the arms have the same value")
        labels = {self.treated.label.casefold(), self.comparator.label.casefold()}
        if len(labels) < 2:
            raise ValueError("the arms have the same label")
        if labels & RESERVED:
            raise ValueError(f"an arm cannot be labelled {', '.join(sorted(labels & RESERVED))}")
        return self


class Population(Section):
    """The study, or a sub-cohort with a rule and arms of its own."""

    label: Label
    arms: Arms
    criteria: tuple[Criterion, ...] = ()
    time_zero: Name | None = Field(None, description="Date column from which endpoints run.")
    covariates: tuple[Name, ...] | None = Field(None, description="All declared covariates by default.")
    endpoints: tuple[Name, ...] | None = Field(None, description="All declared endpoints by default.")
    missing: tuple[Name, ...] | None = Field(None, min_length=1, description="All declared strategies by default.")
    adjustments: tuple[Name, ...] | None = Field(None, description="All declared adjustments by default.")
    analyses: tuple[AnalysisName, ...] | None = Field(None, description="All by default.")

    @model_validator(mode="before")
    @classmethod
    def _lists_are_not_repeated(cls, value: Any) -> Any:
        for name in ("covariates", "endpoints", "missing", "adjustments", "analyses"):
            items = value.get(name) if isinstance(value, dict) else None
            if isinstance(items, tuple) and len(set(map(str, items))) < len(items):
                raise ValueError(f"{name} names an entry twice")
        return value
