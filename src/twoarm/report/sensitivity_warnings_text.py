"""Warnings of centres, negative controls and adjustments in words."""

from __future__ import annotations

from twoarm.report.sentences import Sentence, say
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope


def few_centres(scope: Scope, row: Estimate) -> Sentence:
    """Say how few centres were pooled."""
    label, made = scope.population.endpoints[row.endpoint].label, scope.population.adjustments[row.adjustment].label
    return say(
        f"{label}, {in_sentence(made)}: {scope.numbers.whole(row)} {'centre has' if row.value == 1 else 'centres have'} an estimate. With fewer than 5 the variance between "
        "centres is all but unknown, and so are the limits of the random effects.",
        row,
    )


def negative_control(scope: Scope, row: Estimate) -> Sentence:
    """Say that an endpoint which the arms cannot affect differs between them."""
    label, made = scope.population.endpoints[row.endpoint].label, scope.population.adjustments[row.adjustment].label
    headline = scope.first(
        adjustment=row.adjustment,
        analysis="hazard_ratio",
        endpoint=row.endpoint,
        arm=row.arm,
        variable="",
        statistic="hazard_ratio",
    )
    parts = effect(scope, headline)[:3] if headline is not None else []
    text = scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts)) if parts else ""
    return say(
        f"{label}, {in_sentence(made)}: the hazard ratio is {text or scope.numbers.hazard(row)} where 1 is expected. The arms still differ in "
        "something that was not measured or not balanced; the other endpoints are read with that in mind.",
        row,
        *parts,
    )


def adjustments_disagree(scope: Scope, row: Estimate) -> Sentence:
    """Say what each adjustment gives."""
    found = []
    for name in scope.population.adjustments:
        here = {"adjustment": name, "analysis": "hazard_ratio", "endpoint": row.endpoint, "variable": ""}
        headline = scope.first(**here, arm=row.arm, statistic="hazard_ratio")
        if headline is not None and headline.value is not None and name != scope.unadjusted():
            found.append(headline)
    each = "; ".join(
        f"{in_sentence(scope.population.adjustments[one.adjustment].label)} {scope.numbers.hazard(one)}"
        for one in found
    )
    return say(
        f"{scope.population.endpoints[row.endpoint].label}: the adjustments disagree ({each}). Either they answer for different patients or "
        "one of them does not do what it should: say which was declared as primary, and why, before reading any.",
        row,
        *found,
    )
