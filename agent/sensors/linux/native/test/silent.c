/* The rest of the sensor, for tests of a part: nobody listens. */
#include "../parts.h"

bool out_record(const void *record, size_t bytes) {
  (void)record;
  (void)bytes;
  return true;
}
bool out_event(const void *record, size_t bytes) {
  (void)record;
  (void)bytes;
  return true;
}
void out_lost(uint32_t kind, uint32_t where, uint64_t count) {
  (void)kind;
  (void)where;
  (void)count;
}
bool out_connected(void) { return true; }
bool mounts_watched(uint32_t namespace) { return namespace == 0; }
void mounts_look(uint32_t pid) { (void)pid; }
void out_gate(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  (void)gate, (void)path, (void)path_bytes, (void)executable, (void)executable_bytes;
}
void gate_unasked(enum pv_cause cause, const struct pv_process *who) {
  (void)cause;
  (void)who;
}
