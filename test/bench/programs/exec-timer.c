/*
 * exec-timer [--cgroup DIR] [--namespace FILE] [--root DIR] [--cpu N] [--count N | --seconds N] [--numbered] [--paced MICROSECONDS]
 *            PROGRAM [ARGUMENT]...
 *
 * vfork, execve, wait: again and again, each timed from before vfork until the child was waited for. Prints one line of JSON.
 * With --numbered a number is put behind the program's name, counting from 0: every exec is of another file.
 * With --paced there is a pause between two, and it all runs at real-time priority: then a long wait is the gate's, and not that of
 * a processor which somebody else uses. Without pauses the kernel would throttle it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "place.h"

#define MOST 4000000L

static int compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

struct tally {
  uint32_t *took; /* ns, at most 4.29 s each */
  long count, refused, killed, unsuccessful, slowest, slowest_at;
  int last_error;
};

static void one(struct tally *tally, char **arguments, long started) {
  static char *const environment[] = {"PATH=/bin:/usr/bin", NULL};
  volatile int error = 0;
  long before = now_ns();
  pid_t child = vfork();
  if (child < 0) fail("vfork");
  if (child == 0) {
    execve(arguments[0], arguments, environment);
    error = errno;
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  long took = now_ns() - before;
  if (error != 0) {
    tally->refused++;
    tally->last_error = error;
  } else if (WIFSIGNALED(status)) {
    tally->killed++;
  } else if (WEXITSTATUS(status) != 0) {
    tally->unsuccessful++;
  }
  if (took > tally->slowest) {
    tally->slowest = took;
    tally->slowest_at = before - started;
  }
  tally->took[tally->count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
}

int main(int argc, char **argv) {
  static const struct option known[] = {
    {"cgroup", required_argument, NULL, 'g'}, {"namespace", required_argument, NULL, 'm'}, {"root", required_argument, NULL, 'r'},
    {"cpu", required_argument, NULL, 'c'},    {"count", required_argument, NULL, 'n'},     {"seconds", required_argument, NULL, 's'},
    {"numbered", no_argument, NULL, 'f'},     {"paced", required_argument, NULL, 'p'},     {NULL, 0, NULL, 0},
  };
  struct place place = {.cpu = -1};
  long count = 1000, seconds = 0, paced = 0;
  int numbered = 0;
  for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
    if (option == 'g') place.cgroup = optarg;
    else if (option == 'm') place.namespace = optarg;
    else if (option == 'r') place.root = optarg;
    else if (option == 'c') place.cpu = (int)number(optarg, "--cpu");
    else if (option == 'n') count = number(optarg, "--count");
    else if (option == 's') seconds = number(optarg, "--seconds");
    else if (option == 'f') numbered = 1;
    else if (option == 'p') paced = number(optarg, "--paced");
    else return 2;
  }
  if (optind >= argc || count < 1 || count > MOST || seconds > 600) {
    fprintf(stderr, "exec-timer: wanted a program, 1 to %ld runs, at most 600 seconds\n", MOST);
    return 2;
  }
  long most = seconds > 0 ? MOST : count;
  struct tally tally = {.took = calloc((size_t)most, sizeof *tally.took)};
  if (tally.took == NULL) fail("calloc");
  enter(&place);
  const struct sched_param first = {.sched_priority = 1};
  if (paced > 0 && sched_setscheduler(0, SCHED_FIFO, &first) != 0) fail("sched_setscheduler");
  char name[4096];
  char **arguments = argv + optind;
  const char *pattern = arguments[0];
  long started = now_ns(), until = seconds > 0 ? started + seconds * 1000000000L : 0;
  while (tally.count < most && (until == 0 || now_ns() < until)) {
    if (numbered) {
      if (snprintf(name, sizeof name, "%s%ld", pattern, tally.count) >= (int)sizeof name) return 2;
      arguments[0] = name;
    }
    one(&tally, arguments, started);
    if (paced > 0) usleep((useconds_t)paced);
  }
  double whole = (double)(now_ns() - started) / 1e9;
  struct rusage used;
  if (getrusage(RUSAGE_CHILDREN, &used) != 0) fail("getrusage");
  double user = (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6;
  double system = (double)used.ru_stime.tv_sec + (double)used.ru_stime.tv_usec / 1e6;
  qsort(tally.took, (size_t)tally.count, sizeof *tally.took, compare);
  printf("{\"count\":%ld,\"refused\":%ld,\"killed\":%ld,\"unsuccessful\":%ld,\"error\":\"%s\",\"seconds\":%.6f,\"user\":%.6f,\"system\":%.6f,\"least\":%.3f,\"p10\":%.3f,\"median\":%.3f,\"p90\":%.3f,"
         "\"p99\":%.3f,\"slowest\":%.3f,\"slowestAt\":%.6f}\n",
         tally.count, tally.refused, tally.killed, tally.unsuccessful, tally.refused > 0 ? strerror(tally.last_error) : "", whole, user, system, tally.took[0] / 1e3, tally.took[tally.count / 10] / 1e3,
         tally.took[tally.count / 2] / 1e3, tally.took[tally.count * 9 / 10] / 1e3, tally.took[tally.count * 99 / 100] / 1e3,
         (double)tally.slowest / 1e3, (double)tally.slowest_at / 1e9);
  free(tally.took);
  return fflush(stdout) == 0 ? 0 : 2;
}
