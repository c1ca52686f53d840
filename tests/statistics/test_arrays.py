"""Every refusal at the entry of a statistic, and that it names the argument."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2"], "x: found <U1 values; expected numbers"),
        (np.array([1, None], dtype=object), "x: found object values; expected numbers"),
        (
            np.array(["2020-01-01"], dtype="datetime64[D]"),
            r"x: found datetime64\[D\] values; expected numbers",
        ),
        ([1 + 2j], "x: found complex128 values"),
        ([[1.0, 2.0]], "x: found 2 dimensions; expected one"),
        (3.0, "x: found 0 dimensions; expected one"),
        ([1.0, np.nan, np.inf], "x: found 2 missing or infinite values"),
    ],
)
def test_numbers_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^{message}"):
        arrays.numbers("x", values)


def test_numbers_refuses_another_length():
    with pytest.raises(ArgumentError, match=r"^x: found 2 values; expected 3, one a patient"):
        arrays.numbers("x", [1, 2], 3)


def test_numbers_returns_floats():
    found = arrays.numbers("x", [True, False])
    assert (found.dtype, found.tolist()) == (np.float64, [1.0, 0.0])


def test_times_refuses_negative_ones():
    with pytest.raises(ArgumentError, match=r"^time: found 2 negative times; expected times of at least 0"):
        arrays.times("time", [-1, 0, -0.5])


def test_time_zero_is_a_time():
    assert arrays.times("time", [0, -0.0]).tolist() == [0, 0]


@pytest.mark.parametrize("entry", [[0, 3], [0, 4]])
def test_entries_refuses_entry_at_or_after_the_time(entry):
    with pytest.raises(ArgumentError, match=r"^entry: found 1 patients who enter at or after their time"):
        arrays.entries(entry, np.array([2.0, 3.0]))


@pytest.mark.parametrize(("entry", "message"), [([0], "found 1 values; expected 2"), ([0, np.nan], "found 1 missing")])
def test_entries_refuses(entry, message):
    with pytest.raises(ArgumentError, match=f"^entry: {message}"):
        arrays.entries(entry, np.array([2.0, 3.0]))


def test_entries_may_be_negative_and_none():
    assert arrays.entries([-5, 0], np.array([2.0, 3.0])).tolist() == [-5, 0]
    assert arrays.entries(None, np.array([2.0])) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 0], r"found shape \(2,\); expected \(3,\)"),
        ([[1], [0], [1]], r"found shape \(3, 1\)"),
        (["1", "0", "1"], "found <U1 values; expected booleans or 0 and 1"),
        (np.array([True, None, False], dtype=object), "found object values"),
        ([1, 2, 1], "found codes outside 0 and 1"),
        ([1, 0, -1], "found codes outside 0 and 1"),
        ([1.0, 0.0, np.nan], "found codes outside 0 and 1"),
        ([12.5, 30.0, 7.0], "found codes outside 0 and 1"),
    ],
)
def test_events_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^event: {message}"):
        arrays.events("event", values, 3)


@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0], np.array([1, 0], dtype=np.uint8)])
def test_events_accepts_booleans_and_codes(values):
    assert arrays.events("event", values, 2).tolist() == [True, False]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b"], r"found shape \(2,\); expected \(3,\)"),
        ([["a"], ["b"], ["c"]], r"found shape \(3, 1\)"),
        ([1.0, np.nan, np.nan], "found 2 missing values"),
        (np.array(["a", None, "b"], dtype=object), "found missing values"),
        (np.array(["a", float("nan"), "b"], dtype=object), "found missing values"),
    ],
)
def test_codes_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^arm: {message}"):
        arrays.codes("arm", values, 3)


def test_codes_are_ranks_of_the_sorted_labels():
    codes, labels = arrays.codes("arm", ["是", "a", "B", "a"], 4)
    assert labels.tolist() == ["B", "a", "是"]
    assert (codes.tolist(), codes.dtype) == ([2, 1, 0, 1], np.int64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, -0.5], "found negative weights or nothing but zeros"),
        ([0, 0], "found negative weights or nothing but zeros"),
        ([1, np.nan], "found 1 missing or infinite"),
        ([1], "found 1 values; expected 2"),
    ],
)
def test_weights_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^weight: {message}"):
        arrays.weights(values, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 0], "expected whole numbers of at least 1; fractional weights go to weight="),
        ([1, 1.5], "expected whole numbers of at least 1"),
        ([1, np.inf], "found 1 missing or infinite"),
        ([1, 1, 1], "found 3 values; expected 2"),
    ],
)
def test_frequencies_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^frequency: {message}"):
        arrays.frequencies(values, 2)


def test_without_weights_everybody_counts_once():
    assert arrays.weights(None, 2).tolist() == arrays.frequencies(None, 2).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([["a", "b"]], "found <U1 values; expected numbers"),
        ([[1, 2]], r"found shape \(1, 2\); expected \(2, p\)"),
        (np.zeros((2, 1, 1)), r"found shape \(2, 1, 1\)"),
        ([[1, np.nan], [np.inf, 2]], "found 2 missing or infinite"),
    ],
)
def test_matrix_refuses(values, message):
    with pytest.raises(ArgumentError, match=f"^covariates: {message}"):
        arrays.matrix("covariates", values, 2)


def test_a_vector_becomes_one_column():
    found = arrays.matrix("covariates", [1, 2], 2)
    assert found.tolist() == [[1.0], [2.0]]
    assert found.flags.f_contiguous


@pytest.mark.parametrize("value", [0, 1, 95, -0.5, float("nan")])
def test_level_refuses(value):
    with pytest.raises(ArgumentError, match=r"^confidence_level: found"):
        arrays.level(value)


def test_no_refusal_shows_a_value_of_a_patient():
    with pytest.raises(ArgumentError) as refusal:
        arrays.times("time", [-98765.4321, 5])
    assert "98765" not in str(refusal.value)


@pytest.mark.parametrize(
    "values",
    [
        [3.0, 1.0, 3.0, 0.0],
        [0.5, 2.0, 0.5],
        [-1.0, 2.0, 2.0],
        [1e9, 3.0],
        [True, False, True],
        np.array([7, 7, 2], dtype=np.int32),
        np.array([200, 3], dtype=np.uint8),
        np.array([-3, 3]),
        [],
    ],
)
def test_distinct_values_are_those_of_unique(values):
    array = np.asarray(values)
    found, want = arrays.distinct(array), np.unique(array, return_inverse=True)
    assert found[0].tolist() == want[0].tolist()
    assert found[0].dtype == array.dtype
    assert found[1].tolist() == want[1].tolist()


@pytest.mark.parametrize("values", [[0.0, 1, 2, 3, 9], [0.5, 2.0, 7.0], [1e9, 1.0]])
def test_count_up_to_is_a_search(values):
    ticks, array = np.array([1.0, 2.5, 3.0]), np.asarray(values, dtype=np.float64)
    assert arrays.count_up_to(ticks, array).tolist() == np.searchsorted(ticks, array, side="right").tolist()
