/* What the other parts ask of the programs in the kernel: parts.h says it. */
#include "kernel.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 2
#define ALLOW_TRIES 5
#define ALLOW_PAUSE_NS 200000l
#define MOST_PROCESSORS 4096
#define STALE_NS 3000000000ull /* six beats */

static struct kernel the_kernel; /* one process, one sensor */

static bool map_memory(struct kernel *kernel, FILE *missing);
static void narrow_scope(struct kernel *kernel, FILE *missing);
static uint64_t monotonic_ns(void);
static int ask_kernel(struct kernel *kernel, int fd, enum gate_ask ask, struct gate_slot *slot);
static int identify_by_stat(int fd, struct pv_file *file);
static struct gate_key key_of(const struct pv_file *file);
static void sweep_answers(struct kernel *kernel, uint64_t oldest);

struct kernel *kernel_open(const struct options *options, char *missing, size_t missing_bytes) {
  struct kernel *kernel = &the_kernel;
  *kernel = (struct kernel){.options = options, .tier = PV_TIER_C, .processors = libbpf_num_possible_cpus()};
  pthread_mutex_init(&kernel->sweeping, NULL);
  pthread_mutex_init(&kernel->forgetting, NULL);
  for (size_t i = 0; i < PROGRAMS; i++) kernel->programs[i] = kernel->links[i] = -1;
  for (int i = 0; i < MAPS; i++) kernel->maps[i] = -1;
  missing[0] = '\0';
  FILE *lines = fmemopen(missing, missing_bytes, "w");
  if (!lines) return kernel;
  if (options->highest < PV_TIER_B) {
    fprintf(lines, "kernel checks: not wanted (tier C)\n");
  } else if (options->fault_no_btf || access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    fprintf(lines, "kernel checks: the kernel does not describe its types (/sys/kernel/btf/vmlinux is missing); it needs CONFIG_DEBUG_INFO_BTF\n");
  } else {
    int found = options->pins ? pin_adopt(kernel, kernel->maps) : -ENOENT;
    bool adopted = found == 0;
    if (found == -EPERM)
      fprintf(lines, "pins: another version of the sensor has ended and still guards them; start again in a minute, until then its checks hold\n");
    if (load_programs(kernel, lines) && map_memory(kernel, lines)) {
      if (!adopted) kernel->settings->layout = GATE_LAYOUT;
      narrow_scope(kernel, lines);
      seed_processes(kernel);
      for (size_t i = 0; i < gate_program_count; i++) {
        if (kernel->programs[i] < 0 || gate_programs[i].when != WHEN_ALWAYS) continue;
        int failed = attach_program(kernel, i);
        if (failed == 0)
          kernel->parts |= gate_programs[i].part;
        else
          fprintf(lines, "%s: %s; %s\n", gate_programs[i].name, strerror(-failed), gate_programs[i].without);
      }
      if (!(kernel->parts & PV_PART_EXEC_CHECK)) kernel->tier = PV_TIER_C;
      if (options->pins) pin_everything(kernel, lines);
      guard_self(kernel);
      kernel_beat(kernel);
    } else {
      kernel->tier = PV_TIER_C;
    }
  }
  malloc_trim(0); /* the kernel's types took some megabytes for a moment */
  fclose(lines);
  missing[missing_bytes - 1] = '\0';
  return kernel;
}

uint32_t kernel_parts(const struct kernel *kernel) { return kernel->parts; }

int kernel_tier(const struct kernel *kernel) { return kernel->tier; }

int kernel_identify(struct kernel *kernel, int fd, struct pv_file *file) {
  uint32_t seen;
  return kernel_look(kernel, fd, file, &seen);
}

int kernel_look(struct kernel *kernel, int fd, struct pv_file *file, uint32_t *seen) {
  struct gate_slot slot = {.allowed = 0};
  struct stat is;
  *seen = KERNEL_ALLOWED;
  /* stat makes the kernel give the next change a time of its own (6.13); a change in between needs another look. */
  for (int attempt = 0; attempt < LOOKS && !slot.fine; attempt++) {
    if (fstat(fd, &is) != 0) return -errno;
    if (ask_kernel(kernel, fd, GATE_IDENTIFY, &slot) != 0) return identify_by_stat(fd, file);
    if (slot.fine)
      kernel->fine_times = true;
    else if (!kernel->fine_times)
      break; /* no kernel or file system of that kind here */
  }
  *file = (struct pv_file){.inode = slot.key.inode,
                           .ctime = slot.key.ctime,
                           .bytes = slot.key.bytes,
                           .device = slot.key.device,
                           .links = slot.links};
  bool checked = kernel->tier > PV_TIER_C;
  *seen = (slot.allowed || !checked ? KERNEL_ALLOWED : 0u) | (slot.overlay ? KERNEL_OVERLAY : 0u) |
          (slot.fine ? KERNEL_FINE : 0u) | (slot.writers ? KERNEL_WRITER : 0u);
  return 0;
}

