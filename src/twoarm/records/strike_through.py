"""Cells of a workbook that somebody struck out: their formats, and texts of which a part is struck out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MARK = b"strike"  # a part of a workbook without this word has nothing struck out, and is not parsed
_OFF = ("0", "false", "off", "none")

Parse = Callable[[zipfile.ZipFile, str], Any]  # a part of a workbook, guarded


@dataclass(frozen=True, slots=True)
class StruckOut:
    """Numbers of the cell formats, and of the shared texts, that are struck out."""

    formats: frozenset[str] = frozenset()
    whole_texts: frozenset[str] = frozenset()
    part_texts: frozenset[str] = frozenset()  # text that holds and text that does not, in one cell

    @property
    def any(self) -> bool:
        """Whether anything is; of most workbooks nothing."""
        return bool(self.formats or self.whole_texts or self.part_texts)


def read_struck_out(book: zipfile.ZipFile, parse: Parse) -> StruckOut:
    """Return which formats and shared texts of a workbook are struck out."""
    names = set(book.namelist())
    formats: set[str] = set()
    whole: set[str] = set()
    part: set[str] = set()
    if "xl/styles.xml" in names and MARK in book.read("xl/styles.xml"):
        formats = _formats(parse(book, "xl/styles.xml"))
    if "xl/sharedStrings.xml" in names and MARK in book.read("xl/sharedStrings.xml"):
        texts = (element for element in parse(book, "xl/sharedStrings.xml") if tag(element) == "si")
        for number, text in enumerate(texts):
            runs = struck_runs(text)
            if any(runs):
                (whole if all(runs) else part).add(str(number))
    return StruckOut(frozenset(formats), frozenset(whole), frozenset(part))


def struck_runs(text: Any) -> list[bool]:
    """Return of each run of a rich text that is not blank whether it is struck out; nothing for a plain text."""
    runs = [run for run in text if tag(run) == "r"]
    filled = [run for run in runs if "".join(part.text or "" for part in run if tag(part) == "t").strip()]
    return [any(_is_struck(part) for part in run if tag(part) == "rPr") for run in filled]


def tag(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _formats(styles: Any) -> set[str]:
    fonts = [font for part in styles if tag(part) == "fonts" for font in part]
    struck = {str(number) for number, font in enumerate(fonts) if _is_struck(font)}
    formats = [one for part in styles if tag(part) == "cellXfs" for one in part]
    return {str(number) for number, one in enumerate(formats) if one.attrib.get("fontId", "0") in struck}


def _is_struck(font: Iterable[Any]) -> bool:
    return any(tag(part) == "strike" and part.attrib.get("val", "1").lower() not in _OFF for part in font)
