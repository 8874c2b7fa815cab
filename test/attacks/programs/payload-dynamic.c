/* The payload as an ordinary program with a loader, for `ld.so ./payload`. */
#include <unistd.h>

static volatile char token[] = "PROVOST-TOKEN-0123456789abcdef0123456789abcdef\n";

int main(void) {
  return write(9, (const char *)token + 14, 33) == 33 ? 0 : 1;
}