uint64_t kernel_generation(struct kernel *kernel, int fd) {
  struct gate_slot slot = {.allowed = 0};
  if (kernel->tier < PV_TIER_A) return 0;
  return ask_kernel(kernel, fd, GATE_GENERATION, &slot) == 0 ? slot.generation : 0;
}

/* Whoever sweeps may take away what another thread is just putting there, so it is looked at afterwards; and memory may come again. */
static int allow(struct kernel *kernel, int fd, const struct pv_file *file, uint64_t generation) {
  int failed = -EAGAIN;
  for (int attempt = 0; attempt < ALLOW_TRIES && failed == -EAGAIN; attempt++) {
    struct timespec pause = {.tv_nsec = attempt == 0 ? 0 : ALLOW_PAUSE_NS};
    if (attempt != 0) nanosleep(&pause, NULL);
    struct gate_slot slot = {.key = key_of(file), .generation = generation}, found = {.allowed = 0};
    failed = ask_kernel(kernel, fd, GATE_ALLOW, &slot);
    if (failed == 0 && ask_kernel(kernel, fd, GATE_IDENTIFY, &found) == 0 && !found.allowed) failed = -EAGAIN;
  }
  return failed;
}

int kernel_allow(struct kernel *kernel, int fd, const struct pv_file *file, uint64_t generation) {
  if (kernel->tier < PV_TIER_B) return 0;
  int failed = allow(kernel, fd, file, generation);
  if (failed != -ENOSPC) return failed;
  sweep_answers(kernel, kernel->settings->epoch);
  return allow(kernel, fd, file, generation);
}

int kernel_forget(struct kernel *kernel, const struct pv_file *file) {
  if (kernel->maps[MAP_ANSWERS] < 0) return 0;
  struct gate_key key = key_of(file);
  return bpf_map_delete_elem(kernel->maps[MAP_ANSWERS], &key) == 0 || errno == ENOENT ? 0 : -errno;
}

void kernel_forget_all(struct kernel *kernel) {
  struct gate_settings *settings = kernel->settings;
  if (!settings) return;
  uint64_t now = now_boot();
  pthread_mutex_lock(&kernel->forgetting);
  if (kernel->kept_since == 0 || now - kernel->kept_since > GATE_EARLY_NS) {
    kernel->kept_since = now;
    __atomic_store_n(&settings->kept_epoch, settings->epoch, __ATOMIC_SEQ_CST);
  }
  /* Before and after: who began in between may have an answer of before. */
  __atomic_store_n(&settings->forgotten, now, __ATOMIC_SEQ_CST);
  __atomic_fetch_add(&settings->epoch, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&settings->forgotten, now_boot(), __ATOMIC_SEQ_CST);
  uint64_t kept = settings->kept_epoch;
  pthread_mutex_unlock(&kernel->forgetting);
  sweep_answers(kernel, kept);
}

bool kernel_stricter(const struct kernel *kernel, const struct pv_config *config) {
  const struct gate_settings *settings = kernel->settings;
  if (!settings || config->mode < PV_HOLD) return false;
  return settings->mode < PV_HOLD || (config->libraries != 0 && settings->libraries == 0);
}

void kernel_configure(struct kernel *kernel, const struct pv_config *config) {
  struct gate_settings *settings = kernel->settings;
  if (!settings) return;
  kernel_beat(kernel);
  bool libraries = config->libraries != 0 && config->mode >= PV_HOLD;
  /* What makes the check stricter comes last, so that it never judges by half of a configuration. */
  bool stricter = config->mode > settings->mode;
  if (kernel_stricter(kernel, config)) __atomic_store_n(&settings->since, now_boot(), __ATOMIC_SEQ_CST);
  if (!stricter) __atomic_store_n(&settings->mode, config->mode, __ATOMIC_SEQ_CST);
  __atomic_store_n(&settings->unseen, config->unseen, __ATOMIC_SEQ_CST);
  __atomic_store_n(&settings->gone, config->agent_gone, __ATOMIC_SEQ_CST);
  __atomic_store_n(&settings->stale_ns, STALE_NS, __ATOMIC_SEQ_CST);
  __atomic_store_n(&settings->libraries, libraries ? 1 : 0, __ATOMIC_SEQ_CST);
  if (stricter) __atomic_store_n(&settings->mode, config->mode, __ATOMIC_SEQ_CST);
  uint32_t mapped = 0;
  for (size_t i = 0; i < gate_program_count; i++) {
    if (gate_programs[i].when != WHEN_LIBRARIES || kernel->programs[i] < 0) continue;
    if (!libraries)
      detach_program(kernel, i);
    else if (attach_program(kernel, i) == 0)
      mapped |= gate_programs[i].part;
    if (kernel->pinned) pin_program(kernel, i); /* or takes the pin away */
  }
  kernel->parts = (kernel->parts & ~(uint32_t)PV_PART_MAP_CHECK) | mapped;
}

