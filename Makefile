# Everything is set up by what needs it: `make run` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help install demo run test lint format words lock audit wheel clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(STAMP) ## what the lock names, in .venv

$(STAMP): requirements.lock pyproject.toml $(wildcard monitor/locale/*/LC_MESSAGES/*.po)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rotwatch needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "Installing what requirements.lock names …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## half a year of the example list in a minute, offline (ARGS=… for rotwatch demo)
	@$(BIN)/rotwatch demo $(ARGS)

run: $(STAMP) ## watch the example list with the shipped configuration
	@$(BIN)/rotwatch --config config.toml add examples/reading-list.md
	@exec $(BIN)/rotwatch --config config.toml run

test: $(STAMP) ## the whole suite (ARGS=… for pytest)
	@$(BIN)/python -m pytest -n 3 --dist load --maxschedchunk 1 $(ARGS)

lint: $(STAMP) ## ruff and strict mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

words: $(STAMP) ## bring the catalogues up to date with the code, and compile them
	@mkdir -p build
	@$(BIN)/pybabel -q extract -k N_ -k NN_:1,2 --no-location -o build/rotwatch.pot monitor
	@$(BIN)/pybabel -q update -D rotwatch -i build/rotwatch.pot -d monitor/locale --width 110 \
		--ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date
	@$(BIN)/pybabel -q compile -D rotwatch -d monitor/locale

lock: $(STAMP) ## resolve the newest versions into requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
		--extra alerts --extra demo --extra picture --extra stats --group dev --no-header --no-emit-index-url --quiet --output-file requirements.lock

audit: $(STAMP) ## known holes in what is locked; needs the network, and says so
	@$(BIN)/python -m pip check
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	@$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.lock

wheel: $(STAMP) ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what was built and installed, never a database
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
