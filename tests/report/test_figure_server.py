"""Figures drawn while the study runs are those of the finished ledger, or are drawn anew."""

from __future__ import annotations

import queue
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest

from spec_study import write_study
from twoarm.figures import all_figures as all_figures_module
from twoarm.figures.all_figures import NamedFigure, all_figures
from twoarm.figures.fonts import Fonts
from twoarm.figures.theme import style
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report import figure_files, figure_server
from twoarm.report.figure_files import Claims, Drawing, needed_kinds
from twoarm.report.figure_helper import AWAITED, FigureHelper, Part
from twoarm.report.figure_server import _Ahead, _draw_ahead, _draw_all
from twoarm.report.figure_task import Task, line_of, task_of
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.scope import scopes


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
        with style():
            figure.draw()  # asks the ledger
        return {"svg": f"{figure.name} {fonts.families}".encode()}

    monkeypatch.setattr(figure_server, "files_of", files_of)
    monkeypatch.setattr(figure_server, "parts_of", lambda *figure: iter([files_of(*figure)]))
    return names


def every_sample(protocol: Protocol) -> frozenset[Part]:
    return frozenset(
        Part(population.name, strategy, adjustment, "")
        for population in protocol.plan()
        for strategy in population.missing
        for adjustment in ("", *population.adjustments)
    )


def finish(
    protocol: Protocol, results: Results, ahead: _Ahead, folder: Path, fonts: Fonts | None = None
) -> dict[str, str]:
    claims = folder / "claims"
    claims.mkdir()
    place = {"prefixes": [""], "folder": str(folder), "claims": str(claims), "fonts": asdict(fonts or Fonts())}
    _draw_all(Task(protocol, results, place=place), place, ahead)
    return {path.stem: path.read_text() for path in folder.glob("*.svg")}


def begin(protocol: Protocol, results: Results, *lines: bytes, ended: frozenset[Part] | None = None) -> _Ahead:
    ahead: _Ahead = {}
    waiting: queue.Queue[bytes] = queue.Queue()
    for line in lines:
        waiting.put(line)
    _draw_ahead(Task(protocol, results, every_sample(protocol) if ended is None else ended), ahead, waiting)
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
    assert drawn[before:] == ["love"]


def test_other_fonts_are_drawn_again(study: tuple[Protocol, Results], drawn: list[str], tmp_path: Path) -> None:
    ahead = begin(*study)
    files = finish(*study, ahead, tmp_path, Fonts(families=("Noto Sans SC",)))
    assert all("Noto" in text for text in files.values())


def test_a_new_task_ends_the_drawing_ahead(study: tuple[Protocol, Results], drawn: list[str]) -> None:
    assert begin(*study, b"{}\n") == {}
    assert drawn == []


def test_what_quotes_a_sample_that_is_not_finished_is_not_drawn(
    study: tuple[Protocol, Results], drawn: list[str]
) -> None:
    protocol, results = study
    assert begin(protocol, results, ended=frozenset()) == {}
    population = protocol.plan()[0]
    one = Part(population.name, next(iter(population.missing)), "unadjusted", "")
    assert {name.figure for name in begin(protocol, results, ended=frozenset({one}))} == {"survival-os-unadjusted"}


def test_a_figure_is_drawn_when_what_it_quotes_of_a_sample_is_there(
    study: tuple[Protocol, Results], drawn: list[str]
) -> None:
    population = study[0].plan()[0]
    part = Part(population.name, next(iter(population.missing)), "matched", "restricted_mean")
    assert {name.figure for name in begin(*study, ended=frozenset({part}))} == {"restricted_mean-os-matched"}
    assert begin(*study, ended=frozenset({part._replace(analysis="baseline")})) == {}


def test_the_first_process_tells_of_all_that_figures_wait_for(study: tuple[Protocol, Results]) -> None:
    figures = [figure for scope in scopes(*study) for figure in all_figures(scope)]
    assert {figure.until for figure in figures} - {""} <= AWAITED
    text = Path(all_figures_module.__file__).read_text("utf-8")
    assert set(re.findall(r'until="(\w+)"', text)) == AWAITED


class Pipe:
    """Keeps what is written to a helper."""

    def __init__(self) -> None:
        self.stdin, self.lines = self, list[bytes]()

    def write(self, line: str) -> None:
        self.lines.append(line.encode())

    def flush(self) -> None: ...


def told(protocol: Protocol, folder: Path) -> tuple[list[bytes], Results]:
    """What the helper is told while a study runs, and the study's results."""
    helper, pipe = FigureHelper(), Pipe()
    helper.stop()
    helper._process = pipe  # type: ignore[assignment]

    def so_far(ledger: Ledger, between: bool) -> None:
        helper.draw_ahead(protocol, ledger.rows, ledger.curves, between=between)

    results = run_study(protocol, read_records(protocol, folder), so_far=so_far)
    helper.send(protocol, results, [""], folder, folder, Fonts())
    return pipe.lines, results


def test_the_ledger_arrives_bit_by_bit_and_whole(tmp_path: Path) -> None:
    protocol = read_protocol(write_study(tmp_path))
    lines, results = told(protocol, tmp_path)
    task: Task | None = None
    ended: list[set[tuple[str, str]]] = []
    for line in lines:
        task = task_of(line, task)
        ended.append({part[2:] for part in task.ended})
    assert task is not None
    assert task.place is not None
    assert task.protocol == protocol
    assert task.results.estimates == results.estimates
    assert [curve.id for curve in task.results.curves] == [curve.id for curve in results.curves]
    assert ended[0] == {("unadjusted", "hazard_ratio")}
    assert all(before < after for before, after in pairwise(ended[:-1]))
    assert {("unadjusted", ""), ("matched", "hazard_ratio")} <= ended[-2]
    assert ("matched", "") not in ended[-2]
    assert sum(map(len, lines)) < 1.2 * len(line_of(protocol, (results.estimates, results.curves), ((), ()), {}))


