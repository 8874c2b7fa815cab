/* Calls that make pages executable, and the file behind an address of the current process. */
#pragma once
#include "check.h"

#define MAPPING_TRIES 256u  /* for the lock of a process whose other threads map too */
#define MAPPING_RANGE 1024u /* mappings looked at in one call */
#define TS_COMPAT 2

/* _32 also stands for a shared memory segment that is attached. */
enum mapping_call { CALL_OTHER, CALL_MAP, CALL_PROTECT, CALL_REMAP, CALL_MAP_32, CALL_PROTECT_32, CALL_REMAP_32, CALL_CONTROL, CALL_CONTROL_32 };
#define XFS_OPEN_BY_HANDLE ('X' << 8 | 107) /* type and number of XFS_IOC_OPEN_BY_HANDLE; its size differs for 32-bit programs */

struct mapping {
  struct file *file;
  unsigned long end;
  unsigned long flags;
  u64 found;
};

static long note_mapping(struct task_struct *task, struct vm_area_struct *area, struct mapping *mapping) {
  mapping->file = BPF_CORE_READ(area, vm_file);
  mapping->end = BPF_CORE_READ(area, vm_end);
  mapping->flags = BPF_CORE_READ(area, vm_flags);
  mapping->found = 1;
  return 0;
}

struct mapping_search {
  unsigned long address;
  struct mapping found;
};

static long try_mapping(u32 attempt, struct mapping_search *search) {
  struct mapping found = {.found = 0};
  long failed = bpf_find_vma(bpf_get_current_task_btf(), search->address, note_mapping, &found, 0);
  search->found = found;
  return failed == -EBUSY ? 0 : 1;
}

inlined bool find_mapping(unsigned long address, struct mapping *mapping) {
  struct mapping_search search = {.address = address};
  bpf_loop(MAPPING_TRIES, try_mapping, &search, 0);
  *mapping = search.found;
  return search.found.found;
}

struct protect_walk {
  unsigned long at;
  unsigned long end;
  u32 before;  /* the call has not happened yet: what is executable already stays so; after it only what is so now counts */
  u32 refused;
};

static long protect_step(u32 step, struct protect_walk *walk) {
  struct gate_settings *now = settings_now();
  struct mapping mapping = {.found = 0};
  if (!now || walk->at >= walk->end || !find_mapping(walk->at, &mapping)) {
    walk->at = walk->end;
    return 1;
  }
  walk->at = mapping.end;
  if (!mapping.file || walk->before == (mapping.flags & VM_EXEC ? 1u : 0u)) return 0;
  if (may_run(now, mapping.file, PV_A_LIBRARY)) return 0;
  walk->refused = 1;
  return 1;
}

/* Each mapping of the range. One with more than MAPPING_RANGE is refused like a file that could not be asked about. */
inlined int protect_range(const struct gate_settings *now, unsigned long from, unsigned long bytes, bool before) {
  struct protect_walk walk = {.at = from, .end = from + bytes, .before = before};
  bpf_loop(MAPPING_RANGE, protect_step, &walk, 0);
  bool unseen = walk.at < walk.end && !walk.refused && now->unseen != PV_O_OPEN && in_scope(now);
  if (walk.refused || unseen) bpf_send_signal(SIGKILL);
  return 0;
}

/* A file opened so may be written to without its change time moving: what was answered for it is forgotten while a writer has it. */
inlined int forget_opened(unsigned long request, long number) {
  if ((request & 0xffff) != XFS_OPEN_BY_HANDLE) return 0;
  struct file *file = file_of_number((u32)number);
  if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) return 0;
  struct gate_key key;
  inode_key(&key, BPF_CORE_READ(file, f_inode));
  bpf_map_delete_elem(&answers, &key);
  return 0;
}

inlined bool becomes_executable(unsigned long protection) {
  if (protection & PROT_EXEC) return true;
  struct task_struct *task = (void *)bpf_get_current_task();
  return protection & PROT_READ && BPF_CORE_READ(task, personality) & READ_IMPLIES_EXEC;
}

#if defined(__TARGET_ARCH_x86)
/* A 64-bit program can make 32-bit calls too: their numbers are others, and they are looked at after the call only. */
inlined u32 mapping_call(long number) {
  u32 call = CALL_OTHER, call_32 = CALL_OTHER;
  switch (number & ~0x40000000l) { /* x32 */
    case 9: call = CALL_MAP; break;
    case 10: case 329: call = CALL_PROTECT; break;
    case 216: call = CALL_REMAP; break;                                        /* remap_file_pages */
    case 257: call_32 = CALL_REMAP_32; break;
    case 16: case 514: call = CALL_CONTROL; break;
    case 54: call_32 = CALL_CONTROL_32; break;
    case 30: call = CALL_MAP_32; break;                                        /* shmat */
    case 90: case 117: case 192: case 397: call_32 = CALL_MAP_32; break;       /* mmap, ipc, mmap2, shmat */
    case 125: case 380: call_32 = CALL_PROTECT_32; break;                      /* mprotect, pkey_mprotect */
    default: return CALL_OTHER;                                                /* nearly all: no more is read */
  }
  return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT ? call_32 : call;
}

inlined long call_number(struct pt_regs *registers) { return (long)registers->orig_ax; }

inlined unsigned long argument(struct pt_regs *registers, u32 kind, int place) {
  if (kind == CALL_PROTECT_32 || kind == CALL_REMAP_32 || kind == CALL_CONTROL_32) {
    if (place == 1) return (u32)BPF_CORE_READ(registers, bx);
    return place == 2 ? (u32)BPF_CORE_READ(registers, cx) : (u32)BPF_CORE_READ(registers, dx);
  }
  if (place == 1) return BPF_CORE_READ(registers, di);
  return place == 2 ? BPF_CORE_READ(registers, si) : BPF_CORE_READ(registers, dx);
}
#elif defined(__TARGET_ARCH_arm64)
inlined u32 mapping_call(long number) {
  if (number == 222) return CALL_MAP;
  if (number == 226 || number == 288) return CALL_PROTECT;
  if (number == 234) return CALL_REMAP;
  if (number == 29) return CALL_CONTROL;
  return number == 196 ? CALL_MAP_32 : CALL_OTHER;
}

inlined long call_number(struct pt_regs *registers) { return (long)registers->syscallno; }

inlined unsigned long argument(struct pt_regs *registers, u32 kind, int place) {
  return place == 1 ? BPF_CORE_READ(registers, orig_x0) : BPF_CORE_READ(registers, regs[place - 1]);
}
#endif
