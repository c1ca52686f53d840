"""Text -> typed syntax tree: a small recursive-descent parser. Nothing is ever evaluated as Python."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

from twoarm.errors import nearest
from twoarm.protocol.expression import (
    FUNCTIONS,
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

MAXIMUM_LENGTH = 2000
MAXIMUM_DEPTH = 30
LARGEST = 1e15  # numbers beyond lose whole units
LONGEST = 100_000  # days, some 270 years
MONTH_LENGTH = 30.4375  # days, where a duration is written in months or years

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<date>\d{4}-\d{2}-\d{2}(?!\d))
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<text>"[^"]*"|'[^']*')
    | (?P<name>[^\W\d]\w*)
    | (?P<symbol>==|!=|<=|>=|[<>=+\-*/(),])
    )""",
    re.VERBOSE,
)
WORDS = {"and", "or", "not", "in", "between", "is", "missing", "if", "else", "true", "false"}
_UNITS = {"day": 1.0, "week": 7.0, "month": MONTH_LENGTH, "year": 12 * MONTH_LENGTH}
_ORDERED = (Type.NUMBER, Type.DATE, Type.DURATION, Type.ANY)


class ExpressionError(Exception):
    """An expression that cannot be read: the message, and the offset of the place from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # date, number, text, name, word, symbol, end
    text: str
    offset: int


def parse_expression(text: str, columns: Mapping[str, Type]) -> Node:
    """Return the typed tree of an expression over the named columns.

    Raises:
        ExpressionError: a character, name, type or nesting that cannot be; with the offset to put the caret under.
    """
    if len(text) > MAXIMUM_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAXIMUM_LENGTH} characters", MAXIMUM_LENGTH)
    return _Parser(_tokens(text), columns).whole()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            offset = at + len(text[at:]) - len(text[at:].lstrip())
            hint = "; an unclosed quotation mark" if text[offset] in "\"'" else ""
            raise ExpressionError(f"found {text[offset]!r}{hint}; expected a column, a value or an operator", offset)
        kind = match.lastgroup or ""
        word, offset = match.group(kind), match.start(kind)
        if kind == "name" and word in WORDS:
            kind = "word"
        tokens.append(_Token(kind, word, offset))
        at = match.end()
    return [*tokens, _Token("end", "", len(text.rstrip()))]


class _Parser:
    """One method a level of precedence, loosest first."""

    def __init__(self, tokens: list[_Token], columns: Mapping[str, Type]) -> None:
        self.tokens, self.columns = tokens, columns
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.conditional()
        if self.token.kind != "end":
            hint = " (use == to compare)" if self.token.text == "=" else ""
            raise self.unexpected(f"the end or an operator{hint}")
        return node

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def accept(self, *texts: str) -> _Token | None:
        token = self.token
        if token.kind in ("symbol", "word") and token.text in texts:
            self.at += 1
            return token
        return None

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.unexpected(f"{text!r}")

    def unexpected(self, expected: str) -> ExpressionError:
        found = f"found {self.token.text!r}" if self.token.kind != "end" else "the expression ends here"
        return ExpressionError(f"{found}; expected {expected}", self.token.offset)

    def conditional(self) -> Node:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise ExpressionError(f"nested more than {MAXIMUM_DEPTH} deep", self.token.offset)
        start = self.token.offset
        then = self.junction("or")
        if self.accept("if"):
            condition_at = self.token.offset
            condition = self.junction("or")
            self.require(condition, (Type.BOOLEAN,), "a condition after if", condition_at)
            self.expect("else")
            otherwise = self.conditional()
            then = Conditional(condition, then, otherwise, self.common((then, otherwise), start))
        self.depth -= 1
        return then

    def junction(self, word: str) -> Node:
        start = self.token.offset
        parts = [self.negation() if word == "and" else self.junction("and")]
        while self.accept(word):
            self.require(parts[-1], (Type.BOOLEAN,), f"a condition before {word}", start)
            start = self.token.offset
            parts.append(self.negation() if word == "and" else self.junction("and"))
            self.require(parts[-1], (Type.BOOLEAN,), f"a condition after {word}", start)
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def negation(self) -> Node:
        if self.accept("not"):
            self.depth += 1
            if self.depth > MAXIMUM_DEPTH:
                raise ExpressionError(f"nested more than {MAXIMUM_DEPTH} deep", self.token.offset)
            start = self.token.offset
            operand = self.negation()
            self.depth -= 1
            self.require(operand, (Type.BOOLEAN,), "a condition after not", start)
            return Not(operand)
        return self.comparison()

    def comparison(self) -> Node:
        start = self.token.offset
        left = self.sum()
        if operator := self.accept("==", "!=", "<", "<=", ">", ">="):
            right = self.sum()
            self.common((left, right), operator.offset)
            if operator.text not in ("==", "!="):
                self.require(left, _ORDERED, f"numbers, dates or durations around {operator.text}", start)
            return Comparison(operator.text, left, right)
        if self.accept("is"):
            negated = bool(self.accept("not"))
            self.expect("missing")
            if not isinstance(left, Column):
                raise ExpressionError("expected a column before is missing", start)
            return Not(Missing(left)) if negated else Missing(left)
        negated = bool(self.accept("not"))
        if self.accept("in"):
            members = self.members(left)
            return Not(Membership(left, members)) if negated else Membership(left, members)
        if self.accept("between"):
            low = self.sum()
            self.expect("and")
            high = self.sum()
            self.common((left, low, high), start)
            self.require(left, _ORDERED, "a number, date or duration before between", start)
            node = Between(left, low, high)
            return Not(node) if negated else node
        if negated:
            raise self.unexpected("'in' or 'between'")
        return left

    def members(self, operand: Node) -> tuple[Constant, ...]:
        self.expect("(")
        members: list[Constant] = []
        while True:
            offset = self.token.offset
            member = self.sum()
            if not isinstance(member, Constant):
                raise ExpressionError("expected a value, not a column or calculation, in the list", offset)
            self.common((operand, member), offset)
            members.append(member)
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(members)

    def sum(self) -> Node:
        left = self.product()
        while operator := self.accept("+", "-"):
            left = self.calculation(operator, left, self.product())
        return left

    def product(self) -> Node:
        left = self.operand()
        while operator := self.accept("*", "/"):
            left = self.calculation(operator, left, self.operand())
        return left

    def calculation(self, operator: _Token, left: Node, right: Node) -> Node:
        pair, sign = (left.type, right.type), operator.text
        number, date, duration = Type.NUMBER, Type.DATE, Type.DURATION
        results = {
            ("+-*/", (number, number)): number,
            ("-", (date, date)): duration,
            ("+-", (date, duration)): date,
            ("+-", (duration, duration)): duration,
            ("*/", (duration, number)): duration,
            ("/", (duration, duration)): number,
        }
        for (signs, types), result in results.items():
            if sign in signs and pair == types:
                return Arithmetic(sign, left, right, result)
        if Type.ANY in pair:
            return Arithmetic(sign, left, right, Type.ANY)
        raise ExpressionError(f"cannot calculate {pair[0]} {sign} {pair[1]}", operator.offset)

    def operand(self) -> Node:
        token = self.token
        if self.accept("-"):
            self.depth += 1
            if self.depth > MAXIMUM_DEPTH:
                raise ExpressionError(f"nested more than {MAXIMUM_DEPTH} deep", token.offset)
            operand = self.operand()
            self.depth -= 1
            self.require(operand, (Type.NUMBER, Type.DURATION), "a number after -", token.offset)
            if isinstance(operand, Constant) and isinstance(operand.value, int | float):
                return Constant(-operand.value, operand.type, f"-{operand.source}")
            return Arithmetic("-", Constant(0, operand.type, "0"), operand, operand.type)
        if self.accept("("):
            node = self.conditional()
            self.expect(")")
            return node
        if self.accept("true", "false"):
            return Constant(token.text == "true", Type.BOOLEAN, token.text)
        self.at += 1
        if token.kind == "text":
            return Constant(token.text[1:-1], Type.TEXT, token.text[1:-1])
        if token.kind == "date":
            return self.date(token)
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.call(token) if self.token.text == "(" else self.column(token)
        self.at -= 1
        raise self.unexpected("a column or a value")

    def date(self, token: _Token) -> Constant:
        try:
            return Constant(datetime.date.fromisoformat(token.text), Type.DATE, token.text)
        except ValueError:
            raise ExpressionError(f"found {token.text}; expected a day that exists", token.offset) from None

    def number(self, token: _Token) -> Constant:
        value = float(token.text)
        if not abs(value) <= LARGEST:
            raise ExpressionError(f"found a number above {LARGEST:.0e}", token.offset)
        unit = self.token.text.removesuffix("s")
        if self.token.kind == "name" and unit in _UNITS:
            if value * _UNITS[unit] > LONGEST:
                raise ExpressionError(f"found a duration of more than {LONGEST:,} days", token.offset)
            source = f"{token.text} {self.token.text}"
            self.at += 1
            return Constant(value * _UNITS[unit], Type.DURATION, source)
        return Constant(int(token.text) if token.text.isdigit() else value, Type.NUMBER, token.text)

    def column(self, token: _Token) -> Column:
        if token.text not in self.columns:
            hint = nearest(token.text, self.columns)
            raise ExpressionError(f"found column {token.text!r}; expected a declared column{hint}", token.offset)
        return Column(token.text, self.columns[token.text])

    def call(self, token: _Token) -> Call:
        name = token.text
        if name not in FUNCTIONS:
            expected = f"one of {', '.join(FUNCTIONS)}{nearest(name, FUNCTIONS)}"
            raise ExpressionError(f"found function {name!r}; expected {expected}", token.offset)
        self.expect("(")
        arguments = [self.conditional()]
        while self.accept(","):
            arguments.append(self.conditional())
        self.expect(")")
        return Call(name, tuple(arguments), self.call_type(name, arguments, token.offset))

    def call_type(self, name: str, arguments: list[Node], offset: int) -> Type:
        if name in ("min", "max", "coalesce"):
            kind = self.common(tuple(arguments), offset)
            if name != "coalesce" and kind not in _ORDERED:
                raise ExpressionError(f"{name} takes numbers, dates or durations", offset)
            return kind
        if name == "round":
            digits = arguments[1] if len(arguments) == 2 else None
            if (
                not isinstance(digits, Constant)
                or digits.type is not Type.NUMBER
                or digits.source not in map(str, range(10))
            ):
                raise ExpressionError("round takes a number and how many decimals, 0 to 9", offset)
            self.require(arguments[0], (Type.NUMBER,), "the argument of round", offset)
            return Type.NUMBER
        if len(arguments) != 1:
            raise ExpressionError(f"{name} takes one argument", offset)
        wanted = {"year": (Type.DATE,), "abs": (Type.NUMBER, Type.DURATION), "log": (Type.NUMBER,)}
        self.require(arguments[0], wanted.get(name, (Type.DURATION,)), f"the argument of {name}", offset)
        return arguments[0].type if name == "abs" else Type.NUMBER

    def require(self, node: Node, types: tuple[Type, ...], what: str, offset: int) -> None:
        if node.type not in (*types, Type.ANY):
            raise ExpressionError(f"found a {node.type}; expected {what}", offset)

    def common(self, nodes: tuple[Node, ...], offset: int) -> Type:
        known = [node.type for node in nodes if node.type is not Type.ANY]
        if len(set(known)) > 1:
            other = next(kind for kind in known if kind is not known[0])
            hint = " (write a duration as 30 days)" if {known[0], other} == {Type.NUMBER, Type.DURATION} else ""
            raise ExpressionError(f"cannot compare or combine {known[0]} with {other}{hint}", offset)
        return known[0] if known else Type.ANY
