"""What every section of a protocol shares: frozen, strict, and no key that is not known."""

import unicodedata
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _printable(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a label that is not blank")
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co") for letter in text):
        raise ValueError("expected a label without control or invisible characters")
    return text


def folded(text: str) -> str:
    """Return a code as cells are compared: Unicode-normalised, without invisible characters and case.

    >>> folded(" Ｍ​") == folded("m")
    True
    """
    kept = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return kept.strip().lower()


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
ExpressionText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Value = str | int | bool
Share = Annotated[float, Field(gt=0, lt=1)]


def tag_of(key: str) -> Callable[[Any], str | None]:
    """Return a function that reads the key by which a section says which alternative it is."""

    def tag(value: Any) -> str | None:
        found = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        return found if isinstance(found, str) else None

    return tag


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("expected every name once")
    return names


Names = Annotated[tuple[Name, ...], AfterValidator(_distinct)]


class Section(BaseModel):
    """A part of the protocol: hashable, with every default filled in.

    What checks a section is built when it is first asked for: the whole protocol's holds that of every part. Modules of
    sections do not postpone annotations, which would only be compiled one by one again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
