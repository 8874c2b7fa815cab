/*
 * The records between provost-sensor and the agent, over one Unix stream socket. This file is the contract: decode.ts and encode.ts
 * of the folder above follow it, and golden/ holds recorded bytes that the tests of both sides read (docs/decisions/0002).
 *
 * Everything is little-endian. A record is a header, fixed fields, then strings one after another without terminators, in the order
 * of their length fields. `fixed` says how long header and fixed fields are: fields are only ever appended, so a reader takes what it
 * knows and starts reading strings at `fixed`; a record shorter than a field's place is an old one, and the field counts as 0.
 * An unknown `type` is passed over by its `size`. Strings are bytes of the kernel, not UTF-8; `flags` says where one was cut.
 */
#pragma once
#include <stdint.h>

#define PV_VERSION 1u
#define PV_MAX_RECORD 65536u /* of one record, either way; longer ends the connection */
#define PV_MAX_PATH 4096u
#define PV_MAX_ARGS 8192u   /* argument bytes kept of one exec, NUL between arguments */
#define PV_MAX_NOTICE 1024u /* what is written to a terminal before an answer */

struct pv_header {
  uint32_t size;  /* whole record, header included */
  uint16_t type;  /* enum pv_type */
  uint16_t fixed; /* header and fixed fields */
};

enum pv_type {
  /* sensor -> agent */
  PV_HELLO = 1,   /* first on every connection */
  PV_STATUS = 2,  /* every second, and after each PV_CONFIG: counters */
  PV_LOST = 3,    /* events of a kind that were not delivered */
  PV_TAMPER = 4,  /* somebody reached for agent, sensor, their files or pins */
  PV_ASK = 5,     /* may this file run? answered by PV_ANSWER with the same id */
  PV_GATE = 6,    /* what the gate did without asking, or after a deadline */
  PV_REFUSED = 7, /* why this connection is about to be closed */
  PV_EXEC = 16,
  PV_FORK = 17,
  PV_EXIT = 18,
  PV_CONNECT = 19,
  PV_LISTEN = 20,
  PV_MODULE = 21,
  PV_PTRACE = 22, /* ptrace, process_vm_writev, /proc/PID/mem */
  PV_MEMFD = 23,
  PV_BPF = 24,
  PV_MOUNT = 25,
  PV_FILE = 26, /* create, close after write, rename, delete, attributes */
  PV_CREDENTIALS = 27,
  /* agent -> sensor */
  PV_CONFIG = 64,  /* mode and outcomes; the first thing an agent sends */
  PV_ANSWER = 65,  /* to one PV_ASK */
  PV_DIGEST = 66,  /* what to answer for a digest from now on */
  PV_PATH = 67,    /* hash this path now and remember it: the hard-allowed core, what ran before */
  PV_FORGET = 68,  /* drop remembered answers: all, or of one digest */
  PV_PULSE = 69,   /* the agent lives; at least every 2 s */
  PV_GUARD = 70,   /* a pid, file or folder to protect */
  PV_STOP = 71,    /* leave in order: the owner's code was right (the agent checks it) */
};

/* A file as the kernel tells it apart: never by path. `ctime` in nanoseconds since 1970. */
struct pv_file {
  uint64_t inode;
  uint64_t ctime;
  uint64_t bytes;
  uint32_t device; /* major << 20 | minor, of the superblock */
  uint32_t links;
};

/* A process by what survives reuse of its number. */
struct pv_process {
  uint32_t pid;
  uint32_t parent;
  uint64_t started; /* nanoseconds since boot */
  uint64_t parent_started;
  uint64_t cgroup; /* id in cgroup v2 */
  uint32_t user;
  uint32_t group;
  uint32_t login_user; /* 4294967295: none */
  uint32_t session;    /* audit session, 4294967295: none */
  uint32_t mount_namespace;
  uint32_t pid_namespace;
  char name[16]; /* comm */
};

enum pv_tier { PV_TIER_P = 0, PV_TIER_C = 1, PV_TIER_B = 2, PV_TIER_A = 3 };
enum pv_mode { PV_OFF = 0, PV_RECORD = 1, PV_WARN = 2, PV_HOLD = 3, PV_BLOCK = 4 };

