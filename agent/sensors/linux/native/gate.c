/*
 * The thread that answers the kernel. It answers from memory, hands everything else to the workers, and never waits: no disk, no socket, no
 * terminal, no lock that is held for longer than a few stores.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "gate.h"

enum { EVENTS_BYTES = 4096, GUARDED = 16, STUCK_MS = 5000, DEADLINE_DEFAULT_MS = 2000, RELIEVE_MS = 200, READERS_OF_ONE = 8, READERS = 48 };

struct reader {
  enum marks_group group;
  _Atomic uint64_t busy_since;
};

static const struct options *options;
static struct kernel *kernel;
static struct files *files;
static char scope[PV_MAX_PATH]; /* cgroup of the scope, as /proc/PID/cgroup writes it */
static uint32_t me;
static bool is_open;
static pthread_t thread;
static int timer = -1, stop = -1;
static _Atomic uint64_t armed, busy_since;
static _Atomic uint32_t guarded[GUARDED];
static struct reader readers[READERS];
static size_t reader_count; /* changed by the thread of gate_beat only, once the gate is open */
MUTEX_INHERIT(timer_lock)

struct kernel *gate_kernel(void) { return kernel; }
struct files *gate_files(void) { return files; }

uint32_t gate_parts(void) {
  if (!is_open) return 0;
  return PV_PART_EXEC_PERM | PV_PART_OPEN_PERM | PV_PART_LEASES;
}

static struct pv_file file_of(const struct statx *is) {
  return (struct pv_file){.inode = is->stx_ino,
                          .ctime = (uint64_t)is->stx_ctime.tv_sec * 1000000000u + is->stx_ctime.tv_nsec,
                          .bytes = is->stx_size,
                          .device = is->stx_dev_major << 20 | is->stx_dev_minor,
                          .links = is->stx_nlink};
}

int gate_identify(int fd, struct pv_file *file, uint32_t *mode) {
  struct statx is;
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &is) != 0) return -errno;
  *file = file_of(&is);
  *mode = is.stx_mode;
  return 0;
}

void gate_respond(int fd, bool allow) {
  count(allow ? COUNT_ALLOWED : COUNT_DENIED, 1);
  /* ENOENT: who asked was killed meanwhile. */
  int failed = marks_respond(fd, allow);
  if (failed != 0 && failed != -ENOENT) fprintf(stderr, "provost-sensor: an answer was not taken: %s\n", strerror(-failed));
}

bool gate_scoped(uint32_t pid) {
  if (scope[0] == 0) return true;
  char path[PV_MAX_PATH];
  size_t length = strlen(scope);
  if (process_cgroup(pid, path, sizeof path) == 0) return false;
  return strncmp(path, scope, length) == 0 && (path[length] == 0 || path[length] == '/');
}

void gate_guard(uint32_t pid) {
  for (int i = 0; i < GUARDED; i++)
    if (guarded[i] == pid) return;
  static unsigned next;
  guarded[next++ % GUARDED] = pid;
}

static bool is_guarded(uint32_t pid) {
  if (pid == link_agent()) return true;
  for (int i = 0; i < GUARDED; i++)
    if (guarded[i] == pid) return true;
  return false;
}

/* Its inode may have been forgotten over many others; its bytes are not. */
static bool has_interpreters_bytes(const struct pv_file *file) {
  struct answer answer;
  struct digest_known known;
  if (!table_find(file, &answer) || !digest_find(answer.digest, &known) || (known.flags & DIGEST_INTERPRETER) == 0) return false;
  interpreter_put(file);
  return true;
}

/* Is the program that this process runs an interpreter? */
static bool asks_as_interpreter(uint32_t pid) {
  char link[32];
  snprintf(link, sizeof link, "/proc/%u/exe", pid);
  struct statx is;
  if (statx(AT_FDCWD, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &is) != 0) return false;
  struct pv_file file = file_of(&is);
  return interpreter_is(&file) || has_interpreters_bytes(&file);
}

/* Only root can load a kernel module; everybody may link. */
static bool asks_as_root(uint32_t pid) {
  char folder[32];
  snprintf(folder, sizeof folder, "/proc/%u", pid);
  struct statx is;
  return statx(AT_FDCWD, folder, AT_STATX_DONT_SYNC, STATX_UID, &is) != 0 || is.stx_uid == 0;
}

