/* The end of a question: the notice of a denial, the answer, the report. Threads that must not wait leave it to the one here. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "gate.h"

enum { JOBS = 512 };

struct job {
  struct pending copy;
  struct pending *origin; /* NULL: the descriptor is ours */
  enum pv_cause cause;
  uint32_t notice;
  bool allow, answered, warns;
};

MUTEX_INHERIT(lock)
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct job jobs[JOBS];
static size_t first, waiting;
static pthread_t thread;

static bool told(bool allow, enum pv_cause cause) { return cause != PV_C_ANSWER && !(cause == PV_C_REMEMBERED && allow); }

struct said {
  struct pv_process who;
  uint32_t flags;
  size_t path_bytes, executable_bytes;
  char path[PV_MAX_PATH], executable[PV_MAX_PATH];
};

/* Who asks and for what. Before a denial is answered: afterwards the process may be gone. */
static void gather(const struct pending *pending, struct said *said) {
  struct pv_file program;
  said->flags = pending->flags;
  said->path_bytes = fd_path(pending->fd, said->path, sizeof said->path, &said->flags);
  said->executable_bytes = process_program(pending->pid, said->executable, sizeof said->executable);
  if (!kernel_process(gate_kernel(), pending->pid, &said->who, &program)) (void)process_describe(pending->pid, &said->who);
}

static void report(const struct pending *pending, bool allow, enum pv_cause cause, const struct said *said) {
  struct pv_gate gate = {.who = said->who, .time = now_boot(), .file = pending->seen.inode != 0 ? pending->seen : pending->file, .access = pending->access, .flags = said->flags, .cause = cause, .allowed = allow};
  memcpy(gate.digest, pending->digest, sizeof gate.digest);
  fold_add(&gate, said->path, said->path_bytes, said->executable, said->executable_bytes);
}

void conclude(struct pending *pending, bool allow, enum pv_cause cause, uint32_t notice) {
  static _Thread_local struct said said;
  bool tell = told(allow, cause);
  if (tell || !allow) gather(pending, &said);
  if (!allow) notice_show(pending->pid, notice, &pending->file, said.path, said.path_bytes, cause);
  gate_respond(pending->fd, allow);
  if (tell) report(pending, allow, cause, &said);
}

static void finish(struct job *job) {
  static struct said said; /* of this thread alone */
  if (!job->answered) {
    conclude(&job->copy, job->allow, job->cause, job->notice);
  } else if (job->warns) {
    gather(&job->copy, &said);
    notice_show(job->copy.pid, job->notice, &job->copy.file, said.path, said.path_bytes, job->cause);
  } else if (told(job->allow, job->cause)) {
    gather(&job->copy, &said);
    report(&job->copy, job->allow, job->cause, &said);
  }
  if (job->origin != NULL) pending_settled(job->origin);
  else close(job->copy.fd);
}

static void *run(void *argument) {
  (void)argument;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (waiting == 0) pthread_cond_wait(&filled, &lock);
    struct job job = jobs[first];
    first = (first + 1) % JOBS;
    waiting--;
    pthread_mutex_unlock(&lock);
    finish(&job);
  }
  return NULL;
}

bool notices_start(void) { return thread_start(&thread, "notices", run, NULL); }

static bool leave(const struct job *job) {
  pthread_mutex_lock(&lock);
  bool has_room = waiting < JOBS;
  if (has_room) {
    jobs[(first + waiting++) % JOBS] = *job;
    pthread_cond_signal(&filled);
  }
  pthread_mutex_unlock(&lock);
  return has_room;
}

static void leave_or_drop(struct job *job) {
  if (leave(job)) return;
  /* No room: nobody waits longer for that. The person goes without a notice, the report is counted as lost. */
  if (!job->answered) gate_respond(job->copy.fd, job->allow);
  out_lost(PV_GATE, 4, 1);
  if (job->origin != NULL) pending_settled(job->origin);
  else close(job->copy.fd);
}

void deny_later(struct pending *pending, enum pv_cause cause, uint32_t notice) {
  struct job job = {.copy = *pending, .origin = pending, .cause = cause, .notice = notice};
  leave_or_drop(&job);
}

void warn_later(struct pending *pending, uint32_t notice) {
  struct job job = {.copy = *pending, .origin = pending, .cause = PV_C_ANSWER, .notice = notice, .allow = true, .answered = true, .warns = true};
  leave_or_drop(&job);
}

void gate_fail(struct pending *pending, enum pv_cause cause) {
  bool pooled = pending->id != 0;
  if (!claim(pending)) {
    if (pooled) pending_settled(pending);
    return;
  }
  struct job job = {.copy = *pending, .origin = pooled ? pending : NULL, .cause = cause};
  job.allow = outcome(pending, cause);
  if (job.allow) {
    (void)allow_in_kernel(pending);
    gate_respond(pending->fd, true);
    job.answered = true;
  }
  leave_or_drop(&job);
}
