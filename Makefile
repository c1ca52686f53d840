# Set-up is part of every target: the environment is made once, and again when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo docs test test-slow test-spark check bench bench-study format clean
.DEFAULT_GOAL := check

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(VENV)/installed  ## the example studies: real breast cancer patients, and the synthetic lung cancer cohort
	$(BIN)/twoarm run examples/rotterdam/study.toml --out demo-report --replace
	$(BIN)/twoarm run examples/es-sclc/study.toml --out demo-report-es-sclc --replace

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

docs: $(VENV)/installed-docs  ## the documentation as a static site, links checked: site/index.html
	$(BIN)/python docs/build_site.py site

test: check  ## every check

test-slow: $(VENV)/installed-dev  ## simulation studies
	$(BIN)/pytest -n 2 -m slow tests

$(VENV)/installed-spark: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,spark,duckdb]'
	touch $@

test-spark: $(VENV)/installed-spark  ## studies on Spark; needs Java 17 or later
	@command -v java >/dev/null || { echo "make test-spark: java is not found; install Java 17 or later" >&2; exit 1; }
	$(BIN)/pytest -m spark tests/engines

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --doctest-modules src tests

BENCH ?= --rows 10000 100000 1000000
bench: $(VENV)/installed  ## table and plot of the kernels' times, beside R and lifelines where they are installed
	$(BIN)/python benchmarks/bench.py $(BENCH)

BENCH_STUDY ?= --rows 100000 1000000
bench-study: $(VENV)/installed  ## time and memory of a whole study, from a Parquet file to its report
	$(BIN)/python benchmarks/study.py $(BENCH_STUDY)

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) site demo-report demo-report-es-sclc bench-report .mypy_cache .ruff_cache .pytest_cache .hypothesis
