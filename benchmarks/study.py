"""Times a whole study, from a Parquet file to its report, on generated patients, and writes a table.

    python benchmarks/study.py [--rows 100000 1000000] [--out bench-report]

The study: 8 binary and 4 continuous covariates, dates, 2 endpoints, 1:1 matching and a multivariable model beside the
arms as they are, subgroups of two variables, and every analysis and document that a protocol gives by default. Elapsed
seconds are by stage; processor seconds add up what all threads of both processes worked; peak memory is that of both
processes together, looked at five times a second.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from bench import machine
from kernels import patients

BINARY, CONTINUOUS = [f"b{j + 1}" for j in range(8)], [f"c{j + 1}" for j in range(4)]
COLUMNS = {"id": "text", "arm": "text", "centre": "text"}
COLUMNS |= dict.fromkeys(BINARY, "boolean") | dict.fromkeys(CONTINUOUS, "number")
COLUMNS |= dict.fromkeys(("start", "death_date", "progression", "last"), "date")
STUDY = """\
format_version = 1
title = "Generated patients"

[data.patients]
file = "patients.parquet"
key = "id"

[data.patients.columns]
{columns}

[populations.study]
label = "Everybody"
time_zero = "start"
criteria = [{{ label = "Started by August 2017", include = "start < 2017-09-01" }}]

[populations.study.arms]
column = "arm"
treated = {{ value = "new", label = "New" }}
comparator = {{ value = "old", label = "Old" }}

[covariates]
{covariates}

[endpoints.os]
label = "Overall survival"
primary = true
events = ["death_date"]
censoring = ["last"]

[endpoints.pfs]
label = "Progression-free survival"
events = ["progression", "death_date"]
censoring = ["last"]

[adjustments.matched]
kind = "matching"
order = "largest"

[adjustments.multivariable]
kind = "multivariable"

[subgroups]
variables = ["b1", "b2"]
"""


def write_study(folder: Path, rows: int) -> Path:
    """Write protocol and patients into a folder; return the protocol's path."""
    data, generator = patients(rows), np.random.default_rng(1)
    start = np.datetime64("2015-01-01") + generator.integers(0, 1000, rows).astype("timedelta64[D]")
    end = start + data["time"].astype("timedelta64[D]")
    progression = np.ceil(generator.exponential(700, rows))
    never = np.datetime64("NaT")
    columns: dict[str, Any] = {
        "id": pl.int_range(rows, eager=True).cast(pl.String).str.zfill(8),
        "arm": np.where(data["arm"], "new", "old"),
        "centre": pl.Series(generator.integers(0, 20, rows)).cast(pl.String),
    }
    columns |= {name: data["x"][:, j] == 1 for j, name in enumerate(BINARY)}
    columns |= {name: data["x"][:, 8 + j].round(3) for j, name in enumerate(CONTINUOUS)}
    columns |= {"start": start, "death_date": np.where(data["event"], end, never), "last": end}
    columns["progression"] = np.where(progression < data["time"], start + progression.astype("timedelta64[D]"), never)
    dates = [pl.col(name).cast(pl.Date) for name, kind in COLUMNS.items() if kind == "date"]
    pl.DataFrame(columns).with_columns(dates).write_parquet(folder / "patients.parquet")
    kinds = [f'{name} = {{ kind = "categorical", levels = [false, true] }}' for name in BINARY]
    kinds += [f'{name} = {{ kind = "continuous" }}' for name in CONTINUOUS]
    declared = "\n".join(f'{name} = "{kind}"' for name, kind in COLUMNS.items())
    study = folder / "study.toml"
    study.write_text(STUDY.format(columns=declared, covariates="\n".join(kinds)))
    return study


def held(process: int) -> int:
    """Return the bytes of memory that a process and its children hold."""
    total = 0
    waiting = [process]
    while waiting:
        place = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in (place / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has ended, or the system has no such files
            continue
    return total


def run(study: Path, out: Path) -> dict[str, Any]:
    """Run a study in a process of its own; return its stages, seconds, processor seconds and peak memory."""
    command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(out)]
    before, start, peak = os.times(), time.perf_counter(), 0
    with (out.parent / "progress").open("w+") as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        while process.poll() is None:
            peak = max(peak, held(process.pid))
            time.sleep(0.2)
        seconds, after = time.perf_counter() - start, os.times()
        told.seek(0)
        lines = told.read()
    if process.returncode:
        raise SystemExit(lines)
    worked = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return {"seconds": seconds, "worked": worked, "peak": peak, "stages": list(stages(lines, seconds))}


def stages(told: str, end: float) -> Iterator[tuple[str, float]]:
    """Yield each stage and its seconds, of what a run says on standard error."""
    found = [(float(at), name) for at, name in re.findall(r"^\[ *([\d.]+) s\] (\S.*)$", told, re.MULTILINE)]
    for (at, name), (until, _) in zip(found, [*found[1:], (end, "")], strict=True):
        yield name, until - at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=Path("bench-report"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [machine(), "", "| patients | s | processor s | peak memory, MB | by stage |", "|---:|---:|---:|---:|---|"]
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            found = run(write_study(Path(folder), rows), Path(folder) / "report")
        by_stage = "; ".join(f"{name}: {seconds:.1f}" for name, seconds in found["stages"])
        cells = [
            f"{rows:,}",
            f"{found['seconds']:.1f}",
            f"{found['worked']:.1f}",
            f"{found['peak'] / 1e6:.0f}",
            by_stage,
        ]
        lines.append("| " + " | ".join(cells) + " |")
        (options.out / "study.md").write_text("\n".join(lines) + "\n")
    print((options.out / "study.md").read_text())


if __name__ == "__main__":
    main()
