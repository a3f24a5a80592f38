# Everything a fresh machine with Python, git and make needs: `make demo`, then `make test`.
PYTHON ?= python3
BIN := .venv/bin
NB ?= $(sort $(wildcard nbs/*.ipynb nbs/*/*.ipynb))

.PHONY: help env demo test lint bench matrix mutants export notebooks house
help:            ## what can be made
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/ –/'

# uv installs torch in seconds and shares its files between environments by hard links.
.venv/installed: settings.ini setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[dev]"
	touch $@

env: .venv/installed    ## the environment in .venv, with everything

demo: env       ## the main job on the sample data, with a tiny random backbone
	$(BIN)/dinofrcnn demo --folder runs/demo

test: lint      ## everything: style and types, notebooks in sync and executed, all tests
	$(BIN)/python -m pytest -q

lint: env       ## style of notebooks, tests and tools (ruff), types of the library (mypy)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ruff check --isolated --select F dinofrcnn
	$(BIN)/mypy

bench: env      ## what the project promises about speed, measured (on a quiet machine, 25 minutes)
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/fill_tables.py
	for name in backbone images convert labels; do $(BIN)/python benchmarks/bench_$$name.py || exit 1; done

matrix: env     ## the same features on four versions of transformers
	$(BIN)/python tests/matrix.py

mutants: env    ## faults planted on purpose in a copy: do the tests notice each? (ten minutes)
	$(BIN)/python tools/mutants.py

export: env     ## write the library from the notebooks
	$(BIN)/nbdev_export

house: export   ## draw the picture in CONTRIBUTING and write README's table, from the code
	$(BIN)/python tools/house.py

notebooks: export   ## format notebooks, run them top to bottom, keep outputs: make notebooks NB=nbs/01_runtime.ipynb
	for nb in $(NB); do \
	  $(BIN)/ruff format --quiet $$nb || exit 1; \
	  (cd $$(dirname $$nb) && $(CURDIR)/$(BIN)/exec_nb $$(basename $$nb) --dest $$(basename $$nb) --exc_stop) || exit 1; \
	  $(BIN)/nbdev_clean --fname $$nb; \
	done
