"""What counts patients counts those behind a row: by hand where studies cannot, and in every line of the source."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import twoarm
from spec_counted import assert_same
from spec_outcomes import PROTOCOL
from twoarm.analyses.bootstrap import bootstrap_hazard_ratios
from twoarm.analyses.request import Request
from twoarm.analyses.response import response
from twoarm.analyses.run import list_patients
from twoarm.analyses.safety import safety
from twoarm.analyses.specifications import run_specifications
from twoarm.cohort.attrition import Attrition
from twoarm.cohort.cohort import Cohort
from twoarm.cohort.covariates import ContinuousValues
from twoarm.design.adjust import adjust
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.design.complete import CompletedCohort, complete
from twoarm.endpoints.adverse_events import AdverseEvents
from twoarm.endpoints.endpoints import Endpoints
from twoarm.endpoints.response import BestResponse
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results

N = 40
FREQUENCY = np.random.default_rng(1).integers(1, 6, N)


def study() -> Protocol:
    return parse_protocol(PROTOCOL)


def cohorts(name: str, protocol: Protocol) -> tuple[AdjustedCohort, AdjustedCohort]:
    """Return an adjusted cohort of every patient, and the same of counted rows."""
    g = np.random.default_rng(2)
    treated, weight = g.random(N) < 0.5, g.choice([0.5, 1.0, 2.5], N)
    copies = np.repeat(np.arange(N), FREQUENCY)
    found = []
    for rows, frequency in ((copies, None), (np.arange(N), FREQUENCY)):
        keys = np.arange(rows.size).astype(np.str_)
        completed = CompletedCohort("cc", keys, treated[rows], {}, {}, {}, np.arange(rows.size), (), frequency)
        plain = next(
            a for a in adjust(replace(protocol.plan()[0], adjustments={"unadjusted": UNADJUSTED}), completed, 1)
        )
        assert isinstance(plain, AdjustedCohort)
        made = replace(plain, name=name)
        if name == "weighted":
            made = replace(made, weight=weight[rows], weighted=object())
        found.append(made)
    return found[0], found[1]


UNADJUSTED = study().plan()[0].adjustments["unadjusted"]


def outcomes(rows: np.ndarray) -> Endpoints:
    g = np.random.default_rng(3)
    best, any_grade, rash = (g.integers(0, 5, N)[rows] for _ in range(3))
    words = [row.label for row in study().safety.table_rows()]
    adverse = AdverseEvents({word: (any_grade + i) % 6 for i, word in enumerate(words)}, {"Rash": rash}, {})
    return Endpoints({}, BestResponse({"unconfirmed": best}, {}), adverse)


@pytest.mark.parametrize("denominator", ["all", "evaluable"])
@pytest.mark.parametrize("name", ["unadjusted", "weighted"])
@pytest.mark.parametrize("analysis", [response, safety])
def test_response_and_safety_count_the_patients_behind_a_row(analysis, name, denominator):
    table = 'table = "visits"'
    protocol = parse_protocol(PROTOCOL.replace(table, f'{table}\ndenominator = "{denominator}"'))
    population, ledgers = protocol.plan()[0], []
    rows = (np.repeat(np.arange(N), FREQUENCY), np.arange(N))
    for cohort, here in zip(cohorts(name, protocol), rows, strict=True):
        ledger = Ledger(Estimate(analysis="x"))
        analysis(Request(protocol, population, cohort, cohort, outcomes(here), ledger))
        ledgers.append(Results.of(ledger.rows, ledger.curves))
    assert bool(ledgers[0].estimates) == (name == "unadjusted" or analysis is response)
    assert_same(ledgers[1], ledgers[0])


def counted_cohort() -> Cohort:
    protocol = study()
    values = ContinuousValues("age", "Age", "", np.where(np.arange(N) < 3, np.nan, 50.0))
    keys = np.arange(N).astype(np.str_)
    return Cohort(
        population=protocol.plan()[0],
        key=keys,
        treated=np.arange(N) < 20,
        covariates={"age": values},
        position={},
        groups={},
        attrition=Attrition(()),
        left_out=(),
        frequency=FREQUENCY,
        happened=pl.DataFrame(),
        members=nw.from_native(pl.DataFrame({":key": keys.tolist()}), eager_only=True),
    )


def one_by_one() -> dict[str, Callable[[], Any]]:
    """Return what needs its patients one by one, given rows that stand for several."""
    more = '\nseed = 1\n[adjustments.matched]\nkind = "matching"\n[missing.mi]\nkind = "multiple_imputation"\n'
    head, _, tail = PROTOCOL.partition("\n[data.patients]")
    protocol = parse_protocol(f"{head}\nseed = 1\n[data.patients]{tail}{more.replace('seed = 1', '')}")
    population = protocol.plan()[0]
    _, cohort = cohorts("weighted", protocol)
    request = Request(protocol, population, cohort, cohort, outcomes(np.arange(N)), Ledger(Estimate(analysis="x")))
    resampled = replace(request, adjusted=replace(cohort, replicates=2, again=lambda rows: cohort))
    grid = object()
    return {
        "matching": lambda: adjust(population, cohort.completed, 1),
        "imputation": lambda: complete("mi", population.missing["mi"], counted_cohort(), {}, 1),
        "resampling": lambda: cohort.completed.resampled(np.arange(3)),
        "bootstrap": lambda: bootstrap_hazard_ratios(resampled),
        "patient-level output": lambda: list_patients(request.ledger, population, cohort, request.outcomes),
        "lock": lambda: list(cohort.members()),
        "specifications": lambda: run_specifications(
            protocol.model_copy(update={"specifications": grid}),
            replace(population, analyses=("specifications",)),
            [cohort.completed],
            request.outcomes,
            request.ledger,
        ),
    }


@pytest.mark.parametrize("what", one_by_one())
def test_what_needs_patients_one_by_one_refuses_counted_rows(what):
    with pytest.raises(AssertionError, match="one by one"):
        one_by_one()[what]()


ROOMS = ("cohort", "endpoints", "design", "analyses")
BARE = {"sum", "mean", "median", "std", "var", "average", "bincount", "histogram", "count_nonzero", "quantile"}
PAIRED = "pairs and sets are of patients one by one"
OF_IMPUTATIONS = "of imputations, whose patients come one by one"
WEIGHED = "of weights times frequencies, or of counts"
COUNTED_ELSEWHERE: dict[str, str] = {
    "analyses.balance._shares": WEIGHED,
    "analyses.bootstrap._write": "of resamples",
    "analyses.describe._describe_weighted": WEIGHED,
    "analyses.describe.write_counts": WEIGHED,
    "analyses.design_warnings._collinear_with": "columns, by weight",
    "analyses.design_warnings._held_endpoints": PAIRED,
    "analyses.lost._bin": WEIGHED,
    "analyses.lost._sets": PAIRED,
    "analyses.pooled_columns.mean_at_risk": OF_IMPUTATIONS,
    "analyses.pooled_columns.mean_count": OF_IMPUTATIONS,
    "analyses.pooled_incidence._written": OF_IMPUTATIONS,
    "analyses.pooled_response.pool_difference": OF_IMPUTATIONS,
    "analyses.pooling._plain": OF_IMPUTATIONS,
    "analyses.prognostic._fit": "rows of a design matrix",
    "analyses.response._categories": WEIGHED,
    "analyses.response._paired": PAIRED,
    "analyses.specifications._sum_up": "of specifications",
    "analyses.subgroups._interaction": "rows of a design matrix",
    "analyses.weights._histograms": WEIGHED,
    "cohort.roster._rows": "patients who were fetched one by one, and counts",
    "cohort.roster.strata": "of counts",
    "design.imputation._predictors": OF_IMPUTATIONS,
    "design.matching._lost": PAIRED,
    "design.propensity._variance": "of frequencies",
}


def modules() -> Iterator[tuple[str, ast.Module, ModuleType]]:
    for room in ROOMS:
        for path in sorted((Path(twoarm.__file__).parent / room).glob("*.py")):
            name = f"{room}.{path.stem}"
            yield name, ast.parse(path.read_text("utf-8")), importlib.import_module(f"twoarm.{name}")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def test_nothing_counts_or_averages_rows_for_patients():
    """Counts, shares and medians go through ``count`` and its kin; what does not stands in the list with a reason."""
    found = {
        f"{name}.{function.name}"
        for name, tree, _ in modules()
        for function in functions(tree)
        for call in calls(function)
        if isinstance(call.func, ast.Attribute) and call.func.attr in BARE
    }
    assert found == COUNTED_ELSEWHERE.keys()


WITHOUT: dict[str, str] = {
    "design.imputation._predictors": OF_IMPUTATIONS,
    "design.matching._weighted": PAIRED,
    "analyses.response._paired": PAIRED,
}


def test_every_statistic_is_told_the_frequency():
    """A call of a kernel that takes a frequency gives it one, by name or in its place."""
    forgot = set()
    for name, tree, module in modules():
        for function in functions(tree):
            for call in calls(function):
                kernel = getattr(module, call.func.id, None) if isinstance(call.func, ast.Name) else None
                if not inspect.isfunction(kernel) or not kernel.__module__.startswith("twoarm.statistics."):
                    continue
                names = list(inspect.signature(kernel).parameters)
                if "frequency" not in names or kernel.__module__.endswith(".counting"):
                    continue
                given = {keyword.arg for keyword in call.keywords} | set(names[: len(call.args)])
                if "frequency" not in given:
                    forgot.add(f"{name}.{function.name}")
    assert forgot == WITHOUT.keys()
