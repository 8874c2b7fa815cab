/* What bpf/telemetry.bpf.c and telemetry.c have in common: settings, counts, and how an exec's strings come through the ring. */
#pragma once
#include "record.h"

#define TELEMETRY_RING (2u << 20) /* bytes, on a small machine; the process maps them twice */
#define TELEMETRY_KINDS 32u       /* enum pv_type of events, all below */
#define TELEMETRY_PATH 4096u      /* bytes of one path; a power of two */
#define TELEMETRY_NAME 256u       /* bytes of one name in it, with its NUL */
#define TELEMETRY_TEXT 16384u     /* where the last string may begin */
#define TELEMETRY_CALLS 512u      /* system call numbers below are looked at */

/* One entry, mapped into the sensor: it writes, the programs read, but for `waiting`. */
struct telemetry_settings {
  uint32_t waiting;       /* 1: the reader sleeps and wants to be woken by the next record, which clears it */
  uint32_t sensor;        /* process numbers that are left out; 0: nobody */
  uint32_t agent;
  uint32_t scoped;        /* 1: only tasks under the control group in `scope` */
  uint32_t tcp_by_cgroup; /* 1: no state changes of sockets are seen, so a connect says it for TCP too */
  uint32_t enough;        /* bytes in the ring that wake the reader in any case */
  uint64_t root_mount;    /* the sensor's own root folder, as addresses that only serve to compare */
  uint64_t root_folder;
};

/* Of one processor. */
struct telemetry_counts {
  uint64_t sequence;
  uint64_t lost[TELEMETRY_KINDS]; /* by type: no room in the ring */
};

/*
 * An exec comes through the ring as struct pv_exec and its strings in another order: path, script, directory, group, arguments. Path and
 * directory are names leaf first, each with its NUL ("true", "bin", "usr"): as many bytes as "/usr/bin/true". `pad` is 1 where the process
 * has the sensor's own root folder.
 */

/* What a system call is, by its number on this machine. 0: nothing to tell. */
enum telemetry_call {
  CALL_NONE, CALL_MEMFD, CALL_PTRACE, CALL_WRITE_MEMORY, CALL_READ_MEMORY, CALL_BPF, CALL_MOUNT, CALL_MOVE_MOUNT, CALL_PIVOT, CALL_UMOUNT,
  CALL_UNSHARE, CALL_SETNS, CALL_CLONE, CALL_CLONE3, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CALL_USER,
};
