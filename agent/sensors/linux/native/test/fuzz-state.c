/* Any bytes as the state file, with a checksum that matches: nothing is read beyond them. */
#include <stdlib.h>
#include <string.h>
#include "gate.h"

void mutex_init(pthread_mutex_t *mutex) {
  if (pthread_mutex_init(mutex, NULL) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  struct pv_config config;
  struct state_counts counts;
  bool has_config;
  const char *why;
  (void)state_parse(bytes, count, &config, &has_config, &counts, &why);
  if (count < 40) return 0;
  uint8_t *copy = malloc(count);
  if (copy == NULL) return 0;
  memcpy(copy, bytes, count);
  memcpy(copy, "PVSTATE\0\1\0\0\0", 12);
  hash_bytes(copy, count - 32, copy + count - 32);
  (void)state_parse(copy, count, &config, &has_config, &counts, &why);
  free(copy);
  return 0;
}
