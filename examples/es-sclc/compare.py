"""Every number of the paper: published, computed by R on the synthetic twin, and computed by twoarm.

    python examples/es-sclc/compare.py            # runs the study and writes docs/es-sclc.md
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import twoarm

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "es-sclc.md"
MONTH = 30.4375

COVARIATES = {
    "Gender": "sex",
    "Age": "age",
    "Smoking status": "smoking",
    "ECOG PS": "ecog",
    "BMI": "bmi",
    "Lung metastasis": "lung_metastasis",
    "Bone metastasis": "bone_metastasis",
    "Brain metastasis": "brain_metastasis",
    "Liver metastasis": "liver_metastasis",
    "Number of metastatic lesions": "metastatic_lesions",
    "1L-PFS (months)": "firstline_pfs",
}
LEVELS = {">=65": "≥65", ">=2": "≥2", ">=3": "≥3", ">=6": "≥6", ">=30.0": "≥30.0"}
LEVELS |= {"18.5-24.9": "18.5–24.9", "25.0-29.9": "25.0–29.9"}
ENDPOINTS = {"2L-OS": "os", "2L-PFS": "pfs"}
TREATED, COMPARATOR = "ICIs continuation", "ICIs discontinuation"
CONTRAST = f"{TREATED} vs {COMPARATOR}"
SWITCHING = "Continuing ICIs vs Switching ICIs"
NAIVE = "Cox, Efron ties, Wald"
UNIT = {"HR": "hazard_ratio", "CI lower": "hazard_ratio_lower", "CI upper": "hazard_ratio_upper", "P": "p_value"}


@dataclass(frozen=True)
class Compared:
    """One published or computed number beside ours."""

    table: str
    row: str
    column: str
    published: Any
    r: Any
    ours: Any
    digits: int | None

    @property
    def agrees(self) -> bool:
        """Whether ours is R's: lists and counts exactly, numbers to 1e-6 (1e-5 for what Cox models give)."""
        if self.r is None or isinstance(self.r, str) or (self.digits is None and float(self.r).is_integer()):
            return bool(self.ours == self.r)
        iterated = "HR" in self.column or "variable" in self.column or self.table.startswith("Figure 2")
        return math.isclose(self.ours, self.r, rel_tol=1e-5 if iterated else 1e-6, abs_tol=1e-9)


def run() -> twoarm.Results:
    """Run the study with its patients listed, so that the matched set can be compared."""
    text = (HERE / "study.toml").read_text("utf-8") + "\n[output]\npatient_level = true\n"
    protocol = twoarm.parse_protocol(text)
    return twoarm.run_study(protocol, twoarm.read_records(protocol, HERE))


def compare(results: twoarm.Results) -> list[Compared]:
    """Return every number of expected.json with the one of the ledger."""
    find = Finder(results)
    return [
        Compared(
            entry["table"],
            entry["row"],
            entry["column"],
            entry["published"],
            entry["twin_value_from_R"],
            find.value(entry),
            entry["printed_digits"],
        )
        for entry in expected()
    ]


def expected() -> list[dict[str, Any]]:
    """Return the entries of expected.json."""
    values: list[dict[str, Any]] = json.loads((HERE / "expected.json").read_text("utf-8"))["values"]
    return values


def level(text: str) -> str:
    """Return a level's label as the protocol has it."""
    return LEVELS.get(text, text)


