/*
 * What the gate decided without the agent. The first of its kind is told at once, equal ones are counted and told once a second, so that a
 * loop of refused programs costs one record a second. While no agent is connected they wait here; what has no room is counted as lost.
 */
#include <string.h>
#include "gate.h"

enum { PLACES = 128, TEXT = 512 };

struct folded {
  struct pv_gate gate;
  uint32_t waiting; /* not told yet */
  uint64_t at;
  uint16_t path_bytes, executable_bytes;
  char path[TEXT], executable[TEXT / 2];
};

MUTEX_INHERIT(lock)
static struct folded places[PLACES];
static uint64_t unplaced;

static bool same(const struct folded *one, const struct pv_gate *gate) {
  return one->gate.file.inode == gate->file.inode && one->gate.file.device == gate->file.device && one->gate.file.ctime == gate->file.ctime &&
         one->gate.cause == gate->cause && one->gate.allowed == gate->allowed && one->gate.access == gate->access && one->gate.who.user == gate->who.user;
}

static bool tell(struct folded *folded) {
  struct { struct pv_gate gate; char text[TEXT + TEXT / 2]; } record;
  record.gate = folded->gate;
  record.gate.path_bytes = folded->path_bytes;
  record.gate.executable_bytes = folded->executable_bytes;
  record.gate.count = folded->waiting;
  record.gate.header = (struct pv_header){(uint32_t)(sizeof record.gate + folded->path_bytes + folded->executable_bytes), PV_GATE, sizeof record.gate};
  memcpy(record.text, folded->path, folded->path_bytes);
  memcpy(record.text + folded->path_bytes, folded->executable, folded->executable_bytes);
  if (!out_record(&record, record.gate.header.size)) return false;
  folded->waiting = 0;
  return true;
}

/* A path that is longer than there is room for is told at once and not folded. */
static bool tell_long(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  static _Thread_local struct { struct pv_gate gate; char text[2 * PV_MAX_PATH]; } record;
  record.gate = *gate;
  record.gate.path_bytes = (uint16_t)path_bytes;
  record.gate.executable_bytes = (uint16_t)executable_bytes;
  record.gate.count = 1;
  record.gate.header = (struct pv_header){(uint32_t)(sizeof record.gate + path_bytes + executable_bytes), PV_GATE, sizeof record.gate};
  memcpy(record.text, path, path_bytes);
  memcpy(record.text + path_bytes, executable, executable_bytes);
  return out_record(&record, record.gate.header.size);
}

void fold_add(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  if (executable_bytes > TEXT / 2) executable_bytes = TEXT / 2;
  pthread_mutex_lock(&lock);
  struct folded *place = NULL;
  for (int i = 0; i < PLACES; i++) {
    struct folded *at = places + i;
    if (at->at != 0 && same(at, gate)) {
      at->waiting++;
      pthread_mutex_unlock(&lock);
      return;
    }
    if (at->waiting == 0 && (place == NULL || at->at < place->at)) place = at;
  }
  if (path_bytes > TEXT) {
    if (!tell_long(gate, path, path_bytes, executable, executable_bytes)) unplaced++;
  } else if (place == NULL) {
    unplaced++;
  } else {
    *place = (struct folded){.gate = *gate, .waiting = 1, .at = gate->time, .path_bytes = (uint16_t)path_bytes, .executable_bytes = (uint16_t)executable_bytes};
    memcpy(place->path, path, path_bytes);
    memcpy(place->executable, executable, executable_bytes);
    (void)tell(place);
  }
  pthread_mutex_unlock(&lock);
}

void fold_flush(void) {
  pthread_mutex_lock(&lock);
  uint64_t now = now_boot();
  bool gone = false;
  for (int i = 0; i < PLACES && !gone; i++) {
    if (places[i].at == 0) continue;
    if (places[i].waiting != 0) gone = !tell(places + i);
    /* Told and quiet for a second: the next one is a first again. */
    else if (now - places[i].at > 1000000000u) places[i].at = 0;
  }
  uint64_t lost = gone || !out_connected() ? 0 : unplaced;
  unplaced -= lost;
  pthread_mutex_unlock(&lock);
  if (lost != 0) out_lost(PV_GATE, 4, lost);
}

void out_gate(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  fold_add(gate, path, path_bytes, executable, executable_bytes);
}
