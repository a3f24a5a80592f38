# Everything a fresh machine with Python, git and make needs: `make demo`, then `make test`.
PYTHON ?= python3
BIN := .venv/bin
NB ?= $(wildcard nbs/*.ipynb nbs/tutorials/*.ipynb)

.PHONY: help env demo test bench notebooks export clean
help:            ## what can be made
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/ –/'

# uv installs torch in seconds and shares its files between environments by hard links.
.venv/installed: settings.ini setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[dev]"
	touch $@

env: .venv/installed    ## the environment in .venv, with everything