int kernel_device(struct kernel *kernel, uint32_t device, bool marked) {
  if (kernel->maps[MAP_DEVICES] < 0) return 0;
  uint32_t one = 1;
  if (marked) return bpf_map_update_elem(kernel->maps[MAP_DEVICES], &device, &one, BPF_ANY) == 0 ? 0 : -errno;
  return bpf_map_delete_elem(kernel->maps[MAP_DEVICES], &device) == 0 || errno == ENOENT ? 0 : -errno;
}

void kernel_namespace_gone(struct kernel *kernel, uint32_t number) {
  if (kernel->maps[MAP_NAMESPACES] < 0) return;
  if (bpf_map_delete_elem(kernel->maps[MAP_NAMESPACES], &number) != 0 && errno != ENOENT) fprintf(stderr, "provost-sensor: a mount namespace that is gone cannot be forgotten: %s\n", strerror(errno));
}

void kernel_beat(struct kernel *kernel) {
  if (!kernel->settings) return;
  __atomic_store_n(&kernel->settings->beat, monotonic_ns(), __ATOMIC_SEQ_CST);
  if (kernel->pinned && ++kernel->beats % 4 == 0) pin_check(kernel);
}

/* The kernel may write the place at any moment: it counts only if its number is the same before and after. */
bool kernel_process(struct kernel *kernel, uint32_t pid, struct pv_process *process, struct pv_file *program) {
  if (!kernel->processes || pid == 0) return false;
  const struct gate_process *entry = kernel->processes + pid % GATE_PROCESSES;
  for (int attempt = 0; attempt < LOOKS; attempt++) {
    uint32_t before = __atomic_load_n(&entry->number, __ATOMIC_ACQUIRE);
    *process = entry->process;
    *program = entry->program;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (before == pid && __atomic_load_n(&entry->number, __ATOMIC_ACQUIRE) == pid && process->pid == pid) return program->inode != 0;
  }
  return process_seed(kernel, pid, process, program);
}

void kernel_count(struct kernel *kernel, uint64_t *checked, uint64_t *killed, uint64_t *dropped) {
  *checked = count_of(kernel, GATE_CHECKED);
  *killed = count_of(kernel, GATE_KILLED);
  *dropped = count_of(kernel, GATE_DROPPED);
}

uint64_t count_of(struct kernel *kernel, uint32_t counter) {
  uint64_t each[MOST_PROCESSORS], sum = 0;
  if (kernel->maps[MAP_COUNTERS] < 0 || kernel->processors <= 0 || kernel->processors > MOST_PROCESSORS) return 0;
  if (bpf_map_lookup_elem(kernel->maps[MAP_COUNTERS], &counter, each) != 0) return 0;
  for (int i = 0; i < kernel->processors; i++) sum += each[i];
  return sum;
}

void kernel_rest(struct kernel *kernel, bool open) {
  if (kernel->settings && (open || !kernel->pinned)) __atomic_store_n(&kernel->settings->mode, PV_OFF, __ATOMIC_SEQ_CST);
}

void kernel_close(struct kernel *kernel, bool open) {
  kernel_rest(kernel, open);
  guard_end(kernel);
  pin_remove(kernel, open);
  for (size_t i = 0; i < gate_program_count; i++) {
    detach_program(kernel, i);
    if (kernel->programs[i] >= 0) close(kernel->programs[i]);
    kernel->programs[i] = -1;
  }
  ring_buffer__free(kernel->ring);
  kernel->ring = NULL;
  if (kernel->settings) munmap(kernel->settings, sizeof *kernel->settings);
  if (kernel->slots) munmap(kernel->slots, sizeof *kernel->slots * GATE_SLOTS);
  if (kernel->processes) munmap(kernel->processes, sizeof *kernel->processes * GATE_PROCESSES);
  kernel->settings = NULL;
  kernel->slots = NULL;
  kernel->processes = NULL;
  for (int i = 0; i < MAPS; i++) {
    if (kernel->maps[i] >= 0) close(kernel->maps[i]);
    kernel->maps[i] = -1;
  }
  kernel->tier = PV_TIER_C;
  kernel->parts = 0;
}

