/* Who a process is and what a file is called, from /proc. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "gate.h"

uint64_t now_boot(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t now_awake(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t boot_to_unix(void) {
  struct timespec unix_now;
  clock_gettime(CLOCK_REALTIME, &unix_now);
  return (uint64_t)unix_now.tv_sec * 1000000000u + (uint64_t)unix_now.tv_nsec - now_boot();
}

size_t fd_path(int fd, char *path, size_t bytes, uint32_t *flags) {
  static const char deleted[] = " (deleted)";
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, bytes);
  if (length <= 0) return 0;
  if ((size_t)length == bytes) *flags |= PV_F_PATH_CUT;
  size_t end = sizeof deleted - 1;
  struct stat is;
  if ((size_t)length > end && memcmp(path + length - end, deleted, end) == 0 && fstat(fd, &is) == 0 && is.st_nlink == 0) {
    length -= (ssize_t)end;
    *flags |= PV_F_UNLINKED;
  }
  if ((size_t)length >= 7 && memcmp(path, "/memfd:", 7) == 0) *flags |= PV_F_MEMFD;
  return (size_t)length;
}

/* Reads a small file of /proc whole, as text. Bytes read, 0 where it cannot be. */
size_t proc_read(uint32_t pid, const char *name, char *text, size_t bytes) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, bytes - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  return (size_t)length;
}

static uint32_t proc_number(uint32_t pid, const char *name) {
  char text[32];
  return proc_read(pid, name, text, sizeof text) == 0 ? UINT32_MAX : (uint32_t)strtoul(text, NULL, 10);
}

uint32_t proc_namespace(uint32_t pid, const char *name) {
  char path[64], link[64];
  snprintf(path, sizeof path, "/proc/%u/ns/%s", pid, name);
  ssize_t length = readlink(path, link, sizeof link - 1);
  if (length <= 0) return 0;
  link[length] = 0;
  const char *number = strchr(link, '[');
  return number == NULL ? 0 : (uint32_t)strtoul(number + 1, NULL, 10);
}

/* Where cgroup v2 is mounted: "/sys/fs/cgroup", or beside version 1. Empty: nowhere. */
const char *cgroup_mount(void) {
  static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char probe[64];
    snprintf(probe, sizeof probe, "%s/cgroup.procs", places[i]);
    char kinds[64];
    snprintf(kinds, sizeof kinds, "%s/cgroup.controllers", places[i]);
    if (access(probe, F_OK) == 0 && access(kinds, F_OK) == 0) return places[i];
  }
  return "";
}

/* The process's cgroup v2 path as "/a/b". Bytes, 0 where it has none. */
size_t process_cgroup(uint32_t pid, char *path, size_t bytes) {
  char text[4096];
  if (proc_read(pid, "cgroup", text, sizeof text) == 0) return 0;
  const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
  if (line == NULL) return 0;
  line += *line == '\n' ? 4 : 3;
  size_t length = strcspn(line, "\n");
  if (length >= bytes) return 0;
  memcpy(path, line, length);
  path[length] = 0;
  return length;
}

static uint64_t cgroup_id(uint32_t pid) {
  char path[PV_MAX_PATH], whole[PV_MAX_PATH + 64];
  if (process_cgroup(pid, path, sizeof path) == 0) return 0;
  snprintf(whole, sizeof whole, "%s%s", cgroup_mount(), path);
  struct stat is;
  return stat(whole, &is) == 0 ? is.st_ino : 0;
}

/* Fields of /proc/PID/stat after the name, which may hold spaces and brackets. */
static bool read_stat(uint32_t pid, struct pv_process *process, uint64_t *started) {
  char text[1024];
  if (proc_read(pid, "stat", text, sizeof text) == 0) return false;
  char *name = strchr(text, '('), *end = strrchr(text, ')');
  if (name == NULL || end == NULL || end < name) return false;
  if (process != NULL) {
    size_t length = (size_t)(end - name - 1);
    if (length > sizeof process->name) length = sizeof process->name;
    memcpy(process->name, name + 1, length);
  }
  unsigned long long ticks = 0;
  unsigned int parent = 0;
  if (sscanf(end + 1, " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &parent, &ticks) != 2) return false;
  if (process != NULL) process->parent = parent;
  *started = ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
  return true;
}

bool process_describe(uint32_t pid, struct pv_process *process) {
  *process = (struct pv_process){.pid = pid};
  if (pid == 0 || !read_stat(pid, process, &process->started)) return false;
  if (process->parent != 0) (void)read_stat(process->parent, NULL, &process->parent_started);
  char text[2048];
  if (proc_read(pid, "status", text, sizeof text) != 0) {
    const char *user = strstr(text, "\nUid:"), *group = strstr(text, "\nGid:");
    if (user != NULL) process->user = (uint32_t)strtoul(user + 5, NULL, 10);
    if (group != NULL) process->group = (uint32_t)strtoul(group + 5, NULL, 10);
  }
  process->login_user = proc_number(pid, "loginuid");
  process->session = proc_number(pid, "sessionid");
  process->mount_namespace = proc_namespace(pid, "mnt");
  process->pid_namespace = proc_namespace(pid, "pid");
  process->cgroup = cgroup_id(pid);
  return true;
}

/* The path of the program that a process runs. */
size_t process_program(uint32_t pid, char *path, size_t bytes) {
  char link[32];
  snprintf(link, sizeof link, "/proc/%u/exe", pid);
  ssize_t length = readlink(link, path, bytes);
  return length > 0 ? (size_t)length : 0;
}
