/*
 * racer [--cgroup DIR] [--root DIR] FILE TRIES write|mmap: FILE (flip.c) is executed TRIES times while another process turns its one
 * byte from good to tampered and back. Every run tells by its code which bytes ran. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "place.h"

#define TAMPERED 42
#define NOT_STARTED 99

static off_t find_value(const char *path, off_t *bytes) {
  static const char mark[] = "FLIPMARK";
  static char text[1 << 20];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  ssize_t there = read(fd, text, sizeof text);
  close(fd);
  if (there <= 0) fail(path);
  const char *found = memmem(text, (size_t)there, mark, sizeof mark - 1);
  if (found == NULL) {
    errno = ENOENT;
    fail("the mark in the program");
  }
  *bytes = there;
  return found - text + (off_t)sizeof mark - 1;
}

/* Refused while somebody executes the file (ETXTBSY): tried again. */
static void turn(const char *path, off_t at, off_t bytes, char value, int mapped) {
  int fd = -1;
  while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
    if (errno != ETXTBSY && errno != EINTR && errno != EPERM) fail(path);
  if (mapped) {
    char *page = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) fail("mmap");
    page[at] = value;
    munmap(page, (size_t)bytes);
  } else if (pwrite(fd, &value, 1, at) != 1) {
    fail("pwrite");
  }
  close(fd);
}

_Noreturn static void flip(const char *path, int mapped) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("prctl");
  off_t bytes = 0, at = find_value(path, &bytes);
  unsigned seed = 1;
  for (;;) {
    turn(path, at, bytes, TAMPERED, mapped);
    turn(path, at, bytes, 0, mapped);
    usleep((useconds_t)(rand_r(&seed) % 200));
  }
}

struct outcome { long good, tampered, refused, busy, killed, other; };

static void one(const char *path, struct outcome *outcome) {
  volatile int error = 0;
  char *const arguments[] = {(char *)path, NULL};
  pid_t child = vfork();
  if (child < 0) fail("vfork");
  if (child == 0) {
    execve(path, arguments, NULL);
    error = errno;
    _exit(NOT_STARTED);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  if (error == EPERM || error == EACCES) outcome->refused++;
  else if (error == ETXTBSY) outcome->busy++;
  else if (WIFSIGNALED(status)) outcome->killed++;
  else if (error == 0 && WEXITSTATUS(status) == 0) outcome->good++;
  else if (error == 0 && WEXITSTATUS(status) == TAMPERED) outcome->tampered++;
  else outcome->other++;
}

int main(int argc, char **argv) {
  static const struct option known[] = {
    {"cgroup", required_argument, NULL, 'g'}, {"root", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
  struct place place = {.cpu = -1};
  for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
    if (option == 'g') place.cgroup = optarg;
    else if (option == 'r') place.root = optarg;
    else return 2;
  }
  if (argc - optind != 3) return 2;
  const char *path = argv[optind];
  long tries = number(argv[optind + 1], "TRIES");
  int mapped = strcmp(argv[optind + 2], "mmap") == 0;
  enter(&place);
  pid_t writer = fork();
  if (writer < 0) fail("fork");
  if (writer == 0) flip(path, mapped);
  struct outcome outcome = {0};
  for (long number = 0; number < tries; number++) one(path, &outcome);
  int status = 0;
  if (waitpid(writer, &status, WNOHANG) != 0) {
    fprintf(stderr, "racer: the writer ended before the race did\n");
    return 2;
  }
  if (kill(writer, SIGKILL) != 0 || waitpid(writer, &status, 0) != writer) fail("the writer");
  printf("{\"tries\":%ld,\"good\":%ld,\"tampered\":%ld,\"refused\":%ld,\"busy\":%ld,\"killed\":%ld,\"other\":%ld}\n", tries, outcome.good,
         outcome.tampered, outcome.refused, outcome.busy, outcome.killed, outcome.other);
  return fflush(stdout) == 0 ? 0 : 2;
}