bool opening_matters(enum file_kind kind, uint32_t pid) {
  struct pv_config config;
  if (kind == KIND_DATA || is_guarded(pid)) return false;
  gate_config(&config);
  switch (kind) {
    case KIND_ELF: return config.libraries != 0;
    case KIND_OBJECT: return config.libraries != 0 && asks_as_root(pid);
    case KIND_TEXT: return config.scripts != 0 && asks_as_interpreter(pid);
    default: return true;
  }
}

/* No place or no worker is free: answered at once, by the outcome for that. */
static void overloaded(int fd, uint32_t pid, bool exec, const struct pv_file *file) {
  struct pending pending = {.fd = fd, .pid = pid, .strict = true, .exec = exec, .file = *file, .access = exec ? PV_A_EXEC : PV_A_LIBRARY};
  gate_fail(&pending, PV_C_OVERLOADED);
}

/* The policy's deadline is for the answer; a hundred megabytes on a busy disk are not read in it. At 32 MB a second, half a minute at most. */
static uint64_t reading_time(uint64_t bytes) {
  const uint64_t most = 30000000000ull;
  return bytes / 32 > most / 1000 ? most : bytes / 32 * 1000;
}

static void hand_over(int fd, uint32_t pid, uint64_t mask, const struct pv_file *file, const struct pv_config *config) {
  bool strict = (mask & (FAN_OPEN_EXEC_PERM | FAN_OPEN_PERM)) != 0, exec = (mask & (FAN_OPEN_EXEC_PERM | FAN_OPEN_EXEC)) != 0;
  struct pending *pending = pending_take();
  if (pending == NULL) {
    if (strict) overloaded(fd, pid, exec, file);
    else close(fd);
    return;
  }
  pending->fd = fd;
  pending->pid = pid;
  pending->strict = strict;
  pending->answered = !strict;
  pending->exec = exec;
  pending->file = *file;
  pending->asked = now_boot();
  uint64_t wait = (config->deadline_ms == 0 ? DEADLINE_DEFAULT_MS : config->deadline_ms) * 1000000ull + reading_time(file->bytes), due = now_awake() + wait;
  pending->deadline = pending->asked + wait;
  pending->due = due;
  uint32_t traits = MARK_SLOW; /* a device that is not in the list is looked at where it may take its time */
  (void)marks_find(file->device, &traits);
  if (!workers_put(pending, (traits & MARK_SLOW) != 0)) {
    pending_lock();
    pending->fd = -1;
    pending_release(pending);
    pending_unlock();
    if (strict) overloaded(fd, pid, exec, file);
    else close(fd);
    return;
  }
  if (strict) gate_deadline(due);
}

static void allow_now(int fd) {
  gate_respond(fd, true);
  close(fd);
}

/*
 * Data that is opened again and again, as headers are in a build, is not asked about again until it is written. A store through a mapping
 * leaves the mark: behind it stands the kernel's check of what is mapped executable, and the question before every exec. Only where an
 * interpreter's input is asked about (scripts: strict) nothing stands behind it.
 */
static void quieten_data(int fd, enum file_kind kind, const struct pv_file *file, const struct pv_config *config) {
  uint32_t traits = MARK_SLOW;
  bool data = kind == KIND_DATA || kind == KIND_TEXT, checked = (kernel_parts(kernel) & PV_PART_MAP_CHECK) != 0;
  if (!data || !checked || config->scripts != 0) return;
  if (marks_find(file->device, &traits) && (traits & (MARK_SLOW | MARK_OVERLAY)) == 0) marks_ignore(fd, false, true);
}

/* True: it was opened, not executed, and nobody wants to know. */
static bool opened_as_data(int fd, uint32_t pid, const struct pv_file *file, const struct pv_config *config) {
  enum file_kind kind = kind_find(file);
  bool met = kind != KIND_UNKNOWN;
  if (!met) {
    kind = kind_glance(fd);
    if (kind != KIND_UNKNOWN) kind_put(file, kind);
  }
  if (opening_matters(kind, pid)) return false;
  if (met) quieten_data(fd, kind, file, config);
  return true;
}

