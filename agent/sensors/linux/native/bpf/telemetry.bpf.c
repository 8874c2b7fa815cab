/* Process and network events. Only observes: an event that finds no room is counted, nobody is ever made to wait. */
#include "types.h"
#include "file.h"
#include "process.h"
#include "telemetry.h"
#include "emit.h"
#include "walk.h"

char LICENSE[] SEC("license") = "GPL";

inlined void file_into(struct pv_file *to, struct inode *inode) {
  to->inode = BPF_CORE_READ(inode, i_ino);
  to->ctime = inode_ctime(inode);
  to->bytes = (u64)BPF_CORE_READ(inode, i_size);
  to->device = BPF_CORE_READ(inode, i_sb, s_dev);
  to->links = BPF_CORE_READ(inode, i_nlink);
}

inlined void program_into(struct pv_exec *exec, struct file *file) {
  u32 overlay = 0;
  struct inode *inode = real_inode(file, &overlay);
  __builtin_memset(&exec->file, 0, sizeof exec->file);
  __builtin_memset(&exec->script, 0, sizeof exec->script);
  if (inode) file_into(&exec->file, inode);
  if (overlay) exec->event.flags |= PV_F_OVERLAY;
  if (!inode) exec->event.flags |= PV_F_UNREADABLE;
  if (inode && exec->file.links == 0) exec->event.flags |= PV_F_UNLINKED;
  struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
  char start[8] = {};
  if (exec->file.links != 0 || BPF_CORE_READ(dentry, d_parent) != dentry) return;
  bpf_probe_read_kernel_str(start, sizeof start, BPF_CORE_READ(dentry, d_name.name));
  if (start[0] == 'm' && start[1] == 'e' && start[2] == 'm' && start[3] == 'f' && start[4] == 'd' && start[5] == ':')
    exec->event.flags |= PV_F_MEMFD;
}

/* What the kernel calls to let go of a file, once the process that closed it goes back to its own code. 0: not to be had. */
extern const void ____fput __ksym __weak;
#define FILE_OPENED_TO_EXECUTE 0x20 /* __FMODE_EXEC */
#define CLOSED_FILES 4096

struct file___until_6_11 { struct callback_head f_rcuhead; } __attribute__((preserve_access_index));

struct closed {
  struct callback_head *next;
  struct file *first; /* the first that was closed of those opened to execute them; the newest are met first */
};

static long look_at_closed(u32 each, void *context) {
  struct closed *closed = context;
  struct callback_head *work = closed->next;
  if (!work) return STOP;
  closed->next = BPF_CORE_READ(work, next);
  if ((void *)BPF_CORE_READ(work, func) != (void *)&____fput) return GO_ON;
  struct file *newer = 0;
  struct file___until_6_11 *older = 0;
  struct file *file = bpf_core_field_exists(newer->f_task_work) ? (void *)work - bpf_core_field_offset(newer->f_task_work)
                                                                : (void *)work - bpf_core_field_offset(older->f_rcuhead);
  if (BPF_CORE_READ(file, f_flags) & FILE_OPENED_TO_EXECUTE) closed->first = file;
  return GO_ON;
}

/*
 * The script, or whatever else an interpreter was started for. The exec has closed it by now, but what a process closes waits for its way
 * back to its own code: it is the first one closed. By the time the sensor reads of it, its path may lead to another file or nowhere, and
 * the process may be gone with its root.
 */
inlined void script_into(struct pv_exec *exec, struct task_struct *task, struct linux_binprm *called) {
  struct closed closed = {BPF_CORE_READ(task, task_works), BPF_CORE_READ(called, executable)};
  if (!closed.first && &____fput) {
    bpf_loop(CLOSED_FILES, look_at_closed, &closed, 0);
    if (closed.next) return; /* so many were closed that the first was not reached */
  }
  u32 overlay = 0;
  struct inode *inode = closed.first ? real_inode(closed.first, &overlay) : 0;
  if (inode) file_into(&exec->script, inode);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old, struct linux_binprm *called) {
  struct telemetry_settings *set = settings_of();
  struct exec_draft *draft = draft_of();
  if (!set || !draft || !wanted(set)) return 0;
  struct pv_exec *exec = &draft->exec;
  struct file *file = BPF_CORE_READ(called, file);
  begin(&exec->event, PV_EXEC, sizeof *exec, task);
  program_into(exec, file);
  if (BPF_CORE_READ_BITFIELD_PROBED(called, secureexec)) exec->event.flags |= PV_F_SETID;
  exec->argument_count = BPF_CORE_READ(called, argc);

  const char *name = BPF_CORE_READ(called, filename);
  if (BPF_CORE_READ(called, interp) != name) {
    exec->event.flags |= PV_F_SCRIPT;
    script_into(exec, task, called);
  }
  struct fs_struct *folders = BPF_CORE_READ(task, fs);
  const struct path *root = (void *)folders + bpf_core_field_offset(struct fs_struct, root);
  u32 used = walk(draft, 0, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), root);
  exec->path_bytes = used;
  exec->pad = BPF_CORE_READ(root, mnt) == (void *)set->root_mount && BPF_CORE_READ(root, dentry) == (void *)set->root_folder;

  long wrote = bpf_probe_read_kernel_str(draft->text + (used & (TELEMETRY_TEXT - 1)), TELEMETRY_PATH, name);
  exec->script_bytes = wrote > 0 ? wrote - 1 : 0;
  used += exec->script_bytes;

  u32 before = used;
  used = walk(draft, used, BPF_CORE_READ(folders, pwd.dentry), BPF_CORE_READ(folders, pwd.mnt), root);
  exec->directory_bytes = used - before;

  wrote = bpf_probe_read_kernel_str(draft->text + (used & (TELEMETRY_TEXT - 1)), TELEMETRY_NAME,
                                    BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name));
  exec->group_bytes = wrote > 0 ? wrote - 1 : 0;
  used += exec->group_bytes;

  u64 first = BPF_CORE_READ(task, mm, arg_start);
  u64 bytes = BPF_CORE_READ(task, mm, arg_end) - first;
  if (bytes > PV_MAX_ARGS) {
    bytes = PV_MAX_ARGS;
    exec->event.flags |= PV_F_ARGS_CUT;
  }
  if (used >= TELEMETRY_TEXT || bpf_probe_read_user(draft->text + (used & (TELEMETRY_TEXT - 1)), bytes, (void *)first)) {
    bytes = 0;
    exec->event.flags |= PV_F_ARGS_CUT;
  }
  exec->arguments_bytes = bytes;
  u64 size = sizeof *exec + used + bytes;
  if (size > sizeof *exec + sizeof draft->text) return 0;
  exec->event.header.size = size;
  if (bpf_ringbuf_output(&ring, draft, size, wake(set, exec->event.sequence))) lost(PV_EXEC);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
  struct telemetry_settings *set = settings_of();
  if (child->pid != child->tgid || !set || !wanted(set)) return 0;
  struct pv_fork *made = room(PV_FORK, sizeof *made);
  if (!made) return 0;
  begin(&made->event, PV_FORK, sizeof *made, parent);
  made->child = child->tgid;
  made->pad = 0;
  made->child_started = child->start_boottime;
  bpf_ringbuf_submit(made, wake(set, made->event.sequence));
  return 0;
}

