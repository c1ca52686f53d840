"""The only place where a number becomes text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from twoarm.protocol.choices import TimeUnit
from twoarm.protocol.protocol import Protocol
from twoarm.results.estimate import Estimate
from twoarm.tables.journal_styles import PLAIN, STYLES, NumberStyle

NOT_ESTIMABLE = "NE"
NOT_REACHED = "NR"
SUPPRESSED = "*"
MINUS = "−"
_DECIMALS: dict[TimeUnit, int] = {"days": 0, "weeks": 1, "months": 1, "years": 1}
_POINT = re.compile(r"(?<=\d)\.(?=\d)")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Writes numbers, and the ledger's rows, in a style; times in days become times in a display unit."""

    style: NumberStyle = PLAIN
    unit_days: float = 1.0
    unit_decimals: int = 0

    @classmethod
    def of(cls, protocol: Protocol) -> Numbers:
        """Return the numbers of a protocol: its style and its time unit."""
        decimals = protocol.output.time_decimals
        shown = _DECIMALS[protocol.time_unit] if decimals is None else decimals
        return cls(STYLES[protocol.output.style], protocol.unit_days, shown)

    def fixed(self, value: float, decimals: int) -> str:
        """Return a number with so many decimals, halves away from zero, a true minus sign, and no minus zero.

        >>> Numbers().fixed(-0.125, 2), Numbers().fixed(0.0004, 2), Numbers().fixed(-0.0004, 2)
        ('−0.13', '0.00', '0.00')
        """
        scale = 10**decimals
        whole = math.floor(abs(value) * scale + 0.5 + 1e-9)
        text = self._grouped(f"{whole / scale:,.{decimals}f}")
        return f"{MINUS}{text}" if value < 0 and whole else text

    def ungrouped(self, value: float, decimals: int) -> str:
        """Return a number without thousands separated where it is whole: a year is not 1,988."""
        text = self.fixed(value, decimals)
        return text if decimals else text.replace(self.style.thousands, "")

    def count(self, value: float) -> str:
        """Return a count with thousands separated.

        >>> Numbers().count(2982)
        '2,982'
        """
        return self._grouped(f"{round(value):,}")

    def general(self, value: float) -> str:
        """Return a number of the protocol as short as it was stated.

        >>> Numbers().general(0.10), Numbers(STYLES["lancet"]).general(0.10)
        ('0.1', '0·1')
        """
        return self.marked(f"{value:g}")

    def marked(self, text: str) -> str:
        """Return a text that holds numbers, such as a criterion, with the decimal mark of the style."""
        return _POINT.sub(self.style.decimal, text)

    def p_value(self, value: float) -> str:
        """Return a p-value with the style's decimals; the smallest and the largest as a bound.

        >>> Numbers().p_value(0.0164), Numbers().p_value(0.00002), Numbers().p_value(0.99996)
        ('0.016', '<0.001', '>0.999')
        """
        style = self.style
        if value < style.p_floor:
            return f"<{self._probability(f'{style.p_floor:g}')}"
        if value > style.p_ceiling:
            return f">{self._probability(f'{style.p_ceiling:g}')}"
        return self._probability(self.fixed(value, style.p_decimals(value)))

    def p_text(self, value: float) -> str:
        """Return a p-value as it stands in a sentence.

        >>> Numbers().p_text(0.0164), Numbers(STYLES["lancet"]).p_text(0.00002)
        ('P = 0.016', 'p<0·0001')
        """
        shown = self.p_value(value)
        sign, number = (shown[0], shown[1:]) if shown[0] in "<>" else ("=", shown)
        return self.style.p_space.join((self.style.p, sign, number))

    def ratio(self, value: float) -> str:
        """Return a ratio with two decimals, more where it is small.

        >>> Numbers().ratio(0.848456), Numbers().ratio(0.00412), Numbers().ratio(1234.5)
        ('0.85', '0.0041', '1,235')
        """
        if value >= 100:
            return self.fixed(value, 0)
        return self.fixed(value, 2) if value >= 0.095 or value == 0 else self.marked(f"{value:.2g}")

    def number(self, row: Estimate | None, decimals: int) -> str:
        """Return a row's value with so many decimals, or the sign for why there is none."""
        return text_of(row, self.fixed(float(row.value), decimals) if row and row.value is not None else "")

    def smd(self, row: Estimate | None) -> str:
        """Return a standardised difference; infinite where there is a difference without any spread."""
        infinite = row is not None and row.value is None and row.note.startswith("infinite")
        return "∞" if infinite else self.number(row, 2)

    def whole(self, row: Estimate | None) -> str:
        """Return a row's count; a mean of counts keeps one decimal."""
        value = None if row is None else row.value
        if value is not None and not float(value).is_integer():
            return self.fixed(float(value), 1)
        return text_of(row, self.count(value) if value is not None else "")

    def probability(self, row: Estimate | None) -> str:
        """Return a row's p-value."""
        return text_of(row, self.p_value(float(row.value)) if row and row.value is not None else "")

    def percentage(self, row: Estimate | None) -> str:
        """Return a probability as a percentage with one decimal and no sign."""
        return text_of(row, self.fixed(100 * float(row.value), 1) if row and row.value is not None else "")

    def hazard(self, row: Estimate | None) -> str:
        """Return a row's ratio."""
        return text_of(row, self.ratio(float(row.value)) if row and row.value is not None else "")

    def duration(self, row: Estimate | None) -> str:
        """Return a row's days in the display unit."""
        value = None if row is None or row.value is None else float(row.value) / self.unit_days
        return text_of(row, "" if value is None else self.fixed(value, self.unit_decimals))

    def limits(self, lower: str, upper: str) -> str:
        """Return the limits of an interval, joined."""
        return _joined(lower, upper, self.style.limits)

    def with_interval(self, middle: str, lower: str, upper: str) -> str:
        """Return ``middle (lower–upper)``; one sign when nothing could be estimated.

        >>> Numbers().with_interval("0.85", "0.63", "1.14"), Numbers().with_interval("NE", "NE", "NE")
        ('0.85 (0.63–1.14)', 'NE')
        """
        nothing = (NOT_ESTIMABLE, NOT_REACHED, SUPPRESSED, "")
        if (middle in nothing and {lower, upper} <= {middle, ""}) or lower == upper == "":
            return middle
        return f"{middle} ({self.limits(lower, upper)})"

    def with_quartiles(self, median: str, lower: str, upper: str) -> str:
        """Return ``median (lower–upper)``."""
        return f"{median} ({_joined(lower, upper, self.style.quartiles)})"

    def _grouped(self, text: str) -> str:
        """Return a number of Python's, thousands apart by commas, in the style."""
        whole, point, decimals = text.partition(".")
        digits = len(whole.lstrip("-").replace(",", ""))
        thousands = self.style.thousands if digits >= self.style.grouped_from else ""
        return whole.replace(",", thousands) + point.replace(".", self.style.decimal) + decimals

    def _probability(self, text: str) -> str:
        return self.marked(text) if self.style.p_zero else self.marked(text).removeprefix("0")