static void permission_event(const struct fanotify_event_metadata *event, uint64_t since) {
  uint32_t pid = (uint32_t)event->pid, mode;
  if (pid == me) {
    allow_now(event->fd);
    return;
  }
  count(COUNT_ASKED, 1);
  struct pv_config config;
  gate_config(&config);
  struct pv_file file;
  bool exec = (event->mask & FAN_OPEN_EXEC_PERM) != 0;
  if (!gate_holds() || gate_identify(event->fd, &file, &mode) != 0 || !S_ISREG(mode) || (!exec && opened_as_data(event->fd, pid, &file, &config))) {
    allow_now(event->fd);
    return;
  }
  struct answer answer;
  if (table_find(&file, &answer) && (answer.flags & ANSWER_ALLOW) != 0 && (answer.flags & ANSWER_RESTORED) == 0 && answer_in_kernel(&answer, event->fd)) {
    count(COUNT_HITS, 1);
    if ((answer.flags & ANSWER_QUIET) != 0) quieten(event->fd);
    allow_now(event->fd);
    count_slowest(now_boot() - since);
    if (kernel_tier(kernel) < PV_TIER_B) mounts_notice(pid);
    return;
  }
  hand_over(event->fd, pid, event->mask, &file, &config);
}

static void told_event(const struct fanotify_event_metadata *event) {
  struct pv_file file;
  uint32_t mode;
  struct answer answer;
  struct pv_config config;
  gate_config(&config);
  if ((uint32_t)event->pid == me || gate_identify(event->fd, &file, &mode) != 0 || !S_ISREG(mode)) {
    close(event->fd);
    return;
  }
  /* What was kept over a restart is hashed once more, as everywhere. */
  if (table_find(&file, &answer) && (answer.flags & ANSWER_RESTORED) == 0) {
    if ((answer.flags & ANSWER_ALLOW) != 0 && answer.until == 0) marks_ignore_told(event->fd);
    close(event->fd);
    return;
  }
  hand_over(event->fd, (uint32_t)event->pid, event->mask, &file, &config);
}

static void read_events(enum marks_group group, _Atomic uint64_t *busy) {
  _Alignas(8) char bytes[EVENTS_BYTES];
  uint64_t since = now_boot();
  *busy = now_awake();
  ssize_t left = read(marks_group_fd(group), bytes, sizeof bytes);
  for (struct fanotify_event_metadata *event = (void *)bytes; left > 0 && FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
    *busy = now_awake();
    if (event->vers != FANOTIFY_METADATA_VERSION) {
      fprintf(stderr, "provost-sensor: this kernel speaks version %u of fanotify, this sensor version %u; it ends so that nobody waits\n", event->vers, FANOTIFY_METADATA_VERSION);
      marks_close();
      _exit(70);
    }
    if ((event->mask & FAN_Q_OVERFLOW) != 0) out_lost(PV_EXEC, 3, 1);
    if (event->fd < 0) continue;
    marks_came_from(event->fd, group);
    if ((event->mask & (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)) != 0) permission_event(event, since);
    else told_event(event);
  }
  *busy = 0;
}

/* Every group but the first: its readers may have to wait for others, and then another takes over. */
static void *run_reader(void *argument) {
  struct reader *reader = argument;
  for (;;) {
    struct pollfd sources[] = {{marks_group_fd(reader->group), POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(sources, 2, -1) < 0) continue;
    if (sources[1].revents != 0) return NULL;
    if (sources[0].revents != 0) read_events(reader->group, &reader->busy_since);
  }
}

static bool add_reader(enum marks_group group) {
  if (reader_count == READERS) return false;
  struct reader *reader = readers + reader_count;
  reader->group = group;
  pthread_t reader_thread;
  if (!thread_start(&reader_thread, "reader", run_reader, reader)) return false;
  pthread_detach(reader_thread);
  reader_count++;
  return true;
}

static bool start_readers(void) {
  for (int group = GROUP_PLAIN + 1; group < MARKS_GROUPS; group++)
    if (marks_group_fd(group) >= 0 && !add_reader(group)) return false;
  return true;
}

/* A reader that waits for a layer or for somebody else's program holds only itself. */
static void relieve_readers(void) {
  uint64_t now = now_awake();
  unsigned waiting[MARKS_GROUPS] = {0}, all[MARKS_GROUPS] = {0};
  for (size_t i = 0; i < reader_count; i++) {
    uint64_t since = readers[i].busy_since;
    all[readers[i].group]++;
    waiting[readers[i].group] += since != 0 && now > since + RELIEVE_MS * 1000000ull;
  }
  for (int group = GROUP_PLAIN + 1; group < MARKS_GROUPS; group++)
    if (all[group] != 0 && waiting[group] == all[group] && all[group] < READERS_OF_ONE) (void)add_reader(group);
}

void gate_deadline(uint64_t due) {
  pthread_mutex_lock(&timer_lock);
  bool earlier = armed == 0 || armed > due;
  if (earlier) armed = due;
  struct itimerspec at = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
  if (earlier && timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) != 0) fprintf(stderr, "provost-sensor: a deadline cannot be set: %s\n", strerror(errno));
  pthread_mutex_unlock(&timer_lock);
}

