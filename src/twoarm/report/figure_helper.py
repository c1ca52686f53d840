"""A second process that draws figures; kept apart from the drawing, so that it can start before all imports."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twoarm.figures.fonts import Fonts
    from twoarm.protocol.protocol import Protocol
    from twoarm.results.curve import Curve
    from twoarm.results.results import Results


def _drawn(curve: Curve) -> Curve:
    """Return what is drawn of a curve."""
    from twoarm.results.curve import MOST_EVENTS

    return curve.sampled(MOST_EVENTS) if curve.kind == "schoenfeld" else curve


class FigureHelper:
    """A second process that draws figures; started early, it imports the drawing library while the study runs."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from twoarm.report.figure_server import serve; serve()"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> FigureHelper:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(
        self, protocol: Protocol, results: Results, prefixes: list[str], folder: Path, claims: Path, fonts: Fonts
    ) -> None:
        """Hand the ledger over; the helper draws from the end of the list."""
        place = {"prefixes": prefixes, "folder": str(folder), "claims": str(claims), "fonts": asdict(fonts)}
        self._tell(protocol, results, place)

    def draw_ahead(self, protocol: Protocol, results: Results) -> None:
        """Hand over what the ledger has so far: figures that are finished by the time they are wanted are taken."""
        self._tell(protocol, results, None)

    def _tell(self, protocol: Protocol, results: Results, place: Mapping[str, object] | None) -> None:
        task = {
            "protocol": protocol.model_dump_json(),
            "estimates": results.estimates_json(),
            "curves": replace(results, curves=tuple(_drawn(curve) for curve in results.curves)).curves_json(),
            "place": place,
        }
        assert self._process.stdin is not None, "the helper reads its task"
        try:
            self._process.stdin.write(f"{json.dumps(task)}\n")
            self._process.stdin.flush()  # left open: when it closes, the study has ended
        except OSError:  # it died: every figure is left to this process
            return

    def wait(self) -> None:
        """Wait until the helper has finished its last figure."""
        self._process.wait()

    def stop(self) -> None:
        """End the helper if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # a task that it did not read
                self._process.stdin.close()
