"""Cross-products in fixed blocks of rows, so that the last bit does not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from threadpoolctl import ThreadpoolController

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.blocks import BLOCK, over_blocks, summed

CHUNK = BLOCK
COLLINEAR = 1e-10  # share of a standardised column's variance that the columns before it leave unexplained

_controller: ThreadpoolController | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Run BLAS on one thread: its sums change their last bits with the number of threads."""
    global _controller
    if _controller is None:
        _controller = ThreadpoolController()
    with _controller.limit(limits=1, user_api="blas"):
        yield


def weighted_cross_product(x: Floats, weight: Floats, y: Floats | None = None) -> Floats:
    """Return x' diag(weight) y of shape (p, q), added up chunk by chunk in fixed order; y is x by default."""
    right = x.T if y is None else y.T

    def part(rows: slice) -> Floats:
        return np.asarray((x.T[:, rows] * weight[rows]) @ right[:, rows].T)

    if x.shape[0] == 0:
        return np.zeros((x.shape[1], right.shape[0]))
    return summed(over_blocks(x.shape[0], part))


def linear_predictor(x: Floats, coefficients: Floats) -> Floats:
    """Return x @ coefficients, column by column, so that equal rows get equal bits (BLAS does not promise it)."""
    total = np.zeros(x.shape[0])
    for column, coefficient in enumerate(coefficients):
        if coefficient != 0.0:
            total += coefficient * x[:, column]
    return total


def solve_symmetric(information: Floats, right: Floats) -> Floats:
    """Solve a symmetric positive definite system after scaling its diagonal to one; LinAlgError if it is not."""
    diagonal = np.diag(information)
    if not (diagonal > 0).all():
        raise np.linalg.LinAlgError("no information on a term")
    scale = 1.0 / np.sqrt(diagonal)
    scaled = information * scale[:, None] * scale[None, :]
    solution = np.linalg.solve(scaled, (right.T * scale).T)
    return np.asarray((solution.T * scale).T)


def invert_symmetric(information: Floats) -> Floats:
    """Return the inverse of a symmetric positive definite matrix, itself exactly symmetric."""
    inverse = solve_symmetric(information, np.eye(information.shape[0]))
    return (inverse + inverse.T) / 2


def standardise(x: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (columns at mean 0 and SD 1, means, SDs); a constant column keeps SD 0 and becomes zeros."""
    total = weight.sum()
    means, deviations = np.empty(x.shape[1]), np.empty(x.shape[1])
    standardised = np.empty_like(x, order="F")
    for column in range(x.shape[1]):
        values = x[:, column]
        means[column] = (weight * values).sum() / total
        centred = values - means[column]
        deviation = np.sqrt((weight * centred * centred).sum() / total)
        constant = deviation <= 1e-12 * max(abs(means[column]), 1e-300) or values.min() == values.max()
        deviations[column] = 0.0 if constant else deviation
        standardised[:, column] = 0.0 if constant else centred / deviation
    return standardised, means, deviations


def independent_columns(gram: Floats, total: float) -> Booleans:
    """Say which columns are not combinations of the columns before them, from their cross-product (p, p).

    ``total`` is the cross-product that a column of standard deviation 1 would have with itself; a column with next to
    nothing of it carries no information. The later of two collinear columns goes, as in R's ``lm`` and ``coxph``.
    """
    p = gram.shape[0]
    keep = np.zeros(p, dtype=np.bool_)
    rest = gram.astype(np.float64, copy=True)
    for column in range(p):
        own = gram[column, column]
        if own > COLLINEAR * total and rest[column, column] > COLLINEAR * own:
            keep[column] = True
            rest = rest - np.outer(rest[:, column], rest[column]) / rest[column, column]
    return keep
