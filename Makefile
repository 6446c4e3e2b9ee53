# Every target does its own set-up: a machine needs only Python >= 3.11, make and a C compiler.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
RUN    ?= parameters/sample.yml
PYTEST_ARGS ?=
LAB_ARGS ?=

# Two processes of one core each beat one process of two cores here, and BLAS threads on top of
# processes only get in each other's way.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup report test quick lab sample lint format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv from requirements.lock (every other target does it by itself)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

report: $(READY) ## Learn from the sample (or RUN=parameters/....yml) and print where the report is
	@$(BIN)/cs-models run $(RUN)

test: $(READY) ## Run the whole suite, in parallel, the notebooks on the sample included
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

quick: $(READY) ## The same without the run of all notebooks on the sample and what else is long
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not sample_run and not long" \
	  $(PYTEST_ARGS)

lab: $(READY) ## Open JupyterLab on the start page (token on, this machine only)
	@$(BIN)/jupyter lab --config=.jupyter/jupyter_lab_config.py --notebook-dir=. \
	  notebooks/start.ipynb $(LAB_ARGS)

sample: $(READY) ## Make data/sample again, byte for byte
	@$(BIN)/cs-models sample data/sample --scenario step-by-segment --seed 6

lint: $(READY) ## Check style, types, floors and notebooks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@git ls-files -z '*.ipynb' | xargs -0 -r $(BIN)/nbstripout --verify --keep-id

format: $(READY) ## Format the code and strip the notebooks
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	@git ls-files -z '*.ipynb' | xargs -0 -r $(BIN)/nbstripout --keep-id

lock: ## Resolve requirements.lock again (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.lock

clean: ## Remove .venv, caches and reports
	@rm -rf $(VENV) reports .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
