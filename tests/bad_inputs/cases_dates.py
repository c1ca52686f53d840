"""Cases 1 to 17: dates."""

from __future__ import annotations

from spec_bad_inputs import Case

PROG, LAST, BIRTH = 'prog = "date"', 'last = "date"', 'birth = "date"'
HOLD = {'key = "id"': 'key = "id"\non_invalid = "hold"'}


def prog(declared: str) -> dict[str, str]:
    return {PROG: f'prog = {{ type = "date", {declared} }}'}


SEVERAL = 'format = ["YYYY-MM-DD", "YYYY/MM/DD", "YYYYMMDD", "YYYY.MM.DD", "YYYY年MM月DD日"]'
DATES = [
    Case(1, "declared-slashes", "normalised", "format_2", "prog", {"prog": "2018/3/5"}, prog(SEVERAL)),
    Case(1, "declared-compact", "normalised", "format_3", "prog", {"prog": "20180305"}, prog(SEVERAL)),
    Case(1, "declared-points", "normalised", "format_4", "prog", {"prog": "2018.3.5"}, prog(SEVERAL)),
    Case(1, "declared-chinese", "normalised", "format_5", "prog", {"prog": "2018年3月5日"}, prog(SEVERAL)),
    Case(1, "undeclared", "refused", "", "prog", {"prog": "2018/3/5"}, says=("not a date YYYY-MM-DD",)),
    Case(1, "conflicting", "protocol", cells={}, replace=prog('format = ["DD/MM/YYYY", "MM/DD/YYYY"]'),
         says=("can read one cell as different days",)),
    Case(2, "no-order", "refused", "", "prog", {"prog": "05/03/2018"}, says=("day or month first", "DD/MM/YYYY")),
    Case(3, "serial-declared", "normalised", "serial_number", "prog", {"prog": "43164"},
         prog('format = ["YYYY-MM-DD", "excel"]')),
    Case(3, "serial-undeclared", "refused", "", "prog", {"prog": "43164"}, says=("serial numbers", '"excel"')),
    Case(5, "serial-with-time", "normalised", "time_of_day", "prog", {"prog": "43164.73"},
         prog('format = ["YYYY-MM-DD", "excel"]')),
    Case(5, "time-normalised", "normalised", "time_of_day", "prog", {"prog": "2018-03-05 17:31"}),
    Case(5, "time-warned", "warned", "time_dropped", "prog", {"prog": "2018-03-05 17:31"}),
    Case(6, "no-leap-day", "held", "no_such_day", "prog", {"prog": "2018-02-29"}),
    Case(6, "february-31", "held", "no_such_day", "prog", {"prog": "31/02/2018"},
         prog('format = ["YYYY-MM-DD", "DD/MM/YYYY"]')),
    Case(7, "month-13", "held", "no_such_day", "prog", {"prog": "2018-13-05"}),
    Case(7, "month-0", "held", "no_such_day", "prog", {"prog": "2018-00-10"}),
    Case(8, "two-digit-year", "refused", "", "prog", {"prog": "05-03-18"}, says=("two digits", "pivot")),
    Case(8, "birth", "refused", "", "birth", {"birth": "12/05/35"}, says=("two digits", "pivot")),
    Case(8, "without-pivot", "protocol", replace=prog('format = "DD-MM-YY"'), says=("expected pivot",)),
    Case(8, "with-pivot", "normalised", "format_2", "prog", {"prog": "05-03-18"},
         prog('format = ["YYYY-MM-DD", "DD-MM-YY"], pivot = 2030')),
    Case(9, "month", "held", "partial_date", "prog", {"prog": "2018-03"}, says=("partial =",)),
    Case(9, "year", "held", "partial_date", "prog", {"prog": "2018"}),
    Case(9, "unknown-month", "held", "partial_date", "prog", {"prog": "2018-UN-UN"}),
    Case(9, "imputed", "normalised", "partial_date", "prog", {"prog": "2018-03"}, prog('partial = "middle"'),
         says=("imputed",)),
    Case(10, "day-0", "held", "no_such_day", "prog", {"prog": "1900-01-00"}),
    *(Case(10, f"serial-{n}", "held", "no_such_day", "prog", {"prog": n}, prog('format = ["YYYY-MM-DD", "excel"]'))
      for n in ("0", "1", "60")),
    *(Case(11, f"placeholder-{day[:4]}", "warned", "placeholder", "prog", {"prog": day})
      for day in ("9999-12-31", "1900-01-01", "1970-01-01", "1899-12-30")),
    Case(12, "roc", "refused", "", "prog", {"prog": "107/03/05"}, HOLD, says=("another calendar", "western")),
    Case(12, "buddhist", "refused", "", "prog", {"prog": "2561-03-05"}, HOLD, says=("another calendar", "western")),
    Case(12, "era", "refused", "", "prog", {"prog": "R3.3.5"}, HOLD, says=("another calendar", "western")),
    Case(13, "zone", "normalised", "time_of_day", "prog", {"prog": "2018-03-05T23:30:00+08:00"}),
    Case(13, "utc", "normalised", "time_of_day", "prog", {"prog": "2018-03-05T23:30:00Z"}),
    Case(16, "full-width", "normalised", "cleaned", "prog", {"prog": "２０１８－０３－０５"}),
    Case(16, "no-break-space", "normalised", "cleaned", "prog", {"prog": "2018-03-05\u00a0"}),
    Case(16, "zero-width-space", "normalised", "cleaned", "prog", {"prog": "2018-\u200b03-05"}),
    *(Case(17, f"word-{i}-held", "held", "not_a_date", "prog", {"prog": word}, HOLD)
      for i, word in enumerate(("约2018年", "unknown", "不详", "失访"))),
    Case(17, "word-refused", "refused", "", "prog", {"prog": "unknown"}, says=("on_invalid",)),
    Case(17, "word-declared", "nothing", cells={"prog": "unknown"}, replace=prog('missing = ["", "unknown"]')),
]  # fmt: skip
