/* Files that the agent names beforehand: the hard-allowed core, what ran before, interpreters, and what is watched for readers. Hashed one after another, whenever there is time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gate.h"

enum { MOST_WAITING = 8192 };

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

static uint16_t flags_of(uint32_t kind) {
  switch (kind) {
    case 1:
    case 7:
    case 9: return DIGEST_CORE | DIGEST_RAN;
    case 5: return DIGEST_RAN;
    case 6: return DIGEST_INTERPRETER;
    default: return 0;
  }
}

static void put_copy(const struct answer *answer, void *digest) {
  if (memcmp(answer->digest, digest, sizeof answer->digest) == 0) interpreter_put(&answer->file);
}

static bool unchanged(int fd, const struct pv_file *file) {
  struct pv_file now;
  uint32_t mode;
  return gate_identify(fd, &now, &mode) == 0 && now.inode == file->inode && now.device == file->device && now.ctime == file->ctime && now.bytes == file->bytes;
}

static void take(const struct named *named) {
  if (named->kind == PATH_FOLLOW) {
    core_catch_up();
    return;
  }
  bool is_core = (flags_of(named->kind) & DIGEST_CORE) != 0;
  /* Also where nothing is yet: an upgrade may bring it. */
  if (is_core) core_place(named->path, named->kind);
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
    struct pv_file seen;
    if (is_core && kernel_identify(gate_kernel(), fd, &seen) == 0 && unchanged(fd, &file)) core_put(&file, &seen, digest, named->kind);
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
  core_start();
  pthread_t thread;
  return thread_start(&thread, "paths", run, NULL);
}
