"""Freed memory is kept in large studies, where the C library can be told so, and nothing happens elsewhere."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from twoarm.commands.freed_memory import LONGEST, MANY_PATIENTS, keep_freed_memory


class Library:
    """A C library that notes what it is told."""

    gnu_get_libc_version = None

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.told: list[tuple[int, int]] = []

    def mallopt(self, option: int, value: int) -> int:
        self.told.append((option, value))
        return self.answer


def loading(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)


def test_a_small_study_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(1)
    loading(monkeypatch, library)
    assert not keep_freed_memory(MANY_PATIENTS - 1)
    assert library.told == []


@pytest.mark.parametrize(("answer", "said"), [(1, True), (0, False)])
def test_a_large_study_tells_the_library(monkeypatch: pytest.MonkeyPatch, answer: int, said: bool) -> None:
    library = Library(answer)
    loading(monkeypatch, library)
    assert keep_freed_memory(MANY_PATIENTS) is said
    assert library.told[0] == (-3, LONGEST)


@pytest.mark.parametrize("library", [SimpleNamespace(), SimpleNamespace(mallopt=lambda *_: 1)])
def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, library: SimpleNamespace) -> None:
    loading(monkeypatch, library)
    assert not keep_freed_memory(MANY_PATIENTS)


def test_a_system_without_one_library_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise TypeError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert not keep_freed_memory(MANY_PATIENTS)
