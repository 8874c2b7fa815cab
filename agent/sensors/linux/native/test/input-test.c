/* What the agent may send, and what ends its connection. */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "gate.h"

static uint16_t types[8];
static size_t taken;
static struct pv_answer last_answer;
static char last_notice[PV_MAX_NOTICE + 1];

static void take(void *context, const struct pv_header *record) {
  (void)context;
  if (taken < 8) types[taken] = record->type;
  taken++;
  if (record->type != PV_ANSWER) return;
  last_answer = *(const struct pv_answer *)record;
  memcpy(last_notice, (const char *)record + record->fixed, last_answer.notice_bytes + 1u);
}
static const struct input_sink sink = {NULL, take};
static char why[200];

static long give(const void *bytes, size_t count) {
  /* A copy of exactly this size, so that the sanitizer sees any read beyond. */
  uint8_t *copy = malloc(count == 0 ? 1 : count);
  if (copy == NULL) abort();
  memcpy(copy, bytes, count);
  taken = 0;
  why[0] = 0;
  long used = input_take(copy, count, &sink, why, sizeof why);
  free(copy);
  return used;
}

static struct pv_header head(uint32_t size, uint16_t type, uint16_t fixed) { return (struct pv_header){size, type, fixed}; }

static void refusals(void) {
  static const struct { uint32_t size; uint16_t type, fixed; const char *word; } wrong[] = {
    {0, PV_PULSE, 8, "fewer than its header"}, {7, PV_PULSE, 8, "fewer than its header"}, {PV_MAX_RECORD + 1, PV_PULSE, 8, "at most"},
    {0xffffffffu, PV_PULSE, 8, "at most"}, {16, PV_PULSE, 7, "fields"}, {16, PV_PULSE, 17, "fields"}, {16, PV_PULSE, 0xffff, "fields"},
    {16, PV_ANSWER, 16, "it needs"}, {8, PV_CONFIG, 8, "it needs"}, {8, PV_FORGET, 8, "it needs"}};
  uint8_t bytes[64] = {0};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct pv_header header = head(wrong[i].size, wrong[i].type, wrong[i].fixed);
    memcpy(bytes, &header, sizeof header);
    CHECK(give(bytes, sizeof bytes) == -1);
    CHECK(strstr(why, wrong[i].word) != NULL);
    CHECK(taken == 0);
  }
  struct pv_path path = {.header = head(sizeof path + 4, PV_PATH, sizeof path), .kind = 1, .path_bytes = 5};
  uint8_t record[sizeof path + 4] = {0};
  memcpy(record, &path, sizeof path);
  CHECK(give(record, sizeof record) == -1 && strstr(why, "ends within its text") != NULL);
  struct { struct pv_answer answer; char text[PV_MAX_NOTICE + 1]; } long_notice = {.answer = {.notice_bytes = PV_MAX_NOTICE + 1}};
  long_notice.answer.header = head(sizeof long_notice.answer + PV_MAX_NOTICE + 1, PV_ANSWER, sizeof long_notice.answer);
  CHECK(give(&long_notice, long_notice.answer.header.size) == -1 && strstr(why, "1024") != NULL);
  const char *garbage = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  CHECK(give(garbage, strlen(garbage)) == -1);
}

static void whole_and_half(void) {
  struct { struct pv_pulse pulse; struct pv_answer answer; char text[5]; char pad[3]; } stream = {
    .pulse = {.header = head(sizeof stream.pulse, PV_PULSE, sizeof stream.pulse)}, .answer = {.id = 5, .allow = 1, .notice_bytes = 5}, .text = "hello"};
  stream.answer.header = head(sizeof stream.answer + 5, PV_ANSWER, sizeof stream.answer);
  size_t all = sizeof stream.pulse + sizeof stream.answer + 5;
  for (size_t cut = 0; cut <= all; cut++) {
    long expected = cut == all ? (long)all : cut >= sizeof stream.pulse ? (long)sizeof stream.pulse : 0;
    CHECK(give(&stream, cut) == expected);
  }
  CHECK(taken == 2 && types[0] == PV_PULSE && types[1] == PV_ANSWER && last_answer.id == 5 && strcmp(last_notice, "hello") == 0);
}

/* Appended fields of a newer agent are passed over, missing ones of an older count as 0, unknown records are skipped. */
static void versions(void) {
  struct { struct pv_answer answer; uint64_t newer[2]; char text[4]; char pad[4]; } newer = {.answer = {.id = 9, .allow = 1, .notice_bytes = 4}, .newer = {~0ull, ~0ull}, .text = "text"};
  size_t fixed = sizeof newer.answer + sizeof newer.newer;
  newer.answer.header = head((uint32_t)(fixed + 4), PV_ANSWER, (uint16_t)fixed);
  CHECK(give(&newer, fixed + 4) == (long)(fixed + 4) && last_answer.id == 9 && strcmp(last_notice, "text") == 0);
  struct pv_answer old = {.id = 10, .allow = 1, .for_ms = 77, .notice_bytes = 99};
  old.header = head(offsetof(struct pv_answer, remember), PV_ANSWER, offsetof(struct pv_answer, remember));
  CHECK(give(&old, old.header.size) > 0 && last_answer.id == 10 && last_answer.for_ms == 0 && last_answer.notice_bytes == 0);
  struct { struct pv_header header; uint64_t field; struct pv_pulse pulse; } unknown = {.pulse = {.header = head(sizeof unknown.pulse, PV_PULSE, sizeof unknown.pulse)}};
  unknown.header = head(16, 999, 8);
  CHECK(give(&unknown, sizeof unknown) == (long)sizeof unknown && taken == 1 && types[0] == PV_PULSE);
}

void test_input(void) {
  refusals();
  whole_and_half();
  versions();
}
