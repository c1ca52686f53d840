"""Tests and proportions of a baseline or response table."""

from __future__ import annotations

from typing import Any

import numpy as np

from twoarm.errors import ArgumentError
from twoarm.notebook.columns import open_frame, required
from twoarm.notebook.result import Result, Value
from twoarm.statistics import arrays, contingency, rank_tests
from twoarm.statistics import proportions as kernel
from twoarm.statistics import t_test as means
from twoarm.statistics.proportions import DifferenceInterval, ProportionInterval

METHODS = {
    "pearson": "Pearson's chi-squared test",
    "fisher": "Fisher's exact test",
    "fisher_simulated": "Fisher's exact test, simulated",
}


def _table(frame: Any, row: Any, arm: Any, table: Any) -> Any:
    if table is not None:
        return table
    source = open_frame(frame)
    rows, arms = (np.asarray(required(source, name, value)) for name, value in (("row", row), ("arm", arm)))
    codes, labels = arrays.codes("row", rows, rows.size)
    sides, _ = arrays.codes("arm", arms, rows.size)
    return np.bincount(codes * (int(sides.max()) + 1) + sides, minlength=labels.size * (int(sides.max()) + 1)).reshape(
        labels.size, -1
    )


def _count_result(test: contingency.CountTest) -> Result:
    exact = test.degrees_of_freedom == 0
    row: tuple[Value, ...] = (
        None if exact else test.statistic,
        None if exact else test.degrees_of_freedom,
        test.p_value,
    )
    notes = (f"Monte Carlo standard error {test.p_std_error:.2g}",) if test.p_std_error else ()
    return Result(METHODS[test.method], ("chi_squared", "df", "p"), (row,), notes, test)


def count_test(frame: Any = None, /, row: Any = None, arm: Any = None, *, table: Any = None) -> Result:
    """Test counts: Pearson's chi-squared if every expected count is at least 5, else Fisher's exact test.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays or a table.
        row: level of each patient, shape (n,).
        arm: arm of each patient, shape (n,).
        table: counts, shape (r, c), instead of patients.

    Raises:
        ArgumentError: missing values, or counts that are no whole numbers.
        NotEstimableError: one level or one arm only.

    >>> count_test(table=[[12, 7], [5, 14]])
    Pearson's chi-squared test
    chi_squared  df      p
    5.216         1  0.022
    """
    return _count_result(contingency.test_counts(table=_table(frame, row, arm, table)))


def chi_squared(frame: Any = None, /, row: Any = None, arm: Any = None, *, table: Any = None) -> Result:
    """Pearson's chi-squared test without continuity correction; arguments as for ``count_test``."""
    return _count_result(contingency.pearson(table=_table(frame, row, arm, table)))


def fisher(frame: Any = None, /, row: Any = None, arm: Any = None, *, table: Any = None) -> Result:
    """Fisher's exact test, Freeman-Halton for more than two rows or columns; arguments as for ``count_test``."""
    return _count_result(contingency.fisher(table=_table(frame, row, arm, table)))


def wilcoxon(frame: Any = None, /, values: Any = None, treated: Any = None) -> Result:
    """Wilcoxon's rank-sum test of two arms.

    Args:
        frame: a frame with columns named in the other arguments; or nothing, with arrays.
        values: shape (n,).
        treated: True (or 1) for the treated arm, shape (n,).

    Raises:
        ArgumentError: missing values or lengths that differ.
        NotEstimableError: an empty arm, or all values equal.
    """
    source = open_frame(frame)
    found = rank_tests.wilcoxon(values=required(source, "values", values), treated=required(source, "treated", treated))
    kind = "exact" if found.method == "exact" else "normal approximation with continuity correction"
    return Result(f"Wilcoxon rank-sum test, {kind}", ("statistic", "p"), ((found.statistic, found.p_value),), (), found)


def kruskal_wallis(frame: Any = None, /, values: Any = None, group: Any = None) -> Result:
    """Kruskal and Wallis's rank test of several groups; ``group`` holds labels, shape (n,)."""
    source = open_frame(frame)
    found = rank_tests.kruskal_wallis(values=required(source, "values", values), group=required(source, "group", group))
    row: tuple[Value, ...] = (found.statistic, found.degrees_of_freedom, found.p_value)
    return Result("Kruskal-Wallis test", ("chi_squared", "df", "p"), (row,), (), found)


def t_test(frame: Any = None, /, values: Any = None, treated: Any = None, *, equal_variances: bool = False) -> Result:
    """Welch's t test of two means, or Student's with ``equal_variances``; arguments as for ``wilcoxon``."""
    source = open_frame(frame)
    found = means.t_test(
        values=required(source, "values", values),
        treated=required(source, "treated", treated),
        equal_variances=equal_variances,
    )
    name = "Student's t test" if equal_variances else "Welch's t test"
    row: tuple[Value, ...] = (found.difference, found.statistic, found.degrees_of_freedom, found.p_value)
    return Result(name, ("difference", "t", "df", "p"), (row,), (), found)


def proportion(
    *, events: int, n: int, interval: ProportionInterval = "clopper-pearson", confidence_level: float = 0.95
) -> Result:
    """Return a proportion with its interval: Clopper-Pearson or Wilson.

    >>> proportion(events=7, n=25).rows[0][2]
    0.28
    """
    found = kernel.proportion(events=events, n=n, interval=interval, confidence_level=confidence_level)
    row: tuple[Value, ...] = (found.events, found.n, found.proportion, found.lower, found.upper)
    title = f"Proportion, {interval.title()} interval"
    return Result(title, ("events", "n", "proportion", "lower", "upper"), (row,), (), found)


def proportion_difference(
    *,
    events: tuple[int, int],
    n: tuple[int, int],
    interval: DifferenceInterval = "newcombe",
    confidence_level: float = 0.95,
) -> Result:
    """Return the difference of two proportions, first minus second, by Newcombe or Miettinen-Nurminen."""
    if len(events) != 2 or len(n) != 2:
        raise ArgumentError("events, n: expected two numbers each, first and second group")
    found = kernel.proportion_difference(
        events_1=events[0], n_1=n[0], events_0=events[1], n_0=n[1], interval=interval, confidence_level=confidence_level
    )
    row: tuple[Value, ...] = (found.difference, found.lower, found.upper)
    return Result(f"Difference of proportions, {interval.title()}", ("difference", "lower", "upper"), (row,), (), found)
