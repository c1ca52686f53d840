"""The steps in which tied deaths are removed (Efron 1977), and a few that stand for very many of them.

Of d deaths at one time, the sums over f = 0, 1/d .. (d - 1)/d of 1 / (S - f D) and the like are those of smooth
functions of f as long as the deaths' hazards D are well below those at risk S. Gauss's rule for sums over equally
spaced points then gives them from a dozen fractions, to the last bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers

NODES = 12
MANY = 32  # tied deaths, from which on their steps are joined
LARGEST_SHARE = 0.5  # of the hazards at risk; above it a sum of 12 loses digits: (3 + sqrt 8)^-24 is 4e-19


@dataclass(frozen=True, slots=True, eq=False)
class TiedSteps:
    """The s steps of m groups, one group's after the other's."""

    group: Integers  # shape (s,)
    start: Integers  # first step of each group, shape (m,)
    fraction: Floats  # share of the tied deaths already removed, shape (s,)
    weight: Floats  # weight that the step carries, shape (s,)
    joined: Integers  # groups whose steps stand for several; none where there is one step a death

    @classmethod
    def of_groups(cls, death_weight: Floats) -> TiedSteps:
        """Return one step a group, as under Breslow's ties."""
        each = np.arange(death_weight.size)
        return cls(each, each, np.zeros(each.size), death_weight, each[:0])

    @classmethod
    def of_deaths(cls, tied: Integers, death_weight: Floats) -> TiedSteps:
        """Return a step a tied death, of groups of ``tied`` deaths that weigh ``death_weight`` together, (m,) each."""
        group = np.arange(tied.size).repeat(tied)
        start = tied.cumsum() - tied
        fraction = (np.arange(group.size) - start[group]) / tied[group]
        return cls(group, start, fraction, (death_weight / tied)[group], group[:0])

    @classmethod
    def of_few(cls, tied: Integers, death_weight: Floats, joined: Booleans) -> TiedSteps:
        """Return a dozen steps of each group in ``joined`` (m,), and one a death of the others.

        Source: Golub and Welsch (1969) for the rule, with the recurrence of Chebyshev's polynomials of a discrete
        variable.
        """
        size = np.where(joined, NODES, tied)
        group = np.arange(tied.size).repeat(size)
        start = size.cumsum() - size
        inside = np.arange(group.size) - start[group]
        fraction, weight = inside / tied[group], (death_weight / tied)[group]
        sizes, which = np.unique(tied[joined], return_inverse=True)
        nodes, shares = _rule(sizes)
        several = joined[group]
        fraction[several] = nodes[which].ravel()
        weight[several] = (death_weight[joined, None] * shares[which]).ravel()
        return cls(group, start, fraction, weight, np.flatnonzero(joined))


def _rule(sizes: Integers) -> tuple[Floats, Floats]:
    """Return fractions and shares, (k, 12) each, for means over 0, 1/d .. (d - 1)/d of k sizes d."""
    j, d = np.arange(1, NODES), sizes[:, None]
    beside = np.sqrt(j * j * (d * d - j * j) / (4 * (4.0 * j * j - 1))) / d
    matrix = np.zeros((sizes.size, NODES, NODES))
    matrix[:, j, j - 1] = beside
    matrix[:, range(NODES), range(NODES)] = (d - 1) / (2 * d)
    values, vectors = np.linalg.eigh(matrix)
    return values, np.asarray(vectors[:, 0] ** 2)
