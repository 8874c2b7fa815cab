/* Who wrote a file last. */
#include "writers.h"

static bool same(const struct identity *identity, const struct pv_process *process, const struct pv_file *program) {
  return identity->process.pid == process->pid && identity->process.started == process->started &&
         identity->program.inode == program->inode && identity->program.device == program->device &&
         identity->program.ctime == program->ctime && identity->program.bytes == program->bytes;
}

const struct identity *writers_find(const struct writers *writers, uint64_t number) {
  const struct identity *identity = &writers->identities[number % IDENTITIES];
  return number != 0 && identity->number == number ? identity : NULL;
}

uint64_t writers_identity(struct writers *writers, const struct pv_process *process, const struct pv_file *program) {
  uint64_t *latest = &writers->latest[process->pid % BY_PROCESS];
  const struct identity *known = writers_find(writers, *latest);
  if (known != NULL && same(known, process, program)) return known->number;
  uint64_t number = ++writers->identity_count;
  writers->identities[number % IDENTITIES] = (struct identity){.number = number, .process = *process, .program = *program};
  return *latest = number;
}

static size_t set_of(uint32_t device, uint64_t inode) {
  uint64_t mixed = (inode ^ (uint64_t)device << 32) * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(mixed >> 40) % WRITERS_SETS;
}

void writers_put(struct writers *writers, uint32_t device, uint64_t inode, uint64_t identity, uint64_t time) {
  struct written *set = writers->files[set_of(device, inode)], *place = &set[0];
  for (size_t each = 0; each < WRITERS_WAYS; each++) {
    if (set[each].inode == inode && set[each].device == device) {
      place = &set[each];
      break;
    }
    if (set[each].time < place->time) place = &set[each];
  }
  *place = (struct written){.inode = inode, .time = time, .writer = identity, .device = device};
}

const struct written *writers_last(const struct writers *writers, uint32_t device, uint64_t inode) {
  const struct written *set = writers->files[set_of(device, inode)];
  for (size_t each = 0; each < WRITERS_WAYS; each++)
    if (set[each].inode == inode && set[each].device == device && set[each].time > writers->since) return &set[each];
  return NULL;
}

void writers_forget(struct writers *writers, uint64_t now) { writers->since = now; }

void writers_forget_device(struct writers *writers, uint32_t device) {
  for (size_t set = 0; set < WRITERS_SETS; set++)
    for (size_t each = 0; each < WRITERS_WAYS; each++)
      if (writers->files[set][each].device == device) writers->files[set][each] = (struct written){0};
}
