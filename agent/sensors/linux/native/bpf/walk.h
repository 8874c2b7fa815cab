/* A path by walking its folders up to the process's root, across mounts. */
#pragma once
#include "types.h"
#include "telemetry.h"

#define WALK_NAMES 128 /* folders deep */

struct walker {
  struct dentry *dentry, *top, *root_dentry;
  struct vfsmount *mount, *root_mount;
  u32 used, limit;
  u32 whole; /* 1: the root was reached */
};

/* Too large for a stack. Nobody interrupts an exec on its processor with another exec. */
struct exec_draft {
  struct pv_exec exec;
  char text[TELEMETRY_TEXT + PV_MAX_ARGS];
  struct walker walker; /* here, where the verifier does not follow each value it can take */
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct exec_draft);
} drafts SEC(".maps");

inlined struct exec_draft *draft_of(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&drafts, &zero);
}

enum { GO_ON = 0, STOP = 1 };

/* One step up. bpf_loop wants a function: the verifier looks at it once, not once for each folder. */
static long step(u32 each, void *context) {
  struct exec_draft *draft = draft_of();
  if (!draft) return STOP;
  struct walker *walker = &draft->walker;
  struct dentry *dentry = walker->dentry;
  if (dentry == walker->root_dentry && walker->mount == walker->root_mount) {
    walker->whole = 1;
    return STOP;
  }
  struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
  if (dentry == walker->top || dentry == parent) {
    struct mount *mount = (void *)walker->mount - bpf_core_field_offset(struct mount, mnt);
    struct mount *above = BPF_CORE_READ(mount, mnt_parent);
    if (dentry == walker->top && above != mount && above) {
      walker->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
      struct vfsmount *higher = (void *)above + bpf_core_field_offset(struct mount, mnt);
      walker->top = BPF_CORE_READ(higher, mnt_root);
      walker->mount = higher;
      return GO_ON;
    }
    walker->whole = 1;
    /* A file of no folder, as memfd_create makes them, has its own name only. */
    if (each != 0 || dentry == walker->top) return STOP;
  }
  u32 used = walker->used;
  if (used > walker->limit || used >= TELEMETRY_TEXT - TELEMETRY_NAME) {
    walker->whole = 0;
    return STOP;
  }
  long wrote = bpf_probe_read_kernel_str(draft->text + (used & (TELEMETRY_TEXT - 1)), TELEMETRY_NAME, BPF_CORE_READ(dentry, d_name.name));
  if (wrote <= 0) return STOP;
  walker->used = used + wrote;
  walker->dentry = parent;
  return walker->whole ? STOP : GO_ON;
}

/*
 * Names leaf first, each with its NUL, into the draft's text from `used` on; never more than TELEMETRY_PATH bytes. Returns the new
 * `used`. What does not fit is left out, the folders nearest the root, and PV_F_PATH_CUT is set.
 */
inlined u32 walk(struct exec_draft *draft, u32 used, struct dentry *dentry, struct vfsmount *mount, const struct path *root) {
  struct walker *walker = &draft->walker;
  walker->dentry = dentry;
  walker->mount = mount;
  walker->top = BPF_CORE_READ(mount, mnt_root);
  walker->root_dentry = BPF_CORE_READ(root, dentry);
  walker->root_mount = BPF_CORE_READ(root, mnt);
  walker->used = used;
  walker->limit = used + TELEMETRY_PATH - TELEMETRY_NAME;
  walker->whole = 0;
  bpf_loop(WALK_NAMES, step, 0, 0);
  if (!walker->whole) draft->exec.event.flags |= PV_F_PATH_CUT;
  return walker->used;
}
