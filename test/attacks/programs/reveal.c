/* reveal HIDDEN FILE: writes what a hidden payload holds into a new file. cp could not: opening an unknown program is asked about too. */
#include "attack.h"

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: reveal HIDDEN FILE\n");
    return 2;
  }
  size_t bytes;
  char *content = whole(argv[1], &bytes);
  int file = check(open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755), argv[2]);
  put(file, content, bytes);
  close(file);
  return 0;
}
