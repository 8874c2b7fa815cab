/*
 * The hard-allowed core: its files' digests, the places that they lie at, and the programs that keep them up to date. What a package manager
 * of the core alone has made and put at such a place belongs to the core as what stood there before it did, also when no agent is there to
 * say so: otherwise an upgrade meanwhile would lock the owner out.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gate.h"

enum { CORE_FILES = 512, CORE_PLACES = 256, KEEPERS = 16, KIND_PACKAGE_MANAGER = 9 };

struct core_file { struct pv_file file; uint8_t digest[32]; };
/* A name in a folder: neither a folder mounted or moved over that one nor a link makes another file stand there. */
struct place {
  uint64_t folder;
  uint32_t device;
  bool keeper;      /* what stands here keeps the core */
  atomic_bool due;  /* a keeper has put something here, which was not looked at yet */
  char path[PV_MAX_PATH];
};

MUTEX_INHERIT(lock)
/* Under an overload nothing is hashed any more, and the core starts all the same. What was named last takes the place of what was named first. */
static struct core_file files[CORE_FILES];
static size_t file_count, file_next;
static struct core_file keepers[KEEPERS];
static size_t keeper_count, keeper_next;
static struct place places[CORE_PLACES];
static size_t place_count;
MUTEX_INHERIT(following)

static bool same_state(const struct pv_file *one, const struct pv_file *other) {
  return one->inode == other->inode && one->device == other->device && one->ctime == other->ctime && one->bytes == other->bytes;
}

bool core_digest(const struct pv_file *file, uint8_t digest[32]) {
  bool is = false;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < file_count && !is; i++) {
    is = same_state(&files[i].file, file);
    if (is) memcpy(digest, files[i].digest, sizeof files[i].digest);
  }
  pthread_mutex_unlock(&lock);
  return is;
}

static void put(struct core_file *list, size_t most, size_t *count, size_t *next, const struct pv_file *file, const uint8_t digest[32]) {
  pthread_mutex_lock(&lock);
  size_t at = 0;
  while (at < *count && !same_state(&list[at].file, file)) at++;
  if (at == *count) {
    at = *next;
    *next = (*next + 1) % most;
    if (*count < most) ++*count;
  }
  list[at].file = *file;
  memcpy(list[at].digest, digest, sizeof list[at].digest);
  pthread_mutex_unlock(&lock);
}

void core_put(const struct pv_file *file, const struct pv_file *seen, const uint8_t digest[32], uint32_t kind) {
  put(files, CORE_FILES, &file_count, &file_next, file, digest);
  if (kind == KIND_PACKAGE_MANAGER) put(keepers, KEEPERS, &keeper_count, &keeper_next, seen, digest);
}

