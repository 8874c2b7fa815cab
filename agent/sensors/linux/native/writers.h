/* Who wrote a file last: two bounded tables, of files and of the processes that wrote them. Not locked: the caller is. */
#pragma once
#include "parts.h"

#define WRITERS_SETS 4096u
#define WRITERS_WAYS 8u
#define IDENTITIES 4096u
#define BY_PROCESS 1024u

/* A process while it ran one program. Told apart by its number in the order of appearance, from 1; 0 is nobody known. */
struct identity {
  uint64_t number;
  struct pv_process process;
  struct pv_file program;
  enum { KEEPER_UNKNOWN, KEEPER_NO, KEEPER_YES } keeper; /* does it keep the core's programs? Found out when it is first wanted */
};
struct written {
  uint64_t inode;
  uint64_t time;
  uint64_t writer; /* of an identity; 0: somebody who is not known */
  uint32_t device;
  uint32_t pad;
};
struct writers {
  struct written files[WRITERS_SETS][WRITERS_WAYS];
  struct identity identities[IDENTITIES];
  uint64_t latest[BY_PROCESS]; /* identity by process number, to find it again */
  uint64_t identity_count;
  uint64_t since; /* what was written before is not known any more */
};

/* The identity of a process that runs this program now, a new one where it is not the latest of that process number. */
uint64_t writers_identity(struct writers *writers, const struct pv_process *process, const struct pv_file *program);
/* NULL: forgotten, a later one has taken its place. */
const struct identity *writers_find(const struct writers *writers, uint64_t number);
void writers_put(struct writers *writers, uint32_t device, uint64_t inode, uint64_t identity, uint64_t time);
/* NULL: never seen, or forgotten. */
const struct written *writers_last(const struct writers *writers, uint32_t device, uint64_t inode);
/* Events were lost: what is remembered may be of before. */
void writers_forget(struct writers *writers, uint64_t now);
void writers_forget_device(struct writers *writers, uint32_t device);