def _joined(lower: str, upper: str, between: str) -> str:
    negative = lower.startswith(MINUS) or upper.startswith(MINUS)
    return f"{lower}{' to ' if negative else between}{upper}"


def in_sentence(label: str) -> str:
    """Return a label as it stands within a sentence; one that is no common word, such as 2L-OS, stays as it is.

    >>> in_sentence("Overall survival"), in_sentence("2L-OS"), in_sentence("After PSM")
    ('overall survival', '2L-OS', 'after PSM')
    """
    common = len(label) > 1 and label[0].isupper() and label[1].islower()
    return label[0].lower() + label[1:] if common else label


def text_of(row: Estimate | None, formatted: str) -> str:
    """Return the text of a row: its number, or the sign for why there is none."""
    if row is None:
        return ""
    if row.value is not None:
        return formatted
    if row.status == "suppressed":
        return SUPPRESSED
    return NOT_REACHED if row.note == "not reached" else NOT_ESTIMABLE


def decimals_of(values: Sequence[float]) -> int:
    """Return how many decimals numbers of one kind are shown with: none when all are whole, else one; three below 1.

    >>> decimals_of([54, 45, 66]), decimals_of([1.05, 0.4, 2.0]), decimals_of([0.02, 0.4])
    (0, 1, 3)
    """
    if all(float(value).is_integer() for value in values):
        return 0
    return 1 if max(abs(value) for value in values) >= 1 else 3
