/* Takes process, network and system call events out of the kernel's ring, puts their strings in order and hands them on. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <bpf/libbpf.h>
#include "connector.h"
#include "programs.h"

#define NAP_MS 4        /* between looks while there is something */
#define SLEEP_MS 100    /* at most, when there was nothing: a wake-up may be missed by a hair */
#define LOSS_EVERY 1000000000ull
#define NAMESPACES 1024 /* mount namespaces that were asked for lately */
#define ASK_AGAIN_NS 50000000

struct telemetry {
  pthread_mutex_t lock; /* around attaching, which the link's thread does */
  struct programs programs;
  struct connector *connector;
  struct ring_buffer *ring;
  int watched; /* epoll */
  bool busy;
  uint64_t losses_told;
  uint32_t own_pid_namespace;
  struct namespace_asked {
    uint32_t namespace;
    uint64_t when;
  } namespaces[NAMESPACES]; /* by number */
  _Alignas(8) uint8_t ordered[PV_MAX_RECORD];
};

static int take(void *context, void *data, size_t bytes);

static uint32_t own_namespace(const char *path) {
  struct stat is;
  return stat(path, &is) == 0 ? (uint32_t)is.st_ino : 0;
}

struct telemetry *telemetry_open(const struct options *options, char *missing, size_t missing_bytes) {
  struct telemetry *telemetry = calloc(1, sizeof *telemetry);
  if (telemetry == NULL) return NULL;
  (void)pthread_mutex_init(&telemetry->lock, NULL);
  telemetry->own_pid_namespace = own_namespace("/proc/self/ns/pid");
  telemetry->watched = epoll_create1(EPOLL_CLOEXEC);
  programs_open(&telemetry->programs, options, missing, missing_bytes);
  struct programs *programs = &telemetry->programs;
  if (programs->settings != NULL) {
    telemetry->ring = ring_buffer__new(programs->ring, take, telemetry, NULL);
    /* Edge-triggered: only a wake-up ends the wait, not that there is something, which is taken every few milliseconds anyway. */
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
    if (telemetry->ring == NULL || epoll_ctl(telemetry->watched, EPOLL_CTL_ADD, programs->ring, &edge) != 0) {
      ring_buffer__free(telemetry->ring);
      telemetry->ring = NULL;
      programs_close(programs);
    }
  }
  bool exits = programs_has(programs, ON_EXIT) || programs_has(programs, ON_EXIT_OLDER);
  uint32_t kinds = programs_has(programs, ON_EXEC) ? 0 : 1u << PV_EXEC;
  if (!programs_has(programs, ON_FORK)) kinds |= 1u << PV_FORK;
  if (!exits) kinds |= 1u << PV_EXIT;
  if (!programs_has(programs, ON_CALL)) kinds |= 1u << PV_PTRACE | 1u << PV_CREDENTIALS;
  if (kinds == 0) return telemetry;
  telemetry->connector = connector_open(options, kinds, missing, missing_bytes);
  struct epoll_event level = {.events = EPOLLIN};
  if (telemetry->connector != NULL)
    (void)epoll_ctl(telemetry->watched, EPOLL_CTL_ADD, connector_fd(telemetry->connector), &level);
  return telemetry;
}

uint32_t telemetry_parts(const struct telemetry *telemetry) {
  const struct programs *programs = &telemetry->programs;
  uint32_t parts = 0;
  if (programs_has(programs, ON_EXEC)) parts |= PV_PART_EVENTS;
  if (programs_has(programs, ON_SOCKET) || programs_has(programs, ON_CONNECT4)) parts |= PV_PART_NETWORK;
  if (programs_has(programs, ON_CALL)) parts |= PV_PART_SYSCALLS;
  if (telemetry->connector != NULL) parts |= PV_PART_CONNECTOR;
  return parts;
}

void telemetry_configure(struct telemetry *telemetry, const struct pv_config *config) {
  bool events = config->events != 0 && config->mode != PV_OFF;
  uint32_t groups = events ? GROUP_PROCESSES | GROUP_NETWORK : 0;
  if (events && config->syscalls != 0) groups |= GROUP_CALLS;
  (void)pthread_mutex_lock(&telemetry->lock);
  programs_attach(&telemetry->programs, groups);
  if (telemetry->connector != NULL) connector_listen(telemetry->connector, events);
  (void)pthread_mutex_unlock(&telemetry->lock);
}

