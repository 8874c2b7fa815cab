/*
 * The file systems under the gate: a mark on each superblock, whichever mount shows it. Permission marks are there in hold and block only;
 * what ran is told by a plain exec mark where no BPF program tells it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "gate.h"

#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif

enum { DEVICES = 4096, EVENT_FILES = 65536 };

struct device {
  uint32_t device, traits;
  uint32_t round;   /* in which it was met last */
  uint64_t permission, notify; /* masks that are set */
  enum marks_group group;
};

MUTEX_INHERIT(lock)
static struct device devices[DEVICES];
static size_t device_count;
static uint32_t round_number;
static bool full_said;
static int groups[MARKS_GROUPS] = {-1, -1, -1, -1, -1, -1, -1};
static _Atomic uint8_t came_from[EVENT_FILES]; /* by descriptor */
static _Atomic uint64_t want_permission, want_notify;
static unsigned evictable = FAN_MARK_EVICTABLE;
static bool fine_times; /* the kernel has change times finer than a tick */

int marks_group_fd(enum marks_group group) { return groups[group]; }

void marks_came_from(int fd, enum marks_group group) {
  if (fd >= 0 && fd < EVENT_FILES) came_from[fd] = (uint8_t)group;
}

static enum marks_group group_of(int fd) { return fd >= 0 && fd < EVENT_FILES ? (enum marks_group)came_from[fd] : GROUP_PLAIN; }

int marks_respond(int fd, bool allow) {
  struct fanotify_response response = {.fd = fd, .response = allow ? FAN_ALLOW : FAN_DENY};
  return write(groups[group_of(fd)], &response, sizeof response) < 0 ? -errno : 0;
}

bool marks_open(const struct options *options, char *why, size_t why_bytes) {
  struct utsname system;
  int major = 0, minor = 0;
  if (uname(&system) == 0 && sscanf(system.release, "%d.%d", &major, &minor) == 2) fine_times = major > 6 || (major == 6 && minor >= 13);
  if (options->highest == PV_TIER_P) {
    snprintf(why, why_bytes, "gate: --tier P was asked for; nothing is held\n");
    return false;
  }
  unsigned plain = FAN_CLOEXEC | FAN_NONBLOCK, most = FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, file = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME;
  /* O_NONBLOCK: whoever holds a write lease on a file and does not give it back must not hold the reader. That file is denied. */
  for (int group = 0; group < PERMISSION_GROUPS; group++) {
    groups[group] = fanotify_init(FAN_CLASS_CONTENT | plain | most, file | O_NONBLOCK);
    if (groups[group] >= 0) continue;
    snprintf(why, why_bytes, "gate: fanotify permission events: %s; nothing is held\n", strerror(errno));
    marks_close();
    return false;
  }
  groups[GROUP_TOLD] = fanotify_init(FAN_CLASS_NOTIF | plain | FAN_UNLIMITED_MARKS, file | O_NONBLOCK);
  return true;
}

void marks_close(void) {
  /* Closing answers "allow" to whoever still waits. */
  for (int group = 0; group < MARKS_GROUPS; group++) {
    if (groups[group] >= 0) close(groups[group]);
    groups[group] = -1;
  }
}

/*
 * Under record and warn the group that asks nothing tells of each start: events of the kernel's programs know neither digest nor writer, and come
 * too late for a terminal.
 */
void marks_configure(const struct pv_config *config) {
  bool holds = config->mode == PV_HOLD || config->mode == PV_BLOCK;
  uint64_t asks = holds ? FAN_OPEN_EXEC_PERM : 0, tells = !holds && config->mode != PV_OFF ? FAN_OPEN_EXEC : 0;
  if (holds && (config->libraries != 0 || config->scripts != 0)) asks |= FAN_OPEN_PERM;
  uint64_t asked = atomic_exchange(&want_permission, asks), told = atomic_exchange(&want_notify, tells);
  /* Fewer events than before: all marks go, and come back as wanted with the next round. */
  bool fewer = (asked & ~asks) != 0, fewer_told = (told & ~tells) != 0;
  if (fewer) {
    for (int group = 0; group < PERMISSION_GROUPS; group++) (void)fanotify_mark(groups[group], FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL);
    marks_ask_again();
  }
  if (fewer_told) (void)fanotify_mark(groups[GROUP_TOLD], FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL);
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < device_count; i++) {
    if (fewer) devices[i].permission = 0;
    if (fewer_told) devices[i].notify = 0;
  }
  pthread_mutex_unlock(&lock);
}

