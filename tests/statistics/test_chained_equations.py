"""Chained equations: mice on the same deletions, the truth before them, order of visits, odd samples, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles import imputation as oracle
from oracles.stored import floats, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.chained_equations import ImputationVariable, impute

CASES = reference("chained_equations")["cases"]
IDS = [case["label"] for case in CASES]
M = 150
# Means over imputations are compared in their Monte Carlo standard errors, sqrt(B / m) on both sides. With 29 terms in
# all, 4 of them are passed by chance once in 540 seeds
MONTE_CARLO = 4
# The log of a ratio of two variances has standard error sqrt(2 / (m - 1) + 2 / (m' - 1)), about 0.15
SPREAD = 4
# The truth before deletion lies within 3 between-imputation standard deviations of the mean (1 in 370 for each term)
TRUTH = 3


def column(name, *values, levels=0, method="pmm"):
    return ImputationVariable(name, np.array(values, dtype=float), levels, method)


def generators(m, seed=1):
    return np.random.default_rng(seed).spawn(m)


@pytest.fixture(scope="module")
def patients():
    return oracle.patients()


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_as_mice(case, patients):
    made = oracle.imputed(patients, case, M, seed=20)
    found = np.array([oracle.analysis(oracle.completed(patients, made, i)) for i in range(M)])
    mean, variance = found.mean(axis=0), found.var(axis=0, ddof=1)
    theirs, their_variance, truth = floats(case["mean"]), floats(case["variance"]), floats(case["truth"])
    np.testing.assert_allclose(oracle.analysis(patients), truth, rtol=1e-7)  # the same data and analysis
    drawn = np.isin(case["terms"], case["concerns"])
    error = np.sqrt(variance / M + their_variance / case["m"])
    assert (np.abs(mean - theirs) / error)[drawn].max() < MONTE_CARLO
    assert (np.abs(mean - truth) / np.sqrt(variance))[drawn].max() < TRUTH
    log_ratio = np.log(variance[drawn] / their_variance[drawn])
    chance = SPREAD * np.sqrt(2 / (M - 1) + 2 / (case["m"] - 1))
    # polyreg and polr draw no coefficients, so that mice's imputations vary less than ours
    bound = np.inf if {"polyreg", "polr"} & set(case["methods"].values()) else chance
    assert log_ratio.min() > -chance
    assert log_ratio.max() < bound


def test_the_comparison_tells_a_wrong_model(patients):
    # the same values dealt out at random among those who lack one: what mice finds is then far away
    case = CASES[IDS.index("three levels by ordinal")]
    made = oracle.imputed(patients, case, M, seed=20)
    found = []
    for dealt in np.random.default_rng(1).permuted(made.values["size"], axis=1):
        whole = {**patients, "size": patients["size"].copy()}
        whole["size"][made.rows["size"]] = dealt
        found.append(oracle.analysis(whole))
    term = case["terms"].index("cox size 20-50")
    values = np.array(found)[:, term]
    error = np.sqrt(values.var(ddof=1) / M + case["variance"][term] / case["m"])
    assert abs(values.mean() - case["mean"][term]) / error > 1.5 * MONTE_CARLO


def test_an_imputation_depends_on_its_own_generator_only(patients):
    case = CASES[-1]
    few, more = (oracle.imputed(patients, case, m, seed=3) for m in (2, 4))
    for name in few.rows:
        assert few.values[name].tobytes() == more.values[name][:2].tobytes()
        assert few.chain_means[name].tobytes() == more.chain_means[name][:2].tobytes()
    assert not np.array_equal(more.values["size"][2], more.values["size"][3])


def test_shapes_rows_and_chains(patients):
    case = CASES[-1]
    made = oracle.imputed(patients, case, 3, seed=3)
    assert {name: rows.tolist() for name, rows in made.rows.items()} == {
        name: case["rows"][name] for name in ("meno", "size", "log_er")
    }
    for name, values in made.values.items():
        assert values.shape == (3, len(case["rows"][name]))
        assert made.chain_means[name].shape == made.chain_sds[name].shape == (3, case["iterations"])
        assert made.chain_means[name][:, -1] == pytest.approx(values.mean(axis=1), rel=1e-12)
        assert made.chain_sds[name][:, -1] == pytest.approx(values.std(axis=1, ddof=1), rel=1e-12)
    assert set(np.unique(made.values["size"])) == {0, 1, 2}


def test_the_least_missing_is_visited_first():
    nan = np.nan
    variables = [
        column("most", nan, nan, nan, 4, 5, 6),
        column("complete", 1, 2, 3, 4, 5, 6),
        column("tied second", 1, nan, 3, nan, 5, 6),
        column("tied first", 1, nan, 3, 4, nan, 6),
        column("least", 1, 2, 3, 4, 5, nan),
    ]
    made = impute(variables=variables, predictors=np.empty((6, 0)), names=[], generators=generators(1))
    assert list(made.rows) == ["least", "tied second", "tied first", "most"]


def test_inputs_are_left_alone_and_units_do_not_matter(patients):
    case = CASES[0]
    values = patients["log_er"].copy()
    values[case["rows"]["log_er"]] = np.nan
    x = np.column_stack([patients["age"], patients["grade"], patients["death"]])
    before = values.copy(), x.copy()
    made = [
        impute(
            variables=[ImputationVariable("er", values, 0, "pmm")],
            predictors=x * scale,
            names=["age", "grade", "death"],
            generators=generators(2),
            iterations=1,
        )
        for scale in ([1, 1, 1], [1024, 0.125, 4])  # powers of two round alike
    ]
    assert np.array_equal(values, before[0], equal_nan=True)
    assert np.array_equal(x, before[1])
    assert made[0].values["er"].tolist() == made[1].values["er"].tolist()


def test_a_single_missing_value_has_no_spread():
    made = impute(
        variables=[column("x", 1, 2, np.nan, 4)], predictors=[0, 1, 0, 1], names=["arm"], generators=generators(2)
    )
    assert np.isnan(made.chain_sds["x"]).all()
    assert np.isfinite(made.chain_means["x"]).all()


def test_nothing_missing_is_nothing_to_do():
    made = impute(variables=[column("x", 1, 2, 3)], predictors=[0, 1, 0], names=["arm"], generators=generators(2))
    assert (made.rows, made.values) == ({}, {})


def test_tiny_and_degenerate_samples_get_finite_values():
    nan = np.nan
    variables = [
        column("number", 1, nan, 3, nan, 2),
        column("same", 7, 7, nan, 7, 7),
        column("copy", 1, nan, 3, 4, nan),
        column("two", 0, 1, nan, nan, 1, levels=2, method="logistic"),
        column("one seen", nan, 1, nan, nan, nan, levels=2, method="logistic"),
        column("three", 0, nan, 2, nan, 0, levels=3, method="polytomous"),
        column("ordered", 0, nan, 2, 1, nan, levels=4, method="ordinal"),
    ]
    made = impute(
        variables=variables,
        predictors=np.column_stack([np.ones(5), np.arange(5)]),
        names=["c", "d"],
        generators=generators(5),
    )
    for variable in variables:
        assert np.isin(made.values[variable.name], variable.values).all()
    assert (made.values["one seen"] == 1).all()
    assert not (made.values["three"] == 1).any()


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"variables": []}, ArgumentError, "variables: found none"),
        ({"generators": []}, ArgumentError, "generators, iterations, donors"),
        ({"iterations": 0}, ArgumentError, "generators, iterations, donors"),
        ({"donors": 0}, ArgumentError, "generators, iterations, donors"),
        ({"predictors": [0, 1, np.nan, 1]}, ArgumentError, "predictors: found 1 missing"),
        ({"predictors": [0, 1, 1]}, ArgumentError, r"predictors: found shape \(3, 1\)"),
        ({"names": ["a", "b"]}, ArgumentError, "names: found 2 names; expected 1"),
        ({"names": ["x"]}, ArgumentError, "names: found a name twice"),
        ({"variables": [column("x", *[np.nan] * 4)]}, NotEstimableError, "x was observed in nobody"),
        ({"variables": [column("x", 1, 2, np.inf, np.nan)]}, ArgumentError, "x: found infinite"),
        ({"variables": [column("x", 0, 1, 2, np.nan, levels=2)]}, ArgumentError, "x: found codes outside 0 to 1"),
        ({"variables": [column("x", 0, 0.5, 1, 1, levels=2)]}, ArgumentError, "x: found codes outside"),
        ({"variables": [column("x", 1, 2, 3, np.nan, method="norm")]}, ArgumentError, "x: found method 'norm'"),
        (
            {"variables": [column("x", 0, 1, 2, np.nan, levels=3, method="logistic")]},
            ArgumentError,
            "x: found 3 levels; expected two",
        ),
        (
            {"variables": [column("x", 0, 1, 2, 3, method="ordinal")]},
            ArgumentError,
            "x: found a number; expected levels",
        ),
        (
            {"variables": [column("x", 1, 2, 3, np.nan), column("y", 1, 2, 3)]},
            ArgumentError,
            r"y: found shape \(3,\); expected \(4,\)",
        ),
    ],
)
def test_bad_arguments_are_named(changed, error, message):
    arguments = {
        "variables": [column("x", 1, 2, 3, np.nan)],
        "predictors": [0, 1, 0, 1],
        "names": ["arm"],
        "generators": generators(2),
    }
    with pytest.raises(error, match=message):
        impute(**{**arguments, **changed})
