"""Multiple imputation by chained equations (van Buuren, Boshuizen and Knook 1999; White, Royston and Wood 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.imputation_models import draw_logistic, draw_ordinal, draw_pmm, draw_polytomous
from twoarm.statistics.linear_algebra import one_thread


class _Draw(Protocol):
    def __call__(
        self, *, observed: Floats, x_observed: Floats, x_missing: Floats, generator: np.random.Generator
    ) -> Floats: ...


ImputationMethod = Literal["pmm", "logistic", "polytomous", "ordinal"]

CATEGORICAL: dict[str, _Draw] = {"logistic": draw_logistic, "polytomous": draw_polytomous, "ordinal": draw_ordinal}


@dataclass(frozen=True, slots=True, eq=False)
class ImputationVariable:
    """A variable that is imputed where it is missing and predicts the others."""

    name: str
    values: Floats  # (n,), NaN where missing; codes 0..levels-1 when categorical
    levels: int  # 0 for a number
    method: ImputationMethod


@dataclass(frozen=True, slots=True, eq=False)
class ImputedValues:
    """The drawn values of every incomplete variable in m imputations."""

    rows: Mapping[str, Integers]  # (n_missing,), where the variable was missing
    values: Mapping[str, Floats]  # (m, n_missing)
    chain_means: Mapping[str, Floats]  # (m, iterations), of the drawn values; of the codes when categorical
    chain_sds: Mapping[str, Floats]  # (m, iterations); NaN for a single missing value


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """An incomplete variable and its place among the columns."""

    variable: ImputationVariable
    missing: Integers  # rows
    seen: Integers  # rows
    columns: slice
    others: Integers  # columns that predict it


def impute(
    *,
    variables: Sequence[ImputationVariable],
    predictors: ArrayLike,
    names: Sequence[str],
    generators: Sequence[np.random.Generator],
    iterations: int = 10,
    donors: int = 5,
) -> ImputedValues:
    """Impute m times, each time walking through the incomplete variables ``iterations`` times.

    A walk starts with random draws from the observed. Variables come in order of increasing missingness (ties by
    position), each regressed on all the others, categorical ones as indicators of every level but the first, and on
    ``predictors``. An imputation depends on its own generator only, so m can grow without moving the ones before.

    Args:
        variables: complete ones only predict.
        predictors: complete columns such as arm, event indicators and Nelson-Aalen, shape (n, q).
        names: of the q predictors.
        generators: one an imputation; m of them.
        iterations: walks before the values are taken.
        donors: of predictive mean matching.

    Raises:
        ArgumentError: predictors with missing values, codes outside the levels, lengths or names that do not fit.
        NotEstimableError: a variable that was observed in nobody.

    Source: van Buuren (2018), algorithm 4.3. R: ``mice::mice(data, m, method, maxit, visitSequence = "monotone")``.

    >>> age = ImputationVariable("age", np.array([50.0, 60.0, np.nan, 70.0, 55.0, 65.0]), 0, "pmm")
    >>> draws = [np.random.default_rng(1)]
    >>> made = impute(variables=[age], predictors=[0, 1, 0, 1, 0, 1], names=["arm"], generators=draws)
    >>> made.rows["age"].tolist(), made.values["age"].shape
    ([2], (1, 1))
    """
    columns = _checked(variables, predictors, names, generators, iterations, donors)
    start, targets = _layout(variables, columns)
    values = {t.variable.name: np.empty((len(generators), t.missing.size)) for t in targets}
    means = {t.variable.name: np.empty((len(generators), iterations)) for t in targets}
    sds = {t.variable.name: np.empty((len(generators), iterations)) for t in targets}
    with one_thread():
        for imputation, generator in enumerate(generators):
            table = start.copy()
            for target in targets:
                _enter(table, target, generator.choice(target.variable.values[target.seen], target.missing.size))
            for iteration in range(iterations):
                for target in targets:
                    drawn = _draw(table, target, generator, donors)
                    _enter(table, target, drawn)
                    name = target.variable.name
                    values[name][imputation] = drawn
                    means[name][imputation, iteration] = drawn.mean()
                    sds[name][imputation, iteration] = drawn.std(ddof=1) if drawn.size > 1 else np.nan
    return ImputedValues({t.variable.name: t.missing for t in targets}, values, means, sds)


def _checked(
    variables: Sequence[ImputationVariable],
    predictors: ArrayLike,
    names: Sequence[str],
    generators: Sequence[np.random.Generator],
    iterations: int,
    donors: int,
) -> Floats:
    """Return the predictors as a matrix, or refuse."""
    if not variables:
        raise ArgumentError("variables: found none; expected at least one")
    if min(len(generators), iterations, donors) < 1:
        raise ArgumentError("generators, iterations, donors: expected at least one of each")
    columns = arrays.matrix("predictors", predictors, variables[0].values.size)
    if len(names) != columns.shape[1]:
        raise ArgumentError(f"names: found {len(names)} names; expected {columns.shape[1]}, one a column of predictors")
    every = [variable.name for variable in variables] + list(names)
    if len(set(every)) < len(every):
        raise ArgumentError("names: found a name twice among variables and predictors")
    for variable in variables:
        _check_variable(variable, columns.shape[0])
    return columns


def _check_variable(variable: ImputationVariable, length: int) -> None:
    name, values = variable.name, variable.values
    if values.shape != (length,):
        raise ArgumentError(f"{name}: found shape {values.shape}; expected ({length},), one value a patient")
    seen = values[~np.isnan(values)]
    if seen.size == 0:
        raise NotEstimableError(f"{name} was observed in nobody")
    if not np.isfinite(seen).all():
        raise ArgumentError(f"{name}: found infinite values; expected numbers, NaN where missing")
    if variable.levels and not ((seen >= 0) & (seen < variable.levels) & (seen == np.floor(seen))).all():
        raise ArgumentError(f"{name}: found codes outside 0 to {variable.levels - 1}")
    if variable.method != "pmm" and variable.method not in CATEGORICAL:
        raise ArgumentError(f"{name}: found method {variable.method!r}; expected pmm, {', '.join(CATEGORICAL)}")
    if variable.method == "logistic" and variable.levels != 2:
        raise ArgumentError(f"{name}: found {variable.levels} levels; expected two for logistic")
    if variable.method in CATEGORICAL and variable.levels < 2:
        raise ArgumentError(f"{name}: found a number; expected levels for {variable.method}")


def _layout(variables: Sequence[ImputationVariable], predictors: Floats) -> tuple[Floats, list[_Target]]:
    """Return the table, a row a column of the design and NaN where missing, and its targets in their order."""
    blocks = [_columns(variable, variable.values) for variable in variables]
    ends = np.cumsum([block.shape[0] for block in blocks])
    table = np.concatenate([*blocks, predictors.T])
    targets = []
    for variable, block, end in zip(variables, blocks, ends.tolist(), strict=True):
        missing = np.isnan(variable.values)
        if missing.any():
            place = slice(end - block.shape[0], end)
            others = np.delete(np.arange(table.shape[0]), place)
            targets.append(_Target(variable, np.flatnonzero(missing), np.flatnonzero(~missing), place, others))
    return table, sorted(targets, key=lambda target: target.missing.size)


def _columns(variable: ImputationVariable, values: Floats) -> Floats:
    """Return a number as it is and a categorical variable as indicators without the first level, a row each."""
    if variable.levels == 0:
        return values[None, :]
    return np.asarray(values == np.arange(1, variable.levels)[:, None], dtype=np.float64)


def _enter(table: Floats, target: _Target, values: Floats) -> None:
    """Write drawn values into a table that this imputation owns."""
    table[target.columns, target.missing] = _columns(target.variable, values)


def _draw(table: Floats, target: _Target, generator: np.random.Generator, donors: int) -> Floats:
    seen = target.variable.values[target.seen]
    x_seen, x_missing = table[np.ix_(target.others, target.seen)].T, table[np.ix_(target.others, target.missing)].T
    if target.variable.method == "pmm":
        return draw_pmm(observed=seen, x_observed=x_seen, x_missing=x_missing, generator=generator, donors=donors)
    draw = CATEGORICAL[target.variable.method]
    return draw(observed=seen, x_observed=x_seen, x_missing=x_missing, generator=generator)
