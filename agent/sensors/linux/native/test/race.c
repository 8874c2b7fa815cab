/*
 * race FILE TRIES write|map|keep|hold|truncate|replace [CGROUP]: one process rewrites FILE all the time, now harmless, now tampered with;
 * another executes it. FILE is a copy of race-target, whose exit status is the byte before RACEMARK. Prints one line of JSON: how often the
 * harmless one ran, how often the tampered one, how often it was refused or killed, how often it was busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HARMLESS = 10, TAMPERED = 66, NOT_RUN = 99, SMALL = 1 << 16 };

static char image[SMALL];
static size_t image_bytes, mark;

static int fail(const char *what) {
  fprintf(stderr, "race: %s: %s\n", what, strerror(errno));
  return 2;
}

static void write_byte(int fd, char byte) {
  if (pwrite(fd, &byte, 1, (off_t)mark) != 1) _exit(3);
}

static void map_byte(int fd, char byte) {
  char *bytes = mmap(NULL, image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) _exit(3);
  bytes[mark] = byte;
  munmap(bytes, image_bytes);
}

/* One mapping, stored through again and again: only the first store moves the change time. */
static void keep_mapping(int fd) {
  char *bytes = mmap(NULL, image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) _exit(3);
  int stores = 20 + rand() % 200;
  for (int i = 0; i < stores; i++) {
    ((volatile char *)bytes)[mark] = i % 2 ? TAMPERED : HARMLESS;
    usleep((unsigned)rand() % 50);
  }
  ((volatile char *)bytes)[mark] = TAMPERED;
  munmap(bytes, image_bytes);
}

/* A whole new file under the same name. */
static void replace(const char *path, char byte) {
  char beside[4096];
  snprintf(beside, sizeof beside, "%s.next", path);
  int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (fd < 0) _exit(3);
  image[mark] = byte;
  if (write(fd, image, image_bytes) != (ssize_t)image_bytes) _exit(3);
  close(fd);
  if (rename(beside, path) != 0) _exit(3);
}

static void rewrite(const char *path, const char *how, char byte) {
  if (strcmp(how, "replace") == 0) {
    replace(path, byte);
    return;
  }
  int fd;
  do fd = open(path, O_RDWR | O_CLOEXEC); /* refused while it runs */
  while (fd < 0);
  if (strcmp(how, "map") == 0) {
    map_byte(fd, byte);
  } else if (strcmp(how, "keep") == 0) {
    keep_mapping(fd);
  } else if (strcmp(how, "truncate") == 0) {
    image[mark] = byte;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, image, image_bytes, 0) != (ssize_t)image_bytes) _exit(3);
  } else {
    write_byte(fd, byte);
    if (strcmp(how, "hold") == 0) usleep((unsigned)rand() % 100);
  }
  close(fd);
}

static void rewrite_always(const char *path, const char *how) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    rewrite(path, how, TAMPERED);
    usleep((unsigned)rand() % 200);
    rewrite(path, how, HARMLESS);
    usleep((unsigned)rand() % 200);
  }
}

static int join(const char *cgroup) {
  char path[4096];
  snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) return -1;
  return close(fd);
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: race FILE TRIES write|map|keep|hold|truncate|replace [CGROUP]\n");
    return 2;
  }
  const char *path = arguments[1], *how = arguments[3];
  long tries = atol(arguments[2]);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, image, sizeof image);
  if (got <= 0 || got == SMALL) return fail(path);
  close(fd);
  image_bytes = (size_t)got;
  const char *found = memmem(image, image_bytes, "RACEMARK", 8);
  if (!found || found == image) {
    fprintf(stderr, "race: %s is no copy of race-target\n", path);
    return 2;
  }
  mark = (size_t)(found - image) - 1;
  if (count > 4 && join(arguments[4]) != 0) return fail(arguments[4]);
  pid_t writer = fork();
  if (writer < 0) return fail("fork");
  if (writer == 0) rewrite_always(path, how);
  long harmless = 0, tampered = 0, refused = 0, killed = 0, busy = 0, other = 0;
  for (long i = 0; i < tries; i++) {
    volatile int error = 0;
    pid_t child = vfork();
    if (child == 0) {
      char *of[] = {arguments[1], NULL}, *none[] = {NULL};
      execve(path, of, none);
      error = errno;
      _exit(NOT_RUN);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return fail("vfork");
    if (WIFSIGNALED(status)) killed += WTERMSIG(status) == SIGKILL, other += WTERMSIG(status) != SIGKILL;
    else if (WEXITSTATUS(status) == TAMPERED) tampered++;
    else if (WEXITSTATUS(status) == HARMLESS) harmless++;
    else if (error == EPERM || error == EACCES) refused++;
    else if (error == ETXTBSY) busy++;
    else other++;
  }
  kill(writer, SIGKILL);
  waitpid(writer, NULL, 0);
  printf("{\"how\":\"%s\",\"tries\":%ld,\"harmless\":%ld,\"tampered\":%ld,\"refused\":%ld,\"killed\":%ld,\"busy\":%ld,\"other\":%ld}\n", how, tries,
         harmless, tampered, refused, killed, busy, other);
  return 0;
}
