"""The styles in which numbers are written, as data; docs/journal-styles.md names the source of every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twoarm.protocol.choices import JournalStyle

THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


def three_decimals(p: float) -> int:  # noqa: ARG001 -- every p-value alike
    """Return the decimals of a p-value where all have three."""
    return 3


def two_or_three_decimals(p: float) -> int:
    """Return two decimals, three up to 0.01 (NEJM, statistical reporting guidelines)."""
    return 3 if p <= 0.01 else 2


def ama_decimals(p: float) -> int:
    """Return two decimals, three below 0.01, and more where a p-value below 0.05 would look like 0.05.

    That such a value has a third decimal is the AMA manual's rule; the fourth, from 0.0495, carries it on.

    >>> [ama_decimals(p) for p in (0.0096, 0.0449, 0.0451, 0.0495, 0.05)]
    [3, 2, 3, 4, 2]
    """
    if p < 0.01:
        return 3
    if 0.045 <= p < 0.05:
        return 3 if p < 0.0495 else 4
    return 2


def two_figures(p: float) -> int:
    """Return the decimals that show two significant figures, four at most (The Lancet, formatting guidelines).

    >>> [two_figures(p) for p in (0.5, 0.0997, 0.0164, 0.0096, 0.0005)]
    [2, 2, 3, 4, 4]
    """
    exponent = int(f"{p:.1e}".partition("e")[2])
    return min(1 - exponent, 4)


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """What differs between journals when a number becomes text; the minus sign is a true one in all of them."""

    decimal: str = "."
    thousands: str = ","
    grouped_from: int = 4  # digits of the integers that are grouped
    limits: str = "–"  # between the limits of an interval, unless one is negative
    quartiles: str = "–"
    p: str = "P"
    p_column: str = "P"
    p_values: str = "P-values"  # opens a sentence
    p_space: str = " "  # around the sign between P and its value
    p_zero: bool = True  # before the decimal mark
    p_floor: float = 0.001
    p_ceiling: float = 0.999
    p_decimals: Callable[[float], int] = three_decimals


PLAIN = NumberStyle()
JAMA = NumberStyle(
    thousands=THIN_SPACE,
    grouped_from=5,
    limits="-",
    quartiles="-",
    p_column="P value",
    p_values="P values",
    p_zero=False,
    p_ceiling=0.99,
    p_decimals=ama_decimals,
)
LANCET = NumberStyle(
    decimal="\N{MIDDLE DOT}",
    thousands=THIN_SPACE,
    grouped_from=5,
    p="p",
    p_column="p value",
    p_values="All p values",
    p_space="",
    p_floor=0.0001,
    p_ceiling=0.99,
    p_decimals=two_figures,
)
NEJM = NumberStyle(
    grouped_from=5,
    limits=" to ",
    p_column="P value",
    p_values="P values",
    p_space="",
    p_ceiling=0.99,
    p_decimals=two_or_three_decimals,
)
STYLES: dict[JournalStyle, NumberStyle] = {"plain": PLAIN, "jama": JAMA, "lancet": LANCET, "nejm": NEJM}
