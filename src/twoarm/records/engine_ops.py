"""The few operations that frame engines do differently, each in one line behind one name."""

from __future__ import annotations

import datetime

import narwhals.stable.v2 as nw

_EPOCH = datetime.date(1970, 1, 1)
_FIRST, _LAST = ((day - _EPOCH).days for day in (datetime.date.min, datetime.date.max))


def day_number(expression: nw.Expr) -> nw.Expr:
    """Return a date as days since 1970-01-01 in 64 bits; differences of dates are then plain integers."""
    return expression.cast(nw.Int32).cast(nw.Int64)


def date_of_day_number(expression: nw.Expr) -> nw.Expr:
    """Return days since 1970-01-01 as a date; missing outside the years 1 to 9999."""
    possible = (expression >= _FIRST) & (expression <= _LAST)
    return (nw.when(possible).then(expression) // 1).cast(nw.Int32).cast(nw.Date)


def divide(left: nw.Expr, right: nw.Expr | float) -> nw.Expr:
    """Divide so that 3 / 10 is 0.3: Polars multiplies by the reciprocal of a constant, which is off by a last bit."""
    return left / (left.cast(nw.Float64) * 0.0 + right)
