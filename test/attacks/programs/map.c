/* Ways to have a file's bytes run without starting it: mapped executable, or loaded as a library. */
#include "attack.h"
#include <dlfcn.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>

enum { PAGE = 4096 };

static int go(void *code) {
  if (code == MAP_FAILED) fail("mmap");
  ((void (*)(void))code)();
  return 1;
}

static int opened(const char *path) { return check(open(path, O_RDONLY | O_CLOEXEC), path); }

static int executable(int count, char **arguments) {
  (void)count;
  return go(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, opened(arguments[0]), 0));
}

static int protected_later(int count, char **arguments) {
  (void)count;
  void *code = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened(arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  check(mprotect(code, PAGE, PROT_READ | PROT_EXEC), "mprotect");
  return go(code);
}

/* The same by the system call that few filters know. */
static int protected_by_key(int count, char **arguments) {
  (void)count;
  void *code = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened(arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  check((int)syscall(SYS_pkey_mprotect, code, PAGE, PROT_READ | PROT_EXEC, -1), "pkey_mprotect");
  return go(code);
}

/* Executable without asking for it: what may be read may then run. */
static int implied(int count, char **arguments) {
  (void)count;
  check(personality(READ_IMPLIES_EXEC), "personality");
  return go(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened(arguments[0]), 0));
}

/* By the 32-bit system call from a 64-bit program: another number, other arguments. */
static int compat(int count, char **arguments) {
  (void)count;
  int file = opened(arguments[0]);
  long result = 192; /* mmap2 of the 32-bit table */
  __asm__ volatile(
      "push %%rbp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%rbp"
      : "+a"(result)
      : "b"(0), "c"(PAGE), "d"(PROT_READ | PROT_EXEC), "S"(MAP_PRIVATE), "D"(file)
      : "memory", "r8", "r9", "r10", "r11");
  if ((int)result < 0 && (int)result > -4096) {
    errno = -(int)result;
    fail("mmap2 by int 0x80");
  }
  return go((void *)(uintptr_t)(unsigned)result);
}

static int compat_protected(int count, char **arguments) {
  (void)count;
  void *code = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_32BIT, opened(arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  long result = 125; /* mprotect of the 32-bit table */
  __asm__ volatile("int $0x80" : "+a"(result) : "b"((unsigned)(uintptr_t)code), "c"(PAGE), "d"(PROT_READ | PROT_EXEC) : "memory", "r8", "r9", "r10", "r11");
  if (result != 0) {
    errno = -(int)result;
    fail("mprotect by int 0x80");
  }
  return go(code);
}

/* opened-empty FILE NEW: there is nothing to judge when it is opened, and it is never opened again. */
static int opened_empty(int count, char **arguments) {
  (void)count;
  size_t bytes;
  int file = check(open(arguments[1], O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0755), arguments[1]);
  char *content = whole(arguments[0], &bytes);
  put(file, content, bytes);
  return go(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0));
}

static int in_memory(const char *path, const char *name) {
  size_t bytes;
  char *content = whole(path, &bytes);
  int file = check(memfd_create(name, MFD_CLOEXEC), "memfd_create");
  put(file, content, bytes);
  return file;
}

static int memfd(int count, char **arguments) {
  (void)count;
  return go(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, in_memory(arguments[0], arguments[1]), 0));
}

/* block-device CODE DEVICE: the disk's own pages, at the place where the file lies. */
static int block_device(int count, char **arguments) {
  (void)count;
  int file = opened(arguments[0]);
  sync();
  struct {
    struct fiemap map;
    struct fiemap_extent extent;
  } where = {.map = {.fm_length = PAGE, .fm_extent_count = 1}};
  check(ioctl(file, FS_IOC_FIEMAP, &where), "place on the disk");
  if (where.map.fm_mapped_extents != 1) fail("place on the disk");
  off_t place = (off_t)where.extent.fe_physical, start = place & ~(off_t)(PAGE - 1);
  char *code = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, opened(arguments[1]), start);
  return go(code == MAP_FAILED ? MAP_FAILED : code + (place - start));
}