static struct device *find(uint32_t device) {
  for (size_t i = 0; i < device_count; i++)
    if (devices[i].device == device) return devices + i;
  return NULL;
}

bool marks_find(uint32_t device, uint32_t *traits) {
  pthread_mutex_lock(&lock);
  struct device *found = find(device);
  if (found != NULL) *traits = found->traits;
  pthread_mutex_unlock(&lock);
  return found != NULL;
}

uint64_t marks_count(void) {
  uint64_t count = 0;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < device_count; i++) count += devices[i].permission != 0;
  pthread_mutex_unlock(&lock);
  return count;
}

static bool one_of(const char *type, const char *const *names) {
  for (; *names != NULL; names++)
    if (strcmp(type, *names) == 0) return true;
  return false;
}

/* File systems that hold no programs: the kernel makes their contents up. */
static bool pseudo(const char *type) {
  static const char *const names[] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "securityfs", "debugfs", "tracefs", "bpf", "pstore", "mqueue", "configfs", "fusectl", "binfmt_misc", "efivarfs", "nsfs", "autofs", "rpc_pipefs", "selinuxfs", "smackfs", "hugetlbfs", "nfsd", "resctrl", NULL};
  return one_of(type, names);
}

/* Somebody else's program answers for these: it may never do so, and may show other bytes under the same change time. */
static bool slow(const char *type) {
  static const char *const names[] = {"fuse", "fuseblk", "virtiofs", "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "lustre", "coda", "orangefs", NULL};
  return one_of(type, names) || strncmp(type, "fuse.", 5) == 0;
}

static bool fine(const char *type) {
  static const char *const names[] = {"ext4", "xfs", "btrfs", "tmpfs", NULL};
  return fine_times && one_of(type, names);
}

/*
 * What an overlay inherits: a layer on a file system that somebody else answers for, or that is an overlay itself. `owned` says that the mount
 * namespace is a user's own.
 */
static uint32_t layer_traits(uint32_t pid, const char *options, bool owned) {
  uint32_t all = 0;
  static const char *const keys[] = {"lowerdir=", "upperdir=", "lowerdir+=", "datadir+="};
  for (const char *at = options; *at != 0; at += strcspn(at, ","), at += *at == ',') {
    size_t length = strcspn(at, ","), skip = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
      if (strncmp(at, keys[i], strlen(keys[i])) == 0) skip = strlen(keys[i]);
    for (size_t from = skip; skip != 0 && from < length;) {
      size_t part = strcspn(at + from, ":,");
      char path[PV_MAX_PATH + 32];
      snprintf(path, sizeof path, "/proc/%u/root/%.*s", pid, (int)(part > PV_MAX_PATH - 1 ? PV_MAX_PATH - 1 : part), at + from);
      struct statx is;
      uint32_t traits = 0;
      bool met = statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &is) == 0;
      if (met) (void)marks_find(is.stx_dev_major << 20 | is.stx_dev_minor, &traits);
      if ((traits & MARK_SLOW) != 0 || (!met && owned)) all |= MARK_SLOW;
      if ((traits & MARK_SERVED) != 0 || (!met && owned)) all |= MARK_SERVED;
      if ((traits & MARK_OVERLAY) != 0 || !met) all |= MARK_OVER;
      from += part + 1;
    }
  }
  return all;
}

static enum marks_group kind_of(uint32_t traits) {
  bool slow = (traits & MARK_SLOW) != 0;
  if ((traits & MARK_OVERLAY) == 0) return slow ? GROUP_SLOW : GROUP_PLAIN;
  if ((traits & MARK_OVER) == 0) return slow ? GROUP_SLOW_OVERLAY : GROUP_OVERLAY;
  return slow ? GROUP_SLOW_OVERLAY_OVER : GROUP_OVERLAY_OVER;
}

