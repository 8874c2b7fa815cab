/* Changes of files become records. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "changes.h"

#define WAITING 64u  /* changes that wait for others at once */
#define FOLDERS 512u /* whose paths are remembered */
#define OPENED 4u    /* file systems open at once, for one batch */

struct folder {
  uint64_t volume, age; /* age: of the volumes' folders when this was looked up */
  struct handle handle;
  char *path;
};
struct waiting {
  bool closed; /* closed: its name means another file now */
  uint64_t hash, since, identity;
  uint64_t volume;
  uint32_t device, change, flags;
  struct pv_process who;
  struct handle file;
  size_t path_bytes, old_bytes;
  char path[PV_MAX_PATH], old[PV_MAX_PATH];
};
struct opened {
  uint64_t volume;
  int mount;
  char place[PV_MAX_PATH];
};
struct changes {
  open_volume open_volume;
  void *context;
  uint64_t sequence;
  uint64_t age; /* goes up when a folder moves: every remembered path may be another */
  size_t oldest, count;
  struct waiting waiting[WAITING];
  struct folder folders[FOLDERS];
  struct opened opened[OPENED];
  size_t opened_count;
  _Alignas(8) uint8_t record[sizeof(struct pv_change_event) + 2 * PV_MAX_PATH];
};

struct changes *changes_open(open_volume open_volume, void *context) {
  struct changes *changes = calloc(1, sizeof *changes);
  if (changes == NULL) return NULL;
  changes->open_volume = open_volume;
  changes->context = context;
  return changes;
}

static const struct opened *opened(struct changes *changes, uint64_t volume) {
  for (size_t each = 0; each < changes->opened_count; each++)
    if (changes->opened[each].volume == volume) return &changes->opened[each];
  if (changes->opened_count == OPENED) close(changes->opened[--changes->opened_count].mount);
  struct opened *fresh = &changes->opened[changes->opened_count];
  fresh->volume = volume;
  fresh->mount = changes->open_volume(changes->context, volume, fresh->place, sizeof fresh->place);
  if (fresh->mount < 0) return NULL;
  changes->opened_count++;
  return fresh;
}

static void close_opened(struct changes *changes) {
  while (changes->opened_count > 0) close(changes->opened[--changes->opened_count].mount);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  for (size_t each = 0; each < count; each++) hash = (hash ^ at[each]) * UINT64_C(0x100000001b3);
  return hash;
}

/* The path of what a handle means, as text in `to`. Bytes, 0 where it is gone or cannot be told; `gone`: it will never be there again. */
static size_t look_up(struct changes *changes, uint64_t volume, const struct handle *handle, char *to, bool *gone) {
  const struct opened *at = opened(changes, volume);
  int fd = at == NULL ? -1 : handle_open(at->mount, handle);
  *gone = at != NULL && fd < 0 && errno == ESTALE;
  if (fd < 0) return 0;
  char below[PV_MAX_PATH];
  uint32_t flags = 0;
  size_t bytes = fd_path(fd, below, sizeof below, &flags);
  close(fd);
  /* The private copy of the mount is a tree of its own: what is below it is told from its root. */
  size_t place = strcmp(at->place, "/") == 0 ? 0 : strlen(at->place);
  if (bytes == 1 && below[0] == '/' && place != 0) bytes = 0;
  if (place + bytes >= PV_MAX_PATH) return 0;
  memcpy(to, at->place, place);
  memcpy(to + place, below, bytes);
  return place + bytes;
}

static struct folder *folder_of(struct changes *changes, uint64_t volume, const struct handle *handle) {
  uint64_t hash = mix(volume, handle->data, handle->bytes);
  return &changes->folders[(hash ^ hash >> 32) % FOLDERS];
}

static void remember(struct changes *changes, uint64_t volume, const struct handle *handle, const char *path, size_t bytes) {
  char *kept = strndup(path, bytes);
  if (kept == NULL) return;
  struct folder *folder = folder_of(changes, volume, handle);
  free(folder->path);
  *folder = (struct folder){volume, changes->age, *handle, kept};
}

