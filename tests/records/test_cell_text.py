"""One text is cleaned as a column of texts is."""

from __future__ import annotations

import unicodedata

import numpy as np
import polars as pl

from twoarm.records.cell_text import cell_text, clean_text

SURROGATES, HANGUL, PRIVATE = range(0xD800, 0xE000), range(0xAC00, 0xD7A4), range(0xE000, 0xF900)
MANY = (SURROGATES, HANGUL, PRIVATE, range(0x20000, 0x2F800), range(0x30000, 0x110000))  # of which all are alike
KNOWN = [
    chr(code)
    for code in range(0x110000)
    if not any(code in many for many in MANY) and unicodedata.category(chr(code)) != "Cn"
]


def column(texts: list[str]) -> list[str]:
    return cell_text(pl.Series([*texts, "\u3000"], dtype=pl.String)).to_list()[
        :-1
    ]  # one cell that makes all be cleaned


def test_each_character_is_cleaned_as_in_a_column() -> None:
    for texts in (
        KNOWN,
        [f"a{letter}" for letter in KNOWN],
        [f" {letter}\u200b" for letter in "\uac00\ue000\U00020000"],
    ):
        assert [clean_text(text) for text in texts] == column(texts)


def test_characters_side_by_side_are_cleaned_as_in_a_column() -> None:
    rng = np.random.default_rng(3)
    texts = ["".join(KNOWN[i] for i in rng.integers(0, 3000, rng.integers(0, 8))) for _ in range(20_000)]
    assert [clean_text(text) for text in texts] == column(texts)


def test_a_character_of_a_later_unicode_is_left_to_the_column() -> None:
    unknown = next(chr(code) for code in range(0x1F000, 0x20000) if unicodedata.category(chr(code)) == "Cn")
    assert clean_text(f" {unknown}\uff21 ") == f"{unknown}A"
