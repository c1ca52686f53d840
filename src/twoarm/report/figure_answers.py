"""What a figure asked the ledger while it was drawn: it is still right where a later ledger answers the same."""

from __future__ import annotations

from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results

_Question = frozenset[tuple[str, str]]


class Asked(Results):
    """A ledger that remembers what it was asked."""

    def __init__(self, results: Results) -> None:
        super().__init__(results.estimates, results.curves, (), results._found)
        self.rows: dict[_Question, tuple[Estimate, ...]]
        self.series: dict[_Question, Curve | None]
        object.__setattr__(self, "rows", {})
        object.__setattr__(self, "series", {})

    def select(self, **wanted: str) -> tuple[Estimate, ...]:
        """Return rows, and remember that they were asked for."""
        return self.rows.setdefault(frozenset(wanted.items()), super().select(**wanted))

    def curve(self, **wanted: str) -> Curve | None:
        """Return a curve, and remember that it was asked for."""
        return self.series.setdefault(frozenset(wanted.items()), super().curve(**wanted))

    def forget(self) -> None:
        """Forget what was asked until now, such as which figures there are."""
        self.rows.clear()
        self.series.clear()

    def holds(self, later: Results) -> bool:
        """Whether a later ledger gives the same answers."""
        return all(later.select(**dict(question)) == answer for question, answer in self.rows.items()) and all(
            later.curve(**dict(question)) == answer for question, answer in self.series.items()
        )
