"""Figures -> files, drawn by two processes: each claims the next figure that the other has not."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twoarm.figures.all_figures import NamedFigure, all_figures, draw
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


def draw_figures(
    protocol: Protocol, results: Results, prefixes: list[str], folder: Path, helper: FigureHelper | None
) -> list[str]:
    """Write all figures into a folder; return the stems of those that failed."""
    kinds = _kinds(protocol)
    jobs = figure_jobs(prefixes, scopes(protocol, results))
    with tempfile.TemporaryDirectory() as claims:
        if helper is not None:
            helper.send(protocol, results, prefixes, folder, Path(claims))
        failed = [job.stem for job in _claimed(jobs, Path(claims)) if not _draw_one(job, kinds, folder)]
        if helper is not None:
            helper.wait()
            done = {path.stem for path in Path(claims).glob("*.done")}
            left = [job for job in jobs if job.stem not in done and job.stem not in failed]
            failed += [job.stem for job in left if not _draw_one(job, kinds, folder)]
    return failed


def _kinds(protocol: Protocol) -> tuple[FigureFormat, ...]:
    """The declared formats, and SVG in any case: the report embeds it."""
    return ("svg", *(kind for kind in protocol.output.figures if kind != "svg"))


def _claimed(jobs: list[Job], claims: Path) -> Iterator[Job]:
    for job in jobs:
        try:
            os.close(os.open(claims / job.stem, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        yield job
        (claims / f"{job.stem}.done").touch()


def _draw_one(job: Job, kinds: tuple[FigureFormat, ...], folder: Path) -> bool:
    """Write a figure's files; False when it failed, so that its neighbours go on."""
    try:
        for kind, content in draw(job.figure, kinds).items():
            (folder / f"{job.stem}.{kind}").write_bytes(content)
    except Exception:
        return False
    return True


def serve() -> None:
    """Draw figures for another process: the task stands on standard input."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_pdf
    import matplotlib.backends.backend_svg  # noqa: F401  # imported while waiting

    os.umask(0o077)
    task = json.loads(sys.stdin.read() or "null")
    if task is None:  # the study ended before there was anything to draw
        return
    protocol = Protocol.model_validate_json(task["protocol"], strict=False)
    results = parse_results(task["estimates"], task["curves"])
    jobs = figure_jobs(task["prefixes"], scopes(protocol, results))
    for job in _claimed(jobs[::-1], Path(task["claims"])):
        if not _draw_one(job, _kinds(protocol), Path(task["folder"])):
            return