inlined int tell_exit(struct telemetry_settings *set, struct task_struct *task) {
  struct pv_exit *ended = room(PV_EXIT, sizeof *ended);
  if (!ended) return 0;
  begin(&ended->event, PV_EXIT, sizeof *ended, task);
  struct task_struct *leader = BPF_CORE_READ(task, group_leader);
  struct signal_struct *shared = BPF_CORE_READ(task, signal);
  ended->code = BPF_CORE_READ(shared, flags) & SIGNAL_GROUP_EXIT ? BPF_CORE_READ(shared, group_exit_code) : BPF_CORE_READ(leader, exit_code);
  ended->pad = 0;
  /* The time of threads that are gone is summed up; the leader waits for them and is not in it yet. */
  u64 running = BPF_CORE_READ(shared, sum_sched_runtime) + BPF_CORE_READ(task, se.sum_exec_runtime);
  if (leader != task) running += BPF_CORE_READ(leader, se.sum_exec_runtime);
  ended->running_ns = running;
  bpf_ringbuf_submit(ended, wake(set, ended->event.sequence));
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task, bool last) {
  struct telemetry_settings *set = settings_of();
  return last && set && wanted(set) ? tell_exit(set, task) : 0;
}

/* Before 6.16 the kernel did not say which thread is the last. Two that end at once would both think so: the first one tells. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, u64);
  __type(value, u32);
} told_exits SEC(".maps");

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit_older, struct task_struct *task) {
  struct telemetry_settings *set = settings_of();
  if (BPF_CORE_READ(task, signal, live.counter) != 0 || !set || !wanted(set)) return 0;
  u64 process = BPF_CORE_READ(task, group_leader, start_boottime) ^ ((u64)BPF_CORE_READ(task, tgid) << 40);
  u32 one = 1;
  if (bpf_map_update_elem(&told_exits, &process, &one, BPF_NOEXIST)) return 0;
  return tell_exit(set, task);
}

SEC("tp_btf/module_load")
int BPF_PROG(on_module, struct module *module) {
  struct module___named { char name[56]; } __attribute__((preserve_access_index)) *named = (void *)module;
  struct { struct pv_module module; char name[64]; } told;
  struct telemetry_settings *set = settings_of();
  if (!set || !wanted(set)) return 0;
  __builtin_memset(&told, 0, sizeof told);
  begin(&told.module.event, PV_MODULE, sizeof told.module, (void *)bpf_get_current_task());
  long wrote = bpf_probe_read_kernel_str(told.name, 56, (void *)named + bpf_core_field_offset(struct module___named, name));
  u64 bytes = wrote > 0 ? (wrote - 1) & 63 : 0;
  told.module.name_bytes = bytes;
  told.module.event.header.size = sizeof told.module + bytes;
  if (bpf_ringbuf_output(&ring, &told, sizeof told.module + bytes, wake(set, told.module.event.sequence))) lost(PV_MODULE);
  return 0;
}

/* Run once by the sensor in its own name: its number as the kernel counts, whatever namespace it lives in, and its root folder. */
SEC("raw_tp/task_rename")
int remember_self(void *context) {
  struct telemetry_settings *set = settings_of();
  struct task_struct *task = (void *)bpf_get_current_task();
  if (!set) return 0;
  set->sensor = bpf_get_current_pid_tgid() >> 32;
  set->root_mount = (u64)BPF_CORE_READ(task, fs, root.mnt);
  set->root_folder = (u64)BPF_CORE_READ(task, fs, root.dentry);
  return 0;
}
