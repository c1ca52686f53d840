"""What every section of a protocol shares: frozen, strict, and no key that is not known."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ExpressionText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Value = str | int | bool
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the protocol: hashable, with every default filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
