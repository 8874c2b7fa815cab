/*
 * Files that a package manager of the core has made, and that nobody else has written, linked or renamed since: only of those may be said
 * that it put them where they are. One bounded table. Not locked: the caller is.
 */
#pragma once
#include "parts.h"

#define CUSTODY_SETS 2048u
#define CUSTODY_WAYS 4u

struct kept {
  uint64_t inode;
  uint64_t incarnation; /* tells two files apart that had this inode number one after the other */
  uint64_t order;       /* of its making, from 1; 0: the place is free */
  uint64_t placed;      /* when it was put at its place, nanoseconds since 1970 */
  uint32_t device;
  uint32_t place;       /* of the core, where it was put last; 0: at none */
  bool written;         /* by its maker, to the end */
  bool spoiled;         /* somebody else had a hand in it */
};
struct custody {
  struct kept files[CUSTODY_SETS][CUSTODY_WAYS];
  uint64_t orders;
};

/* A name was made, by a package manager: of a new file, or one more of an old one. */
void custody_made(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation);
void custody_written(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation);
void custody_placed(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation, uint32_t place, uint64_t now);
/* Somebody else made a name of it, wrote to it or renamed it. */
void custody_spoiled(struct custody *custody, uint32_t device, uint64_t inode, uint64_t incarnation);
/* Was it made, written and put at this place by package managers alone, and has it not changed since? */
bool custody_holds(const struct custody *custody, const struct pv_file *file, uint32_t place);
void custody_forget(struct custody *custody);
void custody_forget_device(struct custody *custody, uint32_t device);
