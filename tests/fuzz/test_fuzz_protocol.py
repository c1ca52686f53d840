"""Protocols that nobody meant: a Protocol or a list of problems, in seconds, whatever the text."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_bad_inputs import PROTOCOL as DATED
from spec_fuzz import in_bounded_time, quick, read_or_refused, spliced, thorough
from spec_outcomes import PROTOCOL as OUTCOMES
from twoarm.protocol.design_columns import design_columns
from twoarm.protocol.protocol import Protocol

EXAMPLES = Path(__file__).parents[2] / "examples"
STUDIES = [DATED, OUTCOMES, *((EXAMPLES / name / "study.toml").read_text("utf-8") for name in ("es-sclc", "rotterdam"))]
WORDS = sorted({word for study in STUDIES for word in study.replace("=", " = ").split() if len(word) < 40})

pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(['"', "'", '"""', "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r", "#", "\\", "\0", "\ufeff"]),
    st.sampled_from(["inf", "nan", "-1", "0", "1e400", "9" * 400, "true", "2020-01-01", "2020-02-30", "12:00:00", "[[[[", "\u202e"]),
    st.text(max_size=6),
)  # fmt: skip
places = st.floats(0, 1, exclude_max=True)
changes = st.lists(st.tuples(places, st.integers(0, 60), pieces.map(lambda text: text.encode("utf-8", "replace"))), min_size=1, max_size=4)  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS), st.dates()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


def toml_of(value: Any) -> str:
    """Write a value as TOML on one line; there is no None in it."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_of(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_of(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every table, list and value of a document."""
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inside for found in paths(item, (*path, key)))]


def edited(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {key: edited(item, rest, new) if key == step else item for key, item in value.items()}
    return [edited(item, rest, new) if place == step else item for place, item in enumerate(value)]


DOCUMENTS = [tomllib.loads(study) for study in STUDIES]
PLACES = [(number, path) for number, document in enumerate(DOCUMENTS) for path in paths(document) if path]


@in_bounded_time()
def checked(text: str) -> None:
    protocol = read_or_refused(text)
    if protocol is not None:
        assert protocol.plan()
        assert protocol.conventions
        assert protocol.primary_endpoint in protocol.endpoints
        assert design_columns(protocol)
        assert Protocol.model_validate_json(protocol.model_dump_json(), strict=False) == protocol


def with_value(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    number, path = place
    document = edited(DOCUMENTS[number], path, value)
    checked("\n".join(f"{json.dumps(key)} = {toml_of(item)}" for key, item in document.items()))


def with_pieces(study: str, edits: list[tuple[float, int, bytes]]) -> None:
    checked(spliced(study.encode("utf-8"), edits).decode("utf-8", "replace"))


@quick(80)
@given(st.sampled_from(STUDIES), changes)
def test_a_protocol_with_pieces_out_of_place(study: str, edits: list[tuple[float, int, bytes]]) -> None:
    with_pieces(study, edits)


@quick(80)
@given(st.sampled_from(PLACES), values)
def test_a_protocol_with_another_value_somewhere(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    with_value(place, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("data", "patients", "key"), []),
        (("data", "patients", "key"), {"a": 1}),
        (("adjustments", "matched", "focal"), {}),
        (("adjustments", "matched", "kind"), {}),
    ],
)
def test_what_was_once_a_crash(path: tuple[Any, ...], value: Any) -> None:
    with_value((0, path), value)


@quick(80)
@given(st.lists(pieces, max_size=60).map(" ".join))
def test_any_text(text: str) -> None:
    checked(text)


@pytest.mark.slow
@thorough(300)
@given(st.sampled_from(STUDIES), changes)
def test_a_protocol_with_pieces_out_of_place_thoroughly(study: str, edits: list[tuple[float, int, bytes]]) -> None:
    with_pieces(study, edits)


@pytest.mark.slow
@thorough(500)
@given(st.sampled_from(PLACES), values)
def test_a_protocol_with_another_value_somewhere_thoroughly(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    with_value(place, value)


@pytest.mark.slow
@thorough(500)
@given(st.lists(pieces, max_size=60).map(" ".join))
def test_any_text_thoroughly(text: str) -> None:
    checked(text)
