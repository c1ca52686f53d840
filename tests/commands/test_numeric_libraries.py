"""What a command imports of numpy, scipy and polars does what everybody's does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import scipy

import twoarm
from twoarm.commands import numeric_libraries

SAME = """
import sys
import numpy as np
{begin}
import polars as pl
assert np.unique([2, 1, 2]).tolist() == [1, 2] and np.quantile([1.0, 2.0], 0.5) == 1.5
assert pl.Series(np.array([1, 2])).to_list() == [1, 2]
print("numpy.ma.core" in sys.modules)
import scipy.special
from scipy.special import _ufuncs
print(all(getattr(scipy.special, name) is getattr(_ufuncs, name) for name in {names}))
print("scipy.special._support_alternative_backends" in sys.modules)
from scipy import special
assert special is scipy.special
assert special.logsumexp([0.0, 0.0]) == np.log(2)
from scipy.optimize import linprog
assert linprog([1], bounds=(2, 3)).x == 2
held = np.ma
assert isinstance(held.masked_array([1], [True]), held.MaskedArray)
assert isinstance(np.ma.masked_array([1], [True]), np.ma.MaskedArray)
assert pl.Series(np.ma.masked_array([1, 2], [True, False])).to_list() == [None, 2]
assert np.ma.masked_array([1, 2], [True, False]).sum() == 2
print("polars.io.iceberg._dataset" in sys.modules)
from polars.io.iceberg import IcebergCatalogConfig, scan_iceberg
assert callable(scan_iceberg) and IcebergCatalogConfig.__module__ == "polars.io.iceberg._dataset"
import polars.io.iceberg
assert polars.io.iceberg.scan_iceberg is scan_iceberg
assert np.allclose(np.fft.ifft(np.fft.fft([1, 2])), [1, 2])
"""
LEAN = "from twoarm.commands.numeric_libraries import import_numeric_libraries as lean; lean()"


def said(begin: str, arrays: str = "") -> list[str]:
    texts = [path.read_text("utf-8") for path in Path(twoarm.__file__).parent.rglob("*.py")]
    names = {name for text in texts for name in re.findall(r"\bspecial\.([a-z][a-z0-9_]*)\(", text)}
    assert {"ndtr", "ndtri", "gammaln", "stdtr"} <= names
    code = SAME.format(begin=begin, names=sorted(names))
    environment = {**os.environ, "SCIPY_ARRAY_API": arrays}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_special_functions_are_the_same_without_their_manuals() -> None:
    known = scipy.__version__.startswith(numeric_libraries._KNOWN)
    assert said("") == ["True", "True", "True", "True"]
    assert said(LEAN) == ["False", "True", str(not known), "False"]


def test_another_version_of_scipy_is_imported_whole() -> None:
    other = "import twoarm.commands.numeric_libraries as s; s._KNOWN = '0.0.'; s.import_numeric_libraries()"
    assert said(other) == ["False", "True", "True", "False"]


def test_what_is_not_there_is_said_as_scipy_says_it() -> None:
    for begin in ("", LEAN):
        code = f"{begin}\nimport scipy.special\nscipy.special.no_such_function"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "module 'scipy.special' has no attribute 'no_such_function'" in done.stderr


def test_who_wants_arrays_of_other_libraries_gets_scipy_whole() -> None:
    assert said(LEAN, "1")[1:] == ["False", "True", "False"]
