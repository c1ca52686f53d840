"""Times the kernels at several sizes beside R and lifelines, where they are installed, and writes a table and a plot.

    python benchmarks/bench.py [--rows 10000 100000 1000000] [--methods METHOD ...] [--repeats 3]
                               [--r-rows 1000000] [--lifelines-rows 100000] [--out bench-report]

Data: 8 binary and 4 continuous covariates, times in whole days, some 40 % events; no two rows are equal, so nothing is
collapsed. Every method runs in a process of its own, in turns with R and lifelines on the same columns, and each time
is the best of all repeats: on a busy machine the best is the nearest to what it can do. Elapsed seconds use all cores;
processor seconds add up what all threads worked, and suffer less from what else runs. Peak memory is that of
the process, the generated data (the columns of the table below) included. Start-up and reading are not in the seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from kernels import patients

Data = dict[str, np.ndarray]
METHODS = (
    "Cox",
    "Cox, clustered",
    "logistic",
    "matching, largest first",
    "matching, closest first",
    "matching, random order",
    "balance",
    "log-rank",
    "Kaplan-Meier",
)
R_METHODS = {
    "Cox": "coxph(f, d)",
    "logistic": "glm(g, binomial, d)",
    "matching, largest first": 'MatchIt::matchit(g, d, link = "linear.logit", caliper = .2, m.order = "largest")',
    "matching, closest first": 'MatchIt::matchit(g, d, link = "linear.logit", caliper = .2, m.order = "closest")',
    "matching, random order": 'MatchIt::matchit(g, d, link = "linear.logit", caliper = .2, m.order = "random")',
    "balance": "balance(d)",
    "log-rank": "survdiff(Surv(time, event) ~ arm, d)",
    "Kaplan-Meier": "survfit(Surv(time, event) ~ 1, d)",
}
R_SCRIPT = """
suppressMessages(library(survival)); a <- commandArgs(TRUE); n <- as.numeric(a[2])
v <- readBin(a[1], "double", 15 * n); d <- as.data.frame(matrix(v, n)); rm(v)
names(d) <- c("time", "event", "arm", paste0("x", 1:12)); x <- paste0("x", 1:12, collapse = "+")
f <- as.formula(paste("Surv(time, event) ~", x)); g <- as.formula(paste("arm ~", x))
ks <- function(v, t) { o <- order(v); s <- t[o]; last <- !duplicated(v[o], fromLast = TRUE)
  max(abs(cumsum(s) / sum(s) - cumsum(1 - s) / sum(1 - s))[last]) }
balance <- function(d) { t <- d$arm == 1
  smd <- sapply(paste0("x", 1:12), function(j) { p <- d[[j]][t]; q <- d[[j]][!t]
    (mean(p) - mean(q)) / sqrt((var(p) + var(q)) / 2) })
  c(smd, sapply(paste0("x", 9:12), function(j) ks(d[[j]], d$arm))) }