def test_a_ledger_that_was_rewritten_is_sent_anew(study: tuple[Protocol, Results]) -> None:
    protocol, results = study
    before = results.estimates, results.curves
    now = [replace(results.estimates[0], note="rounded"), *results.estimates[1:]], results.curves
    first = task_of(line_of(protocol, before, ((), ()), {}).encode(), None)
    second = task_of(line_of(protocol, now, before, {}).encode(), first)
    assert list(second.results.estimates) == now[0]
    assert second.results.curves == first.results.curves


class Here:
    """A second process that is none: it has drawn when it is told what to draw, and ended."""

    def send(self, protocol: Protocol, results: Results, prefixes: list[str], folder: Path, claims: Path,
             fonts: Fonts) -> None:  # fmt: skip
        place = {"prefixes": prefixes, "folder": str(folder), "claims": str(claims), "fonts": asdict(fonts)}
        _draw_all(Task(protocol, results, place=place), place, {})

    def is_there(self) -> bool:
        return False

    def wait(self) -> None: ...


def drawing(study: tuple[Protocol, Results], folder: Path) -> Drawing:
    return Drawing(*study, [""], folder, Fonts(), Here())  # type: ignore[arg-type]


def test_all_can_be_seen_before_the_first_has_pixels(
    study: tuple[Protocol, Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def parts_of(figure: NamedFigure, *_: object) -> Iterator[dict[str, bytes]]:
        for kind in ("svg", "png"):
            order.append(kind)
            yield {kind: figure.name.encode()}

    monkeypatch.setattr(figure_server, "parts_of", parts_of)
    seen: list[int] = []
    with drawing(study, tmp_path) as made:
        assert made.finish(lambda: seen.append(len(order))) == []
    figures = len(order) // 2
    assert order == ["svg"] * figures + ["png"] * figures
    assert seen == [len(order)]
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.iterdir())) // 2 == figures


@pytest.mark.parametrize("again", [None, {"svg": b"again", "png": b"again"}])
def test_a_figure_without_pixels_is_drawn_again_or_goes(
    again: dict[str, bytes] | None, study: tuple[Protocol, Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts_of(figure: NamedFigure, *_: object) -> Iterator[dict[str, bytes]]:
        yield {"svg": b"first"}
        if figure.name == "love":
            raise MemoryError
        yield {"png": b"first"}

    monkeypatch.setattr(figure_server, "parts_of", parts_of)
    monkeypatch.setattr(figure_files, "files_of", lambda *_: again)
    seen: list[str] = []
    with drawing(study, tmp_path) as made:
        assert made.finish(lambda: seen.append("all")) == ([] if again else ["love"])
    assert seen == ["all"]
    assert {path.suffix: path.read_bytes() for path in tmp_path.glob("love.*")} == (
        {".svg": b"again", ".png": b"again"} if again else {}
    )
    assert (tmp_path / "flow.png").read_bytes() == b"first"


def test_what_cannot_be_drawn_there_is_left_and_the_rest_is_not(
    study: tuple[Protocol, Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_here: list[str] = []

    def parts_of(figure: NamedFigure, *_: object) -> Iterator[dict[str, bytes]]:
        if figure.name == "love":
            raise ValueError
        yield {"svg": b"there"}

    def files_of(figure: NamedFigure, *_: object) -> dict[str, bytes]:
        drawn_here.append(figure.name)
        return {"svg": b"here"}

    monkeypatch.setattr(figure_server, "parts_of", parts_of)
    monkeypatch.setattr(figure_files, "files_of", files_of)
    with drawing(study, tmp_path) as made:
        assert made.finish(lambda: pytest.fail("one cannot be seen")) == []
    assert drawn_here == ["love"]


def test_who_draws_has_ended_when_the_helper_is_stopped(study: tuple[Protocol, Results], tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    claims.folder.mkdir()

    def there() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    with FigureHelper() as helper:
        helper.send(*study, [""], tmp_path, claims.folder, Fonts())
        while not claims.marked("shown"):
            assert helper.is_there()
            time.sleep(0.005)
        helper.stop()
        before = there()
        time.sleep(0.3)
        assert there() == before
        assert not helper.is_there()
    assert len(claims.marked("done")) < claims.taken() < 30


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_an_interrupted_wait_can_be_followed_by_a_stop(study: tuple[Protocol, Results], tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    claims.folder.mkdir()
    with FigureHelper() as helper:
        helper.send(*study, [""], tmp_path, claims.folder, Fonts())
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                helper.wait()
        finally:
            signal.signal(signal.SIGALRM, before)
        helper.stop()
        assert not helper.is_there()
        helper.stop()


def test_all_that_is_asked_for_is_drawn_by_the_helper_and_its_copies(
    study: tuple[Protocol, Results], tmp_path: Path
) -> None:
    claims = Claims(tmp_path / "claims")
    claims.folder.mkdir()
    with FigureHelper() as helper:
        helper.send(*study, [""], tmp_path, claims.folder, Fonts())
        helper.wait()
    assert claims.marked("done") == claims.marked("shown")
    assert len(claims.marked("done")) == claims.taken()
    drawn = {path.stem for path in tmp_path.glob("*.svg")}
    assert "love" in drawn
    assert drawn <= claims.marked("done")
    for kind in needed_kinds(study[0]):
        assert {path.stem for path in tmp_path.glob(f"*.{kind}")} == drawn
