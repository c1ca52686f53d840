"""A queue that is served in clusters and groups gets the pairs of one that is served one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoarm.statistics import queued_pairs
from twoarm.statistics.nearest_neighbour import Matches, match_nearest
from twoarm.statistics.score_clusters import clusters_of
from twoarm.statistics.score_order import runs_of_equals

NEVER, ALWAYS = np.inf, 0.0


def study(n: int, digits: int, seed: int = 5, share: float = 0.4) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    focal = g.random(n) < share
    focal[:2] = True, False
    return {"score": np.round(g.normal(size=n) + 0.5 * focal, digits), "focal": focal, "key": g.permutation(n)}


def served(
    monkeypatch: pytest.MonkeyPatch, few: float, worthwhile: float, drawn: dict[str, np.ndarray], **how: object
) -> Matches:
    monkeypatch.setattr(queued_pairs, "FEW", few)
    monkeypatch.setattr(queued_pairs, "LARGE", np.inf)
    monkeypatch.setattr(queued_pairs, "WORTHWHILE", worthwhile)
    return match_nearest(**drawn, generator=np.random.default_rng(1), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [2, 3, 50, 5_000])
@pytest.mark.parametrize("digits", [0, 2, 10])
@pytest.mark.parametrize("caliper", [None, 0.01, 0.0])
@pytest.mark.parametrize("order", ["random", "data", "largest", "smallest"])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_at_once_or_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, n: int, digits: int, caliper: float | None, order: str, share: float
) -> None:
    drawn = study(n, digits, share=share)
    how = {"caliper": caliper, "order": order, "ratio": 2}
    singly = served(monkeypatch, NEVER, NEVER, drawn, **how)
    for few, worthwhile in ((NEVER, ALWAYS), (NEVER, 8.0), (NEVER, 64.0), (ALWAYS, NEVER), (20, NEVER), (20, 8.0)):
        at_once = served(monkeypatch, few, worthwhile, drawn, **how)
        assert at_once.focal.tolist() == singly.focal.tolist()
        assert at_once.partner.tolist() == singly.partner.tolist()


def test_a_sweep_is_served_as_any_queue_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(40):
        drawn = study(80, 1, seed)
        by_sweep = served(monkeypatch, NEVER, NEVER, drawn, caliper=0.3, order="largest")
        monkeypatch.setattr(queued_pairs, "swept_places", queued_pairs._in_turn)
        in_turn = served(monkeypatch, NEVER, NEVER, drawn, caliper=0.3, order="largest")
        monkeypatch.undo()
        assert by_sweep.partner.tolist() == in_turn.partner.tolist()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_nobody_chooses_a_place_out_of_the_reach_of_the_cluster(seed: int) -> None:
    """Whatever the order, and whoever goes without."""
    g = np.random.default_rng(seed)
    levels = int(g.choice([4, 15, 1_000]))
    places, own = np.sort(g.integers(0, levels, g.integers(1, 40))), np.sort(g.integers(0, levels, g.integers(1, 15)))
    first_equal, above = runs_of_equals(places)[0], np.searchsorted(places, own)
    found = clusters_of(first_equal, above)
    cluster = np.repeat(np.arange(found.start.size), found.count)
    assert (found.lowest[1:] >= found.beyond[:-1]).all()
    free = dict(enumerate(places.tolist()))
    for patient in g.permutation(own.size).tolist():
        if free and g.random() < 0.9:
            chosen = min(free, key=lambda place, of=patient: (abs(places[place] - own[of]), g.random(), place))
            chosen = next(place for place in sorted(free) if free[place] == free[chosen])
            del free[chosen]
            assert found.lowest[cluster[patient]] <= chosen < found.beyond[cluster[patient]]


@pytest.mark.parametrize(("order", "rest"), [("data", "_in_turn"), ("largest", "swept_places")])
def test_most_of_a_sparse_queue_is_served_in_clusters(monkeypatch: pytest.MonkeyPatch, order: str, rest: str) -> None:
    left = counted(monkeypatch, rest, 2)
    drawn = study(200_000, 10, share=0.2)
    assert match_nearest(**drawn, caliper=0.01, order=order).focal.size > 38_000  # type: ignore[arg-type]
    assert sum(left) < drawn["focal"].sum() / 5


def test_most_of_a_dense_queue_is_served_together(monkeypatch: pytest.MonkeyPatch) -> None:
    left = counted(monkeypatch, "_singly", 1)
    drawn = study(200_000, 10)
    assert match_nearest(**drawn, caliper=0.01, order="data").focal.size > 70_000
    assert sum(left) < drawn["focal"].sum() / 2


def counted(monkeypatch: pytest.MonkeyPatch, name: str, argument: int) -> list[int]:
    """Note how many are served by a function of the queue."""
    left: list[int] = []
    serve: Callable[..., object] = getattr(queued_pairs, name)

    def counting(*arguments: np.ndarray) -> object:
        left.append(arguments[argument].size)
        return serve(*arguments)

    monkeypatch.setattr(queued_pairs, name, counting)
    return left