/* Behind so many other mappings that whoever looks at the range may give up before it. */
static int behind_many(int count, char **arguments) {
  (void)count;
  enum { MANY = 3000 };
  char *memory = mmap(NULL, (MANY + 1) * (size_t)PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  /* Neighbours of one kind would become one mapping. */
  for (int at = 0; at < MANY; at += 2) check(mprotect(memory + at * (size_t)PAGE, PAGE, PROT_READ | PROT_WRITE), "mprotect");
  char *code = memory + MANY * (size_t)PAGE;
  if (mmap(code, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, opened(arguments[0]), 0) == MAP_FAILED) fail("mmap");
  check(mprotect(memory, (MANY + 1) * (size_t)PAGE, PROT_READ | PROT_EXEC), "mprotect");
  return go(code);
}

static int moved(int count, char **arguments) {
  (void)count;
  void *code = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened(arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  code = mremap(code, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (code == MAP_FAILED) fail("mremap");
  check(mprotect(code, PAGE, PROT_READ | PROT_EXEC), "mprotect");
  return go(code);
}

/* Another thread moves a large piece of memory to and fro, which holds the lock of all mappings: nobody can look at them. */
static void *hold_mappings(void *given) {
  enum { LARGE = 512 << 20 };
  (void)given;
  char *places[2];
  for (int at = 0; at < 2; at++) {
    places[at] = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (places[at] == MAP_FAILED) fail("mmap");
  }
  check(madvise(places[0], LARGE, MADV_NOHUGEPAGE), "madvise");
  for (size_t at = 0; at < LARGE; at += PAGE) (void)*(volatile char *)(places[0] + at); /* the page of zeros: no memory, but an entry each */
  for (int turn = 0;; turn++)
    if (mremap(places[turn % 2], LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, places[(turn + 1) % 2]) == MAP_FAILED) fail("mremap");
  return NULL;
}

static int while_held(int count, char **arguments) {
  (void)count;
  for (int try = 0; try < 12; try++) {
    pid_t child = check(fork(), "fork");
    if (child == 0) {
      void *code = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, opened(arguments[0]), 0);
      pthread_t thread;
      if (code == MAP_FAILED || pthread_create(&thread, NULL, hold_mappings, NULL) != 0) fail("thread");
      usleep(400000 + (useconds_t)try * 1700);
      check(mprotect(code, PAGE, PROT_READ | PROT_EXEC), "mprotect");
      go(code);
      _exit(1);
    }
    int status = 0;
    check(waitpid(child, &status, 0), "waitpid");
    fprintf(stderr, "%s ", WIFSIGNALED(status) ? "ended" : "ran");
  }
  return 0;
}

static int load(const char *path) {
  if (dlopen(path, RTLD_NOW) == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  return 0;
}

static int library(int count, char **arguments) {
  (void)count;
  return load(arguments[0]);
}

static int memfd_library(int count, char **arguments) {
  (void)count;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", in_memory(arguments[0], arguments[1]));
  return load(path);
}

/* unlinked-library FILE COPY */
static int unlinked_library(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes), path[64];
  int file = check(open(arguments[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), arguments[1]);
  put(file, content, bytes);
  close(file);
  file = opened(arguments[1]);
  check(unlink(arguments[1]), "unlink");
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  return load(path);
}

static int shared_segment(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes);
  int segment = check(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700), "shmget");
  void *writable = shmat(segment, NULL, 0);
  if (writable == (void *)-1) fail("shmat");
  memcpy(writable, content, bytes < PAGE ? bytes : PAGE);
  void *code = shmat(segment, NULL, SHM_RDONLY | SHM_EXEC);
  check(shmctl(segment, IPC_RMID, NULL), "shmctl");
  if (code == (void *)-1) fail("shmat, executable");
  return go(code);
}

/* Mapped readable; then the kernel maps the same pages anew, where readable implies executable. No protection is asked for at all. */
static int remapped_pages(int count, char **arguments) {
  (void)count;
  void *code = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, check(open(arguments[0], O_RDWR | O_CLOEXEC), arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  check(personality(READ_IMPLIES_EXEC), "personality");
  check((int)syscall(SYS_remap_file_pages, code, PAGE, 0, 0, 0), "remap_file_pages");
  return go(code);
}

/* while-mapped GOOD CODE: a file that may be mapped, is, and then gets other bytes under the mapping. */
static int while_mapped(int count, char **arguments) {
  (void)count;
  size_t bytes;
  void *code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, opened(arguments[0]), 0);
  if (code == MAP_FAILED) fail("mmap");
  char *content = whole(arguments[1], &bytes);
  int file = check(open(arguments[0], O_WRONLY | O_CLOEXEC), arguments[0]);
  put(file, content, bytes);
  close(file);
  return go(code);
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {
      {"executable", executable, 1},     {"protected-later", protected_later, 1},   {"protected-by-key", protected_by_key, 1},
      {"implied", implied, 1},           {"compat", compat, 1},                     {"compat-protected", compat_protected, 1},
      {"opened-empty", opened_empty, 2}, {"memfd", memfd, 2},                       {"library", library, 1},
      {"memfd-library", memfd_library, 2}, {"unlinked-library", unlinked_library, 2}, {"shared-segment", shared_segment, 1},
      {"while-mapped", while_mapped, 2}, {"block-device", block_device, 2},
      {"behind-many", behind_many, 1},   {"moved", moved, 1},               {"while-held", while_held, 1},
      {"remapped-pages", remapped_pages, 1},
  };
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
