"""Cases 15 to 61: order of events, flags and categories, numbers."""

from __future__ import annotations

from spec_bad_inputs import AT, Case, Rows, dated_patients

DIED, BMI, AGE, SEX, ARM = 'died = "boolean"', 'bmi = "number"', 'age = "integer"', 'sex = "text"', 'arm = "text"'
HOLD = {'key = "id"': 'key = "id"\non_invalid = "hold"'}
PATIENT = dated_patients()[AT]
ALIVE = {"died": "0", "death": ""}
DEAD = {"died": "1", "death": PATIENT["last"]}
NO_FLAG = {'death_flag = "died"\n': ""}
ALL = tuple(range(2, 62))


def bmi(declared: str) -> dict[str, str]:
    return {BMI: f'bmi = {{ type = "number", {declared} }}'}


def category(codes: str) -> dict[str, str]:
    return {SEX: f'sex = {{ type = "category", map = {{ {codes} }} }}'}


def yes_no(codes: str) -> dict[str, str]:
    return {DIED: f'died = {{ type = "boolean", {codes} }}'}


def column(name: str, *values: str) -> object:
    """Give the patients the values in turn, the first to the patient in row 6."""

    def change(rows: Rows) -> Rows:
        return [{**row, name: values[(i - AT) % len(values)]} for i, row in enumerate(rows)]

    return change


def first(name: str, n: int, *values: str) -> object:
    """Give the values in turn to n patients from row 6 on."""

    def change(rows: Rows) -> Rows:
        return [
            {**row, name: values[(i - AT) % len(values)]} if AT <= i < AT + n else row for i, row in enumerate(rows)
        ]

    return change


def twin(arm: str) -> object:
    """Make the patient of row 7 the same person as that of row 6, under another key."""

    def change(rows: Rows) -> Rows:
        same = {name: rows[AT][name] for name in ("birth", "start", "sex", "age")}
        days = {name: rows[AT][name] for name in ("prog", "death", "last", "died")}
        rows[AT]["arm"] = "old"
        rows[AT + 1] = {**rows[AT + 1], **same, **days, "arm": arm}
        return rows

    return change


ORDER = [
    Case(15, "birth-after-start", "held", "birth_after_start", "birth", {"birth": "2030-01-01"}),
    Case(15, "age-against-birth", "held", "age_against_birth", "age", {"age": "31"}),
    Case(18, "death-before-start", "held", "death_before_start", "death",
         {**DEAD, "death": "2017-05-05", "last": "2017-05-05", "prog": ""}),
    Case(20, "progression-after-death", "held", "after_death", "prog", {**DEAD, "prog": "2029-01-01"}),
    Case(21, "contact-after-death", "held", "contact_after_death", "last", {**DEAD, "last": "2029-01-01"}),
    Case(21, "contact-before-progression", "held", "contact_before_event", "last",
         {**ALIVE, "prog": "2019-06-06", "last": "2019-05-05"}),
    Case(22, "flag-without-date", "held", "flag_against_date", "died", {"died": "1", "death": ""}),
    Case(22, "date-without-flag", "held", "flag_against_date", "died", {**DEAD, "died": "0"}),
    Case(27, "no-last-contact", "held", "no_last_contact", "last", {**ALIVE, "last": ""}),
]  # fmt: skip

