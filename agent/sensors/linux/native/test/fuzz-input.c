/* Any bytes from the agent: every record that is taken lies whole within what was given, with its text. */
#include <stdlib.h>
#include <string.h>
#include "gate.h"

void mutex_init(pthread_mutex_t *mutex) {
  if (pthread_mutex_init(mutex, NULL) != 0) abort();
}

static uint64_t sum;
static void take(void *context, const struct pv_header *record) {
  (void)context;
  if (record->size < record->fixed || record->fixed < sizeof *record) abort();
  const uint8_t *bytes = (const uint8_t *)record;
  for (uint32_t i = 0; i <= record->size; i++) sum += bytes[i]; /* one more: the zero behind the text */
  if (bytes[record->size] != 0) abort();
  char safe[PV_MAX_NOTICE];
  if (record->type == PV_ANSWER) (void)notice_clean((const char *)bytes + record->fixed, record->size - record->fixed, safe, sizeof safe);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  static const struct input_sink sink = {NULL, take};
  char why[128];
  long used = input_take(bytes, count, &sink, why, sizeof why);
  if (used > (long)count) abort();
  if (used < 0 && memchr(why, 0, sizeof why) == NULL) abort();
  return 0;
}
