"""A frequency of k gives what k identical rows give, whatever the statistic."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm import statistics
from twoarm.errors import NotEstimableError
from twoarm.statistics.augmented_survival import augmented_survival
from twoarm.statistics.balancing_weights import BalancingWeights, balancing_weights
from twoarm.statistics.concordance import concordance
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.cox_prediction import predict_survival
from twoarm.statistics.crossed_clusters import with_crossed_clusters
from twoarm.statistics.cumulative_incidence import fit_cumulative_incidence
from twoarm.statistics.distinct_rows import collapse_rows, count_rows
from twoarm.statistics.entropy_balancing import entropy_balancing
from twoarm.statistics.exact_cox import fit_exact_cox
from twoarm.statistics.fine_gray import fit_fine_gray
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.firth_logistic import fit_firth_logistic
from twoarm.statistics.gray_test import gray_test
from twoarm.statistics.kaplan_meier import fit_kaplan_meier, number_at_risk
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.nelson_aalen import nelson_aalen
from twoarm.statistics.paired_proportions import paired_proportions
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.rank_tests import kruskal_wallis, medians_and_quartiles, wilcoxon
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.robust_proportional_hazards import robust_proportional_hazards_test
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld, smooth_schoenfeld
from twoarm.statistics.standardised_difference import (
    categorical_difference,
    continuous_difference,
    kolmogorov_smirnov,
    mean_and_variance,
)
from twoarm.statistics.standardised_survival import standardise_survival
from twoarm.statistics.survival_difference import survival_difference
from twoarm.statistics.survival_quantile import survival_quantile
from twoarm.statistics.t_test import t_test
from twoarm.statistics.weighted_log_rank import weighted_log_rank
from twoarm.statistics.weighted_proportions import weighted_proportions

SAME = 1e-12  # the promise; sums in another order differ in the last bits
PROFILES = 1e-8  # profile limits are searched for to 1e-10 per SD, by likelihoods that differ in the last bits

Columns = dict[str, np.ndarray]


def sample(seed: int) -> tuple[Columns, np.ndarray]:
    """Thirty patients with heavy ties in every column, and how often each occurs."""
    g = np.random.default_rng(seed)
    n = 30
    columns = {
        "time": g.integers(2, 9, n).astype(float),
        "entry": g.integers(0, 2, n).astype(float),
        "event": g.random(n) < 0.6,
        "cause": g.integers(0, 3, n),
        "arm": g.random(n) < 0.5,
        "third": g.integers(0, 3, n),
        "stratum": g.integers(0, 2, n),
        "cluster": g.integers(0, 12, n),
        "weight": g.choice([0.5, 1.0, 1.7], n),
        "x": np.column_stack([g.random(n) < 0.5, g.integers(-2, 3, n) / 2]),
        "value": g.integers(0, 12, n) / 3,
        "offset": g.choice([0.0, 0.4], n),
        "score": g.choice([0.1, 0.3, 0.45, 0.5, 0.8, 0.95], n),
        "person": g.integers(0, 20, n),
    }
    return columns, g.integers(1, 5, n)


def numbers(result: Any) -> dict[str, np.ndarray]:
    """Every number of a result, whose row-wise parts and iterations aside."""
    if not dataclasses.is_dataclass(result):
        return {"": np.asarray(result, dtype=np.float64)}
    out = {}
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        if field.name in ("iterations", "problem", "linear_predictor", "clusters", "names", "reasons"):
            continue
        if dataclasses.is_dataclass(value):
            out |= {f"{field.name}.{name}": part for name, part in numbers(value).items()}
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            parts = [numbers(one) for one in value]
            out |= {f"{field.name}[{i}].{name}": x for i, part in enumerate(parts) for name, x in part.items()}
        elif not isinstance(value, str) and np.asarray(value).dtype.kind in "fiu":
            out[field.name] = np.asarray(value, dtype=np.float64)
    return out


def survival(c: Columns, **more: Any) -> dict[str, Any]:
    return {"time": c["time"], "event": c["event"], **more}


def cox(c: Columns, f: Any, **more: Any) -> Any:
    return fit_cox(**survival(c), covariates=c["x"], frequency=f, **more)


def clustered(c: Columns) -> dict[str, Any]:
    return {"weight": c["weight"], "cluster": c["cluster"], "crossed": c["person"]}


def arms(c: Columns, **more: Any) -> dict[str, Any]:
    return survival(c, treated=c["arm"], **more)


def doubly_robust(c: Columns, f: Any) -> Any:
    x = np.column_stack([c["arm"], c["x"]])
    lost = fit_cox(time=c["time"], event=~c["event"], covariates=x, frequency=f)
    return augmented_survival(
        score=c["score"],
        treated=c["arm"],
        outcome=fit_cox(**survival(c), covariates=x, frequency=f),
        censoring=lost,
        arm=0,
        times=[2.5, 4.0],
    )


def entropy(c: Columns, f: Any, **more: Any) -> Any:
    found = entropy_balancing(covariates=c["x"], treated=c["arm"], frequency=f, **more)
    return dataclasses.make_dataclass("Summaries", ["treated", "comparator"])(found.treated, found.comparator)


def crossed_cox(c: Columns, f: Any) -> Any:
    fit = cox(c, f, weight=c["weight"], cluster=c["cluster"])
    first, second = clustered(c)["cluster"], clustered(c)["crossed"]
    return with_crossed_clusters(fit, first=first, second=second)


def counted_rows(c: Columns, f: Any) -> Any:
    rows = {name: np.tile(column, (40, 1)[: column.ndim]) for name, column in c.items()}
    often = None if f is None else np.tile(f, 40)
    found = count_rows(time=rows["time"], event=rows["event"], covariates=rows["x"][:, :1], frequency=often)
    assert found is not None, "there are few distinct rows"
    return np.column_stack([found.time, found.event, found.covariates, found.frequency])


def without_rows(found: BalancingWeights) -> Any:
    """The weights' summaries; those of the rows are compared by a test of their own."""
    return dataclasses.make_dataclass("Summaries", ["treated", "comparator", "limits", "truncated"])(
        found.treated,
        found.comparator,
        np.array(found.limits or (0.0, 0.0)),
        np.array([found.truncated_below, found.truncated_above]),
    )


