"""Dataclasses whose methods are closures do what Python's own do."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from copy import copy
from dataclasses import FrozenInstanceError, InitVar, dataclass, field, replace
from inspect import signature
from typing import Any

import pytest

import twoarm.quick_dataclasses as quick

KINDS: tuple[dict[str, bool], ...] = (
    {"frozen": True},
    {"frozen": True, "slots": True},
    {},
    {"eq": False},
    {"order": True},
    {"frozen": True, "eq": False},
)


class Made:
    """Classes of one kind: without a field, with one, with several."""

    def __init__(self, **kind: Any) -> None:
        @dataclass(**kind)
        class Empty:
            pass

        @dataclass(**kind)
        class One:
            a: Any

        @dataclass(**kind)
        class Several:
            a: Any
            b: Any = 2
            c: Any = field(default=3, compare=False)
            d: Any = field(default=4, repr=False)

        self.empty, self.one, self.several = Empty, One, Several

    def examples(self) -> list[Any]:
        many = self.several
        values = [self.empty(), self.empty(), self.one(1), self.one(2), many(1), many(1, c=9), many(1, d=9), many(2, 1)]
        return [*values, replace(values[4], b=3), many([1])]


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_repr_fn", "_cmp_fn", "_hash_fn", "_frozen_get_del_attr", "_init_fn"):
        if hasattr(dataclasses, name):
            monkeypatch.setattr(dataclasses, name, getattr(dataclasses, name))  # to be put back
    quick.quick_dataclasses()


def said(examples: list[Any]) -> list[object]:
    """What methods give for every example and every pair, or the error that they raise."""

    def tried(work: Any, *values: Any) -> object:
        try:
            return work(*values)
        except (TypeError, AttributeError) as error:
            return type(error), str(error).replace("Made.__init__.<locals>.", "")

    def same_hash(one: Any) -> object:
        return hash(one) == hash(copy(one))

    def change(one: Any) -> object:
        one.a = 5
        return one.a

    def new(one: Any) -> object:
        one.other = 5
        return one.other

    def forget(one: Any) -> object:
        del one.a
        return hasattr(one, "a")

    pairs = [(one, other) for one in examples for other in examples]
    orders = [lambda x, y: x == y, lambda x, y: x != y, lambda x, y: x < y, lambda x, y: x >= y]
    found: list[object] = [tried(order, *pair) for order in orders for pair in pairs]
    found += [repr(one).partition(" object at ")[0] for one in examples]
    found += [tried(same_hash, one) for one in examples]
    found += [tried(work, one) for one in examples for work in (change, new, forget)]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_methods_do_what_those_of_python_do(kind: dict[str, bool], request: pytest.FixtureRequest) -> None:
    own = Made(**kind)
    request.getfixturevalue("quickly")
    made = Made(**kind)
    assert said(made.examples()) == said(own.examples())
    if not kind.get("frozen") and kind.get("eq", True):
        assert made.several.__hash__ is None
    known = sys.version_info[:2] in quick._KNOWN
    shown: Any = made.several.__repr__
    assert (shown.__wrapped__.__code__.co_filename == quick.__file__) == known


class Begun:
    """Classes of one kind that begin in different ways."""

    def __init__(self, **kind: Any) -> None:
        @dataclass(**kind)
        class Further:
            a: int
            b: list[int] = field(hash=False)
            c: str = "c"

            def __post_init__(self) -> None:
                if self.a < 0:
                    raise ValueError(f"{self.a} {self.c}")

        @dataclass(**kind)
        class Below(Further):
            d: float = 2.0
            c: str = "other"

        @dataclass(**kind)
        class Factory:
            a: list[int] = field(default_factory=list)
            b: int = 3

        @dataclass(**kind)
        class Named:
            a: int
            b: int = field(kw_only=True)

        @dataclass(**kind)
        class Passed:
            a: int
            b: InitVar[int]

            def __post_init__(self, b: int) -> None:
                if b > 5:
                    raise ValueError(b)

        @dataclass(**kind)
        class Without:
            a: int = field(init=False, default=7)
            b: int = 1

        @dataclass(**kind)
        class Odd:
            self: int
            assign: int = 2
            _field_1: int = 3

        self.all: list[Any] = [Further, Below, Factory, Named, Passed, Without, Odd]


CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((1,), {}),
    ((1, [2]), {}),
    ((1, [2], "x"), {}),
    ((-1, [2]), {"c": "y"}),
    ((1, 2, 3, 4), {}),
    ((1, 2, 3, 4, 5), {}),
    ((1,), {"b": 2}),
    ((1,), {"b": 9}),
    ((1,), {"a": 2}),
    ((), {"a": 1, "b": 2, "z": 3}),
    ((1,), {"_field_1": 8, "assign": 9}),
)


def begun(made: Begun) -> list[object]:
    """What comes of calls of every class, and what each says that it takes."""

    def tried(cls: Any, given: tuple[tuple[Any, ...], dict[str, Any]]) -> object:
        try:
            value = cls(*given[0], **given[1])
        except (TypeError, ValueError) as error:
            return type(error), str(error)
        return repr(value), [getattr(value, each.name) for each in dataclasses.fields(cls)]

    found: list[object] = [tried(cls, given) for cls in made.all for given in CALLS]
    return found + [(str(signature(cls)), cls.__init__.__name__, cls.__init__.__qualname__) for cls in made.all]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_classes_begin_as_those_of_python_do(
    kind: dict[str, bool], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = begun(Begun(**kind))
    request.getfixturevalue("quickly")
    asked, usual = [], quick._usual_init

    def noted(fields: int, frozen: bool, further: bool, *more: Any) -> Any:
        asked.append((fields, further))
        return usual(fields, frozen, further, *more)

    monkeypatch.setattr(quick, "_usual_init", noted)
    made = Begun(**kind)
    assert begun(made) == own
    known = sys.version_info[:2] in quick._KNOWN
    assert asked == ([(3, True), (4, True), (3, False)] if known else [])  # Further, Below and Odd


def test_a_class_without_fields_or_with_many_begins(quickly: None) -> None:
    many = dataclasses.make_dataclass("Many", [(f"f{place}", int) for place in range(300)], frozen=True)
    assert dataclasses.astuple(many(*range(300))) == tuple(range(300))
    assert repr(dataclasses.make_dataclass("None_", [])()) == "None_()"


def test_a_value_without_a_default_cannot_follow_one_with(quickly: None) -> None:
    with pytest.raises(TypeError, match="non-default argument 'b' follows default argument"):
        dataclasses.make_dataclass("Wrong", [("a", int, 1), ("b", int)])


def test_a_value_that_holds_itself_is_shown(quickly: None) -> None:
    made = Made(frozen=True).one([])
    made.a.append(made)
    assert repr(made).endswith("One(a=[...])")


def test_a_frozen_class_stays_frozen_in_what_is_made_of_it(quickly: None) -> None:
    class Further(Made(frozen=True).one):  # type: ignore[misc]
        pass

    further = Further(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'a'"):
        further.a = 2
    further.more = 3  # as Python has it: not a field
    del further.more


def test_results_can_be_passed_on() -> None:
    code = (
        "from twoarm.quick_dataclasses import quick_dataclasses; quick_dataclasses()\n"
        "import sys, pickle; from twoarm.results.estimate import Estimate\n"
        "sys.stdout.buffer.write(pickle.dumps([Estimate('balance', value=1.0), Estimate('balance', value=1.0) == Estimate('balance', value=1.0)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    from twoarm.results.estimate import Estimate

    assert pickle.loads(done.stdout) == [Estimate("balance", value=1.0), True]
