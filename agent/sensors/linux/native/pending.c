/* The kernel's questions that wait: a fixed number of places, so that a flood of unknown programs costs no memory. */
#include <string.h>
#include <unistd.h>
#include "gate.h"

MUTEX_INHERIT(lock)
static struct pending places[PENDING_PLACES];
static unsigned limit = PENDING_PLACES, next;
static uint64_t rounds;

void pending_limit(unsigned most) { limit = most < PENDING_PLACES ? most : PENDING_PLACES; }
void pending_lock(void) { pthread_mutex_lock(&lock); }
void pending_unlock(void) { pthread_mutex_unlock(&lock); }
struct pending *pending_at(unsigned place) { return places + place; }

struct pending *pending_find(uint64_t id) {
  struct pending *pending = places + id % PENDING_PLACES;
  return pending->id == id && pending->state != PENDING_FREE ? pending : NULL;
}

void pending_release(struct pending *pending) {
  if (pending->fd >= 0) close(pending->fd);
  pending->fd = -1;
  pending->state = PENDING_FREE;
}

void pending_finish(struct pending *pending) {
  pthread_mutex_lock(&lock);
  if (pending->settling != 0) pending->finished = true;
  else pending_release(pending);
  pthread_mutex_unlock(&lock);
}

void pending_settle(struct pending *pending) {
  pthread_mutex_lock(&lock);
  pending->settling++;
  pthread_mutex_unlock(&lock);
}

void pending_settled(struct pending *pending) {
  pthread_mutex_lock(&lock);
  pending->settling--;
  if (pending->settling != 0) {
    pthread_mutex_unlock(&lock);
    return;
  }
  if (pending->finished) {
    pending_release(pending);
  } else if (pending->state == PENDING_WAITING && pending->fd >= 0) {
    /* Only the agent's late answer is waited for: the file itself is let go. */
    close(pending->fd);
    pending->fd = -1;
  }
  pthread_mutex_unlock(&lock);
}

static struct pending *begin(struct pending *pending, unsigned place) {
  *pending = (struct pending){.id = ++rounds * PENDING_PLACES + place, .fd = -1, .state = PENDING_QUEUED};
  next = (place + 1) % limit;
  return pending;
}

struct pending *pending_take(void) {
  struct pending *oldest = NULL, *taken = NULL;
  pthread_mutex_lock(&lock);
  for (unsigned i = 0; i < limit && taken == NULL; i++) {
    unsigned place = (next + i) % limit;
    struct pending *at = places + place;
    if (at->state == PENDING_FREE) taken = begin(at, place);
    else if (at->state == PENDING_WAITING && at->answered && at->settling == 0 && (oldest == NULL || at->asked < oldest->asked)) oldest = at;
  }
  if (taken == NULL && oldest != NULL) {
    pending_release(oldest);
    taken = begin(oldest, (unsigned)(oldest - places));
  }
  pthread_mutex_unlock(&lock);
  return taken;
}
