"""Estimates of m imputations with standard errors -> one by Rubin's rules, as they are or through their logarithm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from twoarm.analyses.bootstrap import MONTE_CARLO
from twoarm.analyses.imputed import RUBIN, Imputed, or_infinite, write_pooled
from twoarm.analyses.restricted_mean import GAP, GAP_SE, LOG_RATIO, LOG_RATIO_SE, MEAN, MEAN_SE, RATIO
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.rubin import Pooled, pool

OTHER_TAU = "tau, the smaller of the arms' largest times, differs between the imputations: declare it"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Which statistics of a cell hold an estimate with its limits, what is pooled, and its standard error."""

    shown: tuple[str, ...]  # estimate, lower, upper
    estimate: str  # the statistic that is pooled: the estimate, or its logarithm
    error: str

    @property
    def logged(self) -> bool:
        """Whether the logarithm is pooled."""
        return self.estimate != self.shown[0]


SUBDISTRIBUTION = tuple(f"subdistribution_hazard_ratio{end}" for end in ("", "_lower", "_upper"))
HAZARD = Quantity(
    ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper"), "log_hazard_ratio", "log_hazard_ratio_se"
)
INCIDENCE = Quantity(SUBDISTRIBUTION, "log_subdistribution_hazard_ratio", "log_subdistribution_hazard_ratio_se")
AREA = Quantity(MEAN, MEAN[0], MEAN_SE)
AREA_GAP = Quantity(GAP, GAP[0], GAP_SE)
AREA_RATIO = Quantity(RATIO, LOG_RATIO, LOG_RATIO_SE)


def pooled_quantity(imputed: Imputed, template: Estimate, quantity: Quantity, freedom: list[float]) -> Pooled | None:
    """Return what Rubin's rules give, and mark the quantity's rows as done; None where an imputation lacks it."""
    estimates = imputed.take(template, statistic=quantity.estimate)
    errors = imputed.take(template, statistic=quantity.error)
    for statistic in quantity.shown:
        imputed.take(template, statistic=statistic)
    if estimates is None or errors is None:
        return None
    return pool(
        estimates=estimates,
        variances=np.square(errors),
        complete_df=max(min(freedom), 1.0),
        confidence_level=imputed.protocol.confidence_level,
    )


def write_quantity(ledger: Ledger, template: Estimate, quantity: Quantity, found: Pooled, *, unit: str = "") -> None:
    """Write estimate, limits and standard error."""
    method = {"method": method_of(template), "unit": unit}
    values = np.array([found.estimate, found.lower, found.upper])
    shown = (np.exp(values) if quantity.logged else values).tolist()
    for statistic, value in zip(quantity.shown, shown, strict=True):
        write_pooled(ledger, template, value, statistic=statistic, **method)
    if quantity.logged:
        write_pooled(ledger, template, found.estimate, statistic=quantity.estimate, **method)
    write_pooled(ledger, template, found.std_error, statistic=quantity.error, **method)


def write_test(ledger: Ledger, template: Estimate, found: Pooled) -> None:
    """Write the test that a pooled quantity is 0, its degrees of freedom, and how far another seed would move it."""
    method = {"method": method_of(template), "unit": ""}
    write_pooled(ledger, template, found.p_value, statistic="p_value", **method)
    freedom, missing = found.degrees_of_freedom, found.fraction_missing
    write_pooled(ledger, template, freedom, statistic="degrees_of_freedom", **method, note=or_infinite(freedom))
    write_pooled(ledger, template, missing, statistic="fraction_missing_information", **method)
    write_pooled(ledger, template, found.monte_carlo_error, statistic=MONTE_CARLO, **method)


def method_of(template: Estimate) -> str:
    """Return the method of a pooled row."""
    return ", ".join(filter(None, (template.method, RUBIN)))


def pool_ratio(imputed: Imputed, ledger: Ledger, template: Estimate, quantity: Quantity) -> bool:
    """Pool a ratio on its logarithm with its test; write nothing and return False where an imputation lacks it."""
    freedom = imputed.take(template, statistic="degrees_of_freedom")
    imputed.take(template, statistic="p_value")
    found = None if freedom is None else pooled_quantity(imputed, template, quantity, freedom)
    if found is None:
        for statistic in (*quantity.shown, quantity.estimate, quantity.error):
            imputed.take(template, statistic=statistic)
        return False
    write_quantity(ledger, template, quantity, found)
    write_test(ledger, template, found)
    return True


def pool_subdistribution(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the log subdistribution hazard ratio."""
    if not pool_ratio(imputed, ledger, template, INCIDENCE):
        write_pooled(ledger, template, None, note=imputed.without(template))


def pool_mean(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on an arm's restricted mean; complete-data degrees of freedom from its patients."""
    freedom = imputed.take(template, statistic="degrees_of_freedom")
    found = None if freedom is None else pooled_quantity(imputed, template, AREA, freedom)
    if found is None or _taus_differ(imputed, template):
        imputed.done.update(_ids(template, *AREA.shown, AREA.error))
        write_pooled(ledger, template, None, note=imputed.without(template) or OTHER_TAU)
        return
    write_quantity(ledger, template, AREA, found, unit=template.unit)


def pool_mean_gap(imputed: Imputed, ledger: Ledger, template: Estimate) -> None:
    """Rubin's rules on the difference of restricted means, which the test is of, and on the log of their ratio."""
    freedom = imputed.take(template, statistic="degrees_of_freedom")
    imputed.take(template, statistic="p_value")
    gap = None if freedom is None else pooled_quantity(imputed, template, AREA_GAP, freedom)
    ratio = None if freedom is None else pooled_quantity(imputed, template, AREA_RATIO, freedom)
    if gap is None or ratio is None or _taus_differ(imputed, template):
        shown = (*AREA_GAP.shown, *AREA_RATIO.shown)
        imputed.done.update(_ids(template, *shown, AREA_GAP.error, AREA_RATIO.estimate, AREA_RATIO.error))
        for statistic in (*shown, "p_value"):
            write_pooled(
                ledger, template, None, statistic=statistic, unit="", note=imputed.without(template) or OTHER_TAU
            )
        return
    write_quantity(ledger, template, AREA_GAP, gap, unit=template.unit)
    write_quantity(ledger, template, AREA_RATIO, ratio)
    write_test(ledger, template, gap)


def _taus_differ(imputed: Imputed, template: Estimate) -> bool:
    """Whether the imputations' areas end at different times, which makes them different quantities."""
    taus = {
        float(row.value)
        for rows in imputed.rows
        for row in rows.values()
        if row.statistic == "tau" and row.value is not None and _same_sample(row, template)
    }
    return len(taus) > 1


def _same_sample(row: Estimate, template: Estimate) -> bool:
    fields = ("population", "missing", "adjustment", "analysis", "endpoint", "method")
    return all(getattr(row, name) == getattr(template, name) for name in fields)


def _ids(template: Estimate, *statistics: str) -> list[str]:
    return [replace(template, statistic=statistic).id for statistic in statistics]
