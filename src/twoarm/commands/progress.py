"""Progress on standard error: a line a stage, and of a stage that takes long what it is at."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from twoarm.commands.exit_codes import tell

OFTEN, SELDOM = 10.0, 20.0  # seconds without a line until a new step is told, and until an old one is told again


class Progress:
    """Tells stages and seconds; a study that is quick sees its stages alone."""

    def __init__(self, quiet: bool = False, *, often: float = OFTEN, seldom: float = SELDOM) -> None:
        self._quiet, self._often, self._seldom = quiet, often, seldom
        self._start = self._told = time.monotonic()
        self._stage = self._step = ""
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if not self._quiet:
            self._thread = threading.Thread(target=self._remind, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def __call__(self, stage: str) -> None:
        """Tell a stage."""
        with self._lock:
            self._stage, self._step = stage, ""
            self._tell(stage)

    def step(self, step: str) -> None:
        """Tell what a stage is at, unless a line was told just before."""
        with self._lock:
            self._step = step
            if time.monotonic() - self._told >= self._often:
                self._tell(f"  {step}")

    def _tell(self, line: str) -> None:
        self._told = time.monotonic()
        if not self._quiet:
            tell(f"[{self._told - self._start:5.1f} s] {line}", err=True)

    def _remind(self) -> None:
        """Tell again where a stage stands that has said nothing for long."""
        while not self._ended.wait(min(1.0, self._seldom)):
            with self._lock:
                if self._stage and time.monotonic() - self._told >= self._seldom:
                    self._tell(f"  {self._step or self._stage} ...")
