"""Cox regression: closed forms, published fits, R on six data sets, the double-loop oracle, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import cox as oracle
from oracles.samples import (
    AML,
    FREIREICH,
    IS_CONTROL,
    IS_NOT_MAINTAINED,
    PAIR,
    PAIRS,
    T1,
    T2,
    TW,
    TW_WEIGHTS,
    repeated,
)
from oracles.stored import column, floats, happened, read_data, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.logistic import fit_logistic

TEN_DIGITS = 1e-9  # known answers were noted with nine or ten significant digits
SIX_DIGITS = 5e-7  # ... or with six
ROUNDED = 5e-10  # a coefficient near 0 noted with nine digits after the point
CLOSED_FORM = 1e-12  # Newton's last step is far below its own tolerance, being quadratic
LIKELIHOOD = 1e-12  # flat at the maximum: an error in beta enters squared
STORED = 1e-9  # R stops at a relative change of 1e-12 of the likelihood, hence about 1e-9 of a coefficient's SE
FINITE = 3.0  # log hazard ratios beyond this, in samples this small, are on their way to infinity
SLOW = 1e-7  # the oracle inverts an unscaled information


def terms(fit):
    return float(fit.coefficients[0]), float(fit.naive_covariance[0, 0])


ROOT = math.sqrt(23 / 3)
T1_EFRON = math.log(2 * ROOT * math.cos(math.acos(45 / 23 * math.sqrt(3 / 23)) / 3))
T1_BRESLOW = math.log((3 + math.sqrt(33)) / 2)


@pytest.mark.parametrize(
    ("ties", "beta", "variance", "null", "maximum"),
    [
        ("breslow", T1_BRESLOW, 1.576868866, -4.564348191, -3.824749505),
        ("efron", T1_EFRON, 1.632301561, -4.276666119, -3.35897484),
    ],
)
def test_six_rows_in_closed_form(ties, beta, variance, null, maximum):
    fit = fit_cox(**T1, ties=ties)
    assert fit.coefficients[0] == pytest.approx(beta, abs=CLOSED_FORM)
    assert fit.naive_covariance[0, 0] == pytest.approx(variance, rel=TEN_DIGITS)
    assert fit.null_log_likelihood == pytest.approx(null, rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(maximum, rel=TEN_DIGITS)
    assert (fit.n, fit.events, fit.clusters, fit.ties, fit.robust) == (6, 4, 0, ties, False)


def test_six_rows_score_test_and_robust_variance():
    assert fit_cox(**T1, ties="breslow").score_statistic == pytest.approx(1.6, rel=CLOSED_FORM)
    assert fit_cox(**T1, robust=True).covariance[0, 0] == pytest.approx(0.770738979, rel=TEN_DIGITS)


def test_six_rows_score_residuals_of_the_oracle_by_hand():
    at_zero = oracle.likelihood(oracle.Sample.of(T1["time"], T1["event"], T1["covariates"]), [0.0], "breslow")
    by_hand = np.array([5 / 12, -1 / 12, 7 / 24, -1 / 24, 5 / 24, 5 / 24])
    np.testing.assert_allclose(at_zero.residuals[:, 0], by_hand, atol=CLOSED_FORM)


@pytest.mark.parametrize(
    ("ties", "beta", "variance", "null", "maximum"),
    [
        ("breslow", -0.08452608066, 0.63014587, -9.392661929, -9.387015118),
        ("efron", -0.02110520958, 0.6323062607, -9.169518377, -9.169166465),
    ],
)
def test_ten_rows_with_late_entry(ties, beta, variance, null, maximum):
    fit = fit_cox(**T2, ties=ties)
    assert fit.coefficients[0] == pytest.approx(beta, abs=ROUNDED)
    assert fit.naive_covariance[0, 0] == pytest.approx(variance, rel=1e-8)  # noted with eight digits
    assert fit.null_log_likelihood == pytest.approx(null, rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(maximum, rel=TEN_DIGITS)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_row_at_risk_at_no_event_changes_nothing(ties):
    plain = fit_cox(**T2, ties=ties, robust=True)
    more = {key: [*T2[key], extra] for key, extra in (("entry", 3), ("time", 5), ("event", 0), ("covariates", 500))}
    other = fit_cox(**more, ties=ties, robust=True)
    assert other.coefficients == pytest.approx(plain.coefficients, rel=TEN_DIGITS)
    assert other.covariance == pytest.approx(plain.covariance, rel=TEN_DIGITS)
    assert other.log_likelihood == pytest.approx(plain.log_likelihood, rel=LIKELIHOOD)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_three_shifted_copies_as_strata_triple_the_information(ties):
    single = fit_cox(**T2, ties=ties)
    shift = np.repeat([0, 100, 250], 10)
    copies = {key: np.tile(T2[key], 3) + (shift if key in ("entry", "time") else 0) for key in T2}
    fit = fit_cox(**copies, strata=shift, ties=ties)
    assert fit.coefficients == pytest.approx(single.coefficients, abs=CLOSED_FORM)
    assert fit.log_likelihood == pytest.approx(3 * single.log_likelihood, rel=LIKELIHOOD)
    assert 3 * fit.naive_covariance == pytest.approx(single.naive_covariance, rel=TEN_DIGITS)


def test_surpyval_250_late_entry_with_negative_covariates():
    flipped = fit_cox(**{**T2, "covariates": [-x for x in T2["covariates"]]})
    assert flipped.coefficients[0] == pytest.approx(0.02110520958, abs=ROUNDED)
    assert flipped.naive_covariance[0, 0] == pytest.approx(0.6323062607, rel=TEN_DIGITS)


@pytest.mark.parametrize(
    ("ties", "beta", "null", "maximum", "naive", "robust"),
    [
        ("breslow", 0.8595574445, -32.86755078, -32.02104628, 0.5085033375, 1.034842334),
        ("efron", 0.8726042464, -30.29217961, -29.4167846, 0.507756627, 1.252284462),
    ],
)
def test_nine_rows_with_sampling_weights(ties, beta, null, maximum, naive, robust):
    fit = fit_cox(**TW, weight=TW_WEIGHTS, ties=ties)
    assert fit.robust
    assert fit.coefficients[0] == pytest.approx(beta, rel=TEN_DIGITS)
    assert fit.null_log_likelihood == pytest.approx(null, rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(maximum, rel=TEN_DIGITS)
    assert fit.naive_covariance[0, 0] == pytest.approx(naive, rel=TEN_DIGITS)
    assert fit.covariance[0, 0] == pytest.approx(robust, rel=TEN_DIGITS)


@pytest.mark.parametrize(("ties", "beta"), [("breslow", 0.8595574445), ("efron", 0.9397874935)])
@pytest.mark.parametrize("robust", [False, True])
def test_survival_218_a_frequency_stands_for_that_many_patients(ties, beta, robust):
    fit = fit_cox(**TW, frequency=TW_WEIGHTS, ties=ties, robust=robust)
    expanded = fit_cox(**repeated(TW, TW_WEIGHTS), ties=ties, robust=robust)
    assert fit.coefficients[0] == pytest.approx(beta, rel=TEN_DIGITS)
    assert fit.covariance == pytest.approx(expanded.covariance, rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(expanded.log_likelihood, rel=LIKELIHOOD)
    assert (fit.n, fit.events) == (expanded.n, expanded.events) == (19, 13)


def test_survival_218_sampling_weights_are_not_frequencies_under_efron():
    sampling = fit_cox(**TW, weight=TW_WEIGHTS)
    frequency = fit_cox(**TW, frequency=TW_WEIGHTS)
    assert frequency.coefficients[0] - sampling.coefficients[0] == pytest.approx(0.0671832471, abs=ROUNDED)


@pytest.mark.parametrize(
    ("ties", "beta", "std_error", "likelihood_ratio", "score"),
    [
        ("breslow", 1.509191413, 0.4095644064, 15.21085681, 15.93053956),
        ("efron", 1.572125149, 0.4123967177, 16.35169084, 17.2465368),
    ],
)
def test_lifelines_1652_freireich_by_tie_method(ties, beta, std_error, likelihood_ratio, score):
    fit = fit_cox(**FREIREICH, covariates=IS_CONTROL, ties=ties)
    assert fit.coefficients[0] == pytest.approx(beta, rel=TEN_DIGITS)
    assert fit.std_errors[0] == pytest.approx(std_error, rel=TEN_DIGITS)
    assert fit.likelihood_ratio_test()[0] == pytest.approx(likelihood_ratio, rel=TEN_DIGITS)
    assert fit.score_statistic == pytest.approx(score, rel=TEN_DIGITS)


def test_freireich_breslow_likelihoods():
    fit = fit_cox(**FREIREICH, covariates=IS_CONTROL, ties="breslow")
    assert fit.null_log_likelihood == pytest.approx(-93.98505048, rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(-86.37962207, rel=TEN_DIGITS)


@pytest.mark.parametrize(
    ("ties", "beta", "std_error"),
    [("efron", 0.915532575, 0.5119342752), ("breslow", 0.9042197237, 0.5122479073)],
)
def test_aml(ties, beta, std_error):
    fit = fit_cox(**AML, covariates=IS_NOT_MAINTAINED, ties=ties)
    assert fit.coefficients[0] == pytest.approx(beta, rel=TEN_DIGITS)
    assert fit.std_errors[0] == pytest.approx(std_error, rel=TEN_DIGITS)


def test_cyclops_4_efron_is_the_default_and_is_named():
    assert fit_cox(**AML, covariates=IS_NOT_MAINTAINED).ties == "efron"


def test_lung():
    names = ("age", "sex", "ph.ecog")
    data = rows("lung", None, list(names))
    fit = fit_cox(
        time=data["time"],
        event=data["status"] == 2,
        covariates=np.column_stack([data[name] for name in names]),
        names=names,
    )
    assert (fit.n, fit.events, fit.names) == (227, 164, names)
    default_stop = 1e-8  # noted from a fit that stopped at R's default of 1e-9 of the likelihood
    assert fit.coefficients == pytest.approx([0.01106676456, -0.5526123957, 0.4637284754], rel=default_stop)
    assert fit.std_errors == pytest.approx([0.009267411, 0.1677390538, 0.1135772662], rel=SIX_DIGITS)
    assert fit.log_likelihood == pytest.approx(-729.2301214, rel=TEN_DIGITS)


def test_ovarian():
    data = read_data("ovarian")
    fit = fit_cox(time=data["futime"], event=data["fustat"], covariates=np.column_stack([data["age"], data["rx"]]))
    assert fit.coefficients == pytest.approx([0.1473265955, -0.8039730127], rel=TEN_DIGITS)
    assert fit.log_likelihood == pytest.approx(-27.04189886, rel=TEN_DIGITS)


def test_pairs_marginal_with_clusters_and_conditional_with_strata():
    marginal = fit_cox(**PAIRS, cluster=PAIR)
    assert marginal.coefficients[0] == pytest.approx(-0.9874602766, rel=TEN_DIGITS)
    assert math.sqrt(marginal.naive_covariance[0, 0]) == pytest.approx(0.8756105371, rel=TEN_DIGITS)
    assert marginal.std_errors[0] == pytest.approx(0.7683865989, rel=TEN_DIGITS)
    assert (marginal.robust, marginal.clusters) == (True, 4)
    conditional = fit_cox(**PAIRS, strata=PAIR)
    assert conditional.coefficients[0] == pytest.approx(-math.log(2), abs=CLOSED_FORM)
    assert conditional.std_errors[0] == pytest.approx(1.224744871, rel=TEN_DIGITS)


def test_lifelines_1598_clusters_are_never_silently_ignored():
    fit = fit_cox(**PAIRS, cluster=PAIR, robust=False)
    assert fit.robust
    assert fit.std_errors[0] == pytest.approx(0.7683865989, rel=TEN_DIGITS)


def test_statsmodels_2963_strata_alone_do_not_switch_clusters_on():
    fit = fit_cox(**PAIRS, strata=PAIR)
    assert (fit.robust, fit.clusters) == (False, 0)
    np.testing.assert_array_equal(fit.covariance, fit.naive_covariance)


@pytest.mark.parametrize(("stabilised", "naive"), [(False, 0.4146636937), (True, 0.5864230195)])
def test_inverse_probability_weights_on_ovarian(stabilised, naive):
    data = read_data("ovarian")
    treated = data["rx"] == 2
    covariates = np.column_stack([data["age"], data["resid.ds"], data["ecog.ps"]])
    score = fit_logistic(outcome=treated, covariates=covariates)
    noted = [-0.06991653609, 0.01583111263, -0.4253213661, -0.1018859114]
    assert score.coefficients == pytest.approx(noted, rel=TEN_DIGITS)
    share = np.where(treated, score.probabilities, 1 - score.probabilities)
    weight = (0.5 if stabilised else 1.0) / share
    fit = fit_cox(time=data["futime"], event=data["fustat"], covariates=treated * 1.0, weight=weight)
    assert fit.coefficients[0] == pytest.approx(-0.6037720448, rel=TEN_DIGITS)
    assert fit.std_errors[0] == pytest.approx(0.5498453428, rel=TEN_DIGITS)
    assert math.sqrt(fit.naive_covariance[0, 0]) == pytest.approx(naive, rel=TEN_DIGITS)


def test_veteran_interaction_by_likelihood_ratio():
    data = read_data("veteran")
    arm, old = data["trt"], (data["age"] >= 60).astype(float)
    fits = [
        fit_cox(time=data["time"], event=data["status"], covariates=np.column_stack(columns))
        for columns in ([arm, old], [arm, old, arm * old])
    ]
    statistic = 2 * (fits[1].log_likelihood - fits[0].log_likelihood)
    assert statistic == pytest.approx(1.38633, abs=5e-6)  # as noted


def test_tied_times_vignette_days_keep_the_ties_that_years_lose():
    # 30 patients enrolled on consecutive days and followed for 1320 days and 1..10 more, three times over
    days = 1320 + 1 + np.tile(np.arange(1, 11), 3)
    fit = fit_cox(time=days, event=np.tile([0, 1], 15), covariates=np.arange(1, 31))
    assert fit.coefficients[0] == pytest.approx(-0.03113932472, rel=TEN_DIGITS)


CASES = reference("cox")["cases"]


def fit_case(case):
    optional = ("entry", "strata", "cluster", "weight", "frequency")
    data = rows(case["data"], case["subset"], [case["time"], case["event"], *case["covariates"],
                                               *(case[key] for key in optional)])  # fmt: skip
    return fit_cox(
        time=data[case["time"]],
        event=happened(case["data"], data, case["event"]),
        covariates=np.column_stack([column(data, name) for name in case["covariates"]]),
        names=case["covariates"],
        ties=case["ties"],
        robust=case["robust"],
        **{key: data[case[key]] for key in optional if case[key]},
    )


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_r_agrees(case):
    fit = fit_case(case)
    assert (fit.n, fit.events) == (case["n"], case["events"])
    standard = np.sqrt(np.diag(case["covariance"]))
    error = (fit.coefficients - floats(case["coefficients"])) / standard
    assert np.abs(error).max() < STORED
    scale = np.outer(standard, standard)
    assert np.abs((fit.covariance - case["covariance"]) / scale).max() < STORED
    naive_scale = np.sqrt(np.diag(case["naive_covariance"]))
    naive_error = (fit.naive_covariance - case["naive_covariance"]) / np.outer(naive_scale, naive_scale)
    assert np.abs(naive_error).max() < STORED
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=LIKELIHOOD)
    assert fit.null_log_likelihood == pytest.approx(case["null_log_likelihood"], rel=LIKELIHOOD)
    assert fit.score_statistic == pytest.approx(case["score"], rel=STORED)
    assert fit.wald_test()[0] == pytest.approx(case["wald"], rel=STORED)
    tails = 1e-7  # a tail at z = 10 magnifies an error of z a hundredfold
    np.testing.assert_allclose(fit.p_values, floats(case["p_values"]), rtol=tails)


def test_surpyval_279_robust_variance_follows_the_tie_method():
    by_tie = {case["ties"]: case for case in CASES if case["label"].startswith("ties_heavy frequency robust")}
    efron, breslow = (fit_case(by_tie[ties]).std_errors[0] for ties in ("efron", "breslow"))
    assert efron != pytest.approx(breslow, rel=1e-3)  # hundreds of ties: the two must differ visibly


def test_matched_pairs_of_rotterdam_by_cluster():
    golden = reference("matchit_pairs")["rotterdam_node_positive"]
    data = read_data("rotterdam")
    row = {f"{pid:.0f}": i for i, pid in enumerate(data["pid"])}
    for setting in golden["matching"]:
        chosen = [row[pid] for pid in setting["treated"] + setting["control"]]
        pair = np.tile(np.arange(setting["pairs"]), 2)
        for label, time, event in (("cox_os", "dtime", "death"), ("cox_rfs", "rtime", "recur")):
            fit = fit_cox(time=data[time][chosen], event=data[event][chosen], covariates=data["hormon"][chosen],
                          cluster=pair)  # fmt: skip
            found = (fit.coefficients[0], fit.std_errors[0], math.sqrt(fit.naive_covariance[0, 0]))
            expected = [setting[label][key] for key in ("coef", "se_robust", "se_naive")]
            assert found == pytest.approx(expected, rel=1e-7)  # this R script kept coxph's default of 1e-9


@pytest.mark.parametrize("scheme", ["ate", "att", "ato", "ate_stabilised"])
def test_dowhy_289_weighted_fits_of_rotterdam(scheme):
    golden = reference("matchit_pairs")["rotterdam_node_positive"]
    data = rows("rotterdam", "nodes>0", [])
    names = ("age", "meno", "size=20-50", "size=>50", "grade", "nodes", "pgr", "er")
    covariates = np.column_stack([column(data, name) for name in names])
    p, arm = fit_logistic(outcome=data["hormon"], covariates=covariates).probabilities, data["hormon"]
    share = arm.mean()
    weight = {
        "ate": arm / p + (1 - arm) / (1 - p),
        "att": arm + (1 - arm) * p / (1 - p),
        "ato": arm * (1 - p) + (1 - arm) * p,
        "ate_stabilised": arm * share / p + (1 - arm) * (1 - share) / (1 - p),
    }[scheme]
    fit = fit_cox(time=data["dtime"], event=data["death"], covariates=arm, weight=weight)
    expected = golden["weighting"][scheme]["os"]
    assert fit.coefficients[0] == pytest.approx(expected["coef"], rel=1e-7)  # default tolerances of R
    assert fit.std_errors[0] == pytest.approx(expected["se_robust"], rel=1e-7)


MONOTONE = "monotone likelihood: the estimate is infinite"
SEPARATED = {"time": [1, 2, 3, 4, 5, 6], "event": [1, 1, 1, 0, 0, 0]}


def test_mlumr_41_events_in_one_arm_only_are_not_estimable():
    fit = fit_cox(**SEPARATED, covariates=[1, 1, 1, 0, 0, 0])
    assert fit.reasons == (MONOTONE,)
    assert np.isnan([fit.coefficients[0], fit.covariance[0, 0], fit.std_errors[0], fit.p_values[0]]).all()
    assert fit.score_statistic == pytest.approx(5.051660517, rel=TEN_DIGITS)
    assert fit.degrees_of_freedom == 1  # the likelihood ratio includes the term that ran away
    assert fit.wald_test()[1] == 0


@pytest.mark.parametrize("robust", [False, True])
def test_infcox_two_terms_run_away_together(robust):
    event = [1, 0, 1, 0, 1] + [0] * 7
    x = np.column_stack([np.tile([0, 1], 6), np.repeat([0, 1], 6)])
    fit = fit_cox(time=range(1, 13), event=event, covariates=x, robust=robust)
    assert fit.reasons == (MONOTONE, MONOTONE)
    assert np.isnan(fit.coefficients).all()
    assert fit.null_log_likelihood == pytest.approx(-6.866933284, rel=TEN_DIGITS)
    limit = 1e-8  # e^-20 of the limit's distance is left when the fit is given up
    assert fit.log_likelihood == pytest.approx(-math.log(6), abs=limit)


def test_one_term_runs_away_and_the_other_stays():
    z = [0.3, 0.1, 0.5, 0.2, 0.9, 0.4]
    fit = fit_cox(**SEPARATED, covariates=np.column_stack([[1, 1, 1, 0, 0, 0], z]))
    assert fit.reasons == (MONOTONE, "")
    # with the first term at infinity only its three patients stand in the risk sets of their deaths
    alone = fit_cox(time=[1, 2, 3], event=[1, 1, 1], covariates=z[:3])
    still_moving = 1e-6  # the infinite term is given up when its hazards differ e^24-fold
    assert fit.coefficients[1] == pytest.approx(alone.coefficients[0], rel=still_moving)


def test_likelihood_ratio_counts_the_degrees_of_freedom_of_an_infinite_term():
    # the statistic compares with the model without both terms, so it has two degrees of freedom, as in R
    z = [0.3, 0.1, 0.5, 0.2, 0.9, 0.4]
    fit = fit_cox(**SEPARATED, covariates=np.column_stack([[1, 1, 1, 0, 0, 0], z]))
    statistic, p_value = fit.likelihood_ratio_test()
    assert p_value == pytest.approx(math.exp(-statistic / 2), rel=TEN_DIGITS)  # the tail at two degrees


def test_lifelines_975_a_model_without_information_is_not_estimable():
    with pytest.raises(NotEstimableError, match="no covariates"):
        fit_cox(**SEPARATED, covariates=np.empty((6, 0)))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_lifelines_242_collinear_and_constant_columns_are_dropped_with_their_reason(ties):
    x = np.array([0.3, 0.1, 0.5, 0.2, 0.9, 0.4])
    event = [1, 0, 1, 1, 0, 1]
    single = fit_cox(time=range(6), event=event, covariates=x, ties=ties)
    fit = fit_cox(time=range(6), event=event, covariates=np.column_stack([x, np.ones(6), 3 - 2 * x]), ties=ties)
    assert fit.reasons == ("", "constant", "collinear with the terms before it")
    assert fit.coefficients[0] == pytest.approx(single.coefficients[0], rel=CLOSED_FORM)
    assert fit.covariance[0, 0] == pytest.approx(single.covariance[0, 0], rel=TEN_DIGITS)
    assert np.isnan(fit.coefficients[1:]).all()
    assert np.isnan(fit.covariance[1:]).all()
    assert fit.degrees_of_freedom == 1


def test_lifelines_516_a_constant_column_alone_is_not_estimable():
    with pytest.raises(NotEstimableError, match="constant"):
        fit_cox(time=[1, 2, 3], event=[1, 1, 0], covariates=[1, 1, 1])


def test_a_term_that_varies_only_between_strata_is_not_estimable():
    with pytest.raises(NotEstimableError):
        fit_cox(time=[1, 2, 3, 4], event=[1, 1, 1, 1], covariates=[0, 0, 1, 1], strata=[0, 0, 1, 1])


def test_a_term_constant_in_every_risk_set_keeps_the_others_estimable():
    x = np.column_stack([[1, 2, 0, 0, 0], [0.3, 0.2, 0.7, 0.1, 0.5]])
    fit = fit_cox(time=[1, 2, 3, 4, 5], event=[0, 0, 1, 1, 1], covariates=x)
    alone = fit_cox(time=[3, 4, 5], event=[1, 1, 1], covariates=x[2:, 1])
    assert fit.reasons[0] != ""
    assert fit.coefficients[1] == pytest.approx(alone.coefficients[0], rel=TEN_DIGITS)


def test_a_lone_term_constant_in_every_risk_set_is_not_called_collinear():
    with pytest.raises(NotEstimableError) as refusal:
        fit_cox(time=[1, 2, 3, 4, 5], event=[0, 0, 1, 1, 1], covariates=[1, 2, 0, 0, 0])
    assert "collinear" not in str(refusal.value)  # there is no other term


@pytest.mark.parametrize(
    ("time", "event", "covariates"),
    [([2, 5, 5], [0, 1, 1], [0, 1, 1]), ([2, 1, 3, 3], [0, 0, 1, 1], [-1, 0, 0, 0])],
    ids=["all at risk have it", "all at risk lack it"],
)
def test_no_information_is_not_called_a_monotone_likelihood(time, event, covariates):
    # R gives NA and a likelihood ratio of 0 on no degrees of freedom
    with pytest.raises(NotEstimableError):
        fit_cox(time=time, event=event, covariates=covariates)


def test_separation_whose_information_vanishes_is_reported_and_no_crash():
    x = [[0, 0], [0, -1], [-1, 0], [0, 0], [1, 1]]
    fit = fit_cox(time=[3, 2, 1, 5, 1], event=[1, 0, 0, 0, 1], covariates=x)
    assert MONOTONE in fit.reasons


def test_separation_whose_hazards_underflow_is_reported_without_a_division_by_zero():
    x = [[0, -1], [-1, 0], [0, 0], [1, 1], [1, -1]]
    fit = fit_cox(time=[4, 3, 2, 2, 1], event=[1, 0, 0, 1, 0], covariates=x)
    assert MONOTONE in fit.reasons


@pytest.mark.parametrize(
    ("entry", "time", "event", "x", "weight"),
    [
        ([2, 0, 2], [4, 1, 4], [0, 1, 1], [[-2, 0], [-1, 1], [0, 1]], [0.25, 1.7, 1.7]),
        ([4, -2, 1, 1], [5, 1, 4, 4], [1, 1, 1, 0], [[-1, 1], [1, 1], [2, 1], [0, 0]], [1.7, 1.7, 1, 1.7]),
    ],
)
def test_a_monotone_likelihood_is_not_called_a_failure_to_converge(entry, time, event, x, weight):
    fit = fit_cox(entry=entry, time=time, event=event, covariates=x, weight=weight)
    assert MONOTONE in fit.reasons


def test_a_level_without_events_leaves_the_other_terms_of_a_real_cohort_estimable():
    data = {key: values[:400] for key, values in read_data("ties_heavy").items()}
    rare = np.arange(400) % 20 == 0
    event = (data["event"] == 1) & ~rare
    x = np.column_stack([data["x1"], rare, data["x2"]])
    fit = fit_cox(time=data["time"], event=event, covariates=x)
    assert fit.reasons == ("", MONOTONE, "")
    others = fit_cox(time=data["time"][~rare], event=event[~rare], covariates=x[~rare][:, [0, 2]])
    left_over = 1e-6  # at a hazard ratio of e^-24 a score of 1e-10 is left of the rare level
    assert fit.coefficients[[0, 2]] == pytest.approx(others.coefficients, rel=left_over)
    assert fit.std_errors[[0, 2]] == pytest.approx(others.std_errors, rel=left_over)


def test_a_large_but_finite_effect_is_an_estimate():
    rng = np.random.default_rng(11)
    x = rng.normal(size=400)
    time = np.exp(-5 * x) * rng.exponential(size=400)
    fit = fit_cox(time=time, event=np.ones(400), covariates=x)
    three_errors = 3 * fit.std_errors[0]  # the seed is fixed: the truth lies within three standard errors
    assert fit.reasons == ("",)
    assert fit.coefficients[0] == pytest.approx(5, abs=three_errors)


@pytest.mark.parametrize(("event", "weight"), [([0, 0, 0], None), ([1, 0, 0], [0, 1, 1])])
def test_no_events(event, weight):
    with pytest.raises(NotEstimableError, match="no events"):
        fit_cox(time=[1, 2, 3], event=event, covariates=[0, 1, 0], weight=weight)


def test_a_patient_of_weight_zero_changes_nothing():
    plain = fit_cox(**FREIREICH, covariates=IS_CONTROL, weight=np.ones(42))
    more = fit_cox(
        time=[*FREIREICH["time"], 8, 9],
        event=[*FREIREICH["event"], 1, 0],
        covariates=[*IS_CONTROL, 0, 1],
        weight=[1] * 42 + [0, 0],
    )
    assert more.coefficients == pytest.approx(plain.coefficients, rel=TEN_DIGITS)
    assert more.covariance == pytest.approx(plain.covariance, rel=TEN_DIGITS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": [1, np.nan, 3]}, "time: found 1 missing"),
        ({"event": [1, 2, 0]}, "event: found codes outside 0 and 1"),
        ({"covariates": [0, np.nan, 1]}, "covariates: found 1 missing"),
        ({"covariates": [0, 1]}, "covariates: found shape"),
        ({"entry": [0, 2, 0]}, "entry: found 1 patients"),
        ({"strata": [1, None, 2]}, "strata: found missing"),
        ({"cluster": [1, 2]}, "cluster: found shape"),
        ({"cluster": [1, np.nan, 2]}, "cluster: found 1 missing"),
        ({"weight": [1, -1, 1]}, "weight: found negative"),
        ({"frequency": [1, 0.5, 1]}, "frequency: expected whole numbers"),
        ({"ties": "exact"}, "ties: found 'exact'"),
        ({"names": ["a", "b"]}, "names: found 2 names; expected 1"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        fit_cox(**{"time": [1, 2, 3], "event": [1, 1, 0], "covariates": [0, 1, 0], **changed})


def test_wald_test_of_chosen_terms():
    data = read_data("ovarian")
    covariates = np.column_stack([data["age"], data["rx"]])
    fit = fit_cox(time=data["futime"], event=data["fustat"], covariates=covariates, names=("age", "rx"))
    statistic, freedom, p_value = fit.wald_test(["rx"])
    assert (freedom, statistic) == (1, pytest.approx((fit.coefficients[1] / fit.std_errors[1]) ** 2))
    assert p_value == pytest.approx(fit.p_values[1])


def test_inputs_are_not_changed():
    x = np.column_stack([np.arange(8.0), np.arange(8.0) ** 2])
    kept = x.copy()
    fit_cox(time=PAIRS["time"], event=PAIRS["event"], covariates=x)
    np.testing.assert_array_equal(x, kept)


drawn_patients = st.lists(
    st.tuples(
        st.integers(0, 5),  # entry
        st.integers(1, 5),  # follow-up
        st.booleans(),
        st.integers(-2, 2),
        st.integers(0, 1),
        st.integers(0, 1),  # stratum
        st.integers(0, 4),  # cluster
        st.sampled_from([0.25, 1.0, 1.7, 3.0]),
        st.integers(1, 3),  # frequency
    ),
    min_size=8,
    max_size=30,
)


def arranged(drawn, truncated, stratified):
    entry, follow_up, event, x1, x2, stratum, cluster, weight, frequency = map(np.array, zip(*drawn, strict=True))
    return {
        "time": entry + follow_up if truncated else follow_up,
        "event": event,
        "covariates": np.column_stack([x1, x2]).astype(float),
        "weight": weight,
        "frequency": frequency,
        "cluster": cluster,
        "entry": entry if truncated else None,
        "strata": stratum if stratified else None,
    }


def expanded_sample(columns):
    many = {key: np.repeat(values, columns["frequency"], axis=0) for key, values in columns.items()
            if values is not None}  # fmt: skip
    sample = oracle.Sample.of(
        many["time"], many["event"], many["covariates"], many.get("entry"), many.get("strata"), many["weight"]
    )
    return sample, many["cluster"]


def maximum(sample, ties):
    """The oracle's coefficients, or None where Newton's method runs away or stands on a flat likelihood."""
    with np.errstate(all="ignore"):
        try:
            information = oracle.likelihood(sample, np.zeros(2), ties).information
            if np.linalg.eigvalsh(information)[0] < 0.05:
                return None
            beta = oracle.maximise(sample, ties, 40)
        except np.linalg.LinAlgError:
            return None
    return beta if np.abs(beta).max() < FINITE else None


@settings(max_examples=120, deadline=None, derandomize=True)
@given(drawn_patients, st.booleans(), st.booleans(), st.sampled_from(["efron", "breslow"]), st.booleans())
def test_equals_the_double_loops(drawn, truncated, stratified, ties, clustered):
    columns = arranged(drawn, truncated, stratified)
    sample, cluster = expanded_sample(columns)
    assume(sample.event.any())
    beta = maximum(sample, ties)
    assume(beta is not None)
    fit = fit_cox(**{**columns, "cluster": columns["cluster"] if clustered else None}, ties=ties)
    assert fit.reasons == ("", "")
    np.testing.assert_allclose(fit.coefficients, beta, rtol=SLOW, atol=SLOW)
    at, null = (oracle.likelihood(sample, b, ties) for b in (fit.coefficients, np.zeros(2)))
    assert np.abs(at.score).max() < SLOW
    assert fit.log_likelihood == pytest.approx(at.log_likelihood, rel=TEN_DIGITS)
    assert fit.null_log_likelihood == pytest.approx(null.log_likelihood, rel=TEN_DIGITS)
    assert fit.score_statistic == pytest.approx(null.score @ np.linalg.solve(null.information, null.score), rel=SLOW)
    np.testing.assert_allclose(fit.naive_covariance, np.linalg.inv(at.information), rtol=SLOW, atol=SLOW)
    robust = oracle.robust_covariance(sample, fit.coefficients, ties, cluster if clustered else None)
    np.testing.assert_allclose(fit.covariance, robust, rtol=SLOW, atol=SLOW)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(drawn_patients, st.sampled_from(["efron", "breslow"]))
def test_whatever_the_sample_every_term_has_an_estimate_or_a_reason(drawn, ties):
    columns = arranged(drawn, truncated=False, stratified=False)
    assume(columns["event"].any())
    try:
        fit = fit_cox(**columns, ties=ties)
    except NotEstimableError as refusal:
        reasons, estimable = [str(refusal)], [False]
    else:
        reasons, estimable = list(fit.reasons), np.isfinite(fit.coefficients).tolist()
    assert set(reasons) <= {"", "constant", "collinear with the terms before it", MONOTONE}
    assert estimable == [reason == "" for reason in reasons]
