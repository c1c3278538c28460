# The two commands are `make demo` and `make test`; both set up what they need first.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-all check lint types format bench docs setup clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: ## Set up, then build, run, inspect and rebuild a real image
	@.ci/setup demo $(VENV)
	@.ci/demo $(VENV)

test: ## Set up what tests need and run them all
	@.ci/setup test $(VENV)
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest

test-all: ## The whole matrix: every example, platform and Nix version, every package rebuilt
	@.ci/setup matrix $(VENV)
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest -m ""

check: lint types ## The quick verdict: lint, types, and the tests that need no Nix
	@$(BIN)/python -m pytest -q tests/unit tests/property tests/golden

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types:
	@$(BIN)/mypy

format: ## Rewrite the Python files as the formatter wants them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: ## Write the generated reference pages anew
	@$(BIN)/python -m nixgen.spec.reference > docs/reference/app-toml.md

bench: ## Compare the writer and the layering with dockerTools', and weigh images
	@$(BIN)/python bench/bench_layering.py
	@$(BIN)/python bench/bench_image.py
	@$(BIN)/python bench/bench_writer.py
	@$(BIN)/python bench/bench_size.py

setup: ## Install what tests need and stop there
	@.ci/setup test $(VENV)

clean: ## Remove the virtual environment and the tools' caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
