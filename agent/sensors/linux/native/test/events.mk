# What drives the parts that tell events without the rest of the sensor, and the recorded bytes.
EVENT_PARTS = telemetry programs connector files volumes writers custody changes names $(patsubst %.c,%,$(wildcard kernel*.c))
EVENT_OBJECTS = $(patsubst %,build/%.o,$(filter-out kernel-none,$(EVENT_PARTS)))

build/watch: test/watch.c $(EVENT_OBJECTS)
	$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

build/writers-test: test/writers_test.c test/silent.c $(EVENT_OBJECTS)
	$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

build/actor: test/actor.c | build
	$(CC) $(WARN) $(CFLAGS) -o $@ $< -lpthread

build/golden: test/golden.c test/golden.h test/shapes.h record.h | build
	$(CC) $(WARN) $(CFLAGS) -o $@ $<

golden: build/golden
	build/golden ../golden

events-tests: build/watch build/writers-test build/actor

.PHONY: golden events-tests
