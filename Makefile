# Thin over cargo. `make run` and `make test` share one profile and one target directory, so whichever
# comes second costs little. What the build needs from the system is installed only when it is missing.

CARGO ?= cargo
ARGS ?=

.PHONY: run test torture release bench lint tools tools-test help

help:
	@echo "make run      build (quick profile) and start the service on 127.0.0.1:8888"
	@echo "make test     build (quick profile) and run every test"
	@echo "make torture  kill the service ROUNDS=200 times and compare what it acknowledged (SEED=, ENGINE=)"
	@echo "make release  build target/release/messagecenter, optimised: for production"
	@echo "make bench    build optimised and run the benchmarks"
	@echo "make lint     formatting and clippy, warnings are errors"

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

release: tools
	$(CARGO) build --locked --release

bench: tools
	$(CARGO) bench --locked --bench '*'

lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets $(TEST_FEATURES) -- -D warnings

tools:
	@CARGO="$(CARGO)" sh .ci/tools

tools-test:
	@CARGO="$(CARGO)" sh .ci/tools test
