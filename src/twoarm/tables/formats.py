"""The only place where a number becomes text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from twoarm.protocol.choices import TimeUnit
from twoarm.protocol.protocol import Protocol
from twoarm.results.estimate import Estimate

NOT_ESTIMABLE = "NE"
NOT_REACHED = "NR"
SUPPRESSED = "*"
MINUS = "−"
_DECIMALS: dict[TimeUnit, int] = {"days": 0, "weeks": 1, "months": 1, "years": 1}


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals, halves away from zero, a true minus sign, and no minus zero.

    >>> fixed(-0.125, 2), fixed(0.0004, 2), fixed(-0.0004, 2)
    ('−0.13', '0.00', '0.00')
    """
    scale = 10**decimals
    whole = math.floor(abs(value) * scale + 0.5 + 1e-9)
    text = f"{whole / scale:,.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and whole else text


def count(value: float) -> str:
    """Return a count with thousands separated.

    >>> count(2982)
    '2,982'
    """
    return f"{round(value):,}"


def p_value(value: float) -> str:
    """Return a p-value with three decimals; the smallest as a bound.

    >>> p_value(0.0164), p_value(0.00002), p_value(0.99996)
    ('0.016', '<0.001', '>0.999')
    """
    if value < 0.001:
        return "<0.001"
    return ">0.999" if value > 0.999 else fixed(value, 3)


def ratio(value: float) -> str:
    """Return a ratio with two decimals, more where it is small.

    >>> ratio(0.848456), ratio(0.00412), ratio(1234.5)
    ('0.85', '0.0041', '1,235')
    """
    if value >= 100:
        return fixed(value, 0)
    return fixed(value, 2) if value >= 0.095 or value == 0 else f"{value:.2g}"


def text_of(row: Estimate | None, formatted: str) -> str:
    """Return the text of a row: its number, or the sign for why there is none."""
    if row is None:
        return ""
    if row.value is not None:
        return formatted
    if row.status == "suppressed":
        return SUPPRESSED
    return NOT_REACHED if row.note == "not reached" else NOT_ESTIMABLE


def number(row: Estimate | None, decimals: int) -> str:
    """Return a row's value with so many decimals, or the sign for why there is none."""
    return text_of(row, fixed(float(row.value), decimals) if row and row.value is not None else "")


def smd(row: Estimate | None) -> str:
    """Return a standardised difference; infinite where there is a difference without any spread."""
    return "∞" if row is not None and row.value is None and row.note.startswith("infinite") else number(row, 2)


def whole(row: Estimate | None) -> str:
    """Return a row's count."""
    return text_of(row, count(row.value) if row and row.value is not None else "")


def probability(row: Estimate | None) -> str:
    """Return a row's p-value."""
    return text_of(row, p_value(float(row.value)) if row and row.value is not None else "")


def percentage(row: Estimate | None) -> str:
    """Return a probability as a percentage with one decimal and no sign."""
    return text_of(row, fixed(100 * float(row.value), 1) if row and row.value is not None else "")


def hazard(row: Estimate | None) -> str:
    """Return a row's ratio."""
    return text_of(row, ratio(float(row.value)) if row and row.value is not None else "")


def duration(protocol: Protocol, row: Estimate | None) -> str:
    """Return days in the protocol's display unit."""
    if row is None or row.value is None:
        return text_of(row, "")
    return days(protocol, float(row.value))


def days(protocol: Protocol, value: float) -> str:
    """Return days in the protocol's display unit."""
    return fixed(value / protocol.unit_days, _DECIMALS[protocol.time_unit])


def with_interval(middle: str, lower: str, upper: str) -> str:
    """Return ``middle (lower–upper)``; one sign when nothing could be estimated.

    >>> with_interval("0.85", "0.63", "1.14"), with_interval("NE", "NE", "NE")
    ('0.85 (0.63–1.14)', 'NE')
    """
    nothing = (NOT_ESTIMABLE, SUPPRESSED, "")
    if (middle in nothing and lower in (middle, "")) or lower == upper == "":
        return middle
    dash = " to " if lower.startswith(MINUS) or upper.startswith(MINUS) else "–"
    return f"{middle} ({lower}{dash}{upper})"


def decimals_of(values: Sequence[float]) -> int:
    """Return how many decimals numbers of one kind are shown with: none when all are whole, else one; three below 1.

    >>> decimals_of([54, 45, 66]), decimals_of([1.05, 0.4, 2.0]), decimals_of([0.02, 0.4])
    (0, 1, 3)
    """
    if all(float(value).is_integer() for value in values):
        return 0
    return 1 if max(abs(value) for value in values) >= 1 else 3
