/* What is answered when nobody can be asked, what the agent's answers become, and what is remembered of them. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "gate.h"

enum { PULSE_DEFAULT_MS = 3000, DENY_DEFAULT_MS = 5000 };

MUTEX_INHERIT(lock)
static struct pv_config config;
MUTEX_INHERIT(checking)
static struct pv_config waiting_check; /* for the kernel's check, once every file system has its marks */
static bool check_waits;
static uint64_t check_round;
static bool configured_by_agent;
static _Atomic uint64_t last_pulse;
static atomic_bool agent_left = true, changed;
static _Atomic uint32_t mode, kernel_epoch = 1;
static _Atomic uint64_t counters[COUNTERS], slowest;

void count(enum counter counter, uint64_t by) { atomic_fetch_add_explicit(counters + counter, by, memory_order_relaxed); }

void count_slowest(uint64_t ns) {
  uint64_t before = atomic_load_explicit(&slowest, memory_order_relaxed);
  while (ns > before && !atomic_compare_exchange_weak(&slowest, &before, ns)) {}
}

void gate_status(struct pv_status *status) {
  uint64_t dropped, checked;
  status->mode = mode;
  status->tier = (uint32_t)kernel_tier(gate_kernel());
  status->asked = counters[COUNT_ASKED];
  status->hits = counters[COUNT_HITS];
  status->hashed = counters[COUNT_HASHED];
  status->hashed_bytes = counters[COUNT_HASHED_BYTES];
  status->agent_asked = counters[COUNT_AGENT_ASKED];
  status->allowed = counters[COUNT_ALLOWED];
  status->denied = counters[COUNT_DENIED];
  status->late = counters[COUNT_LATE];
  status->overloaded = counters[COUNT_OVERLOADED];
  status->unreadable = counters[COUNT_UNREADABLE];
  status->agent_gone = counters[COUNT_AGENT_GONE];
  kernel_count(gate_kernel(), &checked, &status->killed, &dropped);
  status->remembered = table_count();
  status->marked = marks_count();
  status->slowest_ns = atomic_exchange(&slowest, 0);
}

void gate_config(struct pv_config *copy) {
  pthread_mutex_lock(&lock);
  *copy = config;
  pthread_mutex_unlock(&lock);
}

uint32_t gate_mode(void) { return mode; }
bool gate_holds(void) { return mode == PV_HOLD || mode == PV_BLOCK; }
bool gate_changed(void) { return atomic_exchange(&changed, false); }

void gate_configure(const struct pv_config *given, bool from_agent) {
  struct pv_config clean = *given;
  if (clean.mode > PV_BLOCK) clean.mode = PV_OFF;
  if (clean.deny_ms == 0) clean.deny_ms = DENY_DEFAULT_MS;
  if (clean.agent_gone_ms == 0) clean.agent_gone_ms = PULSE_DEFAULT_MS;
  pthread_mutex_lock(&lock);
  bool strict_scripts = clean.scripts != 0 && config.scripts == 0;
  config = clean;
  pthread_mutex_unlock(&lock);
  if (from_agent) {
    configured_by_agent = true;
    last_pulse = now_awake();
    agent_left = false;
    changed = true;
  }
  /* Without anybody who asks beforehand the kernel's check would end whatever runs. */
  if ((gate_parts() & PV_PART_EXEC_PERM) == 0 && clean.mode > PV_WARN) clean.mode = PV_WARN;
  bool stricter = kernel_stricter(gate_kernel(), &clean), marked = true;
  pthread_mutex_lock(&checking);
  check_waits = false; /* what this one says holds */
  if (!stricter) kernel_configure(gate_kernel(), &clean);
  pthread_mutex_unlock(&checking);
  sensor_configure(&clean);
  files_configure(gate_files(), &clean);
  mode = clean.mode;
  if ((gate_parts() & PV_PART_EXEC_PERM) != 0) {
    marks_configure(&clean);
    marked = mounts_round();
    if (strict_scripts) marks_ask_again(); /* text that was quietened as data */
  }
  if (!stricter) return;
  /* Last: who opened its file before the marks were there was not asked about. The check lets pass for a while what began before now. */
  pthread_mutex_lock(&checking);
  check_waits = !marked;
  waiting_check = clean;
  check_round = mounts_wanted();
  if (marked) kernel_configure(gate_kernel(), &clean);
  pthread_mutex_unlock(&checking);
}

/* On a machine so busy that the marks took longer than anybody waited, the check begins with them. */
void gate_marked(uint64_t round) {
  pthread_mutex_lock(&checking);
  if (check_waits && round >= check_round) {
    check_waits = false;
    kernel_configure(gate_kernel(), &waiting_check);
  }
  pthread_mutex_unlock(&checking);
}

void gate_pulse(void) { last_pulse = now_awake(); }

