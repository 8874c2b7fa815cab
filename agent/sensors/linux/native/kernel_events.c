/* What the gate's programs tell through their ring, as records for the agent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel.h"

#define AGAIN_NS 1000000000ull

static size_t join_path(const char *components, size_t bytes, char *path, size_t room, uint32_t *flags);
static size_t program_path(uint32_t pid, char *path, size_t room);
static void tell_refused(const struct gate_event *event, const char *path, size_t path_bytes);
static void tell_tamper(const struct gate_event *event, const char *path, size_t path_bytes);

int gate_record(void *kernel, void *bytes, size_t size) {
  (void)kernel;
  const struct gate_event *event = bytes;
  if (size < sizeof *event || event->path_bytes > size - sizeof *event) return 0;
  struct gate_event copy = *event;
  char path[PV_MAX_PATH];
  size_t path_bytes = join_path((const char *)bytes + sizeof *event, event->path_bytes, path, sizeof path, &copy.flags);
  switch (event->kind) {
    case GATE_REFUSED:
      gate_unasked((enum pv_cause)event->cause, &copy.who);
      tell_refused(&copy, path, path_bytes);
      break;
    case GATE_TAMPER: tell_tamper(&copy, path, path_bytes); break;
    case GATE_NAMESPACE: mounts_look(event->target); break;
    default: break;
  }
  return 0;
}

/* From "c\0b\0a\0" to "/a/b/c". Bytes; what does not fit is cut off in front, where the folders are. */
static size_t join_path(const char *components, size_t bytes, char *path, size_t room, uint32_t *flags) {
  size_t at = room;
  for (size_t from = 0; from < bytes;) {
    size_t length = strnlen(components + from, bytes - from);
    if (length + 1 > at) {
      *flags |= PV_F_PATH_CUT;
      break;
    }
    at -= length;
    memcpy(path + at, components + from, length);
    path[--at] = '/';
    from += length + 1;
  }
  memmove(path, path + at, room - at);
  return room - at;
}

static size_t program_path(uint32_t pid, char *path, size_t room) {
  char link[32];
  snprintf(link, sizeof link, "/proc/%u/exe", pid);
  ssize_t length = readlink(link, path, room);
  return length > 0 ? (size_t)length : 0;
}

static void tell_refused(const struct gate_event *event, const char *path, size_t path_bytes) {
  char program[PV_MAX_PATH];
  /* After an exec the process is what was refused, not who asked. */
  size_t program_bytes = event->access == PV_A_EXEC ? 0 : program_path(event->who.pid, program, sizeof program);
  struct pv_gate gate = {
      .time = event->time,
      .who = event->who,
      .file = event->file,
      .access = event->access,
      .flags = event->flags,
      .cause = event->cause,
      .allowed = event->refused ? 0 : 1,
  };
  out_gate(&gate, path, path_bytes, program, program_bytes);
}

/* Somebody who tries the same over and over must not fill the lane that is never dropped: once a second, the rest is counted. */
static bool told_lately(const struct gate_event *event) {
  static struct gate_event last;
  static uint64_t repeated;
  bool same = last.who.pid == event->who.pid && last.access == event->access && last.target == event->target && last.detail == event->detail;
  if (same && event->time < last.time + AGAIN_NS) {
    repeated++;
    return true;
  }
  if (repeated != 0) out_lost(PV_TAMPER, 4, repeated);
  repeated = 0;
  last = *event;
  return false;
}

static void tell_tamper(const struct gate_event *event, const char *path, size_t path_bytes) {
  static unsigned char record[sizeof(struct pv_tamper) + PV_MAX_PATH]; /* one thread calls */
  if (told_lately(event)) return;
  struct pv_tamper tamper = {
      .header = {.size = (uint32_t)(sizeof tamper + path_bytes), .type = PV_TAMPER, .fixed = sizeof tamper},
      .time = event->time,
      .who = event->who,
      .what = event->access,
      .detail = event->detail,
      .target = event->target,
      .refused = event->refused,
      .path_bytes = (uint16_t)path_bytes,
  };
  memcpy(record, &tamper, sizeof tamper);
  memcpy(record + sizeof tamper, path, path_bytes);
  out_record(record, tamper.header.size);
}
