/*
 * Answers and configuration over a restart. One file, written anew beside the old one and renamed, ended by a SHA-256 of all before it:
 * a damaged or foreign file is thrown away whole, and said. It is no authority: each file is hashed again before a kept answer counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gate.h"

enum { STATE_VERSION = 1, DIGEST_BYTES = 32 };

struct state_head {
  char magic[8];
  uint32_t version, has_config;
  uint32_t answers, digests;
  struct pv_config config;
};
struct state_answer {
  struct pv_file file;
  uint8_t digest[32];
  uint64_t until; /* nanoseconds since 1970, 0: until the file changes */
  uint8_t kind, access;
  uint8_t pad[6];
};
struct state_digest {
  uint8_t digest[32];
  uint16_t flags;
  uint16_t pad[3];
};
static const char magic[8] = "PVSTATE";

enum { MOST_BYTES = sizeof(struct state_head) + TABLE_PLACES * sizeof(struct state_answer) + DIGEST_PLACES * sizeof(struct state_digest) + DIGEST_BYTES };

bool state_parse(const uint8_t *bytes, size_t count, struct pv_config *config, bool *has_config, struct state_counts *counts, const char **why) {
  struct state_head head;
  *has_config = false;
  *counts = (struct state_counts){0};
  *why = "it is shorter than its head";
  if (count < sizeof head + DIGEST_BYTES) return false;
  memcpy(&head, bytes, sizeof head);
  *why = "it is not of this sensor";
  if (memcmp(head.magic, magic, sizeof magic) != 0 || head.version != STATE_VERSION) return false;
  *why = "its length is not what its head says";
  if (head.answers > TABLE_PLACES || head.digests > DIGEST_PLACES) return false;
  if (count != sizeof head + head.answers * sizeof(struct state_answer) + head.digests * sizeof(struct state_digest) + DIGEST_BYTES) return false;
  uint8_t digest[DIGEST_BYTES];
  hash_bytes(bytes, count - DIGEST_BYTES, digest);
  *why = "its checksum does not match";
  if (memcmp(digest, bytes + count - DIGEST_BYTES, DIGEST_BYTES) != 0) return false;
  const uint8_t *at = bytes + sizeof head;
  uint64_t offset = boot_to_unix(), now = offset + now_boot();
  /* Digests first: what is kept of an answer is the newer, and where a table is full the older goes. */
  const uint8_t *first_answer = at;
  at += head.answers * sizeof(struct state_answer);
  for (uint32_t i = 0; i < head.digests; i++, at += sizeof(struct state_digest)) {
    struct state_digest kept;
    memcpy(&kept, at, sizeof kept);
    uint16_t flags = kept.flags & (DIGEST_RAN | DIGEST_CORE | DIGEST_INTERPRETER);
    if (flags == 0) continue;
    digest_mark(kept.digest, flags);
    counts->digests++;
  }
  at = first_answer;
  for (uint32_t i = 0; i < head.answers; i++, at += sizeof(struct state_answer)) {
    struct state_answer kept;
    memcpy(&kept, at, sizeof kept);
    digest_mark(kept.digest, DIGEST_RAN);
    if (kept.until != 0 && kept.until <= now) continue;
    struct answer answer = {.file = kept.file, .kind = kept.kind, .access = kept.access, .flags = ANSWER_ALLOW | ANSWER_RESTORED}, evicted;
    answer.until = kept.until == 0 ? 0 : kept.until - offset;
    memcpy(answer.digest, kept.digest, sizeof answer.digest);
    (void)table_put(&answer, &evicted);
    counts->answers++;
  }
  if (head.has_config == 1) {
    *config = head.config;
    config->header = (struct pv_header){sizeof *config, PV_CONFIG, sizeof *config};
    *has_config = true;
  }
  return true;
}

static char *place(const char *folder, const char *name, char *path, size_t bytes) {
  snprintf(path, bytes, "%s/%s", folder, name);
  return path;
}

static uint8_t *read_whole(int fd, size_t *count) {
  struct stat is;
  if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode) || is.st_size < 0 || is.st_size > (off_t)MOST_BYTES) return NULL;
  uint8_t *bytes = malloc((size_t)is.st_size + 1);
  if (bytes == NULL) return NULL;
  *count = 0;
  for (ssize_t got; *count < (size_t)is.st_size; *count += (size_t)got) {
    got = read(fd, bytes + *count, (size_t)is.st_size - *count);
    if (got < 0 && errno == EINTR) got = 0;
    else if (got <= 0) break;
  }
  return bytes;
}

