"""Every table of a population under a strategy."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.tables.adjusted_survival_table import ANALYSES as ADJUSTED
from twoarm.tables.adjusted_survival_table import adjusted_survival_table
from twoarm.tables.attrition_table import attrition_table
from twoarm.tables.balance_table import balance_tables
from twoarm.tables.baseline_table import baseline_tables
from twoarm.tables.centre_table import centre_overview_table, centre_table
from twoarm.tables.confounding_table import e_value_table, unmeasured_table
from twoarm.tables.cumulative_incidence_table import cumulative_incidence_table
from twoarm.tables.dialect_table import dialect_table
from twoarm.tables.hazard_ratio_table import hazard_ratio_table, model_table
from twoarm.tables.landmark_table import landmark_table
from twoarm.tables.lost_table import lost_table
from twoarm.tables.missing_table import missing_table
from twoarm.tables.partial_dates_table import partial_dates_table
from twoarm.tables.piecewise_table import piecewise_table
from twoarm.tables.prognostic_table import prognostic_table
from twoarm.tables.response_table import response_table
from twoarm.tables.safety_table import safety_table, term_table
from twoarm.tables.scope import Scope
from twoarm.tables.sets_table import sets_table
from twoarm.tables.specification_table import specification_table
from twoarm.tables.subgroup_table import subgroup_table
from twoarm.tables.survival_difference_table import survival_difference_table
from twoarm.tables.survival_table import follow_up_table, survival_table
from twoarm.tables.table import Table
from twoarm.tables.time_effect_table import proportional_hazards_table, restricted_mean_table
from twoarm.tables.weights_table import weights_table


def all_tables(scope: Scope) -> list[Table]:
    """Return the tables in the order of a paper."""
    return [table for table in _tables(scope) if table is not None and table.rows]


def _tables(scope: Scope) -> Iterator[Table | None]:
    wanted = scope.population.analyses
    yield attrition_table(scope)
    if scope.imputed:
        yield missing_table(scope)
    if "baseline" in wanted:
        yield from baseline_tables(scope)
    if "balance" in wanted:
        yield from balance_tables(scope)
    if "lost" in wanted:
        for name in scope.matchings():
            yield lost_table(scope, name)
        yield sets_table(scope)
    if "weights" in wanted and scope.weighted():
        yield weights_table(scope)
    if "follow_up" in wanted:
        yield follow_up_table(scope)
    if "survival" in wanted:
        yield survival_table(scope)
    if "cumulative_incidence" in wanted:
        yield cumulative_incidence_table(scope)
    if "survival_difference" in wanted:
        yield survival_difference_table(scope)
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
    if any(word in wanted for word in ADJUSTED):
        yield adjusted_survival_table(scope)
    if "piecewise" in wanted:
        yield piecewise_table(scope)
    if "landmark" in wanted:
        yield landmark_table(scope)
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
    if "centres" in wanted:
        yield centre_overview_table(scope)
        for name in scope.marginal():
            for endpoint in scope.population.endpoints:
                yield centre_table(scope, name, endpoint)
    if "e_value" in wanted:
        yield e_value_table(scope)
    if "unmeasured" in wanted:
        yield unmeasured_table(scope)
    if "specifications" in wanted:
        yield specification_table(scope)
