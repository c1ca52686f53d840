"""Independent pieces of work side by side, on the cores on which nobody works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock, Thread

import numpy as np

from twoarm.statistics.blocks import give_back_cores, resting, take_cores


def side_by_side(pieces: Iterable[Callable[[], None]], *, most: int) -> None:
    """Do some pieces of work, each writing to a place of its own; several threads where cores are free.

    Pieces are begun in their order. The thread that asks works, too, and where a helper finds nothing left to begin,
    its core is free for the blocks of the pieces that are still at work.

    Args:
        pieces: the work.
        most: threads at a time; 1 does one piece after the other.

    Raises:
        Exception: the first that a piece raised, when those that were begun have ended; no other is begun after it.
    """
    left, turn = iter(pieces), Lock()
    state = np.geterr()  # which does not pass to other threads
    failed: list[BaseException] = []

    def work() -> None:
        while True:
            with turn:
                piece = None if failed else next(left, None)
            if piece is None:
                return
            try:
                piece()
            except BaseException as error:
                failed.append(error)

    def help_out() -> None:
        try:
            with np.errstate(**state):
                work()
        finally:
            give_back_cores(1)

    helpers = [Thread(target=help_out) for _ in range(take_cores(most - 1))]
    for helper in helpers:
        helper.start()
    work()
    with resting():
        for helper in helpers:
            helper.join()
    if failed:
        raise failed[0]
