"""Risk sets against the definition: at risk where entry < t <= time, within the stratum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.cox import Sample
from twoarm.statistics.cox_risk_sets import build_risk_sets

EXACT = 1e-12  # sums of thirty terms

drawn_patients = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6), st.booleans(), st.integers(0, 2), st.integers(1, 3),
              st.sampled_from([0.0, 0.5, 1.0])),
    min_size=1,
    max_size=30,
)  # fmt: skip


def built(drawn, truncated, ties="efron"):
    entry, follow_up, event, stratum, frequency, weight = map(np.array, zip(*drawn, strict=True))
    time = (entry + follow_up).astype(float) if truncated else follow_up.astype(float)
    start = entry.astype(float) if truncated else None
    risk = build_risk_sets(time=time, event=event, entry=start, stratum=stratum, weight=weight,
                           frequency=frequency.astype(float), ties=ties)  # fmt: skip
    return risk, Sample.of(time, event, np.zeros(time.size), start, stratum, weight), frequency


@settings(max_examples=100, deadline=None, derandomize=True)
@given(drawn_patients, st.booleans(), st.integers(0, 100))
def test_sums_equal_the_definition(drawn, truncated, seed):
    assume(any(event and weight > 0 for _, _, event, _, _, weight in drawn))
    risk, sample, frequency = built(drawn, truncated)
    values = np.random.default_rng(seed).random(sample.time.size)
    groups = sample.event_times()
    assert list(zip(risk.group_stratum.tolist(), risk.time.tolist(), strict=True)) == groups
    members = [sample.risk_and_dead(s, t) for s, t in groups]
    at_risk = [values[risk_].sum() for risk_, _ in members]
    np.testing.assert_allclose(risk.at_risk_sum(values), at_risk, rtol=EXACT, atol=EXACT)
    per_group = np.arange(1.0, len(groups) + 1)
    over = sum((value * risk_ for value, (risk_, _) in zip(per_group, members, strict=True)), np.zeros(values.size))
    np.testing.assert_allclose(risk.over_groups(per_group), over, rtol=EXACT, atol=EXACT)
    assert risk.tied.tolist() == [frequency[dead].sum() for _, dead in members]
    deaths = [(frequency * sample.weight)[dead].sum() for _, dead in members]
    np.testing.assert_allclose(risk.death_weight, deaths, rtol=EXACT)


@pytest.mark.parametrize(("ties", "fractions"), [("efron", [0, 1 / 3, 2 / 3, 0]), ("breslow", [0, 0])])
def test_steps(ties, fractions):
    drawn = [
        (0, 2, True, 0, 1, 1.0),
        (0, 2, True, 0, 2, 0.5),
        (0, 3, True, 0, 1, 1.0),
        (0, 1, False, 0, 1, 1.0),
    ]
    risk, _, _ = built(drawn, truncated=False, ties=ties)
    assert risk.step_fraction == pytest.approx(fractions, abs=EXACT)
    assert risk.step_weight.sum() == pytest.approx(3.0, abs=EXACT)
