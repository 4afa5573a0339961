# Thin: every target makes sure that the packages it needs are there (scripts/setup, quiet when they are) and calls CMake,
# ctest or a script. `make help` lists the targets.

JOBS ?= $(shell nproc)
# Tests share the machine with the load that they make, so no more than two at a time.
TEST_JOBS ?= 2
CTEST := ctest --output-on-failure --no-tests=error --parallel $(TEST_JOBS)

# How many lives `make sim` looks at, and the first of them.
SEEDS ?= 10000
FIRST ?= 1

# The programs of the tests, and whatever they need; for the builds that test no more than that.
TEST_PROGRAMS := broadside_tests

.DEFAULT_GOAL := release
.DELETE_ON_ERROR:
.PHONY: help release debug test test-faults sim test-mutants model demo sanitize asan tsan lint coverage acceptance format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

release: ## build/release/broadside, optimised (the default)
	@scripts/setup build
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build --preset release --parallel $(JOBS) --target broadside

debug: ## everything, unoptimised, in build/debug
	@scripts/setup build
	@cmake --preset debug --log-level=NOTICE >/dev/null
	@cmake --build --preset debug --parallel $(JOBS)

test: ## all tests of the release build
	@scripts/setup build test
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build --preset release --parallel $(JOBS)
	@$(CTEST) --test-dir build/release

test-faults: release ## real processes at 3,000 rps, killed, frozen, cut off: a table (15 min; needs root)
	@scripts/setup test
	@tests/faults/run.py

sim: ## SEEDS=10000 fleets in virtual time with faults at random; what was injected and found (3 min)
	@scripts/setup build test
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build --preset release --parallel $(JOBS) --target sim_test
	@tests/sim/run.py --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS)

test-mutants: ## the simulator against deliberate bugs in the cores: a table, exit 1 if one survives
	@scripts/setup build test
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build --preset release --parallel $(JOBS) --target sim_mutants
	@build/release/tests/sim/mutants/sim_mutants

model: ## the fleet protocol, exhaustively: whole, and with each rule taken away (docs/model.md)
	@scripts/setup model
	@tests/model/check.py

demo: release ## a target, a controller and three agents on loopback, one test, its result
	@deploy/demo/run.sh

sanitize: asan tsan ## the tests under AddressSanitizer with UBSan, then under ThreadSanitizer

asan: ## all tests under AddressSanitizer and UBSan
	@scripts/setup build test
	@cmake --preset asan-ubsan --log-level=NOTICE >/dev/null
	@cmake --build --preset asan-ubsan --parallel $(JOBS)
	@ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1 \
	 UBSAN_OPTIONS=print_stacktrace=1 $(CTEST) --test-dir build/asan-ubsan

# Debian's gRPC is not instrumented, so what links it is left out (label "grpc"). setarch turns off address space
# randomisation, which g++ 12's ThreadSanitizer does not survive on kernels that randomise more than 28 bits.
tsan: ## the tests that do not link gRPC under ThreadSanitizer
	@scripts/setup build test
	@cmake --preset tsan --log-level=NOTICE >/dev/null
	@cmake --build --preset tsan --parallel $(JOBS) --target $(TEST_PROGRAMS)
	@TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 setarch -R $(CTEST) --test-dir build/tsan --label-exclude grpc

lint: ## formatting, clang-tidy on what changed, tidy test, scripts, YAML, proto, OpenAPI (ALL=1: clang-tidy on everything)
	@scripts/setup lint
	@scripts/lint

acceptance: ## timed checks of the accuracy, on a quiet machine: windows, distributions, send lag (memory: tests/acceptance/memory.sh)
	@scripts/setup build test
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build --preset release --parallel $(JOBS) --target acceptance
	@build/release/tests/acceptance/acceptance

coverage: ## line coverage of the core folders by the unit tests; fails under 95 %
	@scripts/setup build test
	@scripts/coverage

format: ## formats all sources in place
	@scripts/setup lint
	@git ls-files --cached --others --exclude-standard '*.cc' '*.h' | xargs clang-format-14 -i

clean: ## removes build/
	@rm -rf build
