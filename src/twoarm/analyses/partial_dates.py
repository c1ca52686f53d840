"""Sensitivity to completed dates: the hazard ratios again, with dates that a declared rule completed held instead."""

from __future__ import annotations

from dataclasses import replace

from twoarm.analyses.hazard_ratio import hazard_ratio
from twoarm.analyses.request import Request
from twoarm.results.ledger import Ledger


def partial_dates(request: Request) -> None:
    """Fit the model of every endpoint that rests on completed dates without the patients who have them.

    Cohort, scores and pairs stay as they are: what the dates decided there is not looked at again.
    """
    scratch = Ledger(request.ledger.context)
    outcomes = replace(request.outcomes, times=request.outcomes.dates_held)
    hazard_ratio(replace(request, outcomes=outcomes, ledger=scratch))
    for name, endpoint in request.outcomes.dates_held.items():
        rows = request.adjusted.cohort_rows
        lost = request.adjusted.count(request.endpoints[name].known[rows] & ~endpoint.known[rows])
        request.ledger.within(endpoint=name).add("held", lost, arm="all")
    request.ledger.rows.extend(row for row in scratch.rows if not row.variable)
