"""The statistics as a user of lifelines or R would call them: on arrays, on frames, with mistakes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest

import twoarm
from twoarm.errors import ArgumentError, NotEstimableError

ROOT = Path(__file__).parents[2]
ROTTERDAM = pl.read_csv(ROOT / "examples" / "rotterdam" / "rotterdam.csv").filter(pl.col("nodes") > 0)
LUNG = pl.read_csv(ROOT / "tests" / "data" / "lung.csv")
COVARIATES = ["year", "age", "meno", "size", "grade", "nodes", "pgr", "er", "chemo"]
PRINTED = 6e-8  # expected.json holds seven decimals

mpl.use("Agg")


@pytest.fixture(scope="module")
def matched() -> pl.DataFrame:
    frame: pl.DataFrame = twoarm.match(ROTTERDAM, "hormon", COVARIATES, key="pid").take(ROTTERDAM)
    return frame


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_frames_and_arrays_give_the_same(library: str) -> None:
    frame = {"polars": lambda: ROTTERDAM, "pandas": ROTTERDAM.to_pandas, "pyarrow": ROTTERDAM.to_arrow}[library]()
    by_name = twoarm.kaplan_meier(frame, "dtime", "death", arm="hormon")
    by_array = twoarm.kaplan_meier(time=ROTTERDAM["dtime"], event=ROTTERDAM["death"], arm=ROTTERDAM["hormon"])
    assert (
        by_name.rows
        == by_array.rows
        == (("0", 1207.0, 718.0, 2660.0, 2431.0, 2966.0), ("1", 339.0, 159.0, 2866.0, 2448.0, 3472.0))
    )
    one = twoarm.cox(frame, "dtime", "death", ["hormon", "age"])
    other = twoarm.cox(time=ROTTERDAM["dtime"], event=ROTTERDAM["death"], covariates=ROTTERDAM[["hormon", "age"]])
    assert one.fit.coefficients.tolist() == other.fit.coefficients.tolist()


def test_matched_hazard_ratio_equals_r(matched: pl.DataFrame) -> None:
    """R 4.2.2, MatchIt 4.7.2: .8484565 (.6325396 to 1.1380765), examples/rotterdam/expected.json."""
    model = twoarm.cox(matched, "dtime", "death", "hormon", cluster="pair")
    assert model.rows[0][3:6] == pytest.approx((0.8484565, 0.6325396, 1.1380765), abs=PRINTED)
    assert matched.height == 318


def test_match_takes_rows_in_the_frames_own_library() -> None:
    frame = ROTTERDAM.to_pandas()
    pairs = twoarm.match(frame, "hormon", COVARIATES, key="pid")
    taken = pairs.take(frame)
    assert isinstance(taken, pd.DataFrame)
    assert taken.groupby("pair")["hormon"].sum().eq(1).all()
    assert pairs.to_frame().height == 159


def test_text_columns_become_levels_with_a_reference_that_is_named() -> None:
    model = twoarm.cox(ROTTERDAM, "dtime", "death", ["hormon", "size"], reference={"size": "<=20"})
    assert [row[0] for row in model.rows] == ["hormon", "size: 20-50 vs <=20", "size: >50 vs <=20"]
    test = model.proportional_hazards()
    assert [row[0] for row in test.rows] == ["hormon", "size", "global"]
    assert [row[2] for row in test.rows] == [1, 2, 3]


def test_events_of_other_codes_are_declared() -> None:
    """R 4.2.2: survfit(Surv(time, status == 2) ~ sex, lung, conf.type = "log-log"): 270 (210, 306), 426 (345, 524)."""
    curves = twoarm.kaplan_meier(LUNG, "time", "status", arm="sex", event_value=2)
    assert [row[3:] for row in curves.rows] == [(270.0, 210.0, 306.0), (426.0, 345.0, 524.0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: twoarm.kaplan_meier(time=[5, 8, 9], event=[5, 8, 9]), "event: found codes outside 0 and 1"),
        (lambda: twoarm.kaplan_meier(LUNG, "time", "status"), "event: found codes outside 0 and 1"),
        (lambda: twoarm.kaplan_meier([1, 2], [1, 1]), "frame: found a list; pass a frame first, or arrays by keyword"),
        (lambda: twoarm.kaplan_meier(time="days", event=[1]), 'time: found the name "days" without a frame'),
        (lambda: twoarm.kaplan_meier(LUNG, "tme", "status"), "did you mean time"),
        (lambda: twoarm.kaplan_meier(LUNG, "time"), "event: missing"),
        (
            lambda: twoarm.kaplan_meier(LUNG, "time", "status", event_value=7),
            "event_value: found 7, which no patient has",
        ),
        (lambda: twoarm.kaplan_meier(time=[1, np.nan], event=[1, 1]), "time: found 1 missing or infinite"),
        (lambda: twoarm.kaplan_meier(time=[1, -2], event=[1, 1]), "time: found 1 negative"),
        (lambda: twoarm.kaplan_meier(time=[1, 2], event=[1, 1], entry=[0, 2]), "entry: found 1 patients"),
        (lambda: twoarm.kaplan_meier(time=[1, 2], event=[1]), "event: found shape"),
        (
            lambda: twoarm.cox(LUNG, "time", "status", ["wt.loss"], event_value=2),
            'covariates: found 14 missing values in "wt.loss"',
        ),
        (
            lambda: twoarm.cox(time=[1, 2], event=[1, 1], covariates=[1, 2], frequency=[1, 1.5]),
            "frequency: expected whole numbers",
        ),
        (lambda: twoarm.cox(time=[1, 2], event=[1, 1], covariates=[1, 2], weight=[0, -1]), "weight: found negative"),
        (lambda: twoarm.cox(ROTTERDAM, "dtime", "death", ["size"], reference={"size": "tiny"}), "expected a level of"),
        (lambda: twoarm.match(ROTTERDAM, "hormon"), "expected either covariates or score"),
        (lambda: twoarm.match(score=[0.1, 1.2], treated=[1, 0]), "score: expected probabilities"),
        (lambda: twoarm.match(ROTTERDAM, "hormon", ["age"], order="random"), "needs a numpy Generator"),
        (
            lambda: twoarm.restricted_mean(ROTTERDAM, "dtime", "death", "grade", treated=1),
            "expected two arms, one of them",
        ),
        (lambda: twoarm.proportion(events=3, n=2), "expected whole numbers with 0 <= events <= n"),
    ],
)
def test_a_mistake_names_the_argument_and_the_remedy(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: twoarm.cox(time=[1, 2], event=[0, 0], covariates=[1, 2]), "no events"),
        (lambda: twoarm.log_rank(time=[1, 2], event=[1, 0], arm=["a", "a"]), "one arm only"),
        (lambda: twoarm.cox(time=[1, 2, 3], event=[1, 1, 0], covariates=[1, 1, 1]), "constant"),
        (lambda: twoarm.match(treated=[1, 1, 0, 0], covariates=[3, 4, 1, 2]), "separation"),
        (
            lambda: twoarm.restricted_mean(time=[1, 2, 3, 4], event=[1, 0, 1, 0], arm=[1, 1, 0, 0], treated=1, tau=9),
            "last follow-up",
        ),
    ],
)
def test_what_the_data_cannot_give_says_why(call: Any, reason: str) -> None:
    with pytest.raises(NotEstimableError, match=reason):
        call()


def test_a_collinear_term_keeps_its_line_and_reason() -> None:
    model = twoarm.cox(
        time=[1, 2, 3, 4, 5], event=[1, 1, 0, 1, 1], covariates=np.column_stack([[1, 2, 0, 1, 5], [2, 4, 0, 2, 10]])
    )
    assert "x2 is not estimable: collinear with the terms before it." in model.notes
    assert "NE" in repr(model)


RESULTS = {
    "kaplan_meier": lambda: twoarm.kaplan_meier(ROTTERDAM, "dtime", "death", arm="hormon"),
    "log_rank": lambda: twoarm.log_rank(ROTTERDAM, "dtime", "death", "hormon", strata="grade"),
    "cox": lambda: twoarm.cox(ROTTERDAM, "dtime", "death", ["hormon", "size"]),
    "logistic": lambda: twoarm.logistic(ROTTERDAM, "hormon", ["age", "size"]),
    "match": lambda: twoarm.match(ROTTERDAM, "hormon", ["age", "size"], ratio=2, exact="grade"),
    "differences": lambda: twoarm.standardised_differences(ROTTERDAM, "hormon", COVARIATES),
    "rmst": lambda: twoarm.restricted_mean(ROTTERDAM, "dtime", "death", "hormon", treated=1),
    "count_test": lambda: twoarm.count_test(ROTTERDAM, "size", "hormon"),
    "fisher": lambda: twoarm.fisher(table=[[3, 1], [1, 3]]),
    "wilcoxon": lambda: twoarm.wilcoxon(ROTTERDAM, "age", "hormon"),
    "kruskal": lambda: twoarm.kruskal_wallis(ROTTERDAM, "age", "size"),
    "t_test": lambda: twoarm.t_test(ROTTERDAM, "age", "hormon"),
    "proportion": lambda: twoarm.proportion(events=7, n=25),
    "difference": lambda: twoarm.proportion_difference(events=(56, 48), n=(70, 80)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_frozen_readable_and_give_frames(name: str) -> None:
    result = RESULTS[name]()
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.title = "another"
    assert repr(result).startswith(result.title)
    assert result._repr_html_().startswith("<table>")
    assert isinstance(result.to_frame(), pl.DataFrame)
    assert isinstance(result.to_frame(pandas=True), pd.DataFrame)


@pytest.mark.parametrize("name", ["kaplan_meier", "cox", "differences"])
def test_plots_draw_on_the_callers_axes_or_new_ones(name: str) -> None:
    from matplotlib import pyplot

    result = RESULTS[name]()
    _, axes = pyplot.subplots()
    assert result.plot(axes) is axes
    assert result.plot() is not axes
    assert axes.get_xlabel()
    pyplot.close("all")


def test_curves_at_chosen_times() -> None:
    """R 4.2.2: summary(survfit(Surv(time, status == 2) ~ sex, lung), times = 180): at risk 89 and 71 (known answers)."""
    at = twoarm.kaplan_meier(LUNG, "time", "status", arm="sex", event_value=2).at([0, 180, 99999])
    assert [row[2] for row in at.rows] == [138.0, 89.0, 0.0, 90.0, 71.0, 0.0]
    assert at.rows[0][3] == 1.0
    assert np.isnan(at.rows[2][3])


def test_labels_are_escaped_in_html() -> None:
    result = twoarm.kaplan_meier(time=[1, 2], event=[1, 1], arm=["<script>", "b"])
    assert "<script>" not in result._repr_html_()


def test_optimal_matching_of_a_frame():
    treated, score = [1, 1, 0, 0], [0.4, 0.5, 0.45, 0.9]
    found = twoarm.match(treated=treated, score=score, scale="probability", caliper=None, method="optimal")
    assert [row[:3] for row in found.to_frame().rows()] == [(1, "1", "3"), (2, "2", "4")]
    assert found.title == "Optimal matching on the propensity score"
    assert found.weights.tolist() == [1, 1, 1, 1]
    several = twoarm.match(treated=treated, score=score, scale="probability", caliper=None, ratio=2, replace=True)
    assert several.weights.tolist() == [1, 1, 1, 1]
    one = twoarm.match(treated=treated, score=score, scale="probability", caliper=None, replace=True)
    assert one.weights.tolist() == [1, 1, 1, 0]
    for wrong in ({"replace": True}, {"order": "data"}):
        with pytest.raises(ArgumentError, match="optimal matching takes neither"):
            twoarm.match(treated=treated, score=score, scale="probability", method="optimal", **wrong)
    with pytest.raises(ArgumentError, match="method: found 'best'"):
        twoarm.match(treated=treated, score=score, scale="probability", method="best")
