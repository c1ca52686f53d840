"""Figures -> files, drawn by two processes: each claims the next figure that the other has not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twoarm.figures.all_figures import NamedFigure, all_figures
from twoarm.figures.fonts import Fonts
from twoarm.figures.library import import_library
from twoarm.protocol.choices import FigureFormat
from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_helper import COPIES, FigureHelper
from twoarm.results.results import Results
from twoarm.tables.scope import Scope, scopes

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
        self._claims = folder / ".claims"
        self._claims.mkdir()
        if helper is not None:
            helper.send(protocol, results, prefixes, folder, self._claims, fonts)

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # else the whole folder goes, once nobody writes there
            shutil.rmtree(self._claims)

    def finish(self) -> list[str]:
        """Write all figures; return the stems of those that failed."""
        failed: list[str] = []
        if self._helper is None or self._worth_joining():
            if self._helper is not None:  # a command, whose process does nothing else with the drawing library
                import_library()
            failed = [job.stem for job in claimed(self._jobs, self._claims) if not self._draw(job)]
        if self._helper is not None:
            self._helper.wait()
            done = {path.stem for path in self._claims.glob("*.done")}
            left = [job for job in self._jobs if job.stem not in done and job.stem not in failed]
            failed += [job.stem for job in left if not self._draw(job)]
        return failed

    def _worth_joining(self) -> bool:
        """Whether so much is left that it pays to import the drawing library here, too."""
        left = len(self._jobs) - sum(1 for path in self._claims.iterdir() if not path.suffix)
        return left > _SOON_DRAWN and not COPIES

    def _draw(self, job: Job) -> bool:
        return write_files(files_of(job.figure, self._kinds, self._fonts), job.stem, self._folder)


def needed_kinds(protocol: Protocol) -> tuple[FigureFormat, ...]:
    """Return the declared formats, SVG in any case (the page embeds it), and PNG for Word."""
    kinds: list[FigureFormat] = ["svg", *protocol.output.figures]
    if "docx" in protocol.output.documents:
        kinds.append("png")
    return tuple(dict.fromkeys(kinds))


def claimed(jobs: list[Job], claims: Path) -> Iterator[Job]:
    """Yield the jobs that the other process has not taken, and mark each when it is done."""
    for job in jobs:
        try:
            os.close(os.open(claims / job.stem, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        yield job
        (claims / f"{job.stem}.done").touch()


def files_of(figure: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts) -> dict[FigureFormat, bytes] | None:
    """Draw a figure; None when that fails, so that its neighbours go on."""
    from twoarm.figures.drawing import draw

    try:
        return draw(figure, kinds, fonts)
    except Exception:
        return None


def write_files(files: dict[FigureFormat, bytes] | None, stem: str, folder: Path) -> bool:
    """Write a figure's files; False where there are none because drawing failed."""
    for kind, content in (files or {}).items():  # what cannot be written fails the whole report, not the figure
        (folder / f"{stem}.{kind}").write_bytes(content)
    return files is not None
