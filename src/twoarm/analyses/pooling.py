"""The rows of m imputations -> one row each: Rubin's rules where there is an estimate, means and ranges for counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from twoarm.analyses.pooled_survival import pool_survival
from twoarm.errors import NotEstimableError
from twoarm.protocol.protocol import Protocol
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.rubin import pool, pool_chi_squared, pool_proportion

RUBIN, D2 = "Rubin's rules", "pooled by D2"
MEANS = frozenset(
    {"percent", "median", "q1", "q3", "minimum", "maximum", "mean", "sd", "variance_ratio", "kolmogorov_smirnov"}
    | {"unmatched_percent", "caliper_width"}
)
COUNTS = frozenset({"n", "events", "pairs", "unmatched"})
LARGEST = frozenset({"smd", "largest_absolute_smd"})
SUPERSEDED = ("odds_ratio", "odds_ratio_lower", "odds_ratio_upper", "percent_lower", "percent_upper")
NOT_POOLED = "differs between the imputations and has no pooling rule"


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """The rows of one adjusted cohort in each imputation, found by id; ids that are done with."""

    protocol: Protocol
    rows: Sequence[Mapping[str, Estimate]]
    done: set[str] = field(default_factory=set)

    def values(self, template: Estimate, **changes: str) -> list[float] | None:
        """Return a row's value in every imputation, None unless all have one; marks the row as done."""
        wanted = replace(template, **changes).id  # type: ignore[arg-type]
        self.done.add(wanted)
        found = [rows.get(wanted) for rows in self.rows]
        numbers = [float(row.value) for row in found if row is not None and row.value is not None]
        return numbers if len(numbers) == len(self.rows) else None


def pool_rows(protocol: Protocol, scratches: Sequence[Ledger], ledger: Ledger) -> None:
    """Write the pooled rows and curves of one adjusted cohort.

    A row that is the same in every imputation does not depend on what was missing and stays as it is. Source: Rubin
    (1987); Barnard and Rubin (1999); Li, Meng, Raghunathan and Rubin (1991) for D2; Marshall et al. (2009).
    """
    imputed = Imputed(protocol, [{row.id: row for row in scratch.rows} for scratch in scratches])
    curves = pool_survival(protocol, scratches, ledger)
    for template in _in_order(imputed.rows):
        if template.id in imputed.done:
            continue
        found = [rows.get(template.id) for rows in imputed.rows]
        if all(row == template for row in found):
            ledger.rows.append(template)
        elif template.id in curves:
            pooled = curves[template.id]
            ledger.rows.extend([pooled] if pooled is not None else [])
        elif any(row is not None and row.status == "failed" for row in found):
            ledger.rows.append(next(row for row in found if row is not None and row.status == "failed"))
        else:
            _RULES.get(template.statistic, _plain)(imputed, ledger, template)


def _in_order(rows: Iterable[Mapping[str, Estimate]]) -> list[Estimate]:
    """Return one row of each id, in the order of the first imputation that has it."""
    first: dict[str, Estimate] = {}
    for imputation in rows:
        for name, row in imputation.items():
            if name not in first or first[name].value is None:
                first[name] = row
    return list(first.values())


def _write(ledger: Ledger, template: Estimate, value: float | None, **changes: object) -> None:
    here = replace(ledger, context=replace(template, value=None, note="", status="ok", statistic=""))
    statistic = changes.pop("statistic", template.statistic)
    here.add(str(statistic), value, **changes)


