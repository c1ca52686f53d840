"""A second process that draws figures; kept apart from the drawing, so that it can start before all imports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from twoarm.figures.fonts import Fonts
    from twoarm.protocol.protocol import Protocol
    from twoarm.results.curve import Curve
    from twoarm.results.estimate import Estimate
    from twoarm.results.results import Results

COPIES = sys.platform == "linux"
"""Whether the second process copies itself, library and all, once there is much to draw; other systems cannot do that
cheaply or safely, and the first process joins in."""
_BEGIN = "from twoarm.imports import import_quickly; import_quickly()"
_SERVE = "from twoarm.report.figure_server import serve; serve()"
_KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}
"""For GNU's C library: the room for a figure's pixels, some 40 MB, is kept for the next one; to get it anew from the
system, filled with zeros page by page, took a twentieth of a small study's processor time."""


AWAITED = frozenset({"hazard_ratio", "proportional_hazards", "restricted_mean", "standardised_survival"})
"""Analyses of a sample after which a figure of it can be drawn: all ``NamedFigure.until``."""


class Part(NamedTuple):
    """A part of the ledger that figures wait for."""

    population: str
    missing: str
    adjustment: str  # "": all samples of a strategy for missing values, and what it has beside them
    analysis: str  # "": all of a sample


class FigureHelper:
    """A second process that draws figures; started early, it imports the drawing library while the study runs."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", f"{_BEGIN}; {_SERVE}"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,  # nobody writes there; it is open as long as somebody draws
            stderr=subprocess.DEVNULL,
            env={**_KEPT_MEMORY, **os.environ},
            text=True,
            encoding="utf-8",
        )
        self._sent: tuple[Sequence[Estimate], Sequence[Curve]] = ((), ())
        self._looked, self._running = 0, Part("", "", "", "")
        self._begun: set[Part] = set()
        self._ended: set[Part] = set()

    def __enter__(self) -> FigureHelper:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(
        self, protocol: Protocol, results: Results, prefixes: list[str], folder: Path, claims: Path, fonts: Fonts
    ) -> None:
        """Hand the finished ledger over; the helper draws from the end of the list."""
        place = {"prefixes": prefixes, "folder": str(folder), "claims": str(claims), "fonts": asdict(fonts)}
        self._tell(protocol, results.estimates, results.curves, {"place": place})

    def draw_ahead(
        self, protocol: Protocol, rows: Sequence[Estimate], curves: Sequence[Curve], *, between: bool = False
    ) -> None:
        """Hand over what the ledger has so far, as soon as a part is finished that a figure waits for.

        Rows that come later must not change those that are there. ``between``: no sample is being analysed.
        """
        if len(rows) == self._looked and not between:  # asked before each step, of which an imputation has many
            return
        for row in rows[self._looked :]:
            if row.missing:
                self._running = Part(row.population, row.missing, row.adjustment, row.analysis)
                if row.adjustment:
                    self._begun.add(self._running)
        self._looked = len(rows)
        running = Part("", "", "", "") if between else self._running
        ended = {part for part in self._begun if part.analysis in AWAITED and part != running}
        ended |= {part._replace(analysis="") for part in self._begun if part[:3] != running[:3]}
        ended |= {part._replace(adjustment="", analysis="") for part in self._begun if part[:2] != running[:2]}
        if not ended <= self._ended:
            self._ended |= ended
            self._tell(protocol, rows, curves, {"ended": sorted(self._ended)})

    def _tell(
        self, protocol: Protocol, rows: Sequence[Estimate], curves: Sequence[Curve], what: Mapping[str, object]
    ) -> None:
        from twoarm.report.figure_task import line_of

        assert self._process.stdin is not None, "the helper reads its task"
        line = line_of(protocol, (rows, curves), self._sent, what)
        self._sent = tuple(rows), tuple(curves)
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()  # left open: when it closes, the study has ended
        except OSError:  # it died: every figure is left to this process
            return

    def is_there(self) -> bool:
        """Whether the helper has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Wait until the helper and its copies have finished their last figures."""
        open_while_drawing = self._process.stdout
        assert open_while_drawing is not None, "the helper was started with one"
        if not open_while_drawing.closed:
            open_while_drawing.read()  # an interruption leaves it open, to be waited for when the helper is stopped
            open_while_drawing.close()
        self._process.wait()

    def stop(self) -> None:
        """End the helper and its copies if they are still there."""
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # a task that it did not read
                self._process.stdin.close()  # which ends the copies
        self.wait()
