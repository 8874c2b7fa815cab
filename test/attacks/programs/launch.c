/* Ways to start a program that go round the plain execve of a path. */
#include "attack.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static char *no_arguments[] = {"payload", NULL};

static int start(int file) {
  syscall(SYS_execveat, file, "", no_arguments, environ, AT_EMPTY_PATH);
  fail("execveat");
}

static int in_memory(const char *path, const char *name, unsigned flags) {
  size_t bytes;
  char *content = whole(path, &bytes);
  int file = check(memfd_create(name, flags), "memfd_create");
  put(file, content, bytes);
  return file;
}

/* memfd FILE NAME */
static int memfd(int count, char **arguments) {
  (void)count;
  return start(in_memory(arguments[0], arguments[1], MFD_CLOEXEC));
}

static int memfd_sealed(int count, char **arguments) {
  (void)count;
  int file = in_memory(arguments[0], arguments[1], MFD_CLOEXEC | MFD_ALLOW_SEALING);
  check(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), "seals");
  return start(file);
}

/* A script in memory: its interpreter opens /dev/fd/N, so the descriptor stays open. */
static int memfd_script(int count, char **arguments) {
  (void)count;
  return start(in_memory(arguments[0], arguments[1], 0));
}

/* A path through /proc instead of the descriptor. */
static int memfd_path(int count, char **arguments) {
  (void)count;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", in_memory(arguments[0], arguments[1], MFD_CLOEXEC));
  execve(path, no_arguments, environ);
  fail(path);
}

/* unlinked FILE COPY: the copy has no name left when it starts. */
static int unlinked(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes);
  int file = check(open(arguments[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), arguments[1]);
  put(file, content, bytes);
  close(file);
  file = check(open(arguments[1], O_RDONLY | O_CLOEXEC), arguments[1]);
  check(unlink(arguments[1]), "unlink");
  return start(file);
}

/* nameless FILE FOLDER: a file that never had a name. */
static int nameless(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes), path[64];
  int file = check(open(arguments[1], O_TMPFILE | O_RDWR | O_CLOEXEC, 0755), arguments[1]);
  put(file, content, bytes);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int readable = check(open(path, O_RDONLY | O_CLOEXEC), path);
  close(file);
  return start(readable);
}

/* nameless-linked FILE FOLDER: made without a name, which it gets when its bytes are there. */
static int nameless_linked(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes), path[64], name[4200];
  int file = check(open(arguments[1], O_TMPFILE | O_RDWR | O_CLOEXEC, 0755), arguments[1]);
  put(file, content, bytes);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  snprintf(name, sizeof name, "%s/appeared", arguments[1]);
  check(linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW), "linkat");
  close(file);
  execve(name, no_arguments, environ);
  fail(name);
}

/* map-files FILE: by the link of a mapping that shows it. */
static int by_mapping(int count, char **arguments) {
  (void)count;
  char path[96], *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]), 0);
  if (memory == MAP_FAILED) fail("mmap");
  snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)memory, (unsigned long)memory + 4096);
  execve(path, no_arguments, environ);
  fail(path);
}

/* compat FILE: by the 32-bit system call from a 64-bit program. */
static int by_compat_call(int count, char **arguments) {
  (void)count;
  char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) fail("mmap");
  uint32_t *words = (uint32_t *)(void *)(low + 4096);
  strncpy(low, arguments[0], 4095);
  words[0] = (uint32_t)(uintptr_t)low;
  long result = 11; /* execve of the 32-bit table */
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(words[0]), "c"((uint32_t)(uintptr_t)words), "d"((uint32_t)(uintptr_t)(words + 1)) : "memory");
  errno = -(int)result;
  fail("execve by int 0x80");
}

/* cloned-tree FOLDER NAME: through a copy of the mount that is mounted nowhere. */
static int by_cloned_tree(int count, char **arguments) {
  (void)count;
  int tree = check((int)syscall(SYS_open_tree, AT_FDCWD, arguments[0], 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC), "open_tree");
  syscall(SYS_execveat, tree, arguments[1], no_arguments, environ, 0);
  fail("execveat");
}

/* script-handed SCRIPT: whoever opens the script is no interpreter; the interpreter gets a descriptor. */
static int script_handed(int count, char **arguments) {
  (void)count;
  check(dup2(check(open(arguments[0], O_RDONLY), arguments[0]), 0), "standard input");
  execl("/bin/dash", "dash", NULL);
  fail("dash");
}