static size_t folder_path(struct changes *changes, uint64_t volume, const struct handle *handle, char *to) {
  const struct folder *folder = folder_of(changes, volume, handle);
  bool known = folder->path != NULL && folder->volume == volume && folder->age == changes->age && folder->handle.bytes == handle->bytes &&
               folder->handle.kind == handle->kind && memcmp(folder->handle.data, handle->data, handle->bytes) == 0;
  if (known) {
    size_t bytes = strlen(folder->path);
    memcpy(to, folder->path, bytes);
    return bytes;
  }
  bool gone;
  size_t bytes = look_up(changes, volume, handle, to, &gone);
  /* A handle carries its folder's generation: whoever empties a tree is told of each file in a folder that is gone by then. */
  if (bytes != 0 || gone) remember(changes, volume, handle, to, bytes);
  return bytes;
}

/* A folder and a name in it. Where the folder is gone only the name is left, and PV_F_PATH_CUT is set. */
static size_t join(struct changes *changes, uint64_t volume, const struct handle *folder, const char *name, char *to, uint32_t *flags) {
  size_t bytes = folder->bytes == 0 ? 0 : folder_path(changes, volume, folder, to), length = strlen(name);
  if (bytes == 0 || bytes + 1 + length > PV_MAX_PATH) {
    *flags |= PV_F_PATH_CUT;
    bytes = 0;
  } else if (length != 0 && to[bytes - 1] != '/') {
    to[bytes++] = '/';
  }
  memcpy(to + bytes, name, length);
  return bytes + length;
}