/* What a part of the sensor does; bits of pv_hello.parts. What is missing says so in PV_HELLO's text, one line each. */
enum pv_part {
  PV_PART_EXEC_PERM = 1 << 0,   /* fanotify asks before an exec */
  PV_PART_OPEN_PERM = 1 << 1,   /* and before libraries and interpreter input are opened */
  PV_PART_EXEC_CHECK = 1 << 2,  /* the kernel checks an exec after writers are shut out */
  PV_PART_MAP_CHECK = 1 << 3,   /* and files mapped executable */
  PV_PART_GENERATION = 1 << 4,  /* by write generation (tier A), not by change time */
  PV_PART_PINNED = 1 << 5,      /* enforcement outlives the sensor */
  PV_PART_GUARD = 1 << 6,       /* signals, ptrace and writes are refused by the kernel */
  PV_PART_EVENTS = 1 << 7,      /* process events from BPF */
  PV_PART_NETWORK = 1 << 8,
  PV_PART_FILES = 1 << 9,       /* fanotify FID */
  PV_PART_SYSCALLS = 1 << 10,   /* memfd, ptrace, process_vm_writev, bpf, mount */
  PV_PART_CONNECTOR = 1 << 11,  /* process events from the proc connector */
  PV_PART_LEASES = 1 << 12,
};

struct pv_hello {
  struct pv_header header;
  uint32_t version; /* PV_VERSION of the sensor */
  uint32_t tier;
  uint32_t parts;
  uint32_t pid;
  uint64_t boot_to_unix; /* nanoseconds to add to times since boot */
  uint32_t remembered;   /* answers that were kept over a restart */
  uint16_t release_bytes;
  uint16_t missing_bytes; /* lines: "mmap_file: Operation not permitted; libraries are checked at open only" */
  /* release, missing */
};

/* Counters since the sensor's start. generated = delivered + lost, per lane. */
struct pv_status {
  struct pv_header header;
  uint64_t time; /* since boot */
  uint32_t mode;
  uint32_t tier;
  uint64_t asked;      /* permission events */
  uint64_t hits;       /* answered from memory */
  uint64_t hashed;     /* files hashed */
  uint64_t hashed_bytes;
  uint64_t agent_asked;
  uint64_t allowed;
  uint64_t denied;
  uint64_t late;       /* deadline passed */
  uint64_t overloaded;
  uint64_t unreadable;
  uint64_t agent_gone; /* answered by the outcome for "no agent" */
  uint64_t killed;     /* by the kernel's check */
  uint64_t events;     /* telemetry records made */
  uint64_t delivered;
  uint64_t lost;
  uint64_t remembered; /* entries now */
  uint64_t marked;     /* filesystems under the gate */
  uint64_t slowest_ns; /* longest time an asker with a remembered answer waited, since the last status */
};

struct pv_lost {
  struct pv_header header;
  uint64_t time;
  uint64_t count;
  uint32_t kind;  /* pv_type of what was lost; 0: of several kinds */
  uint32_t where; /* 1 kernel ring, 2 socket buffer, 3 fanotify queue (rescan), 4 a table was full */
};

enum pv_tamper_what {
  PV_T_SIGNAL = 1, PV_T_PTRACE = 2, PV_T_WRITE = 3, PV_T_UNLINK = 4, PV_T_MOUNT = 5, PV_T_BPF = 6, PV_T_CLIENT = 7, PV_T_UNPINNED = 8,
  PV_T_MARK = 9,
};
struct pv_tamper {
  struct pv_header header;
  uint64_t time;
  struct pv_process who;
  uint32_t what;
  uint32_t detail; /* the signal's number, the ptrace request */
  uint32_t target; /* pid, where it was a process */
  uint32_t refused; /* 1: the kernel refused it; 0: it was only seen */
  uint16_t path_bytes;
  uint16_t pad[3];
  /* path */
};

enum pv_access { PV_A_EXEC = 1, PV_A_LIBRARY = 2, PV_A_SCRIPT = 3, PV_A_INPUT = 4 /* opened by an interpreter */ };
/* Why an answer was given. */
enum pv_cause {
  PV_C_ANSWER = 0,      /* the agent's */
  PV_C_REMEMBERED = 1,
  PV_C_DIGEST = 2,      /* by PV_DIGEST */
  PV_C_CORE = 3,        /* hard-allowed */
  PV_C_LATE = 4,
  PV_C_OVERLOADED = 5,
  PV_C_UNREADABLE = 6,
  PV_C_AGENT_GONE = 7,
  PV_C_RESTARTED = 8,   /* the sensor has just started and no agent has come yet */
  PV_C_UNSEEN = 9,      /* the kernel met a file that no part asked about; killed where mode is block */
  PV_C_CHANGED = 10,    /* the kernel met a file that was changed after its answer, or between answer and check */
};

