"""Series of numbers that belong together: survival curves, histograms of scores, flow of patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from twoarm.results.estimate import label_in_id, name_in_id

CurveKind = Literal[
    "survival",
    "follow_up",
    "cumulative_incidence",
    "histogram",
    "weights",
    "standardised",
    "schoenfeld",
    "schoenfeld_smooth",
]

MOST_PUBLISHED = 10_000  # events of a curve with a row an event; more make a file of hundreds of MB that tells no more
MOST_EVENTS = 1000  # of those, that are drawn; more cannot be told apart


def step_to(rows: int, most: int) -> int:
    """Return the smallest k of which every k-th row leaves no more than so many.

    >>> step_to(1000, 1000), step_to(1001, 1000), step_to(0, 1000)
    (1, 2, 1)
    """
    return max(1, -(-rows // most))


class Column(Protocol):
    """An array of numbers, as columns are made of."""

    def tolist(self) -> Any:
        """Return the numbers in a list."""


def rounded_columns(columns: Mapping[str, Column]) -> dict[str, tuple[float | None, ...]]:
    """Return columns at 12 significant digits, None for what is missing.

    >>> import numpy as np
    >>> rounded_columns({"survival": np.array([1.0, 2 / 3, np.nan])})
    {'survival': (1.0, 0.666666666667, None)}
    """
    return {name: _rounded(values.tolist()) for name, values in columns.items()}


def _rounded(values: list[float]) -> tuple[float | None, ...]:
    """Write all numbers in one go, and read them again."""
    texts = ("%.12g " * len(values) % tuple(values)).split()
    return tuple([None if text == "nan" else float(text) for text in texts])


@dataclass(frozen=True, slots=True)
class Curve:
    """Named columns of equal length; ``survival`` has time, survival, lower, upper, at_risk, events, censored and
    std_error (of log survival; none in a pooled curve); ``cumulative_incidence`` has incidence, limits, events and
    std_error of the event and, with names that begin with ``competing_``, of what competes with it; ``schoenfeld`` has
    time, scale and log_hazard_ratio, a row an event (of more than ``MOST_PUBLISHED``, every k-th),
    and ``schoenfeld_smooth`` those at even steps of the scale with lower, upper and the events until then."""

    kind: CurveKind
    population: str
    missing: str
    adjustment: str
    endpoint: str
    arm: str
    columns: Mapping[str, tuple[float | None, ...]]
    unit: str = "days"

    @property
    def weighted(self) -> bool:
        """Whether its numbers at risk are sums of weights; those of patients stand beside them."""
        return "at_risk_patients" in self.columns

    def sampled(self, most: int) -> Curve:
        """Return every k-th row, k the smallest that leaves no more than so many."""
        step = step_to(len(next(iter(self.columns.values()), ())), most)
        return self if step == 1 else replace(self, columns={n: values[::step] for n, values in self.columns.items()})

    @property
    def id(self) -> str:
        """Stable, unique and readable name."""
        names = (self.population, self.missing, self.adjustment, self.kind, self.endpoint)
        return "/".join([*map(name_in_id, names), label_in_id(self.arm)])
