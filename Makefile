# Thin over cargo. `make run` and `make test` share one profile and one target directory, so whichever
# comes second costs little. What the build needs from the system is installed only when it is missing.

CARGO ?= cargo
ARGS ?=

.PHONY: run test test-remote torture torture-remote torture-power release bench bench-micro bench-instructions lint fuzz fuzz-http test-browser tools tools-test tools-bench tools-browser help

help:
	@echo "make run      build (quick profile) and start the service on 127.0.0.1:8888"
	@echo "make test     build (quick profile) and run every test"
	@echo "make torture  kill the service ROUNDS=200 times and compare what it acknowledged (SEED=, ENGINE=)"
	@echo "make torture-power  cut and damage a store's files in POWER_CUTS=200 ways of each sort"
	@echo "make test-browser   use the console in headless Chromium as an operator would"
	@echo "make test-remote    build a SurrealDB server and run every test that can run on it"
	@echo "make torture-remote the same as torture, on that server, which is disturbed as well (ROUNDS=50)"
	@echo "make release  build target/release/messagecenter, optimised: for production"
	@echo "make bench    build optimised and run all benchmarks, into docs/benchmarks"
	@echo "make bench-micro         time the hot pieces, one by one"
	@echo "make bench-instructions  count their instructions; more than the baseline's is an error"
	@echo "make lint     formatting and clippy, warnings are errors"
	@echo "make fuzz     fuzz every reader of foreign bytes for FUZZ_SECONDS each (tests/fuzz)"
	@echo "make fuzz-http  start the service in memory and try it by its own OpenAPI document"

run: tools
	$(CARGO) run --locked -- serve $(ARGS)

# Tests are built with fail points, places where they let the process die; `run`, `release` and `bench` never
# are. Tests and lints share one set of features, so that nothing is built twice for them.
TEST_FEATURES := --features fail-points

# The actors' own test binaries. Always built with --workspace: alone they would get dependencies with fewer
# features, and so other builds of them.
ACTOR_TESTS := $(patsubst actors/tests/%/main.rs,--test %,$(wildcard actors/tests/*/main.rs)) \
	$(patsubst actors/tests/%.rs,--test %,$(wildcard actors/tests/*.rs))

# Examples in the documentation, then the actors, then the whole service: its summary is the last.
test: tools-test
	$(CARGO) test --locked --workspace $(TEST_FEATURES) --doc
	$(CARGO) test --locked --workspace $(TEST_FEATURES) --lib --bins $(ACTOR_TESTS)
	$(CARGO) test --locked --workspace $(TEST_FEATURES) --test main

# The ledger of tests/crash.rs at full length; see docs/durability.md.
ROUNDS ?= 200
SEED ?=
ENGINE ?= rocksdb
PROGRAM ?=

torture: tools
	ROUNDS=$(ROUNDS) SEED=$(SEED) ENGINE=$(ENGINE) PROGRAM=$(PROGRAM) \
		$(CARGO) test --locked --workspace $(TEST_FEATURES) --test main crash::nothing_acknowledged -- --nocapture

POWER_CUTS ?= 200
torture-power: tools-test
	POWER_CUTS=$(POWER_CUTS) SEED=$(SEED) \
		$(CARGO) test --locked --workspace $(TEST_FEATURES) --test main disk::power -- --nocapture

# The console in headless Chromium.
test-browser: tools-browser
	$(CARGO) test --locked --workspace $(TEST_FEATURES) --test main admin::browser -- --ignored

# tests/surreal says what this does.
test-remote: tools-test
	CARGO="$(CARGO)" sh tests/surreal/run tests

torture-remote: ROUNDS = 50
torture-remote: tools-test
	CARGO="$(CARGO)" ROUNDS=$(ROUNDS) SEED=$(SEED) PROGRAM=$(PROGRAM) sh tests/surreal/run torture

release: tools
	$(CARGO) build --locked --release

# The service beside the ceiling of this machine, into docs/benchmarks/; then the pieces. Everything is built before
# anything is measured. ARGS go to the former: --seconds N.
bench: tools
	$(CARGO) bench --locked --bench service --bench counted --no-run
	$(CARGO) bench --locked --bench service -- --write $(ARGS)
	$(MAKE) bench-micro ARGS=

# As with the tests, --workspace: the same dependencies as in the service.
bench-micro: tools
	$(CARGO) bench --locked --workspace --bench hot --bench router --bench reading -- $(ARGS)

# ARGS=--accept makes what is counted now the baseline. Builds the actors only, without SurrealDB.
bench-instructions: tools-bench
	$(CARGO) bench --locked --workspace --bench instructions -- $(ARGS)

lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets $(TEST_FEATURES) -- -D warnings

# cargo-fuzz instruments with sanitizers, which need the nightly toolchain.
FUZZ_TARGETS ?= ids cursor journal snapshots request
FUZZ_SECONDS ?= 60
fuzz: tools
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz --version 0.13.2
	cd tests/fuzz && for target in $(FUZZ_TARGETS); do mkdir -p corpus/$$target && \
		cargo +nightly fuzz run --fuzz-dir . $$target corpus/$$target seeds/$$target \
		-- -max_total_time=$(FUZZ_SECONDS) -timeout=10 || exit 1; done

fuzz-http: tools-test
	$(CARGO) build --locked
	sh tests/fuzz/http

tools:
	@CARGO="$(CARGO)" sh .ci/tools

tools-test:
	@CARGO="$(CARGO)" sh .ci/tools test

tools-bench:
	@CARGO="$(CARGO)" sh .ci/tools bench

tools-browser:
	@CARGO="$(CARGO)" sh .ci/tools browser
