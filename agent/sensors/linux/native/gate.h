/* What the files of the gate and of the socket share. What other parts may use stands in parts.h. */
#pragma once
#include <pthread.h>
#include <stdio.h>
#include "parts.h"

/* A mutex that lends the waiting thread's priority to its holder: the gate thread waits on none for longer than a few stores. */
#define MUTEX_INHERIT(name) \
  static pthread_mutex_t name; \
  __attribute__((constructor)) static void name##_init(void) { mutex_init(&name); }
void mutex_init(pthread_mutex_t *mutex);
/* A thread with a small stack and all signals blocked. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* --- options.c --- */
/* Fills `options` from the command line; ends the process after --help, --version or a mistake. */
void options_read(struct options *options, int count, char **arguments);

/* --- names.c --- */
/* Nanoseconds that this machine was awake: what waits for an answer does not run out while it sleeps. */
uint64_t now_awake(void);
uint64_t boot_to_unix(void);
size_t proc_read(uint32_t pid, const char *name, char *text, size_t bytes);
uint32_t proc_namespace(uint32_t pid, const char *name);
const char *cgroup_mount(void);
size_t process_cgroup(uint32_t pid, char *path, size_t bytes);
size_t process_program(uint32_t pid, char *path, size_t bytes);

/* --- hash.c --- */
/* SHA-256 of all bytes of the file, read by pread. 0 or -errno. */
int hash_file(int fd, uint8_t digest[32], uint64_t *bytes);
void hash_bytes(const void *bytes, size_t count, uint8_t digest[32]);
/* A keyed 64-bit hash (SipHash-2-4, key made at start): nobody outside can choose what collides. */
uint64_t hash_key(const void *bytes, size_t count);

/* --- notice.c --- */
enum { NOTICE_NONE = 0 };
/* Keeps a notice for later denials; the number goes with the answer. An old one is overwritten in the end. */
uint32_t notice_keep(const char *text, size_t bytes);
/* Writes the notice, or one of our own naming path and cause, to the terminal of the process. */
void notice_show(uint32_t pid, uint32_t notice, const struct pv_file *file, const char *path, size_t path_bytes, enum pv_cause cause);
/* Replaces what must not reach a terminal. Returns the bytes used in `safe`. */
size_t notice_clean(const char *text, size_t bytes, char *safe, size_t safe_bytes);

/* --- table.c: answers remembered by file --- */
enum answer_flag {
  ANSWER_ALLOW = 1 << 0,
  ANSWER_RESTORED = 1 << 1, /* from the state file: hashed again before it counts */
  ANSWER_QUIET = 1 << 2,    /* the kernel need not ask again: its own check stands behind */
};
struct answer {
  struct pv_file file; /* key: all but links */
  uint8_t digest[32];
  uint64_t seen_inode;   /* the kernel's check knows it by these: on overlays and btrfs not what fstat tells */
  uint64_t until;        /* since boot; 0: until the file changes */
  uint64_t used;         /* order of use, kept by the table */
  uint32_t epoch;        /* kept by the table */
  uint32_t kernel_epoch; /* the kernel's map has it since this one; 0: it has not */
  uint32_t notice;
  uint32_t seen_device;
  uint16_t flags;
  uint8_t kind;   /* of pv_answer */
  uint8_t access; /* enum pv_access */
};
enum { TABLE_PLACES = 32768, TABLE_WAYS = 8 };
bool table_find(const struct pv_file *file, struct answer *found);
/* True: another answer had to go, it is in `evicted`. */
bool table_put(const struct answer *answer, struct answer *evicted);
/* Drops answers of a digest, or its denials alone, and calls `dropped` for each, without the lock. */
size_t table_forget(const uint8_t digest[32], bool denials_alone, void (*dropped)(const struct answer *answer));
void table_forget_file(const struct pv_file *file);
void table_forget_all(void);
uint64_t table_count(void);
uint64_t table_evicted(void);
/* Calls `each` with a copy of every live answer. */
void table_each(void (*each)(const struct answer *answer, void *argument), void *argument);

