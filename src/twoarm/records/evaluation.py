"""Expressions of the protocol on a frame, with Kleene's three-valued logic (null is unknown)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection
from functools import reduce

import narwhals.stable.v2 as nw

from twoarm.protocol.expression import (
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    Conditional,
    Constant,
    Junction,
    Membership,
    Missing,
    Node,
    Not,
    Type,
)
from twoarm.records.engine_ops import date_of_day_number, day_number, divide

HELD = "held:"  # prefix of the mask that stands beside a column with held cells; no declared name has a colon
COMPLETED = "completed:"  # prefix of the mask beside a column with dates that a declared rule completed
_EPOCH = datetime.date(1970, 1, 1)

_COMPARE: dict[str, Callable[[nw.Expr, nw.Expr], nw.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def evaluate(node: Node, masks: Collection[str]) -> nw.Expr:
    """Return the expression for a frame; dates come back as dates.

    Args:
        node: a typed tree.
        masks: names of the frame's ``held:`` columns.
    """
    expression = _evaluate(node, masks)
    return date_of_day_number(expression) if node.type is Type.DATE else expression


def _evaluate(node: Node, masks: Collection[str]) -> nw.Expr:
    """Dates are day numbers and durations are days in here."""
    match node:
        case Column(name=name, type=kind):
            return day_number(nw.col(name)) if kind is Type.DATE else nw.col(name)
        case Constant(value=value):
            return nw.lit(_plain(value))
        case Not(operand=operand):
            return ~_evaluate(operand, masks)
        case Junction(word=word, parts=parts):
            conditions = [_evaluate(part, masks) for part in parts]
            return reduce((lambda a, b: a & b) if word == "and" else (lambda a, b: a | b), conditions)
        case Comparison(operator=operator, left=left, right=right):
            return _COMPARE[operator](_evaluate(left, masks), _evaluate(right, masks))
        case Between(operand=operand, low=low, high=high):
            inside = _evaluate(operand, masks)
            return (inside >= _evaluate(low, masks)) & (inside <= _evaluate(high, masks))
        case Membership(operand=operand, members=members):
            return _one_of(_evaluate(operand, masks), [_plain(member.value) for member in members])
        case Missing(operand=operand):
            absent = nw.col(operand.name).is_null()
            held = HELD + operand.name
            return nw.when(~nw.col(held)).then(absent) if held in masks else absent
        case Arithmetic(operator=operator, left=left, right=right):
            return _calculate(operator, _evaluate(left, masks), _evaluate(right, masks))
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            holds = _evaluate(condition, masks)
            second = nw.when(~holds).then(_evaluate(otherwise, masks))
            return nw.when(holds).then(_evaluate(then, masks)).otherwise(second)
        case Call(function=function, arguments=arguments):
            return _call(function, arguments, masks)


def _one_of(sought: nw.Expr, values: list[float | int | str | bool]) -> nw.Expr:
    """Membership; unknown for a missing value. Whole numbers and others compare as numbers."""
    found = sought
    if any(isinstance(value, float) for value in values):
        found, values = sought.cast(nw.Float64), [float(value) for value in values]
    return nw.when(~sought.is_null()).then(found.is_in(values))


def _plain(value: float | int | str | bool | datetime.date) -> float | int | str | bool:
    return (value - _EPOCH).days if isinstance(value, datetime.date) else value


def _calculate(operator: str, left: nw.Expr, right: nw.Expr) -> nw.Expr:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left.cast(nw.Float64) * right  # whole numbers would wrap round silently
    return nw.when(right != 0).then(divide(left, right))  # a division by zero is missing


def _call(function: str, arguments: tuple[Node, ...], masks: Collection[str]) -> nw.Expr:
    values = [_evaluate(argument, masks) for argument in arguments]
    first = values[0]
    if function in ("min", "max"):
        return reduce(_lesser if function == "min" else _greater, values)
    if function == "coalesce":
        return nw.coalesce(*values)
    if function == "round":
        digits = arguments[1]
        assert isinstance(digits, Constant), "how many decimals is a constant"
        scale = 10.0 ** int(digits.source)
        scaled = first.abs() * scale
        halves = scaled * 1e-15 + (0.5 + 1e-9)  # 2.675 is a half on paper, although its nearest double lies below
        size = divide((scaled + halves) // 1.0, scale)  # halves away from zero
        return nw.when(first < 0).then(-size).otherwise(size)
    if function == "abs":
        return first.abs()
    if function == "log":
        return nw.when(first > 0).then(first.log())
    if function == "year":
        return date_of_day_number(first).dt.year().cast(nw.Int64)
    return divide(first, {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}[function])


def _lesser(a: nw.Expr, b: nw.Expr) -> nw.Expr:
    """Missing when either is: the smaller of a known and an unknown value is unknown."""
    return nw.when(~(a.is_null() | b.is_null())).then(nw.when(a <= b).then(a).otherwise(b))


def _greater(a: nw.Expr, b: nw.Expr) -> nw.Expr:
    return nw.when(~(a.is_null() | b.is_null())).then(nw.when(a >= b).then(a).otherwise(b))
