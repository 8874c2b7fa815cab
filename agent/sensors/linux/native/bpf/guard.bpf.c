/*
 * Programs of tier A: hooks of the BPF LSM, which refuse. First those of the gate: an exec, a mapping, and every open for writing, which
 * takes the answer away. Then those that guard agent and sensor, their files and pins.
 */
#include "check.h"

#define PTRACE_MODE_ATTACH 2
#define SIGCONT 18
#define FOLDERS 12 /* above a file, as far as a guarded folder is looked for */
#define BPF_LINK_GET 30
#define GUARD_ENDS_NS 60000000000ull

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, GATE_GUARDED);
  __type(key, u32);
  __type(value, u64);
} guarded_processes SEC(".maps");

/* Files and folders, by inode and device; a device by itself with inode 0. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 2 * GATE_GUARDED);
  __type(key, struct gate_key);
  __type(value, u32);
} guarded_files SEC(".maps");

/* Our maps and links by number, so that nobody else takes hold of them. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, GATE_GUARDED);
  __type(key, struct gate_guarded_object);
  __type(value, u32);
} guarded_objects SEC(".maps");

SEC("lsm/bprm_check_security")
int BPF_PROG(guard_exec, struct linux_binprm *program) {
  struct gate_settings *now = settings_now();
  if (!now || now->mode < PV_HOLD) return 0;
  return may_run(now, program->file, PV_A_EXEC) ? 0 : -EPERM;
}

SEC("lsm/mmap_file")
int BPF_PROG(guard_map, struct file *file, unsigned long asked, unsigned long protection) {
  struct gate_settings *now = settings_now();
  if (!file || !(protection & PROT_EXEC) || !now || now->mode < PV_HOLD || !now->libraries) return 0;
  return may_run(now, file, PV_A_LIBRARY) ? 0 : -EPERM;
}

SEC("lsm/file_mprotect")
int BPF_PROG(guard_protect, struct vm_area_struct *area, unsigned long asked, unsigned long protection) {
  struct gate_settings *now = settings_now();
  if (!(protection & PROT_EXEC) || !now || now->mode < PV_HOLD || !now->libraries) return 0;
  struct file *file = BPF_CORE_READ(area, vm_file);
  if (!file || BPF_CORE_READ(area, vm_flags) & VM_EXEC) return 0;
  return may_run(now, file, PV_A_LIBRARY) ? 0 : -EPERM;
}

struct folder_walk {
  struct dentry *dentry;
  u32 guarded;
};

inlined bool inode_guarded(struct inode *inode) {
  struct gate_key key = {.inode = 0};
  key.inode = BPF_CORE_READ(inode, i_ino);
  key.device = BPF_CORE_READ(inode, i_sb, s_dev);
  return bpf_map_lookup_elem(&guarded_files, &key) != 0;
}

static long folder_step(u32 step, struct folder_walk *walk) {
  struct dentry *dentry = walk->dentry;
  struct inode *inode = BPF_CORE_READ(dentry, d_inode);
  if (inode && inode_guarded(inode)) {
    walk->guarded = 1;
    return 1;
  }
  walk->dentry = BPF_CORE_READ(dentry, d_parent);
  return walk->dentry == dentry ? 1 : 0;
}

/* Itself, or a folder above it. */
static __noinline bool under_guard(struct dentry *dentry) {
  struct folder_walk walk = {.dentry = dentry};
  if (!dentry) return false;
  bpf_loop(FOLDERS, folder_step, &walk, 0);
  return walk.guarded;
}

inlined bool process_guarded(struct task_struct *task) {
  u32 pid = BPF_CORE_READ(task, tgid);
  u64 *started = bpf_map_lookup_elem(&guarded_processes, &pid);
  return started && *started == BPF_CORE_READ(task, group_leader, start_boottime) / CLOCK_TICKS_NS;
}

/*
 * Agent and sensor may; the sensor that comes next is known by its program. One that was killed and replaced by another version is not: so
 * that nobody is locked out for ever, what nobody has stood behind for a minute is no longer guarded. In a test only its own tasks are held.
 */
