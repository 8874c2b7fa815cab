/*
 * Every mount of every mount namespace, as they come and go. One open mount table per namespace tells of changes; the process it was reached
 * by is watched too, because an open table keeps its namespace, and with it everything mounted there, from going away.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "gate.h"

enum { NAMESPACES = 512, ASKED = 64, HOST_DEVICES = 1024, SCAN_MS = 10000, SOON_MS = 1000, ROUND_WAIT_MS = 3000, MOST_TABLE = 4 << 20 };

struct namespace {
  uint32_t inode, pid;
  int process; /* pidfd, -1: none */
  int table;   /* its mount table, as from its own root */
  int space;   /* to enter it, -1: it cannot be */
};

static const struct options *options;
static struct namespace spaces[NAMESPACES];
static size_t space_count;
static bool full_said;
static uint32_t root_device; /* of the sensor's own "/" */
static struct { uint32_t device; bool in_scope; } host[HOST_DEVICES];
static size_t host_count;
static pthread_t thread;
static atomic_bool stopping;
static int wake = -1;
static int home = -1, processes = -1; /* the sensor's own mount namespace; its /proc, which another may not have */
static bool can_enter;
MUTEX_INHERIT(lock)
static uint32_t asked[ASKED];
static size_t asked_count;
static pthread_mutex_t round_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t round_done;
static uint64_t rounds_wanted, rounds_made;

static bool scoped(void) { return options->scope_count != 0 || options->scope_cgroup != NULL; }

static void poke(void) {
  uint64_t one = 1;
  if (wake >= 0 && write(wake, &one, sizeof one) < 0) return; /* full: it is awake already */
}

/*
 * Namespaces that are watched, by their number: asked for by the gate at every exec where no program in the kernel tells of new ones. Who
 * asked may have ended before it was looked at, and a number passes to another namespace when its owner is gone; so a namespace counts only
 * while it is watched. What could not be looked at is met by the next scan, which then comes within a second.
 */
enum { LATELY = 4096, NOTICE_NS = 1000000 };
static _Atomic uint32_t lately[LATELY];
static atomic_bool missed;

static void miss(void) {
  if (!atomic_exchange(&missed, true)) poke();
}

bool mounts_watched(uint32_t namespace) { return lately[namespace % LATELY] == namespace; }

void mounts_notice(uint32_t pid) {
  /* A look costs as much as an answer: one in a millisecond is enough to meet whoever stays. */
  static _Atomic uint64_t last;
  uint64_t now = now_awake(), before = last;
  if (now - before < NOTICE_NS || !atomic_compare_exchange_strong(&last, &before, now)) {
    miss();
    return;
  }
  uint32_t inode = proc_namespace(pid, "mnt");
  if (inode != 0 && !mounts_watched(inode)) mounts_look(pid);
}

void mounts_look(uint32_t pid) {
  pthread_mutex_lock(&lock);
  if (asked_count < ASKED) asked[asked_count++] = pid; /* else the next scan finds it */
  pthread_mutex_unlock(&lock);
  poke();
}

bool mounts_round(void) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ROUND_WAIT_MS / 1000;
  pthread_mutex_lock(&round_lock);
  uint64_t wanted = ++rounds_wanted;
  poke();
  while (rounds_made < wanted && pthread_cond_timedwait(&round_done, &round_lock, &until) == 0) {}
  bool done = rounds_made >= wanted;
  pthread_mutex_unlock(&round_lock);
  return done;
}

/*
 * A process may have changed its root and see a part of its namespace only. So the mounts thread goes there itself: entering puts it at the
 * namespace's own root. Only between these two calls is it away.
 */
static bool enter(int space) { return can_enter && space >= 0 && setns(space, CLONE_NEWNS) == 0; }
static void come_home(void) {
  if (setns(home, CLONE_NEWNS) == 0) return;
  fprintf(stderr, "provost-sensor: the way back from another mount namespace failed: %s\n", strerror(errno));
  abort();
}

int mounts_open(int space, const char *place) {
  if (!enter(space)) return -1;
  int fd = open(place, O_PATH | O_CLOEXEC);
  come_home();
  return fd;
}

