"""Adverse events by arm: the declared rows, and every term."""

from __future__ import annotations

from twoarm.tables.scope import Scope
from twoarm.tables.table import Footnotes, Row, Table, plain, quote

ANY, SEVERE = "any grade", "grade 3 or more"


def safety_table(scope: Scope) -> Table | None:
    """Return one line a declared row; None where no adverse events were asked for."""
    here = {"adjustment": scope.unadjusted(), "analysis": "safety"}
    counted = scope.select(**here, variable="adverse_event", arm=scope.arms[0], statistic="n")
    declared = scope.protocol.safety
    if not counted or declared is None:
        return None
    marks, numbers, rows = Footnotes(), scope.numbers, []
    for row in counted:
        wanted = {**here, "variable": "adverse_event", "variable_level": row.variable_level}
        cells = [*plain(row.variable_level)]
        for arm in scope.arms:
            n, percent = (scope.find(**wanted, arm=arm, statistic=s) for s in ("n", "percent"))
            cells += [quote(numbers.whole(n), n), quote(numbers.number(percent, 1), percent)]
        p = scope.find(**wanted, statistic="p_value")
        mark = marks.mark(p.method) if p is not None and p.value is not None else ""
        rows.append(Row((*cells, quote(numbers.probability(p) + mark, p))))
    return Table(
        name="safety",
        title="Adverse events",
        columns=("Adverse event", "n", "%", "n", "%", numbers.style.p_column),
        rows=tuple(rows),
        groups=(("", 1), *_arms(scope, 2), ("", 1)),
        footnotes=(f"Graded by CTCAE {declared.ctcae_version}. {_counting(scope)}", *marks.lines()),
    )


def term_table(scope: Scope) -> Table | None:
    """Return every term at any grade and at grade 3 or more, most frequent first."""
    here = {"adjustment": scope.unadjusted(), "analysis": "safety", "variable": "term"}
    terms = scope.select(**here, arm="all", statistic="n", parameter=ANY)
    if not terms or scope.protocol.safety is None:
        return None
    rows = []
    for term in terms:
        cells = [*plain(term.variable_level)]
        for arm in scope.arms:
            for parameter in (ANY, SEVERE):
                wanted = {**here, "variable_level": term.variable_level, "arm": arm, "parameter": parameter}
                n, percent = (scope.find(**wanted, statistic=s) for s in ("n", "percent"))
                text = scope.numbers.whole(n)
                if percent is not None and percent.value is not None and n is not None and n.value:
                    text += f" ({scope.numbers.number(percent, 1)})"
                cells.append(quote(text, n, percent))
        rows.append(Row(tuple(cells)))
    return Table(
        name="adverse_event_terms",
        title="Adverse events by term, n (%)",
        columns=("Term", *["Any grade", "Grade ≥3"] * 2),
        rows=tuple(rows),
        groups=(("", 1), *_arms(scope, 2)),
        footnotes=(f"Graded by CTCAE {scope.protocol.safety.ctcae_version}. {_counting(scope)}",),
    )


def _arms(scope: Scope, span: int) -> list[tuple[str, int]]:
    here = {"adjustment": scope.unadjusted(), "analysis": "safety", "variable": "", "statistic": "n"}
    counts = [scope.find(**here, arm=arm) for arm in scope.arms]
    return [(f"{arm} (n = {scope.numbers.whole(n)})", span) for arm, n in zip(scope.arms, counts, strict=True)]


def _counting(scope: Scope) -> str:
    safety = scope.protocol.safety
    assert safety is not None, "the table was asked for"
    last = "" if safety.last_day is None else f" to day {safety.last_day}"
    days = f"day {safety.first_day}{last} after time zero"
    return f"A patient counts once a row, at the worst grade, for onsets from {days}."
