/* Answers over a restart; each damaged byte is noticed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "gate.h"

static struct pv_file file = {.inode = 5, .ctime = 6, .bytes = 7, .device = 8};
static char path[PV_MAX_PATH], why[256];

static uint8_t *read_file(size_t *bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat is;
  if (fd < 0 || fstat(fd, &is) != 0) abort();
  uint8_t *all = malloc((size_t)is.st_size);
  if (all == NULL || read(fd, all, (size_t)is.st_size) != is.st_size) abort();
  close(fd);
  *bytes = (size_t)is.st_size;
  return all;
}

static void fill(void) {
  struct answer answer = {.file = file, .flags = ANSWER_ALLOW, .kind = 4, .access = PV_A_SCRIPT}, evicted, denied = {.file = {.inode = 99}}, ends = {.file = {.inode = 100}, .flags = ANSWER_ALLOW};
  memset(answer.digest, 0xaa, 32);
  (void)table_put(&answer, &evicted);
  (void)table_put(&denied, &evicted);
  ends.until = now_boot() + 3600000000000ull;
  (void)table_put(&ends, &evicted);
  uint8_t core[32] = {0xcc};
  digest_mark(core, DIGEST_CORE | DIGEST_RAN);
}

static bool load(struct pv_config *config, bool *has_config, struct state_counts *counts, const char *folder) {
  return state_load(folder, config, has_config, counts, why, sizeof why);
}

static void round_trip(const char *folder) {
  struct pv_config config = {.header = {sizeof config, PV_CONFIG, sizeof config}, .mode = PV_BLOCK, .deny_ms = 5}, loaded;
  struct state_counts counts;
  bool has_config;
  CHECK(!load(&loaded, &has_config, &counts, folder) && why[0] == 0); /* none yet: nothing to say */
  table_forget_all();
  fill();
  CHECK(state_save(folder, &config));
  table_forget_all();
  CHECK(load(&loaded, &has_config, &counts, folder));
  CHECK(has_config && loaded.mode == PV_BLOCK && loaded.deny_ms == 5);
  CHECK(counts.answers == 2); /* a denial is not kept */
  struct answer found;
  CHECK(table_find(&file, &found) && found.flags == (ANSWER_ALLOW | ANSWER_RESTORED) && found.kind == 4 && found.digest[31] == 0xaa && found.until == 0);
  struct pv_file ends = {.inode = 100};
  uint64_t hour = 3600000000000ull;
  CHECK(table_find(&ends, &found) && found.until > now_boot() && found.until <= now_boot() + hour);
  struct digest_known known;
  uint8_t core[32] = {0xcc}, ran[32];
  memset(ran, 0xaa, 32);
  CHECK(digest_find(core, &known) && (known.flags & DIGEST_CORE) != 0);
  CHECK(digest_find(ran, &known) && (known.flags & DIGEST_RAN) != 0);
}

static void damaged(const char *folder) {
  size_t bytes;
  uint8_t *all = read_file(&bytes);
  struct pv_config config;
  struct state_counts counts;
  bool has_config;
  const char *reason;
  CHECK(state_parse(all, bytes, &config, &has_config, &counts, &reason));
  for (size_t i = 0; i < bytes; i += i < 256 ? 1 : 97) {
    all[i] ^= 0x10;
    CHECK(!state_parse(all, bytes, &config, &has_config, &counts, &reason));
    all[i] ^= 0x10;
  }
  for (size_t cut = 0; cut < bytes; cut += 31) CHECK(!state_parse(all, cut, &config, &has_config, &counts, &reason));
  free(all);
  CHECK(truncate(path, 100) == 0);
  CHECK(!load(&config, &has_config, &counts, folder) && strstr(why, "thrown away") != NULL);
  CHECK(access(path, F_OK) != 0 && errno == ENOENT);
}

static void no_room(void) {
  struct pv_config config = {0};
  CHECK(!state_save("/dev/null/nowhere", &config));
}

void test_state(const char *folder) {
  snprintf(path, sizeof path, "%s/answers", folder);
  round_trip(folder);
  damaged(folder);
  no_room();
}