/* --- digests.c: answers remembered by digest, and what is known of a digest --- */
enum digest_flag {
  DIGEST_ALLOW = 1 << 0,
  DIGEST_DENY = 1 << 1,
  DIGEST_RAN = 1 << 2,  /* ran before: allowed by a verdict once, or the agent said so */
  DIGEST_CORE = 1 << 3, /* hard-allowed unless refuted */
  DIGEST_INTERPRETER = 1 << 4,
};
struct digest_known {
  uint8_t digest[32];
  uint64_t until; /* of the answer; 0: no end */
  uint64_t used;
  uint32_t epoch; /* of the answer: forgetting all keeps what is known */
  uint32_t notice;
  uint16_t flags;
  uint8_t kind;
  uint8_t pad[5];
};
enum { DIGEST_PLACES = 32768, DIGEST_WAYS = 8 };
/* False: nothing known. An answer that has ended is taken out of flags. */
bool digest_find(const uint8_t digest[32], struct digest_known *found);
/* Sets the answer (DIGEST_ALLOW or DIGEST_DENY) beside what is known. */
void digest_answer(const uint8_t digest[32], bool allow, uint64_t until, uint8_t kind, uint32_t notice);
void digest_mark(const uint8_t digest[32], uint16_t flags);
void digest_forget(const uint8_t digest[32]);
void digest_forget_all(void);
void digest_each(void (*each)(const struct digest_known *known, void *argument), void *argument);

/* --- kinds.c: what an opened file is, remembered by file so that it is looked into once --- */
enum file_kind { KIND_UNKNOWN = 0, KIND_ELF = 1, KIND_TEXT = 2, KIND_DATA = 3, KIND_OBJECT = 4 /* for the linker, or a kernel module */ };
enum file_kind kind_find(const struct pv_file *file);
void kind_put(const struct pv_file *file, enum file_kind kind);
enum file_kind kind_sniff(int fd, bool *shebang);
/* The same without waiting for a disk; KIND_UNKNOWN where it would. */
enum file_kind kind_glance(int fd);
/* Files that are interpreters, by identity (PV_PATH kind 6). */
void interpreter_put(const struct pv_file *file);
bool interpreter_is(const struct pv_file *file);

/* --- state.c: answers and configuration over a restart --- */
struct state_counts { uint32_t answers, digests; };
/* Bytes that come from disk: bounded and checked, whatever they are. False: not ours, `why` says it. */
bool state_parse(const uint8_t *bytes, size_t count, struct pv_config *config, bool *has_config, struct state_counts *counts, const char **why);
bool state_load(const char *folder, struct pv_config *config, bool *has_config, struct state_counts *counts, char *why, size_t why_bytes);
bool state_save(const char *folder, const struct pv_config *config);

/* --- input.c: what the agent sends --- */
struct input_sink {
  void *context;
  void (*record)(void *context, const struct pv_header *record);
};
/* Takes whole records from `bytes`; returns how many bytes were used, or -1 with the reason in `why`. */
long input_take(const uint8_t *bytes, size_t count, const struct input_sink *sink, char *why, size_t why_bytes);

/* --- output.c: two lanes towards the agent --- */
bool output_open(void);
void output_attach(int client);
void output_detach(void);
/* Sends what can be sent. 0: all sent, 1: more waits, -1: the client is gone or does not read. */
int output_flush(void);
int output_wake(void); /* readable when there is something to flush */
void output_poke(void);
void output_count(uint64_t *made, uint64_t *delivered, uint64_t *lost);

/* --- link.c --- */
bool link_open(const struct options *options, char *why, size_t why_bytes);
void link_close(void);
uint32_t link_agent(void); /* the client's process number, 0: none */

/* --- fold.c: decisions made without the agent, equal ones told once a second --- */
void fold_add(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes);
void fold_flush(void);

