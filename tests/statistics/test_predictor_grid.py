"""Sums over the nodes of a grid are the sums over the patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from twoarm.statistics.predictor_grid import PredictorGrid

LAST_BITS = 2e-15  # of the largest value that a patient can add
STEEPEST = 0.521  # largest slope of the three functions: that of (1 - exp(-x))^2, x = h exp(eta), near x = 1.45
LEBESGUE = 2.55  # how much more than one node's error that of interpolation with 12 Chebyshev nodes can be
HALF_A_BIT = np.finfo(np.float64).eps / 2


def rounding(grid: PredictorGrid, predictor: np.ndarray) -> float:
    """What a patient's value can be off because nodes and the patient's place between them are rounded."""
    nodes, place = np.abs(grid.nodes).max(), np.ptp(predictor)
    return STEEPEST * HALF_A_BIT * (LEBESGUE * nodes + place)


@settings(max_examples=40, deadline=None)
@example(656541, 20.0, 1)  # a linear predictor of -32, whose own last bit counts
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 1.0, 20.0]), st.sampled_from([1, 2, 300]))
def test_sums_of_survival_and_hazards(seed: int, spread: float, patients: int) -> None:
    rng = np.random.default_rng(seed)
    predictor = rng.normal(scale=spread, size=patients)
    values = np.stack([np.ones(patients), rng.normal(size=patients)])
    grid = PredictorGrid.over(float(predictor.min()), float(predictor.max()))
    half = patients // 2
    moments = grid.moments(predictor[:half], values[:, :half]) + grid.moments(predictor[half:], values[:, half:])
    shared = grid.at_nodes(moments)
    assert shared.shape == (2, grid.nodes.size)
    bound = (LAST_BITS + rounding(grid, predictor)) * np.abs(values).sum()
    for hazard in np.exp([-predictor.max(), -predictor.mean(), -predictor.min() - 3.0]):
        for of in (
            lambda eta, h=hazard: np.exp(-h * np.exp(eta)),
            lambda eta, h=hazard: np.expm1(-h * np.exp(eta)) ** 2,
            lambda eta, h=hazard: h * np.exp(eta - h * np.exp(eta)),
        ):
            np.testing.assert_allclose(shared @ of(grid.nodes), values @ of(predictor), atol=bound, rtol=0)


def test_small_values_keep_their_digits() -> None:
    rng = np.random.default_rng(3)
    predictor = rng.normal(size=1_000)
    grid = PredictorGrid.over(float(predictor.min()), float(predictor.max()))
    shared = grid.at_nodes(grid.moments(predictor, np.ones((1, 1_000))))[0]
    for hazard in (1e-3, 1e-8, 1e-15):
        wanted = -np.expm1(-hazard * np.exp(predictor)).sum()
        assert shared @ -np.expm1(-hazard * np.exp(grid.nodes)) == pytest.approx(wanted, rel=1e-13)
