/*
 * Programs of tier B: raw and BTF tracepoints, which every kernel since 5.8 lets root attach. They cannot refuse; they end the process
 * before its new program's first instruction, because a signal is delivered before the return to user mode.
 */
#include "check.h"
#include "mapping.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, GATE_SLOTS);
  __type(key, u32);
  __type(value, struct gate_slot);
} slots SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, GATE_PROCESSES);
  __type(key, u32);
  __type(value, struct gate_process);
} processes SEC(".maps");

/* Mount namespaces that were told, and when in milliseconds. */
#define NAMESPACE_MS 200
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, u32);
  __type(value, u32);
} namespaces SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, GATE_GUARDED);
  __type(key, u32);
  __type(value, u64);
} guarded_processes SEC(".maps");

/* Run by the sensor in its own name: what the checks will see behind one of its open files. */
SEC("raw_tp/task_rename")
int gate_file(struct bpf_raw_tracepoint_args *arguments) {
  u32 number = arguments->args[0], place = arguments->args[1], ask = arguments->args[2];
  struct gate_slot *slot = bpf_map_lookup_elem(&slots, &place);
  struct gate_settings *now = settings_now();
  struct file *file = file_of_number(number);
  if (!slot || !now || !file) return EBADF;
  u32 overlay = 0;
  struct inode *inode = real_inode(file, &overlay);
  if (!inode) return EBADF;
  struct gate_key key;
  inode_key(&key, inode);
  u32 incarnation = BPF_CORE_READ(inode, i_generation);
  struct gate_answer fresh = {.generation = 1, .allowed = 0, .epoch = now->epoch, .incarnation = incarnation};
  struct gate_answer *answer = bpf_map_lookup_elem(&answers, &key);
  if (ask != GATE_IDENTIFY && !answer) {
    /* An int: before Linux 6.4 the upper half of what this gives back is not the sign's. */
    int failed = (int)bpf_map_update_elem(&answers, &key, &fresh, BPF_NOEXIST);
    answer = bpf_map_lookup_elem(&answers, &key);
    /* No memory at this moment is no full map: the next try may find some. */
    if (!answer) return failed == -E2BIG ? ENOSPC : EAGAIN;
  }
  if (ask != GATE_IDENTIFY && answer->incarnation != incarnation) {
    answer->allowed = 0;
    __sync_fetch_and_add(&answer->generation, 1);
    answer->incarnation = incarnation;
  }
  if (ask == GATE_ALLOW) {
    const struct gate_key *then = &slot->key;
    if (then->inode != key.inode || then->ctime != key.ctime || then->bytes != key.bytes || then->device != key.device) return ESTALE;
    /* A mapping that has been written through once can go on without moving the change time: no answer while somebody has one. */
    if (BPF_CORE_READ(inode, i_writecount.counter) > 0) return ETXTBSY;
    /* The generation of before hashing: where a writer has come since, the two differ and the check goes on refusing. */
    u64 generation = slot->generation ? slot->generation : answer->generation;
    answer->epoch = now->epoch;
    answer->allowed = generation;
    return answer->generation == generation ? 0 : ESTALE;
  }
  slot->key = key;
  slot->links = BPF_CORE_READ(inode, i_nlink);
  slot->overlay = overlay;
  slot->own_inode = BPF_CORE_READ(file, f_inode, i_ino);
  slot->own_device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
  slot->fine = ctime_looked_at(inode);
  slot->writers = BPF_CORE_READ(inode, i_writecount.counter) > 0;
  slot->generation = answer ? answer->generation : 0;
  slot->allowed = answered(now, &key, inode);
  return 0;
}

inlined struct gate_process *process_place(u32 number) {
  u32 place = number & (GATE_PROCESSES - 1);
  return bpf_map_lookup_elem(&processes, &place);
}

/* `task` as the verifier knows it: nearly every program starts where the sensor itself lives, and that is found out without a call. */
inlined void see_namespace(struct task_struct *task) {
  struct gate_settings *set = settings_now();
  u32 number = task->nsproxy->mnt_ns->ns.inum;
  if (!number || !set || number == set->namespace) return;
  u32 now = bpf_ktime_get_ns() / 1000000;
  u32 *told = bpf_map_lookup_elem(&namespaces, &number);
  /* Told again after a while: numbers come again, and whoever was told of may have been gone already. */
  if (told && now - *told < NAMESPACE_MS) return;
  bpf_map_update_elem(&namespaces, &number, &now, BPF_ANY);
  struct scratch *scratch = event_begin(GATE_NAMESPACE, 0);
  if (!scratch) return;
  scratch->event.target = BPF_CORE_READ(task, tgid);
  scratch->event.detail = number;
  event_send(scratch);
}

