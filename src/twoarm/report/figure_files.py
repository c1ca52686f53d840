"""Figures -> files, drawn by two processes: each claims the next figure that the other has not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from twoarm.figures.all_figures import NamedFigure, all_figures
from twoarm.figures.fonts import Fonts
from twoarm.figures.library import import_library
from twoarm.protocol.choices import FigureFormat
from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_helper import COPIES, FigureHelper
from twoarm.results.results import Results
from twoarm.tables.scope import Scope, scopes

Files = dict[FigureFormat, bytes]
State = Literal["shown", "done"]  # without pixels; whole
_MOMENT = 0.01  # seconds
_SOON_DRAWN = 4  # figures that the other process has drawn by the time that this one could begin


@dataclass(frozen=True, slots=True)
class Job:
    """A figure of a scope and the stem of its files."""

    stem: str
    figure: NamedFigure
    scope: Scope


def figure_jobs(prefixes: list[str], found: list[Scope]) -> list[Job]:
    """Return every figure of every scope, in the order of the report."""
    return [
        Job(f"{prefix}{figure.name}", figure, scope)
        for prefix, scope in zip(prefixes, found, strict=True)
        for figure in all_figures(scope)
    ]


class Drawing:
    """Figures on their way to files: the helper starts when this is made, and ``finish`` draws what it has not."""

    def __init__(
        self,
        protocol: Protocol,
        results: Results,
        prefixes: list[str],
        folder: Path,
        fonts: Fonts,
        helper: FigureHelper | None,
    ) -> None:
        self._kinds, self._folder, self._fonts, self._helper = needed_kinds(protocol), folder, fonts, helper
        self._jobs = figure_jobs(prefixes, scopes(protocol, results))
        self._claims = Claims(folder / ".claims")
        self._claims.folder.mkdir()
        if helper is not None:
            helper.send(protocol, results, prefixes, folder, self._claims.folder, fonts)

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # else the whole folder goes, once nobody writes there
            shutil.rmtree(self._claims.folder)

    def finish(self, shown: Callable[[], None]) -> list[str]:
        """Write all figures; return the stems of those that failed, of which nothing is left.

        ``shown`` is called when all of them can be seen, but some have no pixels yet, if it comes to that.
        """
        failed: list[str] = []
        if self._helper is None or self._worth_joining():
            if self._helper is not None:  # a command, whose process does nothing else with the drawing library
                import_library()
            failed = [job.stem for job in self._jobs if self._claims.take(job.stem) and not self._draw(job)]
        if self._helper is not None:
            if self._all_shown(self._helper):
                shown()
            self._helper.wait()
            done = self._claims.marked("done")
            left = [job for job in self._jobs if job.stem not in done and job.stem not in failed]
            failed += [job.stem for job in left if not self._draw(job)]
        for stem in failed:
            for kind in self._kinds:
                (self._folder / f"{stem}.{kind}").unlink(missing_ok=True)
        return failed

    def _worth_joining(self) -> bool:
        """Whether so much is left that it pays to import the drawing library here, too."""
        return len(self._jobs) - self._claims.taken() > _SOON_DRAWN and not COPIES

    def _all_shown(self, helper: FigureHelper) -> bool:
        """Wait until every figure can be seen; False where the helper ended before."""
        while len(self._claims.marked("shown")) < len(self._jobs):
            if not helper.is_there():
                return False
            time.sleep(_MOMENT)
        return True

    def _draw(self, job: Job) -> bool:
        drawn = write_files(files_of(job.figure, self._kinds, self._fonts), job.stem, self._folder)
        if drawn:
            self._claims.mark(job.stem, "shown", "done")
        return drawn


@dataclass(frozen=True, slots=True)
class Claims:
    """Which process draws what, and how far it is: empty files in a folder that all of them see."""

    folder: Path

    def take(self, stem: str) -> bool:
        """Take a figure; False where another process has it."""
        try:
            os.close(os.open(self.folder / stem, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def mark(self, stem: str, *states: State) -> None:
        """Say how far a figure is."""
        for state in states:
            (self.folder / f"{stem}.{state}").touch()

    def marked(self, state: State) -> set[str]:
        """Return the stems of the figures that are so far."""
        return {path.stem for path in self.folder.glob(f"*.{state}")}

    def taken(self) -> int:
        """Return how many figures are taken."""
        return sum(1 for path in self.folder.iterdir() if not path.suffix)


def needed_kinds(protocol: Protocol) -> tuple[FigureFormat, ...]:
    """Return the declared formats, SVG in any case (the page embeds it), and PNG for Word."""
    kinds: list[FigureFormat] = ["svg", *protocol.output.figures]
    if "docx" in protocol.output.documents:
        kinds.append("png")
    return tuple(dict.fromkeys(kinds))


def files_of(figure: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts) -> Files | None:
    """Draw a figure; None when that fails, so that its neighbours go on."""
    from twoarm.figures.drawing import draw

    try:
        return draw(figure, kinds, fonts)
    except Exception:
        return None


def parts_of(figure: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts) -> Iterator[Files]:
    """Draw a figure: first its files without pixels, then the others; an error ends it."""
    from twoarm.figures.drawing import draw_parts

    return draw_parts(figure, kinds, fonts)


def write_files(files: Files | None, stem: str, folder: Path) -> bool:
    """Write a figure's files; False where there are none because drawing failed."""
    for kind, content in (files or {}).items():  # what cannot be written fails the whole report, not the figure
        (folder / f"{stem}.{kind}").write_bytes(content)
    return files is not None
