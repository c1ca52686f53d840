"""Frozen dataclasses made in a third of the time; for a process that runs a command and does nothing else.

Python up to 3.12 writes six methods of each class as text and compiles every one apart: a fifth of all imports of a
study, which has some 300 such classes. Here they are closures over the names of the fields, and do the same;
``__init__`` is compiled once for each number of fields, and gets the names of its arguments afterwards.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from types import FunctionType
from typing import Any, cast

_KNOWN = ((3, 11), (3, 12))  # versions with these makers of methods; later ones compile all methods at once
_PYTHONS_COMPARE: Any = getattr(dataclasses, "_cmp_fn", None)
_PYTHONS_INIT: Any = getattr(dataclasses, "_init_fn", None)
_FIELD = "_field_%d"


def quick_dataclasses() -> None:
    """Let ``dataclass`` make methods as closures from now on, where the version is known."""
    if sys.version_info[:2] not in _KNOWN:
        return
    library = cast("Any", dataclasses)
    library._repr_fn, library._cmp_fn, library._hash_fn = _repr, _compare, _hash
    library._frozen_get_del_attr, library._init_fn = _frozen, _init


def _init(
    fields: Sequence[dataclasses.Field[Any]],
    positional: Sequence[dataclasses.Field[Any]],
    by_name: Sequence[dataclasses.Field[Any]],
    frozen: bool,
    further: bool,
    own: str,
    globals: dict[str, Any],
    *more: Any,
) -> Any:
    """Return ``__init__`` of fields that are just set; what is made for each, or only passed on, is left to Python.

    ``further``: ``__post_init__`` follows. ``own``: what ``self`` is called.
    """
    defaults = tuple(each.default for each in positional if each.default is not dataclasses.MISSING)
    last = positional[len(positional) - len(defaults) :]
    if by_name or not all(map(_is_set, fields)) or any(each.default is dataclasses.MISSING for each in last):
        return _PYTHONS_INIT(fields, positional, by_name, frozen, further, own, globals, *more)
    usual = _usual_init(len(fields), frozen, further, *more)
    names = {_FIELD % place: each.name for place, each in enumerate(fields)}
    code = usual.__code__
    code = code.replace(
        co_varnames=(own, *names.values()),
        co_names=tuple(names.get(name, name) for name in code.co_names),
        co_consts=tuple(names.get(value, value) for value in code.co_consts),
    )
    made = FunctionType(code, globals, "__init__", defaults, usual.__closure__)
    made.__annotations__ = {**{each.name: each.type for each in fields}, "return": None}
    return made


def _is_set(field: Any) -> bool:
    kind = cast("Any", dataclasses)._FIELD
    return field.init and field._field_type is kind and field.default_factory is dataclasses.MISSING


@lru_cache(None)
def _usual_init(fields: int, frozen: bool, further: bool, *more: Any) -> FunctionType:
    """Return Python's ``__init__`` of so many fields, which have numbers for names."""
    numbered: list[Any] = [dataclasses.field() for _ in range(fields)]
    for place, each in enumerate(numbered):
        each.name, each._field_type = _FIELD % place, cast("Any", dataclasses)._FIELD
    return _PYTHONS_INIT(numbered, numbered, (), frozen, further, "self", {}, *more)  # type: ignore[no-any-return]


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads the values of fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _repr(fields: list[dataclasses.Field[Any]], _: object) -> Callable[[Any], str]:
    names = [each.name for each in fields]

    def __repr__(self: Any) -> str:  # noqa: N807
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({said})"

    return cast("Any", dataclasses)._recursive_repr(__repr__)  # type: ignore[no-any-return]


def _compare(name: str, operator: str, own: str, other: str, globals: Any) -> Callable[..., Any]:
    """Return ``__eq__`` of the fields of ``own``, "(self.a,self.b,)"; orders are left to Python."""
    if operator != "==":
        return _PYTHONS_COMPARE(name, operator, own, other, globals)  # type: ignore[no-any-return]
    values = _values(re.findall(r"self\.(\w+)", own))

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(fields: list[dataclasses.Field[Any]], _: object) -> Callable[[Any], int]:
    values = _values([each.name for each in fields])

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _frozen(cls: type, fields: list[dataclasses.Field[Any]], _: object) -> tuple[Callable[..., None], ...]:
    names = frozenset(each.name for each in fields)

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        cast("Any", super(cls, self)).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        cast("Any", super(cls, self)).__delattr__(name)

    return __setattr__, __delattr__
