"""How a table stands on a page: upright or on its side, size of letters, widths and sides of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from twoarm.tables.table import Table

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595.3, 841.9, 62.4  # points: A4, margins of 22 mm
TEXT_WIDTH, TURNED_WIDTH = PAGE_WIDTH - 2 * MARGIN, PAGE_HEIGHT - 2 * MARGIN
TEXT_HEIGHT = PAGE_HEIGHT - 2 * MARGIN
PADDING = 7.0  # left and right of a cell together, points
INDENT = 9.0
_FIGURE_WIDTH, _WIDE_FIGURE = 410.0, 500.0  # two survival curves on a page; wider ones are as wide as the text
_CAPTION = 60.0
WHOLE_ROWS = 22  # a table up to here is not broken over pages
_UPRIGHT, _TURNED = (9.0, 8.5, 8.0, 7.5), (9.0, 8.5, 8.0, 7.5, 7.0)
_SIZES = (*((False, size) for size in _UPRIGHT), *((True, size) for size in _TURNED))
NO_BREAK = "\u00a0"
_BRACKETS = re.compile(r"\([^()]{1,14}\)")
_CHINESE = re.compile("[\u2e80-\uffff]")
_KEPT = 512  # layouts: a table stands in a file of its own, in Word and in PDF
_MOST_OF_A_LINE = 24  # letters of a text that is kept in one line

Side = Literal["left", "center"]


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Where a table goes and how wide its columns are, in points."""

    turned: bool
    size: float
    widths: tuple[float, ...]
    sides: tuple[Side, ...]
    whole: bool  # kept on one page


@lru_cache(_KEPT)
def layout_of(table: Table) -> TableLayout:
    """Return the first layout into which the table fits, else the smallest, in which long words are broken."""
    sides = tuple(_side(table, i) for i in range(len(table.columns)))
    turned, size, least, wish = False, 9.0, [0.0], [0.0]
    for turned, size in _SIZES:
        least, wish = _needs(table, sides, size)
        if sum(least) <= (TURNED_WIDTH if turned else TEXT_WIDTH):
            break
    if turned:  # a little smaller, where that spares a second page
        size = next((less for less in _TURNED if less <= size and _height(table, less) < TEXT_WIDTH), size)
        least, wish = _needs(table, sides, size)
    widths = _shared(least, wish, TURNED_WIDTH if turned else TEXT_WIDTH)
    whole = len(table.rows) <= WHOLE_ROWS or (turned and _height(table, size) < TEXT_WIDTH)
    return TableLayout(turned, size, tuple(round(width, 1) for width in widths), sides, whole)


def _height(table: Table, size: float) -> float:
    """Height in points, caption and notes included, on the safe side."""
    notes = sum(1 + text_width(note, 8) // TURNED_WIDTH for note in table.footnotes)
    return (1.15 * size + 2.2) * (len(table.rows) + 2 + bool(table.groups)) + 10 * notes + 26


def _shared(least: list[float], wish: list[float], width: float) -> list[float]:
    """Give each column what it needs, then what it wishes, the first before the others; what is left over is shared."""
    room = width - sum(least)
    if room < 0:
        return [width * part / sum(least) for part in least]
    first = min(room, wish[0] - least[0])
    more = [0.0, *(one - other for one, other in zip(wish[1:], least[1:], strict=True))]
    granted = min(1.0, (room - first) / sum(more)) if sum(more) > 0 else 0.0
    given = [one + granted * extra for one, extra in zip(least, more, strict=True)]
    given[0] += first
    left = width - sum(given)
    return [one + left * one / sum(given) for one in given]


def _needs(table: Table, sides: Sequence[Side], size: float) -> tuple[list[float], list[float]]:
    least, wish = [], []
    for i, column in enumerate(table.columns):
        texts = [(row.cells[i].text, INDENT * row.indent * (i == 0)) for row in table.rows if i < len(row.cells)]
        if i == 0:
            texts = [(row.cells[0].text, INDENT * row.indent) for row in table.rows if len(row.cells) > 1]
        lines = max((text_width(text, size) + indent for text, indent in texts), default=0.0)
        words = max((_longest_part(text, sides[i], size) + indent for text, indent in texts), default=0.0)
        head = _longest_part(header_text(column), "left", size) * 1.06  # header letters are bold
        least.append(max(min(words, 190.0), min(lines, 105.0 if i == 0 else 60.0), head, 20.0) + PADDING)
        wish.append(max(min(lines, 230.0), min(text_width(column, size) * 0.55, 90.0), least[i] - PADDING) + PADDING)
    return least, wish


@lru_cache(maxsize=1 << 14)  # a table is laid out in several sizes, alone and in the report
def _longest_part(text: str, side: Side, size: float) -> float:
    """Width of what is not broken: a number with its interval, else a word."""
    if side == "center" and len(text) <= _MOST_OF_A_LINE:
        return text_width(text, size)
    return max((_unbroken(part, size) for part in re.split(r"[ \t\n]+", text)), default=0.0)


def _unbroken(word: str, size: float) -> float:
    """Width that a word needs; Chinese breaks anywhere, though not after every character."""
    letters = max((text_width(part, size) for part in _CHINESE.split(word)), default=0.0)
    return max(letters, size * min(len(_CHINESE.findall(word)), 5))


def header_text(text: str) -> str:
    """Return a column's title with what stands in short brackets, such as (95% CI), kept on one line."""
    return _BRACKETS.sub(lambda found: found.group().replace(" ", NO_BREAK), text)


def _side(table: Table, column: int) -> Side:
    """Words stand left, numbers in the middle."""
    texts = [row.cells[column].text for row in table.rows if column < len(row.cells) and row.cells[column].text]
    if (
        column == 0
        or sum(not any(letter.isdigit() for letter in text) and len(text) > 4 for text in texts) > len(texts) / 2
    ):
        return "left"
    return "center"


def figure_scale(wide: float, high: float) -> float:
    """Return by how much a figure of so many points shrinks on an upright page."""
    room = TEXT_WIDTH if wide > _WIDE_FIGURE else _FIGURE_WIDTH
    return min(1.0, room / wide, (TEXT_HEIGHT - _CAPTION) / high)


def text_width(text: str, size: float) -> float:
    """Width of a line in points, on the safe side."""
    return size * _ems(text)


@lru_cache(maxsize=1 << 14)
def _ems(text: str) -> float:
    return sum(_em(letter) for letter in text)


def _em(letter: str) -> float:
    if letter > "\u2e7f":
        return 1.0
    if letter in " .,:;|!'()[]iljtfI-":
        return 0.33
    return 0.78 if letter.isupper() or letter in "mw%–—<>≤≥" else 0.52
