/*
 * Finds out what a file is: lease, digest, what is known of it, and at last the agent. Files on file systems that somebody else answers for
 * have workers of their own, so that one that never answers does not hold the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "gate.h"

enum { FAST_WORKERS = 3, SLOW_WORKERS = 2, LANES = 2, TRIES = 3, LEASE_TRIES = 8, LEASE_PAUSE_MS = 4, AGE_PAUSE_NS = 2000000, AGE_TRIES = 2000, PATHS = 4096 };
enum { OVERLAY_MAGIC = 0x794c7630, FUSE_MAGIC = 0x65735546 };

struct queue {
  pthread_cond_t filled;
  struct pending *waiting[PENDING_PLACES];
  size_t first, count;
};

MUTEX_INHERIT(lock)
static struct queue queues[LANES] = {{.filled = PTHREAD_COND_INITIALIZER}, {.filled = PTHREAD_COND_INITIALIZER}};

bool workers_put(struct pending *pending, bool slow) {
  struct queue *queue = queues + slow;
  pthread_mutex_lock(&lock);
  bool has_room = queue->count < PENDING_PLACES;
  if (has_room) {
    queue->waiting[(queue->first + queue->count++) % PENDING_PLACES] = pending;
    pthread_cond_signal(&queue->filled);
  }
  pthread_mutex_unlock(&lock);
  return has_room;
}

static struct pending *next_of(struct queue *queue) {
  pthread_mutex_lock(&lock);
  while (queue->count == 0) pthread_cond_wait(&queue->filled, &lock);
  struct pending *pending = queue->waiting[queue->first];
  queue->first = (queue->first + 1) % PENDING_PLACES;
  queue->count--;
  pthread_mutex_unlock(&lock);
  return pending;
}

static void pause_ns(uint64_t ns) {
  struct timespec pause = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
  while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {}
}

/*
 * Where change times are as coarse as the tick, a write within the same tick leaves no trace: such a file is hashed when the clock that change
 * times are taken from has gone on. On a busy machine that one may lag ticks behind the fine one. A time of whole seconds comes from a file
 * system that keeps no finer ones.
 */
static void let_age(const struct pv_file *file) {
  uint64_t grain = file->ctime % 1000000000u == 0 ? 2000000000u : 1;
  for (int try = 0; try < AGE_TRIES; try++) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return;
    uint64_t at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (at >= file->ctime + grain || at < file->ctime) return;
    pause_ns(AGE_PAUSE_NS);
  }
}

/* A read lease: nobody writes while it lasts; whoever wants to waits for us. Refused while a writer has the file open. */
static bool take_lease(struct pending *pending) {
  for (int try = 0; try < LEASE_TRIES; try++) {
    if (fcntl(pending->fd, F_SETLEASE, F_RDLCK) == 0) return true;
    if (errno != EAGAIN) {
      pending->flags |= PV_F_NO_LEASE;
      return false;
    }
    if (!pending->exec) break; /* who opens for writing is counted as a writer already: it would wait for itself */
    if (now_awake() + LEASE_PAUSE_MS * 1000000u >= pending->due && pending->strict) break;
    pause_ns(LEASE_PAUSE_MS * 1000000u);
  }
  pending->flags |= PV_F_NO_LEASE | PV_F_WRITER_OPEN;
  return false;
}

static uint32_t traits_of(int fd, uint32_t device) {
  uint32_t traits = 0;
  if (marks_find(device, &traits)) return traits;
  /* An overlay shows files of a lower layer under that layer's device. */
  struct statfs is;
  if (fstatfs(fd, &is) != 0) return MARK_SLOW;
  if (is.f_type == FUSE_MAGIC) return MARK_SLOW | MARK_SERVED;
  return is.f_type == OVERLAY_MAGIC ? MARK_OVERLAY : 0;
}

static bool same(const struct pv_file *one, const struct pv_file *two) {
  return one->ctime == two->ctime && one->bytes == two->bytes && one->inode == two->inode;
}

/*
 * Who may change a file may also touch, link and rename it: its change time moves, the ignore mark stays, and the kernel's check ends the
 * next exec unasked. For root's own files that is rare enough; others are asked about each time.
 */
