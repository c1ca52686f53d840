"""The typed syntax tree of the protocol's expressions, and its wording.

Every node knows its type before any data are read. Comparisons with a missing value are unknown, and ``and``, ``or``
and ``not`` follow Kleene's three-valued logic.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

DateValue = datetime.date


class Type(StrEnum):
    """What an expression yields; ANY stands for a column whose declaration is itself in error."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DURATION = "duration"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Column:
    """A declared or derived column."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, true or false, a date, or a duration in days."""

    value: float | int | str | bool | DateValue
    type: Type
    source: str  # as written


@dataclass(frozen=True, slots=True)
class Not:
    """Three-valued negation."""

    operand: Node
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Junction:
    """``and`` or ``or`` of two or more parts."""

    word: str
    parts: tuple[Node, ...]
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of == != < <= > >=."""

    operator: str
    left: Node
    right: Node
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends included."""

    operand: Node
    low: Node
    high: Node
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Membership:
    """``in`` a list of constants."""

    operand: Node
    members: tuple[Constant, ...]
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Missing:
    """``is missing``: known whether or not there is a value; unknown for a held cell."""

    operand: Column
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One of + - * /."""

    operator: str
    left: Node
    right: Node
    type: Type


@dataclass(frozen=True, slots=True)
class Conditional:
    """``a if condition else b``; missing where the condition is unknown."""

    condition: Node
    then: Node
    otherwise: Node
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the fixed list ``FUNCTIONS``."""

    function: str
    arguments: tuple[Node, ...]
    type: Type


Node = (
    Column | Constant | Not | Junction | Comparison | Between | Membership | Missing | Arithmetic | Conditional | Call
)

FUNCTIONS = ("min", "max", "coalesce", "abs", "log", "days", "weeks", "months", "years", "year", "round")

_COMPARED = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}
_CALCULATED = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def column_names(node: Node) -> frozenset[str]:
    """Return the names of the columns that an expression reads."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Column))


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                yield from walk(child)


def in_words(node: Node) -> str:
    """Return the expression as a reader of the methods section would say it.

    >>> from twoarm.protocol.expression_parser import parse_expression
    >>> in_words(parse_expression("age >= 18 and ecog in (0, 1)", {"age": Type.NUMBER, "ecog": Type.NUMBER}))
    'age is at least 18 and ecog is one of 0, 1'
    """
    match node:
        case Column(name=name):
            return name.replace("_", " ")
        case Constant(source=source):
            return source or '""'  # an empty text
        case Not(operand=operand):
            return f"not ({in_words(operand)})"
        case Junction(word=word, parts=parts):
            return f" {word} ".join(f"({in_words(p)})" if isinstance(p, Junction) else in_words(p) for p in parts)
        case Comparison(operator=operator, left=left, right=right):
            return f"{in_words(left)} {_COMPARED[operator]} {in_words(right)}"
        case Between(operand=operand, low=low, high=high):
            return f"{in_words(operand)} is between {in_words(low)} and {in_words(high)}"
        case Membership(operand=operand, members=members):
            return f"{in_words(operand)} is one of {', '.join(member.source for member in members)}"
        case Missing(operand=operand):
            return f"{in_words(operand)} is missing"
        case Arithmetic(operator=operator, left=left, right=right):
            sides = [f"({in_words(p)})" if isinstance(p, Arithmetic) else in_words(p) for p in (left, right)]
            return f"{sides[0]} {_CALCULATED[operator]} {sides[1]}"
        case Call(function="round", arguments=(value, digits)):
            return f"{in_words(value)}, rounded to {in_words(digits)} decimal{'' if in_words(digits) == '1' else 's'}"
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"{in_words(then)} if {in_words(condition)}, else {in_words(otherwise)}"
        case Call(function=function, arguments=arguments):
            return f"{function} of {', '.join(in_words(argument) for argument in arguments)}"