static uint32_t traits_of(uint32_t pid, const char *type, const char *options) {
  if (strncmp(type, "fuse", 4) == 0 && (type[4] == 0 || type[4] == '.' || strcmp(type, "fuseblk") == 0)) return MARK_SLOW | MARK_SERVED;
  if (slow(type)) return MARK_SLOW;
  if (strcmp(type, "overlay") != 0) return fine(type) ? MARK_FINE : 0;
  bool owned = proc_namespace(pid, "user") != proc_namespace((uint32_t)getpid(), "user");
  return MARK_OVERLAY | layer_traits(pid, options, owned);
}

void marks_begin(void) {
  pthread_mutex_lock(&lock);
  round_number++;
  pthread_mutex_unlock(&lock);
}

/* A handle to the mount itself: what is mounted over the place now may be another. */
static int open_mount(uint32_t pid, int space, uint32_t mount, const char *place) {
  char path[PV_MAX_PATH + 32];
  snprintf(path, sizeof path, "/proc/%u/root%s", pid, place);
  int fd = mounts_open(space, place);
  if (fd < 0) fd = open(path, O_PATH | O_CLOEXEC);
  struct statx is;
  if (fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &is) == 0 &&
      ((is.stx_mask & STATX_MNT_ID) == 0 || is.stx_mnt_id == mount))
    return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void watch_files(int fd, uint32_t device) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int folder = open(link, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  if (folder < 0) return; /* one file is mounted there; another mount shows the whole */
  (void)files_mark(gate_files(), folder, device);
  close(folder);
}

/* Marks on the superblock behind fd. Said once where it fails. Without the lock: somebody else's file system may let this wait. */
static void set_marks(struct device *device, int fd, const char *place) {
  uint64_t wanted_permission = atomic_load(&want_permission), wanted_notify = atomic_load(&want_notify);
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  unsigned how = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
  uint64_t before = device->permission;
  if (wanted_permission != 0) {
    bool is = fanotify_mark(groups[device->group], how, wanted_permission, AT_FDCWD, link) == 0;
    if (!is && before == 0) fprintf(stderr, "provost-sensor: %s cannot be put under the gate: %s\n", place, strerror(errno));
    device->permission = is ? wanted_permission : 0;
  }
  if (wanted_notify != 0 && fanotify_mark(groups[GROUP_TOLD], how, wanted_notify, AT_FDCWD, link) == 0) device->notify = wanted_notify;
  /* Where no mark can be set nobody is asked: to the kernel's check that is an unseen file system. */
  (void)kernel_device(gate_kernel(), device->device, wanted_permission == 0 || device->permission != 0);
}

/*
 * File systems that somebody else answers for are marked by a thread of their own: one that never answers holds only its kind. FUSE lets in
 * nobody but its owner unless it was told otherwise, not even root; such a mount stays without a mark.
 */
enum { SLOW_WAITING = 32 };
static struct { uint32_t device; int fd; char place[128]; } slow_queue[SLOW_WAITING];
static size_t slow_count;
static pthread_cond_t slow_filled = PTHREAD_COND_INITIALIZER;
static pthread_t slow_thread;

static void *run_slowly(void *argument) {
  (void)argument;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (slow_count == 0) pthread_cond_wait(&slow_filled, &lock);
    slow_count--;
    struct device fresh = {.device = slow_queue[slow_count].device, .traits = MARK_SLOW, .round = round_number, .group = kind_of(MARK_SLOW)};
    struct device *device = find(fresh.device);
    fresh.permission = device == NULL ? 0 : device->permission;
    int fd = slow_queue[slow_count].fd;
    char place[128];
    memcpy(place, slow_queue[slow_count].place, sizeof place);
    pthread_mutex_unlock(&lock);
    set_marks(&fresh, fd, place);
    close(fd);
    pthread_mutex_lock(&lock);
    device = find(fresh.device);
    if (device != NULL) {
      device->permission = fresh.permission;
      device->notify = fresh.notify;
    }
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

bool marks_start(void) { return thread_start(&slow_thread, "marks-slow", run_slowly, NULL); }

/* Takes fd. Where the queue is full the next round comes by again. */
static void leave_slow(uint32_t number, int fd, const char *place) {
  pthread_mutex_lock(&lock);
  bool waits = false;
  for (size_t i = 0; i < slow_count; i++) waits = waits || slow_queue[i].device == number;
  if (!waits && slow_count < SLOW_WAITING) {
    slow_queue[slow_count].device = number;
    slow_queue[slow_count].fd = fd;
    snprintf(slow_queue[slow_count++].place, sizeof slow_queue->place, "%s", place);
    pthread_cond_signal(&slow_filled);
    fd = -1;
  }
  pthread_mutex_unlock(&lock);
  if (fd >= 0) close(fd);
}

/* The number passed to a file system of another kind. */
static void unmark(enum marks_group group, int fd) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  (void)fanotify_mark(groups[group], FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM, AT_FDCWD, link);
}

