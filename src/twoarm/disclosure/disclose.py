"""Suppression of small cells over the whole ledger, in one step, before anything is written.

Primary: a count from 1 to one below the declared minimum, and every number calculated from it; of a count of patients
with a response or an adverse event, also when those without are so few. Secondary: as many more counts as it takes
that no sum of the ledger tells a hidden one (``margins``); where a step of the attrition is small, the whole chain
between its ends; and patients who are analysed under one strategy for missing values only, if they are few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from twoarm.disclosure.margins import Margins
from twoarm.disclosure.time_counts import ANALYSES, tells_by_time, told_by_time
from twoarm.protocol.output import Disclosure
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.provenance import InputFile
from twoarm.results.results import Results

COUNTS = frozenset(
    {
        "n",
        "events",
        "competing_events",
        "excluded",
        "excluded_unknown",
        "remaining",
        "analysed",
        "held",
        "pairs",
        "distinct_partners",
        "unmatched",
        "truncated_below",
        "truncated_above",
        "broken_pairs",
        "cut_back_to_data_cutoff",
        "not_counted",
        "at_risk",
        "lost_events",
        "lost_censored",
    }
)
DRAWN = ("survival", "cumulative_incidence")  # curves of patients over time, named as their analyses
_IN_ONE_CELL = frozenset({"n", "events", "competing_events", "unmatched", "at_risk", "lost_events", "lost_censored"})
CHAIN = ("excluded", "excluded_unknown", "remaining")
NOTE = "suppressed: small cell"

_ONE_PATIENT = frozenset({"minimum", "maximum", "smallest_weight", "largest_weight"})  # the value of a single patient
_ONE_PATIENT |= {"most_used_partner", "largest_partner_percent", "reused_partners"}
_FEW_PARTNERS = frozenset({"sets_by_partners", "partners_per_set"})  # with the arms' sizes they tell each other

_SINGLE_PATIENTS = frozenset({"weights", "standardised", "schoenfeld"})  # curves: the largest weight; a step an event
_OF_BOTH_ARMS = frozenset(
    {"restricted_mean", "proportional_hazards", "standardised_survival", "augmented_survival", "survival_difference"}
    | ANALYSES
)

_SHARES = frozenset({"competing_censored", "zero_follow_up", "immortal_time"})  # warnings of a share of an arm
_OF_A_SAMPLE = frozenset({"few_events", "incomplete_matching", "broken_pairs", "imbalance", "negative_control"})
_QUOTED = {
    "extreme_weights": "weights",
    "follow_up_differs": "follow_up",
    "non_proportional": "proportional_hazards",
}

_Cell = tuple[str, ...]
_ARM, _LEVEL, _VARIABLE = 7, 6, 5  # positions in a cell


def disclose(disclosure: Disclosure, ledger: Ledger) -> Results:
    """Freeze the ledger, with what may not leave taken out."""
    minimum = disclosure.minimum_cell
    if minimum <= 1:
        return Results.of(ledger.rows, ledger.curves, ledger.patients)
    hidden = _hidden_cells(ledger.rows, minimum)
    chains = _small_chains(ledger.rows, minimum)
    closed = _told_by_difference(ledger.rows, minimum)
    through_time = told_by_time(ledger.rows, minimum)
    rows = []
    for row in ledger.rows:
        gone = _cell(row) in hidden or _depends(row, hidden) or _in_chain(row, chains)
        gone = gone or _counted(row) in _ONE_PATIENT | _FEW_PARTNERS or tells_by_time(row, through_time)
        gone = gone or ((row.population, row.missing) in closed and _counts(row))
        rows.append(_suppress(row) if gone else _rounded(_silent(row), disclosure.round_to))
    shown = [curve for curve in ledger.curves if (curve.population, curve.missing) not in closed]
    shown = [curve for curve in shown if curve.kind not in _SINGLE_PATIENTS]
    curves = [_cut(curve, minimum) for curve in shown if not _tells(curve, hidden)]
    return Results.of(_percentages(rows) if disclosure.round_to > 1 else rows, curves)


def _hidden_cells(rows: Sequence[Estimate], minimum: int) -> set[_Cell]:
    """Return the cells that may not be shown: small ones, and those from which small ones could be told."""
    margins = Margins(rows)
    few_others = _few_others(rows, minimum)
    few_dates = _few_dates(rows, minimum)
    small = [row for row in rows if _is_small(row, minimum) or (row.statistic == "n" and _cell(row) in few_others)]
    quantities = [quantity for row in small if (quantity := margins.quantity(row)) is not None]
    protected = margins.protect(quantities, minimum)
    hidden = {_cell(row) for row in rows if row.analysis == "partial_dates" and _fit(row) in few_dates}
    hidden |= {_cell(row) for row in small} | {_cell(row) for row in rows if margins.quantity(row) in protected}
    hidden |= _secondary([row for row in rows if margins.quantity(row) is None], hidden)
    return hidden | {
        _pooled(row) for row in rows if _of_centre(row) and row.value is not None and _depends(row, hidden)
    }


def _of_centre(row: Estimate) -> bool:
    """Whether a row is one centre's own hazard ratio."""
    return (
        row.analysis == "centres" and row.statistic == "hazard_ratio" and bool(row.variable_level) and not row.parameter
    )


