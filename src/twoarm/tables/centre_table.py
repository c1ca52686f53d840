"""Hazard ratios within centres, pooled over them, and without each of them."""

from __future__ import annotations

from collections.abc import Mapping

from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote

FIXED, RANDOM, HETEROGENEITY = "fixed effect", "random effects", "Cochran's Q"
_LIMITS = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")


def centres_of(scope: Scope, here: Mapping[str, str]) -> list[str]:
    """Return the centres of a sample in the ledger's order; one without a hazard ratio's row is no centre."""
    rows = scope.select(**here, arm=scope.contrast, statistic="hazard_ratio", parameter="")
    return list(dict.fromkeys(row.variable_level for row in rows if row.variable_level))


def parts_of(scope: Scope, here: Mapping[str, str], **wanted: str) -> list[Estimate | None]:
    """Return a hazard ratio, its limits and its p-value among the rows of the contrast."""
    place = {**here, "arm": scope.contrast, **wanted}
    return [scope.first(**place, statistic=statistic) for statistic in (*_LIMITS, "p_value")]


def pooled_parts(scope: Scope, here: Mapping[str, str], kind: str) -> list[Estimate | None]:
    """Return the pooled hazard ratio with limits and p-value, by its kind: fixed effect or random effects."""
    rows = scope.select(**here, arm=scope.contrast, statistic="hazard_ratio", variable_level="")
    method = next((row.method for row in rows if row.method.startswith(kind)), "")
    return parts_of(scope, here, method=method, variable_level="", parameter="") if method else [None] * 4


def stratified_parts(scope: Scope, here: Mapping[str, str]) -> list[Estimate | None]:
    """Return the hazard ratio of the model stratified by centre."""
    return parts_of(scope, here, variable="")


def prediction_parts(scope: Scope, here: Mapping[str, str]) -> list[Estimate | None]:
    """Return the limits for a new centre."""
    place = {**here, "arm": scope.contrast, "variable_level": "", "parameter": ""}
    return [scope.first(**place, statistic=f"prediction_{end}") for end in ("lower", "upper")]


def centre_table(scope: Scope, adjustment: str, endpoint: str) -> Table | None:
    """Return the centres and what they say together; None where centres were not asked for."""
    here = {"adjustment": adjustment, "analysis": "centres", "endpoint": endpoint}
    if not scope.select(**here):
        return None
    rows = [_centre(scope, here, label) for label in centres_of(scope, here)]
    for label, parts in (
        ("Stratified by centre", stratified_parts(scope, here)),
        ("Pooled, fixed effect", pooled_parts(scope, here, FIXED)),
        ("Pooled, random effects", pooled_parts(scope, here, RANDOM)),
    ):
        if parts[0] is not None:
            rows.append(Row((*plain(label, "", ""), _interval(scope, parts), _p(scope, parts), *plain(""))))
    limits = prediction_parts(scope, here)
    if all(limit is not None and limit.value is not None for limit in limits):
        text = _span(scope, limits)
        rows.append(Row((*plain("Prediction interval of a new centre", "", ""), quote(text, *limits), *plain("", ""))))
    label, made = scope.population.endpoints[endpoint].label, scope.population.adjustments[adjustment]
    return Table(
        name=f"centres-{adjustment}-{endpoint}",
        title=f"{label} by centre, {in_sentence(made.label)}",
        columns=(
            "Centre",
            *(f"{arm}, events/n" for arm in scope.arms),
            f"Hazard ratio ({scope.confidence} CI)",
            scope.numbers.style.p_column,
            f"Pooled without it ({scope.confidence} CI)",
        ),
        rows=tuple(rows),
        footnotes=_footnotes(scope, here),
    )


def _centre(scope: Scope, here: Mapping[str, str], label: str) -> Row:
    numbers, counts = scope.numbers, []
    for arm in scope.arms:
        events, n = (scope.first(**here, variable_level=label, arm=arm, statistic=s) for s in ("events", "n"))
        counts.append(quote(f"{numbers.whole(events)}/{numbers.whole(n)}", events, n))
    parts = parts_of(scope, here, variable_level=label, parameter="")
    left = parts_of(scope, here, variable_level=label, parameter="without this centre")
    return Row((*plain(label), *counts, _interval(scope, parts), _p(scope, parts), _interval(scope, left)))


