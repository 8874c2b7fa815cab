/*
 * Links and maps pinned on a bpffs: enforcement that outlives the sensor, and what a new sensor takes over. A new program is attached
 * before the old link goes, so that there is no moment without a check.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "kernel.h"

#define PIN_PATH 512

static void pin_path(const struct kernel *kernel, const char *kind, const char *name, char path[PIN_PATH]) {
  snprintf(path, PIN_PATH, "%s/%s-%s", kernel->options->pins, kind, name);
}

/* The maps fit when they say so themselves: the layout's number stands in the settings. */
int pin_adopt(struct kernel *kernel, int maps[MAPS]) {
  char path[PIN_PATH];
  struct gate_settings settings;
  uint32_t first = 0;
  pin_path(kernel, "map", map_names[MAP_SETTINGS], path);
  int fd = bpf_obj_get(path);
  if (fd < 0) return -errno; /* EPERM: guarded by a sensor that was of another program and has ended within the last minute */
  struct bpf_map_info info;
  uint32_t bytes = sizeof info;
  memset(&info, 0, sizeof info);
  bool fits = bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0 && info.value_size == sizeof settings &&
              bpf_map_lookup_elem(fd, &first, &settings) == 0 && settings.layout == GATE_LAYOUT;
  close(fd);
  if (!fits) return -ESTALE;
  for (int i = 0; i < MAPS; i++) {
    pin_path(kernel, "map", map_names[i], path);
    maps[i] = bpf_obj_get(path); /* one that is missing is made anew */
  }
  return 0;
}

static void remove_unknown(const struct kernel *kernel);

void pin_everything(struct kernel *kernel, FILE *missing) {
  const char *folder = kernel->options->pins;
  struct statfs filesystem;
  if (kernel->options->fault_no_bpffs || (mkdir(folder, 0700) != 0 && errno != EEXIST) || statfs(folder, &filesystem) != 0 ||
      (unsigned long)filesystem.f_type != BPF_FS_MAGIC) {
    fprintf(missing, "pins: %s does not lie on a bpffs; the kernel's checks end with the sensor\n", folder);
    return;
  }
  char path[PIN_PATH];
  for (int i = 0; i < MAPS; i++) {
    if (kernel->maps[i] < 0) continue;
    pin_path(kernel, "map", map_names[i], path);
    if (unlink(path) != 0 && errno != ENOENT) fprintf(missing, "pins: %s: %s\n", path, strerror(errno));
    if (bpf_obj_pin(kernel->maps[i], path) != 0) {
      fprintf(missing, "pins: %s: %s; the kernel's checks end with the sensor\n", path, strerror(errno));
      return;
    }
  }
  kernel->pinned = true;
  for (size_t i = 0; i < gate_program_count; i++) pin_program(kernel, i);
  remove_unknown(kernel);
  if (kernel->pinned) kernel->parts |= PV_PART_PINNED;
}

/* Links of a sensor that knew other programs than this one. */
static void remove_unknown(const struct kernel *kernel) {
  DIR *folder = opendir(kernel->options->pins);
  if (!folder) return;
  for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    bool known = strncmp(entry->d_name, "link-", 5) != 0;
    for (size_t i = 0; i < gate_program_count && !known; i++) known = strcmp(entry->d_name + 5, gate_programs[i].name) == 0;
    if (!known) unlinkat(dirfd(folder), entry->d_name, 0);
  }
  closedir(folder);
}

/* Under another name first, then over the old one: the old link ends when its last name does. */
void pin_program(struct kernel *kernel, size_t program) {
  char path[PIN_PATH], fresh[PIN_PATH];
  pin_path(kernel, "link", gate_programs[program].name, path);
  pin_path(kernel, "new", gate_programs[program].name, fresh);
  if (kernel->links[program] < 0) {
    unlink(path); /* of a sensor that had more than this one */
    return;
  }
  unlink(fresh);
  if (bpf_obj_pin(kernel->links[program], fresh) != 0 || rename(fresh, path) != 0) {
    unlink(fresh);
    kernel->pinned = false;
  }
}

/* A pin that somebody took away is told, and put back. */
void pin_check(struct kernel *kernel) {
  char path[PIN_PATH];
  for (size_t i = 0; i < gate_program_count; i++) {
    if (kernel->links[i] < 0) continue;
    pin_path(kernel, "link", gate_programs[i].name, path);
    if (access(path, F_OK) == 0) continue;
    pin_program(kernel, i);
    struct { struct pv_tamper tamper; char path[PIN_PATH]; } record;
    memset(&record, 0, sizeof record);
    size_t length = strnlen(path, sizeof path);
    memcpy(record.path, path, length);
    record.tamper.header = (struct pv_header){(uint32_t)(sizeof record.tamper + length), PV_TAMPER, sizeof record.tamper};
    record.tamper.time = now_boot();
    record.tamper.what = PV_T_UNPINNED;
    record.tamper.path_bytes = (uint16_t)length;
    out_record(&record, record.tamper.header.size);
  }
}

void pin_remove(struct kernel *kernel, bool all) {
  if (!kernel->pinned || !all) return;
  char path[PIN_PATH];
  for (size_t i = 0; i < gate_program_count; i++) {
    pin_path(kernel, "link", gate_programs[i].name, path);
    unlink(path);
  }
  for (int i = 0; i < MAPS; i++) {
    pin_path(kernel, "map", map_names[i], path);
    unlink(path);
  }
  rmdir(kernel->options->pins);
  kernel->pinned = false;
}