YES = 'true = ["1", "yes", "Y", "是", "TRUE", "死亡", "dead"], false = ["0"]'
FLAGS = [
    *(Case(32, f"yes-{i}", "normalised", "folded_code", "died", {**DEAD, "died": cell}, yes_no(YES))
      for i, cell in enumerate(("YES", "y", "Dead", "Ｙ", "True", "yes\u00a0"))),
    *(Case(32, f"declared-{i}", "nothing", cells={**DEAD, "died": cell}, replace=yes_no(YES))
      for i, cell in enumerate(("1", "是", "死亡", "TRUE"))),
    *(Case(33, f"outside-{i}", "refused", "", "died", {"died": cell}, says=("outside the yes/no codes",), secrets=(secret,))
      for i, (cell, secret) in enumerate((("2", "'2'"), ("?", "'?'"), ("maybe", "maybe")))),
    Case(34, "codes-of-1-and-2", "refused", "", "died", change=column("died", "1", "2"), rows=(7, 9),
         says=("outside the yes/no codes",)),  # type: ignore[arg-type]
    Case(36, "map", "normalised", "folded_code", "sex", {"sex": "Ｍ"},
         category('"男" = "m", "M" = "m", "m" = "m", "f" = "f", "1" = "m"')),
    Case(36, "outside-the-map", "refused", "", "sex", {"sex": "female"}, category('"m" = "m", "f" = "f"'),
         says=("outside the declared code map",), secrets=("female",)),
    *(Case(37, f"arm-{i}", "normalised", rule, "arm", {"arm": cell})
      for i, (cell, rule) in enumerate((("NEW", "folded_level"), ("Old", "folded_level"), ("ｏｌｄ", "cleaned")))),
    Case(37, "third-arm", "refused", "", "arm", {"arm": "newish"}, says=("third value",), secrets=("newish",)),
    Case(41, "free-text", "refused", "", "sex", change=column("sex", *(f"FREE{i}" for i in range(60))),
         says=("covariates.sex", "outside the declared levels"), secrets=("FREE",)),  # type: ignore[arg-type]
    Case(41, "too-many-levels", "protocol", replace={'levels = ["f", "m"], labels = ["Female", "Male"]':
         "levels = [" + ", ".join(str(i) for i in range(51)) + "]"}, says=("at most 50",)),
    Case(44, "unused", "nothing", change=column("note", "")),  # type: ignore[arg-type]
    Case(47, "no-levels", "protocol", replace={'levels = ["f", "m"], labels = ["Female", "Male"]': "ordered = true"},
         says=("levels is missing",)),
    Case(48, "one-point-zero", "nothing", change=column("died", "1.0", "0.0", "NaN"),  # type: ignore[arg-type]
         replace={**yes_no('true = ["1.0", "1"], false = ["0.0", "0"], missing = ["NaN"]'), **NO_FLAG}, excel=False),
]  # fmt: skip

