# `make` shows what there is. `make demo` and `make test` each work from a fresh clone: they build .venv first.
# Works with the GNU make 3.81 of macOS, too: no .ONESHELL, no grouped targets.

# Whichever the machine has: of those that fit, the first one that starts (a name may be a stub of a version manager).
FITS := import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 15))
PYTHON ?= $(shell for one in python3.11 python3.13 python3.12 python3.14 python3; do \
	"$$one" -c "$(FITS)" 2>/dev/null && { echo "$$one"; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python -m
REQUIREMENTS := $(sort $(wildcard requirements*.txt)) constraints.txt
# The name says what was installed: other requirements ask for another stamp, and an interrupted install leaves none.
# cksum is the one checksum tool that POSIX promises.
INSTALLED := $(VENV)/.installed-$(shell cat $(REQUIREMENTS) | cksum | tr ' ' '-')
STACK_STATE := .airflow/stack.json
PLANS := include/plans
SCHEMA := include/plan.schema.json
SIDE_BY_SIDE = $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
# The accessibility rules of the browser tests; npm writes this file when it is done.
AXE := tests/e2e/node_modules/.package-lock.json

# Airflow's processes, and each of those that run tests, would else compile all of Airflow for themselves.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo up down test test-browser test-unit test-cluster test-cluster-drill test-platforms test-platforms-all test-takeover check lint types fmt schema screenshots lock secrets bench clean python

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv ## Run a whole three-wave drill against a local AWS, with a live view; leaves the UI running
	@$(VENV)/bin/python --version
	@$(RUN) devstack demo

up: venv ## Start the sandbox and Airflow, and leave them running
	@$(RUN) devstack up

down: venv ## Stop what `make demo` or `make up` started
	@$(RUN) devstack down

# Two tests a core: each waits for something half of the time. The end-to-end tests run in three processes, each with
# a stack of its own for the files that it takes: with more, stacks that wait would keep the cores from those that work.
test: venv $(AXE) ## Run every test: unit, integration and end to end
	@$(VENV)/bin/python --version
	@$(RUN) pytest -n $(SIDE_BY_SIDE) --dist worksteal tests/unit tests/integration
	@$(RUN) pytest -n 3 --dist loadfile --no-loadscope-reorder tests/e2e

test-browser: venv $(AXE) ## Run the tests that look at the console with a browser (needs Chromium; npm for some)
	@$(RUN) pytest tests/e2e/browser

test-unit: venv ## Run the unit tests only (seconds)
	@$(RUN) pytest -n $(SIDE_BY_SIDE) tests/unit

test-platforms: venv ## Install the wheel with Airflow on each Python of this machine, and try it there
	@$(RUN) pytest -m "not by_hand" tests/platforms

test-platforms-all: venv ## The same, and with the oldest Airflow, MWAA's versions and a beta, with a drill on each
	@$(RUN) pytest --durations 20 tests/platforms

test-cluster: venv ## Run drills on a cluster with Celery, two of each process, and kill them (Redis, PostgreSQL)
	@$(RUN) pytest tests/cluster

test-cluster-drill: venv ## Only start the cluster and run one drill on it
	@$(RUN) pytest tests/cluster -k a_drill

test-takeover: venv ## Lose a whole Airflow in the middle of its drills, and let another one take over
	@$(RUN) pytest tests/takeover

check: venv ## Run every static check, as CI does: code, format, types, imports, plans, schema
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/python -c "from importlinter.cli import lint_imports_command as lint; lint()" --no-cache
	$(RUN) drs_recovery lint $(PLANS)
	$(RUN) drs_recovery schema --check $(SCHEMA)

lint: venv ## Lint the code and the plan files (the quick part of `check`)
	$(RUN) ruff check .
	$(RUN) drs_recovery lint $(PLANS)

types: venv ## Check the types (strict mypy)
	$(RUN) mypy

fmt: venv ## Format the code and fix what ruff can fix
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

schema: venv ## Write the JSON Schema of plan files anew
	$(RUN) drs_recovery schema > $(SCHEMA).new
	mv $(SCHEMA).new $(SCHEMA)

screenshots: venv ## Take the documentation's pictures of Airflow and the console, after `make demo` (needs Chromium)
	@$(RUN) devstack.screenshots

# One lock for every Python and platform: uv resolves for all of them at once, and pip reads its markers, too.
lock: python ## Resolve all dependencies anew and write constraints.txt
	rm -rf .lock && mkdir .lock
	cp requirements*.txt .lock/
	: > .lock/constraints.txt
	$(PYTHON) -m venv .lock/venv
	.lock/venv/bin/python -m pip install --quiet uv
	.lock/venv/bin/uv pip compile --quiet --universal --python-version 3.11.5 --no-build --no-header --no-annotate \
		.lock/requirements-dev.txt .lock/requirements-image.txt --output-file .lock/locked
	{ head -n 2 constraints.txt && cat .lock/locked; } > .lock/new
	mv .lock/new constraints.txt
	rm -rf .lock

secrets: .env ## Write .env with random secrets for docker-compose.yaml, unless it is there

bench: venv ## Measure everything (an hour or two); tables and plots go to docs/performance.md
	@$(RUN) benchmarks

clean: ## Stop what runs, then remove .venv, Airflow's local state and every cache
	@if [ -e $(STACK_STATE) ]; then $(MAKE) down; fi
	rm -rf $(VENV) .lock .airflow .browser-failures tests/e2e/node_modules .pytest_cache .mypy_cache .ruff_cache benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The database's password and Airflow's signing keys; the Fernet key is 32 bytes in URL-safe base64.
.env: | python
	@umask 077 && $(PYTHON) -c 'import base64, secrets; \
	  names = ("POSTGRES_PASSWORD", "AIRFLOW_SECRET_KEY", "AIRFLOW_JWT_SECRET"); \
	  print(*(f"{name}={secrets.token_hex(32)}" for name in names), sep="\n"); \
	  print(f"AIRFLOW_FERNET_KEY={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}")' > $@
	@echo "Wrote $@"

venv: $(INSTALLED)

# Without npm, or without its registry, the tests that need the rules are skipped and say so.
$(AXE): tests/e2e/package-lock.json
	-@if command -v npm >/dev/null; then npm ci --prefix $(@D)/.. --ignore-scripts --no-audit --no-fund --loglevel=error; fi

# A stack that runs from the old packages is stopped before they go, and the old stamp goes first of all. The .pth
# file, relative so that the project can be moved, makes `import drs_recovery` work without building this project.
$(INSTALLED): | python
	@if [ -e $(STACK_STATE) ] && ls $(VENV)/.installed-* >/dev/null 2>&1; then $(RUN) devstack down; fi
	@rm -f $(VENV)/.installed-*
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL)
	@$(RUN) pip check
	@echo '../../../../plugins' > "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/drs-recovery.pth"
	@touch $@

# With uv, found or from the package index, the packages are here in seconds; with pip alone in a few minutes.
define INSTALL
version="$$($(VENV)/bin/python --version)"; uv="$$(command -v uv)"; \
if [ -z "$$uv" ] && $(RUN) pip install --quiet --disable-pip-version-check uv 2>/dev/null; then uv=$(VENV)/bin/uv; fi; \
echo "Installing the dependencies into $(VENV) ($$version, $$(if [ -n "$$uv" ]; then echo uv; else echo "pip: a few minutes, once"; fi)) ..."; \
{ [ -n "$$uv" ] && "$$uv" pip install --quiet --python $(VENV)/bin/python -r requirements-dev.txt; } || \
$(RUN) pip install --quiet --disable-pip-version-check -r requirements-dev.txt
endef

python:
	@"$(PYTHON)" -c "$(FITS)" 2>/dev/null || { \
		echo "This project needs Python 3.11.5 to 3.14, and \"$(PYTHON)\" is not it. Install one (uv python install 3.13), or name it: make $(or $(MAKECMDGOALS),help) PYTHON=/path/to/python" >&2; \
		exit 1; }