static int by_path_handle(int count, char **arguments) {
  (void)count;
  return start(check(open(arguments[0], O_PATH | O_CLOEXEC), arguments[0]));
}

static int by_descriptor(int count, char **arguments) {
  (void)count;
  return start(check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]));
}

static int by_proc_descriptor(int count, char **arguments) {
  (void)count;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", check(open(arguments[0], O_PATH | O_CLOEXEC), arguments[0]));
  execve(path, no_arguments, environ);
  fail(path);
}

static int by_proc_root(int count, char **arguments) {
  (void)count;
  char path[4200];
  snprintf(path, sizeof path, "/proc/%d/root%s", getppid(), arguments[0]);
  execve(path, no_arguments, environ);
  fail(path);
}

static void *exec_in_thread(void *path) {
  execve(path, no_arguments, environ);
  fail(path);
}

/* A thread that is not the first starts the program: the process's number passes to it. */
static int by_thread(int count, char **arguments) {
  (void)count;
  pthread_t thread;
  if (pthread_create(&thread, NULL, exec_in_thread, arguments[0]) != 0) fail("thread");
  pthread_join(thread, NULL);
  return 1;
}

/* flood FILE FOLDER: many copies, each with other bytes, at once: whoever answers has too much to do. The last is the payload as it is. */
static int flood(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes), path[4200];
  enum { COPIES = 150 };
  for (int at = 0; at < COPIES; at++) {
    snprintf(path, sizeof path, "%s/flood-%d", arguments[1], at);
    int file = check(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), path);
    put(file, content, bytes);
    if (at > 0) put(file, (char *)&at, sizeof at);
    check(ftruncate(file, (off_t)bytes + at * (off_t)65536), path);
    close(file);
  }
  for (int at = COPIES - 1; at >= 0; at--) {
    pid_t child = check(fork(), "fork");
    if (child == 0) {
      snprintf(path, sizeof path, "%s/flood-%d", arguments[1], at);
      execve(path, no_arguments, environ);
      _exit(127);
    }
  }
  while (wait(NULL) > 0) continue;
  return 0;
}

/* again FILE: many tries at once from vfork children, in the hope that one is answered wrongly. */
static int again(int count, char **arguments) {
  (void)count;
  for (int worker = 0; worker < 4; worker++) {
    if (check(fork(), "fork") != 0) continue;
    for (int at = 0; at < 100; at++) {
      pid_t child = vfork();
      if (child == 0) {
        execve(arguments[0], no_arguments, environ);
        _exit(127);
      }
      if (child > 0) waitpid(child, NULL, 0);
    }
    _exit(0);
  }
  while (wait(NULL) > 0) continue;
  return 0;
}

/* sparse FILE COPY: two gigabytes of nothing behind the program, so that hashing it takes longer than the deadline. */
static int sparse(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes);
  int file = check(open(arguments[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), arguments[1]);
  put(file, content, bytes);
  check(ftruncate(file, (off_t)2 << 30), arguments[1]);
  close(file);
  execve(arguments[1], no_arguments, environ);
  fail(arguments[1]);
}

/* check-then-run FILE: asks the kernel whether it may run (AT_EXECVE_CHECK), then runs it all the same. */
static int check_then_run(int count, char **arguments) {
  (void)count;
  int file = check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]);
  long allowed = syscall(SYS_execveat, file, "", no_arguments, environ, AT_EMPTY_PATH | 0x10000);
  fprintf(stderr, "check: %s\n", allowed == 0 ? "may run" : strerror(errno));
  return start(file);
}

/* check-obeyed SCRIPT: an interpreter that asks first, and runs the script only where it may. */
static int check_obeyed(int count, char **arguments) {
  (void)count;
  int file = check(open(arguments[0], O_RDONLY), arguments[0]);
  check((int)syscall(SYS_execveat, file, "", no_arguments, environ, AT_EMPTY_PATH | 0x10000), "the kernel says that it may not run");
  char path[64];
  snprintf(path, sizeof path, "/dev/fd/%d", file);
  execl("/bin/sh", "sh", path, NULL);
  fail("/bin/sh");
}

/* few-descriptors FILE: hardly any are left to this process, should somebody want to look at the file in its place. */
static int few_descriptors(int count, char **arguments) {
  (void)count;
  struct rlimit few = {.rlim_cur = 10, .rlim_max = 10};
  check(setrlimit(RLIMIT_NOFILE, &few), "limit");
  execve(arguments[0], no_arguments, environ);
  fail(arguments[0]);
}

