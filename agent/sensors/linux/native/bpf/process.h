/* A process as the records tell it, read in the kernel. */
#pragma once
#include "types.h"
#include "record.h"

inlined void process_of(struct pv_process *process, struct task_struct *task) {
  struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);
  process->pid = BPF_CORE_READ(task, tgid);
  process->parent = BPF_CORE_READ(parent, tgid);
  process->started = BPF_CORE_READ(task, group_leader, start_boottime);
  process->parent_started = BPF_CORE_READ(parent, start_boottime);
  process->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
  process->user = BPF_CORE_READ(task, cred, uid.val);
  process->group = BPF_CORE_READ(task, cred, gid.val);
  process->login_user = 0xffffffff;
  process->session = 0xffffffff;
  if (bpf_core_field_exists(task->loginuid)) process->login_user = BPF_CORE_READ(task, loginuid.val);
  if (bpf_core_field_exists(task->sessionid)) process->session = BPF_CORE_READ(task, sessionid);
  process->mount_namespace = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
  process->pid_namespace = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
  BPF_CORE_READ_STR_INTO(&process->name, task, comm);
}

/* The same of a pointer that the verifier knows. */
inlined void known_process(struct pv_process *process, struct task_struct *task) {
  struct task_struct *parent = task->real_parent->group_leader;
  process->pid = task->tgid;
  process->parent = parent->tgid;
  process->started = task->group_leader->start_boottime;
  process->parent_started = parent->start_boottime;
  process->cgroup = task->cgroups->dfl_cgrp->kn->id;
  process->user = BPF_CORE_READ(task, cred, uid.val);
  process->group = BPF_CORE_READ(task, cred, gid.val);
  process->login_user = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : 0xffffffff;
  process->session = bpf_core_field_exists(task->sessionid) ? task->sessionid : 0xffffffff;
  process->mount_namespace = task->nsproxy->mnt_ns->ns.inum;
  process->pid_namespace = task->nsproxy->pid_ns_for_children->ns.inum;
  bpf_probe_read_kernel(&process->name, sizeof process->name, &task->comm);
}
