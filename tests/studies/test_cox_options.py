"""Exact ties and an offset from protocol to ledger: R's coxph on veteran, and what does not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.stored import reference, rows
from twoarm.errors import ProtocolError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.standardised_survival import standardise_survival
from twoarm.study import run_study

STORED = reference("cox_options")
CONTRAST = "Test vs Standard"
STUDY = """\
format_version = 1
title = "Chemotherapy of lung cancer"
time_unit = "days"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
trt = "text"
karno = "number"
prior = "number"
risk = "number"
cell = "text"
had = "text"
days = "integer"
died = { type = "boolean", true = ["1"], false = ["0"] }

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "trt"
treated = { value = "2", label = "Test" }
comparator = { value = "1", label = "Standard" }

[covariates]
karno = { kind = "continuous" }
prior = { kind = "continuous" }
risk = { kind = "continuous", label = "Risk score" }
cell = { kind = "categorical", levels = ["squamous", "smallcell", "adeno", "large"] }
had = { kind = "categorical", levels = ["0", "10"] }

[endpoints.os]
label = "Overall survival"
time = "days"
event = "died"

[adjustments.multivariable]
kind = "multivariable"
covariates = ["karno", "prior"]

[analyses.hazard_ratio]
OPTIONS

[analyses.landmark]
times = [4]

[analyses.piecewise]
cuts = [6]

[analyses.survival]
landmarks = [7]

[subgroups]
variables = ["had"]
minimum_events = 1

[prognostic]
covariates = ["cell"]

