"""How strong unmeasured confounding would have to be: E-values and tipping points of the hazard ratios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twoarm.analyses.request import Request
from twoarm.protocol.sensitivity import Unmeasured
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.statistics.e_value import e_value as fit_e_value
from twoarm.statistics.unmeasured_confounding import tipping_point, without_confounder

E_VALUES = ("e_value", "e_value_limit")
CORRECTED = ("bias_factor", "hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")
TIPPING = ("tipping_point", "tipping_point_limit")
HOLDS_ONE = "the interval holds 1 without a confounder"


@dataclass(frozen=True, slots=True)
class Effect:
    """The headline hazard ratio of an endpoint as it stands in the ledger, pooled where there are imputations."""

    endpoint: str
    hazard_ratio: float | None
    lower: float
    upper: float
    event_share: float
    reason: str  # why there is none

    @property
    def nearer(self) -> float | None:
        """The limit nearer 1; None where the interval holds 1."""
        if self.lower <= 1 <= self.upper:
            return None
        return self.lower if self.lower > 1 else self.upper


def e_value(request: Request) -> None:
    """Write the E-value of every endpoint's marginal hazard ratio and of its limit nearer 1."""
    for effect in headlines(request):
        ledger = request.ledger.within(endpoint=effect.endpoint, arm=request.contrast)
        if effect.hazard_ratio is None:
            ledger.not_estimable(*E_VALUES, reason=effect.reason)
            continue
        found = fit_e_value(
            hazard_ratio=effect.hazard_ratio,
            lower=effect.lower,
            upper=effect.upper,
            event_share=effect.event_share,
        )
        here = ledger.within(method=found.scale)
        here.add("risk_ratio", found.risk_ratio)
        here.add("e_value", found.estimate)
        here.add("e_value_limit", found.limit)


def unmeasured(request: Request) -> None:
    """Write every endpoint's hazard ratio as it would be with the declared confounder, and its tipping points."""
    declared = request.protocol.sensitivity.unmeasured
    for effect in headlines(request) if declared is not None else ():
        assert declared is not None, "the confounder is declared"
        ledger = request.ledger.within(endpoint=effect.endpoint, arm=request.contrast, method=method_of(declared))
        if effect.hazard_ratio is None:
            ledger.not_estimable(*TIPPING, reason=effect.reason)
            continue
        _corrected(ledger, declared, effect)
        _tipping(ledger, declared, effect)


def method_of(declared: Unmeasured) -> str:
    """Return what the ledger calls the correction."""
    shares = f"{declared.prevalence_treated:g} and {declared.prevalence_comparator:g}"
    return f"Lin, Psaty and Kronmal, prevalences {shares}"


def _corrected(ledger: Ledger, declared: Unmeasured, effect: Effect) -> None:
    assert effect.hazard_ratio is not None, "there is a hazard ratio to correct"
    for ratio in declared.hazard_ratios:
        found = without_confounder(
            hazard_ratio=effect.hazard_ratio,
            lower=effect.lower,
            upper=effect.upper,
            confounder=ratio,
            prevalence_treated=declared.prevalence_treated,
            prevalence_comparator=declared.prevalence_comparator,
        )
        numbers = (found.bias_factor, found.hazard_ratio, found.lower, found.upper)
        for statistic, value in zip(CORRECTED, numbers, strict=True):
            ledger.add(statistic, value, parameter=f"hazard ratio {ratio:.6g}")


def _tipping(ledger: Ledger, declared: Unmeasured, effect: Effect) -> None:
    for statistic, ratio in zip(TIPPING, (effect.hazard_ratio, effect.nearer), strict=True):
        if ratio is None:
            ledger.add(statistic, 1.0, note=HOLDS_ONE)
            continue
        with ledger.estimating(statistic):
            point = tipping_point(
                ratio=ratio,
                prevalence_treated=declared.prevalence_treated,
                prevalence_comparator=declared.prevalence_comparator,
            )
            ledger.add(statistic, point)


def headlines(request: Request) -> Iterator[Effect]:
    """Yield the headline hazard ratio of each endpoint; none of a regression, which is conditional."""
    if not request.adjusted.marginal:
        return
    context = request.ledger.context
    rows = [row for row in request.ledger.rows if row.analysis == "hazard_ratio" and _same_sample(row, context)]
    for endpoint in request.endpoints:
        mine = [row for row in rows if row.endpoint == endpoint and not row.variable]
        effect = _headline(request, endpoint, mine)
        if effect is not None:
            yield effect


def _same_sample(row: Estimate, context: Estimate) -> bool:
    return (row.population, row.missing, row.adjustment) == (context.population, context.missing, context.adjustment)


def _headline(request: Request, endpoint: str, rows: list[Estimate]) -> Effect | None:
    first = next((row for row in rows if row.statistic == "hazard_ratio" and row.arm == request.contrast), None)
    if first is None:
        return None
    if first.value is None:
        return Effect(endpoint, None, 0.0, 0.0, 0.0, first.note)
    found = {row.statistic: row.value for row in rows if row.arm == first.arm and row.method == first.method}
    counts = {row.statistic: row.value for row in rows if row.arm == "all"}
    lower, upper, n, events = (
        found.get("hazard_ratio_lower"),
        found.get("hazard_ratio_upper"),
        counts.get("n"),
        counts.get("events"),
    )
    if not lower or upper is None or not n or events is None:  # a limit may have run below all numbers, to 0
        return Effect(endpoint, None, 0.0, 0.0, 0.0, "the interval has no limits above 0")
    return Effect(endpoint, float(first.value), float(lower), float(upper), float(events) / float(n), "")
