"""Where each key and value of a TOML document stands, so that a message can point at it.

``tomllib`` has read the document before this scanner sees it, so it follows the grammar without checking it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the text, counted from 1; ``plain`` strings have one character of source per character."""

    line: int
    column: int
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Positions:
    """Places of keys and of values by path."""

    keys: dict[Path, Place]
    values: dict[Path, Place]

    def key(self, path: Path) -> Place:
        """Return the place of a key, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.keys:
                return self.keys[path[:length]]
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Place(1, 1)

    def value(self, path: Path) -> Place:
        """Return the place of a value, or of its key."""
        return self.values.get(path) or self.key(path)


def scan_positions(text: str) -> Positions:
    """Return the places of all keys and values of a valid TOML document."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.lengths: dict[Path, int] = {}  # tables in each array of tables

    def scan(self) -> Positions:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return Positions(self.keys, self.values)
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _place(self, at: int, plain: bool = False) -> Place:
        line = bisect_right(self.starts, at)
        return Place(line, at - self.starts[line - 1] + 1, plain)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "every pattern here also matches nothing"
        self.at = match.end()
        return match.group()

    def _header(self) -> Path:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        path = self._key_path(())
        self.at += 2 if array else 1
        if array:
            index = self.lengths.get(path, 0)
            self.lengths[path] = index + 1
            return (*path, index)
        return path

    def _key_path(self, path: Path) -> Path:
        while True:
            self._skip(_SPACE)
            place = self._place(self.at)
            quote = self.text[self.at]
            if quote in "\"'":
                end = self._string_end(quote)
                word = self.text[self.at + 1 : end - 1]
                self.at = end
            else:
                word = self._skip(_BARE)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
            path = (*path, word)
            self.keys.setdefault(path, place)
            self._skip(_SPACE)
            if self.at < len(self.text) and self.text[self.at] == ".":
                self.at += 1
                continue
            return path

    def _pair(self, table: Path) -> None:
        path = self._key_path(table)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        char = self.text[self.at]
        if char in "\"'":
            triple = self.text.startswith(char * 3, self.at)
            end = self._string_end(char * 3 if triple else char)
            plain = not triple and (char == "'" or "\\" not in self.text[self.at : end])
            self.values[path] = self._place(self.at, plain)
            self.at = end
            return
        self.values[path] = self._place(self.at)
        if char == "[":
            self._items(path, "]")
        elif char == "{":
            self._items(path, "}")
        else:
            self._skip(_SCALAR)

    def _items(self, path: Path, close: str) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == close:
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
            elif close == "}":
                self._pair(path)
            else:
                self._value((*path, index))
                index += 1

    def _string_end(self, quote: str) -> int:
        at = self.at + len(quote)
        while not self.text.startswith(quote, at):
            at += 2 if self.text[at] == "\\" and quote[0] == '"' else 1
        at += len(quote)
        while len(quote) == 3 and self.text.startswith(quote[0], at):
            at += 1  # up to two quotes may stand before the closing three
        return at
