# Everything a fresh machine with Python, git and make needs: `make demo`, then `make test`.
PYTHON ?= python3
BIN := .venv/bin
NB ?= $(wildcard nbs/*.ipynb nbs/tutorials/*.ipynb)

.PHONY: help env demo test bench matrix export notebooks
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

test: env       ## everything: notebooks in sync, every notebook executed, all tests
	$(BIN)/python -m pytest tests -q

bench: env      ## what the project promises about speed, measured
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

matrix: env     ## the same features on four versions of transformers
	$(BIN)/python tests/matrix.py

export:         ## write the library from the notebooks
	$(BIN)/nbdev_export

notebooks: export   ## run notebooks top to bottom, keep their outputs and clean them: make notebooks NB=nbs/01_runtime.ipynb
	for nb in $(NB); do (cd $$(dirname $$nb) && ../$(if $(findstring tutorials,$(NB)),../,)$(BIN)/exec_nb $$(basename $$nb) --dest $$(basename $$nb) --exc_stop) || exit 1; $(BIN)/nbdev_clean --fname $$nb; done
