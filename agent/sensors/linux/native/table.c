/*
 * Answers remembered by file. Places are grouped by eight; a file belongs to one group, and the least recently used of a full group goes.
 * So looking one up takes eight comparisons at most, and a lock held for some dozens of nanoseconds.
 */
#include <string.h>
#include "gate.h"

enum { GROUPS = TABLE_PLACES / TABLE_WAYS };

MUTEX_INHERIT(lock)
static struct answer places[TABLE_PLACES];
static uint32_t epoch = 1;
static uint64_t uses, evictions, live_count;

static bool same_file(const struct pv_file *one, const struct pv_file *two) {
  return one->inode == two->inode && one->ctime == two->ctime && one->bytes == two->bytes && one->device == two->device;
}

static struct answer *group_of(const struct pv_file *file) {
  /* Not the change time: a newer state of a file takes the place of the older one. */
  uint64_t key[2] = {file->inode, file->device};
  return places + hash_key(key, sizeof key) % GROUPS * TABLE_WAYS;
}

static bool live(const struct answer *answer) { return answer->epoch == epoch; }

bool table_find(const struct pv_file *file, struct answer *found) {
  struct answer *group = group_of(file);
  uint64_t now = now_boot();
  bool is = false;
  pthread_mutex_lock(&lock);
  for (int way = 0; way < TABLE_WAYS && !is; way++) {
    struct answer *answer = group + way;
    if (!live(answer) || !same_file(&answer->file, file)) continue;
    if (answer->until != 0 && answer->until <= now) {
      answer->epoch = 0;
      live_count--;
      break;
    }
    answer->used = ++uses;
    *found = *answer;
    is = true;
  }
  pthread_mutex_unlock(&lock);
  return is;
}

bool table_put(const struct answer *answer, struct answer *evicted) {
  struct answer *group = group_of(&answer->file), *place = NULL;
  bool had_to_go = false;
  pthread_mutex_lock(&lock);
  for (int way = 0; way < TABLE_WAYS; way++) {
    struct answer *at = group + way;
    if (live(at) && at->file.inode == answer->file.inode && at->file.device == answer->file.device) {
      place = at;
      live_count--;
      break;
    }
    if (place == NULL || (live(place) && (!live(at) || at->used < place->used))) place = at;
  }
  if (live(place) && !(place->file.inode == answer->file.inode && place->file.device == answer->file.device)) {
    *evicted = *place;
    had_to_go = true;
    evictions++;
    live_count--;
  }
  *place = *answer;
  place->epoch = epoch;
  place->used = ++uses;
  live_count++;
  pthread_mutex_unlock(&lock);
  return had_to_go;
}

void table_forget_file(const struct pv_file *file) {
  struct answer *group = group_of(file);
  pthread_mutex_lock(&lock);
  for (int way = 0; way < TABLE_WAYS; way++) {
    if (!live(group + way) || !same_file(&group[way].file, file)) continue;
    group[way].epoch = 0;
    live_count--;
  }
  pthread_mutex_unlock(&lock);
}

size_t table_forget(const uint8_t digest[32], bool denials_alone, void (*dropped)(const struct answer *answer)) {
  size_t forgotten = 0;
  for (int group = 0; group < GROUPS; group++) {
    struct answer gone[TABLE_WAYS];
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int way = 0; way < TABLE_WAYS; way++) {
      struct answer *answer = places + group * TABLE_WAYS + way;
      if (!live(answer) || memcmp(answer->digest, digest, 32) != 0 || (denials_alone && (answer->flags & ANSWER_ALLOW) != 0)) continue;
      gone[found++] = *answer;
      answer->epoch = 0;
      live_count--;
    }
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < found; i++) dropped(gone + i);
    forgotten += (size_t)found;
  }
  return forgotten;
}

void table_forget_all(void) {
  pthread_mutex_lock(&lock);
  /* 0 marks a free place. After four thousand million rounds it comes again: then all places are cleared. */
  if (++epoch == 0) {
    memset(places, 0, sizeof places);
    epoch = 1;
  }
  live_count = 0;
  pthread_mutex_unlock(&lock);
}

void table_each(void (*each)(const struct answer *answer, void *argument), void *argument) {
  uint64_t now = now_boot();
  for (int group = 0; group < GROUPS; group++) {
    struct answer copy[TABLE_WAYS];
    bool is[TABLE_WAYS];
    pthread_mutex_lock(&lock);
    for (int way = 0; way < TABLE_WAYS; way++) {
      copy[way] = places[group * TABLE_WAYS + way];
      is[way] = live(copy + way) && (copy[way].until == 0 || copy[way].until > now);
    }
    pthread_mutex_unlock(&lock);
    for (int way = 0; way < TABLE_WAYS; way++)
      if (is[way]) each(copy + way, argument);
  }
}

uint64_t table_count(void) {
  pthread_mutex_lock(&lock);
  uint64_t now = live_count;
  pthread_mutex_unlock(&lock);
  return now;
}

uint64_t table_evicted(void) {
  pthread_mutex_lock(&lock);
  uint64_t now = evictions;
  pthread_mutex_unlock(&lock);
  return now;
}