/* Answers what is overdue, and sets the timer for the next. */
static void overdue(void) {
  uint64_t expirations, now = now_awake(), next = 0;
  if (read(timer, &expirations, sizeof expirations) < 0) return;
  armed = 0;
  busy_since = now;
  for (unsigned place = 0; place < PENDING_PLACES; place++) {
    struct pending *pending = pending_at(place);
    pending_lock();
    bool waits = pending->state != PENDING_FREE && pending->fd >= 0 && pending->strict && !pending->answered;
    bool late = waits && pending->due <= now;
    /* The place must not pass to another question between here and the answer. */
    if (late) pending->settling++;
    if (waits && !late && (next == 0 || pending->due < next)) next = pending->due;
    pending_unlock();
    if (late) gate_fail(pending, PV_C_LATE);
  }
  busy_since = 0;
  if (next != 0) gate_deadline(next);
}

static void *run(void *argument) {
  (void)argument;
  /* Above ordinary threads, so that a busy machine does not make askers wait for us. Refused in some containers: then without. */
  struct sched_param first = {.sched_priority = 1};
  (void)pthread_setschedparam(pthread_self(), SCHED_RR, &first);
  for (;;) {
    struct pollfd sources[] = {{marks_group_fd(GROUP_PLAIN), POLLIN, 0}, {timer, POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(sources, 3, -1) < 0) continue;
    if (sources[2].revents != 0) return NULL;
    if (sources[0].revents != 0) read_events(GROUP_PLAIN, &busy_since);
    if (sources[1].revents != 0) overdue();
  }
}

/* A gate thread that no longer moves would hold every exec of this machine. Then the kernel's own way out is better: our end. */
void gate_beat(void) {
  uint64_t since = busy_since;
  if (since != 0 && now_awake() > since + STUCK_MS * 1000000ull) {
    fprintf(stderr, "provost-sensor: the gate has not moved for %d s; the sensor ends so that nobody waits\n", STUCK_MS / 1000);
    marks_close();
    _exit(70);
  }
  relieve_readers();
}

void gate_unasked(enum pv_cause cause, const struct pv_process *who) {
  if (cause == PV_C_UNSEEN) {
    /* A file system that is not marked: mounted a moment ago, or in a namespace that is not known. The process may be dead; its parent lives there. */
    mounts_look(who->pid);
    mounts_look(who->parent);
  } else if (cause == PV_C_CHANGED) {
    /* Changed through a mapping, or opened for writing and not changed: neither takes an ignore mark away. */
    marks_ask_again();
  }
}

static bool find_scope(char *why, size_t why_bytes) {
  if (options->scope_cgroup == NULL) return true;
  const char *mount = cgroup_mount();
  size_t length = strlen(mount);
  if (length == 0 || strncmp(options->scope_cgroup, mount, length) != 0) {
    snprintf(why, why_bytes, "--scope-cgroup %s is not below %s, where cgroup version 2 is mounted", options->scope_cgroup, length == 0 ? "any folder" : mount);
    return false;
  }
  snprintf(scope, sizeof scope, "%s", options->scope_cgroup + length);
  return true;
}

bool gate_open(const struct options *given, struct kernel *given_kernel, struct files *given_files, char *missing, size_t missing_bytes) {
  options = given;
  kernel = given_kernel;
  files = given_files;
  me = (uint32_t)getpid();
  char why[512];
  if (!find_scope(why, sizeof why)) {
    fprintf(stderr, "provost-sensor: %s\n", why);
    exit(2);
  }
  if (!marks_open(options, missing, missing_bytes)) return false;
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  is_open = timer >= 0 && stop >= 0 && marks_start() && workers_start() && notices_start() && start_readers() && thread_start(&thread, "gate", run, NULL);
  if (!is_open) {
    snprintf(missing, missing_bytes, "gate: its threads cannot be started: %s; nothing is held\n", strerror(errno));
    marks_close();
  }
  return is_open;
}

void gate_close(void) {
  if (!is_open) return;
  uint64_t one = 1;
  if (write(stop, &one, sizeof one) < 0) return;
  pthread_join(thread, NULL);
  marks_close();
}
