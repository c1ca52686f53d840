"""The same bytes at a size where threads matter, whatever the order of rows and columns, the place and the language."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

N = 300_000

PROTOCOL = """\
format_version = 1
title = "Many patients"
seed = 3
data_cutoff = 2024-12-31

[data.patients]
file = "patients.csv"
key = "id"
columns = { id = "text", arm = "boolean", age = "number", stage = "text", marker = "number", start = "date", death = "date", last = "date" }

[populations.study]
label = "Everybody"
time_zero = "start"

[populations.study.arms]
column = "arm"
treated = { value = true, label = "New" }
comparator = { value = false, label = "Old" }

[covariates]
age = { kind = "continuous" }
stage = { kind = "categorical", levels = ["I", "II", "III"] }
marker = { kind = "continuous" }

[endpoints.os]
label = "Overall survival"
events = ["death"]
censoring = ["last"]

[adjustments.multivariable]
kind = "multivariable"

[adjustments.matched]
kind = "matching"

[subgroups]
variables = ["stage"]

[output]
figures = ["svg"]
"""

PLACES = {
    "as it is": {},
    "one thread, Shanghai": {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TWOARM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
        "TZ": "Asia/Shanghai",
    },
    "many threads, another hash": {
        "OMP_NUM_THREADS": "4",
        "OPENBLAS_NUM_THREADS": "4",
        "TWOARM_THREADS": "4",
        "POLARS_MAX_THREADS": "4",
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "TZ": "America/New_York",
    },
}


def _patients() -> pl.DataFrame:
    generator = np.random.default_rng(20)
    age = generator.normal(62, 10, N).round(2)
    stage = generator.choice(["I", "II", "III"], N, p=[0.5, 0.3, 0.2])
    marker = generator.gamma(2.0, 1.7, N).round(4)
    arm = generator.random(N) < 1 / (1 + np.exp(2.2 - 0.01 * (age - 62) - 0.2 * (stage == "III")))
    start = np.datetime64("2015-01-01") + generator.integers(0, 3000, N).astype("timedelta64[D]")
    days = np.ceil(generator.exponential(900 / (1 + 0.3 * (stage == "III") - 0.2 * arm), N)).astype("timedelta64[D]")
    watched = generator.integers(30, 2500, N).astype("timedelta64[D]")
    died = days <= watched
    return pl.DataFrame(
        {
            "id": [f"P{i:07d}" for i in range(N)],
            "arm": arm,
            "age": age,
            "stage": stage,
            "marker": marker,
            "start": start,
            "death": np.where(died, start + days, np.datetime64("NaT")),
            "last": start + np.where(died, days, watched),
        }
    )


def _hashes(folder: Path, frame: pl.DataFrame, environment: dict[str, str]) -> dict[str, str]:
    folder.mkdir()
    frame.write_csv(folder / "patients.csv")
    (folder / "study.toml").write_text(PROTOCOL, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "twoarm", "run", "study.toml", "--out", "report", "--quiet"],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    outputs: dict[str, str] = json.loads((folder / "report" / "manifest.json").read_text("utf-8"))["outputs"]
    return outputs


@pytest.mark.slow
def test_the_same_patients_give_the_same_bytes(tmp_path: Path) -> None:
    frame = _patients()
    first = _hashes(tmp_path / "0", frame, PLACES["as it is"])
    for number, (place, environment) in enumerate(PLACES.items(), start=1):
        moved = frame.sample(fraction=1.0, shuffle=True, seed=number).select(
            sorted(frame.columns, reverse=bool(number % 2))
        )
        found = _hashes(tmp_path / str(number), moved, environment)
        assert [name for name in first.keys() | found.keys() if first.get(name) != found.get(name)] == [], place
