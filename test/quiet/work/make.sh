set -e
mkdir -p /root/build && cd /root/build
for number in $(seq 120); do printf 'int part%d(int x) { return x * %d; }\n' $number $number >part$number.c; done
printf '#include <stdio.h>\nint part7(int);\nint main(void) { printf("%%d\\n", part7(6)); return 0; }\n' >main.c
cat >Makefile <<'E'
parts := $(patsubst %.c,%.o,$(wildcard *.c))
check: program libparts.so
	./program
	LD_PRELOAD=./libparts.so ./program
program: $(parts)
	$(CC) -o $@ $^
	strip $@
libparts.so: $(parts)
	$(CC) -shared -o $@ $^
%.o: %.c
	$(CC) -O1 -fPIC -c -o $@ $<
clean:
	rm -f *.o program libparts.so
E
make -j2 check
make clean
make -j2 check
