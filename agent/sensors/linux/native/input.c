/* Takes the agent's bytes apart. Whatever they are, nothing outside `bytes` is read and every string lies within its record. */
#include <stdarg.h>
#include <string.h>
#include "gate.h"

struct shape {
  uint16_t type;
  uint16_t least;     /* bytes of fixed fields without which it says nothing */
  uint16_t whole;     /* fixed fields as of today */
  uint16_t string_at; /* where the one string's length stands; 0: none */
  uint16_t string_most;
  const char *name;
};

static const struct shape shapes[] = {
  {PV_CONFIG, sizeof(struct pv_header) + 4, sizeof(struct pv_config), 0, 0, "PV_CONFIG"},
  {PV_ANSWER, offsetof(struct pv_answer, remember), sizeof(struct pv_answer), offsetof(struct pv_answer, notice_bytes), PV_MAX_NOTICE, "PV_ANSWER"},
  {PV_DIGEST, offsetof(struct pv_digest, for_ms), sizeof(struct pv_digest), offsetof(struct pv_digest, notice_bytes), PV_MAX_NOTICE, "PV_DIGEST"},
  {PV_PATH, offsetof(struct pv_path, pad), sizeof(struct pv_path), offsetof(struct pv_path, path_bytes), PV_MAX_PATH, "PV_PATH"},
  {PV_FORGET, offsetof(struct pv_forget, pad), sizeof(struct pv_forget), 0, 0, "PV_FORGET"},
  {PV_PULSE, sizeof(struct pv_header), sizeof(struct pv_pulse), 0, 0, "PV_PULSE"},
  {PV_GUARD, offsetof(struct pv_guard, pad), sizeof(struct pv_guard), offsetof(struct pv_guard, path_bytes), PV_MAX_PATH, "PV_GUARD"},
  {PV_STOP, offsetof(struct pv_stop, pad), sizeof(struct pv_stop), 0, 0, "PV_STOP"},
};

static long refuse(char *why, size_t why_bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static long refuse(char *why, size_t why_bytes, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(why, why_bytes, format, list);
  va_end(list);
  return -1;
}

/*
 * Lays a record out as this sensor knows it: fixed fields padded with zeros up to today's size, the string after them, then a zero byte.
 * So nobody behind this point reads past an old record or past its string.
 */
static long lay_out(const struct shape *shape, const uint8_t *bytes, const struct pv_header *header, uint8_t *record, char *why, size_t why_bytes) {
  if (header->fixed < shape->least)
    return refuse(why, why_bytes, "%s has %u bytes of fields, it needs %u", shape->name, header->fixed, shape->least);
  size_t known = header->fixed < shape->whole ? header->fixed : shape->whole;
  memset(record, 0, shape->whole);
  memcpy(record, bytes, known);
  size_t text = 0;
  if (shape->string_at != 0) {
    uint16_t length;
    memcpy(&length, record + shape->string_at, sizeof length);
    text = length;
  }
  if (text > shape->string_most) return refuse(why, why_bytes, "%s has a text of %zu bytes, at most %u are allowed", shape->name, text, shape->string_most);
  if (text > header->size - header->fixed) return refuse(why, why_bytes, "%s ends within its text", shape->name);
  if (text != 0) memcpy(record + shape->whole, bytes + header->fixed, text);
  record[shape->whole + text] = 0;
  struct pv_header laid = {.size = (uint32_t)(shape->whole + text), .type = header->type, .fixed = shape->whole};
  memcpy(record, &laid, sizeof laid);
  return 0;
}

long input_take(const uint8_t *bytes, size_t count, const struct input_sink *sink, char *why, size_t why_bytes) {
  static _Thread_local _Alignas(8) uint8_t record[sizeof(struct pv_config) + PV_MAX_PATH + 256];
  size_t at = 0;
  while (count - at >= sizeof(struct pv_header)) {
    struct pv_header header;
    memcpy(&header, bytes + at, sizeof header);
    if (header.size < sizeof header) return refuse(why, why_bytes, "a record says it has %u bytes, fewer than its header", header.size);
    if (header.size > PV_MAX_RECORD) return refuse(why, why_bytes, "a record says it has %u bytes, at most %u are allowed", header.size, PV_MAX_RECORD);
    if (header.fixed < sizeof header || header.fixed > header.size)
      return refuse(why, why_bytes, "a record of %u bytes says that %u of them are fields", header.size, header.fixed);
    if (header.size > count - at) break;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      if (shapes[i].type != header.type) continue;
      if (lay_out(&shapes[i], bytes + at, &header, record, why, why_bytes) != 0) return -1;
      sink->record(sink->context, (const struct pv_header *)record);
      break;
    }
    at += header.size;
  }
  return (long)at;
}
