/* Files mapped executable, in each way that a program has: what the checks let pass while libraries are gated. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kernel_test.h"

static int say(void) { return write(9, "ran", 3) == 3 ? 0 : 1; }

static int map_it(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? 93 : say();
}
static int map_readable(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? 93 : say();
}
static int protect_it(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  void *place = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  return place == MAP_FAILED || mprotect(place, 4096, PROT_READ | PROT_EXEC) != 0 ? 93 : say();
}
/* Several mappings in one call: the file comes last. */
static int protect_many(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  char *room = mmap(NULL, 40960, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 1; i < 9; i += 2)
    if (mprotect(room + i * 4096, 4096, PROT_READ | PROT_WRITE) != 0) return 94;
  if (mmap(room + 36864, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) return 93;
  return mprotect(room, 40960, PROT_READ | PROT_EXEC) != 0 ? 93 : say();
}
static int map_by_personality(const char *path) {
  if (personality(READ_IMPLIES_EXEC) < 0) return 95;
  return map_readable(path);
}
static int map_unlinked(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  unlink(path);
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? 93 : say();
}
static int map_memory(const char *path) {
  (void)path;
  int fd = memfd_create("code", MFD_CLOEXEC);
  if (ftruncate(fd, 4096) != 0) return 94;
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? 93 : say();
}
static int attach_segment(const char *path) {
  (void)path;
  int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
  if (segment < 0) return 94;
  void *place = shmat(segment, NULL, SHM_EXEC);
  shmctl(segment, IPC_RMID, NULL);
  return place == (void *)-1 ? 93 : say();
}
static int map_anonymous(const char *path) {
  (void)path;
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 93 : say();
}

#if defined(__x86_64__)
/* mmap2 by its 32-bit number, which a 64-bit program may use too. */
static int map_by_32_bit_call(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long result;
  __asm__ volatile("push %%rbp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%rbp"
                   : "=a"(result)
                   : "a"(192L), "b"(0L), "c"(4096L), "d"((long)(PROT_READ | PROT_EXEC)), "S"((long)MAP_PRIVATE), "D"((long)fd)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0 && result > -4096) return result == -38 ? 96 : 93; /* no 32-bit calls here */
  return say();
}
#endif

static int swap_number;
static const char *swap_good, *swap_evil;
static void *swap_files(void *unused) {
  int good = open(swap_good, O_RDONLY), evil = open(swap_evil, O_RDONLY);
  for (;;) {
    dup2(good, swap_number);
    dup2(evil, swap_number);
  }
  return unused;
}
/* Another thread changes the file behind the number all the time: does ever a mapping of the other one stay? */
static int map_swapped(const char *path) {
  pthread_t thread;
  struct stat is;
  if (stat(path, &is) != 0) return 94;
  swap_evil = path;
  swap_number = open(swap_good, O_RDONLY);
  if (pthread_create(&thread, NULL, swap_files, NULL) != 0) return 94;
  for (int i = 0; i < 20000; i++) {
    const char *place = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, swap_number, 0);
    if (place == MAP_FAILED) continue;
    if (place[0] != '\177') return say();
    munmap((void *)place, 4096);
  }
  return 97;
}

static void refuses(int (*body)(const char *), const char *file, const char *what) {
  char said[64];
  int status = in_child(true, body, file, said, sizeof said);
  bool stopped = (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && (WEXITSTATUS(status) == 93 || WEXITSTATUS(status) == 97));
  expect(stopped && strcmp(said, "ran") != 0, "%s is refused: \"%s\", status %x", what, said, (unsigned)status);
}

void mappings(void) {
  char said[64];
  configure(PV_BLOCK, true, PV_O_CLOSED, PV_O_KNOWN);
  expect(kernel_parts(kernel) & PV_PART_MAP_CHECK, "files mapped executable are checked");
  copy(at("hello"), at("library"));
  copy(at("hello"), at("unknown"));
  copy(at("hello"), at("brief"));
  allow(at("library"));
  in_child(true, map_it, at("library"), said, sizeof said);
  expect(strcmp(said, "ran") == 0, "a file with an answer is mapped");
  in_child(true, protect_it, at("library"), said, sizeof said);
  expect(strcmp(said, "ran") == 0, "and made executable afterwards");
  in_child(true, map_readable, at("unknown"), said, sizeof said);
  expect(strcmp(said, "ran") == 0, "any file is mapped to be read");
  in_child(true, map_anonymous, NULL, said, sizeof said);
  expect(strcmp(said, "ran") == 0, "memory without a file is not checked");
  in_child(false, map_it, at("unknown"), said, sizeof said);
  expect(strcmp(said, "ran") == 0, "nor is what lies outside the scope");
  refuses(map_it, at("unknown"), "a file without an answer");
  expect(last_gate.access == PV_A_LIBRARY && last_gate.cause == PV_C_CHANGED && !last_gate.allowed && last_gate.executable_bytes == 0,
         "and it is told");
  refuses(protect_it, at("unknown"), "one that is made executable afterwards");
  refuses(protect_many, at("unknown"), "and one behind other mappings");
  refuses(map_by_personality, at("unknown"), "one that is executable because it is readable");
  refuses(map_unlinked, at("brief"), "one without a name");
  refuses(map_memory, NULL, "a file in memory");
  refuses(attach_segment, NULL, "a shared segment");
#if defined(__x86_64__)
  int status = in_child(true, map_by_32_bit_call, at("unknown"), said, sizeof said);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 96)
    printf("skipped: no 32-bit calls in this kernel\n");
  else
    refuses(map_by_32_bit_call, at("unknown"), "one mapped by a 32-bit call");
#endif
  int evil = open(at("swapped"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  char page[4096];
  memset(page, 'X', sizeof page);
  if (write(evil, page, sizeof page) != (ssize_t)sizeof page) expect(false, "a file is written");
  close(evil);
  swap_good = at("library");
  refuses(map_swapped, at("swapped"), "one that takes an allowed one's place during the call");
  configure(PV_BLOCK, false, PV_O_CLOSED, PV_O_KNOWN);
  in_child(true, map_it, at("unknown"), said, sizeof said);
  expect(strcmp(said, "ran") == 0 && !(kernel_parts(kernel) & PV_PART_MAP_CHECK), "where libraries are not gated nothing is checked");
}
