"""Cross-products in fixed blocks of rows, so that the last bit does not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
from threadpoolctl import LibController, ThreadpoolController

from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.blocks import BLOCK, over_blocks, summed

CHUNK = BLOCK
COLLINEAR = 1e-10  # share of a standardised column's variance that the columns before it leave unexplained
CLEAR = 1e-3  # root of a share that rounding cannot bring down to COLLINEAR

_controller: ThreadpoolController | None = None
_limit = Lock()
_inside = 0  # how many blocks of code ask for one thread at this moment
_before: list[tuple[LibController, int]] = []  # what to return to


@contextmanager
def one_thread() -> Iterator[None]:
    """Run BLAS on one thread: its sums change their last bits with the number of threads.

    Kernels ask for it one inside the other, and the setting is of the process: the first to come sets it, and the last
    to go sets it back.
    """
    global _controller, _inside
    with _limit:
        if _inside == 0:
            if _controller is None:
                _controller = ThreadpoolController().select(user_api="blas")
            _before[:] = [(library, library.num_threads) for library in _controller.lib_controllers]
            for library, _ in _before:
                library.set_num_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _limit:
            _inside -= 1
            if _inside == 0:
                for library, threads in _before:
                    library.set_num_threads(threads)


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
    diagonal = information.diagonal()
    if diagonal.size == 1 and diagonal[0] > 0:
        return np.asarray(right / diagonal[0])
    if not all(value > 0 for value in diagonal.tolist()):
        raise np.linalg.LinAlgError("no information on a term")
    scale = 1.0 / np.sqrt(diagonal)
    scaled = information * scale[:, None] * scale
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
    if _clearly_independent(gram, total):
        return np.ones(p, dtype=np.bool_)
    keep = np.zeros(p, dtype=np.bool_)
    rest = gram.astype(np.float64, copy=True)
    for column in range(p):
        own = gram[column, column]
        if own > COLLINEAR * total and rest[column, column] > COLLINEAR * own:
            keep[column] = True
            rest = rest - np.outer(rest[:, column], rest[column]) / rest[column, column]
    return keep


def _clearly_independent(gram: Floats, total: float) -> bool:
    """Say whether each column has far more of its own than ``COLLINEAR``, so that they need not be taken one by one."""
    own = gram.diagonal()
    if not all(value > COLLINEAR * total for value in own.tolist()):
        return False
    if own.size <= 1:
        return True
    scale = 1.0 / np.sqrt(own)
    try:
        factor = np.linalg.cholesky(gram * scale[:, None] * scale)
    except np.linalg.LinAlgError:
        return False
    return all(value > CLEAR for value in factor.diagonal().tolist())
