# The two commands of a newcomer are `make up` and `make test`; bare `make` lists everything.
SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mesolith/target

.DEFAULT_GOAL := help
.PHONY: help build up down test e2e ci ci-bare fmt lint codegen tidy check-rules kube-dev bench-zksync chaos-zksync chaos-migration demo-migration

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-15s %s\n", $$1, $$2}'

build: ## Build mesolith and mesos-migrate onto the PATH of .local/env; PROFILE=release for speed
	@local/build.sh

up: ## Bring up a local world: Kubernetes API, three node agents, the operator, an example cluster and app
	@local/up.sh

demo-migration: ## Move the local world's cluster to a second ensemble and second masters, live, and back
	@local/demo-migration.sh

down: ## Remove the local world; nothing is left running or mounted
	@local/down.sh

test: ## Every test a person needs: unit, doc and end-to-end (as root, on real parts)
	@.ci/run test

e2e: ## End-to-end stories only; STORY=name runs those whose name contains it
	@.ci/run e2e $(STORY)

ci: ## What the merge gate runs: format, lints, docs, tests, generated files, licences, tidy, e2e
	@.ci/run

ci-bare: ## The same on a bare Debian 12 root with nothing installed; STEPS="fmt build" for some of it, WARM=1 keeps its home
	@local/ci-bare.sh $(STEPS)

fmt: ## Format the sources
	cargo fmt --all

lint: ## Clippy with warnings as errors
	cargo clippy --workspace --all-targets -- -D warnings

codegen: ## Write the generated files again (CRDs, reference, manifests)
	cargo xtask codegen

tidy: ## Check crate arrows, file headers and file sizes
	cargo xtask tidy

check-rules: ## Check the Prometheus rules with promtool (Debian package prometheus)
	@local/check-rules.sh

kube-dev: ## Build Kubernetes for tests from Go modules (about 7 minutes, once)
	@kube-dev/build.sh

bench-zksync: ## Measure the sync engine on real ensembles (an hour); ARGS="--parts ab" for some of it
	cargo build --release -p mesolith -p mesolith-trials
	$(CARGO_TARGET_DIR)/release/bench-zksync $(ARGS)

chaos-zksync: ## Trials of the sync engine under faults, both ways, elections, kazoo, half an hour of load (hours); ARGS="--trials 20 --seed 7" for trials only
ifdef ARGS
	cargo build --release -p mesolith -p mesolith-trials
	$(CARGO_TARGET_DIR)/release/chaos-zksync $(ARGS)
else
	cargo build --release -p mesolith -p mesolith-trials
	$(CARGO_TARGET_DIR)/release/chaos-zksync --trials 200
	$(CARGO_TARGET_DIR)/release/chaos-zksync --trials 48 --both
	$(CARGO_TARGET_DIR)/release/chaos-zksync --election 5m
	$(CARGO_TARGET_DIR)/release/chaos-zksync --kazoo
	$(CARGO_TARGET_DIR)/release/chaos-zksync --soak 30m
endif

chaos-migration: ## Trials of a live migration under faults, there and back (hours); ARGS="--trials 10 --seed 7" for some
	cargo build --workspace --bins
	MESOLITH_BIN=$(CARGO_TARGET_DIR)/debug/mesolith $(CARGO_TARGET_DIR)/debug/chaos-migration $(ARGS)
