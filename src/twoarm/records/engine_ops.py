"""What frame engines do differently, each behind one name.

Frames that are calculated on hold dates as day numbers, days since 1970-01-01 in 64 bits: differences of dates are then
whole numbers, and no engine's own dates are met.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

AnyFrame = Any
"""A narwhals DataFrame, in memory, or LazyFrame, with an engine: two types that share what is asked of them."""

_EPOCH = datetime.date(1970, 1, 1)
_FIRST, _LAST = ((day - _EPOCH).days for day in (datetime.date.min, datetime.date.max))
_ALWAYS_WHOLE = 2.0**53  # a float of this size has no fraction
_BEFORE_EPOCH = 719_468  # days from 1 March of the year 0 to 1970-01-01
_CENTURIES, _CENTURY, _OLYMPIAD, _YEAR = 146_097, 36_524, 1_460, 365  # days of 400, 100, 4 years and one, to the last


def in_days(frame: AnyFrame) -> AnyFrame:
    """Return a frame with its dates as day numbers."""
    dates = [name for name, kind in frame.collect_schema().items() if kind == nw.Date]
    return frame.with_columns(nw.col(name).cast(nw.Int32).cast(nw.Int64) for name in dates) if dates else frame


def day_of(date: datetime.date) -> int:
    """Return the day number of a date."""
    return (date - _EPOCH).days


def possible_day(day: nw.Expr) -> nw.Expr:
    """Return day numbers without a part of a day; missing outside the years 1 to 9999."""
    return (nw.when((day >= _FIRST) & (day <= _LAST)).then(day) // 1).cast(nw.Int64)


def as_date(day: nw.Expr) -> nw.Expr:
    """Return day numbers of a frame in memory as dates."""
    return day.cast(nw.Int32).cast(nw.Date)


def year_of(day: nw.Expr) -> nw.Expr:
    """Return the year of day numbers.

    Years are counted from 1 March, so that a leap day is the last of its year (Hinnant 2013, "chrono-Compatible
    Low-Level Date Algorithms").
    """
    days = possible_day(day) + _BEFORE_EPOCH
    era = days // _CENTURIES
    rest = days - era * _CENTURIES
    of_era = (rest - rest // _OLYMPIAD + rest // _CENTURY - rest // (_CENTURIES - 1)) // _YEAR
    of_year = rest - (of_era * _YEAR + of_era // 4 - of_era // 100)
    after_new_year = nw.when(of_year >= 306).then(1).otherwise(0)
    return (era * 400 + of_era + after_new_year).cast(nw.Int64)


def divide(left: nw.Expr, right: nw.Expr | float) -> nw.Expr:
    """Divide so that 3 / 10 is 0.3: Polars multiplies by the reciprocal of a constant, which is off by a last bit."""
    return left / (left.cast(nw.Float64) * 0.0 + right)


def floor(number: nw.Expr) -> nw.Expr:
    """Return the next whole number below, as a float; Spark's own comes back in 64 bits."""
    return nw.when(number.abs() < _ALWAYS_WHOLE).then((number // 1.0).cast(nw.Float64)).otherwise(number)


def round_half_even(number: nw.Expr) -> nw.Expr:
    """Round to whole numbers, halves to the even one, as NumPy does."""
    below = floor(number)
    above_half = number - below
    odd = below - floor(below / 2.0) * 2.0
    up = (above_half > 0.5) | ((above_half == 0.5) & (odd == 1.0))
    return nw.when(up).then(below + 1.0).otherwise(below)


def least(values: Sequence[nw.Expr]) -> nw.Expr:
    """Return the smallest of some values, of those that are there; Spark takes no single one."""
    return values[0] if len(values) == 1 else nw.min_horizontal(*values)


def greatest(values: Sequence[nw.Expr]) -> nw.Expr:
    """Return the largest of some values, of those that are there."""
    return values[0] if len(values) == 1 else nw.max_horizontal(*values)


def is_true(condition: nw.Expr) -> nw.Expr:
    """Return what is known to hold."""
    return condition.fill_null(False)


def count_where(condition: nw.Expr) -> nw.Expr:
    """Return how many rows a condition is known to hold for."""
    return nw.when(condition).then(nw.lit(1, nw.Int64)).otherwise(nw.lit(0, nw.Int64)).sum()


def first_that_holds(conditions: list[nw.Expr]) -> nw.Expr:
    """Return the number, from 1, of the first condition that is known to hold for a row; 0 for none."""
    answer = nw.lit(0, nw.Int64)
    for number in range(len(conditions), 0, -1):
        answer = nw.when(is_true(conditions[number - 1])).then(nw.lit(number, nw.Int64)).otherwise(answer)
    return answer
