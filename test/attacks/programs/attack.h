/*
 * What the attack programs share. They stand for a foothold in a program that may run: each does one thing that ought to make bytes run
 * which nobody has verified, and only inside the disposable root that the runner made. What runs is a payload: it writes its token.
 */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PROOF 9 /* the descriptor that payloads write their token to */

struct verb {
  const char *name;
  int (*run)(int count, char **arguments); /* arguments behind the verb; returns the exit status */
  int least;                               /* how many of them it needs */
};

__attribute__((noreturn)) static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int check(int result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

/* How the runner hides a payload: nobody who opens such a file sees a program in it, nor a text. */
#define HIDDEN ".hidden"
#define HIDDEN_BY 0x55

static inline bool is_hidden(const char *path) {
  size_t length = strlen(path), end = strlen(HIDDEN);
  return length > end && strcmp(path + length - end, HIDDEN) == 0;
}

/* The bytes of a file, as they were where it is a hidden one; at most 16 MB. */
static inline char *whole(const char *path, size_t *bytes) {
  int file = check(open(path, O_RDONLY | O_CLOEXEC), path);
  struct stat state;
  check(fstat(file, &state), path);
  if (state.st_size <= 0 || state.st_size > 16 << 20) {
    errno = EFBIG;
    fail(path);
  }
  char *content = malloc((size_t)state.st_size);
  if (content == NULL) fail("memory");
  *bytes = 0;
  while (*bytes < (size_t)state.st_size) {
    ssize_t got = read(file, content + *bytes, (size_t)state.st_size - *bytes);
    if (got <= 0) fail(path);
    *bytes += (size_t)got;
  }
  close(file);
  if (!is_hidden(path)) return content;
  *bytes -= 1; /* a byte of zero is before it */
  for (size_t at = 0; at < *bytes; at++) content[at + 1] ^= HIDDEN_BY;
  return content + 1;
}

static inline void put(int file, const char *content, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    ssize_t wrote = write(file, content + done, bytes - done);
    if (wrote <= 0) fail("write");
    done += (size_t)wrote;
  }
}

/* Runs a program and waits; its wait status, or 127 << 8 where it could not be started. */
static inline int run_program(const char *path) {
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    char *arguments[] = {(char *)path, NULL};
    execve(path, arguments, environ);
    fprintf(stderr, "exec %s: %s\n", path, strerror(errno));
    _exit(127);
  }
  int status = 0;
  check(waitpid(child, &status, 0), "waitpid");
  return status;
}

/*
 * Does a good program still start while somebody tries to hold up whoever is asked? Twelve times, two seconds each; where it does not,
 * the token that the runner gave in the environment is the proof.
 */
static inline int good_still_runs(const char *good) {
  for (int time = 0; time < 12; time++) {
    pid_t child = check(fork(), "fork");
    if (child == 0) {
      char *arguments[] = {(char *)good, NULL};
      execve(good, arguments, environ);
      _exit(127);
    }
    int status = 0, waited = 0;
    while (waitpid(child, &status, WNOHANG) == 0 && waited++ < 200) usleep(10000);
    if (waited < 200 && status == 0) continue;
    const char *token = getenv("T");
    fprintf(stderr, "%s did not run: %s\n", good, waited < 200 ? "it was refused" : "it waits");
    if (token != NULL) put(PROOF, token, strlen(token));
    return 1;
  }
  return 0;
}

static inline int choose(const struct verb *verbs, size_t count, int argc, char **argv) {
  for (size_t at = 0; argc > 1 && at < count; at++)
    if (strcmp(verbs[at].name, argv[1]) == 0 && argc - 2 >= verbs[at].least) return verbs[at].run(argc - 2, argv + 2);
  fprintf(stderr, "%s: no such attack, or arguments are missing; it knows", argv[0]);
  for (size_t at = 0; at < count; at++) fprintf(stderr, " %s", verbs[at].name);
  fprintf(stderr, "\n");
  return 2;
}
