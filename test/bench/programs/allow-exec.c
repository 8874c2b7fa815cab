/*
 * allow-exec DIR SECONDS: the least that asking user space costs. Marks the file system of DIR, answers every FAN_OPEN_EXEC_PERM
 * with yes, knows nothing. Prints READY; ends at SIGTERM, or by itself after SECONDS, so that it never hangs the askers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <unistd.h>
#include "place.h"

static volatile sig_atomic_t ending;
static void end(int signal) {
  (void)signal;
  ending = 1;
}

static void answer(int group, const struct fanotify_event_metadata *event) {
  struct fanotify_response response = {.fd = event->fd, .response = FAN_ALLOW};
  if (write(group, &response, sizeof response) != (ssize_t)sizeof response && errno != ENOENT) fail("answer");
  close(event->fd);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct sigaction action = {.sa_handler = end};
  if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGALRM, &action, NULL) != 0) fail("sigaction");
  alarm((unsigned)number(argv[2], "SECONDS"));
  int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
  if (group < 0) fail("fanotify_init");
  if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, argv[1]) != 0) fail(argv[1]);
  if (puts("READY") < 0 || fflush(stdout) != 0) return 2;
  static char buffer[65536] __attribute__((aligned(8)));
  while (!ending) {
    ssize_t bytes = read(group, buffer, sizeof buffer);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail("read");
    const struct fanotify_event_metadata *event = (const void *)buffer;
    for (; FAN_EVENT_OK(event, bytes); event = FAN_EVENT_NEXT(event, bytes))
      if (event->fd >= 0) answer(group, event);
  }
  return 0;
}
