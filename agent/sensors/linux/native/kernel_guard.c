/* What agent and sensor are guarded by in the kernel: processes, files and folders, and the checks' own maps and links. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "kernel.h"

static int guard_process(struct kernel *kernel, uint32_t pid);
static int guard_path(struct kernel *kernel, const char *path);
static void guard_object(struct kernel *kernel, uint32_t kind, int fd);
static uint32_t mount_namespace(void);

int kernel_guard(struct kernel *kernel, uint32_t pid, const char *path) {
  if (kernel->maps[MAP_GUARDED_PROCESSES] < 0) return -ENOTSUP;
  int failed = pid != 0 ? guard_process(kernel, pid) : 0;
  return failed == 0 && path && path[0] != '\0' ? guard_path(kernel, path) : failed;
}

/* The sensor itself, its pins and its maps. Nothing of an earlier sensor is left standing, except what this one says again. */
void guard_self(struct kernel *kernel) {
  struct gate_slot slot;
  int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (program >= 0 && look_at(kernel, program, &slot) == 0) {
    kernel->settings->sensor_inode = slot.own_inode;
    kernel->settings->sensor_device = slot.own_device;
  }
  if (program >= 0) close(program);
  kernel->settings->sensor = (uint32_t)getpid();
  kernel->settings->namespace = mount_namespace();
  if (kernel->tier < PV_TIER_A) return;
  if (kernel->pinned) (void)guard_path(kernel, kernel->options->pins);
  for (int i = 0; i < MAPS; i++)
    if (kernel->maps[i] >= 0) guard_object(kernel, GATE_OBJECT_MAP, kernel->maps[i]);
  for (size_t i = 0; i < gate_program_count; i++)
    if (kernel->links[i] >= 0) guard_object(kernel, GATE_OBJECT_LINK, kernel->links[i]);
}

/* In order: whoever may end the sensor may also replace its files. What checks an exec stays, if it is pinned. */
void guard_end(struct kernel *kernel) {
  if (!kernel->settings) return;
  __atomic_store_n(&kernel->settings->guards, 0, __ATOMIC_SEQ_CST);
  for (int map = MAP_GUARDED_PROCESSES; map <= MAP_GUARDED_OBJECTS; map++) {
    union { uint32_t pid; struct gate_key file; struct gate_guarded_object object; } key;
    for (int left = 4 * GATE_GUARDED; left > 0 && kernel->maps[map] >= 0; left--) {
      if (bpf_map_get_next_key(kernel->maps[map], NULL, &key) != 0) break;
      bpf_map_delete_elem(kernel->maps[map], &key);
    }
  }
}

static int guard_process(struct kernel *kernel, uint32_t pid) {
  struct pv_process process;
  if (!process_describe(pid, &process)) return -ESRCH;
  /* /proc knows the start in clock ticks, and so is it compared. */
  uint64_t started = process.started / CLOCK_TICKS_NS;
  return bpf_map_update_elem(kernel->maps[MAP_GUARDED_PROCESSES], &pid, &started, BPF_ANY) == 0 ? 0 : -errno;
}

/* Everything below a folder is guarded with it. */
static int guard_path(struct kernel *kernel, const char *path) {
  if (kernel->maps[MAP_GUARDED_FILES] < 0) return 0; /* no hooks here that could refuse */
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct gate_slot slot;
  int failed = look_at(kernel, fd, &slot);
  close(fd);
  if (failed != 0) return failed;
  struct gate_key key = {.inode = slot.own_inode, .device = slot.own_device}, device = {.device = slot.own_device};
  uint32_t one = 1;
  if (bpf_map_update_elem(kernel->maps[MAP_GUARDED_FILES], &key, &one, BPF_ANY) != 0 ||
      bpf_map_update_elem(kernel->maps[MAP_GUARDED_FILES], &device, &one, BPF_ANY) != 0)
    return -errno;
  __atomic_store_n(&kernel->settings->guards, 1, __ATOMIC_SEQ_CST);
  return 0;
}

/* The number of a map and of a link stand at different places of what the kernel tells. */
static void guard_object(struct kernel *kernel, uint32_t kind, int fd) {
  struct bpf_map_info map;
  struct bpf_link_info link;
  memset(&map, 0, sizeof map);
  memset(&link, 0, sizeof link);
  uint32_t bytes = kind == GATE_OBJECT_MAP ? sizeof map : sizeof link, one = 1;
  if (bpf_obj_get_info_by_fd(fd, kind == GATE_OBJECT_MAP ? (void *)&map : (void *)&link, &bytes) != 0) return;
  struct gate_guarded_object key = {.kind = kind, .number = kind == GATE_OBJECT_MAP ? map.id : link.id};
  if (kernel->maps[MAP_GUARDED_OBJECTS] >= 0) bpf_map_update_elem(kernel->maps[MAP_GUARDED_OBJECTS], &key, &one, BPF_ANY);
}

static uint32_t mount_namespace(void) {
  char link[64] = "";
  unsigned number = 0;
  if (readlink("/proc/self/ns/mnt", link, sizeof link - 1) <= 0 || sscanf(link, "mnt:[%u]", &number) != 1) return 0;
  return number;
}