/* --- pending.c: questions of the kernel that wait for an answer --- */
enum { PENDING_PLACES = 1024 };
enum pending_state { PENDING_FREE = 0, PENDING_QUEUED, PENDING_WORKING, PENDING_WAITING };
struct pending {
  uint64_t id;
  int fd;
  uint32_t pid;
  bool strict;    /* the kernel waits; false: told afterwards (record, warn) */
  bool answered;  /* the kernel has its answer */
  bool exec;      /* FAN_OPEN_EXEC_PERM, else FAN_OPEN_PERM */
  uint8_t state;  /* enum pending_state */
  uint8_t access;
  uint8_t tries;
  bool hashed;
  bool leased;
  bool stable;    /* the answer may be remembered: a change would show */
  bool quiet;     /* the kernel need not ask again, where its own check stands behind */
  uint8_t settling; /* so many others still need it */
  bool finished;  /* released as soon as nothing settles */
  uint32_t flags; /* enum pv_flag */
  uint32_t notice;
  uint64_t asked, deadline; /* since boot, as told */
  uint64_t due;             /* by now_awake: when the kernel gets its answer */
  uint64_t generation;
  struct pv_file file; /* as fstat tells it: key of the table */
  struct pv_file seen; /* as the kernel's check sees it */
  uint8_t digest[32];
};
/* A free place, or NULL. Takes one that is only waited for after its deadline where none is free. */
struct pending *pending_take(void);
void pending_limit(unsigned places);
void pending_lock(void);
void pending_unlock(void);
/* With the lock held. */
struct pending *pending_find(uint64_t id);
void pending_release(struct pending *pending);
/* Without the lock: released now, or when it is settled. */
void pending_finish(struct pending *pending);
void pending_settle(struct pending *pending);
void pending_settled(struct pending *pending);
struct pending *pending_at(unsigned place);

/* --- workers.c --- */
bool workers_start(void);
/* Files whose reading may never end have workers of their own. False: the queue is full. */
bool workers_put(struct pending *pending, bool slow);

/* --- core.c: what starts also when nobody can judge (PV_PATH kinds 1, 7 and 9) --- */
/* The digest that a file of the core had when it was named or put there. */
bool core_digest(const struct pv_file *file, uint8_t digest[32]);
/* A file of the core, as stat and as the kernel's check see it. */
void core_put(const struct pv_file *file, const struct pv_file *seen, const uint8_t digest[32], uint32_t kind);
/* Where a program of the core lies, or would. */
void core_place(const char *path, uint32_t kind);
/* What package managers have put at the core's places until now belongs to it. Waits for disks. */
void core_catch_up(void);
void core_start(void);

/* --- paths.c --- */
enum { PATH_FOLLOW = 255 }; /* no kind of PV_PATH: core_catch_up is wanted */
bool paths_start(void);
/* A file that the agent names (PV_PATH): hashed and marked by a thread of its own. */
void paths_put(uint32_t kind, const char *path, size_t bytes);

/* --- gate.c: the thread that answers the kernel --- */
bool gate_open(const struct options *options, struct kernel *kernel, struct files *files, char *missing, size_t missing_bytes);
uint32_t gate_parts(void);
void gate_close(void);
void gate_guard(uint32_t pid);
void gate_beat(void); /* twice a second */
struct kernel *gate_kernel(void);
struct files *gate_files(void);
int gate_identify(int fd, struct pv_file *file, uint32_t *mode); /* without asking a server */
/* Does anybody want to know that this process opens, and does not execute, a file of this kind? */
bool opening_matters(enum file_kind kind, uint32_t pid);
bool gate_scoped(uint32_t pid); /* may this process be refused? */
void gate_respond(int fd, bool allow);
/* Armed for the earliest among those that wait, by now_awake. */
void gate_deadline(uint64_t due);

/* --- answers.c: what to answer, what to remember of it --- */
enum counter {
  COUNT_ASKED, COUNT_HITS, COUNT_HASHED, COUNT_HASHED_BYTES, COUNT_AGENT_ASKED, COUNT_ALLOWED, COUNT_DENIED, COUNT_LATE, COUNT_OVERLOADED,
  COUNT_UNREADABLE, COUNT_AGENT_GONE, COUNTERS
};
void count(enum counter counter, uint64_t by);
void count_slowest(uint64_t ns);
void gate_status(struct pv_status *status);
void gate_configure(const struct pv_config *config, bool from_agent);
void gate_marked(uint64_t round); /* this round over all mount tables has ended */
void gate_config(struct pv_config *config); /* header.size 0: none yet */
uint32_t gate_mode(void);
bool gate_holds(void);
void gate_pulse(void);
void gate_agent_left(void);
bool gate_agent_here(enum pv_cause *cause);
bool gate_changed(void); /* since the last call: worth saving */
void gate_answer(const struct pv_answer *answer, const char *notice);
void gate_digest(const struct pv_digest *digest, const char *notice);
void gate_forget(const struct pv_forget *forget);
/* Will the kernel's check let pass what is remembered of this file? */
bool answer_in_kernel(const struct answer *answer, int fd);
/* Puts the file into the kernel's map. Without it the kernel's check ends what the gate let through. */
uint32_t allow_in_kernel(const struct pending *pending);
void quieten(int fd);
void remember(const struct pending *pending, bool allow, uint32_t how, uint64_t until, uint8_t kind, uint32_t notice);
/*
 * Answers by the outcome of a cause, where nobody has answered yet; the notice and the report are left to the notices thread. For a pending
 * of the pool the caller has called pending_settle; one that is not of the pool gives its descriptor away.
 */
