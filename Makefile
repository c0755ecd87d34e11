# Dhanman jobs. `make help` lists what there is to call; each target sets up first what it needs.

PATH := $(CURDIR)/.venv/bin:$(PATH)
export PATH

READY := .venv/.ready
BENCH_READY := .venv/.ready-bench

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check format bench simulate migrate clean

help: ## list the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## make .venv with all the locked packages (needs Python 3.11-3.13, and uv or pip)

demo: $(READY) ## bill a housing society's month on real workers and print what was done (DEMO_EXIT=1: then stop)
	@.venv/bin/python -m pipelines.demo

up: $(READY) ## migrate, then run every process of the Procfile until Ctrl-C
	@.venv/bin/dhanman-jobs migrate
	@.venv/bin/honcho start || [ $$? -eq 130 ]

test: $(READY) ## run all tests (TESTS="tests/store -k stale": some)
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(TESTS)

check: $(READY) ## lint, formatting, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(READY) ## repair what ruff can repair
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(BENCH_READY) ## measure ours beside its peers and the framework's ceiling
	@.venv/bin/python -m bench

simulate: $(READY) ## live through a society's year with workers that are killed, and compare it with one undisturbed
	@.venv/bin/python -m tests.simulation

migrate: $(READY) ## bring the job store and the reference tables to the current version
	@.venv/bin/dhanman-jobs migrate

clean: ## remove all that can be made again; the data in var/ stay
	rm -rf .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find actors infra periodic pipelines tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml uv.lock .ci/setup
	@.ci/setup
	@touch $@

$(BENCH_READY): $(READY)
	@.ci/setup --group bench
	@touch $@
