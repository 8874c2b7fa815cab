# `make check`: the parts that need no kernel, under the address and undefined-behaviour sanitizers and valgrind, and briefly fuzzed.
CORE = table.c digests.c kinds.c hash.c input.c output.c state.c notice.c names.c custody.c
CORE_TESTS = $(addprefix test/,core-test.c tables-test.c texts-test.c input-test.c output-test.c state-test.c)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
RUNS ?= 50000
# clang's libFuzzer too where it is installed (libclang-rt-14-dev); the driver in test/fuzz-main.c needs nothing.
LIBFUZZER := $(shell echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { (void)b; (void)n; return 0; }' | $(CLANG) -x c - -fsanitize=fuzzer -o /dev/null 2>/dev/null && echo yes)
FUZZERS = build/fuzz-input build/fuzz-state $(if $(LIBFUZZER),build/libfuzz-input build/libfuzz-state)
FUZZ_SEEDS = $(wildcard ../golden/*.bin)

build/core-test: $(CORE_TESTS) $(CORE) test/check.h gate.h parts.h record.h | build
	$(CC) $(WARN) $(CFLAGS) -I. -Itest -o $@ $(CORE_TESTS) $(CORE) -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lpthread

build/core-test-checked: $(CORE_TESTS) $(CORE) test/check.h gate.h parts.h record.h | build
	$(CC) $(WARN) $(SANITIZE) -I. -Itest -o $@ $(CORE_TESTS) $(CORE) -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lpthread

build/fuzz-%: test/fuzz-%.c test/fuzz-main.c $(CORE) gate.h record.h | build
	$(CC) $(WARN) $(SANITIZE) -I. -o $@ $< test/fuzz-main.c $(CORE) -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lpthread

build/libfuzz-%: test/fuzz-%.c $(CORE) gate.h record.h | build
	$(CLANG) $(WARN) $(SANITIZE) -fsanitize=fuzzer -I. -o $@ $< $(CORE) -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lpthread

check: build/core-test build/core-test-checked $(FUZZERS)
	folder=$$(mktemp -d) && build/core-test-checked $$folder; done=$$?; rm -rf $$folder; exit $$done
	if command -v valgrind >/dev/null; then folder=$$(mktemp -d) && valgrind -q --error-exitcode=9 --leak-check=full build/core-test $$folder; done=$$?; rm -rf $$folder; exit $$done; else echo "skipped: valgrind is not installed"; fi
	set -e; for fuzzer in build/fuzz-input build/fuzz-state; do $$fuzzer -runs=$(RUNS) -seed=1 $(FUZZ_SEEDS); done
	set -e; for name in $(if $(LIBFUZZER),input state); do corpus=$$(mktemp -d); cp $(FUZZ_SEEDS) $$corpus; build/libfuzz-$$name -runs=$(RUNS) -seed=1 -artifact_prefix=build/ $$corpus >$$corpus.log 2>&1 || { tail -40 $$corpus.log; exit 1; }; tail -1 $$corpus.log; rm -rf $$corpus $$corpus.log; done

.PHONY: check