/* The program, and the file that its first instruction lies in: the dynamic linker is opened by name too, and runs before it. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(gate_exec, struct task_struct *task, pid_t old, struct linux_binprm *program) {
  struct gate_settings *now = settings_now();
  if (!now || now->mode < PV_HOLD) return 0;
  if (!known_answered(now, program->file->f_inode) && !may_run(now, program->file, PV_A_EXEC)) {
    bpf_send_signal(SIGKILL);
    return 0;
  }
  struct pt_regs *registers = (void *)bpf_task_pt_regs(task);
  unsigned long first = PT_REGS_IP(registers);
  if (first >= task->mm->start_code && first < task->mm->end_code) return 0;
  struct mapping mapping = {.found = 0};
  bpf_find_vma(task, first, note_mapping, &mapping, 0); /* nobody else has this memory yet: its lock is free */
  struct file *linker = mapping.file;
  if (linker && !may_run(now, linker, PV_A_LIBRARY)) bpf_send_signal(SIGKILL);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(gate_program, struct task_struct *task, pid_t old, struct linux_binprm *program) {
  struct gate_process *entry = process_place(task->tgid);
  struct inode *inode = program->file->f_inode;
  u32 overlay = 0;
  see_namespace(task);
  if (!entry) return 0;
  entry->number = 0;
  known_process(&entry->process, task);
  struct gate_key key;
  if (inode->i_sb->s_magic == MAGIC_OVERLAY) {
    inode = real_inode(program->file, &overlay);
    if (inode) inode_key(&key, inode);
    else __builtin_memset(&key, 0, sizeof key);
    key_file(&entry->program, &key, 1);
  } else {
    known_inode_key(&key, inode);
    key_file(&entry->program, &key, inode->i_nlink);
  }
  barrier();
  entry->number = task->tgid;
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(gate_fork, struct task_struct *parent, struct task_struct *child) {
  if (child->tgid == parent->tgid) return 0; /* a thread */
  if (child->nsproxy != parent->nsproxy) see_namespace(child);
  struct gate_process *entry = process_place(child->tgid), *of_parent = process_place(parent->tgid);
  if (!entry || !of_parent || entry == of_parent) return 0;
  entry->number = 0;
  known_process(&entry->process, child);
  if (of_parent->number == (u32)parent->tgid)
    entry->program = of_parent->program;
  else
    __builtin_memset(&entry->program, 0, sizeof entry->program);
  barrier();
  entry->number = child->tgid;
  return 0;
}

/* Signals at who is guarded: seen, not refused. */
SEC("tp_btf/signal_generate")
int BPF_PROG(gate_signal, int number, struct kernel_siginfo *info, struct task_struct *target) {
  if (number == SIGCHLD || (unsigned long)info == 1) return 0; /* of a child's end; the kernel's own */
  u32 pid = target->tgid;
  u64 *started = bpf_map_lookup_elem(&guarded_processes, &pid);
  if (!started || *started != target->group_leader->start_boottime / CLOCK_TICKS_NS) return 0;
  struct gate_settings *now = settings_now();
  u32 sender = bpf_get_current_pid_tgid() >> 32;
  if (!now || sender == now->sensor || bpf_map_lookup_elem(&guarded_processes, &sender)) return 0;
  struct scratch *scratch = event_begin(GATE_TAMPER, PV_T_SIGNAL);
  if (!scratch) return 0;
  scratch->event.target = pid;
  scratch->event.detail = number;
  event_send(scratch);
  return 0;
}

/*
 * Files mapped executable, while libraries are gated. Before the call: what the arguments name. After it: what is really there, because
 * another thread can put a different file behind the number in between.
 */
SEC("tp_btf/sys_enter")
int BPF_PROG(gate_call, struct pt_regs *registers, long number) {
  u32 kind = mapping_call(number);
  if (kind != CALL_MAP && kind != CALL_PROTECT && kind != CALL_REMAP) return 0;
  struct gate_settings *now = settings_now();
  /* Pages that are mapped anew keep their protection, but that readable may imply executable by now. */
  unsigned long protection = kind == CALL_REMAP ? PROT_READ : PT_REGS_PARM3_CORE_SYSCALL(registers);
  if (!now || now->mode < PV_HOLD || !now->libraries || !becomes_executable(protection)) return 0;
  if (kind != CALL_MAP) return protect_range(now, PT_REGS_PARM1_CORE_SYSCALL(registers), PT_REGS_PARM2_CORE_SYSCALL(registers), true);
  if (PT_REGS_PARM4_CORE_SYSCALL(registers) & MAP_ANONYMOUS) return 0;
  struct file *file = file_of_number((u32)PT_REGS_PARM5_CORE_SYSCALL(registers));
  if (file && !may_run(now, file, PV_A_LIBRARY)) bpf_send_signal(SIGKILL);
  return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(gate_returned, struct pt_regs *registers, long result) {
  u32 kind = mapping_call(call_number(registers));
  if (kind == CALL_OTHER || (unsigned long)result >= -4095ul) return 0;
  struct gate_settings *now = settings_now();
  if (!now || now->mode < PV_HOLD || !now->libraries) return 0;
  if (kind == CALL_CONTROL || kind == CALL_CONTROL_32) return forget_opened(argument(registers, kind, 2), result);
  if (kind == CALL_PROTECT || kind == CALL_PROTECT_32) {
    if (!becomes_executable(argument(registers, kind, 3))) return 0;
    return protect_range(now, argument(registers, kind, 1), argument(registers, kind, 2), false);
  }
  if (kind == CALL_REMAP || kind == CALL_REMAP_32) return protect_range(now, argument(registers, kind, 1), argument(registers, kind, 2), false);
  struct mapping mapping = {.found = 0};
  if (!find_mapping((unsigned long)result, &mapping) || !mapping.file || !(mapping.flags & VM_EXEC)) return 0;
  if (!may_run(now, mapping.file, PV_A_LIBRARY)) bpf_send_signal(SIGKILL);
  return 0;
}
