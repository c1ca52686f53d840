"""Centres, unmeasured confounding and the grid of specifications in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.report.sentences import Sentence, say
from twoarm.results.estimate import Estimate
from twoarm.tables.centre_table import RANDOM, heterogeneity, pooled_parts, prediction_parts, stratified_parts
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.specification_table import first_strategy, summaries


def sensitivity_text(scope: Scope) -> Iterator[Sentence]:
    """Return what is to be said of the primary analysis's sample, and of all specifications."""
    primary, endpoint = scope.protocol.primary_adjustment, scope.protocol.primary_endpoint
    sample = primary if primary in scope.marginal() else scope.unadjusted()
    if endpoint in scope.population.endpoints:
        yield from _centres(scope, sample, endpoint)
        yield from _confounding(scope, sample, endpoint)
    grid = scope.protocol.specifications
    if grid is not None and first_strategy(scope):
        for _, text, rows in summaries(scope, grid):
            yield say(f"Specifications. {text}", *rows)


def _lead(scope: Scope, sample: str, endpoint: str) -> str:
    label, made = scope.population.endpoints[endpoint].label, scope.population.adjustments[sample].label
    return f"{label}, {in_sentence(made)}"


def _interval(scope: Scope, parts: list[Estimate | None]) -> str:
    numbers = scope.numbers
    span = numbers.limits(numbers.hazard(parts[1]), numbers.hazard(parts[2]))
    return f"{numbers.hazard(parts[0])} ({scope.confidence} CI {span})"


def _centres(scope: Scope, sample: str, endpoint: str) -> Iterator[Sentence]:
    here = {"adjustment": sample, "analysis": "centres", "endpoint": endpoint}
    stratified, random = stratified_parts(scope, here), pooled_parts(scope, here, RANDOM)
    if stratified[0] is None:
        return
    lead = _lead(scope, sample, endpoint)
    if stratified[0].value is None:
        yield say(f"{lead}: the model stratified by centre is not estimable ({stratified[0].note}).", stratified[0])
    else:
        yield say(f"{lead}: hazard ratio stratified by centre {_interval(scope, stratified)}.", *stratified[:3])
    if random[0] is None or random[0].value is None:
        reason = f" ({random[0].note})" if random[0] is not None and random[0].note else ""
        yield say(f"Centres could not be pooled{reason}.", random[0])
        return
    counts = [scope.first(**here, statistic="centres", parameter=word) for word in ("with an estimate", "all")]
    limits = prediction_parts(scope, here)
    words, spread = heterogeneity(scope, here)
    beyond = ""
    if all(limit is not None and limit.value is not None for limit in limits):
        span = scope.numbers.limits(*(scope.numbers.hazard(limit) for limit in limits))
        beyond = f", in a new centre {span}"
    yield say(
        f"Random effects over {scope.numbers.whole(counts[0])} of {scope.numbers.whole(counts[1])} centres: "
        f"{_interval(scope, random)}{beyond}; {words}.",
        *random[:3],
        *counts,
        *limits,
        *spread,
    )


def _confounding(scope: Scope, sample: str, endpoint: str) -> Iterator[Sentence]:
    place = {"adjustment": sample, "endpoint": endpoint, "arm": scope.contrast}
    found = [scope.first(**place, analysis="e_value", statistic=s) for s in ("e_value", "e_value_limit")]
    lead, numbers = _lead(scope, sample, endpoint), scope.numbers
    if found[0] is not None and found[0].value is not None:
        yield say(
            f"{lead}: E-value {numbers.hazard(found[0])}, and {numbers.hazard(found[1])} for the limit nearer 1.",
            *found,
        )
    point = scope.first(**place, analysis="unmeasured", statistic="tipping_point")
    if point is not None and point.value is not None:
        yield say(
            f"The declared unmeasured confounder would need a hazard ratio of {numbers.hazard(point)} to bring the estimate to 1.",
            point,
        )
    elif point is not None and point.note.startswith("not reached"):
        yield say("No confounder of the declared prevalences could bring the estimate to 1.", point)