def _interval(scope: Scope, parts: list[Estimate | None]) -> Cell:
    texts = (scope.numbers.hazard(part) for part in parts[:3])
    return quote(scope.numbers.with_interval(*texts), *parts[:3])


def _p(scope: Scope, parts: list[Estimate | None]) -> Cell:
    return quote(scope.numbers.probability(parts[3]), parts[3])


def heterogeneity(scope: Scope, here: Mapping[str, str]) -> tuple[str, list[Estimate | None]]:
    """Return tau squared, I squared and Q in words with the rows quoted; no words where they could not be had."""
    place = {**here, "arm": scope.contrast, "variable_level": "", "parameter": ""}
    tau = scope.first(**place, statistic="tau_squared")
    spread = [scope.first(**place, method=HETEROGENEITY, statistic=s) for s in ("i_squared", "chi_squared", "p_value")]
    found = [tau, *spread]
    if any(row is None or row.value is None for row in found):
        return "", []
    numbers, p = scope.numbers, spread[2]
    assert p is not None, "all of them are there"
    tested = numbers.p_text(float(p.value or 0.0))
    words = (
        f"τ² {numbers.number(tau, 3)}, I² {numbers.number(spread[0], 0)}%, Q {numbers.number(spread[1], 2)} ({tested})"
    )
    return words, found


def _footnotes(scope: Scope, here: Mapping[str, str]) -> tuple[str, ...]:
    declared = scope.protocol.centres
    assert declared is not None, "there is a table of declared centres"
    words, _ = heterogeneity(scope, here)
    notes = [
        f"NE: fewer than {declared.minimum_events} events, none in an arm, or arms that the events separate; such a "
        "centre is not pooled and stands in the stratified model alone. Random effects: REML, Hartung and Knapp's "
        "interval with a factor of 1 or more."
    ]
    if words:
        notes.append(f"{words}.")
    unknown = [row for row in scope.select(**here, statistic="n") if row.variable_level.startswith("Not recorded")]
    known = centres_of(scope, here)
    left_out = [row for row in unknown if row.variable_level not in known]
    if left_out:
        counts = " and ".join(f"{scope.numbers.whole(row)} of {row.arm}" for row in left_out)
        notes.append(f"Left out, as the centre is not recorded: {counts}.")
    return tuple(notes)


def centre_overview_table(scope: Scope) -> Table | None:
    """Return a line an endpoint and sample: stratified, pooled, and how far the centres differ."""
    numbers, rows = scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.population.adjustments.items():
            here = {"adjustment": name, "analysis": "centres", "endpoint": endpoint}
            stratified = stratified_parts(scope, here)
            if stratified[0] is None:
                continue
            place = {**here, "arm": scope.contrast, "variable_level": "", "parameter": ""}
            counts = [
                scope.first(**{**place, "parameter": w}, statistic="centres") for w in ("with an estimate", "all")
            ]
            shown = " of ".join(numbers.whole(count) for count in counts) if counts[0] is not None else ""
            spread = [scope.first(**place, method=HETEROGENEITY, statistic=s) for s in ("i_squared", "p_value")]
            limits = prediction_parts(scope, here)
            cells = (
                quote(shown, *counts),
                _interval(scope, stratified),
                *(_interval(scope, pooled_parts(scope, here, kind)) for kind in (FIXED, RANDOM)),
                quote(_span(scope, limits), *limits),
                quote(numbers.number(spread[0], 0), spread[0]),
                quote(numbers.probability(spread[1]), spread[1]),
            )
            rows.append(Row((*plain(section.label, adjustment.label), *cells)))
    if not rows:
        return None
    return Table(
        name="centres",
        title=f"Centres together, hazard ratios ({scope.confidence} CI)",
        columns=(
            "Endpoint",
            "Sample",
            "Centres with an estimate",
            "Stratified by centre",
            "Fixed effect",
            "Random effects",
            "Prediction interval",
            "I², %",
            f"{numbers.style.p_column} for heterogeneity",
        ),
        rows=tuple(rows),
        footnotes=("Multivariable models are stratified by centre and not fitted within centres.",),
    )


def _span(scope: Scope, limits: list[Estimate | None]) -> str:
    texts = [scope.numbers.hazard(limit) for limit in limits]
    return texts[0] if texts[0] == texts[1] else scope.numbers.limits(*texts)
