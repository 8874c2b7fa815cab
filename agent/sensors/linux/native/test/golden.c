/*
 * Writes golden/NAME.bin, the recorded bytes that the tests of both sides read, and golden/values.jsonl, what stands in them: for each record
 * its file, its number in the file, its type, and every field by its name in record.h (numbers as text in decimal, bytes in hexadecimal).
 *
 * Each file holds three records: "plain" (every field has a value of its own, so that two that were swapped are noticed), "full" (the
 * highest values, strings that are neither UTF-8 nor harmless on a terminal) and "empty" (zeros or the lowest value of a list, no strings).
 * Usage: golden FOLDER
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "golden.h"
#include "shapes.h"

enum kind { PLAIN, FULL, EMPTY, KINDS };

static const char *const plain_texts[] = {"/usr/bin/true", "./install.sh", "/home/a b", "sh\0-c\0true", "user.slice"};
static const size_t plain_bytes[] = {13, 12, 9, 10, 10};
/* Not UTF-8, a newline, an escape sequence that would clear a terminal, a NUL. */
static const char hostile[] = "/tmp/\xff\xc3\x28\n\x1b[2J\x00" "end";

static FILE *values;
static uint8_t record[PV_MAX_RECORD];

static void fail(const char *what) {
  fprintf(stderr, "golden: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t highest_of(const struct field *field) {
  if (field->highest != 0) return field->highest;
  return field->bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (field->bytes * 8)) - 1;
}

static uint64_t value_of(const struct field *field, size_t place, enum kind kind) {
  uint64_t highest = highest_of(field);
  if (kind == FULL) return highest;
  if (kind == EMPTY || field->lowest != 0) return field->lowest;
  uint64_t own = 3 + place * 5;
  /* Below 2^53, where JavaScript's numbers are exact; change times are not in life either. */
  if (field->bytes == 8) own = UINT64_C(1700000000000) + place * UINT64_C(1000000007);
  if (strstr(field->name, "ctime") != NULL) own *= 1000000;
  if (field->bytes == 4 && field->highest == 0) own = 0x01020300u + (uint32_t)place;
  if (field->bytes == 2) own = 0x0203u + (uint16_t)place;
  return own <= highest ? own : 1 + place % highest;
}

static void number_to(uint8_t *to, uint64_t value, size_t bytes) {
  for (size_t each = 0; each < bytes; each++) to[each] = (uint8_t)(value >> (8 * each));
}

static void print_hex(const uint8_t *bytes, size_t count) {
  for (size_t each = 0; each < count; each++) fprintf(values, "%02x", bytes[each]);
}

static void put_raw(uint8_t *to, size_t bytes, size_t place, enum kind kind) {
  for (size_t each = 0; each < bytes && kind != EMPTY; each++)
    to[each] = kind == FULL ? 0xff : (uint8_t)(0x61 + (place + each) % 26);
  /* The kernel ends a name with a NUL. */
  if (bytes == 16 && kind == PLAIN) memset(to + 9, 0, 7);
}

/* One record into `record`, its line into values.jsonl. The record's bytes. */
static size_t make(const struct shape *shape, enum kind kind, int number) {
  memset(record, 0, sizeof record);
  size_t size = shape->fixed;
  fprintf(values, "{\"file\":\"%s.bin\",\"number\":%d,\"type\":%u,\"values\":{", shape->file, number, shape->type);
  for (size_t each = 0; each < shape->field_count; each++) {
    const struct field *field = &shape->fields[each];
    fprintf(values, "%s\"%s\":\"", each == 0 ? "" : ",", field->name);
    if (field->raw) {
      put_raw(record + field->place, field->bytes, each, kind);
      print_hex(record + field->place, field->bytes);
    } else {
      uint64_t value = value_of(field, each, kind);
      number_to(record + field->place, value, field->bytes);
      fprintf(values, "%llu", (unsigned long long)value);
    }
    fprintf(values, "\"");
  }
  fprintf(values, "},\"texts\":{");
  for (size_t each = 0; each < shape->text_count; each++) {
    const char *bytes = kind == PLAIN ? plain_texts[each] : hostile;
    size_t count = kind == EMPTY ? 0 : kind == PLAIN ? plain_bytes[each] : sizeof hostile - 1;
    memcpy(record + size, bytes, count);
    size += count;
    number_to(record + shape->texts[each].place, count, 2);
    fprintf(values, "%s\"%s\":\"", each == 0 ? "" : ",", shape->texts[each].name);
    print_hex((const uint8_t *)bytes, count);
    fprintf(values, "\"");
  }
  fprintf(values, "}}\n");
  number_to(record, size, 4);
  number_to(record + 4, shape->type, 2);
  number_to(record + 6, shape->fixed, 2);
  return size;
}

