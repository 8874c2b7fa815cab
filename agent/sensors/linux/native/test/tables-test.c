/* Answers by file and by digest, kinds of files, hashes. */
#include <string.h>
#include "check.h"
#include "custody.h"
#include "gate.h"

static struct pv_file file_of(uint64_t inode) { return (struct pv_file){.inode = inode, .ctime = 1000 + inode, .bytes = 10, .device = 8 << 20 | 1, .links = 1}; }

static struct answer answer_of(uint64_t inode, bool allow) {
  struct answer answer = {.file = file_of(inode), .flags = allow ? ANSWER_ALLOW : 0, .kind = 2};
  memset(answer.digest, (int)(inode & 0xff), sizeof answer.digest);
  return answer;
}

static size_t dropped;
static void drop(const struct answer *answer) { dropped += answer->file.inode == 7; }

static void by_file(void) {
  struct answer found, evicted, put = answer_of(7, true);
  struct pv_file file = file_of(7);
  CHECK(!table_find(&file, &found));
  CHECK(!table_put(&put, &evicted));
  CHECK(table_find(&file, &found) && found.kind == 2 && found.flags == ANSWER_ALLOW);
  file.links = 5;
  CHECK(table_find(&file, &found)); /* another name changes nothing */
  file.ctime++;
  CHECK(!table_find(&file, &found));
  file = file_of(7);
  file.bytes++;
  CHECK(!table_find(&file, &found));
  file = file_of(7);
  file.device++;
  CHECK(!table_find(&file, &found));
  /* A newer state of the same file takes the older one's place. */
  put.file.ctime += 50;
  CHECK(!table_put(&put, &evicted));
  CHECK(table_count() == 1);
  file = file_of(7);
  CHECK(!table_find(&file, &found));
  CHECK(table_forget(put.digest, true, drop) == 0 && table_count() == 1);
  CHECK(table_forget(put.digest, false, drop) == 1 && dropped == 1 && table_count() == 0);
  struct answer ended = answer_of(8, true);
  ended.until = now_boot() - 1;
  (void)table_put(&ended, &evicted);
  file = file_of(8);
  CHECK(!table_find(&file, &found) && table_count() == 0);
}

static uint64_t seen;
static void see(const struct answer *answer, void *argument) {
  (void)argument;
  seen += answer->file.inode != 0;
}

static void full_table(void) {
  struct answer found, evicted;
  uint64_t gone = 0, before = table_evicted();
  for (uint64_t inode = 1; inode <= 3 * TABLE_PLACES; inode++) {
    struct answer put = answer_of(inode, true);
    gone += table_put(&put, &evicted);
    struct pv_file file = file_of(inode);
    if (!table_find(&file, &found)) CHECK(!"what was just put is found");
  }
  CHECK(table_count() <= TABLE_PLACES && table_count() > TABLE_PLACES * 9 / 10);
  CHECK(table_count() + gone == 3 * TABLE_PLACES);
  CHECK(table_evicted() - before == gone);
  table_each(see, NULL);
  CHECK(seen == table_count());
  table_forget_all();
  CHECK(table_count() == 0);
  struct pv_file file = file_of(3 * TABLE_PLACES);
  CHECK(!table_find(&file, &found));
}

static void by_digest(void) {
  uint8_t one[32] = {1}, two[32] = {2};
  struct digest_known known;
  CHECK(!digest_find(one, &known));
  digest_mark(one, DIGEST_CORE | DIGEST_RAN);
  digest_answer(one, false, 0, 2, 0);
  CHECK(digest_find(one, &known) && known.flags == (DIGEST_CORE | DIGEST_RAN | DIGEST_DENY));
  digest_forget(one);
  CHECK(digest_find(one, &known) && known.flags == (DIGEST_CORE | DIGEST_RAN));
  digest_answer(two, true, now_boot() + 3600000000000ull, 3, 0);
  CHECK(digest_find(two, &known) && known.flags == (DIGEST_ALLOW | DIGEST_RAN) && known.kind == 3);
  digest_forget_all();
  /* What ran before is known also when its answer was forgotten. */
  CHECK(digest_find(two, &known) && known.flags == DIGEST_RAN);
  digest_answer(two, true, now_boot() - 1, 3, 0);
  CHECK(digest_find(two, &known) && known.flags == DIGEST_RAN);
  /* A flood of digests pushes neither the hard-allowed core out nor what is known to be an interpreter. */
  digest_mark(two, DIGEST_INTERPRETER);
  for (uint32_t i = 0; i < 4 * DIGEST_PLACES; i++) {
    uint8_t digest[32] = {9};
    memcpy(digest + 4, &i, sizeof i);
    digest_mark(digest, DIGEST_RAN);
  }
  CHECK(digest_find(one, &known) && (known.flags & DIGEST_CORE) != 0);
  CHECK(digest_find(two, &known) && (known.flags & DIGEST_INTERPRETER) != 0);
}