static __noinline bool may_reach(const struct gate_settings *now) {
  struct task_struct *task = (void *)bpf_get_current_task();
  if ((uint32_t)BPF_CORE_READ(task, tgid) == now->sensor || process_guarded(task) || !in_scope(now)) return true;
  u64 time = bpf_ktime_get_ns(), beat = now->beat;
  if (time > beat && time - beat > GUARD_ENDS_NS) return true;
  struct file *program = BPF_CORE_READ(task, mm, exe_file);
  if (!program) return true; /* a kernel thread */
  struct inode *inode = BPF_CORE_READ(program, f_inode);
  return BPF_CORE_READ(inode, i_ino) == now->sensor_inode && BPF_CORE_READ(inode, i_sb, s_dev) == now->sensor_device;
}

static __noinline int tell_tamper(u32 what, u32 target, u32 detail, const struct path *path, struct dentry *dentry) {
  struct scratch *scratch = event_begin(GATE_TAMPER, what);
  if (!scratch) return 0;
  struct gate_event *event = &scratch->event;
  event->refused = 1;
  event->target = target;
  event->detail = detail;
  u32 flags = 0;
  struct path here = {.mnt = 0};
  if (path) bpf_probe_read_kernel(&here, sizeof here, path);
  if (dentry) here.dentry = dentry;
  if (path || dentry) event->path_bytes = path_components(&here, scratch->path, &flags);
  event->flags = flags;
  event_send(scratch);
  return 0;
}

/* Everything that changes what stands under a guarded name. */
inlined int guard_name(struct dentry *dentry, u32 what) {
  struct gate_settings *now = settings_now();
  if (!now || !now->guards || !under_guard(dentry) || may_reach(now)) return 0;
  tell_tamper(what, 0, 0, 0, dentry);
  return -EPERM;
}

/* Counted before anything can be written through it. The file under an overlay is opened by the overlay in turn, and comes here too. */
SEC("lsm/file_open")
int BPF_PROG(guard_open, struct file *file) {
  if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) return 0;
  count(GATE_WRITERS);
  struct gate_settings *now = settings_now();
  struct inode *inode = BPF_CORE_READ(file, f_inode);
  if (!now || (BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG) return 0;
  struct gate_key key;
  inode_key(&key, inode);
  struct gate_answer *answer = bpf_map_lookup_elem(&answers, &key);
  if (answer) __sync_fetch_and_add(&answer->generation, 1);
  if (!now->guards || !under_guard(BPF_CORE_READ(file, f_path.dentry)) || may_reach(now)) return 0;
  tell_tamper(PV_T_WRITE, 0, 0, &file->f_path, 0);
  return -EPERM;
}

SEC("lsm/task_kill")
int BPF_PROG(guard_signal, struct task_struct *target, struct kernel_siginfo *info, int number) {
  struct gate_settings *now = settings_now();
  if (!now || !number || number == SIGCONT || !process_guarded(target)) return 0;
  struct task_struct *sender = (void *)bpf_get_current_task();
  if (BPF_CORE_READ(sender, tgid) == 1) return 0; /* the machine goes down, or its owner asked systemd */
  if (may_reach(now)) return 0;
  tell_tamper(PV_T_SIGNAL, BPF_CORE_READ(target, tgid), number, 0, 0);
  return -EPERM;
}