static FILE *open_in(const char *folder, const char *name) {
  char path[4096];
  int bytes = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (bytes < 0 || (size_t)bytes >= sizeof path) fail("the folder's name is too long");
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail(path);
  return file;
}

static void write_all(FILE *file, const void *bytes, size_t count) {
  if (fwrite(bytes, 1, count, file) != count) fail("write");
}

static void close_file(FILE *file) {
  if (fclose(file) != 0) fail("close");
}

static void write_shape(const char *folder, const struct shape *shape) {
  char name[64];
  if (snprintf(name, sizeof name, "%s.bin", shape->file) >= (int)sizeof name) fail("the shape's name is too long");
  FILE *file = open_in(folder, name);
  for (int kind = 0; kind < KINDS; kind++) write_all(file, record, make(shape, kind, kind));
  close_file(file);
}

/* A later sensor: eight more bytes of fixed fields, a record type that nobody knows in between, then a plain one. */
static void write_newer(const char *folder, const struct shape *exit_shape) {
  FILE *file = open_in(folder, "newer.bin");
  struct shape longer = *exit_shape;
  longer.file = "newer";
  longer.fixed += 8;
  write_all(file, record, make(&longer, PLAIN, 0));
  struct pv_header unknown = {.size = 24, .type = 999, .fixed = 16};
  uint8_t rest[16] = {0xee};
  write_all(file, &unknown, sizeof unknown);
  write_all(file, rest, sizeof rest);
  longer.fixed -= 8;
  write_all(file, record, make(&longer, FULL, 2));
  close_file(file);
}

/* An earlier sensor: an exit record from before running_ns, so that counts as 0. */
static void write_older(const char *folder, const struct shape *exit_shape) {
  FILE *file = open_in(folder, "older.bin");
  struct shape shorter = *exit_shape;
  shorter.file = "older";
  shorter.fixed = offsetof(struct pv_exit, running_ns);
  shorter.field_count -= 1;
  write_all(file, record, make(&shorter, PLAIN, 0));
  close_file(file);
}

/* Bytes that no sensor writes: each ends the connection. */
static void write_damaged(const char *folder, const struct shape *exec_shape) {
  static const struct { const char *name; uint32_t place; uint32_t value; size_t bytes; } faults[] = {
    {"damaged-size-of-nothing.bin", 0, 4, 4},
    {"damaged-size-too-large.bin", 0, PV_MAX_RECORD + 1, 4},
    {"damaged-fixed-beyond-record.bin", 6, 0xffff, 2},
    {"damaged-fixed-in-header.bin", 6, 4, 2},
    {"damaged-text-beyond-record.bin", offsetof(struct pv_exec, arguments_bytes), 0x7fff, 2},
  };
  FILE *told = values;
  values = fopen("/dev/null", "wb");
  if (values == NULL) fail("/dev/null");
  for (size_t each = 0; each < COUNT(faults); each++) {
    size_t size = make(exec_shape, PLAIN, 0);
    number_to(record + faults[each].place, faults[each].value, faults[each].bytes);
    FILE *file = open_in(folder, faults[each].name);
    write_all(file, record, size);
    close_file(file);
  }
  close_file(values);
  values = told;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: golden FOLDER\n");
    return 2;
  }
  values = open_in(arguments[1], "values.jsonl");
  const struct shape *exec_shape = NULL, *exit_shape = NULL;
  for (size_t each = 0; each < COUNT(shapes); each++) {
    write_shape(arguments[1], &shapes[each]);
    if (shapes[each].type == PV_EXEC) exec_shape = &shapes[each];
    if (shapes[each].type == PV_EXIT) exit_shape = &shapes[each];
  }
  if (exec_shape == NULL || exit_shape == NULL) fail("the shapes of exec and exit");
  write_newer(arguments[1], exit_shape);
  write_older(arguments[1], exit_shape);
  write_damaged(arguments[1], exec_shape);
  close_file(values);
  return 0;
}
