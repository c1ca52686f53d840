"""Tumour response: best overall response, objective response and disease control, by arm and between the arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.analyses.baseline import write_count_test
from twoarm.analyses.request import Request
from twoarm.analyses.weighted_response import write_weighted
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.endpoints.response import CR, PR, RESPONSES, SD, evaluable
from twoarm.protocol.response import Response
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Integers
from twoarm.statistics.contingency import test_counts
from twoarm.statistics.counting import counted
from twoarm.statistics.paired_proportions import paired_proportions
from twoarm.statistics.proportions import odds_ratio, proportion, proportion_difference

ENDPOINTS = {"objective_response": (CR, PR), "disease_control": (CR, PR, SD)}
LIMITS = {
    "clopper-pearson": "Clopper-Pearson",
    "wilson": "Wilson",
    "newcombe": "Newcombe",
    "miettinen-nurminen": "Miettinen-Nurminen",
}
CLUSTERED = "Wald, clustered by pair"
MCNEMAR = "McNemar, exact"
IGNORING = ", ignoring the pairs"
ALL_ALIKE = "no variance: all pairs are alike"
DIFFERENCE = ("difference", "difference_lower", "difference_upper")
ODDS = ("odds_ratio", "odds_ratio_lower", "odds_ratio_upper")


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """A yes/no outcome of the adjusted cohort's rows, and for whom it counts, shape (m,)."""

    yes: Booleans
    counts: Booleans


def response(request: Request) -> None:
    """Write the categories and both rates under every confirmation rule in force."""
    declared, found = request.protocol.response, request.outcomes.response
    if declared is None or found is None or not request.adjusted.marginal:
        return
    for rule, best in found.best.items():
        codes = best[request.adjusted.cohort_rows]
        counts = evaluable(codes) if declared.denominator == "evaluable" else np.ones(codes.size, dtype=np.bool_)
        ledger = request.ledger.within(parameter=rule)
        for label, arm in request.arms:
            _categories(ledger.within(arm=label), codes, arm & counts, request.adjusted)
        for variable, good in ENDPOINTS.items():
            here = ledger.within(variable=variable)
            outcome = _Outcome(np.isin(codes, good), counts)
            if request.adjusted.weights is not None:
                write_weighted(request, here, outcome.yes, outcome.counts)
                continue
            for label, arm in request.arms:
                _rate(request, here.within(arm=label), outcome, arm, declared)
            _compare(request, here.within(arm=request.contrast), outcome, declared)


def _categories(ledger: Ledger, codes: Integers, rows: Booleans, adjusted: AdjustedCohort) -> None:
    everybody = adjusted.count(rows)
    ledger.add("n", everybody)
    here = ledger.within(variable="best_response")
    weight = None if adjusted.weights is None else counted(adjusted.weights, adjusted.frequency)
    for code, word in enumerate(RESPONSES):
        mine = rows & (codes == code)
        count = adjusted.count(mine)
        here.add("n", count, variable_level=word)
        if weight is not None:
            share = float(weight[mine].sum() / weight[rows].sum()) if everybody else None
            here.add("weighted_percent", None if share is None else 100 * share, variable_level=word, unit="%")
            continue
        percent = 100 * count / everybody if everybody else None
        here.add("percent", percent, variable_level=word, unit="%", note="" if everybody else "nobody evaluable")


def _rate(request: Request, ledger: Ledger, outcome: _Outcome, arm: Booleans, declared: Response) -> None:
    rows, level = arm & outcome.counts, request.protocol.confidence_level
    events, n = request.adjusted.count(outcome.yes & rows), request.adjusted.count(rows)
    ledger.add("n", events)
    method = LIMITS[declared.interval]
    here = ledger.within(unit="%")
    with here.estimating("percent"):
        found = proportion(events=events, n=n, interval=declared.interval, confidence_level=level)
        here.add("percent", 100 * found.proportion)
        here.add("percent_lower", 100 * found.lower, method=method)
        here.add("percent_upper", 100 * found.upper, method=method)


def _compare(request: Request, ledger: Ledger, outcome: _Outcome, declared: Response) -> None:
    paired = request.adjusted.pair is not None
    if paired:
        _paired(request, ledger, outcome)
    if not paired or declared.unpaired_tests:
        _unpaired(request, ledger, outcome, declared, IGNORING if paired else "")


def _unpaired(request: Request, ledger: Ledger, outcome: _Outcome, declared: Response, suffix: str) -> None:
    treated, level = request.adjusted.treated, request.protocol.confidence_level
    (x1, n1), (x0, n0) = (
        (request.adjusted.count(outcome.yes & rows), request.adjusted.count(rows))
        for rows in (treated & outcome.counts, ~treated & outcome.counts)
    )
    sides = {"events_1": x1, "n_1": n1, "events_0": x0, "n_0": n0}
    method = LIMITS[declared.difference] + suffix
    here = ledger.within(method=method, unit="%")
    with here.estimating(*DIFFERENCE):
        gap = proportion_difference(**sides, interval=declared.difference, confidence_level=level)
        for statistic, value in zip(DIFFERENCE, (gap.difference, gap.lower, gap.upper), strict=True):
            here.add(statistic, 100 * value)
    here = ledger.within(method=f"Wald{suffix}")
    with here.estimating(*ODDS):
        odds = odds_ratio(**sides, confidence_level=level)
        for statistic, value in zip(ODDS, (odds.odds_ratio, odds.lower, odds.upper), strict=True):
            here.add(statistic, value)
    with ledger.estimating("p_value"):
        table = [[x1, x0], [n1 - x1, n0 - x0]]
        write_count_test(ledger, test_counts(table=table, continuity=request.protocol.conventions.yates), suffix)


def _paired(request: Request, ledger: Ledger, outcome: _Outcome) -> None:
    """Compare within pairs whose both members count; the treated member is the first."""
    pair, treated = request.adjusted.pair, request.adjusted.treated
    assert pair is not None, "pairs are compared where there are pairs"
    assert request.adjusted.frequency is None, "patients are matched one by one"
    whole = np.bincount(pair, outcome.counts)[pair] == 2
    first, second = (np.flatnonzero(whole & arm)[np.argsort(pair[whole & arm])] for arm in (treated, ~treated))
    here = ledger.within(method=CLUSTERED)
    with here.estimating(*DIFFERENCE):
        found = paired_proportions(
            first=outcome.yes[first],
            second=outcome.yes[second],
            confidence_level=request.protocol.confidence_level,
        )
        here.add("pairs", found.pairs)
        percent = here.within(unit="%")
        percent.add("difference", 100 * found.difference)
        write_limit(percent, "difference_lower", 100 * found.difference_lower)
        write_limit(percent, "difference_upper", 100 * found.difference_upper)
        percent.add("difference_se", 100 * found.difference_se)
        odds = (found.odds_ratio, found.odds_ratio_lower, found.odds_ratio_upper)
        for statistic, value in zip(ODDS, odds, strict=True):
            reason = ALL_ALIKE if np.isfinite(found.odds_ratio) else "nobody or everybody in an arm"
            here.add(statistic, value, note="" if np.isfinite(value) else reason)
        ledger.add("p_value", found.p_value, method=MCNEMAR)


def write_limit(ledger: Ledger, statistic: str, value: float) -> None:
    """Write a limit of a difference of percentages; a Wald limit may lie beyond what a difference can be."""
    inside = float(np.clip(value, -100.0, 100.0))
    note = ALL_ALIKE if np.isnan(value) else "" if inside == value else "cut at 100%"
    ledger.add(statistic, inside, note=note)
