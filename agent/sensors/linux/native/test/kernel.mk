# Tests of the checks in the kernel: run by test/kernels, on this machine and in virtual ones.
KERNEL_PARTS = $(filter build/kernel%.o build/names.o,$(OBJECTS))

build/hello: test/hello.c | build
	$(CC) $(WARN) $(CFLAGS) -static -o $@ $<

build/kernel_test: test/kernel_test.c test/kernel_map_test.c test/kernel_test.h $(KERNEL_PARTS) | build
	$(CC) $(WARN) $(CFLAGS) -I. -Ibuild -Itest -o $@ $(filter %.c,$^) $(KERNEL_PARTS) -Wl,-Bstatic -lbpf -Wl,-Bdynamic -lelf -lz -lpthread


build/reach: test/reach.c | build
	$(CC) $(WARN) $(CFLAGS) -static -o $@ $<

build/race: test/race.c | build
	$(CC) $(WARN) $(CFLAGS) -static -o $@ $<

build/race-target: test/race-target.S | build
	$(CC) -nostdlib -static -o $@ $<

kernel-tests: build/hello build/kernel_test build/race build/race-target build/reach

.PHONY: kernel-tests
