/*
 * Somebody who reaches for what is guarded: reach WHAT TARGET [MORE]. Ends with the errno of the try, 0 where it was let.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int ended(long result) { return result < 0 ? errno : 0; }

/* Every object's number is tried: what is not ours may be taken. The first refusal is what is asked for. */
static int take_objects(int command) {
  int refused = 0;
  for (uint32_t number = 1; number < 4096; number++) {
    union bpf_attr ask;
    memset(&ask, 0, sizeof ask);
    if (command == BPF_MAP_GET_FD_BY_ID) ask.map_id = number;
    else ask.link_id = number;
    long fd = syscall(SYS_bpf, command, &ask, sizeof ask);
    if (fd < 0 && errno == EPERM) refused = EPERM;
    if (fd >= 0) close((int)fd);
  }
  return refused;
}

static int write_memory(pid_t pid) {
  char byte = 0;
  struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)0x10000, 1};
  return ended(process_vm_writev(pid, &here, 1, &there, 1, 0));
}

static int open_memory(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  return ended(open(path, O_RDWR | O_CLOEXEC));
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: reach WHAT TARGET [MORE]\n");
    return 250;
  }
  const char *what = arguments[1], *target = arguments[2], *more = count > 3 ? arguments[3] : "";
  pid_t pid = (pid_t)atoi(target);
  if (strcmp(what, "signal") == 0) return ended(kill(pid, atoi(more)));
  if (strcmp(what, "trace") == 0) return ended(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
  if (strcmp(what, "write-memory") == 0) return write_memory(pid);
  if (strcmp(what, "open-memory") == 0) return open_memory(pid);
  if (strcmp(what, "write") == 0) return ended(open(target, O_WRONLY | O_CLOEXEC));
  if (strcmp(what, "cut") == 0) return ended(truncate(target, 0));
  if (strcmp(what, "rights") == 0) return ended(chmod(target, 0777));
  if (strcmp(what, "unlink") == 0) return ended(unlink(target));
  if (strcmp(what, "rename") == 0) return ended(rename(target, more));
  if (strcmp(what, "create") == 0) return ended(open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
  if (strcmp(what, "folder") == 0) return ended(mkdir(target, 0755));
  if (strcmp(what, "remove-folder") == 0) return ended(rmdir(target));
  if (strcmp(what, "link") == 0) return ended(link(target, more));
  if (strcmp(what, "symlink") == 0) return ended(symlink(target, more));
  if (strcmp(what, "mount") == 0) return ended(mount("none", target, "tmpfs", 0, NULL));
  if (strcmp(what, "bind") == 0) return ended(mount(more, target, NULL, MS_BIND, NULL));
  if (strcmp(what, "unmount") == 0) return ended(umount2(target, MNT_DETACH));
  if (strcmp(what, "maps") == 0) return take_objects(BPF_MAP_GET_FD_BY_ID);
  if (strcmp(what, "links") == 0) return take_objects(BPF_LINK_GET_FD_BY_ID);
  fprintf(stderr, "reach: no such thing: %s\n", what);
  return 250;
}