/* by-handle FILE: opened by the file system's own handle, without a path. */
static int by_handle(int count, char **arguments) {
  (void)count;
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } where = {.handle.handle_bytes = MAX_HANDLE_SZ};
  int mount = 0;
  check(name_to_handle_at(AT_FDCWD, arguments[0], &where.handle, &mount, 0), "handle");
  int root = check(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/");
  return start(check(open_by_handle_at(root, &where.handle, O_RDONLY | O_CLOEXEC), "open by handle"));
}

/* deep FILE FOLDER: its path is longer than any path may be, so nobody can name it. */
static int deep(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes), name[201];
  memset(name, 'd', 200);
  name[200] = 0;
  check(chdir(arguments[1]), arguments[1]);
  for (int level = 0; level < 30; level++) {
    check(mkdir(name, 0755), "mkdir");
    check(chdir(name), "chdir");
  }
  int file = check(open("payload", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), "payload");
  put(file, content, bytes);
  close(file);
  execve("./payload", no_arguments, environ);
  fail("payload");
}

/* odd-name FILE FOLDER: the name holds a line end, an escape sequence and bytes that are no UTF-8. */
static int odd_name(int count, char **arguments) {
  (void)count;
  char path[4200];
  snprintf(path, sizeof path, "%s/pay\nload\033[2J\xff\xfe\"'", arguments[1]);
  check(rename(arguments[0], path), "rename");
  execve(path, no_arguments, environ);
  fail("the odd name");
}

/* many-arguments FILE: two megabytes of arguments and environment. */
static int many_arguments(int count, char **arguments) {
  (void)count;
  enum { WORDS = 18, LENGTH = 120000 };
  static char word[LENGTH], *words[WORDS + 1];
  memset(word, 'a', LENGTH - 1);
  for (int at = 0; at < WORDS / 2; at++) words[at] = word;
  struct rlimit stack = {.rlim_cur = 64 << 20, .rlim_max = 64 << 20};
  check(setrlimit(RLIMIT_STACK, &stack), "stack");
  execve(arguments[0], words, words);
  fail(arguments[0]);
}

/* passed FILE: another process opens the file and passes the descriptor over a socket. */
static int passed(int count, char **arguments) {
  (void)count;
  int pair[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
  char byte = 0, space[CMSG_SPACE(sizeof(int))];
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  if (check(fork(), "fork") == 0) {
    int file = check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &file, sizeof file);
    check((int)sendmsg(pair[0], &message, 0), "sendmsg");
    _exit(0);
  }
  check((int)recvmsg(pair[1], &message, 0), "recvmsg");
  int file;
  memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
  return start(file);
}

/* leased COPY GOOD: holds a write lease on a file of its own and does not give it back; whoever opens that file to look into it has to wait. */
static int leased(int count, char **arguments) {
  (void)count;
  if (signal(SIGIO, SIG_IGN) == SIG_ERR) fail("SIGIO");
  int file = check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]);
  check(fcntl(file, F_SETLEASE, F_WRLCK), "lease");
  if (check(fork(), "fork") == 0) {
    execve(arguments[0], no_arguments, environ);
    _exit(127);
  }
  usleep(300000);
  return good_still_runs(arguments[1]);
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {
      {"memfd", memfd, 2},           {"memfd-sealed", memfd_sealed, 2},
      {"memfd-script", memfd_script, 2}, {"memfd-path", memfd_path, 2},
      {"unlinked", unlinked, 2},     {"nameless", nameless, 2},
      {"path-handle", by_path_handle, 1}, {"descriptor", by_descriptor, 1},
      {"proc-descriptor", by_proc_descriptor, 1}, {"proc-root", by_proc_root, 1},
      {"thread", by_thread, 1},      {"flood", flood, 2},
      {"again", again, 1},           {"sparse", sparse, 2},
      {"check-then-run", check_then_run, 1}, {"check-obeyed", check_obeyed, 1},
      {"few-descriptors", few_descriptors, 1}, {"by-handle", by_handle, 1}, {"deep", deep, 2}, {"odd-name", odd_name, 2},
      {"many-arguments", many_arguments, 1}, {"passed", passed, 1}, {"leased", leased, 2},
      {"nameless-linked", nameless_linked, 2}, {"map-files", by_mapping, 1}, {"compat", by_compat_call, 1},
      {"cloned-tree", by_cloned_tree, 2}, {"script-handed", script_handed, 1},
  };
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
