"""Proportional hazards and restricted means in the ledger: what R gives on the synthetic twin."""

from __future__ import annotations

from pathlib import Path

import pytest

import twoarm
from twoarm.report.warnings_text import warnings_text
from twoarm.results.results import Results
from twoarm.tables.scope import scopes

EXAMPLE = Path(__file__).parents[2] / "examples" / "es-sclc"
WHOLE = twoarm.read_protocol(EXAMPLE / "study.toml")
PROTOCOL = WHOLE.model_copy(update={"missing": {"complete_case": WHOLE.missing["complete_case"]}})
CONTRAST = "ICIs continuation vs ICIs discontinuation"

# R 4.2.2, survival 3.5-3: cox.zph(coxph(Surv(time, event) ~ arm), transform = "km")$table["arm", c("chisq", "p")]
ZPH = {"os": (0.719564377890934, 0.396286838273138), "pfs": (10.52594547677799142, 0.00117710175420847)}
# summary(survfit(Surv(time, event) ~ arm), rmean = tau)$table[, c("rmean", "se(rmean)")], tau the smaller largest time
RMST = {
    "os": {
        "tau": 1452,
        "arms": {
            "ICIs continuation": (509.566841828859, 46.2617548758734),
            "ICIs discontinuation": (350.596407786435, 33.9865522773154),
        },
    },
    "pfs": {
        "tau": 505,
        "arms": {
            "ICIs continuation": (214.118960819642, 18.1412228318444),
            "ICIs discontinuation": (121.319224023920, 12.8605768284130),
        },
    },
}


@pytest.fixture(scope="module")
def results() -> Results:
    return twoarm.run_study(PROTOCOL, twoarm.read_records(PROTOCOL, EXAMPLE))


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_the_score_test_equals_r(results: Results, endpoint: str) -> None:
    here = {"population": "study", "adjustment": "unadjusted", "analysis": "proportional_hazards", "endpoint": endpoint}
    for statistic, expected in zip(("chi_squared", "p_value"), ZPH[endpoint], strict=True):
        assert results.get(**here, arm=CONTRAST, statistic=statistic).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_restricted_means_equal_r(results: Results, endpoint: str) -> None:
    here = {"population": "study", "adjustment": "unadjusted", "analysis": "restricted_mean", "endpoint": endpoint}
    assert results.get(**here, statistic="tau").value == RMST[endpoint]["tau"]
    for arm, (mean, error) in RMST[endpoint]["arms"].items():
        lower = results.get(**here, arm=arm, statistic="restricted_mean_lower").value
        found = results.get(**here, arm=arm, statistic="restricted_mean").value
        assert found == pytest.approx(mean, rel=1e-9)
        assert lower == pytest.approx(mean - 1.959963984540054 * error, rel=1e-8)
    (mean_1, error_1), (mean_0, error_0) = RMST[endpoint]["arms"].values()
    gap = results.get(**here, statistic="restricted_mean_difference_upper").value
    assert gap == pytest.approx(mean_1 - mean_0 + 1.959963984540054 * (error_1**2 + error_0**2) ** 0.5, rel=1e-8)


def test_a_hazard_ratio_that_changes_is_said_on_the_first_page(results: Results) -> None:
    said = [sentence.text for sentence in warnings_text(scopes(PROTOCOL, results)[0])]
    assert any(text.startswith("2L-PFS, unadjusted: the hazard ratio of the arms is not constant") for text in said)
    assert not any(text.startswith("2L-OS, unadjusted: the hazard ratio of the arms is not constant") for text in said)
