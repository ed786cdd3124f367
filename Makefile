# The hub's commands; each sets up what it needs, once. `make help` lists them.
# Needs Python 3.11+, Java 17+ and Maven, or an own Kafka and PostgreSQL by HUB_KAFKA and HUB_DATABASE.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough and can make a virtual environment; a path in PYTHON goes before. The system's own
# comes first: distributions build it with profiles (a Python built without them took a quarter longer for pure Python).
PYTHON ?= $(shell for p in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	if "$$p" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; break; fi; done)
JAVA ?= java
# Test processes side by side; they share one broker and one database.
WORKERS ?= 2

say = @if [ -t 1 ]; then printf '\033[1m== %s\033[0m\n' "$(1)"; else echo "== $(1)"; fi

.PHONY: help run demo test check bench clean lint types contracts quick browser setup dev

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: setup ## everything on this machine, with the demo; stays up until Ctrl-C
	@exec $(BIN)/python -m hub up --demo

demo: setup ## the same, and ends when the demo's declaration is released
	@exec $(BIN)/python -m hub up --demo --once

test: dev .kafka/ready browser lint types contracts ## everything: lint, types, import contracts, all tests
	$(call say,all tests)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term:skip-covered --cov-report=xml $(PYTEST)

check: dev lint types contracts quick ## the quick part, under two minutes

bench: setup ## the benchmark; prints a table, writes bench/results
	@exec $(BIN)/python -m hub bench $(BENCH)

clean: ## remove what the targets made
	@if [ -f .hub/run.json ] && kill -0 "$$(sed -n 's/.*"up": \([0-9]*\).*/\1/p' .hub/run.json)" 2>/dev/null; then \
		echo "hub up is running here; end it first (Ctrl-C)" >&2; exit 1; fi
	rm -rf $(VENV) .kafka .hub build *.egg-info coverage.xml .coverage* \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lint: dev
	$(call say,ruff)
	@$(BIN)/ruff check .

types: dev
	$(call say,mypy)
	@$(BIN)/mypy

contracts: dev
	$(call say,import contracts)
	@$(BIN)/lint-imports --no-logo

quick: dev
	$(call say,unit tests)
	@$(BIN)/python -m pytest -n $(WORKERS) -q -m "not slow" tests/unit tests/rules tests/architecture $(PYTEST)

# ---- what a machine needs ------------------------------------------------------------------------------------------

setup: $(VENV)/runtime .kafka/ready
dev: $(VENV)/dev

$(VENV)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer with venv is missing: install it (Debian: python3-venv), or name one: make PYTHON=/path/to/python" >&2; exit 1; fi
	$(call say,virtual environment with $(PYTHON))
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing: install the package python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/runtime: requirements.txt pyproject.toml | $(VENV)/python
	$(call say,pinned dependencies)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	$(call say,pinned dependencies of the tests)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Nothing to fetch where an own Kafka is named.
.kafka/ready: deploy/kafka/pom.xml
ifeq ($(HUB_KAFKA),)
	@command -v $(JAVA) >/dev/null || { echo "Java 17 or newer is missing: install it (Debian: openjdk-17-jre-headless), or set HUB_KAFKA to an own Kafka" >&2; exit 1; }
	@version="$$($(JAVA) -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -1)"; \
		if [ "$${version:-0}" -lt 17 ]; then echo "Java $$version is too old: 17 or newer is needed, or set HUB_KAFKA to an own Kafka" >&2; exit 1; fi
	@command -v mvn >/dev/null || { echo "Maven is missing: install it (Debian: maven), or set HUB_KAFKA to an own Kafka" >&2; exit 1; }
	$(call say,Apache Kafka)
	@rm -rf .kafka && mkdir -p .kafka
	@mvn -B -q -Dstyle.color=never -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/.kafka/libs"
	@touch $@
endif

# The browser of the console's tests, the outside judge of our signatures, and what compiles the example in Java; Debian's packages where we may install.
browser:
	@missing=""; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="chromium"; \
	command -v xmlsec1 >/dev/null || missing="$$missing xmlsec1"; \
	command -v javac >/dev/null || missing="$$missing default-jdk-headless"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing$$missing"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		else echo "the tests need: $$missing (Debian's packages of these names)" >&2; exit 1; fi; fi
