/* A file as the checks tell it apart. */
#pragma once
#include "types.h"
#include "layout.h"

struct inode___until_6_5 { struct timespec64 i_ctime; } __attribute__((preserve_access_index));
struct inode___until_6_10 { struct timespec64 __i_ctime; } __attribute__((preserve_access_index));
struct inode___since_6_11 { s64 i_ctime_sec; u32 i_ctime_nsec; } __attribute__((preserve_access_index));

/*
 * Since 6.13 the highest bit of the nanoseconds says that somebody has looked at the time (stat does, we here do not): then the next
 * change gets another one, however soon it comes. Without it a change within the same tick of the clock goes unseen.
 */
inlined bool ctime_looked_at(struct inode *inode) {
  struct inode___since_6_11 *newest = (void *)inode;
  return bpf_core_field_exists(newest->i_ctime_nsec) && BPF_CORE_READ(newest, i_ctime_nsec) & 0x80000000;
}

/* Nanoseconds since 1970. */
inlined u64 inode_ctime(struct inode *inode) {
  struct inode___since_6_11 *newest = (void *)inode;
  if (bpf_core_field_exists(newest->i_ctime_nsec))
    return (u64)BPF_CORE_READ(newest, i_ctime_sec) * 1000000000ull + (BPF_CORE_READ(newest, i_ctime_nsec) & 0x7fffffff);
  struct inode___until_6_10 *newer = (void *)inode;
  if (bpf_core_field_exists(newer->__i_ctime))
    return (u64)BPF_CORE_READ(newer, __i_ctime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(newer, __i_ctime.tv_nsec);
  struct inode___until_6_5 *old = (void *)inode;
  return (u64)BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(old, i_ctime.tv_nsec);
}

/*
 * The inode whose pages run. An overlay maps the file underneath, which it keeps in private_data: itself until 6.12, since then as the
 * first member of struct ovl_file. Overlays stack two deep.
 */
inlined struct inode *real_inode(struct file *file, u32 *overlay) {
  struct inode *inode = BPF_CORE_READ(file, f_inode);
#pragma unroll
  for (int depth = 0; depth < 3; depth++) {
    if (BPF_CORE_READ(inode, i_sb, s_magic) != MAGIC_OVERLAY) return inode;
    *overlay = 1;
    void *below = BPF_CORE_READ(file, private_data);
    if (LINUX_KERNEL_VERSION >= VERSION(6, 13)) bpf_probe_read_kernel(&below, sizeof below, below);
    if (!below) return 0;
    file = below;
    inode = BPF_CORE_READ(file, f_inode);
  }
  return 0;
}

inlined void inode_key(struct gate_key *key, struct inode *inode) {
  key->inode = BPF_CORE_READ(inode, i_ino);
  key->ctime = inode_ctime(inode);
  key->bytes = (u64)BPF_CORE_READ(inode, i_size);
  key->device = BPF_CORE_READ(inode, i_sb, s_dev);
  key->zero = 0;
}

/* The same of a pointer that the verifier knows: without a call for each field. */
inlined void known_inode_key(struct gate_key *key, struct inode *inode) {
  struct inode___since_6_11 *newest = (void *)inode;
  struct inode___until_6_10 *newer = (void *)inode;
  struct inode___until_6_5 *old = (void *)inode;
  if (bpf_core_field_exists(newest->i_ctime_nsec))
    key->ctime = (u64)newest->i_ctime_sec * 1000000000ull + (newest->i_ctime_nsec & 0x7fffffff);
  else if (bpf_core_field_exists(newer->__i_ctime))
    key->ctime = (u64)newer->__i_ctime.tv_sec * 1000000000ull + (u64)newer->__i_ctime.tv_nsec;
  else
    key->ctime = (u64)old->i_ctime.tv_sec * 1000000000ull + (u64)old->i_ctime.tv_nsec;
  key->inode = inode->i_ino;
  key->bytes = (u64)inode->i_size;
  key->device = inode->i_sb->s_dev;
  key->zero = 0;
}

inlined void key_file(struct pv_file *file, const struct gate_key *key, u32 links) {
  file->inode = key->inode;
  file->ctime = key->ctime;
  file->bytes = key->bytes;
  file->device = key->device;
  file->links = links;
}

/* The file behind a number in the caller's own table. */
inlined struct file *file_of_number(u32 number) {
  struct task_struct *task = (void *)bpf_get_current_task();
  struct fdtable *table = BPF_CORE_READ(task, files, fdt);
  if (number >= BPF_CORE_READ(table, max_fds)) return 0;
  struct file **places = BPF_CORE_READ(table, fd);
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof file, places + number);
  return file;
}