bool gate_agent_here(enum pv_cause *cause) {
  struct pv_config is;
  gate_config(&is);
  *cause = configured_by_agent ? PV_C_AGENT_GONE : PV_C_RESTARTED;
  return !agent_left && now_awake() < last_pulse + is.agent_gone_ms * 1000000ull;
}

bool claim(struct pending *pending) {
  pending_lock();
  bool mine = !pending->answered;
  pending->answered = true;
  pending_unlock();
  return mine;
}

/* Would the kernel's check agree? A file opened for writing since, or changed beneath an overlay, has to be hashed once more. */
bool answer_in_kernel(const struct answer *answer, int fd) {
  struct pv_file file;
  uint32_t seen = 0;
  if (kernel_tier(gate_kernel()) < PV_TIER_B) return true;
  return answer->kernel_epoch == kernel_epoch && kernel_look(gate_kernel(), fd, &file, &seen) == 0 && (seen & KERNEL_ALLOWED) != 0;
}

uint32_t allow_in_kernel(const struct pending *pending) {
  struct kernel *kernel = gate_kernel();
  if (kernel_tier(kernel) < PV_TIER_B || pending->fd < 0 || !gate_holds() || (pending->flags & PV_F_WRITER_OPEN) != 0) return 0;
  /* A mapping of a writer's changes the bytes and leaves no trace. Its exec ends with ETXTBSY, or by the kernel's check. */
  if ((pending->flags & PV_F_WRITER_OPEN) != 0) return 0;
  struct pv_file seen = pending->seen;
  uint64_t generation = pending->generation;
  if (seen.inode == 0) {
    generation = kernel_generation(kernel, pending->fd);
    if (kernel_identify(kernel, pending->fd, &seen) != 0) return 0;
  }
  uint32_t epoch = kernel_epoch;
  int failed = kernel_allow(kernel, pending->fd, &seen, generation);
  if (failed == -ENOSPC) {
    /* The kernel's map is full: it starts anew, and so does asking. */
    marks_ask_again();
    epoch = atomic_fetch_add(&kernel_epoch, 1) + 1;
    kernel_forget_all(kernel);
    failed = kernel_allow(kernel, pending->fd, &seen, generation);
  }
  return failed == 0 ? epoch : 0;
}

static bool ran_before(const struct pending *pending) {
  struct answer answer;
  struct digest_known known;
  if (table_find(&pending->file, &answer) && (answer.flags & ANSWER_ALLOW) != 0) return true;
  return pending->hashed && digest_find(pending->digest, &known) && (known.flags & DIGEST_RAN) != 0;
}

static bool core(const struct pending *pending) {
  struct answer answer;
  struct digest_known known;
  uint8_t named[32];
  const uint8_t *digest = pending->hashed ? pending->digest : table_find(&pending->file, &answer) ? answer.digest : core_digest(&pending->file, named) ? named : NULL;
  return digest != NULL && digest_find(digest, &known) && (known.flags & DIGEST_CORE) != 0 && (known.flags & DIGEST_DENY) == 0;
}

bool outcome(const struct pending *pending, enum pv_cause cause) {
  struct pv_config is;
  gate_config(&is);
  uint8_t what = PV_O_OPEN;
  switch (cause) {
    case PV_C_LATE: what = is.late; count(COUNT_LATE, 1); break;
    case PV_C_OVERLOADED: what = is.overloaded; count(COUNT_OVERLOADED, 1); break;
    case PV_C_UNREADABLE: what = is.unreadable; count(COUNT_UNREADABLE, 1); break;
    case PV_C_AGENT_GONE: what = is.agent_gone; count(COUNT_AGENT_GONE, 1); break;
    case PV_C_RESTARTED: what = is.restarted; count(COUNT_AGENT_GONE, 1); break;
    default: break;
  }
  return what == PV_O_OPEN || core(pending) || (what == PV_O_KNOWN && ran_before(pending));
}

static void drop_in_kernel(const struct answer *answer) {
  marks_ask_again();
  struct pv_file seen = answer->file;
  seen.inode = answer->seen_inode;
  seen.device = answer->seen_device;
  (void)kernel_forget(gate_kernel(), &seen);
}

