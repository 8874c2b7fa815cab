/* Changes of files become records: folders' handles become paths, equal changes in a row become one. One thread only. */
#pragma once
#include "volumes.h"

#define CHANGES_WAIT_NS 200000000ull /* how long a change waits for others that are told with it */

/* One change as it came out of the kernel's queue. */
struct change {
  uint64_t time;
  uint64_t identity; /* of writers.h: as long as it is the same, the process runs the same program */
  struct pv_process who;
  uint64_t volume; /* serial */
  uint32_t device;
  uint32_t change; /* enum pv_change */
  struct handle file, folder, old_folder; /* bytes 0: not told */
  char name[256], old_name[256];          /* in their folders; empty: the folder itself */
};

struct changes;
/* Opens a file system for a moment: a descriptor to open handles at and where it is mounted; -1: it is not watched any more. */
typedef int (*open_volume)(void *context, uint64_t serial, char *place, size_t bytes);
struct changes *changes_open(open_volume open_volume, void *context);
void changes_take(struct changes *changes, const struct change *change);
/* Hands on what has waited long enough, or all. To be called after each batch: closes what it opened, too. */
void changes_flush(struct changes *changes, uint64_t now, bool all);
bool changes_wait(const struct changes *changes); /* something waits */
void changes_close(struct changes *changes);
