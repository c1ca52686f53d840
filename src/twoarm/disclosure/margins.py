"""Which further counts must go so that no hidden one can be told, or narrowed down, from the margins that are left.

Counts are tied by sums: levels of a covariate add up to the patients of an arm, arms to all patients, matched and
unmatched to the focal arm, categories of response to its rates. What a reader can conclude of a hidden count is the
interval between the smallest and the largest value that all sums allow; it must reach over all counts that are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from twoarm.disclosure.time_counts import ANALYSES
from twoarm.results.estimate import Estimate

Quantity = tuple[str, ...]  # what is counted; two rows that count the same have the same quantity
_SUMS = {"objective_response": ("CR", "PR"), "disease_control": ("CR", "PR", "SD")}
MATCHED, UNMATCHED, EVERYBODY = "matched", "unmatched", ""


@dataclass(frozen=True, slots=True)
class Sum:
    """A total and the parts that add up to it."""

    total: Quantity
    parts: tuple[Quantity, ...]

    @property
    def members(self) -> tuple[Quantity, ...]:
        """Everything that the sum ties together."""
        return (self.total, *self.parts)


class Margins:
    """The counts of a ledger and the sums between them."""

    def __init__(self, rows: Iterable[Estimate]) -> None:
        rows = list(rows)
        self._held = {(row.population, row.endpoint) for row in rows if row.statistic == "held" and row.value}
        self._focal = {
            (row.population, row.missing, row.adjustment): row.arm
            for row in rows
            if row.analysis == "lost" and row.statistic == "unmatched"
        }
        self.values: dict[Quantity, float] = {}
        for row in rows:
            quantity = self.quantity(row)
            if quantity is not None and row.value is not None:
                self.values[quantity] = float(row.value)
        self.sums = self._find_sums()

    def quantity(self, row: Estimate) -> Quantity | None:
        """Return what a row counts; None for what is no count of patients or events of a sample."""
        if row.statistic not in ("n", "events", "competing_events") or row.analysis in ("attrition", *ANALYSES):
            return None
        arm, focal = row.arm, self._focal.get((row.population, row.missing, row.adjustment))
        sample = EVERYBODY if focal is None else row.adjustment
        if row.analysis == "lost":
            arm = focal or ""
            sample = row.adjustment if row.arm == MATCHED else f"{row.adjustment}:{UNMATCHED}"
        endpoint = row.endpoint
        if row.statistic == "n" and (row.population, endpoint) not in self._held:
            endpoint = ""  # everybody's endpoint is known: the same patients as in Table 1
        kind = row.analysis if row.statistic == "n" else row.statistic
        variable, level = row.variable, row.variable_level
        if kind == "competing_events":
            return (row.population, row.missing, sample, kind, endpoint, arm, variable, level)
        if kind not in ("events", "response", "safety") or not variable:
            kind = "events" if kind == "events" else "patients"
        elif kind == "response":
            variable, level = f"response {row.parameter}", level or variable
        elif kind == "safety":
            variable, level = f"{variable} {row.parameter}", level
        return (row.population, row.missing, sample, kind, endpoint, arm, variable, level)

    def _find_sums(self) -> list[Sum]:
        arms: dict[Quantity, list[str]] = {}
        levels: dict[Quantity, list[str]] = {}
        for key in self.values:
            arms.setdefault((*key[:5], *key[6:]), []).append(key[5])
            if key[6] and key[3] != "safety":
                levels.setdefault(key[:7], []).append(key[7])
        found = []
        for rest, names in arms.items():
            if "all" in names and len(names) == 3:
                keys = {name: (*rest[:5], name, *rest[5:]) for name in names}
                found.append(Sum(keys.pop("all"), tuple(keys.values())))
        for start, names in levels.items():
            if start[6].startswith("response "):
                words = [name for name in names if name not in _SUMS]
                found += [
                    Sum((*start, rate), tuple((*start, word) for word in _SUMS[rate] if word in words))
                    for rate in _SUMS
                    if rate in names
                ]
                names = words
            kind = "events" if start[3] == "events" else "patients"
            total = (*start[:3], kind, *start[4:6], "", "")
            parts = tuple((*start, name) for name in names)
            if kind == "patients" or total in self.values:  # a percentage beside a count tells the total anyway
                self.values.setdefault(total, sum(self.values[part] for part in parts))
                found.append(Sum(total, parts))
        for key in self.values:
            if key[2].endswith(f":{UNMATCHED}"):
                total, partner = ((*key[:2], name, *key[3:]) for name in (EVERYBODY, key[2].partition(":")[0]))
                if total in self.values and partner in self.values:
                    found.append(Sum(total, (key, partner)))
        return found

    def protect(self, small: Iterable[Quantity], minimum: int) -> set[Quantity]:
        """Return the quantities to hide: the small ones, and as many more as it takes.

        Args:
            small: what must not be shown.
            minimum: an interval of a hidden count must reach over this many values, as far as that can be had.
        """
        secret = {quantity for quantity in small if quantity in self.values}
        hidden = set(secret)
        given_up: set[Quantity] = set()
        while True:
            more: set[Quantity] = set()
            for group in self._components(hidden):
                if given_up.issuperset(secret.intersection(group)):
                    continue
                bounds = self.bounds(group)
                told = [quantity for quantity, (low, high) in bounds.items() if high - low < minimum - 1]
                narrow = secret.intersection(told) - given_up
                if narrow:
                    partner = self._partner(told, hidden)
                    more |= {partner} if partner is not None else set()
                    given_up |= narrow if partner is None else set()
            if not more:
                return hidden
            hidden |= more

    def _partner(self, told: Sequence[Quantity], hidden: set[Quantity]) -> Quantity | None:
        """Return the smallest count that hides one of those that are told.

        First where a sum has one hidden member alone, which it tells; the size of a whole sample is the last to go.
        """
        tied = [one for one in self.sums if any(quantity in one.members for quantity in told)]
        alone = [one for one in tied if sum(member in hidden for member in one.members) == 1]
        for sums in (alone, tied):
            for candidates in (
                [member for one in sums for member in one.parts if member[6]],
                [member for one in sums for member in one.members if member[6]],
                [member for one in sums for member in one.members],
            ):
                free = [member for member in candidates if member not in hidden and self.values.get(member, 0) > 0]
                if free:
                    return min(free, key=lambda member: (self.values[member], member))
        return None

    def _components(self, hidden: set[Quantity]) -> list[list[Quantity]]:
        """Return hidden counts in groups that no sum ties to one another."""
        neighbours: dict[Quantity, set[Quantity]] = {quantity: set() for quantity in hidden}
        for one in self.sums:
            tied = [member for member in one.members if member in hidden]
            for member in tied:
                neighbours[member].update(tied)
        groups, seen = [], set()
        for start in sorted(hidden):
            if start in seen:
                continue
            group, waiting = [], [start]
            seen.add(start)
            while waiting:
                here = waiting.pop()
                group.append(here)
                for other in neighbours[here] - seen:
                    seen.add(other)
                    waiting.append(other)
            groups.append(sorted(group))
        return groups

    def bounds(self, hidden: Sequence[Quantity]) -> dict[Quantity, tuple[float, float]]:
        """Return the smallest and largest value of each hidden count that the sums allow; a hidden count is not 0."""
        from scipy.optimize import linprog  # only where something is hidden

        at = {quantity: j for j, quantity in enumerate(hidden)}
        lines, right = [], []
        for one in self.sums:
            if any(member in at for member in one.members):
                line, known = np.zeros(len(hidden)), 0.0
                for member, sign in ((one.total, -1.0), *((part, 1.0) for part in one.parts)):
                    if member in at:
                        line[at[member]] += sign
                    else:
                        known += sign * self.values.get(member, 0.0)
                lines.append(line)
                right.append(-known)
        if not lines:
            return dict.fromkeys(hidden, (1.0, np.inf))
        found = {}
        for quantity, j in at.items():
            ends = []
            for sign in (1.0, -1.0):
                goal = np.zeros(len(hidden))
                goal[j] = sign
                solved = linprog(goal, A_eq=np.array(lines), b_eq=np.array(right), bounds=(1, None), method="highs")
                ends.append(sign * float(solved.fun or 0.0) if solved.status == 0 else -sign * np.inf)
            found[quantity] = (ends[0], ends[1])
        return found
