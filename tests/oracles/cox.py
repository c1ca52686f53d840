"""The Cox partial likelihood by double loops: likelihood, score, information and score residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Sample:
    """Patients with covariates (n, p); frequencies are expanded to rows before."""

    time: np.ndarray
    event: np.ndarray
    x: np.ndarray
    entry: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, time: Any, event: Any, x: Any, entry: Any = None, stratum: Any = None, weight: Any = None) -> Sample:
        time = np.asarray(time, dtype=float)
        x = np.asarray(x, dtype=float).reshape(time.size, -1)
        entry = np.full(time.size, -np.inf) if entry is None else np.asarray(entry, dtype=float)
        stratum = np.zeros(time.size) if stratum is None else np.asarray(stratum)
        weight = np.ones(time.size) if weight is None else np.asarray(weight, dtype=float)
        return cls(time, np.asarray(event, dtype=bool), x, entry, stratum, weight)

    def event_times(self) -> list[tuple[Any, float]]:
        deaths = self.event & (self.weight > 0)
        return sorted({(s, t) for s, t in zip(self.stratum[deaths], self.time[deaths], strict=True)})

    def risk_and_dead(self, s: Any, t: float) -> tuple[np.ndarray, np.ndarray]:
        risk = (self.stratum == s) & (self.entry < t) & (t <= self.time)
        return risk, risk & self.event & (self.time == t) & (self.weight > 0)


@dataclass
class Likelihood:
    log_likelihood: float
    score: np.ndarray
    information: np.ndarray
    residuals: np.ndarray  # score residuals without the patient's own weight, (n, p)


def likelihood(sample: Sample, beta: Any, ties: str) -> Likelihood:
    """One step a tied death under Efron; one step with all of them under Breslow."""
    beta = np.asarray(beta, dtype=float)
    n, p = sample.x.shape
    hazard = np.exp(sample.x @ beta)
    out = Likelihood(0.0, np.zeros(p), np.zeros((p, p)), np.zeros((n, p)))
    for s, t in sample.event_times():
        risk, dead = sample.risk_and_dead(s, t)
        for i in np.flatnonzero(dead):
            out.log_likelihood += sample.weight[i] * float(sample.x[i] @ beta)
            out.score += sample.weight[i] * sample.x[i]
        tied = int(dead.sum()) if ties == "efron" else 1
        for step in range(tied):
            _step(sample, out, hazard, risk, dead, step / tied, 1 / tied)
    return out


def _step(
    sample: Sample,
    out: Likelihood,
    hazard: np.ndarray,
    risk: np.ndarray,
    dead: np.ndarray,
    removed: float,
    share: float,
) -> None:
    """A step carries ``share`` of the deaths' weight, ``removed`` of each death having left the risk set."""
    present = np.where(risk, np.where(dead, 1 - removed, 1.0), 0.0)
    theta = sample.weight * hazard * present
    total = theta.sum()
    mean = theta @ sample.x / total
    centred = sample.x - mean
    weight = share * sample.weight[dead].sum()
    out.log_likelihood -= weight * np.log(total)
    out.score -= weight * mean
    out.information += weight * (centred.T * theta) @ centred / total
    out.residuals += np.where(dead, share, 0.0)[:, None] * centred
    out.residuals -= (weight / total * present * hazard)[:, None] * centred


def maximise(sample: Sample, ties: str, iterations: int = 100) -> np.ndarray:
    """Newton-Raphson with halving from zero."""
    beta = np.zeros(sample.x.shape[1])
    current = likelihood(sample, beta, ties)
    for _ in range(iterations):
        step = np.linalg.solve(current.information, current.score)
        following = likelihood(sample, beta + step, ties)
        while following.log_likelihood < current.log_likelihood - 1e-12 * abs(current.log_likelihood):
            step = step / 2
            following = likelihood(sample, beta + step, ties)
        beta, current = beta + step, following
        if np.abs(step).max() < 1e-13:
            break
    return beta


def robust_covariance(sample: Sample, beta: Any, ties: str, cluster: Any = None) -> np.ndarray:
    """Lin and Wei's sandwich: weighted score residuals summed within clusters."""
    at = likelihood(sample, beta, ties)
    inverse = np.linalg.inv(at.information)
    labels = np.arange(sample.time.size) if cluster is None else np.asarray(cluster)
    weighted = at.residuals * sample.weight[:, None]
    sums = np.array([weighted[labels == label].sum(axis=0) for label in np.unique(labels)])
    return inverse @ sums.T @ sums @ inverse
