"""Matched sets: how many partners they have, and how often partners were used."""

from __future__ import annotations

from twoarm.tables.scope import Scope
from twoarm.tables.table import Row, Table, plain, quote


def sets_table(scope: Scope) -> Table | None:
    """Return a column a matching in sets; None where all matchings are in pairs without replacement."""
    names = [name for name, made in scope.matchings().items() if made.sets and scope.made(name)]
    most = max((scope.matchings()[name].ratio for name in names), default=0)
    lines = [("Matched sets", "pairs", "", 0), ("Partners a set, mean", "partners_per_set", "", 2)]
    lines += [(f"Sets with {count}", "sets_by_partners", str(count), 0) for count in range(1, most + 1) if most > 1]
    lines += [
        ("Different partners", "distinct_partners", "", 0),
        ("Sets of the most used partner", "most_used_partner", "", 0),
        ("Largest share of the arm's weight, %", "largest_partner_percent", "", 1),
    ]
    rows = []
    for label, statistic, level, decimals in lines:
        here = {"analysis": "lost", "arm": scope.contrast, "variable_level": level, "statistic": statistic}
        found = [scope.find(adjustment=name, **here) for name in names]
        texts = [scope.numbers.number(row, decimals) if decimals else scope.numbers.whole(row) for row in found]
        cells = (quote(text, row) for text, row in zip(texts, found, strict=True))
        rows.append(Row((*plain(label), *cells), indent=bool(level)))
    if not names or not any(cell.text for row in rows for cell in row.cells[1:]):
        return None
    imputed = ("Counts are means over the imputations.",) if scope.imputed else ()
    return Table(
        name="matched_sets",
        title="Matched sets",
        columns=("", *(scope.matchings()[name].label for name in names)),
        rows=tuple(rows),
        footnotes=("A set is one patient with all its partners, who share the weight of one.", *imputed),
    )
