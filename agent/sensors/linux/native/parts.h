/*
 * What the parts of the sensor offer one another. One C file (or two) behind each block; nobody reaches past this header.
 * Threads: gate (answers the kernel, nothing else), workers (lease, hash), link (the socket), events (BPF ring), files (FID), mounts.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "record.h"

struct options {
  const char *socket;        /* where the agent connects */
  const char *state;         /* folder for remembered answers */
  const char *pins;          /* folder on a bpffs, or NULL: nothing is pinned */
  const char *scope_cgroup;  /* cgroup v2 folder: only tasks below it are ever refused; NULL: all */
  const char *scopes[16];    /* only file systems mounted at or below these are marked; none: all */
  size_t scope_count;
  uid_t owner;               /* who besides root may connect */
  int highest;               /* enum pv_tier: no higher one is tried */
  bool fault_no_btf, fault_no_bpffs; /* for tests: as if it were not there */
  const char *fault_refuse;  /* for tests: comma-separated names of programs whose load fails */
};

/* --- kernel.c: the programs in the kernel (gate.bpf.c). Loaded one by one; each that fails is named. --- */
struct kernel;
/* Tries from `highest` down. Never fails: with nothing loaded the tier is C. `missing` gets one line for each part that is not there. */
struct kernel *kernel_open(const struct options *options, char *missing, size_t missing_bytes);
uint32_t kernel_parts(const struct kernel *kernel); /* enum pv_part */
int kernel_tier(const struct kernel *kernel);       /* PV_TIER_A, _B or _C (what fanotify adds is the caller's knowledge) */
/* The identity the kernel's check will see for this open file: not fstat's on overlays. Falls back to fstat. 0 or -errno. */
int kernel_identify(struct kernel *kernel, int fd, struct pv_file *file);
/* The same, and what the check would do now. Where a remembered file has lost KERNEL_ALLOWED (it was opened for writing since), it has to
 * be hashed and allowed again. */
enum kernel_seen {
  KERNEL_ALLOWED = 1, /* the check would let it pass; always there where nothing checks */
  KERNEL_OVERLAY = 2, /* it lies under an overlay */
  KERNEL_WRITER = 8,  /* somebody has it open for writing: what was hashed then must not be allowed, kernel_allow may come too late to see */
  KERNEL_FINE = 4,    /* whatever changes it from now on changes its ctime. Without: only once the ctime is two ticks old */
};
int kernel_look(struct kernel *kernel, int fd, struct pv_file *file, uint32_t *seen);
/* Tier A: the write generation before hashing starts; pass it to kernel_allow. Elsewhere 0. */
uint64_t kernel_generation(struct kernel *kernel, int fd);
/* The check will pass for these bytes until they change. `file` as from kernel_identify before hashing. 0 or -errno (-ENOSPC: full; -ETXTBSY: a writer). */
int kernel_allow(struct kernel *kernel, int fd, const struct pv_file *file, uint64_t generation);
int kernel_forget(struct kernel *kernel, const struct pv_file *file); /* and the inode's storage when fd-less: bump the epoch */
void kernel_forget_all(struct kernel *kernel);
/* Mode, outcome when nobody pulses, whether unseen files are killed or only told. Called at every PV_CONFIG and at start. */
void kernel_configure(struct kernel *kernel, const struct pv_config *config);
/* Would this configuration check what is not checked now? Then the marks have to be there first. */
bool kernel_stricter(const struct kernel *kernel, const struct pv_config *config);
/* Which superblocks are under the gate: a file elsewhere is "unseen". */
int kernel_device(struct kernel *kernel, uint32_t device, bool marked);
/* No process lives in this mount namespace any more: its number may come again, and is then told anew. */
void kernel_namespace_gone(struct kernel *kernel, uint32_t number);
void kernel_beat(struct kernel *kernel); /* the sensor lives: every 500 ms */
int kernel_guard(struct kernel *kernel, uint32_t pid, const char *path);
/* Who runs as this process number: its program, also some time after its end. False where it was not seen. */
bool kernel_process(struct kernel *kernel, uint32_t pid, struct pv_process *process, struct pv_file *program);
/* Counters of the checks in the kernel. */
void kernel_count(struct kernel *kernel, uint64_t *checked, uint64_t *killed, uint64_t *dropped);
/* Nobody is asked from now on: the check judges no more, unless it is pinned to outlive the sensor. `open`: not even then. */
void kernel_rest(struct kernel *kernel, bool open);
/* Leaves pins in place unless `open`. */
void kernel_close(struct kernel *kernel, bool open);
/* Waits up to timeout_ms; -ENOSYS: there is nothing to wait for, do not call again. Records of the gate's programs (PV_GATE with cause PV_C_UNSEEN, PV_TAMPER, namespaces): called by the events thread. */
int kernel_poll(struct kernel *kernel, int timeout_ms);

