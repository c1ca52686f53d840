"""The helper's side: draws figures of a ledger that grows, until it is told where the finished ones go."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twoarm.figures.all_figures import all_figures
from twoarm.figures.fonts import Fonts
from twoarm.protocol.choices import FigureFormat
from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_files import Job, claimed, figure_jobs, files_of, needed_kinds, write_files
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results, parse_results
from twoarm.tables.scope import Scope, scopes

_Name = tuple[str, str, str]  # population, strategy, figure


@dataclass(frozen=True, slots=True)
class _Task:
    protocol: Protocol
    results: Results
    place: Mapping[str, Any] | None  # None while the study still runs

    @classmethod
    def of(cls, line: bytes) -> _Task:
        told = json.loads(line)
        protocol = Protocol.model_validate_json(told["protocol"], strict=False)
        return cls(protocol, parse_results(told["estimates"], told["curves"]), told["place"])


@dataclass(frozen=True, slots=True)
class _Drawn:
    files: dict[FigureFormat, bytes]
    rows: list[Estimate | Curve]  # what its scope knew


def serve() -> None:
    """Draw figures for another process, whose tasks stand on standard input."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_pdf
    import matplotlib.backends.backend_svg  # noqa: F401  # imported while waiting

    os.umask(0o077)
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    ahead: dict[_Name, _Drawn] = {}
    task = _Task.of(lines.get())
    while task.place is None:
        _draw_ahead(task, ahead, lines)
        task = _Task.of(lines.get())
    _draw_all(task, task.place, ahead)


def _listen(lines: queue.Queue[bytes]) -> None:
    """Pass tasks on; when the other end is closed the study has ended, by itself or killed, and draws no more."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):
            lines.put(line)
    os._exit(1)


def _draw_ahead(task: _Task, ahead: dict[_Name, _Drawn], lines: queue.Queue[bytes]) -> None:
    """Draw what is new, with the usual font, until there is another task."""
    kinds, fonts = needed_kinds(task.protocol), Fonts()
    for scope in scopes(task.protocol, task.results):
        rows = _known(scope)
        if not task.results.select(population=scope.population.name, missing=scope.missing):
            continue
        for figure in all_figures(scope):
            name = (scope.population.name, scope.missing, figure.name)
            if not lines.empty():
                return
            files = None if name in ahead else files_of(figure, kinds, fonts)
            if files is not None:
                ahead[name] = _Drawn(files, rows)


def _draw_all(task: _Task, place: Mapping[str, Any], ahead: Mapping[_Name, _Drawn]) -> None:
    """Write what was drawn ahead of figures that have not changed since, then draw from the end of the list."""
    found, folder = place["fonts"], Path(place["folder"])
    fonts = Fonts(tuple(found["families"]), tuple(found["folders"]), found["missing"])
    usable = ahead if fonts == Fonts() else {}
    jobs = figure_jobs(place["prefixes"], scopes(task.protocol, task.results))
    known = {id(job.scope): _known(job.scope) for job in jobs}
    ready: dict[str, dict[FigureFormat, bytes]] = {}
    for job in jobs:
        drawn = usable.get(_name(job))
        if drawn is not None and drawn.rows == known[id(job.scope)]:
            ready[job.stem] = drawn.files
    kinds = needed_kinds(task.protocol)
    waiting = [job for job in jobs if job.stem in ready] + [job for job in jobs[::-1] if job.stem not in ready]
    for job in claimed(waiting, Path(place["claims"])):
        if not write_files(ready.get(job.stem) or files_of(job.figure, kinds, fonts), job.stem, folder):
            return


def _name(job: Job) -> _Name:
    return job.scope.population.name, job.scope.missing, job.figure.name


def _known(scope: Scope) -> list[Estimate | Curve]:
    """Return what figures of a scope can quote: rows of its population under its strategy, or before any."""
    kept = (scope.missing, "")
    rows: list[Estimate | Curve] = [*scope.results.estimates, *scope.results.curves]
    return [row for row in rows if row.population == scope.population.name and row.missing in kept]
