"""docs/protocol.md names every option of every section, and nothing that is no option."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic_core import PydanticUndefined

import twoarm.protocol.protocol  # noqa: F401
from twoarm.protocol import choices
from twoarm.protocol.section import Section

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
CODE = " ".join(re.findall(r"```.*?```|`[^`]+`", TEXT, flags=re.DOTALL))
JOINED = " ".join(TEXT.split())
WORDS = set(re.findall(r"[A-Za-z_][A-Za-z0-9_-]*", CODE))

PARTS = {"integer", "number", "date", "continuous", "cut", "categorical"}  # types and kinds that head a table's rows


def sections(base: type[Section] = Section) -> list[type[Section]]:
    """Return every section that a protocol can have."""
    found = {one for child in base.__subclasses__() for one in (child, *sections(child))}
    return sorted((one for one in found if not one.__name__.startswith("_")), key=lambda one: one.__name__)


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.__name__)
def test_every_option_is_documented(section: type[Section]) -> None:
    names = {field.alias or name for name, field in section.model_fields.items()}
    assert names - WORDS == set()


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.__name__)
def test_the_default_of_every_word_and_number_is_documented(section: type[Section]) -> None:
    for name, field in section.model_fields.items():
        default = field.default
        if (
            default is not PydanticUndefined
            and not isinstance(default, bool)
            and isinstance(default, str | int | float)
        ):
            assert (default if isinstance(default, str) else f"{default:g}") in JOINED or str(default) in JOINED, name


def test_every_word_of_a_choice_is_documented() -> None:
    for name, kind in vars(choices).items():
        if name[0].isupper() and get_args(kind) and name not in ("FormatVersion", "Estimand"):
            lacking = [word for word in get_args(kind) if isinstance(word, str) and word.strip() and word not in JOINED]
            assert lacking == [], name


def test_every_key_of_a_table_in_the_page_is_an_option() -> None:
    known = {name for section in sections() for name in section.model_fields} | PARTS
    cells = re.findall(r"^\| *([^|]*)\| *([^|]*)\|", TEXT, flags=re.MULTILINE)
    named = [second if "`" not in first else first for first, second in cells]
    keys = {part for cell in named for key in re.findall(r"`([a-z_.]+)`", cell) for part in key.split(".")}
    assert keys - known == set()
