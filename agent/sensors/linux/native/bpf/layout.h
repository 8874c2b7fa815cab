/* What gate.bpf.c, guard.bpf.c and kernel.c have in common: keys and values of their maps, and what comes through the ring. */
#pragma once
#include "record.h"

#define GATE_LAYOUT 3u       /* changes with any struct here that lies in a pinned map */
#define GATE_ANSWERS 131072u /* files that may be remembered at once */
#define GATE_PROCESSES 16384u /* a power of two */
#define GATE_DEVICES 4096u
#define GATE_GUARDED 256u
#define GATE_SLOTS 64u       /* threads that may ask for an identity at the same time */
#define GATE_PATH 4096u
#define GATE_EARLY_NS 10000000000ull /* how long an exec may take that began before the gate was turned on */
#define CLOCK_TICKS_NS 10000000ull /* /proc tells when a process began in hundredths of a second */

/* A file's content by what changes with it: the device's number is the superblock's, on overlays that of the file underneath. */
struct gate_key {
  uint64_t inode;
  uint64_t ctime;
  uint64_t bytes;
  uint32_t device;
  uint32_t zero;
};

/* Answered with yes while `allowed` equals `generation`, which every open for writing raises (tier A). 0: never. */
struct gate_answer {
  uint64_t generation;
  uint64_t allowed;
  uint64_t epoch;
  uint32_t incarnation; /* of the inode's number: file systems give it out again at once, and a change time may be the same tick's */
  uint32_t zero;
};

/* One entry, mapped into the sensor: it writes the fields directly, the programs only read them. */
struct gate_settings {
  uint64_t beat;       /* monotonic nanoseconds of the sensor's last sign of life */
  uint64_t stale_ns;   /* after so long the sensor is taken for gone; 0: never */
  uint64_t epoch;      /* answers of another one are forgotten */
  uint64_t forgotten;  /* boot nanoseconds: when answers were forgotten last; 0: never */
  uint64_t kept_epoch; /* answers since this one still count for a process that is older than that */
  uint64_t since;      /* boot nanoseconds: the checks are this strict since then, and every opening before was asked about since */
  uint32_t layout;     /* GATE_LAYOUT */
  uint32_t mode;       /* enum pv_mode */
  uint32_t libraries;  /* files that are mapped executable are checked too */
  uint32_t unseen;     /* enum pv_outcome, for what no part could ask about */
  uint32_t gone;       /* enum pv_outcome, while the sensor is gone */
  uint32_t scoped;     /* only tasks under the control group in `scope` are ever refused */
  uint32_t guards;     /* something is guarded */
  uint32_t sensor;     /* its process number: the guard does not hold against it */
  uint32_t sensor_device;
  uint64_t sensor_inode; /* its program: so the next sensor may take over */
  uint32_t namespace;  /* mount namespace that it sees */
  uint32_t zero;
};

enum gate_counter { GATE_CHECKED, GATE_KILLED, GATE_DROPPED, GATE_OPENED, GATE_WRITERS, GATE_COUNTERS };

/* What the sensor asks of `gate_file`, run in its own name by BPF_PROG_TEST_RUN: it looks at an open file as the checks will. */
enum gate_ask { GATE_IDENTIFY, GATE_GENERATION, GATE_ALLOW };
struct gate_slot {
  struct gate_key key;
  uint64_t generation;
  uint32_t links;
  uint32_t allowed; /* the check would let it pass now */
  uint32_t overlay; /* the file lies under an overlay */
  uint32_t own_device; /* of the open file itself: on an overlay the overlay's */
  uint64_t own_inode;
  uint32_t fine;    /* whatever changes the file from now on changes its ctime */
  uint32_t writers; /* somebody has it open for writing */
};

enum gate_object_kind { GATE_OBJECT_MAP = 1, GATE_OBJECT_LINK = 2 };
struct gate_guarded_object {
  uint32_t kind;
  uint32_t number;
};

/*
 * Who ran as a process number, and which program. At the place of the number's lower bits, so that it is kept after the end until as many
 * processes have begun; `number` is 0 while it is written.
 */
struct gate_process {
  uint32_t number;
  uint32_t zero;
  struct pv_process process;
  struct pv_file program; /* inode 0: not known */
};

enum gate_event_kind { GATE_REFUSED = 1, GATE_TAMPER = 2, GATE_NAMESPACE = 3 };
struct gate_event {
  uint64_t time; /* since boot */
  struct pv_process who;
  struct pv_file file;
  uint32_t kind;    /* enum gate_event_kind */
  uint32_t access;  /* enum pv_access; of tampering: enum pv_tamper_what */
  uint32_t cause;   /* enum pv_cause */
  uint32_t refused; /* 1: killed or refused */
  uint32_t flags;   /* PV_F_* */
  uint32_t target;
  uint32_t detail;
  uint32_t path_bytes; /* of the path that follows: components leaf first, each with its NUL */
};
