# Two commands: `make run` shows what Stile does, `make test` checks that it does.
# A machine needs Python 3.11 (or newer) and make; everything else is installed into .venv, from locked versions by hash.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test check bench lock clean

help:  ## Say what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | sort

run: .venv/.run  ## Show a governed disclosure with proof; ARGS="--once" stops after the story
	$(BIN)/stile demo $(ARGS)

test: check  ## Check style, types and contracts, then run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)
	$(BIN)/python tests/floors.py

check: .venv/.test  ## Check style, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench  ## Measure against baselines in the same run; writes benchmarks/results/
	$(BIN)/python -m benchmarks $(ARGS)

lock:  ## Lock the dependencies anew (needs uv)
	uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra build --extra test -c requirements.lock pyproject.toml -o requirements-test.lock
	uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra build --extra postgres -c requirements.lock pyproject.toml -o requirements-postgres.lock
	uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --extra build --extra bench -c requirements.lock pyproject.toml -o requirements-bench.lock

clean:  ## Remove what make has made, but for the demo's directory
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python requirements.lock pyproject.toml
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.run requirements-test.lock
	$(PIP) --require-hashes -r requirements-test.lock
	@touch $@

.venv/.bench: .venv/.run requirements-bench.lock
	$(PIP) --require-hashes -r requirements-bench.lock
	@touch $@
