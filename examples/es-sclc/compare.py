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
    text = (HERE / "study.toml").read_text("utf-8").replace("[output]", "[output]\npatient_level = true")
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
                **here,
                analysis="hazard_ratio",
                arm=contrast,
                variable="",
                method=NAIVE,
                statistic={
                    "HR": "hazard_ratio",
                    "HR CI lower": "hazard_ratio_lower",
                    "HR CI upper": "hazard_ratio_upper",
                }[what],
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


AS_PRINTED = {("Table 1 after PSM", "Brain metastasis: No", "ICIs continuation n"): 50}
"""Printed counts that expected.json gives as they must have been meant."""

SIZES = {
    "Table 1 before PSM": {TREATED: 118, COMPARATOR: 93},
    "Table 1 after PSM": {TREATED: 75, COMPARATOR: 75},
    "Table 2 before PSM": {TREATED: 118, COMPARATOR: 93},
    "Table 2 after PSM": {TREATED: 75, COMPARATOR: 75},
    "Table 3": {TREATED: 118, COMPARATOR: 93},
    "Table 6": {"Continuing ICIs": 105, "Switching ICIs": 13},
}
THRESHOLD = 0.1  # the paper's own criterion of balance


@dataclass(frozen=True)
class Slip:
    """A number that the paper's other numbers contradict."""

    table: str
    row: str
    what: str


def slips(entries: list[dict[str, Any]]) -> list[Slip]:
    """Find, from the printed counts alone, percentages, sums and balance that do not follow from them."""
    printed = {(e["table"], e["row"], e["column"]): e["published"] for e in entries if e["published"] is not None}
    printed |= AS_PRINTED
    return [*_percentages(printed), *_sums(printed), *_imbalance(printed)]


def _percentages(printed: Mapping[tuple[str, str, str], Any]) -> Iterator[Slip]:
    for (table, row, column), percent in printed.items():
        arm, _, kind = column.rpartition(" ")
        count = printed.get((table, row, f"{arm} n"))
        if kind == "%" and count is not None and table in SIZES:
            exact = 100 * count / SIZES[table][arm]
            if abs(exact - percent) > 0.0500001:
                yield Slip(table, row, f"{arm}: {percent}% is printed; {count} of {SIZES[table][arm]} are {exact:.1f}%")


def _sums(printed: Mapping[tuple[str, str, str], Any]) -> Iterator[Slip]:
    totals: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    for (table, row, column), count in printed.items():
        variable, _, label = row.partition(": ")
        if label and column.endswith(" n") and table in SIZES:
            totals.setdefault((table, variable, column.removesuffix(" n")), []).append((row, count))
    for (table, variable, arm), levels in totals.items():
        total = sum(count for _, count in levels)
        if total != SIZES[table][arm]:
            yield Slip(table, variable, f"{arm}: the levels add up to {total} and not to {SIZES[table][arm]}")


def _imbalance(printed: Mapping[tuple[str, str, str], Any]) -> Iterator[Slip]:
    table = "Table 1 after PSM"
    meant = {**printed, **dict.fromkeys(AS_PRINTED, 60)}
    for _, row, column in [key for key in printed if key[0] == table and key[2] == f"{TREATED} n"]:
        p = meant[table, row, column] / SIZES[table][TREATED]
        q = meant[table, row, f"{COMPARATOR} n"] / SIZES[table][COMPARATOR]
        spread = math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
        size = abs(p - q) / spread if spread else 0.0
        if size > THRESHOLD:
            yield Slip(table, row, f"standardised difference {size:.3f}, above the stated criterion of {THRESHOLD}")


INTRODUCTION = """\
# The reference study, number by number

Written by `examples/es-sclc/compare.py`; a test runs the study and fails when this page is not what the run gives.

**The patients are synthetic.** The files in [`examples/es-sclc`](../examples/es-sclc/README.md) imitate a published
three-centre cohort (Zhang J et al., *Front Immunol* 2025; 16:1666373, doi 10.3389/fimmu.2025.1666373): every patient was
invented, nothing comes from a medical record, and nothing here is evidence about patients or treatments. *Published* is what
the article prints; *R* is what R 4.2.2 (survival 3.5-3, MatchIt 4.7.2) gives on the synthetic files; *twoarm* is what the
protocol `examples/es-sclc/study.toml` gives on them. Whole days and whole patients cannot reproduce every printed decimal, so
R and twoarm must agree with each other, and both with print only as far as the synthetic files do.
"""


def page(compared: list[Compared]) -> str:
    """Return docs/es-sclc.md."""
    agreeing = sum(one.agrees for one in compared)
    lines = [
        INTRODUCTION,
        f"{agreeing} of {len(compared)} numbers of twoarm equal R's.",
        "",
        "## Slips of the article",
        "",
    ]
    lines += ["Found by code from the article's own printed counts.", "", "| Table | Row | What does not follow |"]
    lines += ["|---|---|---|", *(f"| {s.table} | {_cell(s.row)} | {_cell(s.what)} |" for s in slips(expected()))]
    for table in dict.fromkeys(one.table for one in compared):
        lines += ["", f"## {table}", "", "| Row | Number | Published | R | twoarm |", "|---|---|---|---|---|"]
        lines += [
            f"| {_cell(one.row)} | {_cell(one.column)} | {_shown(one.published)} | {_shown(one.r)} | {_shown(one.ours)} |"
            for one in compared
            if one.table == table
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"([<>|])", r"\\\1", text)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        words = value.split()
        return _cell(value) if len(words) < 20 else f"{' '.join(words[:3])} … ({len(words)} patients)"
    return str(int(value)) if (float(value).is_integer() and abs(value) >= 1) or value == 0 else f"{value:.4g}"


if __name__ == "__main__":
    found = compare(run())
    PAGE.write_text(page(found), encoding="utf-8")
    wrong = [one for one in found if not one.agrees]
    print(f"{PAGE.name}: {len(found) - len(wrong)} of {len(found)} numbers equal R's")
    sys.exit(1 if wrong else 0)