/* Its last part, and the folder before it. */
static int open_folder(const char *path, const char **name) {
  char folder[PV_MAX_PATH];
  const char *slash = strrchr(path, '/');
  size_t length = (size_t)(slash - path);
  *name = slash + 1;
  memcpy(folder, path, length);
  memcpy(folder + length, "/", length == 0 ? 2 : 1);
  folder[length == 0 ? 1 : length] = 0;
  return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool find_folder(const char *path, struct pv_file *folder) {
  const char *name;
  int fd = open_folder(path, &name);
  bool is = fd >= 0 && *name != 0 && kernel_identify(gate_kernel(), fd, folder) == 0;
  if (fd >= 0) close(fd);
  return is;
}

void core_place(const char *path, uint32_t kind) {
  struct pv_file folder;
  if (strlen(path) >= PV_MAX_PATH || !find_folder(path, &folder)) return;
  pthread_mutex_lock(&lock);
  size_t at = 0;
  while (at < place_count && strcmp(places[at].path, path) != 0) at++;
  if (at < CORE_PLACES) {
    struct place *place = places + at;
    place->folder = folder.inode;
    place->device = folder.device;
    place->keeper = place->keeper || kind == KIND_PACKAGE_MANAGER;
    if (at == place_count) {
      memcpy(place->path, path, strlen(path) + 1);
      place_count++;
    }
  }
  pthread_mutex_unlock(&lock);
  if (at == CORE_PLACES) out_lost(PV_PATH, 4, 1);
}

/* The program that a process runs is one of the keepers by its bytes: its change time moved while it ran, as it does when it replaces itself. */
static bool runs(const struct pv_process *process, const struct core_file *keeper) {
  char path[32];
  struct pv_file file;
  struct pv_process now;
  uint8_t digest[32];
  uint64_t bytes;
  (void)snprintf(path, sizeof path, "/proc/%u/exe", process->pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return false;
  bool is = kernel_identify(gate_kernel(), fd, &file) == 0 && file.inode == keeper->file.inode && file.device == keeper->file.device &&
            hash_file(fd, digest, &bytes) == 0 && memcmp(digest, keeper->digest, sizeof digest) == 0;
  close(fd);
  return is && process_describe(process->pid, &now) && now.started / 10000000u == process->started / 10000000u;
}

static bool keeps(const struct pv_process *process, const struct pv_file *program) {
  struct core_file all[KEEPERS];
  pthread_mutex_lock(&lock);
  size_t count = keeper_count;
  memcpy(all, keepers, sizeof all);
  pthread_mutex_unlock(&lock);
  for (size_t i = 0; i < count; i++) {
    struct digest_known known;
    const struct pv_file *file = &all[i].file;
    if (file->inode != program->inode || file->device != program->device || file->bytes != program->bytes) continue;
    if (digest_find(all[i].digest, &known) && (known.flags & DIGEST_DENY) != 0) continue;
    if (file->ctime == program->ctime || runs(process, all + i)) return true;
  }
  return false;
}

static uint32_t place_of(uint32_t device, uint64_t folder, const char *name) {
  uint32_t number = 0;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < place_count && number == 0; i++)
    if (places[i].folder == folder && places[i].device == device && strcmp(strrchr(places[i].path, '/') + 1, name) == 0) number = (uint32_t)i + 1;
  pthread_mutex_unlock(&lock);
  return number;
}

static void placed(uint32_t number) {
  atomic_store(&places[number - 1].due, true);
  paths_put(PATH_FOLLOW, "/", 1);
}

/* Root's own, and nobody's to write. */
static bool is_roots(int fd) {
  struct stat is;
  return fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_uid == 0 && (is.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Hashed under a lease, so that what the queue tells afterwards is of these bytes. */
static bool kept(int fd, uint32_t number, struct pv_file *file, struct pv_file *seen, uint8_t digest[32]) {
  struct pv_file after;
  uint32_t mode;
  uint64_t bytes;
  return is_roots(fd) && fcntl(fd, F_SETLEASE, F_RDLCK) == 0 && gate_identify(fd, file, &mode) == 0 && kernel_identify(gate_kernel(), fd, seen) == 0 &&
         hash_file(fd, digest, &bytes) == 0 && gate_identify(fd, &after, &mode) == 0 && same_state(file, &after) && bytes == file->bytes &&
         files_kept(gate_files(), seen, number);
}

static void follow(uint32_t number) {
  const struct place *place = places + number - 1;
  struct pv_file folder, file, seen;
  uint8_t digest[32];
  pthread_mutex_lock(&lock);
  uint64_t inode = place->folder;
  uint32_t device = place->device, kind = place->keeper ? KIND_PACKAGE_MANAGER : 1;
  pthread_mutex_unlock(&lock);
  if (!find_folder(place->path, &folder) || folder.inode != inode || folder.device != device) return;
  int fd = open(place->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (fd < 0) return;
  if (kept(fd, number, &file, &seen, digest)) {
    digest_mark(digest, DIGEST_CORE | DIGEST_RAN);
    core_put(&file, &seen, digest, kind);
  }
  close(fd);
}

void core_catch_up(void) {
  files_catch_up(gate_files());
  /* Whoever comes while another thread looks waits for what that finds. */
  pthread_mutex_lock(&following);
  pthread_mutex_lock(&lock);
  size_t count = place_count;
  pthread_mutex_unlock(&lock);
  for (size_t i = 0; i < count; i++)
    if (atomic_exchange(&places[i].due, false)) follow((uint32_t)i + 1);
  pthread_mutex_unlock(&following);
}

void core_start(void) {
  static const struct files_core core = {.keeps = keeps, .place = place_of, .placed = placed};
  files_keep_core(gate_files(), &core);
}
