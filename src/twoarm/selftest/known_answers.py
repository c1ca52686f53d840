"""The known answers that the package carries: small published samples, and constants with their sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["coefficient", "std_error", "survival", "statistic", "limit", "p_value", "exact"]

REQUIRED_DIGITS: dict[Kind, int] = {
    "coefficient": 9,
    "std_error": 8,
    "survival": 12,
    "statistic": 9,  # chi-squared statistics, log-likelihoods, degrees of freedom
    "limit": 8,
    "p_value": 6,
    "exact": 15,  # counts, medians and what is not estimable: not a digit may differ
}
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A quantity whose value is known."""

    name: str
    kind: Kind
    expected: str  # a decimal as printed, a fraction, or "not estimable"
    source: str

    @property
    def value(self) -> float:
        """The number; NaN where the answer is that there is none."""
        return float("nan") if self.expected == NOT_ESTIMABLE else float(Fraction(self.expected))

    @property
    def printed_digits(self) -> int | None:
        """Significant digits of a decimal; None for what is known exactly.

        >>> KnownAnswer("upper", "limit", "0.0524", "").printed_digits
        3
        """
        if "/" in self.expected or self.expected == NOT_ESTIMABLE or self.kind == "exact":
            return None
        mantissa = self.expected.lower().split("e")[0].lstrip("-").replace(".", "").lstrip("0")
        return len(mantissa)


@dataclass(frozen=True, slots=True)
class KnownSample:
    """A sample, column by column, and what is known about it."""

    name: str
    about: str
    source: str
    columns: Mapping[str, list[Any]]
    answers: tuple[KnownAnswer, ...]


def read_known_answers() -> tuple[KnownSample, ...]:
    """Return all samples, in the order of the file."""
    text = files("twoarm.selftest").joinpath("known_answers.toml").read_text("utf-8")
    content = tomllib.loads(text)
    computed = content.pop("computed")
    return tuple(
        KnownSample(
            name=name,
            about=section["about"],
            source=section["source"],
            columns=section.get("columns", {}),
            answers=tuple(
                KnownAnswer(answer, row["kind"], row["expected"], row.get("by", computed))
                for answer, row in section["answers"].items()
            ),
        )
        for name, section in content.items()
    )
