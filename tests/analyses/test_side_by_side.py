"""Pieces of work on several threads: their order, their errors, and the cores that they take and give back."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

from twoarm.analyses.kept_fits import KeptFits
from twoarm.analyses.side_by_side import side_by_side
from twoarm.statistics import blocks
from twoarm.statistics.blocks import THREADS, give_back_cores, over_blocks, resting, take_cores
from twoarm.statistics.cox import CoxFit, fit_cox


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "3")


def free() -> int:
    taken = take_cores(100)
    give_back_cores(taken)
    return taken


@pytest.mark.parametrize("most", [1, 2, 100])
def test_every_piece_is_done_once_and_the_cores_are_given_back(most: int) -> None:
    done: list[int] = []
    side_by_side([partial(done.append, k) for k in range(50)], most=most)
    assert sorted(done) == list(range(50))
    assert most > 1 or done == list(range(50))
    assert free() == 2
    side_by_side([], most=most)


def test_pieces_are_at_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)
    side_by_side([together.wait] * 3, most=3)


def test_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "1")
    seen: set[int] = set()
    side_by_side([lambda: seen.add(threading.get_ident())] * 20, most=4)
    assert seen == {threading.get_ident()}


def test_blocks_share_the_cores_that_pieces_leave() -> None:
    assert free() == 2
    together, inside = threading.Barrier(2, timeout=30), []

    def piece() -> None:
        together.wait()
        inside.append(free())
        together.wait()

    side_by_side([piece, piece], most=2)
    assert inside == [1, 1]
    taken = take_cores(2)
    assert over_blocks(100, lambda rows: threading.get_ident(), size=1) == [threading.get_ident()] * 100
    give_back_cores(taken)
    with resting():
        assert free() == 3


def test_the_first_error_is_raised_and_nothing_is_begun_after_it() -> None:
    begun: list[int] = []

    def piece(k: int) -> None:
        begun.append(k)
        if k == 3:
            raise ZeroDivisionError("in a piece")

    with pytest.raises(ZeroDivisionError, match="in a piece"):
        side_by_side([partial(piece, k) for k in range(1000)], most=1)
    assert begun == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError, match="in a piece"):
        side_by_side([partial(piece, k) for k in range(1000)], most=3)
    assert len(begun) < 1000
    assert free() == 2


def test_threads_keep_the_error_state() -> None:
    found: list[bool] = []
    with np.errstate(divide="ignore"):
        side_by_side([lambda: found.append(bool(np.isinf(np.ones(1) / np.zeros(1)).all()))] * 20, most=3)
    assert found == [True] * 20


def test_a_fit_that_several_ask_for_is_made_once() -> None:
    kept, made, asked = KeptFits(), [], threading.Barrier(3, timeout=30)
    one, found = object(), []

    def make() -> CoxFit:
        made.append(1)
        return fit_cox(time=[1, 2, 3, 4], event=[1, 1, 1, 0], covariates=[[0], [1], [0], [1]])

    def ask() -> None:
        asked.wait()
        found.append(kept.fit((one,), make))

    side_by_side([ask] * 3, most=3)
    assert len(made) == 1
    assert found[0] is found[1] is found[2]
    assert blocks._at_work == 1
