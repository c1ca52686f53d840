"""Figures -> files, drawn by two processes: each claims the next figure that the other has not."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twoarm.figures.all_figures import NamedFigure, all_figures, draw
from twoarm.figures.fonts import Fonts
from twoarm.protocol.choices import FigureFormat
from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_helper import FigureHelper
from twoarm.results.results import Results, parse_results
from twoarm.tables.scope import Scope, scopes


@dataclass(frozen=True, slots=True)
class Job:
    """A figure of a scope and the stem of its files."""

    stem: str
    figure: NamedFigure


def figure_jobs(prefixes: list[str], found: list[Scope]) -> list[Job]:
    """Return every figure of every scope, in the order of the report."""
    return [
        Job(f"{prefix}{figure.name}", figure)
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

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._claims)

    def finish(self) -> list[str]:
        """Write all figures; return the stems of those that failed."""
        failed = [job.stem for job in _claimed(self._jobs, self._claims) if not self._draw(job)]
        if self._helper is not None:
            self._helper.wait()
            done = {path.stem for path in self._claims.glob("*.done")}
            left = [job for job in self._jobs if job.stem not in done and job.stem not in failed]
            failed += [job.stem for job in left if not self._draw(job)]
        return failed

    def _draw(self, job: Job) -> bool:
        return _draw_one(job, self._kinds, self._folder, self._fonts)


def needed_kinds(protocol: Protocol) -> tuple[FigureFormat, ...]:
    """Return the declared formats, SVG in any case (the page embeds it), and PNG for Word."""
    kinds: list[FigureFormat] = ["svg", *protocol.output.figures]
    if "docx" in protocol.output.documents:
        kinds.append("png")
    return tuple(dict.fromkeys(kinds))


def _claimed(jobs: list[Job], claims: Path) -> Iterator[Job]:
    for job in jobs:
        try:
            os.close(os.open(claims / job.stem, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        yield job
        (claims / f"{job.stem}.done").touch()


def _draw_one(job: Job, kinds: tuple[FigureFormat, ...], folder: Path, fonts: Fonts) -> bool:
    """Write a figure's files; False when it failed, so that its neighbours go on."""
    try:
        drawn = draw(job.figure, kinds, fonts)
    except Exception:
        return False
    for kind, content in drawn.items():  # what cannot be written fails the whole report, not the figure
        (folder / f"{job.stem}.{kind}").write_bytes(content)
    return True


def _end_with_the_study() -> None:
    """End when the other end of standard input is closed: a study that was killed draws no more."""
    while os.read(0, 1):
        pass
    os._exit(1)


def serve() -> None:
    """Draw figures for another process: the task stands on standard input."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_pdf
    import matplotlib.backends.backend_svg  # noqa: F401  # imported while waiting

    os.umask(0o077)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):  # the study ended before there was anything to draw
        return
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    task = json.loads(line)
    protocol = Protocol.model_validate_json(task["protocol"], strict=False)
    results = parse_results(task["estimates"], task["curves"])
    found = task["fonts"]
    fonts = Fonts(tuple(found["families"]), tuple(found["folders"]), found["missing"])
    kinds = needed_kinds(protocol)
    jobs = figure_jobs(task["prefixes"], scopes(protocol, results))
    for job in _claimed(jobs[::-1], Path(task["claims"])):
        if not _draw_one(job, kinds, Path(task["folder"]), fonts):
            return