/* --- telemetry.c (telemetry.bpf.c) and connector.c: process, network and system call events, through out_event. --- */
struct telemetry;
struct telemetry *telemetry_open(const struct options *options, char *missing, size_t missing_bytes);
uint32_t telemetry_parts(const struct telemetry *telemetry);
void telemetry_configure(struct telemetry *telemetry, const struct pv_config *config);
int telemetry_poll(struct telemetry *telemetry, int timeout_ms); /* one thread calls it in a loop; -ENOSYS: not again */
void telemetry_leave_out(struct telemetry *telemetry, uint32_t pid); /* the agent's own; 0: nobody. The sensor's never are told. */
void telemetry_close(struct telemetry *telemetry);

/* --- files.c: fanotify FID on every file system, rename tracking, and who wrote a file last. --- */
struct files;
struct files *files_open(const struct options *options, struct kernel *kernel, char *missing, size_t missing_bytes);
/* A file system to watch. The caller closes folder_fd; called again for the same device when its mounts change. */
int files_mark(struct files *files, int folder_fd, uint32_t device);
int files_unmark(struct files *files, uint32_t device);
uint32_t files_parts(const struct files *files);
void files_configure(struct files *files, const struct pv_config *config);
void files_leave_out(struct files *files, uint32_t pid); /* what the agent writes would else make it write more */
/* From now on it is told when this file, or a file in this folder, is opened, where its file system is watched. The caller closes fd. */
int files_watch(struct files *files, int fd);
int files_poll(struct files *files, int timeout_ms);
/* Takes in every event queued until now, then says who wrote this file last. False: not seen. Any thread. */
bool files_writer(struct files *files, const struct pv_file *file, struct pv_process *writer, struct pv_file *program, uint64_t *written);
/*
 * Who keeps the core's programs and where those lie: asked while events are read, with the files' lock held. `place` gives a number from 1, or
 * 0 where nothing of the core has that name; `placed` is told of each that a keeper has put there.
 */
struct files_core {
  bool (*keeps)(const struct pv_process *process, const struct pv_file *program);
  uint32_t (*place)(uint32_t device, uint64_t folder, const char *name);
  void (*placed)(uint32_t place);
};
void files_keep_core(struct files *files, const struct files_core *core);
/* Takes in every event queued until now. Any thread. */
void files_catch_up(struct files *files);
/* The same, then: was this file made, written and put at this place by keepers alone, and is it as it was then? Any thread. */
bool files_kept(struct files *files, const struct pv_file *file, uint32_t place);
void files_close(struct files *files);

/* --- gate.c, workers.c, table.c, marks.c, mounts.c: the permission events. --- */
struct gate;
/* The kernel's check met a file that nobody had asked about, or one that had changed: the next try is asked about. */
void gate_unasked(enum pv_cause cause, const struct pv_process *who);
/* Mounts and namespaces: called by whoever sees a new one (kernel_poll, telemetry). */
void mounts_look(uint32_t pid);
bool mounts_watched(uint32_t namespace);

/* --- link.c: the socket. --- */
/* A lane that is never dropped: asks, gate decisions, tampering. False: no agent, or it does not read. */
bool out_record(const void *record, size_t bytes);
/* Telemetry: dropped and counted when the agent does not keep up. Thread-safe. */
bool out_event(const void *record, size_t bytes);
/* What the gate or the kernel's check did: the first at once, equal ones within a second as one with their count. Thread-safe. */
void out_gate(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes);
void out_lost(uint32_t kind, uint32_t where, uint64_t count);
bool out_connected(void);

/* --- capabilities.c: a line for each capability(7) that this process lacks, and what it cannot do for that. --- */
void capabilities_missing(char *missing, size_t bytes);

/* --- service.c: "READY=1", "WATCHDOG=1" or "STOPPING=1" to systemd, where it started us. --- */
void service_tell(const char *state);

/* --- names.c --- */
/* The process by its number, from /proc. False: it is gone. */
bool process_describe(uint32_t pid, struct pv_process *process);
/* Its cgroup v2 path as "/a/b". Bytes, 0 where it has none. */
size_t process_cgroup(uint32_t pid, char *path, size_t bytes);
uint64_t now_boot(void); /* nanoseconds since boot, suspend included */
/* "/proc/self/fd/N"'s link, in the caller's root. Bytes, 0 where it cannot be read. */
size_t fd_path(int fd, char *path, size_t bytes, uint32_t *flags);
