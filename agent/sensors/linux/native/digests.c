/* What is known of a digest: the answer to give for it, whether it ran before, whether it is of the hard-allowed core. */
#include <string.h>
#include "gate.h"

enum { GROUPS = DIGEST_PLACES / DIGEST_WAYS, ANSWERS = DIGEST_ALLOW | DIGEST_DENY, STAYING = DIGEST_CORE | DIGEST_INTERPRETER };

MUTEX_INHERIT(lock)
static struct digest_known places[DIGEST_PLACES];
static uint32_t epoch = 1;
static uint64_t uses;

static struct digest_known *group_of(const uint8_t digest[32]) { return places + hash_key(digest, 32) % GROUPS * DIGEST_WAYS; }

/* An answer that has ended, or was forgotten with all others, counts no longer; what is known stays. */
static void settle(struct digest_known *known, uint64_t now) {
  if ((known->flags & ANSWERS) == 0) return;
  if (known->epoch == epoch && (known->until == 0 || known->until > now)) return;
  known->flags &= (uint16_t)~ANSWERS;
  known->notice = NOTICE_NONE;
}

static struct digest_known *find(const uint8_t digest[32]) {
  struct digest_known *group = group_of(digest);
  for (int way = 0; way < DIGEST_WAYS; way++)
    if (group[way].flags != 0 && memcmp(group[way].digest, digest, 32) == 0) return group + way;
  return NULL;
}

/* The core goes last: it has to open also when nobody can answer. So do interpreters: a copy of one is known by its bytes. */
static struct digest_known *place_for(const uint8_t digest[32]) {
  struct digest_known *place = find(digest);
  if (place != NULL) return place;
  struct digest_known *group = group_of(digest);
  place = group;
  for (int way = 0; way < DIGEST_WAYS; way++) {
    struct digest_known *at = group + way;
    if (at->flags == 0) {
      place = at;
      break;
    }
    bool stays = (at->flags & STAYING) != 0, place_stays = (place->flags & STAYING) != 0;
    if (stays != place_stays ? place_stays : at->used < place->used) place = at;
  }
  *place = (struct digest_known){0};
  memcpy(place->digest, digest, 32);
  return place;
}

bool digest_find(const uint8_t digest[32], struct digest_known *found) {
  uint64_t now = now_boot();
  pthread_mutex_lock(&lock);
  struct digest_known *known = find(digest);
  if (known != NULL) {
    settle(known, now);
    known->used = ++uses;
    *found = *known;
  }
  bool is = known != NULL && known->flags != 0;
  pthread_mutex_unlock(&lock);
  return is;
}

void digest_answer(const uint8_t digest[32], bool allow, uint64_t until, uint8_t kind, uint32_t notice) {
  pthread_mutex_lock(&lock);
  struct digest_known *known = place_for(digest);
  known->flags = (uint16_t)((known->flags & ~ANSWERS) | (allow ? DIGEST_ALLOW | DIGEST_RAN : DIGEST_DENY));
  known->until = until;
  known->kind = kind;
  known->notice = notice;
  known->epoch = epoch;
  known->used = ++uses;
  pthread_mutex_unlock(&lock);
}

void digest_mark(const uint8_t digest[32], uint16_t flags) {
  pthread_mutex_lock(&lock);
  struct digest_known *known = place_for(digest);
  known->flags |= flags;
  known->used = ++uses;
  pthread_mutex_unlock(&lock);
}

void digest_forget(const uint8_t digest[32]) {
  pthread_mutex_lock(&lock);
  struct digest_known *known = find(digest);
  if (known != NULL) known->flags &= (uint16_t)~ANSWERS;
  pthread_mutex_unlock(&lock);
}

void digest_forget_all(void) {
  pthread_mutex_lock(&lock);
  epoch++;
  pthread_mutex_unlock(&lock);
}

void digest_each(void (*each)(const struct digest_known *known, void *argument), void *argument) {
  uint64_t now = now_boot();
  for (int group = 0; group < GROUPS; group++) {
    struct digest_known copy[DIGEST_WAYS];
    pthread_mutex_lock(&lock);
    for (int way = 0; way < DIGEST_WAYS; way++) {
      settle(places + group * DIGEST_WAYS + way, now);
      copy[way] = places[group * DIGEST_WAYS + way];
    }
    pthread_mutex_unlock(&lock);
    for (int way = 0; way < DIGEST_WAYS; way++)
      if (copy[way].flags != 0) each(copy + way, argument);
  }
}
