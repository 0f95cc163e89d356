# What a person types, and what CI types: the same. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
# Debian's compiler, which the Windows build installs, must not come before rustup's.
export PATH := $(CURDIR)/.tools/bin:$(HOME)/.cargo/bin:$(PATH)

# Builds take what PostgreSQL says about each query from .sqlx. Set to false to ask the database in DATABASE_URL.
export SQLX_OFFLINE ?= true

timed = @printf '\n== %s\n' '$(1)'; SECONDS=0; $(2); printf '== %s: %d s\n' '$(1)' $$SECONDS

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo demo-reset run test lint build-tests fuzz packages agent-windows agent-windows-tests agent-msi agent-deb journeys browser bench screenshots fmt sqlx sqlx-check needs-demo needs-test

help: ## Lists what can be made
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: needs-demo ## Starts a firm with 24 practices to look at, and a real agent; keeps its content from one time to the next
	cargo build --locked --bins
	@exec target/debug/lastgood demo

demo-reset: needs-demo ## Throws the demo's content away; the next `make demo` starts over
	cargo build --locked --bins
	@exec target/debug/lastgood demo --reset

run: needs-demo ## Starts the server as it would run in life, with its own PostgreSQL
	cargo build --locked --bins
	@exec target/debug/lastgood serve

test: needs-test lint journeys agent-windows-tests browser fuzz ## Everything that CI checks

lint: needs-test ## Form, warnings, documentation, dependencies, and whether .sqlx is complete and fresh
	$(call timed,form,cargo fmt --all --check)
	$(call timed,warnings,cargo clippy --locked --workspace --all-targets -- -D warnings)
	$(call timed,documentation,RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --workspace --no-deps --document-private-items)
	$(call timed,dependencies,scripts/advisories)
	$(call timed,queries,scripts/sqlx check)

build-tests: needs-test
	$(call timed,build,cargo build --locked --workspace --all-targets)

packages: needs-test
	$(call timed,windows program,scripts/agent-windows)
	$(call timed,windows installer,scripts/agent-msi)
	$(call timed,debian package,scripts/agent-deb)

agent-windows: ## Builds the agent for Windows: target/packages/lastgood-agent.exe
	@scripts/install windows
	scripts/agent-windows

agent-windows-tests: needs-test ## The agent's own tests on Windows, as far as Wine is one
	$(call timed,tests under wine,scripts/agent-windows-tests)

agent-msi: agent-windows ## Builds the agent's installer for Windows: target/packages/lastgood-agent.msi
	scripts/agent-msi

agent-deb: ## Builds the agent's Debian package, for glibc 2.28 and younger: target/packages/lastgood-agent.deb
	@scripts/install deb
	scripts/agent-deb

journeys: build-tests packages ## Every Rust test: units, journeys through real processes, matrices, faults
	$(call timed,tests,cargo nextest run --locked --workspace --profile $(if $(CI),ci,default))

browser: build-tests tests/browser/node_modules ## The pages in a real Chromium
	$(call timed,browser,node --test --test-concurrency=1 $(wildcard tests/browser/*.test.mjs))

fuzz: needs-test ## Whatever bytes come, at each reader of the agent, for some seconds; scripts/fuzz 600 for longer
	$(call timed,fuzz,scripts/fuzz 5)

tests/browser/node_modules: tests/browser/package.json tests/browser/package-lock.json
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

screenshots: needs-test tests/browser/node_modules ## Pictures of every page, into screenshots/
	cargo build --locked --workspace --bins
	node tests/browser/screenshots.mjs

bench: needs-test ## Figures: events a second beside pgbench, page times, evaluator times, memory, what the agent costs
	cargo build --locked --release --workspace --bin lastgood --bin lastgood-agent --bin bench
	cargo build --locked --profile release-small --package lastgood-agent
	@exec target/release/bench

fmt: ## Puts the sources into form
	cargo fmt --all

sqlx: ## Makes .sqlx anew, after a query or a migration changed
	scripts/install build
	scripts/sqlx write

sqlx-check:
	scripts/sqlx check

needs-demo:
	@scripts/install demo

needs-test:
	@scripts/install test
