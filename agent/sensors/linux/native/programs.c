/* Loads and attaches the programs of bpf/telemetry.bpf.c, network.bpf.c and calls.bpf.c. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "calls.skel.h"
#include "network.skel.h"
#include "programs.h"
#include "telemetry.skel.h"

static const struct entry {
  const char *name;
  enum program_group group;
  const char *tracepoint; /* NULL: of the control group */
  uint32_t arguments;     /* how many it has to have; 0: any */
  uint32_t kind;          /* what is lost when the program is passed over */
  const char *without;
} entries[PROGRAMS] = {
  [ON_EXEC] = {"on_exec", GROUP_PROCESSES, "sched_process_exec", 0, PV_EXEC, "programs that start are told less exactly"},
  [ON_FORK] = {"on_fork", GROUP_PROCESSES, "sched_process_fork", 0, PV_FORK, "new processes are told less exactly"},
  [ON_EXIT] = {"on_exit", GROUP_PROCESSES, "sched_process_exit", 2, PV_EXIT, "ends of processes are told less exactly"},
  [ON_EXIT_OLDER] = {"on_exit_older", GROUP_PROCESSES, "sched_process_exit", 1, PV_EXIT, "ends of processes are told less exactly"},
  [ON_MODULE] = {"on_module", GROUP_PROCESSES, "module_load", 0, PV_MODULE, "kernel modules that are loaded are not told"},
  [ON_SOCKET] = {"on_socket", GROUP_NETWORK, "inet_sock_set_state", 0, PV_CONNECT, "who listens is not told"},
  [ON_CONNECT4] = {"on_connect4", GROUP_NETWORK, NULL, 0, PV_CONNECT, "UDP connections over IPv4 are not told"},
  [ON_CONNECT6] = {"on_connect6", GROUP_NETWORK, NULL, 0, PV_CONNECT, "UDP connections over IPv6 are not told"},
  [ON_CALL] = {"on_call", GROUP_CALLS, "sys_enter", 0, 0, "memfd_create, ptrace, bpf, mount and setuid calls are not told"},
  [ON_OPENED] = {"on_opened", GROUP_CALLS, "sys_exit", 0, 0, "who opens another process's memory as a file is not told"},
};

/* The numbers of this machine for what calls.bpf.c tells of. */
static const struct { long number; uint8_t call; } calls[] = {
  {SYS_memfd_create, CALL_MEMFD}, {SYS_ptrace, CALL_PTRACE}, {SYS_process_vm_writev, CALL_WRITE_MEMORY},
  {SYS_process_vm_readv, CALL_READ_MEMORY}, {SYS_bpf, CALL_BPF}, {SYS_mount, CALL_MOUNT}, {SYS_move_mount, CALL_MOVE_MOUNT},
  {SYS_pivot_root, CALL_PIVOT}, {SYS_umount2, CALL_UMOUNT}, {SYS_unshare, CALL_UNSHARE}, {SYS_setns, CALL_SETNS}, {SYS_clone, CALL_CLONE},
  {SYS_clone3, CALL_CLONE3}, {SYS_openat, CALL_OPENAT}, {SYS_openat2, CALL_OPENAT2},
#ifdef SYS_open
  {SYS_open, CALL_OPEN},
#endif
  {SYS_setuid, CALL_USER + PV_U_USER}, {SYS_setgid, CALL_USER + PV_U_GROUP}, {SYS_setreuid, CALL_USER + PV_U_REAL_USER},
  {SYS_setregid, CALL_USER + PV_U_REAL_GROUP}, {SYS_setresuid, CALL_USER + PV_U_SAVED_USER},
  {SYS_setresgid, CALL_USER + PV_U_SAVED_GROUP}, {SYS_setfsuid, CALL_USER + PV_U_FILE_USER},
};

__attribute__((format(printf, 3, 4))) static void tell(char *text, size_t bytes, const char *format, ...) {
  size_t used = strnlen(text, bytes);
  if (used + 1 >= bytes) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, bytes - used, format, arguments);
  va_end(arguments);
}

static bool named_in(const char *list, const char *name) {
  size_t length = strlen(name);
  for (const char *at = list; at != NULL && *at != 0; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == 0)) return true;
  return false;
}

