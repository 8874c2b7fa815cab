/* Where a measured program runs: cgroup, mount namespace, root, processor. Shared by the timers. */
#pragma once

/* Each may be NULL (or -1 for the processor): left as it is. Ends the process with a sentence where a step fails. */
struct place {
  const char *cgroup;    /* folder of a cgroup v2 */
  const char *namespace; /* file of a mount namespace, /proc/PID/ns/mnt */
  const char *root;
  int cpu;
};

void enter(const struct place *place);
long now_ns(void);
long number(const char *text, const char *what);
_Noreturn void fail(const char *what);