int kernel_poll(struct kernel *kernel, int timeout_ms) {
  if (!kernel->ring) return -ENOSYS;
  int read = ring_buffer__poll(kernel->ring, timeout_ms);
  uint64_t dropped = count_of(kernel, GATE_DROPPED);
  if (dropped > kernel->dropped) out_lost(PV_GATE, 1, dropped - kernel->dropped);
  kernel->dropped = dropped;
  return read;
}

static bool map_memory(struct kernel *kernel, FILE *missing) {
  void *settings = mmap(NULL, sizeof *kernel->settings, PROT_READ | PROT_WRITE, MAP_SHARED, kernel->maps[MAP_SETTINGS], 0);
  void *slots = mmap(NULL, sizeof *kernel->slots * GATE_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, kernel->maps[MAP_SLOTS], 0);
  void *processes = mmap(NULL, sizeof *kernel->processes * GATE_PROCESSES, PROT_READ | PROT_WRITE, MAP_SHARED, kernel->maps[MAP_PROCESSES], 0);
  kernel->processes = processes == MAP_FAILED ? NULL : processes;
  kernel->settings = settings == MAP_FAILED ? NULL : settings;
  kernel->slots = slots == MAP_FAILED ? NULL : slots;
  kernel->ring = ring_buffer__new(kernel->maps[MAP_EVENTS], gate_record, kernel, NULL);
  if (kernel->settings && kernel->slots && kernel->processes && kernel->ring) return true;
  fprintf(missing, "kernel checks: the maps of the checks cannot be mapped: %s\n", strerror(errno));
  return false;
}

static void narrow_scope(struct kernel *kernel, FILE *missing) {
  const char *folder = kernel->options->scope_cgroup;
  uint32_t first = 0;
  if (!folder) {
    kernel->settings->scoped = 0;
    return;
  }
  kernel->settings->scoped = 1; /* an empty scope refuses nobody */
  int group = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0 || bpf_map_update_elem(kernel->maps[MAP_SCOPE], &first, &group, BPF_ANY) != 0)
    fprintf(missing, "scope: %s: %s; nothing is refused by the kernel\n", folder, strerror(errno));
  if (group >= 0) close(group);
}

static uint64_t monotonic_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* `slot` goes in and comes back. Each thread has a place of its own in the mapped array; there are more places than threads. */
static int ask_kernel(struct kernel *kernel, int fd, enum gate_ask ask, struct gate_slot *slot) {
  static _Thread_local int place = -1;
  if (!kernel->slots || fd < 0) return -ENOTSUP;
  if (place < 0) place = atomic_fetch_add(&kernel->next_slot, 1);
  if (place >= (int)GATE_SLOTS) return -ENOTSUP;
  kernel->slots[place] = *slot;
  uint64_t arguments[] = {(uint64_t)fd, (uint64_t)place, (uint64_t)ask};
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = arguments, .ctx_size_in = sizeof arguments);
  if (bpf_prog_test_run_opts(kernel->programs[0], &run) != 0) return -errno;
  *slot = kernel->slots[place];
  return -(int)run.retval;
}

int look_at(struct kernel *kernel, int fd, struct gate_slot *slot) {
  *slot = (struct gate_slot){.allowed = 0};
  return ask_kernel(kernel, fd, GATE_IDENTIFY, slot);
}

static int identify_by_stat(int fd, struct pv_file *file) {
  struct stat is;
  if (fstat(fd, &is) != 0) return -errno;
  *file = (struct pv_file){.inode = is.st_ino,
                           .ctime = (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec,
                           .bytes = (uint64_t)is.st_size,
                           .device = (uint32_t)(major(is.st_dev) << 20 | minor(is.st_dev)),
                           .links = (uint32_t)is.st_nlink};
  return 0;
}

static struct gate_key key_of(const struct pv_file *file) {
  return (struct gate_key){.inode = file->inode, .ctime = file->ctime, .bytes = file->bytes, .device = file->device};
}

/* Drops entries that no longer let anything pass: of files that were denied, written since, or of an epoch before this one. */
static void sweep_answers(struct kernel *kernel, uint64_t oldest) {
  int map = kernel->maps[MAP_ANSWERS];
  if (map < 0) return;
  pthread_mutex_lock(&kernel->sweeping);
  struct gate_key key, next;
  struct gate_answer answer;
  bool more = bpf_map_get_next_key(map, NULL, &next) == 0;
  for (uint32_t seen = 0; more && seen < 2 * GATE_ANSWERS; seen++) {
    key = next;
    more = bpf_map_get_next_key(map, &key, &next) == 0;
    if (bpf_map_lookup_elem(map, &key, &answer) != 0) continue;
    if (answer.allowed == answer.generation && answer.epoch >= oldest) continue;
    bpf_map_delete_elem(map, &key);
  }
  pthread_mutex_unlock(&kernel->sweeping);
}
