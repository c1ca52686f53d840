"""Harrell's concordance by looking at every pair."""

from __future__ import annotations

from collections.abc import Sequence


def pairs(
    time: Sequence[float], event: Sequence[bool], risk: Sequence[float], strata: Sequence[int]
) -> tuple[int, int, int]:
    """(concordant, discordant, tied in risk) among pairs of a stratum of which one surely had the event first."""
    counts = [0, 0, 0]
    for i in range(len(time)):
        for j in range(len(time)):
            outlives = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if i != j and strata[i] == strata[j] and event[i] and outlives:
                counts[0 if risk[i] > risk[j] else 1 if risk[i] < risk[j] else 2] += 1
    return counts[0], counts[1], counts[2]


def weighted_pairs(
    time: Sequence[float], event: Sequence[bool], risk: Sequence[float], entry: Sequence[float], weight: Sequence[float]
) -> tuple[float, float, float]:
    """The same where the other patient must be at risk at the event; a pair counts the product of its weights."""
    counts = [0.0, 0.0, 0.0]
    for i in range(len(time)):
        for j in range(len(time)):
            outlives = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if i != j and event[i] and outlives and entry[j] < time[i]:
                counts[0 if risk[i] > risk[j] else 1 if risk[i] < risk[j] else 2] += weight[i] * weight[j]
    return counts[0], counts[1], counts[2]
