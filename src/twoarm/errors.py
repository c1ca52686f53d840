"""Errors and the audience of each: the protocol's author, the data's owner, the caller of a statistic."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a protocol or in the records; never carries a patient's value."""

    where: str
    found: str
    expected: str
    key: str = ""
    rule: str = ""  # of cells: by which the finding is known in queries and audit lines

    def __str__(self) -> str:
        place = f"{self.where}  {self.key}".rstrip()
        said = f"{place}  {self.found}; {self.expected}" if self.expected else f"{place}  {self.found}"
        return f"{said} [{self.rule}]" if self.rule else said


class TwoArmError(Exception):
    """Base of every error that twoarm raises on purpose."""


class ProblemsError(TwoArmError):
    """A list of problems, all found in one pass."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ProtocolError(ProblemsError):
    """The protocol asks for something that cannot be; exit code 2."""


class RecordsError(ProblemsError):
    """The records do not hold what the protocol declares; exit code 3."""


class OutputError(TwoArmError):
    """The output folder cannot be written as asked."""


class ArgumentError(TwoArmError, ValueError):
    """A statistic was called with an argument that it must not guess about."""


class NotEstimableError(TwoArmError, ValueError):
    """The data cannot answer; the message is the reason that the ledger row carries."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ``" (did you mean x?)"`` for the choice spelled most like ``word``, or an empty string."""
    by_folded = {choice.casefold(): choice for choice in choices}
    match = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f" (did you mean {by_folded[match[0]]}?)" if match else ""