/* Why a program need not be tried, NULL: it is tried. Empty: nothing to tell about that. */
static const char *impossible(const struct btf *types, const struct options *options, const struct entry *entry) {
  if (types == NULL) return "";
  if (named_in(options->fault_refuse, entry->name)) return strerror(EPERM);
  if (entry->tracepoint == NULL) return NULL;
  char name[64];
  snprintf(name, sizeof name, "btf_trace_%s", entry->tracepoint);
  int id = btf__find_by_name_kind(types, name, BTF_KIND_TYPEDEF);
  if (id < 0) return "this kernel has no such tracepoint";
  const struct btf_type *type = btf__type_by_id(types, btf__type_by_id(types, (uint32_t)id)->type);
  const struct btf_type *call = type == NULL ? NULL : btf__type_by_id(types, type->type);
  /* The first parameter is the tracepoint's own. */
  if (call != NULL && entry->arguments != 0 && (uint32_t)btf_vlen(call) - 1 != entry->arguments) return "";
  return NULL;
}

static const void *object_of(enum program_group group, size_t *bytes) {
  switch (group) {
    case GROUP_PROCESSES: return telemetry_bpf__elf_bytes(bytes);
    case GROUP_NETWORK: return network_bpf__elf_bytes(bytes);
    case GROUP_CALLS: return calls_bpf__elf_bytes(bytes);
  }
  return NULL;
}

static int fill_calls(struct bpf_object *object) {
  uint8_t table[TELEMETRY_CALLS] = {0};
  for (size_t each = 0; each < sizeof calls / sizeof *calls; each++)
    if (calls[each].number >= 0 && calls[each].number < (long)TELEMETRY_CALLS) table[calls[each].number] = calls[each].call;
  struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
  return map == NULL ? -ENOENT : bpf_map__set_initial_value(map, table, sizeof table);
}

static int keep(struct bpf_object *object, const char *name, int *place) {
  if (*place >= 0) return 0;
  int fd = bpf_object__find_map_fd_by_name(object, name);
  *place = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return *place < 0 ? -errno : 0;
}

/* More processors make more events in the same time. */
static uint32_t ring_bytes(void) {
  int processors = libbpf_num_possible_cpus();
  return processors > 16 ? TELEMETRY_RING * 4 : processors > 4 ? TELEMETRY_RING * 2 : TELEMETRY_RING;
}

static int share(struct bpf_object *object, const char *name, int fd) {
  struct bpf_map *map = bpf_object__find_map_by_name(object, name);
  return map == NULL || fd < 0 ? 0 : bpf_map__reuse_fd(map, fd);
}

/* In its own name, so that the kernel notes the sensor's number and root folder. */
static void remember_self(const struct bpf_object *object) {
  struct bpf_program *program = bpf_object__find_program_by_name(object, "remember_self");
  if (program == NULL || bpf_program__fd(program) < 0) return;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  (void)bpf_prog_test_run_opts(bpf_program__fd(program), &run);
}

/* Loads the programs of one object that are in `wanted` (bits by enum program_name). 0 or -errno. */
static int load(struct programs *programs, enum program_group group, uint32_t wanted) {
  size_t bytes = 0;
  const void *image = object_of(group, &bytes);
  struct bpf_object *object = bpf_object__open_mem(image, bytes, NULL);
  if (object == NULL) return -errno;
  struct bpf_program *program;
  bpf_object__for_each_program(program, object) {
    bool load_it = strcmp(bpf_program__name(program), "remember_self") == 0;
    for (int each = 0; each < PROGRAMS; each++)
      if ((wanted & (1u << each)) != 0 && strcmp(bpf_program__name(program), entries[each].name) == 0) load_it = true;
    bpf_program__set_autoload(program, load_it);
  }
  struct bpf_map *ring = bpf_object__find_map_by_name(object, "ring");
  int error = ring == NULL ? -ENOENT : bpf_map__set_max_entries(ring, ring_bytes());
  if (error == 0 && group == GROUP_CALLS) error = fill_calls(object);
  if (error == 0) error = share(object, "ring", programs->ring);
  if (error == 0) error = share(object, "settings", programs->settings_map);
  if (error == 0) error = share(object, "counts", programs->counts);
  if (error == 0) error = share(object, "scope", programs->scope_map);
  if (error == 0) error = bpf_object__load(object);
  if (error == 0) error = keep(object, "ring", &programs->ring);
  if (error == 0) error = keep(object, "settings", &programs->settings_map);
  if (error == 0) error = keep(object, "counts", &programs->counts);
  if (error == 0) error = keep(object, "scope", &programs->scope_map);
  for (int each = 0; each < PROGRAMS && error == 0; each++) {
    if ((wanted & (1u << each)) == 0) continue;
    program = bpf_object__find_program_by_name(object, entries[each].name);
    int fd = program == NULL ? -ENOENT : bpf_program__fd(program);
    programs->program[each] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (programs->program[each] < 0) error = fd < 0 ? fd : -errno;
  }
  if (error == 0) remember_self(object);
  bpf_object__close(object);
  return error;
}