/* Attaching and writing; who only looks (ps) may. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_trace, struct task_struct *target, unsigned int mode) {
  struct gate_settings *now = settings_now();
  if (!now || !(mode & PTRACE_MODE_ATTACH) || !process_guarded(target) || may_reach(now)) return 0;
  tell_tamper(PV_T_PTRACE, BPF_CORE_READ(target, tgid), mode, 0, 0);
  return -EPERM;
}

SEC("lsm/inode_unlink")
int BPF_PROG(guard_unlink, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_UNLINK); }

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_remove_folder, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_UNLINK); }

SEC("lsm/inode_create")
int BPF_PROG(guard_create, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_WRITE); }

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_make_folder, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_WRITE); }

SEC("lsm/inode_symlink")
int BPF_PROG(guard_symlink, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_WRITE); }

SEC("lsm/inode_link")
int BPF_PROG(guard_link, struct dentry *from, struct inode *folder, struct dentry *name) { return guard_name(name, PV_T_WRITE); }

SEC("lsm/inode_rename")
int BPF_PROG(guard_rename, struct inode *from_folder, struct dentry *from, struct inode *to_folder, struct dentry *to) {
  if (guard_name(from, PV_T_UNLINK) != 0) return -EPERM;
  return guard_name(to, PV_T_WRITE) != 0 ? -EPERM : 0;
}

/*
 * Since 6.9 the first argument is the mount's map of users. Two loads kept apart, because the verifier refuses a context whose place was
 * computed.
 */
SEC("lsm/inode_setattr")
int guard_attributes(unsigned long long *arguments) {
  struct dentry *name;
  if (LINUX_KERNEL_VERSION >= VERSION(6, 9)) {
    asm volatile("%0 = *(u64 *)(%1 + 8)" : "=r"(name) : "r"(arguments));
  } else {
    asm volatile("%0 = *(u64 *)(%1 + 0)" : "=r"(name) : "r"(arguments));
  }
  return guard_name(name, PV_T_WRITE) != 0 ? -EPERM : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(guard_mount, const char *device, const struct path *where) {
  return guard_name(BPF_CORE_READ(where, dentry), PV_T_MOUNT) != 0 ? -EPERM : 0;
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path *from, const struct path *to) {
  return guard_name(BPF_CORE_READ(to, dentry), PV_T_MOUNT) != 0 ? -EPERM : 0;
}

/* What carries a guarded folder stays mounted where the sensor sees it; in other namespaces it may go. */
SEC("lsm/sb_umount")
int BPF_PROG(guard_unmount, struct vfsmount *mounted) {
  struct gate_settings *now = settings_now();
  struct task_struct *task = (void *)bpf_get_current_task();
  if (!now || !now->guards || BPF_CORE_READ(task, tgid) == 1) return 0;
  struct mount *mount = (void *)mounted - bpf_core_field_offset(struct mount, mnt);
  if (BPF_CORE_READ(mount, mnt_ns, ns.inum) != now->namespace) return 0;
  struct gate_key key = {.inode = 0};
  key.device = BPF_CORE_READ(mounted, mnt_sb, s_dev);
  if (!bpf_map_lookup_elem(&guarded_files, &key) || may_reach(now)) return 0;
  struct path where = {.mnt = mounted, .dentry = BPF_CORE_READ(mounted, mnt_root)};
  tell_tamper(PV_T_MOUNT, 0, 0, &where, 0);
  return -EPERM;
}

inlined int guard_object(u32 kind, u32 number, u32 command) {
  struct gate_settings *now = settings_now();
  struct gate_guarded_object key = {.kind = kind, .number = number};
  if (!now || !now->guards || !bpf_map_lookup_elem(&guarded_objects, &key) || may_reach(now)) return 0;
  tell_tamper(PV_T_BPF, 0, command, 0, 0);
  return -EPERM;
}

/* A map that somebody gets hold of, by its number or its pin. */
SEC("lsm/bpf_map")
int BPF_PROG(guard_bpf_map, struct bpf_map *map, fmode_t mode) {
  return guard_object(GATE_OBJECT_MAP, BPF_CORE_READ(map, id), 0) != 0 ? -EPERM : 0;
}

SEC("lsm/bpf")
int BPF_PROG(guard_bpf, int command, union bpf_attr *attributes) {
  if (command != BPF_LINK_GET) return 0;
  return guard_object(GATE_OBJECT_LINK, BPF_CORE_READ(attributes, link_id), command) != 0 ? -EPERM : 0;
}
