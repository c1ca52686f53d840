"""The helper's side: draws figures of a ledger that grows, until it is told where the finished ones go."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twoarm.figures.all_figures import all_figures
from twoarm.figures.fonts import Fonts
from twoarm.report.figure_answers import Asked
from twoarm.report.figure_files import Claims, Files, Job, figure_jobs, files_of, needed_kinds, parts_of, write_files
from twoarm.report.figure_helper import COPIES, Part
from twoarm.report.figure_task import Task, task_of
from twoarm.results.results import Results
from twoarm.tables.scope import scopes


@dataclass(frozen=True, slots=True)
class _Name:
    population: str
    missing: str
    figure: str


@dataclass(frozen=True, slots=True)
class _Drawn:
    files: Files
    asked: Asked


_Ahead = dict[_Name, _Drawn]
_MOST = 4  # processes that draw


def serve() -> None:
    """Draw figures for another process, whose tasks stand on standard input."""
    from twoarm.figures.library import import_library

    os.umask(0o077)
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    import_library()
    from twoarm.figures.drawing import warm_up

    warm_up()  # while waiting
    ahead: _Ahead = {}
    task = task_of(lines.get(), None)
    while task.place is None:
        if lines.empty():  # else a newer task tells all that this one does
            _draw_ahead(task, ahead, lines)
        task = task_of(lines.get(), task)
    _copy(min(len(os.sched_getaffinity(0)), _MOST) - 1 if COPIES else 0)
    try:
        _draw_all(task, task.place, ahead)
    finally:  # files are closed; to take the library down takes time, and the first process waits
        os._exit(0)


def _copy(times: int) -> None:
    """Draw with so many more processes, which have the library and all that is known of fonts and texts already."""
    for _ in range(times):
        try:
            copy = os.fork()
        except OSError:  # no more processes for this user, or no memory
            return
        if not copy:
            threading.Thread(target=_end_with_study, daemon=True).start()
            return


def _end_with_study() -> None:
    """End a copy when the study ends; the thread that listened is not copied."""
    os.read(sys.stdin.fileno(), 1)  # there are no more tasks
    os._exit(1)


def _listen(lines: queue.Queue[bytes]) -> None:
    """Pass tasks on; when the other end is closed the study has ended, by itself or killed, and draws no more."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):
            lines.put(line)
    os._exit(1)


def _draw_ahead(task: Task, ahead: _Ahead, lines: queue.Queue[bytes]) -> None:
    """Draw what quotes finished parts of the ledger, with the usual font, until there is another task."""
    kinds, fonts = needed_kinds(task.protocol), Fonts()
    for scope in scopes(task.protocol, task.results):
        for figure in all_figures(scope):
            name = _Name(scope.population.name, scope.missing, figure.name)
            sample = Part(name.population, name.missing, figure.adjustment, "")
            if name in ahead or task.ended.isdisjoint({sample, sample._replace(analysis=figure.until)}):
                continue
            if not lines.empty():
                return
            asked = Asked(task.results)
            same = next(one for one in all_figures(replace(scope, results=asked)) if one.name == figure.name)
            asked.forget()
            files = files_of(same, kinds, fonts)
            if files is not None:
                ahead[name] = _Drawn(files, asked)


def _draw_all(task: Task, place: Mapping[str, Any], ahead: _Ahead) -> None:
    """Write what was drawn ahead and still holds, then draw from the end of the list; pixels come last."""
    found, folder = place["fonts"], Path(place["folder"])
    fonts = Fonts(tuple(found["families"]), tuple(found["folders"]), found["missing"])
    jobs = figure_jobs(place["prefixes"], scopes(task.protocol, task.results))
    ready = _ready(jobs, task.results, ahead) if fonts == Fonts() else {}
    kinds = needed_kinds(task.protocol)
    waiting = [job for job in jobs if job.stem in ready] + [job for job in jobs[::-1] if job.stem not in ready]
    claims = Claims(Path(place["claims"]))
    begun: list[tuple[str, Iterator[Files]]] = []
    for job in waiting:
        if claims.take(job.stem):
            whole = ready.get(job.stem)
            parts = iter([whole]) if whole is not None else parts_of(job.figure, kinds, fonts)
            if _next_written(parts, job.stem, folder):
                claims.mark(job.stem, "shown")
                begun.append((job.stem, parts))
    for stem, parts in begun:
        if _next_written(parts, stem, folder):
            claims.mark(stem, "done")


def _next_written(parts: Iterator[Files], stem: str, folder: Path) -> bool:
    """Write the next files of a figure; False when drawing fails, which leaves it to the first process."""
    try:
        files = next(parts, {})
    except Exception:
        return False
    return write_files(files, stem, folder)


def _ready(jobs: list[Job], results: Results, ahead: _Ahead) -> dict[str, Files]:
    """Return the files of figures that would be drawn the same again, by stem."""
    drawn = {job.stem: ahead.get(_Name(job.scope.population.name, job.scope.missing, job.figure.name)) for job in jobs}
    return {stem: one.files for stem, one in drawn.items() if one is not None and one.asked.holds(results)}
