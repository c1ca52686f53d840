"""Outcome models of one adjusted cohort that several analyses read: each is fitted once, as far as memory goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from twoarm.statistics.blocks import resting
from twoarm.statistics.cox import CoxFit

MOST_BYTES = 4 * 2**30  # of what is kept; older fits make room for newer ones
_OF_A_ROW = 12  # numbers that a fit holds of each row besides its covariates


@dataclass(frozen=True, slots=True, eq=False)
class KeptFits:
    """Fits by what they are of; they are the same objects to everybody, and nobody changes them."""

    most_bytes: int = MOST_BYTES
    fits: list[tuple[tuple[object, ...], CoxFit]] = field(default_factory=list)  # the latest last
    turn: Lock = field(default_factory=Lock)  # one is looked up, or made, at a time

    def fit(self, of: tuple[object, ...], make: Callable[[], CoxFit]) -> CoxFit:
        """Return the fit of some objects, each the very same as before, or make and keep it."""
        if not self.turn.acquire(blocking=False):
            with resting():
                self.turn.acquire()
        try:
            return self._fit(of, make)
        finally:
            self.turn.release()

    def _fit(self, of: tuple[object, ...], make: Callable[[], CoxFit]) -> CoxFit:
        for known, fit in self.fits:
            if len(known) == len(of) and all(a is b for a, b in zip(known, of, strict=True)):
                return fit
        self._make_room()
        fit = make()
        if _size(fit) <= self.most_bytes:
            self.fits.append((of, fit))
        return fit

    def _make_room(self) -> None:
        """Let the oldest go while another fit as large as the largest would be too much."""
        sizes = [_size(fit) for _, fit in self.fits]
        while sizes and sum(sizes) + max(sizes) > self.most_bytes:
            del self.fits[0], sizes[0]


def _size(fit: CoxFit) -> int:
    return fit.problem.x.nbytes + _OF_A_ROW * 8 * fit.problem.patients.time.size
