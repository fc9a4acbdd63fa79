# Everything runs from .venv, made from requirements.lock: `make setup` is part of every target and instant when done.
.DEFAULT_GOAL := help
.PHONY: help setup demo test faults fight check format generate lock audit sbom pin-images bench bench-claim bench-console \
	bench-hostile bench-latency bench-redaction-rules bench-replay mutate mutate-promises soak screenshots clean

# The first Python that is new enough; `make PYTHON=…` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
STAMP := .venv/installed
AUDIT_STAMP := .venv-audit/installed
LOCKING := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --strip-extras \
	--python-version 3.11
COMPILE := $(LOCKING) pyproject.toml

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 25

setup: $(STAMP) ## Install everything into .venv, from locked packages

demo: $(STAMP) ## Start real Kafka, PostgreSQL and Redis, run the service on sample sessions, show the packages
	@$(BIN)/escalation-consumer demo

test: check ## Check everything, then run all tests on real servers
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not long"

faults: $(STAMP) ## Run every test of a fault on real servers, the long ones too
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/faults tests/sync tests/supply

fight: $(STAMP) ## Let three relays fight over one outbox: 200 seeds, 30 faults each (an hour)
	@$(BIN)/python -m tests.support.relay_fight --first $(or $(FIRST),0) --seeds $(or $(SEEDS),200)

check: $(STAMP) ## Format, lint, strict types, import contracts, generated files
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >.import-linter.log || { cat .import-linter.log; exit 1; }
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/python -m tests.support.metric_docs --check
	@echo "checks passed"

format: $(STAMP) ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format --quiet

generate: $(STAMP) ## Write schemas/generated from the models, and docs/metrics.md from the table of metrics
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python -m tests.support.metric_docs

bench: $(STAMP) ## Measure intake: events a second, CPU seconds, peak memory
	@$(BIN)/python -m tests.benchmarks.intake

bench-claim: $(STAMP) ## Measure taking up work while 50,000 requests wait, of one tenant and of 5,000
	@$(BIN)/python -m tests.benchmarks.claim

bench-console: $(STAMP) ## Measure each page and look of an operator with 1,000,000 requests and 10,000,000 events (minutes)
	@$(BIN)/python -m tests.benchmarks.console

bench-hostile: $(STAMP) ## Print the slowest of 100 kinds of hostile records to decode (a minute)
	@$(BIN)/python -m tests.benchmarks.hostile

bench-latency: $(STAMP) ## Measure the time from a request's record to its event, at 50 a second and all at once (two minutes)
	@$(BIN)/python -m tests.benchmarks.latency --a-second 50
	@$(BIN)/python -m tests.benchmarks.latency --burst --requests 800

bench-redaction-rules: $(STAMP) $(AUDIT_STAMP) ## Compare the rules for secrets with known rule sets (GITLEAKS_CONFIG=PATH, MISSED=1)
	@$(BIN)/python -m tests.benchmarks.redaction_rules $(if $(MISSED),--missed) \
		$(if $(GITLEAKS_CONFIG),--gitleaks-config $(GITLEAKS_CONFIG))

bench-replay: $(STAMP) ## Measure a full replay over a filled store, and live requests beside one (minutes)
	@$(BIN)/python -m tests.benchmarks.replay

MINUTES ?= 30
SEED ?= 7
soak: $(STAMP) ## Let everything flap at random for MINUTES (30) by SEED (7), then check all promises
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED) $(SOAK)

mutate: $(STAMP) ## Switch each rule of the validator off in turn: a test must notice (minutes)
	@$(BIN)/python -m tests.mutation

mutate-promises: $(STAMP) ## Switch each guard of the promises and failures off in turn: a test must notice (minutes)
	@$(BIN)/python -m tests.mutants

screenshots: $(STAMP) ## Write docs/screenshots from the demo's data, with the chromium that is installed (two minutes)
	@$(BIN)/python -m tests.screenshots

lock: $(STAMP) ## Lock the newest allowed packages and Kafka's jars, with checksums
	$(COMPILE) --upgrade --all-extras --output-file requirements.lock
	$(COMPILE) --upgrade --extra build --extra traces --constraint requirements.lock --output-file requirements-run.lock
	$(COMPILE) --upgrade --extra build --extra traces --extra bedrock --extra foundry --extra vertex \
		--constraint requirements.lock --output-file requirements-clouds.lock
	$(LOCKING) --upgrade --group audit --output-file requirements-audit.lock
	$(BIN)/python -m tests.support.lock_jars

audit: $(STAMP) $(AUDIT_STAMP) ## Hold every locked package against licences and advisories (needs the network)
	@$(BIN)/python -m tests.supply.licences
	@$(BIN)/python -m tests.supply.audit $(if $(AUDIT_SERVICE),--service=$(AUDIT_SERVICE))

sbom: $(STAMP) $(AUDIT_STAMP) ## Write the bill of materials of the image (CycloneDX) to dist/
	@$(BIN)/python -m tests.supply.bill

pin-images: $(STAMP) ## Show which digests the images have in their registries; WRITE=1 writes them (needs the network)
	@$(BIN)/python -m tests.supply.pinning $(if $(WRITE),--write)

clean: ## Remove .venv and all caches of this folder
	rm -rf .venv .venv-audit .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }; }
	@$(BIN)/python -m tests.support.installing
	@touch $(STAMP)

$(AUDIT_STAMP): requirements-audit.lock
	@test -x .venv-audit/bin/python || { echo "Making .venv-audit"; $(PYTHON) -m venv .venv-audit || { rm -rf .venv-audit; exit 1; }; }
	@.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements-audit.lock
	@touch $(AUDIT_STAMP)
