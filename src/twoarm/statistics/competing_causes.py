"""Which cause ended each patient's time: one code for end of follow-up, any others for causes that compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Integers

FOLLOW_UP_ENDED = -1


@dataclass(frozen=True, slots=True, eq=False)
class CompetingCauses:
    """The cause of each patient and the causes' labels."""

    codes: Integers  # position of the cause in `labels`, or -1 for end of follow-up, shape (n,)
    labels: NDArray[Any]  # shape (k,)


def read_causes(
    cause: ArrayLike, length: int, *, censored: Any = 0, causes: Sequence[Any] | None = None
) -> CompetingCauses:
    """Return the cause of each patient.

    Args:
        cause: why each patient's time ended, any labels, shape (n,).
        length: n.
        censored: the label of end of follow-up without an event.
        causes: the causes there are, in order; those seen, sorted, by default. One without events may be declared.

    Raises:
        ArgumentError: missing labels, fractions (which are times), text without the text that stands for end of
            follow-up, a label that is not declared.

    >>> read_causes([2, 0, 1, 2], 4).codes.tolist()
    [1, -1, 0, 1]
    """
    array = np.asarray(cause)
    if array.dtype.kind == "f" and (array[np.isfinite(array)] % 1 != 0).any():
        raise ArgumentError("cause: found fractions; expected a label for each cause, and one for end of follow-up")
    positions, seen = arrays.codes("cause", array, length)
    if any(isinstance(label, str) for label in seen.tolist()) and not isinstance(censored, str):
        raise ArgumentError("cause: found text; say which label is end of follow-up with censored=...")
    happened = [label for label in seen.tolist() if label != censored]
    declared = happened if causes is None else list(causes)
    unknown = [label for label in happened if label not in declared]
    if unknown:
        raise ArgumentError(f"cause: found {unknown[0]!r}; expected {censored!r} or one of {declared}")
    if len(set(declared)) < len(declared) or censored in declared:
        raise ArgumentError(f"causes: found {declared}; expected each cause once, and not {censored!r}")
    places = [FOLLOW_UP_ENDED if label == censored else declared.index(label) for label in seen.tolist()]
    return CompetingCauses(np.array(places, dtype=np.int64)[positions], np.array(declared))
