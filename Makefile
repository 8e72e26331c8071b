# The commands of this project. `make run` and `make test` need Python 3.11 or newer and nothing else: they make the virtual environment themselves.
# Each stamp file in the environment says that an install is done and up to date, so a second call starts at once.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test check bench results docker clean

run: $(VENV)/.run-installed
	$(BIN)/muzero-launch --env tictactoe $(ARGS)

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev-installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.run-installed
	$(BIN)/muzero bench all $(ARGS)

results: $(VENV)/.results-installed
	$(BIN)/python -m benchmarks.render

docker:
	docker build -t muzero .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find benchmarks engine muzero launch tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.venv-made:
	@test -n "$(PYTHON)" || { echo "No python3 found: install Python 3.11 or newer, or name one with make PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is $$($(PYTHON) --version): install Python 3.11 or newer, or name one with make PYTHON=/path/to/python3." >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian and Ubuntu install python3-venv." >&2; exit 1; }
	@touch $@

$(VENV)/.run-installed: pyproject.toml constraints.txt | $(VENV)/.venv-made
	@echo "Installing the engine and what it needs to run (once; torch is the large part)."
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.results-installed: pyproject.toml constraints.txt | $(VENV)/.venv-made
	@echo "Installing the engine and what draws its results."
	@$(PIP_INSTALL) -e '.[results]'
	@touch $(VENV)/.run-installed $@

$(VENV)/.dev-installed: pyproject.toml constraints.txt | $(VENV)/.venv-made
	@echo "Installing the engine and the tools of its tests (once; torch and jax are the large parts)."
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $(VENV)/.run-installed $@