void telemetry_leave_out(struct telemetry *telemetry, uint32_t process) {
  if (telemetry->programs.settings != NULL) telemetry->programs.settings->agent = process;
  if (telemetry->connector != NULL) connector_leave_out(telemetry->connector, process);
}

/* How many records, or -errno. */
static int look(struct telemetry *telemetry) {
  int taken = telemetry->ring == NULL ? 0 : ring_buffer__consume(telemetry->ring);
  int more = telemetry->connector == NULL ? 0 : connector_take(telemetry->connector);
  return taken < 0 ? taken : taken + more;
}

int telemetry_poll(struct telemetry *telemetry, int timeout_ms) {
  if (telemetry->ring == NULL && telemetry->connector == NULL) return -ENOSYS;
  uint64_t now = now_boot();
  if (telemetry->ring != NULL && now - telemetry->losses_told > LOSS_EVERY) {
    telemetry->losses_told = now;
    programs_lost(&telemetry->programs, out_lost);
  }
  int wait = telemetry->busy ? NAP_MS : SLEEP_MS;
  if (timeout_ms >= 0 && wait > timeout_ms) wait = timeout_ms;
  volatile struct telemetry_settings *settings = telemetry->programs.settings;
  if (!telemetry->busy && settings != NULL) settings->waiting = 1;
  struct epoll_event woken;
  /* What came between the last look and `waiting` woke nobody. */
  int taken = telemetry->busy ? 0 : look(telemetry);
  if (taken == 0 && epoll_wait(telemetry->watched, &woken, 1, wait) < 0 && errno != EINTR) return -errno;
  if (settings != NULL) settings->waiting = 0;
  int more = look(telemetry);
  if (more > 0) taken += more;
  telemetry->busy = taken > 0;
  return taken;
}

/* Names leaf first become a path. Bytes written: as many as were read, or one for the root itself. */
static size_t order_path(uint8_t *to, const uint8_t *names, size_t bytes) {
  if (bytes == 0) {
    to[0] = '/';
    return 1;
  }
  size_t place = bytes;
  for (size_t at = 0; at < bytes;) {
    size_t length = strnlen((const char *)names + at, bytes - at);
    if (length + 1 > place) return 0;
    place -= length + 1;
    to[place] = '/';
    memcpy(to + place + 1, names + at, length);
    at += length + 1;
  }
  return bytes;
}

static uint32_t device_of(dev_t device) { return (uint32_t)major(device) << 20 | (uint32_t)minor(device); }

