"""Columns of a design matrix about their means, stored one after the other behind a row of ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.blocks import over_blocks, summed

CONSTANT = 1e-12  # an SD below this share of the mean's size is rounding


@dataclass(frozen=True, slots=True, eq=False)
class CentredColumns:
    """Design columns minus their weighted means; a constant column has SD 0."""

    terms: Floats  # transposed, the first row ones, shape (p + 1, n)
    means: Floats  # (p,)
    deviations: Floats  # weighted SDs, (p,)
    gram: Floats  # cross-product of the columns at mean 0 and SD 1, (p, p); zeros for a constant column
    total: float  # sum of the weights

    def only(self, kept: Integers) -> Floats:
        """Return the ones and the kept columns, shape (q + 1, n); no copy when all are kept."""
        if kept.size == self.means.size:
            return self.terms
        return np.ascontiguousarray(self.terms[np.concatenate(([0], kept + 1))])


def centre_columns(x: Floats, weight: Floats, order: Integers | None = None) -> CentredColumns:
    """Return columns (n, p) about their means under weights (n,), rows in ``order`` (by default as they come).

    >>> centre_columns(np.array([[1.0, 7.0], [3.0, 7.0]]), np.ones(2)).terms.tolist()
    [[1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]
    """
    n, p = x.shape
    total = float(weight.sum())
    means, flat = _means(x, weight, total)
    by_column = not x.flags.c_contiguous
    terms = np.empty((p + 1, n))

    def fill(rows: slice) -> Floats:
        block = terms[1:, rows]
        terms[0, rows] = 1.0
        if order is None:
            np.subtract(x[rows].T, means[:, None], out=block)
            times = weight[rows]
        else:
            taken = order[rows]
            times = weight[taken]
            if by_column:
                for j in range(p):
                    np.subtract(x[:, j].take(taken), means[j], out=block[j])
            else:
                np.subtract(x.take(taken, axis=0).T, means[:, None], out=block)
        return np.asarray((block * times) @ block.T)

    gram = summed(over_blocks(n, fill)) if n else np.zeros((p, p))
    deviations = np.sqrt(np.diag(gram) / total)
    deviations[flat | (deviations <= CONSTANT * np.maximum(np.abs(means), 1e-300))] = 0.0
    inverse = np.zeros(p)
    np.divide(1.0, deviations, out=inverse, where=deviations > 0)
    return CentredColumns(terms, means, deviations, gram * np.outer(inverse, inverse), total)


def _means(x: Floats, weight: Floats, total: float) -> tuple[Floats, Booleans]:
    """Return (weighted means, whether all values are equal) of each column."""

    def sums(rows: slice) -> tuple[Floats, Floats, Floats]:
        block = x[rows].T.copy()
        return block @ weight[rows], block.min(axis=1), block.max(axis=1)

    parts = over_blocks(x.shape[0], sums)
    lowest, highest = np.min([part[1] for part in parts], axis=0), np.max([part[2] for part in parts], axis=0)
    return summed([part[0] for part in parts]) / total, np.asarray(lowest == highest)


def scaled(terms: Floats, scale: Floats) -> Floats:
    """Divide terms (q, n) by their scale (q,), in place; return them."""

    def divide(rows: slice) -> None:
        terms[:, rows] /= scale[:, None]

    over_blocks(terms.shape[1], divide)
    return terms


def predict(terms: Floats, coefficients: Floats) -> Floats:
    """Return the linear predictor (n,) of ``terms`` (q, n), term by term, so that equal rows get equal bits."""
    out = np.zeros(terms.shape[1])

    def fill(rows: slice) -> None:
        total = out[rows]
        for term, coefficient in zip(terms[:, rows], coefficients.tolist(), strict=True):
            total += term * coefficient

    over_blocks(out.size, fill)
    return out
