/*
 * What an opened file is. With OPEN_PERM the kernel asks at every opening of every file, and most are neither programs nor scripts: they are
 * looked into once. A place holds a keyed hash of the file's identity (61 bits) and its kind (3 bits), so half a megabyte remembers 65,536.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "gate.h"

enum { PLACES = 65536, INTERPRETERS = 16384, INTERPRETER_WAYS = 4, SNIFF_BYTES = 512 };

static _Atomic uint64_t places[PLACES];

static uint64_t mark_of(const struct pv_file *file) {
  uint64_t key[4] = {file->inode, file->ctime, file->bytes, file->device};
  return hash_key(key, sizeof key);
}

enum file_kind kind_find(const struct pv_file *file) {
  uint64_t mark = mark_of(file), held = atomic_load_explicit(places + mark % PLACES, memory_order_relaxed);
  return (held & ~7ull) == (mark & ~7ull) ? (enum file_kind)(held & 7) : KIND_UNKNOWN;
}

void kind_put(const struct pv_file *file, enum file_kind kind) {
  uint64_t mark = mark_of(file);
  atomic_store_explicit(places + mark % PLACES, (mark & ~7ull) | (uint64_t)kind, memory_order_relaxed);
}

/* By its type: ET_REL is for the linker or a kernel module, ET_CORE a dump of memory; the loader maps neither. */
static enum file_kind elf_kind(const uint8_t *head, size_t bytes) {
  if (bytes < 18) return KIND_DATA;
  unsigned type = head[5] == 2 ? head[16] << 8 | head[17] : head[17] << 8 | head[16];
  return type == 1 ? KIND_OBJECT : type == 4 ? KIND_DATA : KIND_ELF;
}

static enum file_kind kind_of(const uint8_t *head, ssize_t got, bool *shebang) {
  *shebang = got >= 2 && head[0] == '#' && head[1] == '!';
  if (got < 0) return KIND_UNKNOWN;
  if (got >= 4 && memcmp(head, "\177ELF", 4) == 0) return elf_kind(head, (size_t)got);
  /* Windows' format: .NET and Wine map such files executable. */
  if (got >= 2 && memcmp(head, "MZ", 2) == 0) return KIND_ELF;
  if (got == 0) return KIND_DATA;
  if (*shebang) return KIND_TEXT;
  return memchr(head, 0, (size_t)got) == NULL ? KIND_TEXT : KIND_DATA;
}

enum file_kind kind_sniff(int fd, bool *shebang) {
  uint8_t head[SNIFF_BYTES];
  ssize_t got;
  do got = pread(fd, head, sizeof head, 0);
  while (got < 0 && errno == EINTR);
  return kind_of(head, got, shebang);
}

enum file_kind kind_glance(int fd) {
  uint8_t head[SNIFF_BYTES];
  struct iovec all = {head, sizeof head};
  bool shebang;
  ssize_t got = preadv2(fd, &all, 1, 0, RWF_NOWAIT);
  return kind_of(head, got, &shebang);
}

/*
 * Interpreters by inode alone: one that was edited in place is one still. Everybody may copy one, so the places are many, and which of them a
 * file takes is nobody's choice.
 */
MUTEX_INHERIT(lock)
static struct interpreter { uint64_t inode; uint32_t device, used; } interpreters[INTERPRETERS];
static uint32_t interpreter_uses;

static struct interpreter *interpreter_group(const struct pv_file *file) {
  uint64_t key[2] = {file->inode, file->device};
  return interpreters + hash_key(key, sizeof key) % (INTERPRETERS / INTERPRETER_WAYS) * INTERPRETER_WAYS;
}

bool interpreter_is(const struct pv_file *file) {
  const struct interpreter *group = interpreter_group(file);
  bool is = false;
  pthread_mutex_lock(&lock);
  for (int way = 0; way < INTERPRETER_WAYS && !is; way++) is = group[way].used != 0 && group[way].inode == file->inode && group[way].device == file->device;
  pthread_mutex_unlock(&lock);
  return is;
}

void interpreter_put(const struct pv_file *file) {
  if (interpreter_is(file)) return;
  struct interpreter *group = interpreter_group(file), *oldest = group;
  pthread_mutex_lock(&lock);
  for (int way = 1; way < INTERPRETER_WAYS; way++)
    if (group[way].used < oldest->used) oldest = group + way;
  *oldest = (struct interpreter){file->inode, file->device, ++interpreter_uses};
  pthread_mutex_unlock(&lock);
}
