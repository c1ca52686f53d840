"""A queue that is served in groups gets the pairs of one that is served one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics import queued_pairs
from twoarm.statistics.nearest_neighbour import Matches, match_nearest


def study(n: int, digits: int, seed: int = 5) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    focal = g.random(n) < 0.4
    return {"score": np.round(g.normal(size=n) + 0.5 * focal, digits), "focal": focal, "key": g.permutation(n)}


def served(monkeypatch: pytest.MonkeyPatch, worthwhile: float, drawn: dict[str, np.ndarray], **how: object) -> Matches:
    monkeypatch.setattr(queued_pairs, "WORTHWHILE", worthwhile)
    return match_nearest(**drawn, generator=np.random.default_rng(1), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [2, 3, 50, 5_000])
@pytest.mark.parametrize("digits", [0, 2, 10])
@pytest.mark.parametrize("caliper", [None, 0.01, 0.0])
@pytest.mark.parametrize("order", ["random", "data"])
def test_together_or_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, n: int, digits: int, caliper: float | None, order: str
) -> None:
    drawn = study(n, digits)
    drawn["focal"][:2] = True, False
    how = {"caliper": caliper, "order": order, "ratio": 2}
    singly = served(monkeypatch, np.inf, drawn, **how)
    for worthwhile in (0.0, 8.0, 64.0):
        together = served(monkeypatch, worthwhile, drawn, **how)
        assert together.focal.tolist() == singly.focal.tolist()
        assert together.partner.tolist() == singly.partner.tolist()


def test_most_of_a_long_queue_is_served_together(monkeypatch: pytest.MonkeyPatch) -> None:
    left = []
    serve = queued_pairs._serve_singly

    def counting(slots: queued_pairs._Slots, own: np.ndarray, *rest: object) -> None:
        left.append(own.size)
        serve(slots, own, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(queued_pairs, "_serve_singly", counting)
    drawn = study(200_000, 10)
    assert match_nearest(**drawn, caliper=0.01, order="data").focal.size > 70_000
    assert sum(left) < drawn["focal"].sum() / 2
