"""Adverse events: patients by their worst grade in each row of the safety table, by arm and between the arms."""

from __future__ import annotations

from twoarm.analyses.baseline import write_count_test
from twoarm.analyses.request import Request
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans
from twoarm.statistics.contingency import test_counts

ANY, SEVERE = "any grade", "grade 3 or more"


def safety(request: Request) -> None:
    """Write the safety table of the patients as they were treated; matched samples have none of their own."""
    declared, found = request.protocol.safety, request.outcomes.adverse_events
    if declared is None or found is None or request.adjusted.designed or not request.adjusted.marginal:
        return
    for label, arm in request.arms:
        request.ledger.add("n", request.adjusted.count(arm), arm=label)
    for row in declared.table_rows():
        worst = found.rows[row.label][request.adjusted.cohort_rows]
        here = request.ledger.within(variable="adverse_event", variable_level=row.label)
        affected = (worst >= row.minimum_grade) & (worst <= row.maximum_grade)
        _shares(request, here, affected)
        _test(request, here.within(arm=request.contrast), affected)
    for term, grades in found.terms.items():
        worst = grades[request.adjusted.cohort_rows]
        here = request.ledger.within(variable="term", variable_level=term)
        for parameter, least in ((ANY, 1), (SEVERE, 3)):
            _shares(request, here.within(parameter=parameter), worst >= least)


def _shares(request: Request, ledger: Ledger, affected: Booleans) -> None:
    for label, arm in request.arms:
        count, n = request.adjusted.count(affected & arm), request.adjusted.count(arm)
        ledger.add("n", count, arm=label)
        ledger.add("percent", 100 * count / n if n else None, arm=label, unit="%")


def _test(request: Request, ledger: Ledger, affected: Booleans) -> None:
    treated, count = request.adjusted.treated, request.adjusted.count
    table = [[count(side & arm) for arm in (treated, ~treated)] for side in (affected, ~affected)]
    with ledger.estimating("p_value"):
        write_count_test(ledger, test_counts(table=table, continuity=request.protocol.conventions.yates))
