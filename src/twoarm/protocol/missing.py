"""What is done about missing covariates."""

from __future__ import annotations

from typing import Literal

from twoarm.protocol.section import Label, Section


class CompleteCase(Section):
    """Patients with a missing covariate are left out, with a line of attrition for each covariate."""

    kind: Literal["complete_case"] = "complete_case"
    label: Label = "Complete case"
