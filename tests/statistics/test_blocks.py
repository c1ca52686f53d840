"""Blocks of rows: their order, and the same bytes whatever the number of threads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twoarm.errors import ArgumentError
from twoarm.statistics.blocks import BLOCK, THREADS, over_blocks, summed, thread_count
from twoarm.statistics.columns import predict, standard_columns
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.standardised_difference import arm_moments

N = 18 * BLOCK + 11  # more blocks of either length than four threads need
SUMS = 1e-12  # sums of a hundred and fifty thousand terms


@pytest.fixture(scope="module")
def patients():
    g = np.random.default_rng(5)
    x = np.column_stack([g.random(N) < 0.3, g.normal(2020, 3, N), g.normal(size=N)])
    arm = g.random(N) < 1 / (1 + np.exp(1 - 0.4 * x[:, 2]))
    time = np.ceil(g.exponential(400 * np.exp(-0.3 * x[:, 2])))
    return x, arm, time, g.random(N) < 0.6


def test_results_come_in_the_order_of_the_blocks(monkeypatch):
    monkeypatch.setenv(THREADS, "3")
    starts = over_blocks(1000, lambda rows: (rows.start, rows.stop), size=10)
    assert starts == [(k, k + 10) for k in range(0, 1000, 10)]
    assert over_blocks(0, lambda rows: rows) == []
    assert over_blocks(11, lambda rows: rows.stop, size=10) == [10, 11]


def test_an_error_in_a_block_is_raised(monkeypatch):
    monkeypatch.setenv(THREADS, "2")

    def fail(rows):
        if rows.start == 500:
            raise ZeroDivisionError("in a block")

    with pytest.raises(ZeroDivisionError, match="in a block"):
        over_blocks(1000, fail, size=10)


def test_threads_keep_the_error_state(monkeypatch):
    monkeypatch.setenv(THREADS, "2")
    with np.errstate(divide="ignore"):
        assert np.isinf(over_blocks(1000, lambda rows: np.ones(1) / np.zeros(1), size=10)).all()


@pytest.mark.parametrize("bad", ["0", "-1", "two", "1.5", "²"])
def test_a_number_of_threads_that_is_none(monkeypatch, bad):
    monkeypatch.setenv(THREADS, bad)
    with pytest.raises(ArgumentError, match=r"TWOARM_THREADS: found .*; expected a whole number of at least 1"):
        thread_count()


def _bytes(value):
    if dataclasses.is_dataclass(value):
        return b"".join(_bytes(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return repr(value).encode()


@pytest.mark.parametrize(
    "work",
    [
        lambda x, arm, time, event: fit_logistic(outcome=arm, covariates=x),
        lambda x, arm, time, event: fit_cox(time=time, event=event, covariates=x),
        lambda x, arm, time, event: fit_cox(time=time, event=event, covariates=x, cluster=np.arange(N) // 2),
        lambda x, arm, time, event: fit_cox(time=time, event=event, covariates=np.asfortranarray(x), ties="breslow"),
        lambda x, arm, time, event: arm_moments(np.tile(x[:, 1], 15), np.tile(arm, 15))[0],
    ],
    ids=["logistic", "cox", "cox, clustered", "cox, breslow", "moments"],
)
def test_bytes_do_not_depend_on_the_number_of_threads(monkeypatch, patients, work):
    found = set()
    for threads in ("1", "2", "5"):
        monkeypatch.setenv(THREADS, threads)
        found.add(_bytes(work(*patients)))
    assert len(found) == 1


def test_standard_columns_of_either_layout_and_any_order(patients):
    x = patients[0]
    weight = np.random.default_rng(1).integers(1, 4, N).astype(float)
    order = np.random.default_rng(2).permutation(N)
    for design in (x, np.asfortranarray(x)):
        for rows in (None, order):
            found = standard_columns(design, weight, rows)
            means = np.average(x, axis=0, weights=weight)
            deviations = np.sqrt(np.average((x - means) ** 2, axis=0, weights=weight))
            assert found.means == pytest.approx(means, rel=SUMS)
            assert found.deviations == pytest.approx(deviations, rel=SUMS)
            standing = (x - means) / deviations
            np.testing.assert_allclose(
                found.gram / weight.sum(), (standing.T * weight) @ standing / weight.sum(), atol=1e-11
            )
            wanted = standing[slice(None) if rows is None else rows]
            np.testing.assert_allclose(found.terms[1:], wanted.T, atol=1e-10)  # 2020 keeps thirteen digits
            assert (found.terms[0] == 1).all()
            np.testing.assert_allclose(found.only(np.array([2]))[1], wanted[:, 2], atol=1e-10)


def test_a_constant_column_of_many_rows_is_constant():
    weight = np.random.default_rng(1).exponential(size=N)
    for layout in ("C", "F"):
        found = standard_columns(np.full((N, 2), [0.1, 2025.7], order=layout), weight)
        assert found.deviations.tolist() == [0, 0]
        assert not found.terms[1:].any()


def test_predictions_give_equal_rows_equal_bits():
    row = np.random.default_rng(1).normal(size=(7, 1))
    assert np.unique(predict(np.repeat(row, 5 * BLOCK + 3, axis=1), np.linspace(-1, 1, 7))).size == 1


def test_sum_of_parts():
    assert summed([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist() == [4.0, 6.0]
