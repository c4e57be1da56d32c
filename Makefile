# Everything runs in .venv, which is made and kept up to date by itself. PYTHON names another Python to make it with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FIXTURE := fixtures/python-pandas

# Where the environment forbids byte code, Python would compile everything anew for each of the tests' processes.
export PYTHONDONTWRITEBYTECODE :=

# Files in memory, where there are two gigabytes for them: the quick tests make tens of thousands of small ones.
MEMORY := $(shell test -w /dev/shm && test "$$(df -Pk /dev/shm | awk 'END { print $$4 }')" -gt 2000000 && echo /dev/shm)

.DEFAULT_GOAL := help
.PHONY: help venv demo test quick lint format bench clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

venv: $(VENV)/.installed ## make the virtual environment

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lpack needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

demo: venv ## build one function of each language, and check the zips
	$(BIN)/lpack build -C $(FIXTURE)
	$(BIN)/lpack check -C $(FIXTURE)
	@for demo in npm:node-native mvn:java-maven go:custom-go sh:custom-shell; do \
	  program=$${demo%%:*} folder=fixtures/$${demo#*:}; \
	  if ! command -v $$program > /dev/null; then \
	    echo "$$folder needs $$program, which is not on this machine"; \
	  else \
	    echo "$(BIN)/lpack build -C $$folder" && $(BIN)/lpack build -C $$folder && $(BIN)/lpack check -C $$folder || exit; \
	  fi; \
	done

test: lint ## run all checks and tests (needs the package index)
	$(BIN)/pytest -n auto

quick: venv ## run the tests that need neither network nor patience
	$(if $(MEMORY),PYTEST_DEBUG_TEMPROOT=$(MEMORY)) $(BIN)/pytest -n auto -m 'not network and not slow'

lint: venv ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy benchmarks/run.py

format: venv ## format the code, and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: venv ## measure against `sam build` and uv (takes some minutes)
	$(BIN)/python benchmarks/run.py $(if $(ONLY),--only $(ONLY))

clean: ## remove the virtual environment, caches and artifacts
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist fixtures/*/dist fixtures/*/pylock.*.toml fixtures/*/image-lock.*.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
