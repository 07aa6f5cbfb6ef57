# make run    talk with 乔青青: everything that is needed is made first
# make test   check, and every test (Chromium ones where Chromium is installed)
# make help   all targets

PY := .venv/bin/python
# tests mostly wait: one process more than there are cores, four at most
AT_A_TIME := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) < 3 ? $$(getconf _NPROCESSORS_ONLN) + 1 : 4 )))

# tests start many programs: what is compiled for one is there for the next, whatever this shell says
test unit e2e: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test check .types .rules unit page-test e2e looks bench bench-peers conformance faults attacks audit soak models scale-test doctor format clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## start the server, the page and, where no vendor keys are set, the emulator with on-device models
	@scripts/setup python
	@scripts/setup page
	@exec $(PY) -m backend.handler

test: check unit page-test e2e ## check, then every test

check: ## linters, types, import rules
	@scripts/setup dev
	@scripts/setup page
	@$(MAKE) --no-print-directory --jobs 2 .types .rules

.types:
	$(PY) -m mypy

.rules:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports
	cd frontend && npm run --silent check

unit: models ## Python tests: unit, property, and integration over real sockets
	$(PY) -m pytest --numprocesses $(AT_A_TIME) --dist loadfile

page-test: ## the page's unit tests
	@scripts/setup page
	cd frontend && npm run --silent test

e2e: models ## the whole of it in a real Chromium
	@scripts/setup page
	cd frontend && npm run --silent e2e

looks: ## every state of the page in all its looks, as pictures in frontend/artefacts
	@scripts/setup page
	cd frontend && E2E_ALL=1 npm run --silent e2e e2e/looks.e2e.ts e2e/page.e2e.ts

models: ## fetch the on-device models into the cache
	@scripts/setup dev
	@$(PY) -m emulator.models || [ "$${CI:-}" != true ]

bench: ## measure latency, load, memory and overload; writes docs/benchmarks.md (30 minutes)
	@scripts/setup dev
	$(PY) -m bench

bench-peers: ## measure pipecat beside ours, in an environment of its own; adds to docs/benchmarks.md
	@scripts/setup dev
	@scripts/bench-peers || true
	$(PY) -m bench --only peers

conformance: ## judge a server by the wire protocol: URL, by default the one on this machine
	@scripts/setup dev
	$(PY) -m conformance $(or $(URL),ws://localhost:8888/api/live_voice_call/chat)

soak: ## the long run: 10,000 turns in which anything goes wrong, 1,000 cuts, a day's call, memory of 10,000 calls (an hour)
	@scripts/setup dev
	SOAK_TURNS=10000 SOAK_INTERRUPTIONS=100000 SOAK_CUTS=1000 SOAK_HOURS=24 $(PY) -m pytest --timeout 7200 \
		--numprocesses 0 --capture no tests/soak tests/test_turn_taking.py tests/test_cuts.py \
		-k "whatever_goes_wrong or of_a_day or however_often"
	$(PY) -m tests.soak.memory

faults: ## every fault of every service at all its times; `make test` plays each at one of them
	@scripts/setup dev
	FAULTS=all $(PY) -m pytest --numprocesses 0 --timeout 600 tests/faults

scale-test: ## 30 calls over three servers behind nginx, one of which is killed
	@scripts/setup dev
	SCALE_CALLS=30 SCALE_NODES=3 $(PY) -m pytest --numprocesses 0 --timeout 600 tests/scale

doctor: ## look for what may keep a call from working, and say how to mend it; ARGS=--online asks the services too
	@scripts/setup python
	@$(PY) -m backend.doctor $(ARGS)

attacks: ## attack a server with honest callers on the line; writes docs/reliability.md (5 minutes)
	@scripts/setup dev
	$(PY) -m attacks --write

audit: ## ask the advisory services for known holes in what the locks name
	@scripts/setup dev
	@scripts/audit

format: ## put the code into shape
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## remove what was made here; the model cache stays
	rm -rf .venv .poetry .audit frontend/node_modules frontend/dist artefacts
