"""What is waited for: from dates, or from a duration and an event column."""

from typing import Any, Self

from pydantic import Field, model_validator

from twoarm.protocol.choices import TimeUnit
from twoarm.protocol.section import Label, Name, Section

CONTROL = "negative control"


class Endpoint(Section):
    """Time to the first of some events, or to the end of follow-up.

    Either ``time`` and ``event`` name a duration and a yes/no column; or ``events`` and ``censoring`` name dates.
    Where other events can come in its way, ``competing`` names them.
    """

    label: Label
    primary: bool = False
    negative_control: bool = Field(
        False, description="The arms cannot affect it: a hazard ratio other than 1 tells of confounding."
    )
    time: Name | None = Field(None, description="Duration column.")
    event: Name | None = Field(None, description="Yes/no column: true where the event happened at that time.")
    unit: TimeUnit = Field("days", description="Unit of the duration column; endpoints run in whole days.")
    start: Name | None = Field(None, description="Date column; the population's time zero by default.")
    events: tuple[Name, ...] = Field((), description="Date columns; the earliest that happened is the event.")
    censoring: tuple[Name, ...] = Field((), description="Date columns; the first of this list that is there counts.")
    competing: tuple[Name, ...] = Field(
        (), description="What ends the wait without the event: date columns or, with a duration, yes/no columns."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_named_as_a_control(cls, value: Any) -> Any:
        """A negative control says so wherever its label stands."""
        if not isinstance(value, dict) or value.get("negative_control") is not True:
            return value
        if value.get("primary") is True:
            raise ValueError("a negative control cannot be the primary endpoint")
        label = value.get("label")
        named = isinstance(label, str) and CONTROL not in label.lower()
        return {**value, "label": f"{label} ({CONTROL})"} if named else value

    @model_validator(mode="after")
    def _is_one_of_two_forms(self) -> Self:
        from_duration = self.time is not None and self.event is not None
        from_dates = bool(self.events) and bool(self.censoring)
        if from_duration == from_dates:
            raise ValueError("expected either time and event, or events and censoring")
        if from_duration and (self.start or self.events or self.censoring):
            raise ValueError("start, events and censoring go with dates, not with time and event")
        if from_dates and (self.time or self.event):
            raise ValueError("time and event do not go with events and censoring")
        return self

    @property
    def from_dates(self) -> bool:
        """Whether the endpoint is derived from dates."""
        return bool(self.events)

    def columns(self) -> dict[tuple[str | int, ...], str]:
        """Return the columns that the endpoint reads, by the key (and place in a list) that names them."""
        single = {"time": self.time, "event": self.event, "start": self.start}
        named: dict[tuple[str | int, ...], str] = {(key,): name for key, name in single.items() if name}
        for key, names in (("events", self.events), ("censoring", self.censoring), ("competing", self.competing)):
            named |= {(key, i): name for i, name in enumerate(names)}
        return named
