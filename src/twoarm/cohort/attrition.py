"""Who was left out, at which step and why; counts that add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from twoarm.statistics.arrays import Booleans, Integers
from twoarm.statistics.counting import count

StepKind = Literal["start", "criterion", "arm", "missing"]
UNASSIGNED = -1  # an arm code beside 1 (treated) and 0 (comparator)


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Patients in all, in the treated and in the comparator arm; the rest have no arm (yet)."""

    all: int
    treated: int
    comparator: int

    @classmethod
    def of(cls, arm: Integers, rows: Booleans, frequency: Integers | None) -> ArmCounts:
        """Count the patients of some rows by their arm codes."""
        return cls(*(count(side, frequency) for side in (rows, rows & (arm == 1), rows & (arm == 0))))


@dataclass(frozen=True, slots=True)
class AttritionStep:
    """One line: who left here (of whom some because the answer is unknown), and who is still in."""

    name: str
    label: str
    kind: StepKind
    excluded: ArmCounts
    unknown: ArmCounts  # among the excluded: those for whom the criterion could not be told
    remaining: ArmCounts


@dataclass(frozen=True, slots=True)
class Attrition:
    """All lines in order, the first being everybody."""

    steps: tuple[AttritionStep, ...]

    def __post_init__(self) -> None:
        for before, step in zip(self.steps, self.steps[1:], strict=False):
            for group in ("all", "treated", "comparator"):
                left = getattr(before.remaining, group) - getattr(step.excluded, group)
                assert left == getattr(step.remaining, group), f"attrition adds up at {step.label}"


def exclude(
    name: str,
    label: str,
    kind: StepKind,
    arm: Integers,
    inside: Booleans,
    out: Booleans,
    unknown: Booleans,
    frequency: Integers | None,
) -> tuple[AttritionStep, Booleans]:
    """Take ``out`` away from those ``inside``; return the line and who is still inside."""
    leaving = inside & out
    still = inside & ~out
    counted = (leaving, leaving & unknown, still)
    excluded, unsure, remaining = (ArmCounts.of(arm, rows, frequency) for rows in counted)
    return AttritionStep(name, label, kind, excluded, unsure, remaining), still


def everybody(label: str, arm: Integers, frequency: Integers | None) -> AttritionStep:
    """Return the first line."""
    nobody = ArmCounts(0, 0, 0)
    rows = np.ones(arm.size, dtype=np.bool_)
    return AttritionStep("start", label, "start", nobody, nobody, ArmCounts.of(arm, rows, frequency))


def exclude_missing(
    arm: Integers, reasons: Sequence[tuple[str, str, Booleans]], frequency: Integers | None
) -> tuple[tuple[AttritionStep, ...], Booleans]:
    """Leave out patients with a missing covariate, each under the first covariate that is missing.

    Args:
        arm: arm codes, shape (n,).
        reasons: (name, label, missing mask) per covariate, in order.
        frequency: identical patients that each row stands for, shape (n,); None where each stands for one.
    """
    inside = np.ones(arm.size, dtype=np.bool_)
    steps = []
    for name, label, missing in reasons:
        if missing.any():
            nobody = np.zeros_like(missing)
            step, inside = exclude(name, f"{label} missing", "missing", arm, inside, missing, nobody, frequency)
            steps.append(step)
    return tuple(steps), inside
