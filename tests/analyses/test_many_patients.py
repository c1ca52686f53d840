"""What is done differently for very many patients says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spec_study import patients, write_study
from twoarm.analyses import cox_model, kept_fits, piecewise, run, schoenfeld
from twoarm.analyses.kept_fits import KeptFits
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.curve import MOST_EVENTS, Curve
from twoarm.results.results import Results
from twoarm.statistics import distinct_rows
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.study import run_study

MORE = """
[adjustments.mv]
kind = "multivariable"

[subgroups]
variables = ["sex"]
"""


def study_of(tmp_path: Path) -> Results:
    study = write_study(tmp_path, patients(400), more=MORE)
    protocol = read_protocol(study)
    return run_study(protocol, read_records(protocol, tmp_path))


def fit() -> CoxFit:
    return fit_cox(time=[1, 2, 3, 4], event=[1, 1, 1, 0], covariates=[[0], [1], [0], [1]])


def test_equal_patients_are_counted_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = study_of(tmp_path)
    monkeypatch.setattr(cox_model, "MANY_ROWS", 1)
    monkeypatch.setattr(piecewise, "MANY_ROWS", 1)
    monkeypatch.setattr(distinct_rows, "FEWER", 0)
    after = study_of(tmp_path)
    assert [row.id for row in after.estimates] == [row.id for row in before.estimates]
    for one, other in zip(after.estimates, before.estimates, strict=True):
        assert one.value == (None if other.value is None else pytest.approx(other.value, rel=1e-6, abs=1e-10))
        assert (one.status, one.note) == (other.status, other.note)


def test_analyses_run_side_by_side_or_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = study_of(tmp_path)
    monkeypatch.setattr(run, "MANY_PATIENTS", 1)
    for threads in ("1", "4"):
        monkeypatch.setenv("TWOARM_THREADS", threads)
        after = study_of(tmp_path)
        assert (after.estimates_json(), after.curves_json()) == (before.estimates_json(), before.curves_json())


def test_an_analysis_that_fails_beside_others_leaves_them_unharmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object) -> None:
        raise ZeroDivisionError("in an analysis")

    before = study_of(tmp_path)
    monkeypatch.setattr(run, "MANY_PATIENTS", 1)
    monkeypatch.setenv("TWOARM_THREADS", "3")
    monkeypatch.setitem(run.ANALYSES, "survival", fail)
    after = study_of(tmp_path)
    failed = after.select(status="failed")
    assert {(row.analysis, row.note) for row in failed} == {("survival", "internal error: ZeroDivisionError")}
    others = [row for row in after.estimates if row.analysis not in ("survival", "warning")]
    assert others == [row for row in before.estimates if row.analysis not in ("survival", "warning")]


def test_fits_are_kept_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = study_of(tmp_path)
    monkeypatch.setattr(kept_fits.KeptFits, "fit", lambda self, of, make: make())
    after = study_of(tmp_path)
    assert (after.estimates_json(), after.curves_json()) == (before.estimates_json(), before.curves_json())


def test_a_fit_is_made_once_for_the_same_objects() -> None:
    kept, made = KeptFits(), []

    def make() -> CoxFit:
        made.append(fit())
        return made[-1]

    one, other = object(), object()
    assert kept.fit((one, True), make) is kept.fit((one, True), make)
    assert kept.fit((one, False), make) is not kept.fit((other, True), make)
    assert len(made) == 3


def test_older_fits_make_room() -> None:
    size = kept_fits._size(fit())
    kept = KeptFits(most_bytes=2 * size)
    objects = [object() for _ in range(3)]
    first = [kept.fit((each,), fit) for each in objects]
    assert [known[0] for known, _ in kept.fits] == objects[1:]
    assert kept.fit((objects[2],), fit) is first[2]
    nothing = KeptFits(most_bytes=0)
    assert nothing.fit((first,), fit) is not nothing.fit((first,), fit)


def test_a_drawn_curve_keeps_every_few_events() -> None:
    def points(n: int) -> Curve:
        return Curve("schoenfeld", "study", "", "", "os", "A vs B", {"time": tuple(np.arange(float(n)).tolist())})

    for n in (0, 1, 999, 1000, 1001, 2500):
        step = max(1, int(np.ceil(n / MOST_EVENTS)))
        assert points(n).sampled(MOST_EVENTS).columns["time"] == points(n).columns["time"][::step]


def test_of_many_events_some_are_published_and_all_are_smoothed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study_of(tmp_path)
    monkeypatch.setattr(schoenfeld, "MOST_PUBLISHED", 50)
    some = study_of(tmp_path)
    assert some.estimates_json() == whole.estimates_json()
    for one, other in zip(some.curves, whole.curves, strict=True):
        events = len(next(iter(other.columns.values()), ()))
        step = int(np.ceil(events / 50)) if other.kind == "schoenfeld" else 1
        assert other.kind != "schoenfeld" or step > 1
        assert one.columns == {name: values[::step] for name, values in other.columns.items()}
