#define _GNU_SOURCE
#include "place.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Noreturn void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(2);
}

long number(const char *text, const char *what) {
  char *end = NULL;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0) {
    fprintf(stderr, "%s is a whole number, not \"%s\"\n", what, text);
    exit(2);
  }
  return value;
}

long now_ns(void) {
  struct timespec time;
  if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) fail("clock_gettime");
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void join_cgroup(const char *folder) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/cgroup.procs", folder) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    fail(folder);
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) fail(path);
  close(fd);
}

void enter(const struct place *place) {
  if (place->cgroup != NULL) join_cgroup(place->cgroup);
  if (place->namespace != NULL) {
    int fd = open(place->namespace, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNS) != 0) fail(place->namespace);
    close(fd);
  }
  if (place->root != NULL && (chroot(place->root) != 0 || chdir("/") != 0)) fail(place->root);
  if (place->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)place->cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
  }
}