void marks_add(uint32_t pid, int space, uint32_t number, uint32_t mount, const char *place, const char *type, const char *options) {
  if (pseudo(type)) return;
  pthread_mutex_lock(&lock);
  struct device *device = find(number);
  bool done = device != NULL && device->round == round_number;
  pthread_mutex_unlock(&lock);
  if (done) return;
  int fd = open_mount(pid, space, mount, place);
  if (fd < 0) return; /* hidden or gone; another mount of it may do */
  struct device fresh = {.device = number, .traits = traits_of(pid, type, options), .round = round_number};
  fresh.group = kind_of(fresh.traits);
  pthread_mutex_lock(&lock);
  device = find(number);
  fresh.permission = device == NULL ? 0 : device->permission;
  enum marks_group before = device == NULL ? fresh.group : device->group;
  pthread_mutex_unlock(&lock);
  if (before != fresh.group) unmark(before, fd);
  /* Again at each round: the number may have passed to another file system meanwhile. */
  bool slowly = (fresh.traits & (MARK_SLOW | MARK_OVERLAY)) == MARK_SLOW;
  if (!slowly) set_marks(&fresh, fd, place);
  pthread_mutex_lock(&lock);
  device = find(number);
  if (device == NULL && device_count < DEVICES) device = devices + device_count++;
  if (device != NULL) *device = fresh;
  pthread_mutex_unlock(&lock);
  if (device == NULL && !full_said) {
    full_said = true;
    out_lost(PV_MOUNT, 4, 1);
    fprintf(stderr, "provost-sensor: more than %d file systems are mounted; the rest is not known to the gate\n", DEVICES);
  }
  if (slowly) {
    leave_slow(number, fd, place);
    return;
  }
  if ((fresh.traits & MARK_SLOW) == 0) watch_files(fd, number);
  close(fd);
}

void marks_end(void) {
  for (;;) {
    uint32_t gone = 0;
    bool found = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < device_count && !found; i++) {
      if (devices[i].round == round_number) continue;
      gone = devices[i].device;
      devices[i] = devices[--device_count];
      found = true;
    }
    pthread_mutex_unlock(&lock);
    if (!found) return;
    (void)kernel_device(gate_kernel(), gone, false);
    (void)files_unmark(gate_files(), gone);
  }
}

void marks_ignore(int fd, bool execs, bool opens) {
  uint64_t mask = ((execs ? FAN_OPEN_EXEC_PERM : 0) | (opens ? FAN_OPEN_PERM : 0)) & atomic_load(&want_permission);
  if (mask == 0) return;
  unsigned how = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK;
  int group = groups[group_of(fd)];
  if (fanotify_mark(group, how | evictable, mask, fd, NULL) == 0 || errno != EINVAL || evictable == 0) return;
  evictable = 0; /* before 5.19 */
  (void)fanotify_mark(group, how, mask, fd, NULL);
}

void marks_ignore_told(int fd) {
  if (atomic_load(&want_notify) == 0) return;
  unsigned how = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK;
  if (fanotify_mark(groups[GROUP_TOLD], how | evictable, FAN_OPEN_EXEC, fd, NULL) != 0 && errno == EINVAL) (void)fanotify_mark(groups[GROUP_TOLD], how, FAN_OPEN_EXEC, fd, NULL);
}

void marks_ask_again(void) {
  for (int group = 0; group < MARKS_GROUPS; group++) (void)fanotify_mark(groups[group], FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
}