/* The mount table as from the namespace's root; where it cannot be entered, as the process sees it. */
static int open_table(int space, uint32_t pid) {
  int table = -1;
  if (enter(space)) {
    table = openat(processes, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
    come_home();
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/mountinfo", pid);
  return table >= 0 ? table : open(path, O_RDONLY | O_CLOEXEC);
}

/*
 * A table shows what can be reached from the root that its namespace had when it was opened. Whoever makes a container takes a namespace first
 * and another root in it afterwards: from the old one nothing can be reached any more.
 */
static void renew(struct namespace *space) {
  int table = open_table(space->space, space->pid);
  if (table < 0) return;
  if (proc_namespace(space->pid, "mnt") != space->inode) {
    close(table); /* the next scan finds another process, or lets the namespace go */
    return;
  }
  close(space->table);
  space->table = table;
}

static void forget(size_t index) {
  if (lately[spaces[index].inode % LATELY] == spaces[index].inode) lately[spaces[index].inode % LATELY] = 0;
  kernel_namespace_gone(gate_kernel(), spaces[index].inode);
  if (spaces[index].process >= 0) close(spaces[index].process);
  if (spaces[index].space >= 0) close(spaces[index].space);
  close(spaces[index].table);
  spaces[index] = spaces[--space_count];
}

/* In a scoped run other namespaces count only where a process of the scope lives in them. */
static bool counts(uint32_t pid) { return pid == (uint32_t)getpid() || !scoped() || options->scope_cgroup == NULL || gate_scoped(pid); }

static void visit(uint32_t pid) {
  uint32_t inode = proc_namespace(pid, "mnt");
  if (inode == 0) return;
  for (size_t i = 0; i < space_count; i++)
    if (spaces[i].inode == inode) {
      lately[inode % LATELY] = inode;
      return;
    }
  if (!counts(pid)) {
    /* Its number may pass to one that counts: it has to be told of then. */
    kernel_namespace_gone(gate_kernel(), inode);
    return;
  }
  if (space_count == NAMESPACES) {
    if (!full_said) {
      fprintf(stderr, "provost-sensor: more than %d mount namespaces; what is mounted only in the rest is not under the gate\n", NAMESPACES);
      out_lost(PV_MOUNT, 4, 1); /* whoever made so many may want just that */
    }
    full_said = true;
    return;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/ns/mnt", pid);
  int process = (int)syscall(SYS_pidfd_open, pid, 0), space = pid == (uint32_t)getpid() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  int table = open_table(space, pid);
  /* The process may have ended and its number passed on: what was opened must be of that namespace still. */
  if (table < 0 || proc_namespace(pid, "mnt") != inode) {
    if (table >= 0) close(table);
    if (space >= 0) close(space);
    kernel_namespace_gone(gate_kernel(), inode);
    if (process >= 0) close(process);
    return;
  }
  if (process >= 0) (void)fcntl(process, F_SETFD, FD_CLOEXEC);
  spaces[space_count++] = (struct namespace){.inode = inode, .pid = pid, .process = process, .table = table, .space = space};
  lately[inode % LATELY] = inode;
}

static void scan(void) {
  full_said = full_said && space_count > NAMESPACES / 2;
  /* A namespace whose process has moved on or ended is found again through another, or let go. */
  for (size_t i = space_count; i-- > 0;)
    if (proc_namespace(spaces[i].pid, "mnt") != spaces[i].inode) forget(i);
  visit((uint32_t)getpid());
  missed = false;
  DIR *folder = opendir("/proc");
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (isdigit((unsigned char)entry->d_name[0])) visit((uint32_t)strtoul(entry->d_name, NULL, 10));
  closedir(folder);
}

static bool below(const char *path, const char *folder) {
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--;
  if (length == 1 && folder[0] == '/') return true;
  return strncmp(path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static bool under_scope(const char *place) {
  for (size_t i = 0; i < options->scope_count; i++)
    if (below(place, options->scopes[i])) return true;
  return false;
}

/* Remembers what the sensor's own namespace shows, so that a scoped run marks nothing of the host through another namespace. */
static void note_host(uint32_t device, bool in_scope) {
  for (size_t i = 0; i < host_count; i++) {
    if (host[i].device != device) continue;
    host[i].in_scope = host[i].in_scope || in_scope;
    return;
  }
  if (host_count == HOST_DEVICES) return;
  host[host_count].device = device;
  host[host_count++].in_scope = in_scope;
}

static bool wanted(bool own, uint32_t device, const char *place) {
  if (!scoped()) return true;
  if (device == root_device) return false;
  if (own) return under_scope(place);
  for (size_t i = 0; i < host_count; i++)
    if (host[i].device == device) return host[i].in_scope;
  return options->scope_cgroup != NULL && host_count < HOST_DEVICES;
}

/* "\040" and its like stand for characters that would break the table's columns. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from != 0; from++) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  }
  *to = 0;
}

struct line {
  uint32_t mount, device;
  char *place, *type, *options;
};

/* "36 35 98:0 /root /place opts tags - type source options" */
static bool read_line(char *text, struct line *line) {
  char *fields[6], *rest = text;
  for (int i = 0; i < 6; i++) {
    fields[i] = strsep(&rest, " ");
    if (fields[i] == NULL || rest == NULL) return false;
  }
  unsigned device_major, device_minor;
  if (sscanf(fields[2], "%u:%u", &device_major, &device_minor) != 2) return false;
  char *tail = strncmp(rest, "- ", 2) == 0 ? rest + 2 : strstr(rest, " - ");
  if (tail == NULL) return false;
  if (tail != rest + 2) tail += 3;
  *line = (struct line){.mount = (uint32_t)strtoul(fields[0], NULL, 10), .device = device_major << 20 | device_minor, .place = fields[4]};
  line->type = strsep(&tail, " ");
  (void)strsep(&tail, " ");
  line->options = tail == NULL ? "" : tail;
  unescape(line->place);
  unescape(line->options);
  return line->type != NULL;
}

/* The whole table, or NULL. */
static char *read_table(int fd) {
  size_t room = 64 << 10, used = 0;
  char *text = malloc(room);
  if (text == NULL || lseek(fd, 0, SEEK_SET) != 0) {
    free(text);
    return NULL;
  }
  for (;;) {
    ssize_t got = read(fd, text + used, room - used - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += (size_t)got;
    if (room - used > 4096) continue;
    char *larger = room >= MOST_TABLE ? NULL : realloc(text, room * 2);
    if (larger == NULL) break;
    text = larger;
    room *= 2;
  }
  text[used] = 0;
  return text;
}

static void each_line(const struct namespace *space, bool own, bool only_note) {
  char *text = read_table(space->table);
  if (text == NULL) return;
  char *rest = text;
  for (char *at; (at = strsep(&rest, "\n")) != NULL && *at != 0;) {
    struct line line;
    if (!read_line(at, &line)) continue;
    if (only_note) note_host(line.device, under_scope(line.place) && line.device != root_device);
    else if (wanted(own, line.device, line.place)) marks_add(space->pid, space->space, line.device, line.mount, line.place, line.type, line.options);
  }
  free(text);
}

static void walk(void) {
  uint32_t own = proc_namespace((uint32_t)getpid(), "mnt");
  struct stat root;
  if (stat("/", &root) == 0) root_device = major(root.st_dev) << 20 | minor(root.st_dev);
  host_count = 0;
  if (scoped())
    for (size_t i = 0; i < space_count; i++)
      if (spaces[i].inode == own) each_line(spaces + i, true, true);
  marks_begin();
  for (size_t i = 0; i < space_count; i++) each_line(spaces + i, spaces[i].inode == own, false);
  marks_end();
}

static void *run(void *argument) {
  (void)argument;
  static struct pollfd sources[1 + 2 * NAMESPACES];
  processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  /* Its own root and working folder, which threads share otherwise. */
  can_enter = processes >= 0 && home >= 0 && unshare(CLONE_FS) == 0;
  scan();
  walk();
  uint64_t scanned = now_awake();
  while (!stopping) {
    sources[0] = (struct pollfd){wake, POLLIN, 0};
    size_t count = space_count;
    for (size_t i = 0; i < count; i++) {
      sources[1 + 2 * i] = (struct pollfd){spaces[i].process, POLLIN, 0};
      sources[2 + 2 * i] = (struct pollfd){spaces[i].table, POLLPRI, 0};
    }
    uint64_t since = (now_awake() - scanned) / 1000000, every = missed ? SOON_MS : SCAN_MS;
    int ready = poll(sources, 1 + 2 * count, since >= every ? 0 : (int)(every - since));
    pthread_mutex_lock(&round_lock);
    uint64_t making = rounds_wanted;
    pthread_mutex_unlock(&round_lock);
    if (ready < 0) continue;
    /* By the clock: on a machine where mount tables change all the time a poll never runs out. */
    for (size_t i = 0; i < count; i++)
      if (ready > 0 && sources[2 + 2 * i].revents != 0) renew(spaces + i);
    bool look = now_awake() - scanned >= (missed ? SOON_MS : SCAN_MS) * 1000000ull;
    if (sources[0].revents != 0) {
      uint64_t ignored;
      if (read(wake, &ignored, sizeof ignored) < 0) ignored = 0;
      uint32_t pids[ASKED];
      pthread_mutex_lock(&lock);
      size_t number = asked_count;
      memcpy(pids, asked, sizeof pids);
      asked_count = 0;
      pthread_mutex_unlock(&lock);
      for (size_t i = 0; i < number; i++) {
        visit(pids[i]);
        missed = missed || proc_namespace(pids[i], "mnt") == 0;
      }
      look = look || making > rounds_made;
    }
    for (size_t i = 0; i < count; i++) look = look || sources[1 + 2 * i].revents != 0;
    if (look) {
      scan();
      scanned = now_awake();
    }
    walk();
    pthread_mutex_lock(&round_lock);
    rounds_made = making;
    pthread_cond_broadcast(&round_done);
    pthread_mutex_unlock(&round_lock);
    gate_marked(making);
  }
  return NULL;
}

bool mounts_start(const struct options *given, char *why, size_t why_bytes) {
  options = given;
  pthread_condattr_t attributes;
  bool is = pthread_condattr_init(&attributes) == 0 && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&round_done, &attributes) == 0;
  wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!is || wake < 0) {
    snprintf(why, why_bytes, "mount tables cannot be watched: %s", strerror(errno));
    return false;
  }
  if (!thread_start(&thread, "mounts", run, NULL)) {
    snprintf(why, why_bytes, "no thread can be started");
    return false;
  }
  (void)mounts_round();
  return true;
}

uint64_t mounts_wanted(void) {
  pthread_mutex_lock(&round_lock);
  uint64_t wanted = rounds_wanted;
  pthread_mutex_unlock(&round_lock);
  return wanted;
}

void mounts_stop(void) {
  stopping = true;
  poke();
  pthread_join(thread, NULL);
}
