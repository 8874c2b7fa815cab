/*
 * System calls worth telling: memory without a file, other processes' memory, the kernel's own programs, mounts, credentials. Runs at
 * every system call of the machine, so the first thing is one look into a table. Calls of 32-bit programs have other numbers and are
 * not told of.
 */
#include "types.h"
#include "emit.h"
#include "file.h"

char LICENSE[] SEC("license") = "GPL";

/* By number: enum telemetry_call. Filled in before loading. */
const volatile uint8_t calls[TELEMETRY_CALLS] = {};

#define IS_32_BIT 2 /* TS_COMPAT */
#define NEW_MOUNTS 0x20000 /* CLONE_NEWNS */
#define MAGIC_PROC 0x9fa0

struct call_draft {
  union {
    struct pv_event event;
    struct pv_memfd memfd;
    struct pv_mount mount;
  };
  char text[TELEMETRY_PATH + TELEMETRY_NAME];
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct call_draft);
} call_drafts SEC(".maps");

/* Reaches that were told within the last second: a debugger makes thousands. */
struct reach { u32 process, target, request, pad; };
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, struct reach);
  __type(value, u64);
} reached SEC(".maps");

inlined struct task_struct *me(void) { return (void *)bpf_get_current_task(); }

inlined int tell_reach(struct telemetry_settings *set, u16 type, u32 target, u32 request) {
  struct reach key = {.process = bpf_get_current_pid_tgid() >> 32, .target = target, .request = request, .pad = type};
  u64 now = bpf_ktime_get_boot_ns();
  u64 *last = bpf_map_lookup_elem(&reached, &key);
  if (last && now - *last < 1000000000ull) return 0;
  bpf_map_update_elem(&reached, &key, &now, BPF_ANY);
  struct pv_reach *told = room(type, sizeof *told);
  if (!told) return 0;
  begin(&told->event, type, sizeof *told, me());
  told->target = target;
  told->request = request;
  told->target_started = 0;
  bpf_ringbuf_submit(told, wake(set, told->event.sequence));
  return 0;
}

inlined int tell_ptrace(struct telemetry_settings *set, u64 request, u64 target) {
  switch (request) {
    case 4: case 5: case 6:      /* POKETEXT, POKEDATA, POKEUSER */
    case 13: case 15:            /* SETREGS, SETFPREGS */
    case 16: case 0x4206:        /* ATTACH, SEIZE */
    case 0x4205:                 /* SETREGSET */
      return tell_reach(set, PV_PTRACE, target, request);
  }
  return 0;
}

inlined int tell_bpf(struct telemetry_settings *set, u64 command, u64 attributes) {
  switch (command) {
    case 5: case 6: case 7: case 8: case 9: /* PROG_LOAD, OBJ_PIN, OBJ_GET, PROG_ATTACH, PROG_DETACH */
    case 13: case 14: case 17:              /* PROG_GET_FD_BY_ID, MAP_GET_FD_BY_ID, RAW_TRACEPOINT_OPEN */
    case 28: case 29: case 30: case 34:     /* LINK_CREATE, LINK_UPDATE, LINK_GET_FD_BY_ID, LINK_DETACH */
      break;
    default: return 0;
  }
  struct pv_bpf *told = room(PV_BPF, sizeof *told);
  if (!told) return 0;
  begin(&told->event, PV_BPF, sizeof *told, me());
  told->command = command;
  told->program_type = 0;
  if (command == 5) bpf_probe_read_user(&told->program_type, sizeof told->program_type, (void *)attributes);
  bpf_ringbuf_submit(told, wake(set, told->event.sequence));
  return 0;
}

inlined struct call_draft *draft_of(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&call_drafts, &zero);
}

inlined int tell_memfd(struct telemetry_settings *set, u64 name, u64 kind) {
  struct call_draft *draft = draft_of();
  if (!draft) return 0;
  struct pv_memfd *told = &draft->memfd;
  begin(&told->event, PV_MEMFD, sizeof *told, me());
  char *text = (char *)(told + 1);
  long wrote = bpf_probe_read_user_str(text, TELEMETRY_NAME, (void *)name);
  u64 bytes = wrote > 0 ? (wrote - 1) & (TELEMETRY_NAME - 1) : 0;
  told->kind = kind;
  told->name_bytes = bytes;
  told->pad = 0;
  told->event.header.size = sizeof *told + bytes;
  if (bpf_ringbuf_output(&ring, told, sizeof *told + bytes, wake(set, told->event.sequence))) lost(PV_MEMFD);
  return 0;
}

inlined int tell_mount(struct telemetry_settings *set, u32 kind, u64 path, u64 type) {
  struct call_draft *draft = draft_of();
  if (!draft) return 0;
  struct pv_mount *told = &draft->mount;
  begin(&told->event, PV_MOUNT, sizeof *told, me());
  char *text = draft->text;
  long wrote = path ? bpf_probe_read_user_str(text, TELEMETRY_PATH, (void *)path) : 0;
  u64 bytes = wrote > 0 ? (wrote - 1) & (TELEMETRY_PATH - 1) : 0;
  told->path_bytes = bytes;
  wrote = type ? bpf_probe_read_user_str(text + bytes, TELEMETRY_NAME, (void *)type) : 0;
  told->type_bytes = wrote > 0 ? (wrote - 1) & (TELEMETRY_NAME - 1) : 0;
  bytes += told->type_bytes;
  told->device = 0;
  told->kind = kind;
  told->pad = 0;
  told->event.header.size = sizeof *told + bytes;
  if (bytes > sizeof draft->text) return 0;
  if (bpf_ringbuf_output(&ring, draft, sizeof *told + bytes, wake(set, told->event.sequence))) lost(PV_MOUNT);
  return 0;
}

