"""Who was lost by matching."""

from __future__ import annotations

from twoarm.tables.baseline_table import share_text, summary_cell
from twoarm.tables.scope import Scope
from twoarm.tables.table import Row, Table, plain, quote


def lost_table(scope: Scope, adjustment: str) -> Table | None:
    """Return matched against unmatched patients of the focal arm; None where nobody looked for partners."""
    unmatched = scope.find(adjustment=adjustment, analysis="lost", statistic="unmatched")
    if unmatched is None:
        return None
    here = {"adjustment": adjustment, "analysis": "lost"}
    counts = [scope.find(**here, arm=arm, variable="", statistic="n") for arm in ("matched", "unmatched")]
    numbers, rows = scope.numbers, []
    for variable in scope.population.covariates:
        whole_smd = scope.find(**here, variable=variable, variable_level="", statistic="smd")
        cells = [*plain(scope.label(variable))]
        for arm in ("matched", "unmatched"):
            cells.append(summary_cell(scope, variable, arm=arm, **here) if scope.continuous(variable) else plain("")[0])
        rows.append(Row((*cells, quote(numbers.smd(whole_smd), whole_smd))))
        for level in scope.levels(variable):
            cells = [*plain(level)]
            for arm in ("matched", "unmatched"):
                n, percent = (
                    scope.find(**here, arm=arm, variable=variable, variable_level=level, statistic=s)
                    for s in ("n", "percent")
                )
                cells.append(quote(share_text(numbers, n, percent), n, percent))
            difference = scope.find(**here, variable=variable, variable_level=level, statistic="smd")
            rows.append(Row((*cells, quote(numbers.smd(difference), difference)), indent=True))
    return Table(
        name=f"lost-{adjustment}",
        title=f"{unmatched.arm}: patients who found a partner against those who did not",
        columns=(
            "Characteristic",
            f"Matched (n = {numbers.whole(counts[0])})",
            f"Unmatched (n = {numbers.whole(counts[1])})",
            "SMD",
        ),
        rows=tuple(rows),
        footnotes=("SMD: matched minus unmatched; for covariates of more than two levels the Mahalanobis distance.",),
    )