class Finder:
    """Finds the ledger's number for an entry of expected.json."""

    def __init__(self, results: twoarm.Results) -> None:
        self.results = results

    def get(self, population: str = "study", **wanted: str) -> float:
        """Return the one number with these fields."""
        row = self.results.get(population=population, missing="complete_case", **wanted)
        return math.nan if row.value is None else row.value

    def value(self, entry: Mapping[str, Any]) -> Any:
        """Return our number."""
        table, row, column = entry["table"], entry["row"], entry["column"]
        for pattern, method in (
            ("Flow", self.flow),
            ("PSM", self.matching),
            ("Table 1", self.baseline),
            ("SMD", self.smd),
            ("Text 3.1", self.text),
            ("Figure 1", self.survival),
            ("Figure 3", self.survival),
            ("Follow-up", self.follow_up),
            ("Table 2", self.response),
            ("Table 3", self.safety),
            ("Table 4", self.prognostic),
            ("Table 5", self.prognostic),
            ("Table 6", self.baseline),
            ("Figure 2", self.subgroups),
        ):
            if table.startswith(pattern):
                return method(table, row, column)
        raise AssertionError(f"no rule for {table}")

    def flow(self, _: str, row: str, __: str) -> Any:
        if row == "Screened patients":
            found = self.results.get(
                population="study", missing="", analysis="attrition", variable="start", statistic="remaining", arm="all"
            )
            return found.value
        if row == "Analysed patients":
            return self.get(analysis="attrition", statistic="analysed", arm="all")
        step = "missing_firstline_pfs" if "PFS" in row else "missing_metastatic_lesions"
        return self.get(analysis="attrition", statistic="excluded", arm="all", variable=step)

    def matching(self, _: str, row: str, __: str) -> Any:
        if row == "Matched pairs":
            return self.get(adjustment="matched", analysis="lost", statistic="pairs")
        if row.startswith("Caliper"):
            return self.get(adjustment="matched", analysis="lost", statistic="caliper_width")
        arm = row.rpartition(", ")[2]
        kept = [p for p in self.results.patients if p.adjustment == "matched" and p.missing == "complete_case"]
        return " ".join(sorted({p.key for p in kept if p.arm == arm}))

    def sample(self, table: str) -> dict[str, str]:
        if "Table 6" in table or "Figure 3" in table:
            return {"population": "switching", "adjustment": "unadjusted"}
        return {"adjustment": "matched" if "after" in table else "unadjusted"}

    def baseline(self, table: str, row: str, column: str) -> float:
        here = {**self.sample(table), "analysis": "baseline"}
        if column == "n":
            return self.get(**here, variable="", arm=row, statistic="n")
        name, _, label = row.partition(": ")
        if column == "P":
            return self.get(**here, variable=COVARIATES[name], statistic="p_value")
        arm, _, statistic = column.rpartition(" ")
        counted = {"n": "n", "%": "percent"}[statistic]
        return self.get(**here, variable=COVARIATES[name], variable_level=level(label), arm=arm, statistic=counted)

    def smd(self, _: str, row: str, column: str) -> float:
        name, _, label = row.partition(": ")
        matched = column == "after PSM"
        return self.get(
            adjustment="matched" if matched else "unadjusted",
            analysis="balance",
            variable=COVARIATES[name],
            variable_level=level(label),
            statistic="smd",
            method="SD of this sample" if matched else "SD of the original sample",
        )

    def text(self, _: str, row: str, column: str) -> float:
        if column != "%":  # the protocol cuts age; its numbers come from the pooled file
            ages = sorted(int(line.split(",")[3]) for line in self.analysed())
            return {"median": ages[len(ages) // 2], "minimum": ages[0], "maximum": ages[-1]}[column]
        name, _, label = row.removesuffix(", all").partition(": ")
        here = {"adjustment": "unadjusted", "analysis": "baseline", "arm": "all", "statistic": "percent"}
        return self.get(**here, variable=COVARIATES[name], variable_level=level(label))

    def analysed(self) -> list[str]:
        kept = {p.key for p in self.results.patients if (p.adjustment, p.missing) == ("unadjusted", "complete_case")}
        lines = (HERE / "pooled.csv").read_text("utf-8").splitlines()[1:]
        return [line for line in lines if line.partition(",")[0] in kept]

    def survival(self, table: str, row: str, column: str) -> float | None:
        endpoint, _, what = column.partition(" ")
        here = {**self.sample(table), "endpoint": ENDPOINTS[endpoint]}
        if row in ("Continuation vs discontinuation", "Continuing vs switching"):
            contrast = SWITCHING if "switching" in row else CONTRAST
            if what == "log-rank P":
                return self.get(**here, analysis="survival", arm=contrast, statistic="p_value", method="log-rank")
            return self.get(
                **here, analysis="hazard_ratio", arm=contrast, variable="", method=NAIVE,
                statistic={"HR": "hazard_ratio", "HR CI lower": "hazard_ratio_lower", "HR CI upper": "hazard_ratio_upper"}[what],
            )
        here |= {"analysis": "survival", "arm": "all" if row == "All" else row}
        if what == "events":
            return self.get(**here, statistic="events")
        median = self.get(**here, statistic="median")
        if what == "median, months":
            return median / MONTH
        side = "median_lower" if "lower" in what else "median_upper"
        if "log-log" in what:
            limit = self.get(**here, statistic=side, method="Brookmeyer-Crowley, log-log limits") / MONTH
            return None if math.isnan(limit) else limit
        return self.get(**here, statistic=side, method="normal approximation") / MONTH

    def follow_up(self, _: str, row: str, __: str) -> float:
        arm = "all" if row == "All" else row
        return self.get(adjustment="unadjusted", analysis="follow_up", arm=arm, statistic="median") / MONTH

    def response(self, table: str, row: str, column: str) -> float:
        here = {**self.sample(table), "analysis": "response", "parameter": "unconfirmed"}
        rate = {"2L-ORR": "objective_response", "2L-DCR": "disease_control"}.get(row)
        if column == "P":
            assert rate is not None
            matched = here["adjustment"] == "matched"
            method = "Pearson chi-squared" + (", ignoring the pairs" if matched else "")
            return self.get(**here, variable=rate, statistic="p_value", method=method)
        arm, _, statistic = column.rpartition(" ")
        counted = {"n": "n", "%": "percent"}[statistic]
        if rate is not None:
            return self.get(**here, variable=rate, arm=arm, statistic=counted)
        return self.get(**here, variable="best_response", variable_level=row, arm=arm, statistic=counted)

    def safety(self, _: str, row: str, column: str) -> float:
        here = {"adjustment": "unadjusted", "analysis": "safety", "variable": "adverse_event", "variable_level": row}
        if column == "P":
            return self.get(**here, statistic="p_value")
        arm, _, statistic = column.rpartition(" ")
        return self.get(**here, arm=arm, statistic={"n": "n", "%": "percent"}[statistic])

    def prognostic(self, table: str, row: str, column: str) -> Any:
        endpoint = "os" if "Table 4" in table else "pfs"
        here = {"adjustment": "unadjusted", "analysis": "prognostic", "endpoint": endpoint, "arm": TREATED}
        if column == "list":
            entered = [name for name, key in COVARIATES.items() if self.get(**here, variable=key, statistic="entered")]
            return ", ".join(entered)
        name, _, levels = row.partition(": ")
        levels = " vs ".join(level(part) for part in levels.split(" vs "))
        model, _, statistic = column.partition(" ")
        return self.get(
            **here,
            variable=COVARIATES[name],
            variable_level=levels,
            method=f"{model} {NAIVE}",
            statistic=UNIT[statistic],
        )

    def subgroups(self, _: str, row: str, column: str) -> float:
        endpoint, _, statistic = column.partition(" ")
        name, _, label = row.partition(": ")
        return self.get(
            adjustment="unadjusted",
            analysis="subgroups",
            endpoint=ENDPOINTS[endpoint],
            variable=COVARIATES[name],
            variable_level=level(label),
            arm=CONTRAST,
            statistic=UNIT[statistic],
        )
