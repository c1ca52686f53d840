"""A sentence of the report and the ledger rows that it quotes."""

from __future__ import annotations

from dataclasses import dataclass

from twoarm.results.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Sentence:
    """Text, and the ids of the rows behind its numbers; a text that quotes nothing says what was done."""

    text: str
    ids: tuple[str, ...] = ()


def say(text: str, *rows: Estimate | None) -> Sentence:
    """Return a sentence that quotes rows."""
    return Sentence(text, tuple(row.id for row in rows if row is not None))


def listed(items: list[str] | tuple[str, ...]) -> str:
    """Join words with commas and "and".

    >>> listed(["age", "sex", "stage"])
    'age, sex and stage'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