KERNELS: dict[str, Callable[[Columns, Any], Any]] = {
    "kaplan_meier": lambda c, f: fit_kaplan_meier(**survival(c), frequency=f),
    "kaplan_meier, late entry": lambda c, f: fit_kaplan_meier(**survival(c), entry=c["entry"], frequency=f),
    "kaplan_meier, weighted": lambda c, f: fit_kaplan_meier(
        **survival(c), weight=c["weight"], frequency=f, robust=True
    ),
    "median": lambda c, f: survival_quantile(fit_kaplan_meier(**survival(c), frequency=f)),
    "number_at_risk": lambda c, f: number_at_risk(time=c["time"], at=[0.0, 3.0, 5.5], frequency=f),
    "restricted_mean": lambda c, f: compare_restricted_means(**survival(c), treated=c["arm"], frequency=f),
    "log_rank": lambda c, f: log_rank(
        **survival(c), arm=c["third"], strata=c["stratum"], entry=c["entry"], rho=1.0, frequency=f
    ),
    "weighted_log_rank": lambda c, f: weighted_log_rank(**survival(c), arm=c["arm"], weight=c["weight"], frequency=f),
    "weighted_log_rank, efron": lambda c, f: weighted_log_rank(
        **survival(c), arm=c["arm"], weight=c["weight"], cluster=c["cluster"], ties="efron", frequency=f
    ),
    "cox, efron": lambda c, f: cox(c, f, offset=c["offset"]),
    "cox, breslow": lambda c, f: cox(c, f, ties="breslow", strata=c["stratum"], entry=c["entry"]),
    "cox, robust": lambda c, f: cox(c, f, robust=True),
    "cox, clusters": lambda c, f: cox(c, f, cluster=c["cluster"]),
    "cox, weighted": lambda c, f: cox(c, f, weight=c["weight"]),
    "cox, concordance": lambda c, f: cox(c, f).concordance(),
    "zph, km": lambda c, f: proportional_hazards_test(cox(c, f)),
    "zph, rank": lambda c, f: proportional_hazards_test(cox(c, f), transform="rank"),
    "standardised_survival": lambda c, f: standardise_survival(
        cox(c, f, offset=c["offset"]), arm=0, times=[6.5, 0.0, 2.0, 4.0, 9.0]
    ),
    "concordance": lambda c, f: concordance(**survival(c), risk=c["value"], weight=c["weight"], frequency=f),
    "cumulative_incidence": lambda c, f: fit_cumulative_incidence(time=c["time"], cause=c["cause"], frequency=f),
    "cumulative_incidence, jackknife": lambda c, f: fit_cumulative_incidence(
        time=c["time"], cause=c["cause"], variance="jackknife", frequency=f
    ),
    "gray": lambda c, f: gray_test(time=c["time"], cause=c["cause"], arm=c["arm"], strata=c["stratum"], frequency=f),
    "fine_gray, crr": lambda c, f: fit_fine_gray(time=c["time"], cause=c["cause"], covariates=c["x"], frequency=f),
    "fine_gray, finegray": lambda c, f: fit_fine_gray(
        time=c["time"], cause=c["cause"], covariates=c["x"], cluster=c["cluster"], variant="finegray", frequency=f
    ),
    "logistic": lambda c, f: fit_logistic(outcome=c["arm"], covariates=c["x"], frequency=f),
    "smd": lambda c, f: continuous_difference(values=c["value"], treated=c["arm"], frequency=f),
    "smd, weighted": lambda c, f: continuous_difference(
        values=c["value"], treated=c["arm"], weight=c["weight"], frequency=f
    ),
    "smd, levels": lambda c, f: categorical_difference(levels=c["third"], treated=c["arm"], frequency=f),
    "smd, levels, weighted": lambda c, f: categorical_difference(
        levels=c["third"], treated=c["arm"], weight=c["weight"], frequency=f
    ),
    "kolmogorov_smirnov": lambda c, f: kolmogorov_smirnov(c["value"], c["arm"], f),
    "wilcoxon": lambda c, f: wilcoxon(values=c["value"], treated=c["arm"], frequency=f),
    "kruskal_wallis": lambda c, f: kruskal_wallis(values=c["value"], group=c["third"], frequency=f),
    "quartiles": lambda c, f: medians_and_quartiles(c["value"], c["arm"], f),
    "t_test": lambda c, f: t_test(values=c["value"], treated=c["arm"], frequency=f),
    "balancing_weights, stabilised": lambda c, f: without_rows(
        balancing_weights(score=c["score"], treated=c["arm"], stabilised=True, frequency=f)
    ),
    "balancing_weights, at quantiles": lambda c, f: without_rows(
        balancing_weights(
            score=c["score"], treated=c["arm"], estimand="ATT", truncate_quantiles=(0.1, 0.8), frequency=f
        )
    ),
    "balancing_weights, at limits": lambda c, f: without_rows(
        balancing_weights(score=c["score"], treated=c["arm"], estimand="ATO", truncate_at=(0.3, 0.6), frequency=f)
    ),
    "survival_difference": lambda c, f: survival_difference(**arms(c), at=4.0, frequency=f),
    "survival_difference, weighted": lambda c, f: survival_difference(**arms(c), at=4, weight=c["weight"], frequency=f),
    "survival_difference, crossed": lambda c, f: survival_difference(**arms(c, **clustered(c)), at=4, frequency=f),
    "restricted_mean, weighted": lambda c, f: compare_restricted_means(
        **arms(c), weight=c["weight"], tau=5.0, frequency=f
    ),
    "restricted_mean, crossed": lambda c, f: compare_restricted_means(**arms(c, **clustered(c)), tau=5.0, frequency=f),
    "weighted_proportions": lambda c, f: weighted_proportions(
        outcome=c["event"], treated=c["arm"], weight=c["weight"], frequency=f
    ),
    "weighted_proportions, crossed": lambda c, f: weighted_proportions(
        outcome=c["event"], treated=c["arm"], **clustered(c), frequency=f
    ),
    "paired_proportions": lambda c, f: paired_proportions(first=c["event"], second=c["arm"], frequency=f),
    "entropy_balancing": lambda c, f: entropy(c, f),
    "entropy_balancing, everybody": lambda c, f: entropy(c, f, estimand="ATE"),
    "augmented_survival": doubly_robust,
    "piecewise": lambda c, f: piecewise_hazard_ratio(**arms(c), cuts=[4.0], frequency=f),
    "piecewise, covariates": lambda c, f: piecewise_hazard_ratio(
        **arms(c), cuts=[3.0, 5.0], covariates=c["x"], offset=c["offset"], minimum_events=4, frequency=f
    ),
    "piecewise, weighted": lambda c, f: piecewise_hazard_ratio(
        **arms(c), cuts=[4.0], covariates=c["x"], weight=c["weight"], frequency=f
    ),
    "piecewise, crossed": lambda c, f: piecewise_hazard_ratio(
        **arms(c, **clustered(c)), cuts=[4.0], ties="breslow", frequency=f
    ),
    "cox, crossed clusters": crossed_cox,
    "cox, prediction": lambda c, f: predict_survival(cox(c, f), covariates=[[0.0, 0.5], [1.0, -1.0]]),
    "zph, robust": lambda c, f: robust_proportional_hazards_test(cox(c, f, weight=c["weight"])),
    "schoenfeld": lambda c, f: scaled_schoenfeld(cox(c, f), term="x1"),
    "schoenfeld, smooth": lambda c, f: smooth_schoenfeld(scaled_schoenfeld(cox(c, f), term="x2")),
    "mean_and_variance": lambda c, f: np.array(mean_and_variance(c["value"], None, f)),
    "mean_and_variance, weighted": lambda c, f: np.array(mean_and_variance(c["value"], c["weight"], f)),
    "count_rows": counted_rows,
    "student": lambda c, f: t_test(values=c["value"], treated=c["arm"], equal_variances=True, frequency=f),
}
OF_CHECKED_ARRAYS = (
    "kolmogorov_smirnov",
    "quartiles",
    "mean_and_variance",
    "mean_and_variance, weighted",
    "count_rows",
)
SLOW: dict[str, Callable[[Columns, Any], Any]] = {
    "exact_cox": lambda c, f: fit_exact_cox(**survival(c), covariates=c["x"], frequency=f),
    "firth_logistic": lambda c, f: fit_firth_logistic(outcome=c["arm"], covariates=c["x"], frequency=f),
    "firth_cox": lambda c, f: fit_firth_cox(**survival(c), covariates=c["x"], frequency=f),
}


