"""Collects the rows of the ledger while a study runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from twoarm.errors import NotEstimableError
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate, rounded
from twoarm.results.patient_row import PatientRow


@dataclass(frozen=True, slots=True)
class Ledger:
    """Rows so far, and the fields that all rows of the present analysis share."""

    context: Estimate
    rows: list[Estimate] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    patients: list[PatientRow] = field(default_factory=list)

    def within(self, **context: Any) -> Ledger:
        """Return a view of the same ledger with more fields fixed."""
        return replace(self, context=replace(self.context, **context))

    def add(self, statistic: str, value: float | int | None, **fields: Any) -> None:
        """Write a row; NaN and infinity become "not estimable" with the note as reason."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            fields.setdefault("status", "not_estimable")
            value = None
        number = int(value) if isinstance(value, bool) else rounded(value)
        self.rows.append(replace(self.context, statistic=statistic, value=number, **fields))

    def not_estimable(self, *statistics: str, reason: str, **fields: Any) -> None:
        """Write rows that say why there is no number."""
        for statistic in statistics:
            self.add(statistic, None, note=reason, **fields)

    @contextmanager
    def estimating(self, *statistics: str, **fields: Any) -> Iterator[None]:
        """Turn a statistic's "not estimable" inside the block into rows with its reason."""
        try:
            yield
        except NotEstimableError as error:
            self.not_estimable(*statistics, reason=str(error), **fields)
