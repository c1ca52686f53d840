"""Greedy nearest-neighbour matching by looking at every free patient."""

from __future__ import annotations

from collections.abc import Sequence


def one_by_one(
    score: Sequence[float],
    focal: Sequence[bool],
    queue: Sequence[int],
    caliper: float | None = None,
    key: Sequence[int] | None = None,
) -> list[tuple[int, int]]:
    """Each of the queue takes the nearest free patient; a tie goes to the smallest key."""
    rank = list(range(len(score))) if key is None else key
    free = {j for j in range(len(score)) if not focal[j]}
    pairs = []
    for i in queue:
        near = [j for j in free if caliper is None or abs(score[i] - score[j]) <= caliper]
        if near:
            j = min(near, key=lambda j: (abs(score[i] - score[j]), rank[j]))
            free.remove(j)
            pairs.append((i, j))
    return sorted(pairs)


def queue(score: Sequence[float], focal: Sequence[bool], order: str, key: Sequence[int] | None = None) -> list[int]:
    """Focal rows in the order in which they choose."""
    rank = list(range(len(score))) if key is None else key
    sign = {"largest": -1, "smallest": 1, "data": 0}[order]
    looking = [i for i in range(len(score)) if focal[i]]
    return sorted(looking, key=lambda i: (sign * score[i], i if order == "data" else rank[i]))


def closest_first(
    score: Sequence[float],
    focal: Sequence[bool],
    caliper: float | None = None,
    key: Sequence[int] | None = None,
) -> list[tuple[int, int]]:
    """The nearest of all pairs first; ties by the focal patient's key, then the partner's."""
    rank = list(range(len(score))) if key is None else key
    looking = {i for i in range(len(score)) if focal[i]}
    free = set(range(len(score))) - looking
    pairs = []
    while looking and free:
        distance, _, _, i, j = min((abs(score[i] - score[j]), rank[i], rank[j], i, j) for i in looking for j in free)
        if caliper is not None and distance > caliper:
            break
        looking.remove(i)
        free.remove(j)
        pairs.append((i, j))
    return sorted(pairs)


def rounds(
    score: Sequence[float],
    focal: Sequence[bool],
    order: str,
    ratio: int,
    caliper: float | None,
    key: Sequence[int],
    labels: Sequence[int],
) -> list[tuple[int, int]]:
    """Within each label, one more partner a round for those who got one in every round before."""
    pairs: list[tuple[int, int]] = []
    for label in sorted(set(labels)):
        inside = [i for i in range(len(score)) if labels[i] == label]
        looking = {i for i in inside if focal[i]}
        free = {i for i in inside if not focal[i]}
        for _ in range(ratio):
            rows = sorted(looking | free)
            part = [score[i] for i in rows], [focal[i] for i in rows], [key[i] for i in rows]
            if order == "closest":
                made = closest_first(part[0], part[1], caliper, part[2])
            else:
                made = one_by_one(part[0], part[1], queue(*part[:2], order, part[2]), caliper, part[2])
            pairs += [(rows[i], rows[j]) for i, j in made]
            looking = {rows[i] for i, _ in made}
            free -= {rows[j] for _, j in made}
    return sorted(pairs)


def with_replacement(
    score: Sequence[float],
    focal: Sequence[bool],
    ratio: int,
    caliper: float | None,
    key: Sequence[int],
    labels: Sequence[int],
    decimals: int = 10,
) -> list[tuple[int, int]]:
    """Every focal row's nearest others, ties by key; distances are compared at so many decimals."""
    pairs = []
    for i in (i for i in range(len(score)) if focal[i]):
        others = [j for j in range(len(score)) if not focal[j] and labels[j] == labels[i]]
        near = [(round(abs(score[i] - score[j]), decimals), key[j], j) for j in others]
        chosen = sorted(entry for entry in near if caliper is None or entry[0] <= caliper)[:ratio]
        pairs += [(i, j) for _, _, j in chosen]
    return sorted(pairs)


def optimal(
    score: Sequence[int],
    focal: Sequence[bool],
    ratio: int,
    caliper: int | None,
    labels: Sequence[int],
) -> tuple[int, int, int]:
    """(pairs, focal rows with a partner, total distance) of the best of all matchings, by trying every one."""
    others = [j for j in range(len(score)) if not focal[j]]
    looking = [i for i in range(len(score)) if focal[i]]

    def rest(at: int, taken: dict[int, int]) -> tuple[int, int, int]:
        """The best that the others from ``at`` on can add, as (-pairs, -focal rows, distance)."""
        if at == len(others):
            return 0, 0, 0
        j = others[at]
        best = rest(at + 1, taken)
        for i in looking:
            gap = abs(score[i] - score[j])
            if labels[i] == labels[j] and taken.get(i, 0) < ratio and (caliper is None or gap <= caliper):
                n, covered, total = rest(at + 1, {**taken, i: taken.get(i, 0) + 1})
                best = min(best, (n - 1, covered - (i not in taken), total + gap))
        return best

    pairs, covered, total = rest(0, {})
    return -pairs, -covered, total
