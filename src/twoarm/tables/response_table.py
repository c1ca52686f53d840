"""Tumour response: best overall response, objective response and disease control."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.baseline_table import share_text
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote

CATEGORIES = {"CR": "complete response", "PR": "partial response", "SD": "stable disease"}
CATEGORIES |= {"PD": "progressive disease", "NE": "not evaluable"}
RULES = {"unconfirmed": "Confirmation not required", "confirmed": "Confirmed responses"}


def response_table(scope: Scope) -> Table | None:
    """Return the response of every sample side by side; one block a confirmation rule."""
    declared = scope.protocol.response
    if declared is None:
        return None
    first = declared.rules()[0]
    samples = [name for name in scope.marginal() if scope.find(adjustment=name, **_patients(scope, first))]
    if not samples:
        return None
    marks = Footnotes()
    rows: list[Row] = []
    for rule in declared.rules():
        if len(declared.rules()) > 1:
            rows.append(Row(plain(RULES[rule]), kind="heading"))
        for word in CATEGORIES:
            cells = [cell for name in samples for cell in _category(scope, name, rule, word)]
            rows.append(Row((*plain(word), *cells), indent=True))
        labels = {"objective_response": declared.objective_response, "disease_control": declared.disease_control}
        for variable, label in labels.items():
            rows += _rate(scope, samples, rule, variable, label, marks)
    columns, groups = ["Response"], [("", 1)]
    for name in samples:
        counts = [scope.find(adjustment=name, **_patients(scope, first, arm)) for arm in scope.arms]
        headers = [f"{arm} (n = {scope.numbers.whole(n)})" for arm, n in zip(scope.arms, counts, strict=True)]
        columns += [*headers, f"Difference, % ({scope.confidence} CI)", scope.numbers.style.p_column]
        groups.append((scope.population.adjustments[name].label, 4))
    which = (
        "evaluable patients"
        if declared.denominator == "evaluable"
        else "all patients; one not evaluable is no response"
    )
    return Table(
        name="response",
        title="Tumour response",
        columns=tuple(columns),
        rows=tuple(rows),
        groups=tuple(groups),
        footnotes=(
            f"Best overall response by RECIST 1.1, n (% of {which}). {declared.objective_response}: CR or PR. "
            f"{declared.disease_control}: CR, PR or SD.",
            "; ".join(f"{word}: {said}" for word, said in CATEGORIES.items()) + ".",
            *(("Weighted samples: weighted percentages.",) if scope.weighted() else ()),
            *marks.lines(),
        ),
    )


def _patients(scope: Scope, rule: str, arm: str = "") -> dict[str, str]:
    arm = arm or scope.arms[0]
    return {"analysis": "response", "parameter": rule, "arm": arm, "variable": "", "statistic": "n"}


def _category(scope: Scope, adjustment: str, rule: str, word: str) -> list[Cell]:
    here = {"adjustment": adjustment, "analysis": "response", "parameter": rule, "variable": "best_response"}
    return [*(_share(scope, arm=arm, variable_level=word, **here) for arm in scope.arms), *plain("", "")]


def _share(scope: Scope, **wanted: str) -> Cell:
    if wanted["adjustment"] in scope.weighted():
        weighted = scope.find(**wanted, statistic="weighted_percent")
        return quote(scope.numbers.number(weighted, 1), weighted)
    n, percent = (scope.find(**wanted, statistic=s) for s in ("n", "percent"))
    return quote(share_text(scope.numbers, n, percent), n, percent)


def _rate(scope: Scope, samples: list[str], rule: str, variable: str, label: str, marks: Footnotes) -> list[Row]:
    first: list[Cell] = [*plain(label)]
    limits: list[Cell] = [*plain(f"{scope.confidence} CI, %")]
    ignoring: list[Cell] = [*plain("ignoring the pairs")]
    for name in samples:
        here = {"adjustment": name, "analysis": "response", "parameter": rule, "variable": variable}
        first += [_share(scope, arm=arm, **here) for arm in scope.arms]
        limits += [_interval(scope, arm, here, marks) for arm in scope.arms]
        found = scope.select(**here, arm=scope.contrast, statistic="difference")
        tests = scope.select(**here, arm=scope.contrast, statistic="p_value")
        first += [*_difference(scope, found[:1], here, marks), _test(scope, tests[:1], marks)]
        limits += plain("", "")
        ignoring += [*plain("", ""), *_difference(scope, found[1:], here, marks), _test(scope, tests[1:], marks)]
    rows = [Row(tuple(first)), Row(tuple(limits), indent=True)]
    return [*rows, Row(tuple(ignoring), indent=True)] if any(cell.text for cell in ignoring[1:]) else rows


def _interval(scope: Scope, arm: str, here: dict[str, str], marks: Footnotes) -> Cell:
    percent = "weighted_percent" if here["adjustment"] in scope.weighted() else "percent"
    lower, upper = (scope.find(**here, arm=arm, statistic=f"{percent}_{side}") for side in ("lower", "upper"))
    if lower is None or lower.value is None:
        return quote(scope.numbers.number(lower, 1), lower)
    text = scope.numbers.limits(scope.numbers.number(lower, 1), scope.numbers.number(upper, 1))
    return quote(text + marks.mark(lower.method), lower, upper)


def _difference(scope: Scope, found: tuple[Estimate, ...], here: dict[str, str], marks: Footnotes) -> list[Cell]:
    if not found:
        return [*plain("")]
    row = found[0]
    wanted = {**here, "arm": row.arm, "method": row.method}
    parts = [row, *(scope.find(**wanted, statistic=f"difference_{side}") for side in ("lower", "upper"))]
    text = scope.numbers.with_interval(*(scope.numbers.number(part, 1) for part in parts))
    mark = marks.mark(row.method) if row.value is not None and row.method else ""
    return [quote(text + mark, *parts)]


def _test(scope: Scope, tests: tuple[Estimate, ...], marks: Footnotes) -> Cell:
    if not tests:
        return plain("")[0]
    row = tests[0]
    return quote(scope.numbers.probability(row) + (marks.mark(row.method) if row.value is not None else ""), row)
