/*
 * Drives a fuzz target where there is no libFuzzer: fuzz-NAME [-runs=N] [-seed=N] FILE... Each run takes one of the files, changes some bytes,
 * lengths or places of it, and gives it to the target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEEDS = 128, MOST_BYTES = 1 << 17 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static uint64_t state = 88172645463325252u;
static uint64_t chance(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return below == 0 ? 0 : state % below;
}

static struct { uint8_t *bytes; size_t count; } seeds[MOST_SEEDS];
static size_t seed_count;

static void read_seed(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || seed_count == MOST_SEEDS) {
    fprintf(stderr, "%s cannot be read, or there are too many\n", path);
    exit(2);
  }
  uint8_t *bytes = malloc(MOST_BYTES);
  if (bytes == NULL) exit(2);
  seeds[seed_count].count = fread(bytes, 1, MOST_BYTES, file);
  seeds[seed_count++].bytes = bytes;
  fclose(file);
}

static size_t change(uint8_t *bytes, size_t count) {
  static const uint64_t edges[] = {0, 1, 7, 8, 0x7f, 0xff, 0x400, 0x1000, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0xffffffff, ~0ull};
  for (uint64_t times = 1 + chance(6); times > 0; times--) {
    size_t at = (size_t)chance(count == 0 ? 1 : count);
    switch (chance(6)) {
      case 0: if (count > 0) bytes[at] ^= (uint8_t)(1u << chance(8)); break;
      case 1: if (count > 0) bytes[at] = (uint8_t)chance(256); break;
      case 2: {
        size_t width = (size_t)1 << chance(4);
        if (at + width <= count) memcpy(bytes + at, edges + chance(sizeof edges / sizeof *edges), width);
        break;
      }
      case 3: count = at; break;
      case 4: {
        size_t piece = (size_t)chance(64);
        if (at + piece <= count && count + piece <= MOST_BYTES) {
          memmove(bytes + at + piece, bytes + at, count - at);
          count += piece;
        }
        break;
      }
      default: {
        const uint64_t other = chance(seed_count);
        if (count + seeds[other].count <= MOST_BYTES) {
          memcpy(bytes + count, seeds[other].bytes, seeds[other].count);
          count += seeds[other].count;
        }
      }
    }
  }
  return count;
}

int main(int count, char **arguments) {
  unsigned long runs = 100000;
  for (int i = 1; i < count; i++) {
    if (strncmp(arguments[i], "-runs=", 6) == 0) runs = strtoul(arguments[i] + 6, NULL, 10);
    else if (strncmp(arguments[i], "-seed=", 6) == 0) state ^= strtoul(arguments[i] + 6, NULL, 10) * 0x9e3779b97f4a7c15u;
    else read_seed(arguments[i]);
  }
  if (seed_count == 0) {
    static uint8_t none[1];
    seeds[seed_count++].bytes = none;
  }
  static uint8_t work[MOST_BYTES];
  for (unsigned long run = 0; run < runs; run++) {
    uint64_t seed = chance(seed_count);
    memcpy(work, seeds[seed].bytes, seeds[seed].count);
    size_t length = change(work, seeds[seed].count);
    /* A copy of exactly this size, so that the sanitizer sees any read beyond. */
    uint8_t *exact = malloc(length == 0 ? 1 : length);
    if (exact == NULL) return 2;
    memcpy(exact, work, length);
    (void)LLVMFuzzerTestOneInput(exact, length);
    free(exact);
  }
  printf("ok %lu runs\n", runs);
  return 0;
}