inlined u64 first_word(u64 of) {
  u64 word = 0;
  bpf_probe_read_user(&word, sizeof word, (void *)of);
  return word;
}

inlined int tell_user(struct telemetry_settings *set, u32 which, u64 first, u64 second) {
  bool pair = which == PV_U_REAL_USER || which == PV_U_REAL_GROUP || which == PV_U_SAVED_USER || which == PV_U_SAVED_GROUP;
  return tell_reach(set, PV_CREDENTIALS, pair ? second : first, which);
}

inlined bool is_open(u8 call) { return call == CALL_OPEN || call == CALL_OPENAT || call == CALL_OPENAT2; }

SEC("tp_btf/sys_enter")
int BPF_PROG(on_call, struct pt_regs *registers, long number_called) {
  if ((u64)number_called >= TELEMETRY_CALLS) return 0;
  u8 call = calls[number_called & (TELEMETRY_CALLS - 1)];
  if (call == CALL_NONE || is_open(call)) return 0;
  u64 first = PT_REGS_PARM1_CORE_SYSCALL(registers), second = PT_REGS_PARM2_CORE_SYSCALL(registers);
  u64 third = PT_REGS_PARM3_CORE_SYSCALL(registers), fourth = PT_REGS_PARM4_CORE_SYSCALL(registers);
  /* What is cheap to rule out, before looking at who calls. */
  if ((call == CALL_CLONE || call == CALL_UNSHARE) && (first & NEW_MOUNTS) == 0) return 0;
#ifdef __TARGET_ARCH_x86
  if (BPF_CORE_READ(me(), thread_info.status) & IS_32_BIT) return 0;
#endif
  struct telemetry_settings *set = settings_of();
  if (!set || !wanted(set)) return 0;
  switch (call) {
    case CALL_MEMFD: return tell_memfd(set, first, second);
    case CALL_PTRACE: return tell_ptrace(set, first, second);
    case CALL_WRITE_MEMORY: return tell_reach(set, PV_PTRACE, first, 0x10000);
    case CALL_READ_MEMORY: return tell_reach(set, PV_PTRACE, first, 0x10001);
    case CALL_BPF: return tell_bpf(set, first, second);
    case CALL_MOUNT: return tell_mount(set, 1, second, third);
    case CALL_MOVE_MOUNT: return tell_mount(set, 1, fourth, 0);
    case CALL_PIVOT: return tell_mount(set, 1, first, 0);
    case CALL_UMOUNT: return tell_mount(set, 2, first, 0);
    case CALL_UNSHARE: return tell_mount(set, 3, 0, 0);
    case CALL_SETNS: return second == 0 || (second & NEW_MOUNTS) ? tell_mount(set, 3, 0, 0) : 0;
    case CALL_CLONE: return tell_mount(set, 3, 0, 0);
    case CALL_CLONE3: return first_word(first) & NEW_MOUNTS ? tell_mount(set, 3, 0, 0) : 0;
  }
  return call > CALL_USER ? tell_user(set, call - CALL_USER, first, second) : 0;
}

#if defined(__TARGET_ARCH_x86)
/* Of 32-bit calls too, which have other numbers: a 64-bit program can make them. */
inlined bool opens(struct pt_regs *registers) {
  u64 number = registers->orig_ax & ~0x40000000ull;
  bool is_32 = number == 5 || number == 295 || number == 437, is = number < TELEMETRY_CALLS && is_open(calls[number & (TELEMETRY_CALLS - 1)]);
  if (!is_32 && !is) return false;
  return BPF_CORE_READ(me(), thread_info.status) & IS_32_BIT ? is_32 : is;
}
#else
inlined bool opens(struct pt_regs *registers) {
  u64 number = registers->syscallno;
  return number < TELEMETRY_CALLS && is_open(calls[number & (TELEMETRY_CALLS - 1)]);
}
#endif

/* Another process's memory as a file of /proc, opened for writing: by the file that was opened, whatever it was called. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_opened, struct pt_regs *registers, long result) {
  if (result < 0 || !opens(registers)) return 0;
  struct file *file = file_of_number((u32)result);
  if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) return 0;
  struct inode *inode = BPF_CORE_READ(file, f_inode);
  if (BPF_CORE_READ(inode, i_sb, s_magic) != MAGIC_PROC) return 0;
  char name[8] = {};
  bpf_probe_read_kernel_str(name, sizeof name, BPF_CORE_READ(file, f_path.dentry, d_name.name));
  if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3] != 0) return 0;
  struct telemetry_settings *set = settings_of();
  if (!set || !wanted(set)) return 0;
  struct proc_inode *of = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
  return tell_reach(set, PV_PTRACE, BPF_CORE_READ(of, pid, numbers[0].nr), 0x10002);
}
