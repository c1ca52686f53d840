"""Work on rows in fixed blocks, on as many cores as there are; what the blocks give is added in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.statistics.arrays import Floats

BLOCK = 8_192  # rows; a dozen columns of them stay in the second-level cache
LONG_COLUMN = 1 << 18  # rows of a block of one column: with fewer, threads cost more than they save
THREADS = "TWOARM_THREADS"  # environment: threads to use; by default the cores this process may use

T = TypeVar("T")

_turn = Lock()
_at_work = 1  # threads that calculate at this moment: the one that asks, and those that it shares its work with


def take_cores(most: int) -> int:
    """Take at most so many of the cores on which no thread calculates; return how many, to be given back."""
    global _at_work
    with _turn:
        taken = max(0, min(most, thread_count() - _at_work))
        _at_work += taken
    return taken


def give_back_cores(count: int) -> None:
    """Say that so many threads calculate no more."""
    global _at_work
    with _turn:
        _at_work -= count


@contextmanager
def resting() -> Iterator[None]:
    """Leave this thread's core to others while it waits for them."""
    global _at_work
    give_back_cores(1)
    try:
        yield
    finally:
        with _turn:
            _at_work += 1


def thread_count() -> int:
    """Return how many threads share the work in all; no number depends on it.

    Raises:
        ArgumentError: the environment names something that is no count.
    """
    asked = os.environ.get(THREADS, "")
    if not asked:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (asked.isascii() and asked.isdigit() and int(asked) > 0):
        raise ArgumentError(f"{THREADS}: found {asked!r}; expected a whole number of at least 1")
    return int(asked)


def over_blocks(rows: int, work: Callable[[slice], T], size: int = BLOCK) -> list[T]:
    """Return what ``work`` makes of each block of rows, in order; several threads work where there are many blocks.

    The blocks depend on the number of rows only, and each is worked on by one thread, so that results are the same to
    the bit whatever the number of threads.

    >>> over_blocks(5, lambda rows: rows.stop - rows.start, size=2)
    [2, 2, 1]
    """
    if 0 < rows <= size:
        return [work(slice(0, rows))]
    blocks = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    helpers = take_cores(len(blocks) // 4 - 1) if len(blocks) >= 8 else 0
    if not helpers:
        return [work(block) for block in blocks]
    try:
        return _shared(blocks, work, helpers)
    finally:
        give_back_cores(helpers)


def _shared(blocks: list[slice], work: Callable[[slice], T], helpers: int) -> list[T]:
    """Share the blocks between this thread and its helpers: whoever is free takes the next one."""
    from concurrent.futures import ThreadPoolExecutor

    state = np.geterr()  # which does not pass to other threads
    waiting = iter(range(len(blocks)))
    results: dict[int, T] = {}

    def take() -> None:
        with np.errstate(**state):
            for number in waiting:
                results[number] = work(blocks[number])

    with ThreadPoolExecutor(helpers) as pool:
        others = [pool.submit(take) for _ in range(helpers)]
        take()
        for other in others:
            other.result()
    return [results[number] for number in range(len(blocks))]


def summed(parts: list[Floats]) -> Floats:
    """Add up arrays of one shape, in their order."""
    if len(parts) == 1:
        return parts[0] + 0.0
    total = np.zeros_like(parts[0])
    for part in parts:
        total += part
    return total