/* All at once, which is quick; where that is refused one by one, to know which. */
static void load_group(struct programs *programs, enum program_group group, uint32_t possible, char *missing, size_t missing_bytes) {
  uint32_t wanted = 0;
  for (int each = 0; each < PROGRAMS; each++)
    if (entries[each].group == group) wanted |= possible & (1u << each);
  if (wanted == 0 || load(programs, group, wanted) == 0) return;
  for (int each = 0; each < PROGRAMS; each++) {
    if ((wanted & (1u << each)) == 0) continue;
    int error = programs->program[each] >= 0 ? 0 : load(programs, group, 1u << each);
    if (error != 0) tell(missing, missing_bytes, "%s: %s; %s\n", entries[each].name, strerror(-error), entries[each].without);
  }
}

static int open_scope(const struct options *options) {
  static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
  if (options->scope_cgroup != NULL) return open(options->scope_cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t each = 0; each < sizeof roots / sizeof *roots; each++) {
    char probe[64];
    snprintf(probe, sizeof probe, "%s/cgroup.controllers", roots[each]);
    if (access(probe, F_OK) == 0) return open(roots[each], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  errno = ENOENT;
  return -1;
}

static void map_settings(struct programs *programs, const struct options *options) {
  if (programs->settings_map < 0) return;
  void *mapped = mmap(NULL, sizeof *programs->settings, PROT_READ | PROT_WRITE, MAP_SHARED, programs->settings_map, 0);
  if (mapped == MAP_FAILED) return;
  programs->settings = mapped;
  if (programs->settings->sensor == 0) programs->settings->sensor = (uint32_t)getpid();
  programs->settings->enough = ring_bytes() / 2;
  programs->settings->tcp_by_cgroup = programs->program[ON_SOCKET] < 0;
  if (options->scope_cgroup == NULL) return;
  /* Set first: a scope that cannot be told to the kernel leaves everybody out, not in. */
  programs->settings->scoped = 1;
  uint32_t zero = 0;
  if (programs->cgroup >= 0) (void)bpf_map_update_elem(programs->scope_map, &zero, &programs->cgroup, BPF_ANY);
}

static int attach(const struct programs *programs, enum program_name name) {
  if (entries[name].tracepoint != NULL) return bpf_raw_tracepoint_open(NULL, programs->program[name]);
  if (programs->cgroup < 0) return -ENOENT;
  enum bpf_attach_type type = name == ON_CONNECT4 ? BPF_CGROUP_INET4_CONNECT : BPF_CGROUP_INET6_CONNECT;
  return bpf_link_create(programs->program[name], programs->cgroup, type, NULL);
}

/* Some kernels load a program and refuse to attach it. */
static void try_each(struct programs *programs, char *missing, size_t missing_bytes) {
  for (int each = 0; each < PROGRAMS; each++) {
    if (programs->program[each] < 0) continue;
    int fd = attach(programs, each);
    if (fd >= 0) {
      close(fd);
      continue;
    }
    tell(missing, missing_bytes, "%s: %s; %s\n", entries[each].name, strerror(-fd), entries[each].without);
    close(programs->program[each]);
    programs->program[each] = -1;
  }
}

void programs_open(struct programs *programs, const struct options *options, char *missing, size_t missing_bytes) {
  memset(programs, 0, sizeof *programs);
  for (int each = 0; each < PROGRAMS; each++) programs->program[each] = programs->link[each] = -1;
  programs->ring = programs->settings_map = programs->counts = programs->scope_map = -1;
  programs->cgroup = open_scope(options);
  if (programs->cgroup < 0) tell(missing, missing_bytes, "control groups: %s; UDP connections are not told\n", strerror(errno));

  struct btf *types = options->fault_no_btf ? NULL : btf__load_vmlinux_btf();
  if (types == NULL)
    tell(missing, missing_bytes, "kernel types (BTF): not there; processes are told less exactly, connections and system calls not at all\n");
  uint32_t possible = 0;
  for (int each = 0; each < PROGRAMS; each++) {
    const char *why = impossible(types, options, &entries[each]);
    if (why == NULL) possible |= 1u << each;
    else if (*why != 0) tell(missing, missing_bytes, "%s: %s; %s\n", entries[each].name, why, entries[each].without);
  }
  btf__free(types);
  load_group(programs, GROUP_PROCESSES, possible, missing, missing_bytes);
  load_group(programs, GROUP_NETWORK, possible, missing, missing_bytes);
  load_group(programs, GROUP_CALLS, possible, missing, missing_bytes);
  (void)malloc_trim(0); /* the kernel's types took some megabytes for a moment */
  try_each(programs, missing, missing_bytes);
  map_settings(programs, options);
  if (programs->settings == NULL && programs->settings_map >= 0)
    tell(missing, missing_bytes, "settings of the event programs: %s; no events come from the kernel's programs\n", strerror(errno));
}

bool programs_has(const struct programs *programs, enum program_name name) {
  return programs->settings != NULL && programs->program[name] >= 0;
}

void programs_attach(struct programs *programs, uint32_t groups) {
  for (int each = 0; each < PROGRAMS; each++) {
    if (!programs_has(programs, each)) continue;
    bool wanted = (entries[each].group & groups) != 0;
    if (wanted && programs->link[each] < 0) {
      int fd = attach(programs, each);
      programs->link[each] = fd < 0 ? -1 : fd;
    } else if (!wanted && programs->link[each] >= 0) {
      close(programs->link[each]);
      programs->link[each] = -1;
    }
  }
}

void programs_lost(struct programs *programs, void (*told)(uint32_t kind, uint32_t where, uint64_t count)) {
  uint64_t now[TELEMETRY_KINDS] = {0};
  int processors = libbpf_num_possible_cpus();
  struct telemetry_counts *all = processors <= 0 || programs->counts < 0 ? NULL : calloc((size_t)processors, sizeof *all);
  uint32_t zero = 0;
  if (all != NULL && bpf_map_lookup_elem(programs->counts, &zero, all) == 0)
    for (int each = 0; each < processors; each++)
      for (uint32_t kind = 0; kind < TELEMETRY_KINDS; kind++) now[kind] += all[each].lost[kind];
  free(all);
  for (uint32_t kind = 0; kind < TELEMETRY_KINDS; kind++) {
    if (now[kind] <= programs->lost[kind]) continue;
    told(kind, 1, now[kind] - programs->lost[kind]);
    programs->lost[kind] = now[kind];
  }
  /* A program that would interrupt itself is passed over by the kernel, which counts that. */
  for (int each = 0; each < PROGRAMS; each++) {
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof info;
    if (programs->program[each] < 0 || bpf_obj_get_info_by_fd(programs->program[each], &info, &bytes) != 0) continue;
    if (info.recursion_misses > programs->missed[each]) told(entries[each].kind, 1, info.recursion_misses - programs->missed[each]);
    programs->missed[each] = info.recursion_misses;
  }
}

void programs_close(struct programs *programs) {
  programs_attach(programs, 0);
  if (programs->settings != NULL) munmap(programs->settings, sizeof *programs->settings);
  programs->settings = NULL;
  int *const fds[] = {&programs->ring, &programs->settings_map, &programs->counts, &programs->scope_map, &programs->cgroup};
  for (size_t each = 0; each < sizeof fds / sizeof *fds; each++)
    if (*fds[each] >= 0) close(*fds[each]);
  for (int each = 0; each < PROGRAMS; each++)
    if (programs->program[each] >= 0) close(programs->program[each]);
}
