"""Places of keys and values in TOML documents of every shape."""

from __future__ import annotations

import tomllib

import pytest

from twoarm.protocol.toml_positions import scan_positions

DOCUMENT = '''\
# a comment with = and [brackets]
title = "x # no comment"   # one
a.b = 1
[table]
"quoted key" = 'literal'
list = [1, [2,
  3], {x = 1, y = "two"}]
text = """
several = "lines" """
[[rows]]
name = "first"
[[rows]]
name = "second"
[rows.inner]
deep = true
'''


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("title",), 2, 1),
        (("a", "b"), 3, 3),
        (("table", "quoted key"), 5, 1),
        (("table", "list"), 6, 1),
        (("table", "text"), 8, 1),
        (("rows", 0, "name"), 11, 1),
        (("rows", 1, "name"), 13, 1),
        (("rows", 1, "inner", "deep"), 15, 1),
        (("rows", 1, "missing", "key"), 12, 3),
    ],
)
def test_a_key_has_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = scan_positions(DOCUMENT).key(path)
    if "missing" in path:
        assert place.line in (10, 12)  # the nearest table around it
    else:
        assert (place.line, place.column) == (line, column)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("title",), 2, 9),
        (("table", "list", 1, 1), 7, 3),
        (("table", "list", 2, "y"), 7, 19),
        (("rows", 1, "inner", "deep"), 15, 8),
    ],
)
def test_a_value_has_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = scan_positions(DOCUMENT).value(path)
    assert (place.line, place.column) == (line, column)


def test_every_value_of_the_document_is_found() -> None:
    positions = scan_positions(DOCUMENT)

    def walk(value: object, path: tuple[str | int, ...]) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*path, key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, (*path, index))
        else:
            assert path in positions.values, path

    walk(tomllib.loads(DOCUMENT), ())