void gate_fail(struct pending *pending, enum pv_cause cause);
/* The outcome of a cause: true opens. Counts it. */
bool outcome(const struct pending *pending, enum pv_cause cause);
/* Leaves a denial to the notices thread; pending_settle was called. */
void deny_later(struct pending *pending, enum pv_cause cause, uint32_t notice);
/* Leaves a warning about what already runs to the notices thread; pending_settle was called. */
void warn_later(struct pending *pending, uint32_t notice);
/* Shows the notice of a denial, answers, reports where it was not the agent's. For threads that may wait. */
void conclude(struct pending *pending, bool allow, enum pv_cause cause, uint32_t notice);
bool claim(struct pending *pending); /* true: the caller answers */
bool notices_start(void);

/* --- main.c --- */
void sensor_configure(const struct pv_config *config); /* telemetry */

/* --- marks.c: file systems under the gate --- */
bool marks_open(const struct options *options, char *why, size_t why_bytes);
bool marks_start(void);
void marks_close(void); /* also from a signal handler */
/*
 * Reading an event opens its file, in the reader's own name. On an overlay that opens the layer's file too, which is asked about; on somebody
 * else's file system it waits for that program. So the marks of a file system are in the group of its kind, each group has readers of its
 * own, and reading one group only ever asks those before it.
 */
enum marks_group { GROUP_PLAIN, GROUP_OVERLAY, GROUP_OVERLAY_OVER, GROUP_SLOW, GROUP_SLOW_OVERLAY, GROUP_SLOW_OVERLAY_OVER, PERMISSION_GROUPS, GROUP_TOLD = PERMISSION_GROUPS, MARKS_GROUPS };
int marks_group_fd(enum marks_group group); /* GROUP_TOLD: what ran already */
void marks_came_from(int fd, enum marks_group group); /* an event's descriptor; the next two go by it */
int marks_respond(int fd, bool allow); /* 0 or -errno */
void marks_configure(const struct pv_config *config);
enum marks_trait { MARK_SLOW = 1 << 0 /* remote or user space: may hang, change times are not the kernel's */, MARK_OVERLAY = 1 << 1, MARK_FINE = 1 << 2 /* fine change times */, MARK_OVER = 1 << 3 /* an overlay over another, or over what cannot be looked at */, MARK_SERVED = 1 << 4 /* a program of anybody shows what it likes */ };
/* Traits of a marked device; false: it is not one. */
bool marks_find(uint32_t device, uint32_t *traits);
void marks_begin(void); /* a round over all mount tables */
void marks_add(uint32_t pid, int space, uint32_t device, uint32_t mount, const char *place, const char *type, const char *options);
void marks_end(void);   /* what was in no table is forgotten */
uint64_t marks_count(void);
/* The kernel stops asking for this file until it changes. */
void marks_ignore(int fd, bool execs, bool opens);
/* The same for what is only told, not asked. */
void marks_ignore_told(int fd);
void marks_ask_again(void); /* drops every ignore mark */

/* --- mounts.c --- */
/* The place at it, seen from the root of that mount namespace; -1: it cannot be entered. For the mounts thread. */
int mounts_open(int space, const char *place);
/* A process was met: is its mount namespace known? */
void mounts_notice(uint32_t pid);
bool mounts_start(const struct options *options, char *why, size_t why_bytes);
void mounts_stop(void);
/* Every mount table anew; returns when that is done, or after three seconds: then false. */
bool mounts_round(void);
uint64_t mounts_wanted(void); /* number of the last round that was asked for */