NUMBERS = [
    Case(49, "bmi", "held", "outside_range", "bmi", {"bmi": "2450"}, bmi("minimum = 10, maximum = 80")),
    Case(49, "age", "held", "outside_range", "age", {"age": "210"},
         {AGE: 'age = { type = "integer", minimum = 18, maximum = 110 }', 'age = "age"\n': ""}, says=("from 18 to 110",)),
    Case(50, "two-units", "warned", "two_units", "bmi", change=first("bmi", 12, "214.2", "221.1", "208.3", "211.7")),  # type: ignore[arg-type]
    Case(51, "decimal-comma", "refused", "", "bmi", {"bmi": "21,5"}, says=("decimal",)),
    Case(51, "both-marks", "refused", "", "bmi", {"bmi": "1.234,5"}, HOLD, says=("two ways", "thousands")),
    Case(51, "ambiguous", "refused", "", "bmi", {"bmi": "1,234"}, HOLD, says=("two ways", "thousands")),
    Case(51, "declared", "normalised", "thousands", "bmi", {"bmi": "1,234"}, bmi('thousands = ","')),
    Case(51, "one-mark-twice", "protocol", replace=bmi('decimal = ",", thousands = ","'), says=("the same mark",)),
    *(Case(52, f"limit-{i}", "held", "limit", "bmi", {"bmi": cell}, says=('limits = "limit"',))
      for i, cell in enumerate(("<0.5", ">1000", "≥31"))),
    *(Case(52, f"flag-{i}", "held", "flagged", "bmi", {"bmi": cell}) for i, cell in enumerate(("12.3*", "12.3 H", "31-52"))),
    Case(52, "limit-taken", "normalised", "limit", "bmi", {"bmi": "<15.5"}, bmi('limits = "limit"')),
    *(Case(53, f"undeclared-{i}", "refused", "", "bmi", {"bmi": cell}, says=("not numbers",), secrets=(f"'{cell}'",))
      for i, cell in enumerate(("-", "/", ".", "NA", "N/A", "NULL", "None", "nd", "未查", "缺失"))),
    *(Case(53, f"declared-{i}", "nothing", cells={"bmi": cell}, replace=bmi('missing = ["-", "/", ".", "NA", "未查"]'))
      for i, cell in enumerate(("-", "/", ".", "NA", "未查", ""))),
    Case(54, "undeclared", "warned", "undeclared_code", "bmi", change=first("bmi", 3, "999")),  # type: ignore[arg-type]
    Case(54, "declared", "nothing", change=first("bmi", 3, "999"), replace=bmi('missing = ["999"]')),  # type: ignore[arg-type]
    Case(55, "na-is-a-category", "nothing", cells={"sex": "NA"},
         replace={**category('"NA" = "m", "None" = "m", "null" = "m", "f" = "f", "m" = "m"')}, excel=False),
    *(Case(56, f"error-{i}", "held", "error_cell", "bmi", {"bmi": cell})
      for i, cell in enumerate(("#N/A", "#DIV/0!", "#REF!"))),
    Case(56, "too-narrow", "held", "error_cell", "bmi", {"bmi": "########"}, excel=False),
    Case(56, "error-in-a-date", "held", "error_cell", "prog", {"prog": "#N/A"}),
    Case(57, "power", "nothing", cells={"bmi": "2.15e1"}),
    Case(57, "full-width", "normalised", "cleaned", "bmi", {"bmi": "２２"}),
    Case(57, "arabic", "normalised", "other_digits", "bmi", {"bmi": "٢٢.٥"}),
    *(Case(57, f"letter-{i}", "held", "letter_for_digit", "bmi", {"bmi": cell}) for i, cell in enumerate(("2O.5", "2l.5", "O"))),
    *(Case(58, f"infinite-{i}", "held", "infinite", "bmi", {"bmi": cell}, secrets=(f"'{cell}'",))
      for i, cell in enumerate(("1e999", "-1e999", "∞"))),
    Case(58, "inf", "held", "infinite", "bmi", change=first("bmi", 1, "inf")),  # type: ignore[arg-type]
    Case(58, "negative-zero", "nothing", cells={"note": "x"}, change=first("bmi", 1, "-0.0")),  # type: ignore[arg-type]
    Case(58, "nan-declared", "nothing", cells={"bmi": "nan"}, replace=bmi('missing = ["nan"]')),
    Case(58, "nan", "refused", "", "bmi", change=first("bmi", 1, "nan"), says=("not numbers",)),  # type: ignore[arg-type]
    Case(59, "mixed", "refused", "", "bmi", {"bmi": "45%"}, HOLD, says=("percentages beside plain numbers", "percent =")),
    Case(59, "declared", "normalised", "percent", "bmi", {"bmi": "45%"}, bmi('percent = "share"')),
    Case(60, "scientific", "refused", "", "id", {"id": "1.23E+11"}, says=("power of ten",)),
    Case(60, "point", "refused", "", "id", {"id": "123.0"}, says=("decimal point",)),
    Case(60, "leading-zeros", "warned", "leading_zeros", "id", change=lambda rows: [
         {**row, "id": {4: "00123", 5: "123"}.get(i, row["id"])} for i, row in enumerate(rows)], rows=(6, 7)),
    Case(61, "sept2", "held", "turned_to_date", "sex", {"sex": "2-Sep"}, category('"f" = "f", "m" = "m", "SEPT2" = "f"')),
    Case(61, "chinese", "held", "turned_to_date", "sex", {"sex": "1月2日"}, category('"f" = "f", "m" = "m", "1-2" = "f"')),
    Case(61, "grade", "held", "turned_to_date", "bmi", {"bmi": "2018-03-04"}),
]  # fmt: skip

KEYS = [
    Case(62, "repeated", "refused", "", "id", {"id": "P005"}, says=("more than once (1 patients)",), rows=(6, 7)),
    Case(62, "identical-rows", "refused", "", "id", change=lambda rows: [*rows, rows[AT]], says=("identical_rows",), rows=(6, 62)),
    Case(62, "identical-rows-merged", "normalised", "identical_rows", "id", change=lambda rows: [*rows, rows[AT]],
         replace={'key = "id"': 'key = "id"\nidentical_rows = "merge"'}, rows=(62,)),
    Case(65, "alike-in-case", "refused", "", "id", {"id": "p005"}, says=("only in case or space",), rows=(6, 7)),
    Case(65, "alike-in-space", "refused", "", "id", {"id": "P 005"}, says=("only in case or space",), rows=(6, 7)),
    Case(65, "space-around", "normalised", "cleaned", "id", {"id": "P004 "}),
    Case(66, "same-arm", "warned", "same_person", "birth", change=twin("old"), rows=(6, 7)),  # type: ignore[arg-type]
    Case(66, "across-arms", "refused", "", "birth", change=twin("new"), rows=(6, 7), says=("possible_duplicates",)),  # type: ignore[arg-type]
    Case(66, "acknowledged", "warned", "same_person_across_arms", "birth", change=twin("new"), rows=(6, 7),  # type: ignore[arg-type]
         more='\n[acknowledge]\npossible_duplicates = "Twins, both seen."\n'),
]  # fmt: skip
CELLS = [*ORDER, *FLAGS, *NUMBERS, *KEYS]
