"""Cross-products, scaled solves, and which of several collinear columns goes."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics.linear_algebra import (
    CHUNK,
    independent_columns,
    invert_symmetric,
    linear_predictor,
    one_thread,
    solve_symmetric,
    standardise,
    weighted_cross_product,
)

SUMS = 1e-12  # sums of forty thousand terms, each good to 1e-16
SOLVES = 1e-10  # a well-conditioned system after scaling


@pytest.mark.parametrize("n", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_cross_product_over_chunks(n):
    rng = np.random.default_rng(n)
    x, y, weight = rng.normal(size=(n, 3)), rng.normal(size=(n, 2)), rng.random(n)
    scale = np.sqrt(n)
    assert weighted_cross_product(x, weight) / scale == pytest.approx((x.T * weight) @ x / scale, rel=SUMS, abs=SUMS)
    assert weighted_cross_product(x, weight, y) / scale == pytest.approx((x.T * weight) @ y / scale, rel=SUMS, abs=SUMS)


def test_cross_product_is_the_same_to_the_bit_on_every_call():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(50_000, 6)), rng.random(50_000)
    with one_thread():
        first = weighted_cross_product(x, weight)
        for _ in range(3):
            np.testing.assert_array_equal(weighted_cross_product(x, weight), first)


def test_linear_predictor_gives_equal_rows_equal_bits():
    rng = np.random.default_rng(1)
    row = rng.normal(size=7)
    x = np.tile(row, (1001, 1))
    x[::3] = rng.normal(size=(334, 7))
    found = linear_predictor(x, rng.normal(size=7))
    equal = np.arange(1001) % 3 != 0
    assert np.unique(found[equal]).size == 1


def test_a_coefficient_of_zero_skips_its_column():
    x = np.array([[1.0, np.inf], [2.0, 5.0]])
    assert linear_predictor(x, np.array([2.0, 0.0])).tolist() == [2.0, 4.0]


def test_scaled_solve_of_very_different_scales():
    scale = np.array([1e-8, 1.0, 1e9])
    well = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 3.0]])
    badly = well * np.outer(scale, scale)
    truth = np.array([3.0, -2.0, 0.5]) / scale
    assert solve_symmetric(badly, badly @ truth) == pytest.approx(truth, rel=SOLVES)
    inverse = invert_symmetric(badly)
    np.testing.assert_array_equal(inverse, inverse.T)
    assert inverse * np.outer(scale, scale) == pytest.approx(np.linalg.inv(well), rel=SOLVES)


def test_standardise():
    x = np.column_stack([[1.0, 2.0, 4.0], [7.0, 7.0, 7.0], [1e9, 1e9 + 1, 1e9 + 2]])
    weight = np.array([1.0, 2.0, 1.0])
    standardised, means, deviations = standardise(x, weight)
    assert means == pytest.approx([2.25, 7, 1e9 + 1], rel=SUMS)
    assert (weight[:, None] * standardised).sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-7)  # 1e9 keeps 7 digits
    assert deviations[[0, 2]] == pytest.approx([np.sqrt(19 / 16), np.sqrt(0.5)], rel=1e-7)
    assert deviations[1] == 0
    assert standardised[:, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("columns", "keep"),
    [
        ([[1, 0, 2], [0, 1, 1]], [True, True]),
        ([[1, 0, 2], [2, 0, 4], [0, 1, 0]], [True, False, True]),
        ([[0, 0, 0], [1, 2, 3]], [False, True]),
        ([[1, 0, 2], [0, 1, 1], [1, 1, 3]], [True, True, False]),
    ],
    ids=["independent", "the later twin goes", "nothing but zeros", "a sum of the two before"],
)
def test_independent_columns(columns, keep):
    x = np.array(columns, dtype=float).T
    assert independent_columns(x.T @ x, len(x)).tolist() == keep


def test_nearly_collinear_columns_stay():
    rng = np.random.default_rng(2)
    first = rng.normal(size=500)
    x = np.column_stack([first, first + 1e-3 * rng.normal(size=500)])
    assert independent_columns(x.T @ x, len(x)).tolist() == [True, True]
