"""Sums over patients of smooth functions of their linear predictor, from sums at the nodes of a grid.

What a survival model predicts of a patient is a smooth function f of the linear predictor, such as exp(-H exp(eta)).
Between the ends of a short interval f is a polynomial to the last bits, so that its values at a few nodes give it
everywhere: each patient's weight is shared out among the nodes of an interval, once, and the sum over patients of
weight times f is then that over the nodes, for as many f as are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twoarm.statistics.arrays import Floats, Integers

WIDTH = 0.25  # of an interval
NODES = (
    12  # in each: exp(-H exp(eta)) is bounded where |Im eta| < pi / 2, so the error falls by (4 pi)^2 with two nodes
)


@dataclass(frozen=True, eq=False)
class PredictorGrid:
    """Intervals of linear predictors, each with Chebyshev's nodes (Trefethen 2013, chapters 2 and 8)."""

    low: float
    intervals: int

    @classmethod
    def over(cls, low: float, high: float) -> PredictorGrid:
        """Return a grid that reaches from one linear predictor to another.

        >>> PredictorGrid.over(-1.0, 1.0).intervals
        9
        """
        return cls(low, int((high - low) / WIDTH) + 1)

    @cached_property
    def nodes(self) -> Floats:
        """The linear predictors at the nodes, interval by interval, shape (intervals x nodes,)."""
        middles = self.low + WIDTH * (np.arange(self.intervals) + 0.5)
        return np.asarray(np.add.outer(middles, WIDTH / 2 * np.cos(_angles())).ravel())

    def moments(self, predictor: Floats, values: Floats) -> Floats:
        """Sum values (k, b) times Chebyshev's polynomials of b patients' place in their interval.

        Returns shape (k, intervals, nodes); moments of several patients or blocks of them add up.
        """
        interval, place = self._places(predictor)
        order = np.argsort(interval, kind="stable")
        interval, polynomials, values = interval[order], _chebyshev(place[order]), values.take(order, axis=1)
        out = np.zeros((values.shape[0], self.intervals, NODES))
        bounds = np.searchsorted(interval, np.arange(self.intervals + 1)).tolist()
        for one, (start, stop) in enumerate(pairwise(bounds)):
            if stop > start:
                out[:, one] = values[:, start:stop] @ polynomials[:, start:stop].T
        return out

    def moments_between(self, predictor: Floats, values: Floats, starts: Integers) -> Floats:
        """Return the moments of values (k, b) from each of p starts to the next, shape (k, p, intervals, nodes).

        For few patients: it needs nodes times the room of the values.
        """
        interval, place = self._places(predictor)
        key = np.repeat(np.arange(starts.size), np.diff(starts, append=predictor.size)) * self.intervals + interval
        order = np.argsort(key, kind="stable")
        key = key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        each = values.take(order, axis=1)[:, None] * _chebyshev(place[order])
        out = np.zeros((values.shape[0], starts.size * self.intervals, NODES))
        out[:, key[first]] = np.add.reduceat(each, first, axis=2).swapaxes(1, 2)
        return out.reshape(values.shape[0], starts.size, self.intervals, NODES)

    def _places(self, predictor: Floats) -> tuple[NDArray[np.uint16], Floats]:
        """Return the interval of each of b patients, and the place there, from -1 to 1."""
        place = (predictor - self.low) / WIDTH
        interval = np.minimum(place.astype(np.uint16), self.intervals - 1)
        return interval, 2 * (place - interval) - 1

    def at_nodes(self, moments: Floats) -> Floats:
        """Return the values that patients share out among the nodes (..., intervals x nodes), from their moments."""
        share = _chebyshev(np.cos(_angles())) * 2 / NODES
        share[0] /= 2
        return np.asarray((moments @ share).reshape(*moments.shape[:-2], -1))


def _angles() -> Floats:
    return np.pi * (np.arange(NODES) + 0.5) / NODES


def _chebyshev(place: Floats) -> Floats:
    """Return Chebyshev's polynomials of degree 0 and more at places (b,) between -1 and 1, shape (nodes, b)."""
    out = np.empty((NODES, place.size))
    out[0], out[1] = 1.0, place
    twice = 2 * place
    for degree in range(2, NODES):
        np.multiply(twice, out[degree - 1], out=out[degree])
        out[degree] -= out[degree - 2]
    return out
