"""Competing causes: samples as in references/competing.R, and Aalen-Johansen and Gray by counting over and over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.stored import Table, read_data

FOURTEEN: dict[str, Any] = {
    "time": [1, 2, 3, 4, 4, 4, 5, 5, 6, 8, 8, 9, 10, 12],
    "cause": [1, 2, 0, 1, 0, 0, 2, 1, 0, 0, 2, 0, 1, 0],
}
FOURTEEN_X = [5, 4, 3, 1, 2, 1, 1, 2, 2, 4, 6, 1, 2, 0]


def first_of(name: str) -> Table:
    """A sample with a first event of cause 1 or 2, or none (0), as ``first_of`` of competing.R."""
    data = dict(read_data(name))
    if name == "rotterdam":
        data = {key: values[read_data(name)["nodes"] > 0] for key, values in data.items()}
        relapse = data["recur"] == 1
        data["cause"] = np.where(relapse, 1, np.where(data["death"] == 1, 2, 0))
        data["time"] = np.where(relapse, data["rtime"], data["dtime"])
        data["months"] = 1 + np.floor(data["time"] / 91)
        return data | {"arm": data["hormon"], "site": data["grade"]}
    data["cause"] = np.where(data["event"] == 1, 1 + (data["id"] % 3 == 0), 0)
    data["months"] = 1 + np.floor(data["time"] / 10)
    return data


def incidence(
    time: Sequence[float], cause: Sequence[int], which: int, weight: Sequence[float] | None = None
) -> list[float]:
    """F of one cause at each distinct time, patients weighted."""
    w = [1.0] * len(time) if weight is None else weight
    survival, total, out = 1.0, 0.0, []
    for t in sorted(set(time)):
        risk = sum(w[i] for i in range(len(time)) if time[i] >= t)
        own = sum(w[i] for i in range(len(time)) if time[i] == t and cause[i] == which)
        every = sum(w[i] for i in range(len(time)) if time[i] == t and cause[i] != 0)
        total += survival * own / risk
        survival *= 1 - every / risk
        out.append(total)
    return out


def aalen_variance(time: Sequence[float], cause: Sequence[int], which: int) -> list[float]:
    """Variance of F at each distinct time: what each event at u adds to F(t), squared."""
    times, f = sorted(set(time)), incidence(time, cause, which)
    out = []
    for last in range(len(times)):
        total, survival = 0.0, 1.0
        for u in range(last + 1):
            n = sum(b >= times[u] for b in time)
            own = sum(b == times[u] and c == which for b, c in zip(time, cause, strict=True))
            other = sum(b == times[u] and c not in (0, which) for b, c in zip(time, cause, strict=True))
            before, survival = survival, survival * (1 - (own + other) / n)
            after = (f[last] - f[u]) / survival if survival > 1e-12 else 0.0
            for d, effect in ((own, 1 - after), (other, -after)):
                tied = 1 - (d - 1) / (n - 1) if d > 1 else 1.0
                total += (before / n * effect) ** 2 * d * tied
        out.append(total)
    return out


def jackknife_variance(time: Sequence[float], cause: Sequence[int], which: int, step: float = 1e-4) -> list[float]:
    """Sum over patients of the squared derivative of F in the patient's weight, by differences."""
    total = np.zeros(len(set(time)))
    for i in range(len(time)):
        side = []
        for sign in (1, -1):
            weight = [1.0 + sign * step * (j == i) for j in range(len(time))]
            side.append(np.array(incidence(time, cause, which, weight)))
        total += ((side[0] - side[1]) / (2 * step)) ** 2
    return total.tolist()


def gray(time: Sequence[float], cause: Sequence[int], arm: Sequence[Any], which: int) -> tuple[np.ndarray, np.ndarray]:
    """Gray's score (observed - expected) and its variance in one stratum, one event time after the other."""
    n, labels = len(time), sorted(set(arm))
    k = len(labels)
    times = sorted({time[i] for i in range(n) if cause[i] != 0})
    s_before, f_before, pooled = np.ones(k), np.zeros(k), 0.0
    score, c, moments = np.zeros(k), np.zeros((k, k)), []
    for t in times:
        risk = np.array([sum(arm[i] == a and time[i] >= t for i in range(n)) for a in labels], dtype=float)
        own = np.array([sum(arm[i] == a and time[i] == t and cause[i] == which for i in range(n)) for a in labels])
        other = np.array(
            [sum(arm[i] == a and time[i] == t and cause[i] not in (0, which) for i in range(n)) for a in labels]
        )
        there = [r for r in range(k) if risk[r] > 0]
        h = np.array([risk[r] / s_before[r] if r in there else 0.0 for r in range(k)])
        reached = h * (1 - f_before)
        score += own - own.sum() * reached / reached.sum()
        a = np.diag(h) - np.outer(h, h) / h.sum()
        if len(there) == 1:
            a = np.zeros((k, k))
        step = own.sum() / h.sum()
        if len(there) > 1 and step > 0:
            c = c + a * step / (1 - pooled)
        pooled += step
        s_after = np.array(
            [s_before[r] * (1 - (own[r] + other[r]) / risk[r]) if r in there else s_before[r] for r in range(k)]
        )
        for r in there:
            ratio = (1 - pooled) / s_after[r] if s_after[r] > 1e-12 else 0.0
            if own.sum() > 0:
                tied = 1 - (own.sum() - 1) / (h.sum() * s_before[r] - 1) if own.sum() > 1 else 1.0
                moments.append((a[:, r], c[:, r], 1 - ratio, r, tied * s_before[r] * own.sum() / (h.sum() * risk[r])))
            if other[r] > 0 and s_after[r] > 1e-12:
                tied = 1 - (other[r] - 1) / (risk[r] - 1) if other[r] > 1 else 1.0
                moments.append((np.zeros(k), c[:, r], -ratio, r, tied * s_before[r] ** 2 * other[r] / risk[r] ** 2))
        f_before = f_before + np.array([s_before[r] * own[r] / risk[r] if r in there else 0.0 for r in range(k)])
        s_before = s_after
    variance = np.zeros((k, k))
    for direct, so_far, factor, r, spread in moments:
        moved = direct + factor * (c[:, r] - so_far)
        variance += spread * np.outer(moved, moved)
    return score, variance
