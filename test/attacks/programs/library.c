/*
 * The payload as a library. Loading is enough: the constructor writes the token. The names below make it pass as what other programs
 * load: a module for auditing the loader, for character sets, for users, for bash, Python and Node.
 */
#include <stddef.h>
#include <unistd.h>

static volatile char token[] = "PROVOST-TOKEN-0123456789abcdef0123456789abcdef\n";

__attribute__((constructor)) static void loaded(void) {
  if (write(9, (const char *)token + 14, 33) != 33) _exit(1);
}

unsigned int la_version(unsigned int version) { return version; }
int gconv_init(void *step) { return step == NULL; }
int gconv(void) { return 1; }
int good_answer(void) { return 1; }
