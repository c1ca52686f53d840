"""Whether a study needs its patients one by one, or only how many there are of each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twoarm.protocol.adjustment import Matching
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol

_PROSE = {"title", "label", "labels", "unit", "description", "acknowledge"}


def needs_patients(protocol: Protocol) -> bool:
    """Return whether anything asks which patient is which.

    Matching names pairs, unless each stratum can be matched by itself; imputation and resampling draw patients in an
    order, patients are listed, and an expression may read the key.
    """
    first, designs = next(iter(protocol.data.values())), protocol.adjustments.values()
    return (
        protocol.specifications is not None
        or protocol.output.patient_level
        or any(isinstance(one, Matching) and not one.by_stratum for one in designs)
        or any(getattr(one, "bootstrap", None) is not None for one in designs)
        or any(isinstance(strategy, MultipleImputation) for strategy in protocol.missing.values())
        or _is_named(first.key, protocol)
    )


def _is_named(key: str, protocol: Protocol) -> bool:
    word = re.compile(rf"\b{re.escape(key)}\b")
    sections = protocol.model_dump(exclude={"data", "events"})
    return any(word.search(text) for text in _texts(sections))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _PROSE:
                yield str(name)
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def not_all_parquet(protocol: Protocol) -> bool:
    """Return whether patients come from anything but Parquet files and engines."""
    parts = next(iter(protocol.data.values())).parts()
    return not all(part.on_engine or (part.file or "").lower().endswith(".parquet") for part in parts)
