"""Intervals fitted from the model with one hazard ratio are those of the rows that are split."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.errors import ArgumentError
from twoarm.statistics import cox_few_rows, cox_risk_sets
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.piecewise_hazard_ratio import PiecewiseHazardRatio, piecewise_hazard_ratio
from twoarm.statistics.piecewise_of_fit import piecewise_of_fit

SAME = 1e-10  # both climbs end within rounding of the maximum


def patients(n: int, *, seed: int = 6) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(n) < 0.3, rng.normal(size=n), rng.integers(0, 2, n)]).astype(float)
    treated = rng.random(n) < 1 / (1 + np.exp(-x[:, 1]))
    time = np.floor(rng.exponential(20 * np.exp(0.4 * treated - 0.5 * x[:, 1])))
    return {"time": time, "event": rng.random(n) < 0.7, "treated": treated, "covariates": x}


def same(found: PiecewiseHazardRatio | None, wanted: PiecewiseHazardRatio) -> None:
    assert found is not None
    for one, other in zip(found.pieces, wanted.pieces, strict=True):
        assert (one.start, one.end, one.at_risk, one.events) == (other.start, other.end, other.at_risk, other.events)
        assert (one.degrees_of_freedom, one.reason) == (other.degrees_of_freedom, other.reason)
        numbers = [other.log_hazard_ratio, other.std_error]
        assert [one.log_hazard_ratio, one.std_error] == pytest.approx(numbers, rel=SAME, nan_ok=True)
    np.testing.assert_allclose(found.covariance, wanted.covariance, rtol=SAME, atol=1e-15)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9, nan_ok=True)
    assert found.p_value == pytest.approx(wanted.p_value, rel=1e-9, nan_ok=True)
    assert (found.degrees_of_freedom, found.ties, found.robust) == (wanted.degrees_of_freedom, wanted.ties, False)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("few", [0, cox_few_rows.FEW], ids=["in runs", "few"])
@pytest.mark.parametrize("offset", [False, True])
def test_intervals_of_a_fit(monkeypatch: pytest.MonkeyPatch, ties: str, few: int, offset: bool) -> None:
    monkeypatch.setattr(cox_risk_sets, "FEW", few)
    rows = patients(700)
    known = np.random.default_rng(2).normal(size=700) if offset else None
    x = np.column_stack([rows["treated"], rows["covariates"]])
    whole = fit_cox(time=rows["time"], event=rows["event"], covariates=x, offset=known, ties=ties)
    for cuts in ([12.0], [5.5, 20.0, 41.0], [1.0, 2.0]):
        wanted = piecewise_hazard_ratio(**rows, cuts=cuts, offset=known, ties=ties)
        same(piecewise_of_fit(whole, arm=0, cuts=cuts), wanted)


def test_intervals_that_cannot_be_estimated() -> None:
    rows = patients(400)
    rows["event"] &= ~rows["treated"] | (rows["time"] > 4)
    x = np.column_stack([rows["treated"], rows["covariates"]])
    whole = fit_cox(time=rows["time"], event=rows["event"], covariates=x)
    last = float(rows["time"].max())
    for cuts, minimum in (([4.0, 30.0], 1), ([4.0, 60.0], 40), ([4.0, last], 1), ([1e-3], 10_000)):
        wanted = piecewise_hazard_ratio(**rows, cuts=cuts, minimum_events=minimum)
        assert any(piece.reason for piece in wanted.pieces)
        same(piecewise_of_fit(whole, arm=0, cuts=cuts, minimum_events=minimum), wanted)


def test_counted_rows_have_the_intervals_of_the_rows() -> None:
    rows, often = patients(300), np.random.default_rng(3).integers(1, 4, 300)
    x = np.column_stack([rows["treated"], rows["covariates"]])
    whole = fit_cox(time=rows["time"], event=rows["event"], covariates=x, frequency=often)
    wanted = piecewise_hazard_ratio(**{name: column.repeat(often, axis=0) for name, column in rows.items()}, cuts=[9])
    same(piecewise_of_fit(whole, arm=0, cuts=[9]), wanted)


def test_what_is_left_to_the_rows() -> None:
    rows = patients(200)
    x = np.column_stack([rows["treated"], rows["covariates"]])
    outcome = {"time": rows["time"], "event": rows["event"]}
    constant = fit_cox(**outcome, covariates=np.column_stack([x, np.ones(200)]))
    assert piecewise_of_fit(constant, arm=0, cuts=[9]) is None
    late = rows["time"] > 9  # from here on the arms part: an infinite hazard ratio
    apart = np.where(late, np.where(rows["treated"], 10.0, 10.0 + rows["time"]), rows["time"])
    whole = fit_cox(time=apart, event=rows["event"], covariates=x)
    assert not any(whole.reasons)
    assert piecewise_of_fit(whole, arm=0, cuts=[9]) is None
    for more in ({"strata": np.arange(200) % 2}, {"cluster": np.arange(200) // 2}, {"entry": rows["time"] - 1}):
        fit = fit_cox(**outcome, covariates=x, **more)
        with pytest.raises(ArgumentError, match="fit: found strata, weights, clusters or late entry"):
            piecewise_of_fit(fit, arm=0, cuts=[9])
