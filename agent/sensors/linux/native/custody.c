/* What package managers of the core have made and nobody else has touched. */
#include <string.h>
#include "custody.h"

static struct kept *set_of(const struct custody *custody, uint32_t device, uint64_t inode) {
  uint64_t mixed = (inode ^ (uint64_t)device << 32) * UINT64_C(0x9e3779b97f4a7c15);
  return (struct kept *)custody->files[(size_t)(mixed >> 40) % CUSTODY_SETS];
}

static struct kept *find(const struct custody *custody, uint32_t device, uint64_t inode) {
  struct kept *set = set_of(custody, device, inode);
  for (size_t each = 0; each < CUSTODY_WAYS; each++)
    if (set[each].order != 0 && set[each].inode == inode && set[each].device == device) return set + each;
  return NULL;
}

/* Of this very file; one that had its number before counts no longer. */
static struct kept *find_same(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation) {
  struct kept *kept = find(custody, device, inode);
  if (kept != NULL && kept->incarnation == incarnation) return kept;
  if (kept != NULL) *kept = (struct kept){0};
  return NULL;
}

void custody_made(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation) {
  /* One more name of what is known: what others did to it stays. */
  if (find_same(custody, device, inode, incarnation) != NULL) return;
  struct kept *set = set_of(custody, device, inode), *place = set;
  for (size_t each = 1; each < CUSTODY_WAYS; each++)
    if (set[each].order < place->order) place = set + each;
  *place = (struct kept){.inode = inode, .device = device, .incarnation = incarnation, .order = ++custody->orders};
}

void custody_written(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation) {
  struct kept *kept = find_same(custody, device, inode, incarnation);
  if (kept != NULL) kept->written = true;
}

void custody_placed(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation, uint32_t place, uint64_t now) {
  struct kept *kept = find_same(custody, device, inode, incarnation);
  if (kept == NULL) return;
  kept->place = place;
  kept->placed = now;
}

void custody_spoiled(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation) {
  struct kept *kept = find_same(custody, device, inode, incarnation);
  /* Kept as spoiled: a further name by the package manager must not make it good. */
  if (kept != NULL) kept->spoiled = true;
}

bool custody_holds(const struct custody *custody, const struct pv_file *file, uint32_t place) {
  const struct kept *kept = find(custody, file->device, file->inode);
  /* What only its length or its rights were changed of tells of no writer: its change time is later than that of its place. */
  return kept != NULL && place != 0 && kept->place == place && kept->written && !kept->spoiled && file->ctime <= kept->placed;
}

void custody_forget(struct custody *custody) { memset(custody->files, 0, sizeof custody->files); }

void custody_forget_device(struct custody *custody, uint32_t device) {
  for (size_t set = 0; set < CUSTODY_SETS; set++)
    for (size_t each = 0; each < CUSTODY_WAYS; each++)
      if (custody->files[set][each].device == device) custody->files[set][each] = (struct kept){0};
}
