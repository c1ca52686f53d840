"""Response, adverse events and prognostic factors in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.report.sentences import Sentence, listed, say
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope

MOST_NAMED = 5  # rows of the safety table that differ, in a sentence
ALPHA = 0.05


def response_text(scope: Scope) -> Iterator[Sentence]:
    """Return both rates of every sample under the headline rule."""
    declared = scope.protocol.response
    if declared is None:
        return
    labels = {"objective_response": declared.objective_response, "disease_control": declared.disease_control}
    for name, adjustment in scope.marginal().items():
        for variable, label in labels.items():
            here = {"adjustment": name, "analysis": "response", "parameter": declared.rules()[0], "variable": variable}
            sides = [scope.find(**here, arm=arm, statistic="percent") for arm in scope.arms]
            gap = scope.first(**here, arm=scope.contrast, statistic="difference")
            if gap is None or any(side is None for side in sides):
                continue
            limits = [scope.find(**here, arm=gap.arm, method=gap.method, statistic=f"difference_{s}") for s in _SIDES]
            p = scope.first(**here, arm=scope.contrast, statistic="p_value")
            numbers = scope.numbers
            shares = [f"{numbers.number(side, 1)}%" for side in sides]
            span = numbers.limits(*(numbers.number(limit, 1) for limit in limits))
            tested = f"; {numbers.p_text(float(p.value))}" if p is not None and p.value is not None else ""
            yield say(
                f"{label}, {in_sentence(adjustment.label)}: {shares[0]} in {scope.arms[0]} and {shares[1]} in {scope.arms[1]}, "
                f"difference {numbers.number(gap, 1)} percentage points ({scope.confidence} CI {span}{tested}).",
                *sides,
                gap,
                *limits,
                p,
            )


_SIDES = ("lower", "upper")


def safety_text(scope: Scope) -> Iterator[Sentence]:
    """Return the rows of the safety table that differ between the arms."""
    here = {"adjustment": scope.unadjusted(), "analysis": "safety", "variable": "adverse_event"}
    tests = [row for row in scope.select(**here, statistic="p_value") if row.value is not None]
    if not tests:
        return
    differ = sorted((row for row in tests if (row.value or 0) < ALPHA), key=lambda row: row.value or 0.0)
    if not differ:
        yield say(
            f"None of the {len(tests)} rows of adverse events differed between the arms (P of {_alpha(scope)} or more).",
            *tests,
        )
        return
    parts = [_against(scope, {**here, "variable_level": row.variable_level}, row) for row in differ[:MOST_NAMED]]
    text = f"Of {len(tests)} rows of adverse events {len(differ)} differed between the arms (P below {_alpha(scope)})"
    yield say(f"{text}: {'; '.join(parts)}.", *differ)


def _alpha(scope: Scope) -> str:
    return scope.numbers.general(ALPHA)


def _against(scope: Scope, here: dict[str, str], test: Estimate) -> str:
    shares = [scope.find(**here, arm=arm, statistic="percent") for arm in scope.arms]
    first, second = (f"{scope.numbers.number(share, 1)}%" for share in shares)
    return f"{in_sentence(test.variable_level)} {first} in {scope.arms[0]} and {second} in {scope.arms[1]}"


def prognostic_text(scope: Scope, endpoint: str) -> Iterator[Sentence]:
    """Return the terms of the multivariable model whose interval leaves out 1."""
    here = {"adjustment": scope.unadjusted(), "analysis": "prognostic", "endpoint": endpoint}
    terms = [row for row in scope.select(**here, statistic="hazard_ratio") if row.method.startswith("multivariable")]
    if not terms:
        return
    label, arm = scope.population.endpoints[endpoint].label, terms[0].arm
    who = "all patients" if arm == "all" else arm
    telling = [parts for parts in (effect(scope, term) for term in terms) if _tells(parts)]
    screened = scope.protocol.prognostic is not None and scope.protocol.prognostic.screening is not None
    how = "after screening by univariable P, " if screened else ""
    if not telling:
        yield say(
            f"{label} in {who}: {how}no factor of the multivariable model had an interval that leaves out 1.", *terms
        )
        return
    numbers = scope.numbers
    named = []
    for parts in telling:
        row = parts[0]
        assert row is not None, "a term that tells has a hazard ratio"
        level = f", {row.variable_level}" if row.variable_level else ""
        interval = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        named.append(f"{scope.label(row.variable)}{level} ({interval})")
    yield say(
        f"{label} in {who}: {how}the multivariable model had intervals that leave out 1 for {listed(named)}.",
        *(part for parts in telling for part in parts),
    )


def _tells(parts: list[Estimate | None]) -> bool:
    lower, upper = parts[1], parts[2]
    if lower is None or upper is None or lower.value is None or upper.value is None:
        return False
    return lower.value > 1 or upper.value < 1
