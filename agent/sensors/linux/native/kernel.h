/* What the files behind kernel.c share. Nothing outside kernel*.c includes it. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "bpf/layout.h"
#include "parts.h"

enum gate_map {
  MAP_SETTINGS, MAP_ANSWERS, MAP_DEVICES, MAP_SCOPE, MAP_COUNTERS, MAP_EVENTS, MAP_SLOTS, MAP_PROCESSES, MAP_NAMESPACES,
  MAP_GUARDED_PROCESSES, MAP_GUARDED_FILES, MAP_GUARDED_OBJECTS, MAPS,
};
extern const char *const map_names[MAPS];

/* When a program is attached. */
enum gate_when { WHEN_NEVER /* run by hand */, WHEN_ALWAYS, WHEN_LIBRARIES /* only while libraries are gated */ };
enum gate_object { OBJECT_GATE, OBJECT_GUARD };
struct gate_program {
  const char *name;
  const char *without; /* what is missing where it could not be loaded */
  enum gate_object object;
  enum gate_when when;
  int tier; /* loaded when this tier is tried: PV_TIER_A, PV_TIER_B, or 0 for both */
  uint32_t part;
};
extern const struct gate_program gate_programs[];
extern const size_t gate_program_count;
#define PROGRAMS 32

struct ring_buffer;
struct kernel {
  const struct options *options;
  int maps[MAPS];           /* -1: not there */
  int programs[PROGRAMS];   /* -1: not loaded */
  int links[PROGRAMS];      /* -1: not attached */
  bool pinned;
  int tier;
  uint32_t parts;
  atomic_int next_slot;
  atomic_bool fine_times; /* some file's change time was seen to be told apart */
  struct gate_settings *settings; /* mapped */
  struct gate_slot *slots;        /* mapped */
  struct gate_process *processes; /* mapped */
  struct ring_buffer *ring;
  int processors;
  pthread_mutex_t sweeping, forgetting;
  uint64_t kept_since; /* boot nanoseconds: answers of before are forgotten for everybody */
  uint32_t beats;
  uint64_t dropped; /* events that found no room, as far as they were told */
};

int look_at(struct kernel *kernel, int fd, struct gate_slot *slot);
uint64_t count_of(struct kernel *kernel, uint32_t counter); /* enum gate_counter, over all processors */

/* kernel_load.c: each program that is wanted, by itself if need be. Lines of what is missing go to `missing`. */
bool load_programs(struct kernel *kernel, FILE *missing);
int attach_program(struct kernel *kernel, size_t program);
void detach_program(struct kernel *kernel, size_t program);
/* kernel_pins.c */
int pin_adopt(struct kernel *kernel, int maps[MAPS]); /* maps of a sensor that was here before. 0, or -errno: none fit */
void pin_everything(struct kernel *kernel, FILE *missing);
void pin_program(struct kernel *kernel, size_t program);
void pin_check(struct kernel *kernel);
void pin_remove(struct kernel *kernel, bool all);
/* kernel_events.c */
int gate_record(void *kernel, void *bytes, size_t size);
/* kernel_processes.c: those that ran before us, or whose place another has taken: from /proc, while they live. */
void seed_processes(struct kernel *kernel);
bool process_seed(struct kernel *kernel, uint32_t pid, struct pv_process *process, struct pv_file *program);
/* kernel_guard.c: what agent and sensor are protected by. */
void guard_self(struct kernel *kernel);
void guard_end(struct kernel *kernel);