def _pooled(row: Estimate) -> _Cell:
    """Return the cell of what a centre is pooled into: with the other centres it would tell the one that is hidden."""
    return _cell(replace(row, variable_level=""))


def _told_by_difference(rows: Iterable[Estimate], minimum: int) -> set[tuple[str, str]]:
    """Return strategies for missing values that have few more patients than another: the difference counts them."""
    analysed: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.analysis == "attrition" and row.statistic == "analysed" and row.value is not None:
            sizes = analysed.setdefault(row.population, {})
            sizes[row.missing] = max(sizes.get(row.missing, 0.0), float(row.value))
    closed = set()
    for population, sizes in analysed.items():
        first, *others = sizes
        closed |= {(population, other) for other in others if 0 < abs(sizes[other] - sizes[first]) < minimum}
    return closed


def _counts(row: Estimate) -> bool:
    return _counted(row) in COUNTS or row.statistic.startswith(("percent", "weighted_percent"))


def _rounded(row: Estimate, to: int) -> Estimate:
    """Round a count to a multiple; what is rounded says so."""
    if to <= 1 or row.value is None or _counted(row) not in COUNTS:
        return row
    return replace(row, value=int(to * ((2 * float(row.value) + to) // (2 * to))), note=f"rounded to {to}")


def _percentages(rows: Sequence[Estimate]) -> list[Estimate]:
    """Take percentages of rounded counts from the rounded counts, so that they do not tell the exact ones."""
    counts = {_cell(row): row.value for row in rows if row.statistic == "n" and row.value is not None}
    recounted = []
    for row in rows:
        if row.statistic == "percent" and row.value is not None:
            cell = _cell(row)
            part, whole = counts.get(cell), counts.get((*cell[:_VARIABLE], "", "", *cell[_ARM:]))
            row = replace(row, value=100 * part / whole) if part is not None and whole else _suppress(row)
        elif row.statistic.startswith("percent_") and row.value is not None:
            row = _suppress(row)  # its limits would tell the count
        recounted.append(row)
    return recounted


def disclose_inputs(disclosure: Disclosure, inputs: Sequence[InputFile]) -> tuple[InputFile, ...]:
    """Take out how many rows and bytes the files of a table have when one has few: its patients could be counted."""
    small = {one.source for one in inputs if one.rows is not None and 0 < one.rows < disclosure.minimum_cell}
    return tuple(replace(one, rows=None, bytes=None, known_by="") if one.source in small else one for one in inputs)


def _cell(row: Estimate) -> _Cell:
    """What the numbers of one cell share: a count, its percentage and the estimates within it."""
    counted = _counted(row)
    statistic = counted if counted in COUNTS - _IN_ONE_CELL else ""
    return (
        row.population,
        row.missing,
        row.adjustment,
        row.analysis,
        row.endpoint,
        row.variable,
        row.variable_level,
        row.arm,
        statistic,
    )


def _is_small(row: Estimate, minimum: int) -> bool:
    return _counted(row) in COUNTS and row.value is not None and 0 < row.value < minimum


def _few_others(rows: Iterable[Estimate], minimum: int) -> set[_Cell]:
    """Return the cells of responders, and of patients with an adverse event, whose complement is small."""
    rows = [row for row in rows if row.analysis in ("response", "safety") and row.statistic == "n" and row.value]
    everybody = {_beside(row): float(row.value or 0) for row in rows if not row.variable}
    found = set()
    for row in rows:
        if row.variable and row.variable != "best_response":
            others = max(everybody.get(_beside(row, parameter), 0.0) for parameter in ("", row.parameter))
            if 0 < others - float(row.value or 0) < minimum:
                found.add(_cell(row))
    return found


def _few_dates(rows: Iterable[Estimate], minimum: int) -> set[_Cell]:
    """Return the fits that few patients or events leave when completed dates are held: the difference counts them."""
    counts: dict[tuple[_Cell, str], list[float]] = {}
    for row in rows:
        whole = row.arm == "all" and not row.variable and row.statistic in ("n", "events")
        if whole and row.analysis in ("hazard_ratio", "partial_dates") and row.value is not None:
            counts.setdefault((_fit(row), row.statistic), []).append(float(row.value))
    return {fit for (fit, _), found in counts.items() if 0 < max(found) - min(found) < minimum}


def _fit(row: Estimate) -> _Cell:
    return (row.population, row.missing, row.adjustment, row.endpoint)


def _beside(row: Estimate, parameter: str | None = None) -> _Cell:
    shown = row.parameter if parameter is None else parameter
    return (row.population, row.missing, row.adjustment, row.analysis, row.arm, shown)


def _counted(row: Estimate) -> str:
    """What a row counts; the smallest and the largest over the imputations count what their mean does."""
    return row.statistic.removesuffix("_minimum").removesuffix("_maximum")


def _depends(row: Estimate, hidden: set[_Cell]) -> bool:
    """Whether a number is calculated from a hidden count: a contrast of arms, a test, a difference, a model's term."""
    if row.analysis == "dialects":  # the same number under another package's conventions goes with the study's own
        row = replace(row, analysis=row.variable_level, variable_level="")
        if _cell(row) in hidden:
            return True
    if row.analysis in ("e_value", "unmeasured") or (row.analysis == "centres" and not row.variable):
        row = replace(row, analysis="hazard_ratio")  # calculated from it, or from the same patients
    if row.analysis == "centres" and row.parameter and _pooled(row) in hidden:
        return True  # pooled without one centre
    if row.analysis == "specifications" and row.statistic in COUNTS:
        return True  # samples that differ by a few patients tell them
    if row.analysis == "prognostic" and (*_cell(row)[:_VARIABLE], "", "", *_cell(row)[_ARM:]) in hidden:
        return True  # the model of a sample with a hidden count of patients or events
    if row.analysis == "cumulative_incidence" and row.variable:  # the counts of both causes stand in one cell
        row = replace(row, variable="")
        if _cell(row) in hidden:
            return True
    if row.analysis in _OF_BOTH_ARMS:
        same = (row.population, row.missing, row.adjustment)
        counted = ("survival", "cumulative_incidence", "hazard_ratio")
        return any(c[:3] == same and c[3] in counted and c[4] == row.endpoint and not c[_VARIABLE] for c in hidden)
    if row.analysis == "warning":
        return _warning_tells(row, hidden)
    if row.analysis in ("hazard_ratio", "prognostic") and row.variable_level:
        level = row.variable_level.partition(" vs ")[0]
        return any(cell[0] == row.population and cell[5] == row.variable and cell[_LEVEL] == level for cell in hidden)
    if row.analysis in ("baseline", "balance", "lost") and " vs " in row.arm:
        places = ("baseline", "balance") if row.analysis != "lost" else ("lost",)
        same = (row.population, row.missing, row.adjustment)
        return any(cell[:3] == same and cell[3] in places and cell[5] == row.variable for cell in hidden if cell[5])
    if " vs " not in row.arm:
        return False
    return any(cell[:_ARM] == _cell(row)[:_ARM] for cell in hidden)


def _warning_tells(row: Estimate, hidden: set[_Cell]) -> bool:
    """Whether a warning's number counts patients whom no other row counts, or comes from what is hidden."""
    if row.statistic in _SHARES:
        return True
    if row.statistic == "adjustments_disagree":
        return any(cell[:2] == (row.population, row.missing) and cell[3] == "hazard_ratio" for cell in hidden)
    if row.statistic == "mostly_missing":
        return any(cell[:2] == (row.population, row.missing) and cell[_VARIABLE] == row.variable for cell in hidden)
    if row.statistic in _QUOTED:
        quoted = replace(row, analysis=_QUOTED[row.statistic])
        return _cell(quoted) in hidden or _depends(quoted, hidden)
    sample = (row.population, row.missing, row.adjustment)
    return row.statistic in _OF_A_SAMPLE and any(cell[:3] == sample for cell in hidden)


def _secondary(rows: Iterable[Estimate], hidden: set[_Cell]) -> set[_Cell]:
    """Hide a second cell wherever one hidden cell could be told from a total."""
    added: set[_Cell] = set()
    for together in (_LEVEL, _ARM):  # levels of a variable add up within an arm; arms add up within a level
        families: dict[_Cell, dict[_Cell, float]] = {}
        for row in rows:
            if row.statistic in COUNTS and row.value is not None:
                cell = _cell(row)
                families.setdefault((*cell[:together], "*", *cell[together + 1 :]), {})[cell] = float(row.value)
        for cells in families.values():
            if sum(cell in hidden or cell in added for cell in cells) == 1 and len(cells) > 1:
                rest = {cell: n for cell, n in cells.items() if cell not in hidden and cell not in added and n > 0}
                parts = {cell: n for cell, n in rest.items() if cell[_ARM] != "all"} or rest
                if parts:
                    added.add(min(parts, key=lambda cell: (parts[cell], cell)))
    return added


def _small_chains(rows: Iterable[Estimate], minimum: int) -> set[str]:
    """Return the populations whose attrition has a small step in any arm: a chain tells each step by its neighbours."""
    return {row.population for row in rows if row.analysis == "attrition" and _is_small(row, minimum)}


def _in_chain(row: Estimate, chains: set[str]) -> bool:
    """All steps of such a chain are hidden, its start included; what is analysed stays."""
    return row.population in chains and row.analysis == "attrition" and row.statistic in CHAIN


def _suppress(row: Estimate) -> Estimate:
    return replace(row, value=None, status="suppressed", note=NOTE)


def _silent(row: Estimate) -> Estimate:
    """A reason for no estimate may count patients or events; it then only says that there is none."""
    return replace(row, note="too few") if row.value is None and re.search(r"\d", row.note) else row


def _tells(curve: Curve, hidden: set[_Cell]) -> bool:
    """Whether a curve's steps would count what is hidden: the patients or events of its arm and endpoint."""
    if curve.kind == "schoenfeld_smooth":
        sample = (curve.population, curve.missing, curve.adjustment)
        counted = ("survival", "hazard_ratio")
        return any(c[:3] == sample and c[3] in counted and c[4] == curve.endpoint and not c[_VARIABLE] for c in hidden)
    if curve.kind not in DRAWN:
        return False
    wanted = (curve.population, curve.missing, curve.adjustment, curve.kind, curve.endpoint, "", "", curve.arm)
    return any(cell[: _ARM + 1] == wanted for cell in hidden)


def _cut(curve: Curve, minimum: int) -> Curve:
    """Draw a curve over time in steps that cover enough patients, and leave small bars of a histogram open."""
    columns = dict(curve.columns)
    if curve.kind in DRAWN:
        return replace(curve, columns=_wide_steps(columns, minimum))
    if curve.kind == "schoenfeld_smooth":
        return replace(curve, columns=_inner(columns, minimum))
    for name in [name for name in columns if name not in ("left", "right")]:
        bars = [value or 0.0 for value in columns["all" if name == "weighted" else name]]
        small = [j for j, value in enumerate(bars) if 0 < value < minimum]
        others = sorted((value, j) for j, value in enumerate(bars) if value >= minimum)
        if len(small) == 1 and others:  # the total is known: one open bar could be told from it
            small.append(others[0][1])
        columns[name] = tuple(None if j in small else value for j, value in enumerate(columns[name]))
    return replace(curve, columns=columns)


def _inner(columns: Mapping[str, tuple[float | None, ...]], minimum: int) -> dict[str, tuple[float | None, ...]]:
    """Keep the part of a smooth that has so many events before and after it, and not how many."""
    events = [value or 0.0 for value in columns["events"]]
    kept = [j for j, value in enumerate(events) if minimum <= value <= events[-1] - minimum]
    return {name: tuple(values[j] for j in kept) for name, values in columns.items() if name != "events"}


def _wide_steps(columns: Mapping[str, tuple[float | None, ...]], minimum: int) -> dict[str, tuple[float | None, ...]]:
    """Join times until each step covers so many patients who had the event or left, and as many are at risk."""
    chosen: list[int] = []
    leaving = [name for name in ("events", "competing_events", "censored") if name in columns]
    joined: dict[str, list[float]] = {name: [] for name in leaving}
    at_risk: list[float | None] = []
    since = dict.fromkeys(leaving, 0.0)
    begun: float | None = None
    patients = "_patients" if "at_risk_patients" in columns else ""  # weights are no count of patients
    for j, risk in enumerate(columns[f"at_risk{patients}"]):
        if risk is None or risk < minimum:
            break
        begun = risk if begun is None else begun
        since = {name: count + (columns[f"{name}{patients}"][j] or 0.0) for name, count in since.items()}
        if sum(since.values()) >= minimum:
            chosen.append(j)
            for name, count in since.items():
                joined[name].append(count)
            at_risk.append(begun)
            since = dict.fromkeys(leaving, 0.0)
            begun = None
    kept = {name: tuple(values[j] for j in chosen) for name, values in columns.items()}
    counted = {**{name: tuple(counts) for name, counts in joined.items()}, "at_risk": tuple(at_risk)}
    if patients:
        return {**kept, **{f"{name}_patients": values for name, values in counted.items()}}
    return {**kept, **counted}
