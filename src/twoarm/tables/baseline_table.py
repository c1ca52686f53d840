"""Table 1: the patients before and after adjustment, tests and standardised differences."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.formats import Numbers, decimals_of, text_of
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote

_WEIGHTED = (
    "Weighted: effective n is (sum of weights)² / sum of squared weights; percentages, quartiles, means and SD are "
    "weighted, the SMD's own SD is not; weighted arms are judged by the SMD and not tested."
)
_IMPUTED = "Imputed: means over the imputations; SMD with the largest of them in brackets."
ORIGINAL, OWN = "SD of the original sample", "SD of this sample"


def baseline_tables(scope: Scope) -> list[Table]:
    """Return Table 1 with the unadjusted sample and the first by design side by side, and one for every two more."""
    return [_baseline_table(scope, position, blocks) for position, blocks in enumerate(scope.blocks())]


def _baseline_table(scope: Scope, position: int, blocks: list[str]) -> Table:
    marks = Footnotes()
    rows = []
    for variable in scope.population.covariates:
        rows += _variable(scope, variable, blocks, marks)
    columns = ["Characteristic"]
    groups = [("", 1)]
    for name in blocks:
        header = [_arm_header(scope, name, arm) for arm in _arms(scope, name)]
        smd = ["SMD"] if len(_methods(scope, name)) == 1 else ["SMD, original SD", "SMD, own SD"]
        tested = [] if name in scope.weighted() else [scope.numbers.style.p_column]
        columns += [*header, *tested, *smd]
        groups.append((scope.population.adjustments[name].label, len(header) + len(tested) + len(smd)))
    continuous = scope.protocol.analyses.baseline.continuous
    summary = " or median (interquartile range)" if continuous == "median" else " or mean (SD)"
    summary = summary if any(scope.continuous(name) for name in scope.population.covariates) else ""
    return Table(
        name=f"baseline-{position + 1}" if position else "baseline",
        title="Baseline characteristics" + (", further samples" if position else ""),
        columns=tuple(columns),
        rows=tuple(rows),
        groups=tuple(groups),
        footnotes=(
            f"Numbers are n (%){summary}. SMD: standardised mean difference, {scope.arms[0]} minus {scope.arms[1]}"
            "; for covariates of more than two levels the Mahalanobis distance, which has no sign.",
            *((_WEIGHTED,) if set(blocks) & set(scope.weighted()) else ()),
            *(
                ("Imputed: means over the imputations; SMD with the largest of them in brackets.",)
                if scope.imputed
                else ()
            ),
            *marks.lines(),
        ),
    )


def _arms(scope: Scope, adjustment: str) -> tuple[str, ...]:
    return ("all", *scope.arms) if adjustment == scope.unadjusted() else scope.arms


def _arm_header(scope: Scope, adjustment: str, arm: str) -> str:
    if adjustment in scope.weighted():
        n = scope.find(adjustment=adjustment, analysis="weights", arm=arm, statistic="effective_sample_size")
        return f"{arm} (effective n = {scope.numbers.number(n, 1)})"
    n = scope.find(adjustment=adjustment, analysis="baseline", arm=arm, variable="", statistic="n")
    return f"{'All' if arm == 'all' else arm} (n = {scope.numbers.whole(n)})"


def _variable(scope: Scope, variable: str, blocks: list[str], marks: Footnotes) -> list[Row]:
    first: list[Cell] = list(plain(scope.label(variable)))
    for name in blocks:
        for arm in _arms(scope, name):
            here = {"adjustment": name, "analysis": "baseline", "arm": arm}
            first.append(summary_cell(scope, variable, **here) if scope.continuous(variable) else Cell(""))
        first += _test_cells(scope, name, variable, marks)
    rows = [Row(tuple(first))]
    for level in scope.levels(variable):
        cells = list(plain(level))
        for name in blocks:
            cells += [_share(scope, name, arm, variable, level) for arm in _arms(scope, name)]
            cells += [] if name in scope.weighted() else [Cell("")]
            cells += [_smd(scope, name, variable, level, method) for method in _methods(scope, name)]
        rows.append(Row(tuple(cells), indent=True))
    return rows


def _methods(scope: Scope, adjustment: str) -> tuple[str, ...]:
    return (ORIGINAL, OWN) if adjustment in scope.matchings() else (ORIGINAL,)


def _test_cells(scope: Scope, adjustment: str, variable: str, marks: Footnotes) -> list[Cell]:
    smds = [_smd(scope, adjustment, variable, "", method) for method in _methods(scope, adjustment)]
    if adjustment in scope.weighted():
        return smds
    p = scope.find(adjustment=adjustment, analysis="baseline", variable=variable, statistic="p_value")
    text = scope.numbers.probability(p)
    if p is not None and p.value is not None:
        text += marks.mark(p.method)
    return [quote(text, p), *smds]


def _smd(scope: Scope, adjustment: str, variable: str, level: str, method: str) -> Cell:
    here = {"adjustment": adjustment, "analysis": "balance", "variable": variable, "variable_level": level}
    # where nobody was left out the two samples are one, and the row stands once
    row = scope.find(**here, statistic="smd", method=method) or scope.find(**here, statistic="smd", method=ORIGINAL)
    largest = scope.find(**here, statistic="smd_largest", method=method)
    text = scope.numbers.smd(row)
    return quote(f"{text} [{scope.numbers.smd(largest)}]" if largest is not None else text, row, largest)


def _share(scope: Scope, adjustment: str, arm: str, variable: str, level: str) -> Cell:
    if adjustment in scope.weighted():
        here = {"analysis": "baseline", "arm": arm, "variable": variable, "variable_level": level}
        weighted = scope.find(adjustment=adjustment, **here, statistic="weighted_percent")
        return quote(scope.numbers.number(weighted, 1), weighted)
    n, percent = (
        scope.find(
            adjustment=adjustment,
            analysis="baseline",
            arm=arm,
            variable=variable,
            variable_level=level,
            statistic=s,
        )
        for s in ("n", "percent")
    )
    return quote(share_text(scope.numbers, n, percent), n, percent)


def share_text(numbers: Numbers, n: Estimate | None, percent: Estimate | None) -> str:
    """Return ``n (percent)``."""
    if n is None or n.value is None or percent is None or percent.value is None:
        return numbers.whole(n)
    return f"{numbers.whole(n)} ({numbers.fixed(float(percent.value), 1)})"


def summary_cell(scope: Scope, variable: str, **wanted: str) -> Cell:
    """Return median (quartiles) or mean (SD) of a continuous covariate; one number of decimals a covariate."""
    median = scope.protocol.analyses.baseline.continuous == "median"
    statistics = ("median", "q1", "q3") if median else ("mean", "sd")
    rows = [scope.find(variable=variable, statistic=statistic, **wanted) for statistic in statistics]
    values = [float(row.value) for row in rows if row is not None and row.value is not None]
    if len(values) < len(rows):
        return quote(text_of(rows[0], ""), *rows)
    decimals = _decimals(scope, variable, statistics)
    texts = [scope.numbers.ungrouped(value, decimals) for value in values]
    text = scope.numbers.with_quartiles(*texts) if median else f"{texts[0]} ({texts[1]})"
    return quote(text, *rows)


def _decimals(scope: Scope, variable: str, statistics: tuple[str, ...]) -> int:
    rows = [row for analysis in ("baseline", "lost") for row in scope.select(analysis=analysis, variable=variable)]
    return decimals_of([float(row.value) for row in rows if row.statistic in statistics and row.value is not None])