def _plain(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Means, and ranges of counts; anything else has no rule."""
    values = imputed.values(template)
    statistic = template.statistic
    if values is None or statistic not in MEANS | COUNTS | LARGEST:
        missing = sum(rows.get(template.id) is None or rows[template.id].value is None for rows in imputed.rows)
        reason = f"not estimable in {missing} of {len(imputed.rows)} imputations" if missing else NOT_POOLED
        _write(ledger, template, None, note=reason)
        return
    if statistic == "largest_absolute_smd":
        _write(ledger, template, max(values), note="largest over the imputations")
        return
    _write(ledger, template, float(np.mean(values)), note="mean over the imputations")
    if statistic in COUNTS:
        _write(ledger, template, int(min(values)), statistic=f"{statistic}_minimum")
        _write(ledger, template, int(max(values)), statistic=f"{statistic}_maximum")
    elif statistic == "smd":
        _write(ledger, template, max(values, key=abs), statistic="smd_largest", note="largest over the imputations")


def _hazard_ratio(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the log hazard; complete-data degrees of freedom from the model."""
    log_ratio = imputed.values(template, statistic="log_hazard_ratio")
    errors = imputed.values(template, statistic="log_hazard_ratio_se")
    freedom = imputed.values(template, statistic="degrees_of_freedom")
    statistics = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")
    for statistic in statistics:
        imputed.values(template, statistic=statistic)
    if log_ratio is None or errors is None or freedom is None:
        _plain(imputed, ledger, template)
        return
    found = pool(
        estimates=log_ratio,
        variances=np.square(errors),
        complete_df=max(min(freedom), 1.0),
        confidence_level=imputed.protocol.confidence_level,
    )
    method = {"method": f"{template.method}, {RUBIN}"}
    exponents = np.exp([found.estimate, found.lower, found.upper]).tolist()
    for statistic, value in zip(statistics, (*exponents, found.p_value), strict=True):
        _write(ledger, template, value, statistic=statistic, **method)
    for statistic, value in (
        ("log_hazard_ratio", found.estimate),
        ("log_hazard_ratio_se", found.std_error),
        ("degrees_of_freedom", found.degrees_of_freedom),
        ("fraction_missing_information", found.fraction_missing),
    ):
        _write(ledger, template, value, statistic=statistic, **method, note="" if np.isfinite(value) else "infinite")


def _difference(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on a difference of proportions; its test takes the place of McNemar's, which cannot be pooled."""
    gaps = imputed.values(template)
    errors = imputed.values(template, statistic="difference_se")
    for statistic in ("difference_lower", "difference_upper"):
        imputed.values(template, statistic=statistic)
    pairs = [sum(row.statistic == "pairs" for row in rows.values()) for rows in imputed.rows]
    if gaps is None or errors is None or not all(pairs):
        return  # the difference clustered by pair stands for the one that ignores the pairs
    complete_df = min(
        float(row.value or 0) for rows in imputed.rows for row in rows.values() if row.statistic == "pairs"
    )
    try:
        found = pool(
            estimates=gaps,
            variances=np.square(errors),
            complete_df=max(complete_df - 1, 1.0),
            confidence_level=imputed.protocol.confidence_level,
        )
    except NotEstimableError as error:
        _write(ledger, template, None, note=str(error))
        return
    method = {"method": f"{template.method}, {RUBIN}"}
    for statistic, value in (
        ("difference", found.estimate),
        ("difference_lower", found.lower),
        ("difference_upper", found.upper),
        ("difference_se", found.std_error),
    ):
        _write(ledger, template, value, statistic=statistic, **method)
    _write(ledger, template, found.p_value, statistic="p_value", unit="", **method)


def _rate(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the logit of a response rate."""
    if template.analysis != "response" or template.variable == "best_response":
        _plain(imputed, ledger, template)
        return
    events = imputed.values(template, statistic="n", unit="", method="")
    imputed.done.discard(replace(template, statistic="n").id)
    everybody = replace(template, statistic="n", variable="", unit="").id
    patients = [float(rows[everybody].value or 0) for rows in imputed.rows]
    imputed.values(template)
    if events is None:
        _plain(imputed, ledger, template)
        return
    found = pool_proportion(events=events, n=patients, confidence_level=imputed.protocol.confidence_level)
    names = {"rubin-logit": "logit", "wilson": "Wilson"}
    _write(ledger, template, 100 * found.proportion, note=f"{RUBIN}, {names[found.interval]}")
    method = f"{names[found.interval]}, {RUBIN}"
    _write(ledger, template, 100 * found.lower, statistic="percent_lower", method=method)
    _write(ledger, template, 100 * found.upper, statistic="percent_upper", method=method)


def _superseded(imputed: Imputed, _: Ledger, template: Estimate) -> None:
    """Limits of single imputations, where pooled ones stand beside their estimate; and odds ratios."""
    imputed.done.add(template.id)


def _p_value(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """D2 where the test has a chi-squared statistic; exact tests cannot be pooled."""
    statistics = imputed.values(template, statistic="chi_squared")
    freedom = imputed.values(template, statistic="degrees_of_freedom")
    imputed.values(template)
    if template.analysis == "response" and statistics is None:
        return  # the pooled difference has its own test
    if statistics is None or freedom is None or len(set(freedom)) > 1:
        _write(ledger, template, None, note="a test without a pooling rule, or not the same in all imputations")
        return
    found = pool_chi_squared(statistics=statistics, degrees_of_freedom=int(freedom[0]))
    _write(ledger, template, found.p_value, method=f"{template.method}, {D2}")


_RULES: Mapping[str, Callable[[Imputed, Ledger, Estimate], None]] = {
    "hazard_ratio": _hazard_ratio,
    "difference": _difference,
    "percent": _rate,
    "p_value": _p_value,
    "p_value_simulation_se": _superseded,
    **dict.fromkeys(SUPERSEDED, _superseded),
}
