"""Best overall response of a few visits: by the code under test, and visit by visit."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from twoarm.endpoints.response import CODE, CR, DAY, NE, PD, PR, RESPONSES, SD, best_responses, response_column
from twoarm.protocol.response import Response

Visits = list[tuple[str, int, str]]
"""Patient, day from time zero, response."""


def best_of(visits: Visits, *, confirm: int | None, stable: int = 0) -> dict[str, str]:
    """Return the best overall response of each patient who has a visit."""
    columns = {
        ":key": pl.Series([visit[0] for visit in visits], dtype=pl.String),
        DAY: pl.Series([visit[1] for visit in visits], dtype=pl.Int64),
        CODE: pl.Series([RESPONSES.index(visit[2]) for visit in visits], dtype=pl.Int64),
    }
    response = Response(
        table="visits",
        date="day",
        response="response",
        confirmation="not_required" if confirm is None else "required",
        confirmation_days=confirm or 28,
        stable_disease_days=stable,
    )
    found = best_responses(nw.from_native(pl.DataFrame(columns), eager_only=True), response)
    codes = found.get_column(response_column(response.rules()[0])).to_list()
    return {key: RESPONSES[code] for key, code in zip(found.get_column(":key").to_list(), codes, strict=True)}


def best(visits: str, *, confirm: int | None, stable: int = 0) -> str:
    """``best("42 PR, 84 SD", confirm=28)``: days and responses in, the best overall response out."""
    pairs = [visit.split() for visit in visits.split(",")] if visits else []
    made: Visits = [("1", int(when), word) for when, word in pairs]
    return best_of(made, confirm=confirm, stable=stable).get("1", "NE")


def best_response(
    *, day: NDArray[np.float64], code: NDArray[np.int64], confirmation_days: int | None, stable_disease_days: int
) -> int:
    """Return the best overall response of one patient, visit by visit, as the paper words it."""
    progressed = np.flatnonzero(code == PD)
    before = slice(0, int(progressed[0]) if progressed.size else code.size)
    seen, when = code[before], day[before]
    for response in (CR, PR):
        if confirmation_days is None:
            if (seen == response).any():
                return response
        elif _confirmed(seen, when, response, confirmation_days):
            return response
    if ((seen <= SD) & (when >= stable_disease_days)).any():
        return SD
    return PD if progressed.size or (confirmation_days is not None and _came_back(seen)) else NE


def _came_back(seen: NDArray[np.int64]) -> bool:
    """Whether a PR or SD follows a CR: there is disease again."""
    complete = np.flatnonzero(seen == CR)
    return bool(complete.size and np.isin(seen[complete[0] :], (PR, SD)).any())


def _confirmed(seen: NDArray[np.int64], when: NDArray[np.float64], response: int, days: int) -> bool:
    for first in np.flatnonzero(seen <= response).tolist():
        for later in range(first + 1, seen.size):
            if seen[later] <= response and when[later] - when[first] >= days:
                return True
            if response == CR and seen[later] not in (CR, NE):
                break  # what was a complete response is one no longer
    return False
