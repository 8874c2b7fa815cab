/* Loads and attaches the programs of telemetry, each on its own: one that the kernel refuses takes no other down. */
#pragma once
#include "parts.h"
#include "bpf/telemetry.h"

/* What a program is asked to tell; it is attached while that is wanted. */
enum program_group { GROUP_PROCESSES = 1, GROUP_NETWORK = 2, GROUP_CALLS = 4 };
enum program_name {
  ON_EXEC, ON_FORK, ON_EXIT, ON_EXIT_OLDER, ON_MODULE, ON_SOCKET, ON_CONNECT4, ON_CONNECT6, ON_CALL, ON_OPENED, PROGRAMS,
};

struct programs {
  int program[PROGRAMS]; /* descriptors, -1: not loaded */
  int link[PROGRAMS];    /* -1: not attached */
  int ring, settings_map, counts, scope_map;
  int cgroup; /* the folder whose tasks are told of, or where connects are watched */
  uint64_t missed[PROGRAMS], lost[TELEMETRY_KINDS]; /* told already */
  struct telemetry_settings *settings; /* NULL: no program could be loaded */
};

/* Each line of `missing` names a program, why it is not there, and what is not told therefore. */
void programs_open(struct programs *programs, const struct options *options, char *missing, size_t missing_bytes);
/* Attaches what belongs to `groups` (bits of enum program_group) and detaches the rest. */
void programs_attach(struct programs *programs, uint32_t groups);
bool programs_has(const struct programs *programs, enum program_name name);
/* Calls `tell` with what was lost since the last time, by type of record. */
void programs_lost(struct programs *programs, void (*tell)(uint32_t kind, uint32_t where, uint64_t count));
void programs_close(struct programs *programs);
