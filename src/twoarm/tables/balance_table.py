"""Balance of every covariate: standardised differences, variance ratios, Kolmogorov-Smirnov distances."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.baseline_table import ORIGINAL, OWN
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote


def _cell(scope: Scope, row: Estimate | None) -> Cell:
    """A number; an imputed standardised difference with the largest over the imputations."""
    text = scope.numbers.smd(row)
    if row is None or row.statistic != "smd":
        return quote(text, row)
    same = {"adjustment": row.adjustment, "analysis": "balance", "variable": row.variable, "variable_level": ""}
    largest = scope.find(**same, statistic="smd_largest", method=row.method)
    return quote(f"{text} [{scope.numbers.smd(largest)}]" if largest is not None else text, row, largest)


def balance_tables(scope: Scope) -> list[Table]:
    """Return one line a covariate, before and after the first adjustment by design; one table for every two more."""
    return [_balance_table(scope, position, samples) for position, samples in enumerate(scope.blocks())]


def _balance_table(scope: Scope, position: int, samples: list[str]) -> Table:
    numbers = any(scope.continuous(variable) for variable in scope.population.covariates)
    shape = {"Variance ratio": "variance_ratio", "KS": "kolmogorov_smirnov"} if numbers else {}
    columns = ["Covariate"]
    groups = [("", 1)]
    for name in samples:
        header = ["SMD, original SD", "SMD, own SD"] if name in scope.matchings() else ["SMD"]
        columns += [*header, *shape]
        groups.append((scope.population.adjustments[name].label, len(header) + len(shape)))
    rows = []
    for variable in scope.population.covariates:
        cells = [*plain(scope.label(variable))]
        for name in samples:
            here = {"adjustment": name, "analysis": "balance", "variable": variable, "variable_level": ""}
            methods = (ORIGINAL, OWN) if name in scope.matchings() else (ORIGINAL,)
            wanted = [scope.find(**here, statistic="smd", method=method) for method in methods]
            wanted += [scope.find(**here, statistic=s) for s in shape.values()]
            cells += [_cell(scope, row) for row in wanted]
        rows.append(Row(tuple(cells)))
    threshold = scope.numbers.general(scope.protocol.analyses.balance.threshold)
    return Table(
        name=f"balance-{position + 1}" if position else "balance",
        title="Balance of covariates" + (", further samples" if position else ""),
        columns=tuple(columns),
        rows=tuple(rows),
        groups=tuple(groups),
        footnotes=(
            f"SMD: standardised mean difference; above {threshold} in size counts as imbalance."
            + (" Variance ratio and KS (Kolmogorov-Smirnov distance) for continuous covariates." if shape else "")
            + (
                " Weighted samples: weighted means over the original SD."
                if set(samples) & set(scope.weighted())
                else ""
            )
            + (" Imputed: means, with the largest over the imputations in brackets." if scope.imputed else ""),
        ),
    )
