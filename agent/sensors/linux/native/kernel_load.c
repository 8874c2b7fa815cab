/* Loads the programs for the kernel, all of a tier at once where that works, else one by one: none takes another down. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "gate.skel.h"
#include "guard.skel.h"
#include "kernel.h"

const char *const map_names[MAPS] = {
    [MAP_SETTINGS] = "settings",
    [MAP_ANSWERS] = "answers",
    [MAP_DEVICES] = "devices",
    [MAP_SCOPE] = "scope",
    [MAP_COUNTERS] = "counters",
    [MAP_EVENTS] = "events",
    [MAP_SLOTS] = "slots",
    [MAP_PROCESSES] = "processes",
    [MAP_NAMESPACES] = "namespaces",
    [MAP_GUARDED_PROCESSES] = "guarded_processes",
    [MAP_GUARDED_FILES] = "guarded_files",
    [MAP_GUARDED_OBJECTS] = "guarded_objects",
};

#define GATE(name, tier, when, part, without) {name, without, OBJECT_GATE, when, tier, part}
#define GUARD(name, when, part, without) {name, without, OBJECT_GUARD, when, PV_TIER_A, part}

/* The first of each tier decides over it. */
const struct gate_program gate_programs[] = {
    GATE("gate_file", 0, WHEN_NEVER, 0, "files under overlays cannot be told apart"),
    GATE("gate_exec", 0, WHEN_ALWAYS, PV_PART_EXEC_CHECK, "the kernel does not check an exec"),
    GATE("gate_program", 0, WHEN_ALWAYS, 0, "who wrote a file is not known"),
    GATE("gate_fork", 0, WHEN_ALWAYS, 0, "who wrote a file is not always known"),
    GUARD("guard_exec", WHEN_ALWAYS, PV_PART_EXEC_CHECK, "an exec is ended by a signal, not refused"),
    GUARD("guard_open", WHEN_ALWAYS, PV_PART_GENERATION, "a file is known by its change time alone"),
    GUARD("guard_map", WHEN_LIBRARIES, PV_PART_MAP_CHECK, "files mapped executable are checked when they are opened"),
    GUARD("guard_protect", WHEN_LIBRARIES, 0, "files made executable after they were mapped are not checked"),
    GUARD("guard_signal", WHEN_ALWAYS, PV_PART_GUARD, "signals at the agent are not refused"),
    GUARD("guard_trace", WHEN_ALWAYS, 0, "the agent can be traced"),
    GUARD("guard_unlink", WHEN_ALWAYS, 0, "guarded files can be removed"),
    GUARD("guard_remove_folder", WHEN_ALWAYS, 0, "guarded folders can be removed"),
    GUARD("guard_create", WHEN_ALWAYS, 0, "files can be made in guarded folders"),
    GUARD("guard_make_folder", WHEN_ALWAYS, 0, "folders can be made in guarded folders"),
    GUARD("guard_symlink", WHEN_ALWAYS, 0, "links can be made in guarded folders"),
    GUARD("guard_link", WHEN_ALWAYS, 0, "files can be linked into guarded folders"),
    GUARD("guard_rename", WHEN_ALWAYS, 0, "guarded files can be renamed"),
    GUARD("guard_attributes", WHEN_ALWAYS, 0, "guarded files can be cut and their rights changed"),
    GUARD("guard_mount", WHEN_ALWAYS, 0, "guarded folders can be mounted over"),
    GUARD("guard_move_mount", WHEN_ALWAYS, 0, "mounts can be moved over guarded folders"),
    GUARD("guard_unmount", WHEN_ALWAYS, 0, "what carries guarded folders can be unmounted"),
    GUARD("guard_bpf_map", WHEN_ALWAYS, 0, "the maps of the checks can be written by others"),
    GUARD("guard_bpf", WHEN_ALWAYS, 0, "the links of the checks can be taken hold of"),
    GATE("gate_call", PV_TIER_B, WHEN_LIBRARIES, 0, "files mapped executable are checked after the fact"),
    GATE("gate_returned", PV_TIER_B, WHEN_LIBRARIES, PV_PART_MAP_CHECK, "files mapped executable are checked when they are opened"),
    GATE("gate_signal", PV_TIER_B, WHEN_ALWAYS, 0, "signals at the agent are not seen"),
};
const size_t gate_program_count = sizeof gate_programs / sizeof *gate_programs;
_Static_assert(sizeof gate_programs / sizeof *gate_programs <= PROGRAMS, "PROGRAMS is too small");

static bool load_tier(struct kernel *kernel, int tier, FILE *missing);
static bool hooks_run(struct kernel *kernel);
static int load(struct kernel *kernel, const bool wanted[PROGRAMS]);
static bool refused_by_test(const struct kernel *kernel, const char *name);

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments) {
  (void)level, (void)format, (void)arguments;
  return 0; /* what fails is named in `missing` */
}

