"""Expressions of the protocol on a frame, with Kleene's three-valued logic (null is unknown)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Sequence
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
from twoarm.records.engine_ops import AnyFrame, day_of, divide, floor, greatest, least, possible_day, year_of

HELD = "held:"  # prefix of the mask that stands beside a column with held cells; no declared name has a colon
COMPLETED = "completed:"  # prefix of the mask beside a column with dates that a declared rule completed

_COMPARE: dict[str, Callable[[nw.Expr, nw.Expr], nw.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_PLUS_MINUS: dict[str, Callable[[nw.Expr, nw.Expr], nw.Expr]] = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}
_WRAPPED = 1e6  # far above the rounding of large whole numbers as floats, far below 2**63


def held_columns(frame: AnyFrame) -> frozenset[str]:
    """Return the names of the columns that mark held cells."""
    return frozenset(name for name in frame.columns if name.startswith(HELD))


def evaluate(frame: AnyFrame, node: Node, masks: Collection[str], name: str) -> AnyFrame:
    """Return the frame with the answer of an expression as a further column.

    Args:
        frame: a row a patient or event, dates as day numbers, in memory or with an engine.
        node: a typed tree.
        masks: names of the frame's ``held:`` columns.
        name: of the new column.
    """
    steps = _Steps(frame, masks)
    answer = steps.of(node)
    found = possible_day(answer) if node.type is Type.DATE else answer
    return steps.frame.with_columns(found.alias(name)).drop(steps.made)


class _Steps:
    """A frame with a column for each calculation: written out in full, an operand that is used twice would double
    everything below it.
    """

    def __init__(self, frame: AnyFrame, masks: Collection[str]) -> None:
        self.frame, self.masks = frame, masks
        self.made: list[str] = []
        self.number = 0

    def of(self, node: Node) -> nw.Expr:
        """Durations are days in here."""
        match node:
            case Column(name=name):
                return nw.col(name)
            case Constant(value=value):
                return _literal(_plain(value))
        before, self.number = len(self.made), self.number + 1
        name = f":step{self.number}"
        answer = self._calculated(node).alias(name)  # adds the columns of its operands
        self.frame = self.frame.with_columns(answer).drop(self.made[before:])
        self.made[before:] = [name]
        return nw.col(name)

    def _calculated(self, node: Node) -> nw.Expr:
        match node:
            case Not(operand=operand):
                return ~self.of(operand)
            case Junction(word=word, parts=parts):
                conditions = [self.of(part) for part in parts]
                return reduce((lambda a, b: a & b) if word == "and" else (lambda a, b: a | b), conditions)
            case Comparison(operator=operator, left=left, right=right):
                return _COMPARE[operator](self.of(left), self.of(right))
            case Between(operand=operand, low=low, high=high):
                inside = self.of(operand)
                return (inside >= self.of(low)) & (inside <= self.of(high))
            case Membership(operand=operand, members=members):
                return _one_of(self.of(operand), [_plain(member.value) for member in members])
            case Missing(operand=operand):
                absent = nw.col(operand.name).is_null()
                held = HELD + operand.name
                return nw.when(~nw.col(held)).then(absent) if held in self.masks else absent
            case Arithmetic(operator=operator, left=left, right=right):
                return _calculate(operator, self.of(left), self.of(right))
            case Conditional(condition=condition, then=then, otherwise=otherwise):
                holds = self.of(condition)
                second = nw.when(~holds).then(self.of(otherwise))
                return nw.when(holds).then(self.of(then)).otherwise(second)
            case Call(function=function, arguments=arguments):
                return _call(function, arguments, [self.of(argument) for argument in arguments])
        raise AssertionError("leaves are no calculations")


def _one_of(sought: nw.Expr, values: list[float | int | str | bool]) -> nw.Expr:
    """Membership; unknown for a missing value. Whole numbers and others compare as numbers."""
    found = sought
    if any(isinstance(value, float) for value in values):
        found, values = sought.cast(nw.Float64), [float(value) for value in values]
    return nw.when(~sought.is_null()).then(found.is_in(values))


def _plain(value: float | int | str | bool | datetime.date) -> float | int | str | bool:
    return day_of(value) if isinstance(value, datetime.date) else value


def _literal(value: float | int | str | bool) -> nw.Expr:
    """A constant; whole numbers in 64 bits, as those of columns."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return nw.lit(value, nw.Int64) if whole else nw.lit(value)


def _calculate(operator: str, left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """A division by zero is missing, and so is what overflows: whole numbers would wrap round silently."""
    if operator in ("+", "-"):
        result, as_floats = (_PLUS_MINUS[operator](a, right) for a in (left, left.cast(nw.Float64)))
        return nw.when((result - as_floats).abs() < _WRAPPED).then(result)
    product = left.cast(nw.Float64) * right if operator == "*" else nw.when(right != 0).then(divide(left, right))
    return nw.when(product.is_finite()).then(product)


def _call(function: str, arguments: tuple[Node, ...], values: list[nw.Expr]) -> nw.Expr:
    first = values[0]
    if function in ("min", "max"):
        return _extreme(least if function == "min" else greatest, values)
    if function == "coalesce":
        return nw.coalesce(*values)
    if function == "round":
        digits = arguments[1]
        assert isinstance(digits, Constant), "how many decimals is a constant"
        scale = 10.0 ** int(digits.source)
        scaled = first.abs() * scale
        halves = scaled * 1e-15 + (0.5 + 1e-9)  # 2.675 is a half on paper, although its nearest double lies below
        rounded = divide(floor(scaled + halves), scale)  # halves away from zero
        size = nw.when(scaled.is_finite()).then(rounded).otherwise(first.abs())  # so large a number is whole
        return nw.when(first < 0).then(-size).otherwise(size)
    if function == "abs":
        return first.abs()
    if function == "log":
        return nw.when(first > 0).then(first.log())
    if function == "year":
        return year_of(first)
    return divide(first, {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}[function])


def _extreme(of_all: Callable[[Sequence[nw.Expr]], nw.Expr], values: list[nw.Expr]) -> nw.Expr:
    """Missing when any is: the smaller of a known and an unknown value is unknown."""
    known = nw.all_horizontal(*(~value.is_null() for value in values), ignore_nulls=False)
    return nw.when(known).then(of_all(values))