bool state_load(const char *folder, struct pv_config *config, bool *has_config, struct state_counts *counts, char *why, size_t why_bytes) {
  char path[PV_MAX_PATH];
  *why = 0;
  *has_config = false;
  int fd = open(place(folder, "answers", path, sizeof path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (errno != ENOENT) snprintf(why, why_bytes, "%s cannot be opened: %s; the sensor starts without remembered answers", path, strerror(errno));
    return false;
  }
  size_t bytes_read = 0;
  uint8_t *bytes = read_whole(fd, &bytes_read);
  close(fd);
  const char *reason = "it is too large, or cannot be read";
  bool is = bytes != NULL && state_parse(bytes, bytes_read, config, has_config, counts, &reason);
  free(bytes);
  if (!is) {
    snprintf(why, why_bytes, "%s is thrown away: %s; what ran before is asked about once more", path, reason);
    (void)unlink(path);
  }
  return is;
}

struct writer {
  uint8_t *bytes;
  size_t used, room;
  struct state_head head;
  uint64_t offset;
};

static void *grow(struct writer *writer, size_t bytes) {
  if (writer->bytes == NULL || writer->room - writer->used < bytes) {
    size_t room = writer->room == 0 ? 64 << 10 : writer->room * 2;
    uint8_t *larger = realloc(writer->bytes, room);
    if (larger == NULL) return NULL;
    writer->bytes = larger;
    writer->room = room;
  }
  void *at = writer->bytes + writer->used;
  writer->used += bytes;
  return at;
}

static void put_answer(const struct answer *answer, void *argument) {
  struct writer *writer = argument;
  if ((answer->flags & ANSWER_ALLOW) == 0) return;
  struct state_answer kept = {.file = answer->file, .kind = answer->kind, .access = answer->access};
  kept.until = answer->until == 0 ? 0 : answer->until + writer->offset;
  memcpy(kept.digest, answer->digest, sizeof kept.digest);
  void *at = grow(writer, sizeof kept);
  if (at == NULL) return;
  memcpy(at, &kept, sizeof kept);
  writer->head.answers++;
}

static void put_digest(const struct digest_known *known, void *argument) {
  struct writer *writer = argument;
  struct state_digest kept = {.flags = known->flags & (DIGEST_RAN | DIGEST_CORE | DIGEST_INTERPRETER)};
  if (kept.flags == 0) return;
  memcpy(kept.digest, known->digest, sizeof kept.digest);
  void *at = grow(writer, sizeof kept);
  if (at == NULL) return;
  memcpy(at, &kept, sizeof kept);
  writer->head.digests++;
}

static bool write_whole(const char *path, const uint8_t *bytes, size_t count) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  bool is = true;
  for (size_t at = 0; at < count && is;) {
    ssize_t put = write(fd, bytes + at, count - at);
    if (put < 0 && errno == EINTR) continue;
    is = put > 0;
    if (is) at += (size_t)put;
  }
  is = is && fsync(fd) == 0;
  int kept = errno;
  if (close(fd) != 0) is = false;
  if (!is) errno = kept;
  return is;
}

bool state_save(const char *folder, const struct pv_config *config) {
  struct writer writer = {.offset = boot_to_unix(), .head = {.version = STATE_VERSION, .has_config = config->header.size != 0, .config = *config}};
  memcpy(writer.head.magic, magic, sizeof magic);
  if (grow(&writer, sizeof writer.head) == NULL) return false;
  table_each(put_answer, &writer);
  digest_each(put_digest, &writer);
  uint8_t *tail = grow(&writer, DIGEST_BYTES);
  bool is = tail != NULL;
  if (is) {
    memcpy(writer.bytes, &writer.head, sizeof writer.head);
    hash_bytes(writer.bytes, writer.used - DIGEST_BYTES, tail);
    char fresh[PV_MAX_PATH], path[PV_MAX_PATH];
    is = write_whole(place(folder, "answers.new", fresh, sizeof fresh), writer.bytes, writer.used) && rename(fresh, place(folder, "answers", path, sizeof path)) == 0;
    if (!is) {
      int kept = errno;
      (void)unlink(fresh);
      errno = kept;
    }
  }
  free(writer.bytes);
  return is;
}
