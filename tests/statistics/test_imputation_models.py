"""Single draws: fits of R's nnet and MASS, posteriors in closed form, a brute-force search for donors, odd samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from oracles.stored import column, floats, reference, rows
from twoarm.errors import NotEstimableError
from twoarm.statistics.imputation_models import draw_logistic, draw_ordinal, draw_pmm, draw_polytomous
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.multinomial import fit_multinomial, multinomial_probabilities
from twoarm.statistics.proportional_odds import fit_proportional_odds, proportional_odds_probabilities

CLIMB = 1e-6  # in standard errors: R stops when BFGS finds no higher place
HEIGHT = 1e-12  # of the log-likelihood, flat at the maximum
DIFFERENCED = 5e-6  # MASS differences the score, and both hold the Hessian of BFGS's last place
BY_HAND = 1e-9
STORED = reference("imputation_models")
DRAWS = 3000
# 4 standard errors of a mean of that many draws, and of a variance (sqrt(2 / n) of it): 1 false alarm in 16,000
MEAN_OF_DRAWS = 4 / np.sqrt(DRAWS)
VARIANCE_OF_DRAWS = 4 * np.sqrt(2 / DRAWS)
CATEGORICAL = (draw_polytomous, draw_ordinal)
EVERY = (draw_pmm, *CATEGORICAL)


def stored_sample(case):
    needed = [case["outcome"], *case["covariates"]]
    data = rows(case["data"], case["subset"], needed)
    x = np.column_stack([column(data, name) for name in case["covariates"]])
    labels = [float(v) if data[case["outcome"]].dtype.kind == "f" else v for v in case["levels"]]
    usable = np.isin(data[case["outcome"]], labels)
    level = np.array([labels.index(value) for value in data[case["outcome"]][usable].tolist()])
    weight = data[case["weight"]][usable] if case.get("weight") else np.ones(level.size)
    return ((x - x.mean(axis=0)) / x.std(axis=0, ddof=1))[usable], level, weight


def standardised_difference(found, expected, information):
    return np.abs((found - expected) / np.sqrt(np.diag(np.linalg.inv(information)))).max()


@pytest.mark.parametrize("case", STORED["nominal"], ids=[case["label"] for case in STORED["nominal"]])
def test_multinomial_as_nnet(case):
    x, level, weight = stored_sample(case)
    fit = fit_multinomial(design=np.column_stack([np.ones(level.size), x]), level=level, weight=weight)
    assert fit.converged
    information = np.array(case["information"])
    assert standardised_difference(fit.coefficients.ravel(), np.ravel(case["coefficients"]), information) < CLIMB
    spread = np.sqrt(np.diag(information))
    assert np.abs((fit.information - information) / np.outer(spread, spread)).max() < DIFFERENCED
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=HEIGHT)
    assert fit.log_likelihood >= case["log_likelihood"] - 1e-9  # a maximum


@pytest.mark.parametrize("case", STORED["ordinal"], ids=[case["label"] for case in STORED["ordinal"]])
def test_proportional_odds_as_mass(case):
    x, level, weight = stored_sample(case)
    fit = fit_proportional_odds(design=x, level=level, weight=weight)
    assert fit.converged
    information = np.array(case["information"])
    found = np.concatenate([fit.thresholds, fit.coefficients])
    expected = np.concatenate([floats(case["thresholds"]), floats(case["coefficients"])])
    assert standardised_difference(found, expected, information) < CLIMB
    spread = np.sqrt(np.diag(information))
    assert np.abs((fit.information - information) / np.outer(spread, spread)).max() < DIFFERENCED
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=HEIGHT)
    assert fit.log_likelihood >= case["log_likelihood"] - 1e-9


def test_two_levels_are_a_logistic_regression():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(150, 2))
    y = (rng.random(150) < special.expit(x[:, 0])).astype(int)
    expected = fit_logistic(outcome=y, covariates=x)
    ones = np.ones(150)
    nominal = fit_multinomial(design=np.column_stack([ones, x]), level=y, weight=ones)
    ordered = fit_proportional_odds(design=x, level=y, weight=ones)
    assert nominal.coefficients[0] == pytest.approx(expected.coefficients, rel=BY_HAND)
    assert np.append(-ordered.thresholds, ordered.coefficients) == pytest.approx(expected.coefficients, rel=BY_HAND)
    assert np.linalg.inv(nominal.information) == pytest.approx(expected.covariance, rel=1e-6)
    assert np.linalg.inv(ordered.information)[1:, 1:] == pytest.approx(expected.covariance[1:, 1:], rel=1e-6)


def test_information_is_minus_the_second_derivative():
    rng = np.random.default_rng(2)
    x, level, weight = rng.normal(size=(60, 2)), rng.integers(0, 4, 60), rng.uniform(0.5, 2, 60)
    fit = fit_proportional_odds(design=x, level=level, weight=weight)

    def height(parameters):
        p = proportional_odds_probabilities(x, parameters[:3], parameters[3:])
        return (weight * np.log(p[np.arange(60), level])).sum()

    place, step = np.concatenate([fit.thresholds, fit.coefficients]), 1e-4
    moves = step * np.eye(5)
    second = [
        [height(place + a + b) - height(place + a - b) - height(place - a + b) + height(place - a - b) for b in moves]
        for a in moves
    ]
    differenced = 1e-3  # rounding of a sum of 60 over a squared step
    assert -np.array(second) / (4 * step**2) == pytest.approx(fit.information, abs=differenced)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-6, 6), min_size=2, max_size=25), st.integers(-14, 14), st.integers(1, 6), st.integers(0, 9)
)
def test_donors_are_the_nearest(drawn, new, donors, seed):
    # y = 2 x exactly, so that predictions order and space patients as x does
    x = np.array(drawn, dtype=float)
    places = np.full((40, 1), new / 2)
    chosen = draw_pmm(
        observed=2 * x, x_observed=x[:, None], x_missing=places, generator=np.random.default_rng(seed), donors=donors
    )
    distance = np.abs(x - new / 2)
    allowed = distance <= np.sort(distance)[min(donors, x.size) - 1] + 1e-4  # the ridge shrinks by 1e-5
    assert set(chosen.tolist()) <= set((2 * x[allowed]).tolist())


def test_patients_predicted_alike_have_equal_chances():
    # of 20 donors predicted alike each gives its value to about 1 recipient in 20, not 5 of them to all
    x = np.zeros((40, 1))
    x[20:] = 10
    y = np.arange(40.0) + x[:, 0] * 100
    chosen = draw_pmm(observed=y, x_observed=x, x_missing=np.zeros((DRAWS, 1)), generator=np.random.default_rng(5))
    counts = np.bincount(chosen.astype(int), minlength=20)
    assert counts.size == 20
    expected = DRAWS / 20
    assert ((counts - expected) ** 2 / expected).sum() < 49  # chi-squared with 19 degrees of freedom, P = 0.0002


def test_slopes_of_predictive_mean_matching_have_their_posterior():
    # one donor on a fine grid gives away where the drawn line meets the estimated one
    rng = np.random.default_rng(8)
    n, new = 1000, 1.5
    x = np.linspace(-3, 3, n)
    y = x + rng.normal(size=n)
    found = np.empty(DRAWS)
    generator = np.random.default_rng(9)
    where = dict(zip(y.tolist(), x.tolist(), strict=True))
    for draw in range(DRAWS):
        chosen = draw_pmm(observed=y, x_observed=x[:, None], x_missing=np.array([[new]]), generator=generator, donors=1)
        found[draw] = where[float(chosen[0])]
    slope = (x @ y) / (x @ x)
    residual = y - y.mean() - slope * x
    variance = (residual @ residual) / (n - 4) * (1 / n + new**2 / (x @ x))  # scaled inverse chi-squared, n - 2 df
    fine = 6 / n
    assert found.mean() == pytest.approx(new, abs=MEAN_OF_DRAWS * np.sqrt(variance) / slope + fine)
    assert found.var() == pytest.approx(variance / slope**2, rel=VARIANCE_OF_DRAWS)


def drawn_shares(draw, y, x, new, levels):
    """Shares of each level among many patients alike, one row a draw: the drawn probabilities but for 1 in 200."""
    generator = np.random.default_rng(3)
    places = np.repeat(new, 20_000, axis=0)
    draws = 300
    drawn = [draw(observed=y, x_observed=x, x_missing=places, generator=generator) for _ in range(draws)]
    return np.array([np.bincount(one.astype(int), minlength=levels) / one.size for one in drawn])


@pytest.mark.parametrize("draw", CATEGORICAL)
def test_parameters_have_their_normal_posterior(draw):
    rng = np.random.default_rng(4)
    n = 150
    x = rng.normal(size=(n, 2))
    level = np.digitize(x[:, 0] + rng.logistic(size=n), [-0.8, 0.9])
    new = np.array([[0.7, -0.4]])
    share = drawn_shares(draw, level.astype(float), x, new, 3)
    ones = np.ones(n)
    if draw is draw_polytomous:
        fit = fit_multinomial(design=np.column_stack([ones, x]), level=level, weight=ones)
        linear = np.kron(np.eye(2), np.append(1, new))  # log odds of levels 1 and 2 against level 0
        centre = linear @ fit.coefficients.ravel()
        found = np.log(share[:, 1:] / share[:, :1])
    else:
        fit = fit_proportional_odds(design=x, level=level, weight=ones)
        linear = np.column_stack([np.eye(2), -np.repeat(new, 2, axis=0)])  # logits of P(level <= 0), P(level <= 1)
        centre = linear @ np.concatenate([fit.thresholds, fit.coefficients])
        found = special.logit(np.cumsum(share, axis=1)[:, :2])
    covariance = linear @ np.linalg.inv(fit.information) @ linear.T
    counting = 0.02  # standard deviation that the counts add, squared below a hundredth of the posterior variance
    spread = np.sqrt(np.diag(covariance))
    draws = share.shape[0]
    assert np.abs((found.mean(axis=0) - centre) / spread).max() < 4 / np.sqrt(draws) + counting
    ratio = np.cov(found.T) / np.outer(spread, spread) - covariance / np.outer(spread, spread)
    assert np.abs(ratio).max() < 4 * np.sqrt(2 / draws) + counting


@pytest.mark.parametrize("draw", EVERY)
def test_same_generator_same_values(draw):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(50, 3)), rng.integers(0, 3, 50).astype(float)
    first, second = (
        draw(observed=y, x_observed=x[:50], x_missing=x[:20], generator=np.random.default_rng(1)) for _ in range(2)
    )
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("draw", CATEGORICAL)
def test_perfect_prediction_neither_fails_nor_flips(draw):
    # everybody in the centre has level 1: a naive draw from the flat likelihood would give level 0 to half of them
    rng = np.random.default_rng(7)
    centre = np.repeat([0.0, 1.0], [150, 20])
    x = np.column_stack([centre, rng.normal(size=170)])
    y = np.where(centre == 1, 1.0, rng.integers(0, 2, 170))
    inside = np.column_stack([np.ones(400), rng.normal(size=400)])
    outside = np.column_stack([np.zeros(400), rng.normal(size=400)])
    generator = np.random.default_rng(2)
    shares = [
        draw(observed=y, x_observed=x, x_missing=np.concatenate([inside, outside]), generator=generator)
        for _ in range(50)
    ]
    assert np.mean([one[:400].mean() for one in shares]) > 0.9
    assert np.mean([one[400:].mean() for one in shares]) == pytest.approx(y[:150].mean(), abs=0.05)


@pytest.mark.parametrize("draw", CATEGORICAL)
def test_levels_told_apart_completely(draw):
    x = np.arange(30.0)[:, None]
    y = np.repeat([0.0, 1.0, 2.0], 10)
    drawn = draw(observed=y, x_observed=x, x_missing=x, generator=np.random.default_rng(1))
    assert np.isin(drawn, [0, 1, 2]).all()
    assert (drawn == y).mean() > 0.6


@pytest.mark.parametrize("draw", [*EVERY, draw_logistic])
def test_one_level_observed_is_the_one_drawn(draw):
    x = np.random.default_rng(1).normal(size=(6, 2))
    drawn = draw(observed=np.full(6, 1.0), x_observed=x, x_missing=x[:3], generator=np.random.default_rng(1))
    assert drawn.tolist() == [1, 1, 1]


@pytest.mark.parametrize("draw", EVERY)
def test_a_level_that_nobody_has_is_never_drawn(draw):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 1)), rng.choice([0.0, 3.0], 40)
    drawn = draw(observed=y, x_observed=x, x_missing=5 * rng.normal(size=(500, 1)), generator=rng)
    assert set(drawn.tolist()) == {0, 3}


@pytest.mark.parametrize("draw", EVERY)
def test_without_predictors_values_come_in_their_shares(draw):
    y = np.repeat([0.0, 1.0, 2.0], [20, 30, 50])
    none = np.empty((100, 0))
    drawn = [
        draw(observed=y, x_observed=none, x_missing=none, generator=np.random.default_rng(seed)) for seed in range(100)
    ]
    share = np.bincount(np.concatenate(drawn).astype(int)) / 10_000
    drawn_parameters = 4 * np.sqrt(0.25 / 100 / 100 + 0.25 / 10_000)  # of the shares, and counting
    assert share == pytest.approx([0.2, 0.3, 0.5], abs=drawn_parameters)


@pytest.mark.parametrize("draw", EVERY)
def test_constant_and_collinear_predictors_are_dropped(draw):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 2)), rng.integers(0, 3, 60).astype(float)
    more = np.column_stack([x[:, 0], np.full(60, 4.0), x[:, 1], 1 - x[:, 0], x.sum(axis=1)])
    plain, full = (
        draw(observed=y[:40], x_observed=z[:40], x_missing=z[40:], generator=np.random.default_rng(1))
        for z in (x, more)
    )
    assert plain.tolist() == full.tolist()


@pytest.mark.parametrize("draw", EVERY)
def test_nobody_observed(draw):
    with pytest.raises(NotEstimableError, match="nobody was observed"):
        draw(
            observed=np.empty(0),
            x_observed=np.empty((0, 1)),
            x_missing=np.ones((2, 1)),
            generator=np.random.default_rng(),
        )


@pytest.mark.parametrize("draw", EVERY)
def test_nobody_missing(draw):
    x = np.arange(6.0)[:, None]
    drawn = draw(observed=np.tile([0.0, 1.0], 3), x_observed=x, x_missing=x[:0], generator=np.random.default_rng())
    assert drawn.shape == (0,)


def test_probabilities_add_up_far_out():
    design = np.array([[1.0, 1e4], [1.0, -1e4], [1.0, 0.0]])
    nominal = multinomial_probabilities(design, np.array([[0.0, 1.0], [1.0, -1.0]]))
    ordered = proportional_odds_probabilities(design[:, 1:], np.array([-1.0, 1.0]), np.array([2.0]))
    for probability in (nominal, ordered):
        assert probability.sum(axis=1) == pytest.approx(np.ones(3), rel=BY_HAND)
        assert (probability >= 0).all()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(1, 12), st.integers(0, 15), st.integers(1, 4), st.sampled_from([1e-6, 1.0, 1e8]), st.integers(0, 10**6)
)
def test_tiny_samples_with_any_number_of_predictors(n, p, levels, scale, seed):
    rng = np.random.default_rng(seed)
    x = scale * np.where(rng.random(p) < 0.5, rng.normal(size=(n + 5, p)), rng.integers(0, 2, size=(n + 5, p)))
    y = rng.integers(0, levels, n).astype(float)
    for draw in EVERY:
        drawn = draw(observed=y, x_observed=x[:n], x_missing=x[n:], generator=rng)
        assert np.isin(drawn, y).all()