[centres]
column = "cell"
"""


def write(folder: Path, options: str, more: str = "") -> Path:
    data = rows("veteran", None, ["time"])
    columns: dict[str, Any] = {
        "id": range(1, len(data["time"]) + 1),
        "trt": [f"{v:g}" for v in data["trt"]],
        "karno": [f"{v:g}" for v in data["karno"]],
        "prior": [f"{v:g}" for v in data["prior"]],
        "risk": [repr((v - 60) / 50) for v in data["age"].tolist()],
        "cell": data["celltype"],
        "had": [f"{v:g}" for v in data["prior"]],
        "days": [int(t // 14 + 1) for t in data["time"]],
        "died": [f"{v:g}" for v in data["status"]],
    }
    lines = [",".join(columns), *(",".join(str(v) for v in line) for line in zip(*columns.values(), strict=True))]
    (folder / "patients.csv").write_text("\n".join(lines) + "\n", "utf-8")
    study = folder / "study.toml"
    study.write_text(STUDY.replace("OPTIONS", options) + more, "utf-8")
    return study


def run(folder: Path, options: str) -> Results:
    protocol = read_protocol(write(folder, options))
    return run_study(protocol, read_records(protocol, folder))


OPTIONS = {
    "exact": ('ties = "exact"', "exact ties"),
    "exact_offset": ('ties = "exact"\noffset = "risk"', "exact ties, offset risk"),
    "efron_offset": ('offset = "risk"', "Efron ties, offset risk"),
}


@pytest.fixture(scope="module", params=OPTIONS)
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Results]:
    return request.param, run(tmp_path_factory.mktemp(request.param), OPTIONS[request.param][0])


def agrees(results: Results, expected: dict[str, float], **here: str) -> Estimate:
    found = [results.get(**here, statistic=name) for name in ("log_hazard_ratio", "log_hazard_ratio_se")]
    assert abs(float(found[0].value or 0) - expected["coefficient"]) < 1e-8 * expected["se"]
    assert found[1].value == pytest.approx(expected["se"], rel=1e-8)
    return found[0]


def test_every_cox_model_equals_r(fitted: tuple[str, Results]) -> None:
    name, results = fitted
    expected = STORED[name]
    ratio = {"analysis": "hazard_ratio", "endpoint": "os"}
    row = agrees(results, expected["unadjusted"], **ratio, adjustment="unadjusted")
    assert row.method == f"Cox, {OPTIONS[name][1]}, Wald"
    for term, variable in zip(expected["multivariable"], ("", "karno", "prior"), strict=True):
        agrees(results, term, **ratio, adjustment="multivariable", variable=variable)
    agrees(results, expected["landmark"], analysis="landmark", adjustment="unadjusted")
    pieces = {"analysis": "piecewise", "adjustment": "unadjusted", "arm": CONTRAST}
    for label, piece in zip(
        ("0 to 6 days", "after 6 days"), [expected["piecewise"][key] for key in ("first", "second")], strict=True
    ):
        agrees(results, piece, **pieces, parameter=label)
    equality = results.get(**pieces, statistic="chi_squared").value
    assert equality == pytest.approx(expected["piecewise"]["equality"], rel=1e-8)
    interaction = results.get(analysis="subgroups", adjustment="unadjusted", statistic="chi_squared").value
    assert interaction == pytest.approx(expected["interaction"], rel=1e-8)


def test_regressions_from_landmarks_and_within_intervals_equal_r(fitted: tuple[str, Results]) -> None:
    name, results = fitted
    expected, model = STORED[name], {"adjustment": "multivariable", "arm": CONTRAST}
    agrees(results, expected["landmark_model"], analysis="landmark", **model)
    assert not [row for row in results.select(analysis="landmark", **model) if "log-rank" in row.method]
    if "piecewise_model" not in expected:  # coxph has no fast exact form with entry: the two together are not in R
        return
    pieces = {"analysis": "piecewise", **model}
    for label, key, events in zip(
        ("0 to 6 days", "after 6 days"), ("first", "second"), expected["piecewise_model"]["events"], strict=True
    ):
        agrees(results, expected["piecewise_model"][key], **pieces, parameter=label)
        freedom = results.get(**pieces, parameter=label, statistic="degrees_of_freedom").value
        assert freedom == events - 3
    equality = results.get(**pieces, statistic="chi_squared").value
    assert equality == pytest.approx(expected["piecewise_model"]["equality"], rel=1e-8)


def test_centres_and_prognostic_factors_equal_r(fitted: tuple[str, Results]) -> None:
    name, results = fitted
    expected = STORED[name]
    centres = {"analysis": "centres", "adjustment": "unadjusted", "arm": CONTRAST}
    agrees(results, expected["stratified"], **centres, variable="")
    for cell, centre in zip(("squamous", "smallcell", "adeno", "large"), expected["centres"], strict=True):
        agrees(results, centre, **centres, variable_level=cell, parameter="")
    factor = {"analysis": "prognostic", "adjustment": "unadjusted", "variable": "cell"}
    model = next(row.method for row in results.select(**factor) if row.method.startswith("univariable Cox"))
    agrees(results, expected["prognostic"], **factor, variable_level="smallcell vs squamous", method=model)
    assert OPTIONS[name][1] in model
    overall = results.get(**factor, method="univariable global Wald test", statistic="chi_squared").value
    assert overall == pytest.approx(expected["global"], rel=1e-8)


def test_what_has_no_exact_form_takes_efrons_ties_and_says_so(fitted: tuple[str, Results]) -> None:
    name, results = fitted
    expected = STORED["efron_zph"] if name == "exact" else STORED["efron_offset"]["zph"]
    here = {"analysis": "proportional_hazards", "adjustment": "multivariable", "variable": ""}
    for arm, (statistic, p) in ((CONTRAST, expected["arm"]), ("all", expected["all"])):
        row = results.get(**here, arm=arm, statistic="chi_squared")
        assert row.value == pytest.approx(statistic, rel=1e-8)
        assert results.get(**here, arm=arm, statistic="p_value").value == pytest.approx(p, rel=1e-8)
        assert row.method.endswith("Efron ties") == name.startswith("exact")
    curves = results.select(analysis="standardised_survival", statistic="survival", parameter="7 days")
    assert len(curves) == 2
    assert all(
        row.value is not None and row.method.endswith("Efron ties") == name.startswith("exact") for row in curves
    )


def test_standardised_survival_with_an_offset() -> None:
    data = rows("veteran", None, ["time"])
    x = np.column_stack([data["trt"] == 2, data["karno"], data["prior"]])
    fit = fit_cox(
        time=data["time"] // 14 + 1,
        event=data["status"] == 1,
        covariates=x,
        offset=(data["age"] - 60) / 50,
        ties="breslow",
    )
    found = standardise_survival(fit, arm=0, times=[float(STORED["standardised"]["at"])])
    survival = [found.treated[0], found.comparator[0], found.difference[0]]
    assert survival == pytest.approx(STORED["standardised"]["survival"], rel=1e-9)
    errors = [found.treated_se[0], found.comparator_se[0], found.difference_se[0]]
    assert errors == pytest.approx(STORED["standardised"]["se"], rel=1e-6)  # R's come by differences of refitted models


def test_firths_penalty_with_an_offset() -> None:
    data, expected = rows("veteran", None, ["time"]), STORED["firth"]
    n, treated = expected["rows"], (data["trt"] == 2)[: expected["rows"]]
    fit = fit_firth_cox(
        time=data["time"][:n] // 14 + 1,
        event=(data["status"][:n] == 1) & ~treated,
        covariates=treated[:, None].astype(float),
        offset=(data["age"][:n] - 60) / 50,
    )
    assert fit.coefficients[0] == pytest.approx(expected["coefficient"], abs=1e-6)  # of R's optimiser
    assert [fit.lower[0], fit.upper[0]] == pytest.approx([expected["lower"], expected["upper"]], abs=1e-6)


def test_the_methods_name_both(tmp_path: Path) -> None:
    protocol = read_protocol(write(tmp_path, 'ties = "exact"\noffset = "risk"'))
    said = " ".join(str(paragraph) for paragraph in methods_text(protocol))
    assert "exact handling of ties" in said
    assert "the ratio of the odds of the event in discrete time" in said
    assert "Risk score was an offset of every Cox model" in said


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        ('ties = "exact"', '[adjustments.m]\nkind = "matching"\n', "adjustments.m, a matching; expected .efron. or"),
        ('ties = "exact"', '[adjustments.w]\nkind = "weighting"\n', "adjustments.w, a weighting; expected"),
        ('ties = "exact"', "[[specifications.matching]]\ncaliper = [0.1]\n", "specifications.matching; expected"),
        ('offset = "age"', "", 'found "age"; expected one of the covariates'),
        ('offset = "cell"', "", 'found "cell", a covariate with levels; expected a continuous one'),
        ('offset = "karno"', "", 'found "karno", the offset; expected it left out'),
        (
            'offset = "risk"',
            '[specifications]\nmultivariable = true\nsets = { a = ["risk"] }\n',
            'specifications.sets.a.*found "risk", the offset',
        ),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, options: str, more: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_protocol(write(tmp_path, options, more))


def test_an_offset_is_no_covariate_by_default(tmp_path: Path) -> None:
    study = write(tmp_path, 'offset = "risk"')
    study.write_text(study.read_text("utf-8").replace('covariates = ["karno", "prior"]\n', ""), "utf-8")
    protocol = read_protocol(study)
    results = run_study(protocol, read_records(protocol, tmp_path))
    terms = {row.variable for row in results.select(analysis="hazard_ratio", adjustment="multivariable")}
    assert terms == {"", "karno", "prior", "cell", "had"}


def test_too_many_tied_deaths_are_not_estimable(tmp_path: Path) -> None:
    study = write(tmp_path, 'ties = "exact"')
    path = tmp_path / "patients.csv"
    head, *lines = path.read_text("utf-8").splitlines()
    tied = [",".join([*line.split(",")[:-2], "9" if i < 120 else "12", "1"]) for i, line in enumerate(lines)]
    path.write_text("\n".join([head, *tied]) + "\n", "utf-8")
    protocol = read_protocol(study)
    results = run_study(protocol, read_records(protocol, tmp_path))
    row = results.get(analysis="hazard_ratio", adjustment="unadjusted", statistic="hazard_ratio")
    assert (row.status, row.note) == ("not_estimable", "120 deaths at one time; exact ties go up to 100, take Efron's")
