/*
 * Two lanes towards the agent. Asks, decisions and tampering are never dropped while an agent reads; one that lets a megabyte of them lie is
 * taken for gone. Telemetry keeps four megabytes and counts the rest as lost. Both are rings of whole records.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "gate.h"

enum { URGENT_BYTES = 1 << 20, EVENT_BYTES = 4 << 20, BATCH_BYTES = 64 << 10, KINDS = 64 };

struct lane {
  uint8_t *bytes;
  size_t size, head, used; /* head: next to send */
};

MUTEX_INHERIT(lock)
static struct lane urgent, events;
static uint8_t *batch; /* what the socket took only a part of, and what is sent next */
static size_t batch_at, batch_end;
static int client = -1, wake = -1;
static bool stuck; /* the urgent lane is full */
static uint64_t made, delivered, lost;
static struct { uint64_t count; uint32_t where; } unsaid[KINDS]; /* losses by record type */
static bool any_unsaid;

static bool lane_open(struct lane *lane, size_t size) {
  lane->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  lane->size = size;
  return lane->bytes != MAP_FAILED;
}

bool output_open(void) {
  batch = malloc(PV_MAX_RECORD + BATCH_BYTES);
  wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return batch != NULL && wake >= 0 && lane_open(&urgent, URGENT_BYTES) && lane_open(&events, EVENT_BYTES);
}

int output_wake(void) { return wake; }

static void lane_put(struct lane *lane, const void *record, size_t bytes) {
  size_t tail = (lane->head + lane->used) % lane->size, first = lane->size - tail;
  if (first > bytes) first = bytes;
  memcpy(lane->bytes + tail, record, first);
  memcpy(lane->bytes, (const uint8_t *)record + first, bytes - first);
  lane->used += bytes;
}

static void lane_copy(const struct lane *lane, size_t from, void *to, size_t bytes) {
  size_t at = (lane->head + from) % lane->size, first = lane->size - at;
  if (first > bytes) first = bytes;
  memcpy(to, lane->bytes + at, first);
  memcpy((uint8_t *)to + first, lane->bytes, bytes - first);
}

static void lane_drop(struct lane *lane) {
  lane->head = lane->used = 0;
  /* Pages that a burst touched go back; locked ones cannot, so they are unlocked first. */
  (void)munlock(lane->bytes, lane->size);
  (void)madvise(lane->bytes, lane->size, MADV_DONTNEED);
}

/* Moves whole records from a lane to the batch, as many as have room. Their number. */
static uint64_t lane_take(struct lane *lane) {
  uint64_t records = 0;
  size_t take = 0;
  while (take < lane->used) {
    struct pv_header header;
    lane_copy(lane, take, &header, sizeof header);
    if (batch_end + take + header.size > BATCH_BYTES && batch_end + take != 0) break;
    take += header.size;
    records++;
  }
  lane_copy(lane, 0, batch + batch_end, take);
  batch_end += take;
  lane->head = (lane->head + take) % lane->size;
  lane->used -= take;
  return records;
}

void output_poke(void) {
  uint64_t one = 1;
  if (write(wake, &one, sizeof one) < 0) return; /* full: it is awake already */
}

static void say_losses(void) {
  if (!any_unsaid) return;
  for (uint32_t kind = 0; kind < KINDS; kind++) {
    if (unsaid[kind].count == 0) continue;
    struct pv_lost record = {.header = {sizeof record, PV_LOST, sizeof record}, .time = now_boot(), .count = unsaid[kind].count, .kind = kind, .where = unsaid[kind].where};
    if (urgent.size - urgent.used < sizeof record) return;
    lane_put(&urgent, &record, sizeof record);
    unsaid[kind].count = 0;
  }
  any_unsaid = false;
}

/* With the lock. 0: the batch is sent, 1: the socket is full, -1: gone. */
static int send_batch(void) {
  while (batch_at < batch_end) {
    ssize_t sent = send(client, batch + batch_at, batch_end - batch_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
    batch_at += (size_t)sent;
  }
  batch_at = batch_end = 0;
  return 0;
}

int output_flush(void) {
  pthread_mutex_lock(&lock);
  int result = client < 0 ? 0 : stuck ? -1 : send_batch();
  while (result == 0 && client >= 0) {
    say_losses();
    if (urgent.used == 0 && events.used == 0) break;
    bool burst = events.used > BATCH_BYTES;
    (void)lane_take(&urgent);
    delivered += lane_take(&events);
    if (burst && events.used == 0) lane_drop(&events);
    result = send_batch();
  }
  pthread_mutex_unlock(&lock);
  return result;
}

bool out_record(const void *record, size_t bytes) {
  pthread_mutex_lock(&lock);
  bool taken = client >= 0 && !stuck;
  if (taken && urgent.size - urgent.used < bytes) {
    stuck = true;
    taken = false;
  }
  bool later = true;
  if (taken) {
    lane_put(&urgent, record, bytes);
    /* At once where the socket is free: an asker waits. */
    if (batch_at == batch_end) {
      batch_at = batch_end = 0;
      (void)lane_take(&urgent);
      later = send_batch() != 0 || urgent.used != 0;
    }
  }
  pthread_mutex_unlock(&lock);
  if (later) output_poke();
  return taken;
}

static void lose(uint32_t kind, uint32_t where, uint64_t count) {
  if (kind >= KINDS) kind = 0;
  unsaid[kind].count += count;
  unsaid[kind].where = where;
  any_unsaid = true;
}

bool out_event(const void *record, size_t bytes) {
  bool taken = false, first = false;
  pthread_mutex_lock(&lock);
  made++;
  if (client >= 0 && bytes >= sizeof(struct pv_header) && events.size - events.used >= bytes) {
    first = events.used == 0;
    lane_put(&events, record, bytes);
    taken = true;
  } else {
    struct pv_header header = {0};
    if (bytes >= sizeof header) memcpy(&header, record, sizeof header);
    lost++;
    lose(header.type, 2, 1);
  }
  pthread_mutex_unlock(&lock);
  if (first) output_poke();
  return taken;
}

void out_lost(uint32_t kind, uint32_t where, uint64_t count) {
  pthread_mutex_lock(&lock);
  made += count;
  lost += count;
  lose(kind, where, count);
  pthread_mutex_unlock(&lock);
  output_poke();
}

bool out_connected(void) {
  pthread_mutex_lock(&lock);
  bool is = client >= 0 && !stuck;
  pthread_mutex_unlock(&lock);
  return is;
}

void output_attach(int fd) {
  pthread_mutex_lock(&lock);
  client = fd;
  stuck = false;
  batch_at = batch_end = 0;
  pthread_mutex_unlock(&lock);
}

/* What lay in the telemetry lane is lost with the connection, and told to the next one. */
void output_detach(void) {
  pthread_mutex_lock(&lock);
  client = -1;
  batch_end = batch_at = 0;
  while (events.used > 0) {
    uint64_t records = 0;
    struct pv_header header;
    lane_copy(&events, 0, &header, sizeof header);
    events.head = (events.head + header.size) % events.size;
    events.used -= header.size;
    records++;
    lost += records;
    lose(header.type, 2, records);
  }
  lane_drop(&events);
  lane_drop(&urgent);
  pthread_mutex_unlock(&lock);
}

void output_count(uint64_t *all, uint64_t *given, uint64_t *missed) {
  pthread_mutex_lock(&lock);
  *all = made;
  *given = delivered;
  *missed = lost;
  pthread_mutex_unlock(&lock);
}
