/* The path of a file, by walking its folders up to the root of the file system and on through where it is mounted. */
#pragma once
#include "types.h"
#include "layout.h"

#define PATH_STEPS 96
#define PATH_NAME 256

struct path_walk {
  struct dentry *dentry;
  struct mount *mount;
  char *out; /* GATE_PATH + PATH_NAME bytes */
  u32 used;
  u32 ended;
};

/* A callback of bpf_loop, so that the verifier reads it once and not once for each step. */
static long path_step(u32 step, struct path_walk *walk) {
  struct dentry *dentry = walk->dentry;
  struct mount *mount = walk->mount;
  struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
  if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent) {
    struct mount *above = BPF_CORE_READ(mount, mnt_parent);
    if (above == mount) {
      walk->ended = 1;
      return 1;
    }
    walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    walk->mount = above;
    return 0;
  }
  if (walk->used > GATE_PATH - PATH_NAME) return 1;
  long wrote = bpf_probe_read_kernel_str(walk->out + (walk->used & (GATE_PATH - 1)), PATH_NAME, BPF_CORE_READ(dentry, d_name.name));
  if (wrote <= 0) return 1;
  walk->used += wrote;
  walk->dentry = parent;
  return 0;
}

/* Components leaf first, each with its NUL. Bytes written; what does not fit is left out and PV_F_PATH_CUT set. */
inlined u32 path_components(const struct path *of, char *out, u32 *flags) {
  struct vfsmount *seen = BPF_CORE_READ(of, mnt);
  struct path_walk walk = {.dentry = BPF_CORE_READ(of, dentry), .out = out};
  walk.mount = (void *)seen - bpf_core_field_offset(struct mount, mnt);
  bpf_loop(PATH_STEPS, path_step, &walk, 0);
  if (!walk.used) { /* in no folder at all: a memfd, a segment */
    struct dentry *dentry = BPF_CORE_READ(of, dentry);
    long wrote = bpf_probe_read_kernel_str(out, PATH_NAME, BPF_CORE_READ(dentry, d_name.name));
    return wrote > 1 ? wrote : 0;
  }
  if (!walk.ended) *flags |= PV_F_PATH_CUT;
  return walk.used;
}
