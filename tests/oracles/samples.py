"""Small published samples with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np

Columns = dict[str, Any]

# Freireich (1963), weeks of remission
SIX_MP: Columns = {
    "time": [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
    "event": [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
}
CONTROL: Columns = {
    "time": [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23],
    "event": [1] * 21,
}
FREIREICH: Columns = {
    "time": SIX_MP["time"] + CONTROL["time"],
    "event": SIX_MP["event"] + CONTROL["event"],
}
IS_CONTROL = [0] * 21 + [1] * 21

# maintained and not maintained chemotherapy in acute myelogenous leukaemia
MAINTAINED: Columns = {
    "time": [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161],
    "event": [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0],
}
NOT_MAINTAINED: Columns = {
    "time": [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45],
    "event": [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1],
}
AML: Columns = {
    "time": MAINTAINED["time"] + NOT_MAINTAINED["time"],
    "event": MAINTAINED["event"] + NOT_MAINTAINED["event"],
}
IS_NOT_MAINTAINED = [0] * 11 + [1] * 12

TEN_ROWS: Columns = {"time": [54, 75, 77, 84, 87, 92, 103, 105, 112, 118], "event": [1] * 5 + [0] * 5}

# six, ten and nine rows worked out by hand in the tests of R's survival package
T1: Columns = {"time": [1, 1, 6, 6, 8, 9], "event": [1, 0, 1, 1, 0, 1], "covariates": [1, 1, 1, 0, 0, 0]}
T2: Columns = {
    "entry": [1, 2, 5, 2, 1, 7, 3, 4, 8, 8],
    "time": [2, 3, 6, 7, 8, 9, 9, 9, 14, 17],
    "event": [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "covariates": [1, 0, 0, 1, 0, 1, 1, 1, 0, 0],
}
TW: Columns = {
    "time": [1, 1, 2, 2, 2, 2, 3, 4, 5],
    "event": [1, 0, 1, 1, 1, 0, 0, 1, 0],
    "covariates": [2, 0, 1, 1, 0, 1, 0, 1, 0],
}
TW_WEIGHTS = [1, 2, 3, 4, 3, 2, 1, 2, 1]

PAIRS: Columns = {
    "time": [5, 8, 12, 3, 9, 4, 7, 10],
    "event": [1, 1, 0, 1, 1, 1, 0, 1],
    "covariates": [1, 0, 1, 0, 1, 0, 1, 0],
}
PAIR = [1, 1, 2, 2, 3, 3, 4, 4]


def repeated(columns: Columns, times: Any) -> Columns:
    """Each row written out as often as its frequency says."""
    return {key: np.repeat(np.asarray(values), times, axis=0) for key, values in columns.items()}