static bool roots_alone(int fd) {
  struct stat is;
  return fstat(fd, &is) == 0 && is.st_uid == 0 && (is.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Digest and identity of one unchanging state. 0, or -errno. */
static int examine(struct pending *pending, uint32_t *mode) {
  uint32_t traits = traits_of(pending->fd, pending->file.device);
  if ((traits & MARK_OVERLAY) != 0) pending->flags |= PV_F_OVERLAY;
  for (int try = 0; try < TRIES; try++) {
    pending->flags &= ~(uint32_t)(PV_F_NO_LEASE | PV_F_WRITER_OPEN);
    pending->leased = take_lease(pending);
    /* statx first: on fine-grained file systems it is what makes the next write get a change time of its own. */
    int failed = gate_identify(pending->fd, &pending->file, mode);
    if (failed != 0) return failed;
    uint32_t what = 0;
    failed = kernel_look(gate_kernel(), pending->fd, &pending->seen, &what);
    if (failed != 0) return failed;
    if ((what & KERNEL_OVERLAY) != 0) pending->flags |= PV_F_OVERLAY;
    if ((what & KERNEL_WRITER) != 0) pending->flags |= PV_F_WRITER_OPEN; /* also where there are no leases, and beneath an overlay */
    if ((traits & MARK_FINE) == 0 && (what & KERNEL_FINE) == 0) let_age(&pending->file);
    pending->generation = kernel_generation(gate_kernel(), pending->fd);
    uint64_t bytes = 0;
    failed = hash_file(pending->fd, pending->digest, &bytes);
    if (failed != 0) return failed;
    count(COUNT_HASHED, 1);
    count(COUNT_HASHED_BYTES, bytes);
    struct pv_file after;
    uint32_t mode_after;
    if (gate_identify(pending->fd, &after, &mode_after) != 0 || !same(&pending->file, &after) || bytes != after.bytes) continue;
    pending->hashed = true;
    /* Change times of a file system that somebody else answers for prove nothing; with a writer at work they do not in time. */
    pending->stable = (traits & MARK_SLOW) == 0 && (pending->flags & PV_F_WRITER_OPEN) == 0;
    pending->quiet = pending->stable && pending->leased && (pending->flags & PV_F_OVERLAY) == 0 && roots_alone(pending->fd);
    return 0;
  }
  return -EBUSY;
}

/* What the file is to the asker. False: nobody wants to know. */
static bool classify(struct pending *pending, enum file_kind *kind) {
  bool shebang;
  *kind = kind_sniff(pending->fd, &shebang);
  if (pending->exec) {
    pending->access = *kind == KIND_TEXT ? PV_A_SCRIPT : PV_A_EXEC;
    return true;
  }
  if (*kind != KIND_UNKNOWN) kind_put(&pending->file, *kind);
  pending->access = *kind == KIND_TEXT || *kind == KIND_UNKNOWN ? PV_A_INPUT : PV_A_LIBRARY;
  if (!opening_matters(*kind, pending->pid)) return false;
  /*
   * Somebody has it open for writing, perhaps this very process. Where mappings are checked the kernel will refuse to run it unasked, so a
   * build may write what was never verified.
   */
  bool checked = (kernel_parts(gate_kernel()) & PV_PART_MAP_CHECK) != 0;
  return !(*kind == KIND_ELF && checked && fcntl(pending->fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN);
}

struct ask {
  struct pv_ask ask;
  char text[2 * PV_MAX_PATH + PV_MAX_PATH];
};

static void describe_writer(struct pv_ask *ask, const struct pv_file *file, char *text) {
  if (!files_writer(gate_files(), file, &ask->writer, &ask->writer_file, &ask->written)) return;
  struct pv_process now;
  /* The path only while the same process still runs: by its number alone it may be another. */
  if (process_describe(ask->writer.pid, &now) && now.started / 10000000u == ask->writer.started / 10000000u)
    ask->writer_bytes = (uint16_t)process_program(ask->writer.pid, text, PV_MAX_PATH);
}

/* True: the question is on its way. */
static bool ask_agent(struct pending *pending) {
  static _Thread_local struct ask record;
  struct pv_ask *ask = &record.ask;
  *ask = (struct pv_ask){.id = pending->id, .time = pending->asked, .deadline = pending->deadline, .file = pending->seen, .access = pending->access};
  memcpy(ask->digest, pending->digest, sizeof ask->digest);
  struct pv_file program;
  if (!kernel_process(gate_kernel(), pending->pid, &ask->who, &program)) (void)process_describe(pending->pid, &ask->who);
  struct stat is;
  if (fstat(pending->fd, &is) == 0) {
    ask->owner = is.st_uid;
    ask->group = is.st_gid;
    ask->mode = is.st_mode;
    if ((is.st_mode & (S_ISUID | S_ISGID)) != 0) pending->flags |= PV_F_SETID;
    if (is.st_nlink == 0) pending->flags |= PV_F_UNLINKED;
  }
  if (!pending->strict) pending->flags |= PV_F_ALREADY_RAN;
  ask->path_bytes = (uint16_t)fd_path(pending->fd, record.text, PV_MAX_PATH, &pending->flags);
  char *at = record.text + ask->path_bytes;
  ask->executable_bytes = (uint16_t)process_program(pending->pid, at, PV_MAX_PATH);
  at += ask->executable_bytes;
  describe_writer(ask, &pending->seen, at);
  ask->flags = pending->flags;
  size_t bytes = sizeof *ask + ask->path_bytes + ask->executable_bytes + ask->writer_bytes;
  ask->header = (struct pv_header){(uint32_t)bytes, PV_ASK, sizeof *ask};
  uint64_t id = pending->id;
  pending_lock();
  pending->state = PENDING_WAITING;
  pending_unlock();
  count(COUNT_AGENT_ASKED, 1);
  /* From here on the agent's answer may have taken the place away. */
  if (out_record(ask, bytes)) return true;
  pending_lock();
  bool ours = pending->id == id && pending->state == PENDING_WAITING;
  if (ours) pending->state = PENDING_WORKING;
  pending_unlock();
  return !ours;
}

static void answer(struct pending *pending, bool allow, enum pv_cause cause, uint32_t notice) {
  if (!claim(pending)) return;
  conclude(pending, allow, cause, notice);
}

static void answer_failure(struct pending *pending, enum pv_cause cause) {
  /* A package manager may have put it there a moment ago. */
  if (cause != PV_C_OVERLOADED) core_catch_up();
  if (!pending->strict || !claim(pending)) return;
  bool allow = outcome(pending, cause);
  if (allow) (void)allow_in_kernel(pending);
  conclude(pending, allow, cause, NOTICE_NONE);
}

/* Nothing was looked into, so the kernel's check is told nothing: what is opened as data may not be mapped as code. */
static void pass(struct pending *pending) {
  if (claim(pending)) gate_respond(pending->fd, true);
}

/* A denial that is remembered by file: nothing is hashed again. */
static bool denied_lately(struct pending *pending) {
  struct answer known;
  if (!table_find(&pending->file, &known) || (known.flags & ANSWER_ALLOW) != 0) return false;
  memcpy(pending->digest, known.digest, sizeof pending->digest);
  pending->hashed = true;
  pending->access = known.access;
  answer(pending, false, PV_C_REMEMBERED, known.notice);
  return true;
}

/* What is remembered of this digest. True: answered. */
static bool by_digest(struct pending *pending) {
  struct answer kept;
  struct digest_known known;
  bool by_file = table_find(&pending->file, &kept) && (kept.flags & ANSWER_ALLOW) != 0 && memcmp(kept.digest, pending->digest, 32) == 0;
  bool is = digest_find(pending->digest, &known) && (known.flags & (DIGEST_ALLOW | DIGEST_DENY)) != 0;
  if (is && (known.flags & DIGEST_DENY) != 0) {
    remember(pending, false, 1, known.until, known.kind, known.notice);
    answer(pending, false, PV_C_DIGEST, known.notice);
    return true;
  }
  if (!by_file && !is) return false;
  if (by_file) remember(pending, true, 1, kept.until, kept.kind, NOTICE_NONE);
  else remember(pending, true, 1, known.until, known.kind, NOTICE_NONE);
  if (!pending->stable) (void)allow_in_kernel(pending);
  answer(pending, true, by_file ? PV_C_REMEMBERED : known.kind == 1 ? PV_C_CORE : PV_C_DIGEST, NOTICE_NONE);
  return true;
}

/* True: the agent has it now, or nobody needs to be asked; false: it is done with. */
static bool judge(struct pending *pending) {
  enum file_kind kind;
  uint32_t mode;
  enum pv_cause cause;
  if (pending->strict && !gate_scoped(pending->pid)) {
    pass(pending);
    return false;
  }
  if (pending->strict && denied_lately(pending)) return false;
  mounts_notice(pending->pid);
  if (!classify(pending, &kind)) {
    pass(pending);
    return false;
  }
  /* Whoever serves such a file may show us other bytes than the kernel: what we read is no evidence. */
  bool served = pending->strict && (traits_of(pending->fd, pending->file.device) & MARK_SERVED) != 0;
  if (served || examine(pending, &mode) != 0) {
    pending->flags |= PV_F_UNREADABLE;
    answer_failure(pending, PV_C_UNREADABLE);
    return false;
  }
  pending->quiet = pending->quiet && kind == KIND_ELF;
  if (by_digest(pending)) return false;
  if (!gate_agent_here(&cause)) {
    answer_failure(pending, cause);
    return false;
  }
  if (ask_agent(pending)) return true;
  (void)gate_agent_here(&cause);
  answer_failure(pending, cause);
  return false;
}

static void *run(void *argument) {
  for (;;) {
    struct pending *pending = next_of(argument);
    pending_lock();
    pending->state = PENDING_WORKING;
    pending_unlock();
    if (!judge(pending)) pending_finish(pending);
  }
  return NULL;
}

bool workers_start(void) {
  pthread_t thread;
  for (int i = 0; i < FAST_WORKERS; i++)
    if (!thread_start(&thread, "worker", run, queues)) return false;
  for (int i = 0; i < SLOW_WORKERS; i++)
    if (!thread_start(&thread, "worker-slow", run, queues + 1)) return false;
  return paths_start();
}