static void identify(struct changes *changes, const struct waiting *waiting, struct pv_file *file) {
  const struct opened *at = waiting->file.bytes == 0 ? NULL : opened(changes, waiting->volume);
  int fd = at == NULL ? -1 : handle_open(at->mount, &waiting->file);
  struct stat is;
  if (fd >= 0 && fstat(fd, &is) == 0)
    *file = (struct pv_file){
      .inode = is.st_ino, .ctime = (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec, .bytes = (uint64_t)is.st_size,
      .device = waiting->device, .links = (uint32_t)is.st_nlink,
    };
  if (fd >= 0) close(fd);
}

static void tell(struct changes *changes, const struct waiting *waiting) {
  struct pv_change_event told = {
    .event = {.time = waiting->since, .sequence = changes->sequence++, .cpu = PV_LANE_FILES, .flags = waiting->flags, .who = waiting->who},
    .change = waiting->change, .path_bytes = (uint16_t)waiting->path_bytes, .old_bytes = (uint16_t)waiting->old_bytes,
  };
  size_t size = sizeof told + waiting->path_bytes + waiting->old_bytes;
  told.event.header = (struct pv_header){(uint32_t)size, PV_FILE, sizeof told};
  identify(changes, waiting, &told.file);
  memcpy(changes->record, &told, sizeof told);
  memcpy(changes->record + sizeof told, waiting->path, waiting->path_bytes);
  memcpy(changes->record + sizeof told + waiting->path_bytes, waiting->old, waiting->old_bytes);
  (void)out_event(changes->record, size);
}

static void tell_oldest(struct changes *changes) {
  struct waiting *oldest = &changes->waiting[changes->oldest];
  tell(changes, oldest);
  changes->oldest = (changes->oldest + 1) % WAITING;
  changes->count--;
}

static uint64_t hash_of(const struct change *change, const char *path, size_t bytes) {
  return mix(mix(UINT64_C(0xcbf29ce484222325) ^ change->volume, &change->identity, sizeof change->identity), path, bytes);
}

/* One that waits for the same name and process, NULL where none does. */
static struct waiting *find(struct changes *changes, const struct change *change, const char *path, size_t bytes, uint64_t hash) {
  for (size_t each = 0; each < changes->count; each++) {
    struct waiting *waiting = &changes->waiting[(changes->oldest + each) % WAITING];
    if (waiting->hash == hash && !waiting->closed && waiting->path_bytes == bytes && waiting->who.pid == change->who.pid &&
        waiting->volume == change->volume && memcmp(waiting->path, path, bytes) == 0)
      return waiting;
  }
  return NULL;
}

/* From now on the name may mean another file. */
static void close_name(struct changes *changes, const char *path, size_t bytes) {
  for (size_t each = 0; each < changes->count; each++) {
    struct waiting *waiting = &changes->waiting[(changes->oldest + each) % WAITING];
    if (waiting->path_bytes == bytes && memcmp(waiting->path, path, bytes) == 0) waiting->closed = true;
  }
}

void changes_take(struct changes *changes, const struct change *change) {
  static char path[PV_MAX_PATH + 256], old[PV_MAX_PATH + 256];
  uint32_t flags = 0;
  size_t bytes, old_bytes = 0;
  if ((change->change & PV_W_RENAME) != 0 && change->old_folder.bytes != 0)
    old_bytes = join(changes, change->volume, &change->old_folder, change->old_name, old, &flags);
  if (change->folder.bytes != 0) {
    bytes = join(changes, change->volume, &change->folder, change->name, path, &flags);
  } else {
    /* Told of the file itself, without a name: any of its names. */
    bool gone;
    bytes = look_up(changes, change->volume, &change->file, path, &gone);
    if (bytes == 0 && change->change == PV_W_ATTRIBUTES) return; /* its last name went, which is told by name */
    if (bytes == 0) flags |= PV_F_PATH_CUT;
  }
  uint64_t hash = hash_of(change, path, bytes);
  bool renamed = (change->change & PV_W_RENAME) != 0;
  struct waiting *same = renamed ? NULL : find(changes, change, path, bytes, hash);
  if (same != NULL) {
    same->change |= change->change;
    if (same->file.bytes == 0) same->file = change->file;
  } else {
    if (renamed) close_name(changes, path, bytes);
    if (changes->count == WAITING) tell_oldest(changes);
    struct waiting *fresh = &changes->waiting[(changes->oldest + changes->count++) % WAITING];
    fresh->closed = false;
    fresh->hash = hash;
    fresh->since = change->time;
    fresh->identity = change->identity;
    fresh->volume = change->volume;
    fresh->device = change->device;
    fresh->change = change->change;
    fresh->flags = flags;
    fresh->who = change->who;
    fresh->file = change->file;
    fresh->path_bytes = bytes;
    fresh->old_bytes = old_bytes;
    memcpy(fresh->path, path, bytes);
    memcpy(fresh->old, old, old_bytes);
  }
  if (renamed) close_name(changes, old, old_bytes);
  if ((change->change & PV_W_DELETE) != 0) close_name(changes, path, bytes);
  bool folder = (change->change & PV_W_FOLDER) != 0;
  if (renamed && folder) changes->age++;
  /* While it is known: the next look may find it gone. */
  bool begun = folder && (change->change & (PV_W_CREATE | PV_W_RENAME)) != 0 && change->file.bytes != 0 && (flags & PV_F_PATH_CUT) == 0;
  if (begun) remember(changes, change->volume, &change->file, path, bytes);
}

void changes_flush(struct changes *changes, uint64_t now, bool all) {
  while (changes->count > 0 && (all || now - changes->waiting[changes->oldest].since >= CHANGES_WAIT_NS)) tell_oldest(changes);
  close_opened(changes);
}

bool changes_wait(const struct changes *changes) { return changes->count > 0; }

void changes_close(struct changes *changes) {
  if (changes == NULL) return;
  changes_flush(changes, 0, true);
  for (size_t each = 0; each < FOLDERS; each++) free(changes->folders[each].path);
  free(changes);
}
