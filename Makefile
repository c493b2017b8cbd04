# Thin over cargo. `make run` and `make test` share one profile and one target directory, so whichever
# comes second costs little. What the build needs from the system is installed only when it is missing.

CARGO ?= cargo
ARGS ?=

.PHONY: run test release bench lint tools help

help:
	@echo "make run      build (quick profile) and start the service on 127.0.0.1:8888"
	@echo "make test     build (quick profile) and run every test"
	@echo "make release  build target/release/messagecenter, optimised: for production"
	@echo "make bench    build optimised and run the benchmarks"
	@echo "make lint     formatting and clippy, warnings are errors"

run: tools
	$(CARGO) run --locked -- serve $(ARGS)

# Doctests and the actors' unit tests first, the tests of the whole service last.
test: tools
	$(CARGO) test --locked --workspace --doc
	$(CARGO) test --locked --workspace --lib --bins
	$(CARGO) test --locked --workspace --test main

release: tools
	$(CARGO) build --locked --release

bench: tools
	$(CARGO) bench --locked --package messagecenter

lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

tools:
	@CARGO="$(CARGO)" sh .ci/tools
