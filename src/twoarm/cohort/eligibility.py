"""Criteria: met, not met or unknown for each patient, in the protocol's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from twoarm.cohort.attrition import AttritionStep, exclude
from twoarm.protocol.population import Criterion
from twoarm.protocol.protocol import Protocol
from twoarm.records.evaluation import evaluate
from twoarm.records.findings import RefusedRowsError
from twoarm.records.records import PatientTable
from twoarm.statistics.arrays import Booleans, Integers


def apply_criteria(
    protocol: Protocol, criteria: tuple[Criterion, ...], patients: PatientTable, arm: Integers
) -> tuple[list[AttritionStep], Booleans, list[tuple[str, Booleans]]]:
    """Return a line per criterion, who meets them all, and who left under which label.

    Raises:
        RecordsError: a criterion is unknown for somebody and its ``if_missing`` is ``refuse``.
    """
    inside = np.ones(arm.size, dtype=np.bool_)
    steps, left = [], []
    for number, criterion in enumerate(criteria, start=1):
        met, unknown = _evaluate(protocol, criterion, patients)
        out = ~met if criterion.include else met
        out = np.where(unknown, criterion.if_missing == "exclude", out)
        if criterion.if_missing == "refuse" and (inside & unknown).any():
            what = f'patients for whom criterion "{criterion.label}" is unknown'
            remedy = "complete the records, or let if_missing say what follows"
            raise RefusedRowsError(patients.refused("criterion_unknown", inside & unknown, what, remedy, ""))
        left.append((criterion.label, inside & out))
        step, inside = exclude(
            f"criterion_{number}", criterion.label, "criterion", arm, inside, out, unknown, patients.frequency
        )
        steps.append(step)
    return steps, inside, left


def _evaluate(protocol: Protocol, criterion: Criterion, patients: PatientTable) -> tuple[Booleans, Booleans]:
    """Return (met, unknown) masks."""
    node = protocol.parse(criterion.expression)
    answer: Any = evaluate(patients.frame, node, patients.masks, ":answer").get_column(":answer")
    unknown = answer.is_null().to_numpy()
    return answer.fill_null(False).to_numpy().astype(np.bool_), unknown
