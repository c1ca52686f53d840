"""The few operations that frame engines do differently, each in one line behind one name."""

from __future__ import annotations

import narwhals.stable.v2 as nw


def day_number(expression: nw.Expr) -> nw.Expr:
    """Return a date as days since 1970-01-01 in 64 bits; differences of dates are then plain integers."""
    return expression.cast(nw.Int32).cast(nw.Int64)


def date_of_day_number(expression: nw.Expr) -> nw.Expr:
    """Return days since 1970-01-01 as a date."""
    return (expression // 1).cast(nw.Int32).cast(nw.Date)
