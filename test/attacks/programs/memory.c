/* Code that is in no file when it runs: made in memory, or put into another process. */
#include "attack.h"
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

enum { PAGE = 4096 };

static char *room(int protection, int extra) {
  char *memory = mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | extra, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory;
}

static int go(char *code) {
  ((void (*)(void))code)();
  return 1;
}

static char *code_of(const char *path, size_t *bytes) {
  char *content = whole(path, bytes);
  if (*bytes > PAGE) *bytes = PAGE;
  return content;
}

static int writable_executable(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes), *code = room(PROT_READ | PROT_WRITE | PROT_EXEC, 0);
  memcpy(code, content, bytes);
  return go(code);
}

static int written_then_executable(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes), *code = room(PROT_READ | PROT_WRITE, 0);
  memcpy(code, content, bytes);
  check(mprotect(code, PAGE, PROT_READ | PROT_EXEC), "mprotect");
  return go(code);
}

static int on_stack(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes), space[3 * PAGE];
  char *code = (char *)(((uintptr_t)space + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
  memcpy(code, content, bytes);
  check(mprotect(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), "mprotect");
  return go(code);
}

/* The same memory twice: writable here, executable there, as just-in-time compilers do. */
static int mapped_twice(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  int file = check(memfd_create(arguments[1], MFD_CLOEXEC), "memfd_create");
  check(ftruncate(file, PAGE), "ftruncate");
  char *writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  char *code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  if (writable == MAP_FAILED || code == MAP_FAILED) fail("mmap");
  memcpy(writable, content, bytes);
  return go(code);
}

/* A file's private copy, changed in memory: its pages are not the file's any more. */
static int changed_copy(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[1], &bytes);
  int file = check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]);
  char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (code == MAP_FAILED) fail("mmap");
  memcpy(code, content, bytes);
  check(mprotect(code, PAGE, PROT_READ | PROT_EXEC), "mprotect");
  return go(code);
}

/* The other process: a child that waits in its own code, or for its page to be filled. */
__attribute__((noinline, aligned(16))) static void target(void) {
  __asm__ volatile(".skip 256, 0x90"); /* room for the code that is put here; hardly ever is anyone in it */
}

struct victim {
  pid_t pid;
  char *page; /* writable and executable in the victim, as in a just-in-time compiler */
};

static struct victim start_victim(void) {
  struct victim victim = {.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
  if (victim.page == MAP_FAILED) fail("mmap");
  memset(victim.page, 0, PAGE);
  victim.pid = check(fork(), "fork");
  if (victim.pid == 0) {
    while (*(volatile char *)victim.page == 0) {
      usleep(2000);
      target();
    }
    usleep(2000); /* until all of it is there */
    go(victim.page);
    _exit(1);
  }
  return victim;
}

static int ended(pid_t pid) {
  int status = 0;
  check(waitpid(pid, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Attaches, writes code over where the process is, lets it go on. */
static int ptrace_text(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  struct victim victim = start_victim();
  check((int)ptrace(PTRACE_ATTACH, victim.pid, NULL, NULL), "attach");
  check(waitpid(victim.pid, NULL, 0), "waitpid");
  struct user_regs_struct registers;
  check((int)ptrace(PTRACE_GETREGS, victim.pid, NULL, &registers), "registers");
  uintptr_t start = (uintptr_t)target;
  for (size_t at = 0; at < bytes; at += 8) {
    long word = 0;
    memcpy(&word, content + at, bytes - at < 8 ? bytes - at : 8);
    check((int)ptrace(PTRACE_POKETEXT, victim.pid, start + at, word), "poke");
  }
  registers.rip = start;
  registers.orig_rax = (unsigned long long)-1;
  check((int)ptrace(PTRACE_SETREGS, victim.pid, NULL, &registers), "registers");
  check((int)ptrace(PTRACE_DETACH, victim.pid, NULL, NULL), "detach");
  return ended(victim.pid);
}

static int write_across(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  struct victim victim = start_victim();
  struct iovec from = {content, bytes}, to = {victim.page, bytes};
  check((int)process_vm_writev(victim.pid, &from, 1, &to, 1, 0), "process_vm_writev");
  return ended(victim.pid);
}

/* Writes through a file of /proc: it goes even where the page is read-only. */
static int write_proc(pid_t pid, const void *where, const char *content, size_t bytes) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int memory = check(open(path, O_RDWR | O_CLOEXEC), path);
  if (pwrite(memory, content, bytes, (off_t)(uintptr_t)where) != (ssize_t)bytes) fail(path);
  close(memory);
  return 0;
}

static int proc_memory(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  struct victim victim = start_victim();
  write_proc(victim.pid, (void *)target, content, bytes);
  return ended(victim.pid);
}

static int own_memory(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  write_proc(getpid(), (void *)target, content, bytes);
  target();
  return 1;
}

/* By a name that does not say which memory it is. */
static int own_memory_by_folder(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = code_of(arguments[0], &bytes);
  int folder = check(open("/proc/self", O_PATH | O_CLOEXEC), "/proc/self");
  int memory = check(openat(folder, "mem", O_RDWR | O_CLOEXEC), "mem");
  if (pwrite(memory, content, bytes, (off_t)(uintptr_t)target) != (ssize_t)bytes) fail("mem");
  target();
  return 1;
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {
      {"writable-executable", writable_executable, 1}, {"written-then-executable", written_then_executable, 1},
      {"stack", on_stack, 1}, {"mapped-twice", mapped_twice, 2}, {"changed-copy", changed_copy, 2},
      {"ptrace", ptrace_text, 1}, {"write-across", write_across, 1}, {"proc-memory", proc_memory, 1},
      {"own-memory", own_memory, 1}, {"own-memory-by-folder", own_memory_by_folder, 1},
  };
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
