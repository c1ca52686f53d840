"""Figures drawn while the study runs are those of the finished ledger, or are drawn anew."""

from __future__ import annotations

import queue
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from spec_study import write_study
from twoarm.figures.all_figures import NamedFigure
from twoarm.figures.fonts import Fonts
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report import figure_server
from twoarm.report.figure_server import _draw_ahead, _draw_all, _Drawn, _Task
from twoarm.results.results import Results
from twoarm.study import run_study

Ahead = dict[tuple[str, str, str], _Drawn]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Protocol, Results]:
    folder = tmp_path_factory.mktemp("study")
    protocol = read_protocol(write_study(folder))
    return protocol, run_study(protocol, read_records(protocol, folder))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of figures in the order in which they are drawn; each is its name and the fonts."""
    names: list[str] = []

    def files_of(figure: NamedFigure, _: object, fonts: Fonts) -> dict[str, bytes]:
        names.append(figure.name)
        return {"svg": f"{figure.name} {fonts.families}".encode()}

    monkeypatch.setattr(figure_server, "files_of", files_of)
    return names


def finish(
    protocol: Protocol, results: Results, ahead: Ahead, folder: Path, fonts: Fonts | None = None
) -> dict[str, str]:
    claims = folder / "claims"
    claims.mkdir()
    place = {"prefixes": [""], "folder": str(folder), "claims": str(claims), "fonts": asdict(fonts or Fonts())}
    _draw_all(_Task(protocol, results, place), place, ahead)
    return {path.stem: path.read_text() for path in folder.glob("*.svg")}


def begin(protocol: Protocol, results: Results, *lines: bytes) -> Ahead:
    ahead: Ahead = {}
    waiting: queue.Queue[bytes] = queue.Queue()
    for line in lines:
        waiting.put(line)
    _draw_ahead(_Task(protocol, results, None), ahead, waiting)
    return ahead


def test_what_was_drawn_ahead_is_not_drawn_again(
    study: tuple[Protocol, Results], drawn: list[str], tmp_path: Path
) -> None:
    ahead = begin(*study)
    before = list(drawn)
    files = finish(*study, ahead, tmp_path)
    assert drawn == before
    assert sorted(files) == sorted(set(before))
    assert len(files) >= 4


def test_what_has_changed_since_is_drawn_again(
    study: tuple[Protocol, Results], drawn: list[str], tmp_path: Path
) -> None:
    protocol, results = study
    changed = [replace(row, value=9.5) if row.statistic == "smd" else row for row in results.estimates]
    ahead = begin(protocol, Results.of(changed, results.curves))
    before = len(drawn)
    finish(*study, ahead, tmp_path)
    assert sorted(drawn[before:]) == sorted(drawn[:before])


def test_other_fonts_are_drawn_again(study: tuple[Protocol, Results], drawn: list[str], tmp_path: Path) -> None:
    ahead = begin(*study)
    files = finish(*study, ahead, tmp_path, Fonts(families=("Noto Sans SC",)))
    assert all("Noto" in text for text in files.values())


def test_a_new_task_ends_the_drawing_ahead(study: tuple[Protocol, Results], drawn: list[str]) -> None:
    assert begin(*study, b"{}\n") == {}
    assert drawn == []


def test_a_strategy_without_rows_is_not_drawn(study: tuple[Protocol, Results], drawn: list[str]) -> None:
    protocol, results = study
    assert begin(protocol, Results.of([row for row in results.estimates if not row.missing], ())) == {}
    assert drawn == []
