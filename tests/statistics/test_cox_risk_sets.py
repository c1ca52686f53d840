"""Risk sets against the definition: at risk where entry < t <= time, within the stratum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.cox import Sample
from twoarm.statistics.cox_few_rows import FEW
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_risk_sets import build_risk_sets, patient_order

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
    assert risk.steps.fraction == pytest.approx(fractions, abs=EXACT)
    assert risk.steps.weight.sum() == pytest.approx(3.0, abs=EXACT)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("few", [0, FEW], ids=["in runs", "few"])
def test_ordered_rows_give_the_likelihood_of_rows_in_any_order(monkeypatch, seed, ties, few):
    monkeypatch.setattr("twoarm.statistics.cox_risk_sets.FEW", few)
    g = np.random.default_rng(seed)
    n = 80
    time, event = g.integers(1, 12, n).astype(float), g.random(n) < 0.5
    stratum, weight = g.integers(0, 3, n), g.choice([0.0, 0.5, 2.0], n)
    x, beta, offset = g.normal(size=(n, 2)), np.array([0.4, -0.3]), g.normal(size=n)
    order = patient_order(time=time, event=event & (weight > 0), stratum=stratum)
    found = []
    for rows in (np.arange(n), order):
        risk = build_risk_sets(
            time=time[rows],
            event=event[rows],
            entry=None,
            stratum=stratum[rows],
            weight=weight[rows],
            frequency=np.ones(n),
            ties=ties,
        )
        assert (risk.runs is not None) == (rows is order and few == 0)
        assert (risk.few is not None) == (rows is order and few > 0)
        found.append(PartialLikelihood.at(risk, x[rows], beta, offset[rows]))
    plain, along = found
    assert along.log_likelihood == pytest.approx(plain.log_likelihood, rel=EXACT)
    for name in ("score", "information", "sums", "tied_sums", "a", "b", "a2", "b2", "c2"):
        np.testing.assert_allclose(getattr(along, name), getattr(plain, name), rtol=1e-10, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(along.hazard, plain.hazard[order], rtol=EXACT)
    assert (along.shift, plain.shift) == (pytest.approx(plain.shift), pytest.approx(along.shift))


@pytest.mark.parametrize("scale", [1.0, 0.37, 1e9, 1e14])
def test_patients_stand_by_stratum_time_deaths_first_and_row(scale):
    g = np.random.default_rng(int(scale))
    time, event, stratum = g.integers(0, 9, 200) * scale, g.random(200) < 0.5, g.integers(0, 4, 200)
    order = patient_order(time=time, event=event, stratum=stratum)
    assert order.tolist() == np.lexsort((~event, time, stratum)).tolist()
