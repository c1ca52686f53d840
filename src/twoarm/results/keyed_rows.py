"""Patient rows under hashed keys: for those who may link rows of one export, and must not know whose they are."""

from __future__ import annotations

import hmac
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from twoarm.results.patient_row import PatientRow

Placed = TypeVar("Placed", bound=Hashable)
Sample = tuple[str, str, str]  # population, strategy, adjustment


def keyed_rows(rows: Iterable[PatientRow], secret: bytes) -> tuple[PatientRow, ...]:
    """Return rows with HMAC-SHA256 of each patient's key, in the order of these; pairs are numbered by them, too.

    A plain hash could be undone by hashing every possible key, and the old order would tell the old keys apart. Rows
    have no dates: times are days from time zero.

    >>> (row,) = keyed_rows([PatientRow("study", "cc", "unadjusted", "P001", "New")], b"sixteen bytes...")
    >>> len(row.key), row.arm
    (64, 'New')
    """
    hashed = [replace(row, key=hmac.new(secret, row.key.encode("utf-8"), "sha256").hexdigest()) for row in rows]
    numbers = _pair_numbers(hashed)
    numbered = [replace(row, pair=numbers.get((_sample(row), row.pair))) for row in hashed]
    samples, endpoints = _places([_sample(row) for row in numbered]), _places([row.endpoint for row in numbered])
    return tuple(
        sorted(numbered, key=lambda row: (samples[_sample(row)], row.key, row.pair or 0, endpoints[row.endpoint]))
    )


def _sample(row: PatientRow) -> Sample:
    return (row.population, row.missing, row.adjustment)


def _pair_numbers(rows: Iterable[PatientRow]) -> dict[tuple[Sample, int | None], int]:
    """Number the pairs of each sample in the order of their patients' hashed keys."""
    members: dict[Sample, dict[int, set[str]]] = {}
    for row in rows:
        if row.pair is not None:
            members.setdefault(_sample(row), {}).setdefault(row.pair, set()).add(row.key)
    return {
        (sample, pair): number
        for sample, pairs in members.items()
        for number, pair in enumerate(sorted(pairs, key=lambda pair: sorted(pairs[pair])), start=1)
    }


def _places(values: Sequence[Placed]) -> dict[Placed, int]:
    return {value: place for place, value in enumerate(dict.fromkeys(values))}
