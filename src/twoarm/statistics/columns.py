"""Columns of a design matrix at mean 0 and SD 1, stored one after the other behind a row of ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.blocks import over_blocks, summed

CONSTANT = 1e-12  # an SD below this share of the mean's size is rounding


@dataclass(frozen=True, slots=True, eq=False)
class StandardColumns:
    """Design columns at weighted mean 0 and SD 1; a constant column has SD 0 and is zeros."""

    terms: Floats  # transposed, the first row ones, shape (p + 1, n)
    means: Floats  # (p,)
    deviations: Floats  # weighted SDs, (p,)
    gram: Floats  # weighted cross-product of the standardised columns, (p, p)
    total: float  # sum of the weights

    def only(self, kept: Integers) -> Floats:
        """Return the ones and the kept columns, shape (q + 1, n); no copy when all are kept."""
        if kept.size == self.means.size:
            return self.terms
        return np.ascontiguousarray(self.terms[np.concatenate(([0], kept + 1))])


def standard_columns(x: Floats, weight: Floats, order: Integers | None = None) -> StandardColumns:
    """Return columns (n, p) standardised under weights (n,), rows in ``order`` (by default as they come).

    >>> standard_columns(np.array([[1.0, 7.0], [3.0, 7.0]]), np.ones(2)).terms.tolist()
    [[1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]
    """
    n, p = x.shape
    means, deviations = _moments(x, weight)
    flat = deviations <= CONSTANT * np.maximum(np.abs(means), 1e-300)
    scale = deviations[:, None]
    if flat.any():
        deviations[flat] = 0.0
        scale = np.where(flat, np.inf, deviations)[:, None]
    by_column = not x.flags.c_contiguous
    alike = bool((weight == 1.0).all())  # a matrix times itself is less work
    terms = np.empty((p + 1, n))

    def fill(rows: slice) -> Floats:
        block, times = terms[1:, rows], weight[rows]
        terms[0, rows] = 1.0
        if order is None:
            np.subtract(x[rows].T, means[:, None], out=block)
        else:
            taken = order[rows]
            times = weight[taken]
            if by_column:
                for j in range(p):
                    np.subtract(x[:, j].take(taken), means[j], out=block[j])
            else:
                np.subtract(x.take(taken, axis=0).T, means[:, None], out=block)
        block /= scale
        return np.asarray((block if alike else block * times) @ block.T)

    gram = summed(over_blocks(n, fill)) if n else np.zeros((p, p))
    return StandardColumns(terms, means, deviations, gram, float(weight.sum()))


def _moments(x: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return (weighted means, SDs) of each column, in one pass over blocks.

    Source: Chan, Golub and LeVeque (1983), equation 2.1, for the squares of blocks about their own means.
    """

    def part(rows: slice) -> Floats:
        block, times = x[rows].T, weight[rows]
        total = float(times.sum())
        mean = block @ times / total if total > 0 else block[:, 0]
        centred = np.subtract(block, mean[:, None], order="C")
        centred *= centred
        out = np.empty((3, mean.size))
        out[0], out[1], out[2] = total, mean, centred @ times
        return out

    p = x.shape[1]
    total, mean, squares = np.zeros(p), np.zeros(p), np.zeros(p)
    parts = over_blocks(x.shape[0], part)
    if len(parts) == 1:
        total, mean, squares = parts[0]
        return mean, np.sqrt(squares / total)
    for own, own_mean, own_squares in parts:
        together = np.where(total + own > 0, total + own, 1.0)
        away = own_mean - mean
        squares = squares + own_squares + away * away * total * own / together
        mean = mean + away * own / together
        total = total + own
    return mean, np.sqrt(squares / total)


def predict(terms: Floats, coefficients: Floats) -> Floats:
    """Return the linear predictor (n,) of ``terms`` (q, n), term by term, so that equal rows get equal bits."""
    out = np.zeros(terms.shape[1])

    def fill(rows: slice) -> None:
        total = out[rows]
        for term, coefficient in zip(terms[:, rows], coefficients.tolist(), strict=True):
            total += term * coefficient

    over_blocks(out.size, fill)
    return out
