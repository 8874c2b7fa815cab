/* The file systems that are watched, and what a handle of the kernel means on them. Not locked: the caller is. */
#pragma once
#include <fcntl.h>
#include "parts.h"

#define VOLUMES 256u
#define HANDLE_BYTES 128u /* MAX_HANDLE_SZ */

/* As the kernel reports it: a number for the kind, then bytes whose meaning is the file system's. */
struct handle {
  uint32_t bytes;
  int32_t kind;
  uint8_t data[HANDLE_BYTES];
};

struct volume {
  uint64_t fsid;
  uint64_t serial; /* of this mark; 0: the place is free */
  uint32_t device;
  uint32_t magic;
  bool shared; /* another one has the same fsid, a copy of its image: events do not say which of them */
  int mount;   /* a private copy of the mount, to open handles at: it does not keep anybody from unmounting. -1: none */
  char *place; /* where it is mounted */
};
struct volumes {
  struct volume all[VOLUMES];
  uint64_t serials;
};

/* Adds or brings up to date. NULL with errno: not a file system with handles, or the table is full. */
struct volume *volumes_add(struct volumes *volumes, int folder, uint32_t device);
void volumes_remove(struct volumes *volumes, uint32_t device);
struct volume *volumes_by_fsid(struct volumes *volumes, uint64_t fsid);
/* The file's inode number, 0 where neither the handle nor opening it tells. */
uint64_t volume_inode(const struct volume *volume, const struct handle *handle);
/* Opens what the handle means below `mount`, without touching it. -1: it is gone. */
int handle_open(int mount, const struct handle *handle);
