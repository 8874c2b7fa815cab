/* Files that the agent names beforehand: the hard-allowed core, what ran before, interpreters, and what is watched for readers. Hashed one after another, whenever there is time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gate.h"

enum { MOST_WAITING = 8192, CORE_FILES = 512 };

struct named {
  struct named *next;
  uint32_t kind;
  char path[];
};

MUTEX_INHERIT(lock)
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct named *first, **last = &first;
static size_t waiting;

void paths_put(uint32_t kind, const char *path, size_t bytes) {
  if (bytes == 0 || path[0] != '/' || memchr(path, 0, bytes) != NULL) return;
  struct named *named = malloc(sizeof *named + bytes + 1);
  if (named == NULL) return;
  *named = (struct named){.kind = kind};
  memcpy(named->path, path, bytes);
  named->path[bytes] = 0;
  pthread_mutex_lock(&lock);
  bool has_room = waiting < MOST_WAITING;
  if (has_room) {
    *last = named;
    last = &named->next;
    waiting++;
    pthread_cond_signal(&filled);
  }
  pthread_mutex_unlock(&lock);
  if (!has_room) {
    free(named);
    out_lost(PV_PATH, 4, 1);
  }
}

/*
 * Digests of the core's files, each as it was when it was hashed: under an overload nothing is hashed any more, and the core starts all the
 * same. What was named last takes the place of what was named first.
 */
static struct { struct pv_file file; uint8_t digest[32]; } core_files[CORE_FILES];
static size_t core_count, core_next;

static bool same_state(const struct pv_file *one, const struct pv_file *other) {
  return one->inode == other->inode && one->device == other->device && one->ctime == other->ctime && one->bytes == other->bytes;
}

bool core_digest(const struct pv_file *file, uint8_t digest[32]) {
  bool is = false;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < core_count && !is; i++) {
    is = same_state(&core_files[i].file, file);
    if (is) memcpy(digest, core_files[i].digest, sizeof core_files[i].digest);
  }
  pthread_mutex_unlock(&lock);
  return is;
}

static void core_put(const struct pv_file *file, const uint8_t digest[32]) {
  uint8_t known[32];
  if (core_digest(file, known)) return;
  pthread_mutex_lock(&lock);
  core_files[core_next].file = *file;
  memcpy(core_files[core_next].digest, digest, sizeof core_files[core_next].digest);
  core_next = (core_next + 1) % CORE_FILES;
  if (core_count < CORE_FILES) core_count++;
  pthread_mutex_unlock(&lock);
}

static uint16_t flags_of(uint32_t kind) {
  switch (kind) {
    case 1:
    case 7: return DIGEST_CORE | DIGEST_RAN;
    case 5: return DIGEST_RAN;
    case 6: return DIGEST_INTERPRETER;
    default: return 0;
  }
}

static void put_copy(const struct answer *answer, void *digest) {
  if (memcmp(answer->digest, digest, sizeof answer->digest) == 0) interpreter_put(&answer->file);
}

static void take(const struct named *named) {
  int fd = open(named->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return; /* not there: nothing to remember */
  if (named->kind == 8) {
    if (files_watch(gate_files(), fd) == -ENOSPC) out_lost(PV_PATH, 4, 1);
    close(fd);
    return;
  }
  struct pv_file file;
  uint32_t mode;
  uint8_t digest[32];
  uint64_t bytes;
  if (gate_identify(fd, &file, &mode) == 0 && S_ISREG(mode) && hash_file(fd, digest, &bytes) == 0) {
    /* The agent waits for what it starts: it could not answer for that meanwhile. */
    if (named->kind == 7) digest_answer(digest, true, 0, 1, NOTICE_NONE);
    digest_mark(digest, flags_of(named->kind));
    struct pv_file now;
    bool is_core = (flags_of(named->kind) & DIGEST_CORE) != 0;
    if (is_core && gate_identify(fd, &now, &mode) == 0 && same_state(&now, &file)) core_put(&file, digest);
    if (named->kind == 6) {
      interpreter_put(&file);
      table_each(put_copy, digest); /* other files with the same bytes that ran already */
    }
  }
  close(fd);
}

static void *run(void *argument) {
  (void)argument;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (first == NULL) pthread_cond_wait(&filled, &lock);
    struct named *named = first;
    first = named->next;
    if (first == NULL) last = &first;
    waiting--;
    pthread_mutex_unlock(&lock);
    take(named);
    free(named);
  }
  return NULL;
}

bool paths_start(void) {
  pthread_t thread;
  return thread_start(&thread, "paths", run, NULL);
}