static int open_in(int root, const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The script's identity where the kernel's program found none: looked up afterwards, in the process's root. */
static void find_script(struct pv_exec *exec, const char *called, const char *directory, bool own_root) {
  char path[2 * PV_MAX_PATH + 2], root[32] = "/";
  int bytes = *called == '/' ? snprintf(path, sizeof path, "%s", called) : snprintf(path, sizeof path, "%s/%s", directory, called);
  if (bytes <= 0 || (size_t)bytes >= sizeof path) return;
  if (!own_root) (void)snprintf(root, sizeof root, "/proc/%u/root", exec->event.who.pid);
  int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int file = folder < 0 ? -1 : open_in(folder, path);
  struct stat is;
  if (file >= 0 && fstat(file, &is) == 0 && S_ISREG(is.st_mode))
    exec->script = (struct pv_file){
      .inode = is.st_ino, .ctime = (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec,
      .bytes = (uint64_t)is.st_size, .device = device_of(is.st_dev), .links = (uint32_t)is.st_nlink,
    };
  if (file >= 0) close(file);
  if (folder >= 0) close(folder);
}

/* From the ring's order of strings into the record's. */
static void take_exec(struct telemetry *telemetry, const struct pv_exec *raw, size_t bytes) {
  size_t strings = (size_t)raw->path_bytes + raw->script_bytes + raw->directory_bytes + raw->arguments_bytes + raw->group_bytes;
  /* Two paths may be the root: a byte more each than came. */
  if (sizeof *raw + strings > bytes || sizeof *raw + strings + 2 > sizeof telemetry->ordered) return;
  const uint8_t *path = (const uint8_t *)(raw + 1);
  const uint8_t *script = path + raw->path_bytes, *directory = script + raw->script_bytes;
  const uint8_t *group = directory + raw->directory_bytes, *arguments = group + raw->group_bytes;

  struct pv_exec exec = *raw;
  exec.pad = 0;
  uint8_t *to = telemetry->ordered + sizeof exec;
  exec.path_bytes = (uint16_t)order_path(to, path, raw->path_bytes);
  to += exec.path_bytes;
  memcpy(to, script, raw->script_bytes);
  to += raw->script_bytes;
  exec.directory_bytes = (uint16_t)order_path(to, directory, raw->directory_bytes);
  if ((exec.event.flags & PV_F_SCRIPT) != 0 && exec.script.inode == 0) {
    char called[PV_MAX_PATH + 1], folder[PV_MAX_PATH + 1];
    (void)snprintf(called, sizeof called, "%.*s", (int)raw->script_bytes, (const char *)script);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)exec.directory_bytes, (const char *)to);
    find_script(&exec, called, folder, raw->pad == 1);
  }
  to += exec.directory_bytes;
  /* NUL stands between arguments: the last one's ends nothing. */
  if (exec.arguments_bytes > 0 && arguments[exec.arguments_bytes - 1] == 0) exec.arguments_bytes--;
  memcpy(to, arguments, exec.arguments_bytes);
  to += exec.arguments_bytes;
  memcpy(to, group, raw->group_bytes);
  to += raw->group_bytes;
  exec.event.header.size = (uint32_t)(to - telemetry->ordered);
  memcpy(telemetry->ordered, &exec, sizeof exec);
  (void)out_event(telemetry->ordered, exec.event.header.size);
}

/* File systems of a mount namespace that nobody has met yet have to come under the gate. */
static void meet_namespace(struct telemetry *telemetry, const struct pv_process *who) {
  if (mounts_watched(who->mount_namespace)) return;
  struct namespace_asked *asked = &telemetry->namespaces[who->mount_namespace % NAMESPACES];
  uint64_t now = now_boot();
  /* One that is not watched although it was asked for: who asked has ended, or it does not count here. */
  if (asked->namespace == who->mount_namespace && now - asked->when < ASK_AGAIN_NS) return;
  *asked = (struct namespace_asked){who->mount_namespace, now};
  mounts_look(who->pid);
}

static void take_reach(const struct telemetry *telemetry, const struct pv_reach *raw) {
  struct pv_reach reach = *raw;
  struct pv_process target;
  /* The caller's numbers mean something here only in the same namespace. */
  if (reach.event.header.type == PV_PTRACE && reach.event.who.pid_namespace == telemetry->own_pid_namespace &&
      process_describe(reach.target, &target))
    reach.target_started = target.started;
  (void)out_event(&reach, sizeof reach);
}

static int take(void *context, void *data, size_t bytes) {
  struct telemetry *telemetry = context;
  const struct pv_event *event = data;
  if (bytes < sizeof *event || event->header.size != bytes) return 0;
  switch (event->header.type) {
    case PV_EXEC:
      if (bytes < sizeof(struct pv_exec)) return 0;
      meet_namespace(telemetry, &event->who);
      take_exec(telemetry, data, bytes);
      return 0;
    case PV_PTRACE:
    case PV_CREDENTIALS:
      if (bytes == sizeof(struct pv_reach)) take_reach(telemetry, data);
      return 0;
    case PV_MOUNT:
      mounts_look(event->who.pid);
      break;
  }
  (void)out_event(data, bytes);
  return 0;
}

void telemetry_close(struct telemetry *telemetry) {
  if (telemetry == NULL) return;
  programs_attach(&telemetry->programs, 0);
  if (telemetry->ring != NULL) (void)ring_buffer__consume(telemetry->ring);
  ring_buffer__free(telemetry->ring);
  connector_close(telemetry->connector);
  programs_close(&telemetry->programs);
  if (telemetry->watched >= 0) close(telemetry->watched);
  (void)pthread_mutex_destroy(&telemetry->lock);
  free(telemetry);
}
