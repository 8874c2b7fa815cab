/* How an event gets into the ring: who is left out, its head, its number, and when the reader is woken. */
#pragma once
#include "types.h"
#include "process.h"
#include "telemetry.h"

#define SIGNAL_GROUP_EXIT 4

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, TELEMETRY_RING);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct telemetry_settings);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct telemetry_counts);
} counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
} scope SEC(".maps");

inlined struct telemetry_settings *settings_of(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&settings, &zero);
}

inlined bool someone_else(const struct telemetry_settings *set) {
  u32 process = bpf_get_current_pid_tgid() >> 32;
  return process != set->sensor && process != set->agent;
}

inlined bool wanted(const struct telemetry_settings *set) {
  if (set->scoped && bpf_current_task_under_cgroup(&scope, 0) != 1) return false;
  return someone_else(set);
}

/* Also of an event that is lost next: a gap in the numbers is a loss. */
inlined u64 number(void) {
  u32 zero = 0;
  struct telemetry_counts *count = bpf_map_lookup_elem(&counts, &zero);
  return count ? __sync_fetch_and_add(&count->sequence, 1) : 0;
}

inlined void lost(u32 kind) {
  u32 zero = 0;
  struct telemetry_counts *count = bpf_map_lookup_elem(&counts, &zero);
  if (count && kind < TELEMETRY_KINDS) __sync_fetch_and_add(&count->lost[kind], 1);
}

/* A place for a whole record, NULL where the ring is full. A macro: the verifier wants the size as a constant. */
#define room(kind, bytes) \
  ({ void *place_ = bpf_ringbuf_reserve(&ring, bytes, 0); \
     if (!place_) { number(); lost(kind); } \
     place_; })

inlined void begin(struct pv_event *event, u16 type, u16 fixed, struct task_struct *task) {
  event->header.size = fixed;
  event->header.type = type;
  event->header.fixed = fixed;
  event->time = bpf_ktime_get_boot_ns();
  event->sequence = number();
  event->cpu = bpf_get_smp_processor_id();
  event->flags = 0;
  process_of(&event->who, task);
}

/* Waking the reader for each event would cost more than the event: it comes by itself every few milliseconds while there is something. */
inlined u64 wake(struct telemetry_settings *set, u64 sequence) {
  if (set->waiting) {
    set->waiting = 0;
    return BPF_RB_FORCE_WAKEUP;
  }
  if ((sequence & 63) == 0 && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > set->enough) return BPF_RB_FORCE_WAKEUP;
  return BPF_RB_NO_WAKEUP;
}