e <- parse(text = a[3])[[1]]
for (i in seq_len(as.integer(a[4]))) { s <- system.time(eval(e)); cat(s[["elapsed"]], s[[1]] + s[[2]], "") }
"""


def work(method: str, data: Data) -> Callable[[], object]:
    """Return the call that is timed."""
    from twoarm.statistics.cox import fit_cox
    from twoarm.statistics.kaplan_meier import fit_kaplan_meier
    from twoarm.statistics.log_rank import log_rank
    from twoarm.statistics.logistic import fit_logistic
    from twoarm.statistics.nearest_neighbour import match_nearest
    from twoarm.statistics.standardised_difference import continuous_difference, kolmogorov_smirnov

    x, arm = data["x"], data["arm"]
    outcome = {"time": data["time"], "event": data["event"]}

    def matched(order: str) -> object:
        logit = fit_logistic(outcome=arm, covariates=x).linear_predictor
        caliper = 0.2 * float(np.std(logit, ddof=1))
        generator = np.random.default_rng(1)
        return match_nearest(score=logit, focal=arm, caliper=caliper, order=order, generator=generator)  # type: ignore[arg-type]

    def balance() -> object:
        return [continuous_difference(values=x[:, j], treated=arm) for j in range(12)] + [
            kolmogorov_smirnov(x[:, j], arm) for j in range(8, 12)
        ]

    return {
        "Cox": lambda: fit_cox(**outcome, covariates=x),
        "Cox, clustered": lambda: fit_cox(**outcome, covariates=x, cluster=np.arange(arm.size) // 2),
        "logistic": lambda: fit_logistic(outcome=arm, covariates=x),
        "matching, largest first": lambda: matched("largest"),
        "matching, closest first": lambda: matched("closest"),
        "matching, random order": lambda: matched("random"),
        "balance": balance,
        "log-rank": lambda: log_rank(**outcome, arm=arm),
        "Kaplan-Meier": lambda: fit_kaplan_meier(**outcome),
    }[method]


def with_lifelines(method: str, data: Data) -> Callable[[], object] | None:
    import lifelines
    import pandas as pd
    from lifelines.statistics import logrank_test

    times, event, arm = data["time"], data["event"], data["arm"]
    if method == "Cox":
        frame = pd.DataFrame(data["x"]).assign(time=times, event=event)
        return lambda: lifelines.CoxPHFitter().fit(frame, "time", "event")
    if method == "log-rank":
        return lambda: logrank_test(times[arm], times[~arm], event[arm], event[~arm])
    if method == "Kaplan-Meier":
        return lambda: lifelines.KaplanMeierFitter().fit(times, event)
    return None


def timed(what: Callable[[], object], repeats: int) -> list[float]:
    """Return the best elapsed and the best processor time, in seconds."""
    seconds = []
    for _ in range(repeats):
        start, work_start = time.perf_counter(), time.process_time()
        what()
        seconds.append((time.perf_counter() - start, time.process_time() - work_start))
    return [min(run[clock] for run in seconds) for clock in (0, 1)]


def peak_memory() -> int:
    """Return the most bytes this process held; the kernel's ``ru_maxrss`` would count those of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def child(kind: str, method: str, path: str, rows: int, repeats: int) -> None:
    columns = np.fromfile(path, dtype=np.float64).reshape(15, rows)
    data = {"time": columns[0], "event": columns[1] == 1, "arm": columns[2] == 1, "x": columns[3:].T}
    call = work(method, data) if kind == "ours" else with_lifelines(method, data)
    seconds = timed(call, repeats) if call else None
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def run_child(kind: str, method: str, path: Path, rows: int, repeats: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", kind, method, str(path), str(rows), str(repeats)]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]))


def run_r(script: Path, method: str, path: Path, rows: int, repeats: int) -> list[float] | None:
    command = ["Rscript", str(script), str(path), str(rows), R_METHODS[method], str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    parts = [float(part) for part in done.stdout.split()]
    return [min(parts[clock::2]) for clock in (0, 1)] if done.returncode == 0 else None


def measure(sizes: Sequence[int], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with_r, lifelines = shutil.which("Rscript") is not None, importlib.util.find_spec("lifelines") is not None
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "columns", Path(folder) / "time.R"
        script.write_text(R_SCRIPT)
        for rows in sizes:
            data = patients(rows)
            np.vstack([data["time"], data["event"], data["arm"], data["x"].T]).astype(np.float64).tofile(path)
            del data
            for method in options.methods:
                print(f"{rows:,} {method}", file=sys.stderr, flush=True)
                found = run_child("ours", method, path, rows, options.repeats)
                beside: dict[str, list[float] | None] = {"R": None, "lifelines": None}
                if with_r and method in R_METHODS and rows <= options.r_rows:
                    beside["R"] = run_r(script, method, path, rows, options.repeats)
                if lifelines and rows <= options.lifelines_rows:
                    beside["lifelines"] = run_child("lifelines", method, path, rows, 1)["seconds"]
                again = run_child("ours", method, path, rows, options.repeats)
                seconds = [min(pair) for pair in zip(found["seconds"], again["seconds"], strict=True)]
                yield {"rows": rows, "method": method, "seconds": seconds, "peak": found["peak"], **beside}


def table(results: Sequence[dict[str, Any]]) -> str:
    heads = ("rows", "method", "s", "processor s", "peak memory, MB", "R, s", "R, processor s", "R / twoarm, elapsed")
    heads += ("R / twoarm, processor", "lifelines, s", "lifelines / twoarm, elapsed")
    lines = ["| " + " | ".join(heads) + " |", "|---:|---|" + "---:|" * (len(heads) - 2)]
    for line in sorted(results, key=lambda line: (line["rows"], METHODS.index(line["method"]))):
        own, r, other = line["seconds"], line["R"], line["lifelines"]
        cells = [f"{line['rows']:,}", line["method"], f"{own[0]:.3f}", f"{own[1]:.3f}", f"{line['peak'] / 1e6:.0f}"]
        cells += [f"{r[0]:.2f}", f"{r[1]:.2f}", f"{r[0] / own[0]:.1f}", f"{r[1] / own[1]:.1f}"] if r else [""] * 4
        cells += [f"{other[0]:.2f}", f"{other[0] / own[0]:.1f}"] if other else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{model}, {os.cpu_count()} cores, {memory:.0f} GB; Python {platform.python_version()}"]
    parts += [f"{name} {version(name)}" for name in ("numpy", "scipy")]
    if importlib.util.find_spec("lifelines") is not None:
        parts.append(f"lifelines {version('lifelines')}")
    if shutil.which("Rscript"):
        asked = """cat("R", format(getRversion())); for (name in c("survival", "MatchIt"))
            if (requireNamespace(name, quietly = TRUE)) cat(",", name, format(packageVersion(name)))"""
        parts.append(subprocess.run(["Rscript", "-e", asked], capture_output=True, text=True).stdout)
    return ", ".join(parts) + f"; load at the start {os.getloadavg()[0]:.1f}"


def plot(results: Sequence[dict[str, Any]], out: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="patients", ylabel="seconds")
    for number, method in enumerate(dict.fromkeys(line["method"] for line in results)):
        own = sorted((line for line in results if line["method"] == method), key=lambda line: int(line["rows"]))
        axes.plot(
            [line["rows"] for line in own], [line["seconds"][0] for line in own], "o-", color=f"C{number}", label=method
        )
        slow = [line for line in own if line["R"] is not None]
        axes.plot([line["rows"] for line in slow], [line["R"][0] for line in slow], ":", color=f"C{number}")
    axes.set_title("twoarm (lines) and R (dotted), 12 covariates")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    for ending in ("svg", "png"):
        figure.savefig(out / f"scaling.{ending}", dpi=150, metadata={"Date": None} if ending == "svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS, metavar="METHOD")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--r-rows", type=int, default=1_000_000, help="R up to so many rows")
    parser.add_argument("--lifelines-rows", type=int, default=100_000, help="lifelines up to so many rows")
    parser.add_argument("--out", type=Path, default=Path("bench-report"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    about, results = machine(), []
    for line in measure(options.rows, options):
        results.append(line)
        (options.out / "benchmarks.md").write_text(f"{about}\n\n{table(results)}")
    plot(results, options.out)
    print((options.out / "benchmarks.md").read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        kind, method, path, rows, repeats = sys.argv[2:]
        child(kind, method, path, int(rows), int(repeats))
    else:
        main()
