"""Streams of random numbers, each known by the name of the step that draws from it."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *step: str) -> np.random.Generator:
    """Return a step's stream: another analysis more does not change what this one draws.

    Args:
        seed: the protocol's.
        step: names of what is drawn for, such as the population and the adjustment.

    >>> bool(stream(1, "study", "matched").random() == stream(1, "study", "matched").random())
    True
    """
    return np.random.default_rng(_seeds(seed, step))


def streams(seed: int, count: int, *step: str) -> list[np.random.Generator]:
    """Return so many streams for the parts of a step, any of which could be drawn from alone."""
    return [np.random.default_rng(child) for child in _seeds(seed, step).spawn(count)]


def _seeds(seed: int, step: tuple[str, ...]) -> np.random.SeedSequence:
    digest = hashlib.sha256("/".join(step).encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:8], "big")])
