# glittercake: `make suggest` and `make test` set up all they need. `make help` lists the rest.
#
# Variables: PYTHON (an interpreter, 3.11 or newer), ARGS (passed on: make suggest ARGS="-n 8 --json").

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?=
ARGS ?=
LOCK_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KERNEL := $(VENV)/.kernel
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# An environment remembers the folder it was made in. In a moved or copied checkout it would run the other folder's code, so it is made anew.
ifneq ($(file <$(INSTALLED)),)
ifneq ($(file <$(INSTALLED)),$(CURDIR))
.PHONY: $(INSTALLED)
CLEAR := --clear
endif
endif

.PHONY: help setup suggest test check audit format slow simulated api wheel lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

suggest: $(KERNEL) ## Print the next four recipes from the bundled measured data (ARGS="-n 8 --json")
	@$(BIN)/glittercake suggest $(ARGS)

test: check $(KERNEL) ## Check, then run the tests, but for the slow ones
	$(BIN)/pytest $(ARGS)

check: $(INSTALLED) ## Formatting, lint, types, which package may import which, unsafe calls
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r configs objectives surrogates workers optimizer

audit: $(INSTALLED) ## Ask a database of vulnerabilities about every package, where one can be reached
	$(BIN)/python -m tests.audit

format: $(INSTALLED) ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

slow: $(KERNEL) ## Run the slow tests (pytest exits with 5 when there are none)
	$(BIN)/pytest -m slow $(ARGS) || { status=$$?; [ $$status -eq 5 ] && echo 'There are no slow tests.' || exit $$status; }

simulated: $(INSTALLED) ## Make the bundled simulated electrodes anew (25 CPU minutes; an interrupted call is gone on with)
	$(BIN)/python -m optimizer.runs.bundle $(ARGS)

api: $(INSTALLED) ## Write the pages about the API, its description and the client's types anew
	$(BIN)/python -m optimizer.service.pages

wheel: $(INSTALLED) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

setup: $(KERNEL) ## Only set up: the environment, the package in it, BoTorch's kernel

$(INSTALLED): pyproject.toml requirements.lock
	@python=''
	for candidate in $(or $(PYTHON),python3.11 python3 python); do
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi
	done
	if [ -z "$$python" ]; then
	    echo 'glittercake needs Python 3.11 or newer; looked for: $(or $(PYTHON),python3.11 python3 python).' >&2
	    echo 'Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)' >&2
	    exit 1
	fi
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
	    echo "$$python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2
	    exit 1
	fi
	echo "Setting up $(VENV) with $$("$$python" --version) (once; about four minutes, 3 GB) ..." >&2
	"$$python" -m venv $(CLEAR) $(VENV)
	rm -f $(KERNEL)
	$(BIN)/python -m pip install -qq --constraint requirements.lock --editable '.[dev]' >&2
	printf '%s' '$(CURDIR)' > $@

# Without a kernel BoTorch computes the same in Python, so the set-up goes on; it leaves no stamp and the next call tries again.
$(KERNEL): $(INSTALLED) $(wildcard optimizer/kernel.py)
	@if $(BIN)/python -m optimizer.kernel >&2; then
	    touch $@
	else
	    echo 'Going on without the compiled kernel: the same proposals, but multi-objective ones take about twice as long.' >&2
	fi

lock: ## Write requirements.lock anew from a fresh environment (LOCK_FLAGS="-c old.lock" to hold versions back)
	@set -x
	fresh=$$(mktemp -d)
	trap 'rm -rf "$$fresh"' EXIT
	$(or $(PYTHON),python3.11) -m venv "$$fresh"
	"$$fresh/bin/python" -m pip install -qq $(LOCK_FLAGS) '.[dev]'
	{
	    echo '# Every package of the environment, of the product and of its tools, with the version that the tests ran with.'
	    echo '# Use: pip install -c requirements.lock . (or .[dev]). Written by: make lock'
	    "$$fresh/bin/python" -m pip freeze --all --exclude glittercake --exclude pip | sed -E 's/^(torch==[^+]*)\+.*/\1/'
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean: ## Remove the environment, caches and builds
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache requirements.lock.new
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.ONESHELL:
