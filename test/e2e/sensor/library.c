/* Says its word when it is loaded. */
#include <unistd.h>
__attribute__((constructor)) static void say(void) {
  if (write(1, WORD "\n", sizeof WORD) < 0) _exit(9);
}