static void kinds(void) {
  struct pv_file file = file_of(77);
  CHECK(kind_find(&file) == KIND_UNKNOWN);
  kind_put(&file, KIND_DATA);
  CHECK(kind_find(&file) == KIND_DATA);
  kind_put(&file, KIND_OBJECT);
  CHECK(kind_find(&file) == KIND_OBJECT);
  file.ctime++;
  CHECK(kind_find(&file) == KIND_UNKNOWN);
  CHECK(!interpreter_is(&file));
  interpreter_put(&file);
  file.ctime++;
  CHECK(interpreter_is(&file)); /* also when it was edited */
  file.inode++;
  CHECK(!interpreter_is(&file));
}

static void hashes(void) {
  /* FIPS 180-2, appendix B.1. */
  static const uint8_t abc[4] = {0xba, 0x78, 0x16, 0xbf};
  uint8_t digest[32];
  hash_bytes("abc", 3, digest);
  CHECK(memcmp(digest, abc, sizeof abc) == 0);
  uint64_t keys[3] = {1, 2, 3};
  uint64_t first = hash_key(keys, sizeof keys);
  CHECK(first == hash_key(keys, sizeof keys));
  keys[2]++;
  CHECK(first != hash_key(keys, sizeof keys));
  CHECK(hash_key("abc", 3) != hash_key("abd", 3) && hash_key("abc", 3) != hash_key("abc\0", 4));
}

static void test_custody(void) {
  static struct custody custody;
  struct pv_file file = {.inode = 7, .device = 1, .ctime = 100};
  enum { PLACE = 3, NOW = 100 };
  custody_made(&custody, 1, 7, 40);
  custody_placed(&custody, 1, 7, 40, PLACE, NOW);
  CHECK(!custody_holds(&custody, &file, PLACE)); /* nobody has written it to its end */
  custody_written(&custody, 1, 7, 40);
  CHECK(custody_holds(&custody, &file, PLACE));
  CHECK(!custody_holds(&custody, &file, PLACE + 1));
  file.ctime = 101;
  CHECK(!custody_holds(&custody, &file, PLACE)); /* changed since */
  file.ctime = 100;
  custody_spoiled(&custody, 1, 7, 40);
  CHECK(!custody_holds(&custody, &file, PLACE));
  custody_made(&custody, 1, 7, 40); /* one more name: a backup of what somebody else has spoiled */
  custody_written(&custody, 1, 7, 40);
  custody_placed(&custody, 1, 7, 40, PLACE, NOW);
  CHECK(!custody_holds(&custody, &file, PLACE));
  custody_made(&custody, 1, 7, 41); /* another file with its number */
  custody_placed(&custody, 1, 7, 41, PLACE, NOW);
  CHECK(!custody_holds(&custody, &file, PLACE));
  custody_written(&custody, 1, 7, 41);
  CHECK(custody_holds(&custody, &file, PLACE));
  custody_spoiled(&custody, 1, 7, 42); /* the number has passed on */
  CHECK(!custody_holds(&custody, &file, PLACE));
  /* What was never seen made, and is given a name: the writer is not known. */
  custody_made(&custody, 1, 8, 50);
  custody_placed(&custody, 1, 8, 50, PLACE, NOW);
  file.inode = 8;
  CHECK(!custody_holds(&custody, &file, PLACE));
  custody_written(&custody, 1, 8, 50);
  custody_forget(&custody);
  CHECK(!custody_holds(&custody, &file, PLACE));
}

void test_tables(void) {
  test_custody();
  by_file();
  full_table();
  by_digest();
  kinds();
  hashes();
}
