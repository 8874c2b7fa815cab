/* What golden.c writes: each record of record.h as a list of fields, so that no value is typed twice. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../record.h"

struct field {
  const char *name;
  uint32_t place;
  uint32_t bytes;
  uint64_t lowest;
  uint64_t highest; /* of a closed list or a set of bits; 0: whatever fits */
  bool raw;         /* an array of bytes, not a number */
};
struct text {
  const char *name;
  uint32_t place; /* of its length */
};
struct shape {
  const char *file;
  uint16_t type;
  uint16_t fixed;
  const struct field *fields;
  size_t field_count;
  const struct text *texts;
  size_t text_count;
};

#define NUMBER(record, member) {#member, offsetof(record, member), sizeof(((record *)0)->member), 0, 0, false}
#define FROM_TO(record, member, lowest, highest) \
  {#member, offsetof(record, member), sizeof(((record *)0)->member), lowest, highest, false}
#define UP_TO(record, member, highest) FROM_TO(record, member, 0, highest)
#define RAW(record, member) {#member, offsetof(record, member), sizeof(((record *)0)->member), 0, 0, true}
#define TEXT(record, member) {#member, offsetof(record, member##_bytes)}
#define FILE_AT(record, member)                                                                                  \
  NUMBER(record, member.inode), NUMBER(record, member.ctime), NUMBER(record, member.bytes), NUMBER(record, member.device), \
      NUMBER(record, member.links)
#define PROCESS_AT(record, member)                                                                             \
  NUMBER(record, member.pid), NUMBER(record, member.parent), NUMBER(record, member.started),                   \
      NUMBER(record, member.parent_started), NUMBER(record, member.cgroup), NUMBER(record, member.user),       \
      NUMBER(record, member.group), NUMBER(record, member.login_user), NUMBER(record, member.session),         \
      NUMBER(record, member.mount_namespace), NUMBER(record, member.pid_namespace), RAW(record, member.name)
#define EVENT(record)                                                                                           \
  NUMBER(record, event.time), NUMBER(record, event.sequence), NUMBER(record, event.cpu),                        \
      UP_TO(record, event.flags, PV_F_SCRIPT * 2 - 1), PROCESS_AT(record, event.who)
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define SHAPE(name, type, record, fields) {name, type, sizeof(record), fields, COUNT(fields), NULL, 0}
#define SHAPE_WITH(name, type, record, fields, texts) {name, type, sizeof(record), fields, COUNT(fields), texts, COUNT(texts)}