def compare(kernel: Callable[[Columns, Any], Any], seed: int, tolerance: float) -> None:
    columns, frequency = sample(seed)
    copies = np.repeat(np.arange(frequency.size), frequency)
    expanded = {name: column[copies] for name, column in columns.items()}
    try:
        want = numbers(kernel(expanded, None))
    except NotEstimableError as refused:
        with pytest.raises(NotEstimableError) as caught:
            kernel(columns, frequency)
        said = [str(error).partition(" (furthest off")[0] for error in (caught.value, refused)]  # two may be as far
        assert said[0] == said[1]
        return
    found = numbers(kernel(columns, frequency))
    assert found.keys() == want.keys()
    for name, value in want.items():
        size = max(1.0, float(np.abs(value[np.isfinite(value)]).max(initial=0.0)))
        np.testing.assert_allclose(found[name] / size, value / size, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_frequency_stands_for_identical_rows(kernel, seed):
    compare(KERNELS[kernel], seed, SAME)


@pytest.mark.parametrize("kernel", SLOW)
@pytest.mark.parametrize("seed", [1, 2])
def test_frequency_stands_for_identical_rows_in_slow_fits(kernel, seed):
    compare(SLOW[kernel], seed, PROFILES)


def test_nelson_aalen_gives_identical_rows_one_hazard():
    columns, frequency = sample(3)
    copies = np.repeat(np.arange(frequency.size), frequency)
    want = nelson_aalen(time=columns["time"][copies], event=columns["event"][copies])
    found = nelson_aalen(time=columns["time"], event=columns["event"], frequency=frequency)
    np.testing.assert_allclose(found[copies], want, rtol=SAME)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_balancing_weights_give_identical_patients_one_weight(estimand):
    columns, frequency = sample(4)
    copies = np.repeat(np.arange(frequency.size), frequency)
    options = {"estimand": estimand, "stabilised": estimand == "ATE", "truncate_quantiles": (0.05, 0.9)}
    want = balancing_weights(score=columns["score"][copies], treated=columns["arm"][copies], **options)
    found = balancing_weights(score=columns["score"], treated=columns["arm"], frequency=frequency, **options)
    np.testing.assert_allclose(found.weight[copies], want.weight, rtol=SAME)


@pytest.mark.parametrize(("estimand", "moments"), [("ATT", 1), ("ATC", 2), ("ATE", 1)])
def test_entropy_balancing_gives_identical_patients_one_weight(estimand, moments):
    columns, frequency = sample(4)
    copies = np.repeat(np.arange(frequency.size), frequency)
    options = {"estimand": estimand, "moments": moments}
    want = entropy_balancing(covariates=columns["x"][copies], treated=columns["arm"][copies], **options)
    found = entropy_balancing(covariates=columns["x"], treated=columns["arm"], frequency=frequency, **options)
    np.testing.assert_allclose(found.weight[copies], want.weight, rtol=SAME)


def test_every_kernel_with_a_frequency_is_tested_here():
    """Every public function of ``statistics`` whose arguments go by name and that takes a frequency."""
    asked = {
        name
        for module in pkgutil.iter_modules(statistics.__path__)
        for name, found in vars(importlib.import_module(f"twoarm.statistics.{module.name}")).items()
        if inspect.isfunction(found) and not name.startswith("_") and found.__module__.endswith(module.name)
        for parameters in [inspect.signature(found).parameters]
        if "frequency" in parameters and parameters["frequency"].kind is inspect.Parameter.KEYWORD_ONLY
    }
    inside = {"build_risk_sets", "build_firth_fit", "censoring_survival"}  # parts of kernels that are tested
    here = Path(__file__).read_text("utf-8")
    assert [name for name in sorted(asked - inside) if f"{name}(" not in here] == []
    assert asked > {"fit_cox", "balancing_weights", "log_rank", "fit_logistic"}


OF_PATIENTS = {"time", "event", "treated", "outcome", "values", "levels", "group", "score", "exits", "observed"}
ONE_BY_ONE = {"match_nearest", "match_optimal", "draw_pmm", "draw_logistic", "draw_polytomous", "draw_ordinal"}
NO_NEED = {
    "at_landmark",  # marks rows, whatever they stand for
    "augmented_survival",  # its models say how often
    "survival_influence",  # of one patient each, by a curve that counted them
    "area_influence",
    "patient_order",
    "extend_risk_sets",  # whose weights hold it
}


def test_every_kernel_of_patients_takes_a_frequency():
    """A new statistic cannot forget it: every function with an array of patients by name, but for those listed."""
    without = {
        name
        for module in pkgutil.iter_modules(statistics.__path__)
        for name, found in vars(importlib.import_module(f"twoarm.statistics.{module.name}")).items()
        if inspect.isfunction(found) and not name.startswith("_") and found.__module__.endswith(f".{module.name}")
        for parameters in [inspect.signature(found).parameters]
        if "frequency" not in parameters
        and any(
            one.name in OF_PATIENTS
            and one.kind is inspect.Parameter.KEYWORD_ONLY
            and "float" not in str(one.annotation)
            for one in parameters.values()
        )
    }
    assert without == ONE_BY_ONE | NO_NEED


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-2, 2), st.sampled_from("abc"), st.booleans()), min_size=1, max_size=40))
def test_collapsed_rows_are_the_counted_rows_in_order(rows):
    columns = [[row[j] for row in rows] for j in range(3)]
    found = collapse_rows(columns)
    assert [rows[i] for i in found.row.tolist()] == sorted(set(rows))
    assert found.frequency.tolist() == [rows.count(row) for row in sorted(set(rows))]
    assert [rows[found.row[place]] for place in found.place.tolist()] == rows
    assert found.row.tolist() == [rows.index(row) for row in sorted(set(rows))]


def test_frequencies_are_whole_numbers_of_at_least_one():
    columns, frequency = sample(0)
    for kernel in (*KERNELS.values(), *SLOW.values()):
        if kernel in [KERNELS[name] for name in OF_CHECKED_ARRAYS]:
            continue
        for bad in (frequency * 0, frequency + 0.5, frequency[1:]):
            with pytest.raises(ValueError, match="frequency: "):
                kernel(columns, bad)
