# Everything a developer runs. `make demo` needs only Python 3.10 or newer, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PLUGINS := $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml)))
SOURCES := hca_core hca docs examples benchmarks tests $(PLUGINS)
MANIFESTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)

.PHONY: help dev demo test test-large soak check format docs bench clean

help:
	@echo "make demo    upload, search, download, interrupt and resume, against services on this machine"
	@echo "make test    run the tests"
	@echo "make test-large  bundles of 25 000 files and files of 5 GiB, with the memory they need"
	@echo "make soak    kill transfers 200 times, and try thousands of sequences of faults; about half an hour"
	@echo "make check   formatting, lint, types, import rules"
	@echo "make format  put the formatting right"
	@echo "make docs    build the documentation into docs/_build"
	@echo "make bench   measure, as ratios (ONLY=startup for one group)"
	@echo "make dev     create .venv with hca, its plugins and the developers' tools"
	@echo "make clean   remove what these targets made"

$(VENV)/pip: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) 'hatchling>=1.26' editables setuptools wheel
	@touch $@

# Without an environment of its own for each of the packages: that takes longer than all the rest.
$(VENV)/users: $(VENV)/pip
	$(INSTALL) --no-build-isolation --editable . $(PLUGINS:%=--editable %)
	@touch $@

$(VENV)/developers: $(VENV)/pip
	$(INSTALL) --no-build-isolation --editable '.[dev]' $(PLUGINS:%=--editable %)
	$(INSTALL) --no-deps -r tests/gen3-sdk.txt
	@sh tests/install_orthanc.sh $(VENV)/orthanc
	@touch $(VENV)/users $@

dev: $(VENV)/developers

demo: $(VENV)/users
	@$(BIN)/python examples/demo.py

test-large: dev
	HCA_LARGE_TESTS=1 $(BIN)/python -m pytest -s tests/e2e/test_large.py

soak: dev
	HCA_SOAK=1 $(BIN)/python -m pytest -n auto --dist loadfile -p no:logging tests/core/transfer/test_model.py tests/e2e/test_interruptions.py tests/e2e/test_kill.py

test: dev
	$(BIN)/python -m pytest -n auto --dist worksteal

check: dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy hca_core hca $(PLUGINS:%=%)
	$(BIN)/mypy docs/generate.py
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

format: dev
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

docs: dev
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -W -q docs docs/_build
	@echo "docs/_build/index.html"

bench: dev
	$(BIN)/python benchmarks/run.py $(ONLY)

clean:
	rm -rf $(VENV) examples/lung-bundle/reads build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
