/* What this process may not do, by name: else a refusal deep in the kernel would be all that is told of it. */
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "gate.h"

/* installers/linux/systemd/provost-sensor.service gives each of them. */
static const struct {
  unsigned number;
  unsigned instead; /* one that includes it */
  const char *name, *without;
} needed[] = {
  {CAP_SYS_ADMIN, CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "nothing is held before it starts, and changes of files are not told"},
  {CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF", "the kernel checks nothing by itself, and tells no events"},
  {CAP_PERFMON, CAP_SYS_ADMIN, "CAP_PERFMON", "the kernel checks nothing by itself, and tells no events"},
  {CAP_SYS_PTRACE, CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "other users' processes cannot be looked at"},
  {CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "CAP_DAC_READ_SEARCH", "files that only their owners may read cannot be hashed"},
  {CAP_LEASE, CAP_LEASE, "CAP_LEASE", "writers of other users' files cannot be shut out while these are hashed"},
  {CAP_KILL, CAP_KILL, "CAP_KILL", "other users' processes cannot be ended by an order"},
  {CAP_LINUX_IMMUTABLE, CAP_LINUX_IMMUTABLE, "CAP_LINUX_IMMUTABLE", "what is in quarantine cannot be made unchangeable"},
  {CAP_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN", "this device cannot be cut off from the network by an order"},
};

void capabilities_missing(char *missing, size_t bytes) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2];
  memset(sets, 0, sizeof sets);
  if (syscall(SYS_capget, &header, sets) != 0) return;
  size_t used = 0;
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    unsigned has = sets[needed[i].number / 32].effective >> needed[i].number % 32, other = sets[needed[i].instead / 32].effective >> needed[i].instead % 32;
    if (((has | other) & 1) != 0 || used >= bytes) continue;
    used += (size_t)snprintf(missing + used, bytes - used, "capability %s is missing: %s\n", needed[i].name, needed[i].without);
  }
}
