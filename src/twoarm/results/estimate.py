"""One number of the study, with everything needed to say what it is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter, call
from typing import Literal

Status = Literal["ok", "not_estimable", "suppressed", "skipped", "failed"]

_NOT_IN_AN_ID = re.compile(r"[\s/%_]|^-$")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A row of the ledger, after CDISC's Analysis Results Data.

    ``arm`` is an arm's label, ``all``, or the contrast ``treated vs comparator``; ``parameter`` a time, quantile or
    level; ``method`` the exact procedure. A number that could not be had keeps its row: value None, and the reason as
    note. No value is ever infinite.
    """

    analysis: str
    population: str = ""
    missing: str = ""
    adjustment: str = ""
    endpoint: str = ""
    arm: str = ""
    variable: str = ""
    variable_level: str = ""
    statistic: str = ""
    parameter: str = ""
    method: str = ""
    value: float | int | None = None
    unit: str = ""
    status: Status = "ok"
    note: str = ""

    @property
    def id(self) -> str:
        """Stable, unique and readable name, built from the fields that say what the number is."""
        return "/".join(map(call, _PARTS, _OF_ID(self)))


IDENTITY = (
    "population",
    "missing",
    "adjustment",
    "analysis",
    "endpoint",
    "arm",
    "variable",
    "variable_level",
    "statistic",
    "parameter",
    "method",
)
LABELS = frozenset({"arm", "variable_level", "parameter", "method"})  # free text; the others are names
FIELDS = tuple(field.name for field in fields(Estimate))


def name_in_id(text: str) -> str:
    """Return a name as a part of an id."""
    return text or "-"


@lru_cache(maxsize=1 << 14)  # a ledger says the same few words thousands of times
def label_in_id(text: str) -> str:
    """Return free text as a part of an id; different texts give different parts.

    >>> label_in_id("No therapy"), label_in_id("a_b"), label_in_id("")
    ('No_therapy', 'a%5Fb', '-')
    """
    return _NOT_IN_AN_ID.sub(lambda m: "_" if m[0] == " " else f"%{ord(m[0]):02X}", text) or "-"


_PARTS = tuple(label_in_id if name in LABELS else name_in_id for name in IDENTITY)
_OF_ID = attrgetter(*IDENTITY)


def rounded(value: float | int | None) -> float | int | None:
    """Return a number at 12 significant digits; None for what is missing. Infinities may not come here.

    >>> rounded(1 / 3)
    0.333333333333
    """
    if value is None or isinstance(value, int):
        return value
    number = float(value)
    if math.isnan(number):
        return None
    assert math.isfinite(number), "an infinity must become a status before it reaches the ledger"
    return float(f"{number:.12g}")