struct pv_ask {
  struct pv_header header;
  uint64_t id;
  uint64_t time;
  uint64_t deadline; /* since boot; later answers are still remembered */
  struct pv_process who; /* who executes or opens it */
  struct pv_file file;
  uint8_t digest[32];    /* SHA-256; zero where unreadable */
  uint32_t access;       /* enum pv_access */
  uint32_t flags;        /* PV_F_* */
  struct pv_file writer_file; /* the program that last wrote it, where that was seen; inode 0: not seen */
  struct pv_process writer;
  uint64_t written;      /* since boot */
  uint32_t owner;
  uint32_t group;
  uint32_t mode;         /* st_mode */
  uint16_t path_bytes;
  uint16_t executable_bytes; /* path of the asking process's own program */
  uint16_t writer_bytes;     /* path of the writing program */
  uint16_t pad[3];
  /* path, executable, writer */
};
enum pv_flag {
  PV_F_PATH_CUT = 1 << 0, PV_F_ARGS_CUT = 1 << 1, PV_F_UNREADABLE = 1 << 2, PV_F_UNLINKED = 1 << 3, PV_F_MEMFD = 1 << 4,
  PV_F_NO_LEASE = 1 << 5, PV_F_WRITER_OPEN = 1 << 6, /* somebody has it open for writing: the digest is of this moment only */
  PV_F_OVERLAY = 1 << 7, PV_F_CHECK_ONLY = 1 << 8, /* AT_EXECVE_CHECK */
  PV_F_ALREADY_RAN = 1 << 9, /* record or warn: told afterwards */
  PV_F_SETID = 1 << 10,
  PV_F_SCRIPT = 1 << 11, /* of PV_EXEC: a script was called, also where `script` could not be told */
};

struct pv_gate {
  struct pv_header header;
  uint64_t time;
  struct pv_process who;
  struct pv_file file;
  uint8_t digest[32];
  uint32_t access;
  uint32_t flags;
  uint32_t cause;   /* enum pv_cause */
  uint32_t allowed; /* 1 or 0 */
  uint16_t path_bytes;
  uint16_t executable_bytes;
  uint32_t count;   /* equal ones folded into this */
  /* path, executable */
};

struct pv_refused {
  struct pv_header header;
  uint16_t why_bytes;
  uint16_t pad[3];
  /* why */
};

/*
 * Every event begins so. `sequence` counts per `cpu` from 0; a gap is a loss that PV_LOST also tells. What does not come from a program
 * in the kernel has a count of its own, with a `cpu` that is no processor.
 */
