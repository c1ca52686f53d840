"""The reference study on its synthetic twin: every number equals R's, and the page that shows them is true."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import twoarm
from twoarm.results.results import Results

STUDY = Path(__file__).parents[2] / "examples" / "es-sclc"


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("es_sclc_compare", STUDY / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


compare = _module()


@pytest.fixture(scope="module")
def results() -> Results:
    return compare.run()


def test_every_number_equals_r(results: Results) -> None:
    compared = compare.compare(results)
    assert len(compared) == 893
    assert [one for one in compared if not one.agrees] == []


def test_the_hospitals_files_give_the_pooled_cohort_row_for_row() -> None:
    protocol = twoarm.read_protocol(STUDY / "study.toml")
    records = twoarm.read_records(protocol, STUDY)
    assert records.findings == ()
    columns = list(protocol.data["patients"].columns)
    ours = records.patients.frame.to_polars().select(columns).with_columns(pl.col(pl.Date).cast(pl.String))
    yes_no = {True: "yes", False: "no"}
    ours = ours.with_columns(pl.col(pl.Boolean).replace_strict(yes_no, return_dtype=pl.String))
    pooled = pl.read_csv(STUDY / "pooled.csv", schema_overrides=dict.fromkeys(columns, pl.String))
    pooled = pooled.with_columns(pl.col("age", "ecog", "height_cm", "metastatic_lesions").cast(pl.Int64))
    pooled = pooled.with_columns(pl.col("weight_kg").cast(pl.Float64)).select(columns)
    assert ours.rows() == pooled.sort("patient_id").rows()


def test_the_page_shows_this_run(results: Results) -> None:
    assert compare.PAGE.read_text("utf-8") == compare.page(compare.compare(results))


def test_the_papers_slips_are_found_from_its_printed_counts() -> None:
    slips = {(slip.table, slip.row) for slip in compare.slips(compare.expected())}
    assert ("Table 1 after PSM", "Gender: Male") in slips
    assert ("Table 1 after PSM", "Lung metastasis: Yes") in slips
    assert ("Table 3", "G3 rash") in slips
    assert ("Table 3", "Pneumonitis") in slips
    assert ("Table 6", "Brain metastasis: No") in slips
    assert ("Table 1 before PSM", "BMI: >=30.0") in slips
    assert ("Table 1 after PSM", "Brain metastasis: No") in slips
