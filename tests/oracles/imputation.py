"""Every fifth patient of rotterdam with the deletions of the reference, and its Cox regression, as in the R script."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.stored import Table, read_data
from twoarm.statistics.chained_equations import ImputationVariable, ImputedValues, impute
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.nelson_aalen import nelson_aalen

METHODS = {
    "pmm": "pmm",
    "logreg": "logistic",
    "polyreg": "polytomous",
    "nominal": "polytomous",  # polyreg with drawn coefficients
    "polr": "ordinal",
    "ordered": "ordinal",  # polr with drawn coefficients
}
LEVELS = {"log_er": 0, "meno": 2, "size": 3}
ORDER = ["log_er", "log_nodes", "age", "meno", "size", "grade"]


def patients() -> Table:
    data = {name: values[::5] for name, values in read_data("rotterdam").items()}
    sizes = np.array(["<=20", "20-50", ">50"])
    return {
        "log_er": np.log1p(data["er"]),
        "log_nodes": np.log1p(data["nodes"]),
        "age": data["age"],
        "meno": data["meno"],
        "size": (data["size"][:, None] == sizes).argmax(axis=1).astype(np.float64),
        "grade": data["grade"],
        "hormon": data["hormon"],
        "death": data["death"],
        "hazard": nelson_aalen(time=data["dtime"], event=data["death"]),
        "dtime": data["dtime"],
    }


def imputed(data: Table, case: dict[str, Any], m: int, seed: int) -> ImputedValues:
    variables = []
    for name in ORDER:
        values = data[name].copy()
        values[case["rows"].get(name, [])] = np.nan
        method = METHODS[case["methods"].get(name, "pmm")]
        variables.append(ImputationVariable(name, values, LEVELS.get(name, 0), method))
    outcome = ["hormon", "death", "hazard"]
    return impute(
        variables=variables,
        predictors=np.column_stack([data[name] for name in outcome]),
        names=outcome,
        generators=np.random.default_rng(seed).spawn(m),
        iterations=case["iterations"],
    )


def completed(data: Table, made: ImputedValues, imputation: int) -> Table:
    whole = {name: values.copy() for name, values in data.items()}
    for name, rows in made.rows.items():
        whole[name][rows] = made.values[name][imputation]
    return whole


def analysis(data: Table) -> np.ndarray:
    small, large = data["size"] == 1, data["size"] == 2
    x = np.column_stack([data["log_er"], data["log_nodes"], data["meno"], small, large])
    fit = fit_cox(time=data["dtime"], event=data["death"], covariates=x)
    means = [data["log_er"].mean(), data["meno"].mean(), small.mean(), large.mean()]
    return np.concatenate([fit.coefficients, means])