#define PV_LANE_CONNECTOR 0x10000u /* and the processor: from the proc connector */
#define PV_LANE_FILES 0x20000u
struct pv_event {
  struct pv_header header;
  uint64_t time; /* since boot */
  uint64_t sequence;
  uint32_t cpu;
  uint32_t flags;
  struct pv_process who;
};
struct pv_exec {
  struct pv_event event;
  struct pv_file file;       /* the program that runs now (the interpreter, for a script) */
  struct pv_file script;     /* the script, else inode 0 */
  uint32_t argument_count;
  uint16_t path_bytes;       /* of file, from the process's root */
  uint16_t script_bytes;     /* as it was called: bprm->filename */
  uint16_t directory_bytes;  /* working directory */
  uint16_t arguments_bytes;
  uint16_t group_bytes;      /* cgroup's last name */
  uint16_t pad;
  /* path, script, directory, arguments, group */
};
struct pv_fork { struct pv_event event; uint32_t child; uint32_t pad; uint64_t child_started; };
struct pv_exit { struct pv_event event; uint32_t code; /* wait status */ uint32_t pad; uint64_t running_ns; /* on processors */ };
struct pv_socket { /* PV_CONNECT, PV_LISTEN */
  struct pv_event event;
  uint16_t family; /* 2 or 10 */
  uint16_t protocol; /* 6 or 17 */
  uint16_t local_port, remote_port; /* host order */
  uint8_t local[16], remote[16];
};
struct pv_module { struct pv_event event; uint16_t name_bytes; uint16_t pad[3]; /* name */ };
/* Which call wanted other credentials: setuid, setgid, setreuid, setregid, setresuid, setresgid, setfsuid. */
enum pv_credentials {
  PV_U_USER = 1, PV_U_GROUP = 2, PV_U_REAL_USER = 3, PV_U_REAL_GROUP = 4, PV_U_SAVED_USER = 5, PV_U_SAVED_GROUP = 6, PV_U_FILE_USER = 7,
};
struct pv_reach { /* PV_PTRACE, PV_CREDENTIALS */
  struct pv_event event;
  uint32_t target;  /* process as the caller numbers it; of PV_CREDENTIALS the effective user or group that was asked for */
  uint32_t request; /* ptrace request; 0x10000: process_vm_writev, 0x10001: process_vm_readv, 0x10002: /proc/PID/mem; enum pv_credentials */
  uint64_t target_started; /* 0: not known */
};
struct pv_memfd { struct pv_event event; uint32_t kind; /* memfd_create's flags */ uint16_t name_bytes; uint16_t pad; /* name */ };
struct pv_bpf { struct pv_event event; uint32_t command; uint32_t program_type; };
struct pv_mount { struct pv_event event; uint32_t device; uint32_t kind; /* 1 mount, 2 umount, 3 namespace */ uint16_t path_bytes, type_bytes; uint32_t pad; /* path, type */ };
enum pv_change { PV_W_CREATE = 1, PV_W_CLOSE = 2, PV_W_RENAME = 4, PV_W_DELETE = 8, PV_W_ATTRIBUTES = 16, PV_W_FOLDER = 32, PV_W_OPEN = 64 /* only below PV_PATH kind 8 */ };
struct pv_change_event { /* PV_FILE */
  struct pv_event event;
  struct pv_file file; /* inode 0 where it is gone already */
  uint32_t change;     /* bits of enum pv_change */
  uint16_t path_bytes, old_bytes; /* old: where it was renamed from */
  /* path, old */
};

/* What happens when nobody can answer. */
enum pv_outcome { PV_O_OPEN = 0, PV_O_KNOWN = 1 /* open for what ran before, else closed */, PV_O_CLOSED = 2 };

struct pv_config {
  struct pv_header header;
  uint32_t mode;
  uint32_t libraries; /* 1: ask for libraries (OPEN_PERM) */
  uint32_t scripts;   /* 0: when executed, 1: strict, also when an interpreter opens them */
  uint32_t syscalls;  /* 1: the events of PV_PART_SYSCALLS */
  uint32_t deadline_ms;
  uint32_t agent_gone_ms; /* no pulse for so long: gone */
  uint32_t deny_ms;   /* how long a denial is remembered */
  uint8_t late, overloaded, unreadable, agent_gone, restarted, unseen; /* enum pv_outcome */
  uint8_t files;  /* 1: PV_FILE events */
  uint8_t events; /* 1: process and network events */
};
struct pv_answer {
  struct pv_header header;
  uint64_t id;
  uint32_t allow;
  uint32_t remember;  /* 0 not, 1 this file, 2 its digest on this device */
  uint32_t for_ms;    /* 0: until it changes */
  uint32_t kind;      /* 1 core, 2 verdict, 3 lineage, 4 exception */
  uint16_t notice_bytes; /* for the asker's terminal; printable ASCII or UTF-8 and newlines only, the sensor checks */
  uint16_t pad[3];
  /* notice */
};
struct pv_digest { struct pv_header header; uint8_t digest[32]; uint32_t allow; uint32_t for_ms; uint32_t kind; uint16_t notice_bytes; uint16_t pad; /* notice */ };
struct pv_path { struct pv_header header; uint32_t kind; /* 1 core, 5 ran before, 6 an interpreter, 7 the agent's own: core, and allowed; 8 tell when this file, or one in this folder, is opened; 9 core, and a package manager that keeps the core up to date */ uint16_t path_bytes; uint16_t pad; /* absolute path */ };
struct pv_forget { struct pv_header header; uint8_t digest[32]; uint32_t all; uint32_t pad; };
struct pv_pulse { struct pv_header header; uint64_t time; };
struct pv_guard { struct pv_header header; uint32_t pid; /* or 0 */ uint16_t path_bytes; uint16_t pad; /* file or folder */ };
struct pv_stop { struct pv_header header; uint32_t open; /* 1: leave the gate open behind; 0: pinned enforcement stays */ uint32_t pad; };
