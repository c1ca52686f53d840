"""Times the kernels on generated patients, beside R where Rscript is there.

    python benchmarks/kernels.py [rows]

Data: 8 binary and 4 continuous covariates, times in whole days, some 40 % events. Each figure is the best of three
runs of the fit alone; R's is the elapsed time that R reports for the fit alone, on the same file. Ratios are of one run
of this script on one machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from twoarm.statistics.concordance import concordance
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.linear_algebra import one_thread
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.nearest_neighbour import match_nearest

R_SCRIPT = """
suppressMessages(library(survival)); d <- read.csv(commandArgs(TRUE)[1]); x <- paste0("x", 1:12, collapse = "+")
s <- function(e) min(sapply(1:3, function(i) system.time(eval(e))[["elapsed"]]))
f <- as.formula(paste("Surv(time, event) ~", x)); g <- as.formula(paste("arm ~", x))
cat(sprintf('{"cox": %f, "logistic": %f, "kaplan_meier": %f, "log_rank": %f}',
  s(quote(coxph(f, d))), s(quote(glm(g, binomial, d))), s(quote(survfit(Surv(time, event) ~ 1, d))),
  s(quote(survdiff(Surv(time, event) ~ arm, d)))))
"""


def patients(n: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(20_250_101)
    x = np.column_stack([generator.random((n, 8)) < 0.3, generator.normal(size=(n, 4))]).astype(float)
    arm = generator.random(n) < 1 / (1 + np.exp(1 - x @ np.linspace(-0.3, 0.4, 12)))
    hazard = np.exp(x @ np.linspace(-0.2, 0.3, 12) - 0.3 * arm)
    event_time, censoring = generator.exponential(1500 / hazard), generator.uniform(100, 2000, n)
    time_ = np.ceil(np.minimum(event_time, censoring))
    return {"x": x, "arm": arm, "time": time_, "event": event_time <= censoring}


def best_of(runs: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def ours(data: dict[str, np.ndarray]) -> dict[str, float]:
    outcome = {"time": data["time"], "event": data["event"]}
    logit = np.round(fit_logistic(outcome=data["arm"], covariates=data["x"]).linear_predictor, 10)
    caliper = 0.2 * float(np.std(logit, ddof=1))

    def match(order: str) -> Callable[[], object]:
        return lambda: match_nearest(score=logit, focal=data["arm"], caliper=caliper, order=order)  # type: ignore[arg-type]

    return {
        "cox": best_of(3, lambda: fit_cox(**outcome, covariates=data["x"])),
        "logistic": best_of(3, lambda: fit_logistic(outcome=data["arm"], covariates=data["x"])),
        "kaplan_meier": best_of(3, lambda: fit_kaplan_meier(**outcome)),
        "log_rank": best_of(3, lambda: log_rank(**outcome, arm=data["arm"])),
        "concordance": best_of(1, lambda: concordance(**outcome, risk=data["x"][:, 11])),
        "matching, largest first": best_of(1, match("largest")),
        "matching, closest first": best_of(1, match("closest")),
    }


def with_r(data: dict[str, np.ndarray]) -> dict[str, float]:
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "patients.csv", Path(folder) / "time.R"
        columns = np.column_stack([data["time"], data["event"], data["arm"], data["x"]])
        header = ",".join(["time", "event", "arm", *(f"x{j + 1}" for j in range(12))])
        np.savetxt(path, columns, delimiter=",", fmt="%.7g", header=header, comments="")
        script.write_text(R_SCRIPT)
        done = subprocess.run(["Rscript", str(script), str(path)], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in json.loads(done.stdout).items()}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    data = patients(n)
    with one_thread():
        mine = ours(data)
    theirs = with_r(data)
    print(f"{n:,} patients, 12 covariates\n{'':28}{'twoarm, s':>12}{'R, s':>10}{'ratio':>8}")
    for name, seconds in mine.items():
        r = theirs.get(name)
        print(f"{name:28}{seconds:12.2f}" + (f"{r:10.2f}{r / seconds:8.1f}" if r else ""))


if __name__ == "__main__":
    main()