bool load_programs(struct kernel *kernel, FILE *missing) {
  if (!getenv("PROVOST_SENSOR_LIBBPF") || !*getenv("PROVOST_SENSOR_LIBBPF")) libbpf_set_print(quiet);
  bool first[PROGRAMS] = {true};
  int failed = load(kernel, first);
  if (failed != 0) {
    fprintf(missing, "kernel checks: %s: %s\n", gate_programs[0].name, strerror(-failed));
    return false;
  }
  if (load_tier(kernel, 0, missing)) kernel->tier = PV_TIER_B;
  if (kernel->options->highest >= PV_TIER_A && load_tier(kernel, PV_TIER_A, missing) && hooks_run(kernel)) {
    kernel->tier = PV_TIER_A;
    return true;
  }
  for (size_t i = 0; i < gate_program_count; i++) {
    if (gate_programs[i].tier != PV_TIER_A || kernel->programs[i] < 0) continue;
    if (strcmp(gate_programs[i].name, "guard_exec") == 0)
      fprintf(missing, "%s: the hooks are there but never called: \"bpf\" is not among the security modules (lsm= on the kernel's command line)\n", gate_programs[i].name);
    detach_program(kernel, i);
    close(kernel->programs[i]);
    kernel->programs[i] = -1;
  }
  (void)load_tier(kernel, PV_TIER_B, missing);
  return true;
}

/* True where the one that decides over the tier is there. */
static bool load_tier(struct kernel *kernel, int tier, FILE *missing) {
  bool group[PROGRAMS] = {false};
  size_t leader = 0;
  for (size_t i = 1; i < gate_program_count; i++) {
    if (gate_programs[i].tier != tier) continue;
    group[i] = true;
    if (leader == 0) leader = i;
  }
  if (load(kernel, group) == 0) return true;
  for (size_t i = leader; i < gate_program_count; i++) {
    if (!group[i]) continue;
    bool one[PROGRAMS] = {false};
    one[i] = true;
    int failed = load(kernel, one);
    if (failed == 0) continue;
    fprintf(missing, "%s: %s; %s\n", gate_programs[i].name, strerror(-failed), gate_programs[i].without);
    if (i == leader && tier == PV_TIER_A) return false; /* no BPF LSM here: the rest would fail alike */
  }
  return kernel->programs[leader] >= 0;
}

/*
 * A kernel without "bpf" in its list of security modules takes the programs and never calls them. So one is attached and something done
 * that it counts.
 */
static bool hooks_run(struct kernel *kernel) {
  size_t open_hook = 0;
  for (size_t i = 0; i < gate_program_count; i++)
    if (strcmp(gate_programs[i].name, "guard_open") == 0) open_hook = i;
  if (attach_program(kernel, open_hook) != 0) return false;
  uint64_t before = count_of(kernel, GATE_WRITERS);
  int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return count_of(kernel, GATE_WRITERS) > before;
}

/* Every program in its own object file would cost as much as this: an object with all others switched off. 0 or -errno. */
static int load(struct kernel *kernel, const bool wanted[PROGRAMS]) {
  size_t bytes = 0;
  enum gate_object which = OBJECT_GATE;
  for (size_t i = 0; i < gate_program_count; i++) {
    if (!wanted[i]) continue;
    which = gate_programs[i].object;
    if (refused_by_test(kernel, gate_programs[i].name)) return -EPERM;
  }
  const void *file = which == OBJECT_GATE ? gate_bpf__elf_bytes(&bytes) : guard_bpf__elf_bytes(&bytes);
  struct bpf_object *object = bpf_object__open_mem(file, bytes, NULL);
  if (!object) return -errno;
  struct bpf_program *program;
  bpf_object__for_each_program(program, object) bpf_program__set_autoload(program, false);
  int failed = 0;
  for (size_t i = 0; i < gate_program_count && failed == 0; i++) {
    if (!wanted[i]) continue;
    program = bpf_object__find_program_by_name(object, gate_programs[i].name);
    failed = program ? bpf_program__set_autoload(program, true) : -ENOENT;
  }
  for (int i = 0; i < MAPS && failed == 0; i++) {
    struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);
    if (map && kernel->maps[i] >= 0) failed = bpf_map__reuse_fd(map, kernel->maps[i]);
  }
  if (failed == 0) failed = bpf_object__load(object);
  for (int i = 0; i < MAPS && failed == 0; i++) {
    struct bpf_map *map = bpf_object__find_map_by_name(object, map_names[i]);
    if (!map || kernel->maps[i] >= 0) continue;
    kernel->maps[i] = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
    if (kernel->maps[i] < 0) failed = -errno;
  }
  for (size_t i = 0; i < gate_program_count && failed == 0; i++) {
    if (!wanted[i]) continue;
    program = bpf_object__find_program_by_name(object, gate_programs[i].name);
    kernel->programs[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);
    if (kernel->programs[i] < 0) failed = -errno;
  }
  bpf_object__close(object);
  return failed;
}

/* 0 or -errno. BTF tracepoints and LSM hooks are both attached by what the program says of itself. */
int attach_program(struct kernel *kernel, size_t program) {
  if (kernel->links[program] >= 0) return 0;
  if (kernel->programs[program] < 0) return -ENOENT;
  int link = bpf_raw_tracepoint_open(NULL, kernel->programs[program]);
  if (link < 0) return -errno;
  kernel->links[program] = link;
  return 0;
}

void detach_program(struct kernel *kernel, size_t program) {
  if (kernel->links[program] < 0) return;
  close(kernel->links[program]);
  kernel->links[program] = -1;
}

static bool refused_by_test(const struct kernel *kernel, const char *name) {
  const char *list = kernel->options->fault_refuse;
  size_t length = strlen(name);
  for (const char *at = list ? strstr(list, name) : NULL; at; at = strstr(at + 1, name)) {
    bool begins = at == list || at[-1] == ',', ends = at[length] == '\0' || at[length] == ',';
    if (begins && ends) return true;
  }
  return false;
}
