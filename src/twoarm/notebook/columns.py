"""Arguments of a statistic: arrays by keyword, or a frame and names of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from twoarm.errors import ArgumentError, nearest
from twoarm.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class Terms:
    """Columns of a model with their names; a text column becomes one column for each level but the reference."""

    names: tuple[str, ...]
    values: Floats  # shape (n, p)
    factors: Mapping[str, tuple[str, ...]]  # text column -> its terms
    references: Mapping[str, str]  # text column -> its reference level


def open_frame(frame: Any) -> nw.DataFrame[Any] | None:
    """Return a frame of any library, or None when arrays are passed by keyword."""
    if frame is None:
        return None
    try:
        opened: nw.DataFrame[Any] = nw.from_native(frame, eager_only=True)
    except TypeError:
        kind = type(frame).__name__
        raise ArgumentError(f"frame: found a {kind}; pass a frame first, or arrays by keyword (time=...)") from None
    return opened


def column(frame: nw.DataFrame[Any] | None, name: str, value: Any) -> Any:
    """Return an argument's array: the frame's column if it is a name, else the array itself."""
    if value is None:
        return None
    if not isinstance(value, str):
        return value
    if frame is None:
        raise ArgumentError(f'{name}: found the name "{value}" without a frame; pass the frame first')
    return _series(frame, name, value).to_numpy()


def required(frame: nw.DataFrame[Any] | None, name: str, value: Any) -> Any:
    """Return an argument's array; it must be there."""
    found = column(frame, name, value)
    if found is None:
        raise ArgumentError(f"{name}: missing; expected an array, or a column's name after a frame")
    return found


def events(frame: nw.DataFrame[Any] | None, value: Any, event_value: Any) -> Any:
    """Return event indicators; ``event_value`` declares which code stands for an event."""
    codes = np.asarray(required(frame, "event", value))
    if event_value is None:
        if codes.dtype.kind in "OUT":
            raise ArgumentError("event: found text; say which one is the event with event_value=...")
        return codes
    if _missing(codes).any():
        raise ArgumentError(f"event: found {int(_missing(codes).sum())} missing values; drop those patients first")
    if not (codes == event_value).any():
        raise ArgumentError(f"event_value: found {event_value!r}, which no patient has")
    return codes == event_value


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values], dtype=np.bool_)
    return np.zeros(values.shape, dtype=np.bool_)


def _series(frame: nw.DataFrame[Any], argument: str, name: str) -> nw.Series[Any]:
    if name not in frame.columns:
        raise ArgumentError(
            f'{argument}: found no column "{name}"; expected one of the frame\'s{nearest(name, frame.columns)}'
        )
    return frame.get_column(name)


def terms(frame: nw.DataFrame[Any] | None, covariates: Any, references: Mapping[str, str] | None) -> Terms:
    """Return model columns from names of a frame's columns, or from a matrix.

    A text column is compared with its reference: the one given, else the first of its declared order (categorical
    columns), else the first in the alphabet. The names of its terms say which: ``size: >50 vs <=20``.
    """
    names = [covariates] if isinstance(covariates, str) else covariates
    if names is None:
        raise ArgumentError("covariates: missing; expected a matrix, or names of columns after a frame")
    if frame is None or not all(isinstance(name, str) for name in names):
        matrix = np.asarray(covariates, dtype=np.float64)
        matrix = matrix[:, None] if matrix.ndim == 1 else matrix
        return Terms(tuple(f"x{j + 1}" for j in range(matrix.shape[1])), matrix, {}, {})
    columns: list[Floats] = []
    labels: list[str] = []
    factors: dict[str, tuple[str, ...]] = {}
    used: dict[str, str] = {}
    unknown = set(references or {}) - set(names)
    if unknown:
        raise ArgumentError(f"reference: found {', '.join(sorted(unknown))}; expected covariates")
    for name in names:
        series = _series(frame, "covariates", name)
        if series.null_count():
            raise ArgumentError(
                f'covariates: found {series.null_count()} missing values in "{name}"; drop or impute them'
            )
        if series.dtype.is_numeric() or series.dtype == nw.Boolean:
            columns.append(series.to_numpy().astype(np.float64))
            labels.append(name)
            continue
        levels = _levels(series)
        reference = (references or {}).get(name, levels[0])
        if reference not in levels:
            raise ArgumentError(f'reference: found "{reference}"; expected a level of "{name}": {", ".join(levels)}')
        used[name] = reference
        values = series.cast(nw.String).to_numpy()
        made = [level for level in levels if level != reference]
        factors[name] = tuple(f"{name}: {level} vs {reference}" for level in made)
        labels += factors[name]
        columns += [(values == level).astype(np.float64) for level in made]
    return Terms(tuple(labels), np.asfortranarray(np.column_stack(columns)), factors, used)


def _levels(series: nw.Series[Any]) -> list[str]:
    present = set(series.cast(nw.String).unique().to_list())
    if series.dtype in (nw.Categorical, nw.Enum):
        return [str(level) for level in series.cat.get_categories().to_list() if str(level) in present]
    return sorted(str(level) for level in present)


def label_of(value: Any, default: str) -> str:
    """Return a column's name for a title."""
    return value if isinstance(value, str) else default


def names_of(values: Iterable[Any]) -> list[str]:
    """Return labels as text."""
    return [str(value) for value in values]
