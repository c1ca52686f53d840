"""A name that points nowhere, or at the wrong kind of thing, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from twoarm.errors import nearest
from twoarm.protocol.expression import Type
from twoarm.protocol.expression_parser import ExpressionError, parse_expression
from twoarm.protocol.toml_positions import Path


@dataclass(frozen=True, slots=True)
class Misreference:
    """A value that names nothing, or the wrong kind of thing; offset is the place within an expression."""

    path: Path
    found: str
    expected: str
    offset: int | None = None


def parse_type(text: str, columns: Mapping[str, Type], path: Path) -> Type | Misreference:
    """Return the type of an expression, or what is wrong with it."""
    try:
        return parse_expression(text, columns).type
    except ExpressionError as error:
        found, _, expected = str(error).partition("; ")
        return Misreference(path, found, expected, error.offset)


def one_of(name: str, names: Iterable[str], what: str, path: Path) -> Iterator[Misreference]:
    """Complain unless a name is among those declared."""
    names = list(names)
    if name not in names:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        yield Misreference(path, f'found "{name}"', f"expected {what}: {listed or 'none'}{nearest(name, names)}")


def column_of_type(
    name: str, columns: Mapping[str, Type], types: tuple[Type, ...], path: Path
) -> Iterator[Misreference]:
    """Complain unless a column is declared and of one of the types."""
    if name not in columns:
        yield Misreference(path, f'found "{name}"', f"expected a declared column{nearest(name, columns)}")
    elif columns[name] not in (*types, Type.ANY):
        wanted = " or ".join(str(kind) for kind in types)
        yield Misreference(path, f'found "{name}", a {columns[name]} column', f"expected a {wanted} column")
