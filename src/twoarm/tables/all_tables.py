"""Every table of a population under a strategy."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.tables.attrition_table import attrition_table
from twoarm.tables.balance_table import balance_table
from twoarm.tables.baseline_table import baseline_table
from twoarm.tables.dialect_table import dialect_table
from twoarm.tables.hazard_ratio_table import hazard_ratio_table, model_table
from twoarm.tables.lost_table import lost_table
from twoarm.tables.missing_table import missing_table
from twoarm.tables.partial_dates_table import partial_dates_table
from twoarm.tables.prognostic_table import prognostic_table
from twoarm.tables.response_table import response_table
from twoarm.tables.safety_table import safety_table, term_table
from twoarm.tables.scope import Scope
from twoarm.tables.subgroup_table import subgroup_table
from twoarm.tables.survival_table import follow_up_table, survival_table
from twoarm.tables.table import Table
from twoarm.tables.time_effect_table import proportional_hazards_table, restricted_mean_table


def all_tables(scope: Scope) -> list[Table]:
    """Return the tables in the order of a paper."""
    return [table for table in _tables(scope) if table is not None and table.rows]


def _tables(scope: Scope) -> Iterator[Table | None]:
    wanted = scope.population.analyses
    yield attrition_table(scope)
    if scope.imputed:
        yield missing_table(scope)
    if "baseline" in wanted:
        yield baseline_table(scope)
    if "balance" in wanted:
        yield balance_table(scope)
    if "lost" in wanted:
        for name in scope.matchings():
            yield lost_table(scope, name)
    if "follow_up" in wanted:
        yield follow_up_table(scope)
    if "survival" in wanted:
        yield survival_table(scope)
    if "hazard_ratio" in wanted:
        yield hazard_ratio_table(scope)
        yield partial_dates_table(scope)
        for name in scope.regressions():
            for endpoint in scope.population.endpoints:
                yield model_table(scope, name, endpoint)
    if "proportional_hazards" in wanted:
        yield proportional_hazards_table(scope)
    if "restricted_mean" in wanted:
        yield restricted_mean_table(scope)
    for name in scope.marginal():
        for endpoint in scope.population.endpoints:
            yield subgroup_table(scope, name, endpoint)
    if "response" in wanted:
        yield response_table(scope)
    if "safety" in wanted:
        yield safety_table(scope)
        yield term_table(scope)
    if "prognostic" in wanted:
        for endpoint in scope.population.endpoints:
            yield prognostic_table(scope, endpoint)
    if "dialects" in wanted:
        yield dialect_table(scope)
