/* The maps of the gate and the one question all its programs ask: may this file's pages run? */
#pragma once
#include "file.h"
#include "path.h"
#include "process.h"

char LICENSE[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct gate_settings);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, GATE_ANSWERS);
  __type(key, struct gate_key);
  __type(value, struct gate_answer);
} answers SEC(".maps");

/* Superblocks under the gate. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, GATE_DEVICES);
  __type(key, u32);
  __type(value, u32);
} devices SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
} scope SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, GATE_COUNTERS);
  __type(key, u32);
  __type(value, u64);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 18);
} events SEC(".maps");

struct scratch {
  struct gate_event event;
  char path[GATE_PATH + PATH_NAME];
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

inlined struct gate_settings *settings_now(void) {
  u32 first = 0;
  return bpf_map_lookup_elem(&settings, &first);
}

inlined void count(u32 counter) {
  u64 *value = bpf_map_lookup_elem(&counters, &counter);
  if (value) *value += 1;
}

inlined bool in_scope(const struct gate_settings *now) { return !now->scoped || bpf_current_task_under_cgroup(&scope, 0) == 1; }

inlined bool answered(const struct gate_settings *now, const struct gate_key *key, struct inode *inode) {
  struct gate_answer *answer = bpf_map_lookup_elem(&answers, key);
  return answer && answer->allowed && answer->allowed == answer->generation && answer->epoch == now->epoch &&
         answer->incarnation == BPF_CORE_READ(inode, i_generation);
}

/* Most files have their answer: found out without a call for each field. False: to be looked at closely. */
inlined bool known_answered(const struct gate_settings *now, struct inode *inode) {
  struct gate_key key;
  known_inode_key(&key, inode);
  struct gate_answer *answer = bpf_map_lookup_elem(&answers, &key);
  if (!answer || !answer->allowed || answer->allowed != answer->generation || answer->epoch != now->epoch ||
      answer->incarnation != inode->i_generation || inode->i_sb->s_magic == MAGIC_OVERLAY)
    return false;
  count(GATE_CHECKED);
  return true;
}

/* An event with its process, place and zeros; the caller fills in the rest and calls event_send. */
inlined struct scratch *event_begin(u32 kind, u32 access) {
  u32 first = 0;
  struct scratch *scratch = bpf_map_lookup_elem(&scratches, &first);
  if (!scratch) return 0;
  struct gate_event *event = &scratch->event;
  __builtin_memset(event, 0, sizeof *event);
  event->time = bpf_ktime_get_boot_ns();
  event->kind = kind;
  event->access = access;
  process_of(&event->who, (void *)bpf_get_current_task());
  return scratch;
}

inlined void event_send(struct scratch *scratch) {
  /* Read again from memory, so that the compiler keeps the bound where the verifier looks for it. */
  u64 bytes = *(volatile u32 *)&scratch->event.path_bytes + sizeof scratch->event;
  if (bytes > sizeof *scratch) bytes = sizeof scratch->event;
  if (bpf_ringbuf_output(&events, scratch, bytes, 0) != 0) count(GATE_DROPPED);
}

/* Out of line: it is the rare end of every check, and the walk is long. */
static __noinline int tell_refused(struct file *file, struct inode *inode, u64 what) {
  u32 access = what & 0xff, cause = what >> 8 & 0xff, refused = what >> 16 & 1, overlay = what >> 17 & 1;
  struct scratch *scratch = event_begin(GATE_REFUSED, access);
  if (!scratch) return 0;
  struct gate_event *event = &scratch->event;
  struct gate_key key;
  inode_key(&key, inode);
  u32 links = BPF_CORE_READ(inode, i_nlink);
  key_file(&event->file, &key, links);
  event->cause = cause;
  event->refused = refused;
  u32 flags = overlay ? PV_F_OVERLAY : 0;
  if (!links) flags |= PV_F_UNLINKED;
  if (!links && BPF_CORE_READ(inode, i_sb, s_magic) == MAGIC_TMPFS) flags |= PV_F_MEMFD;
  event->path_bytes = path_components(&file->f_path, scratch->path, &flags);
  event->flags = flags;
  event_send(scratch);
  return 0;
}

/* Did this process begin before this moment, which is not long ago? */
inlined bool began_before(u64 since) {
  if (!since || bpf_ktime_get_boot_ns() - since > GATE_EARLY_NS) return false;
  struct task_struct *task = (void *)bpf_get_current_task();
  return BPF_CORE_READ(task, group_leader, start_boottime) < since;
}

/*
 * Answers were forgotten a moment ago, and this process is older: it may have been asked about before that, and stand between the answer and
 * this check. What it opens from then on is asked about.
 */
static __noinline bool answered_before(const struct gate_settings *now, const struct gate_key *key, struct inode *inode) {
  struct gate_answer *answer = bpf_map_lookup_elem(&answers, key);
  return answer && answer->allowed && answer->allowed == answer->generation && answer->epoch >= now->kept_epoch && began_before(now->forgotten) &&
         answer->incarnation == BPF_CORE_READ(inode, i_generation);
}

/* False: it must not run. Told and counted here; what refusing means is the caller's. */
static __noinline bool may_run(const struct gate_settings *now, struct file *file, u32 access) {
  u32 overlay = 0;
  struct inode *inode = real_inode(file, &overlay);
  bool hidden = !inode; /* deeper than overlays go: told by what is seen, and never answered for */
  if (hidden) inode = BPF_CORE_READ(file, f_inode);
  struct gate_key key;
  inode_key(&key, inode);
  count(GATE_CHECKED);
  if ((!hidden && answered(now, &key, inode)) || !in_scope(now)) return true;
  /* An overlay is marked by itself: its files are asked about there. */
  u32 device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
  bool marked = !hidden && bpf_map_lookup_elem(&devices, &device) != 0;
  if (!hidden && now->forgotten && answered_before(now, &key, inode)) return true;
  u64 beat = now->beat, time = bpf_ktime_get_ns();
  bool gone = now->stale_ns && time > beat && time - beat > now->stale_ns;
  /*
   * The gate was turned on a moment ago, and this process is older: it may have opened the file when nobody asked yet. What it can run now it
   * could have run before.
   */
  bool early = !gone && marked && began_before(now->since);
  u32 cause = gone ? PV_C_AGENT_GONE : marked && !early ? PV_C_CHANGED : PV_C_UNSEEN;
  u32 outcome = gone ? now->gone : early ? PV_O_OPEN : marked ? PV_O_CLOSED : now->unseen;
  /* What ran before has its answer: the rest is new. */
  u32 refused = outcome != PV_O_OPEN;
  count(refused ? GATE_KILLED : GATE_OPENED);
  tell_refused(file, inode, access | cause << 8 | refused << 16 | (u64)overlay << 17);
  return !refused;
}