void remember(const struct pending *pending, bool allow, uint32_t how, uint64_t until, uint8_t kind, uint32_t notice) {
  struct pv_config is;
  gate_config(&is);
  uint64_t now = now_boot(), denied_until = now + is.deny_ms * 1000000ull;
  if (!allow && (until == 0 || until > denied_until)) until = denied_until;
  struct digest_known known;
  if (allow && pending->hashed) digest_mark(pending->digest, DIGEST_RAN);
  /* A copy of an interpreter is one. */
  if (allow && pending->hashed && digest_find(pending->digest, &known) && (known.flags & DIGEST_INTERPRETER) != 0) interpreter_put(&pending->file);
  if (how == 2 && pending->hashed) digest_answer(pending->digest, allow, until, kind, notice);
  changed = true;
  if (how == 0 || !pending->stable) return;
  struct answer answer = {.file = pending->file, .until = until, .kind = kind, .access = pending->access, .notice = notice}, evicted;
  answer.seen_inode = pending->seen.inode;
  answer.seen_device = pending->seen.device;
  memcpy(answer.digest, pending->digest, sizeof answer.digest);
  if (allow) {
    answer.flags = ANSWER_ALLOW;
    answer.kernel_epoch = allow_in_kernel(pending);
    bool checked = (kernel_parts(gate_kernel()) & PV_PART_EXEC_CHECK) != 0 && answer.kernel_epoch != 0;
    if (checked && until == 0 && pending->quiet) answer.flags |= ANSWER_QUIET;
  }
  if (table_put(&answer, &evicted) && (evicted.flags & ANSWER_QUIET) != 0) drop_in_kernel(&evicted);
  if ((answer.flags & ANSWER_QUIET) != 0 && pending->fd >= 0) quieten(pending->fd);
  /* It ran already: what is told of it again until it changes would only cost. */
  if (allow && !pending->strict && until == 0 && pending->fd >= 0) marks_ignore_told(pending->fd);
}

void quieten(int fd) { marks_ignore(fd, true, (kernel_parts(gate_kernel()) & PV_PART_MAP_CHECK) != 0); }

static uint64_t end_of(uint32_t for_ms) { return for_ms == 0 ? 0 : now_boot() + for_ms * 1000000ull; }

/* True where the file is what was hashed. Without a lease somebody may have written to it while the agent thought. */
static bool unchanged(const struct pending *pending) {
  struct pv_file file;
  uint32_t mode_now;
  if (pending->leased) return true;
  return gate_identify(pending->fd, &file, &mode_now) == 0 && file.ctime == pending->file.ctime && file.bytes == pending->file.bytes;
}

void gate_answer(const struct pv_answer *answer, const char *notice) {
  pending_lock();
  struct pending *pending = pending_find(answer->id);
  if (pending == NULL || pending->state != PENDING_WAITING) {
    pending_unlock();
    return;
  }
  bool mine = !pending->answered, allow = answer->allow == 1;
  pending->state = PENDING_WORKING;
  if (mine && allow && !unchanged(pending)) {
    pending->state = PENDING_QUEUED;
    pending_unlock();
    if (!workers_put(pending, true)) {
      pending_settle(pending);
      gate_fail(pending, PV_C_OVERLOADED);
      pending_finish(pending);
    }
    return;
  }
  pending->answered = true;
  pending_unlock();
  uint32_t kept = notice_keep(notice, answer->notice_bytes);
  if (mine && allow) {
    /* First the kernel's map, then the answer: the check comes right after it. */
    if (!pending->stable || answer->remember == 0) (void)allow_in_kernel(pending);
    remember(pending, true, answer->remember, end_of(answer->for_ms), (uint8_t)answer->kind, kept);
    gate_respond(pending->fd, true);
  } else {
    remember(pending, allow, answer->remember, end_of(answer->for_ms), (uint8_t)answer->kind, kept);
    if (mine) {
      pending_settle(pending);
      deny_later(pending, PV_C_ANSWER, kept);
    } else if (allow && !pending->strict && answer->notice_bytes != 0) {
      pending_settle(pending);
      warn_later(pending, kept);
    }
  }
  pending_finish(pending);
}

void gate_agent_left(void) {
  agent_left = true;
  enum pv_cause cause;
  (void)gate_agent_here(&cause);
  for (unsigned place = 0; place < PENDING_PLACES; place++) {
    struct pending *pending = pending_at(place);
    pending_lock();
    bool waits = pending->state == PENDING_WAITING;
    if (waits) {
      pending->state = PENDING_WORKING;
      pending->settling++;
    }
    pending_unlock();
    if (!waits) continue;
    gate_fail(pending, cause);
    pending_finish(pending);
  }
}

void gate_digest(const struct pv_digest *digest, const char *notice) {
  bool allow = digest->allow == 1;
  /* Another answer than before: what was remembered by file goes too. */
  if (!allow) marks_ask_again();
  (void)table_forget(digest->digest, allow, drop_in_kernel);
  if (digest->kind == 1 && allow) digest_mark(digest->digest, DIGEST_CORE);
  digest_answer(digest->digest, allow, end_of(digest->for_ms), (uint8_t)digest->kind, notice_keep(notice, digest->notice_bytes));
  changed = true;
}

void gate_forget(const struct pv_forget *forget) {
  marks_ask_again();
  if (forget->all != 0) {
    atomic_fetch_add(&kernel_epoch, 1);
    table_forget_all();
    digest_forget_all();
    kernel_forget_all(gate_kernel());
  } else {
    digest_forget(forget->digest);
    (void)table_forget(forget->digest, false, drop_in_kernel);
  }
  /* Once more: what was quietened between the first time and the forgetting. */
  marks_ask_again();
  changed = true;
}
