/*
 * Does what the events tell of, one thing after another, for tests: actor WHAT [VALUE] ...
 *   memfd NAME, run-memfd PATH, attach, write-memory, open-memory, bpf, namespace, mount FOLDER, user ID, tcp PORT, udp PORT, udp6 PORT,
 *   listen PORT, thread-exit, tick COUNT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpf.h>

static void must(bool done, const char *what) {
  if (done) return;
  fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static char text[16] = "before";

/* A child that waits, so that something can be done to it. */
static pid_t sleeper(void) {
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    (void)alarm(20);
    for (;;) (void)pause();
  }
  printf("target %d\n", child);
  return child;
}

static void end(pid_t child) {
  (void)kill(child, SIGKILL);
  (void)waitpid(child, NULL, 0);
}

static void attach(void) {
  pid_t child = sleeper();
  must(ptrace(PTRACE_ATTACH, child, NULL, NULL) == 0 && waitpid(child, NULL, 0) == child, "attach");
  end(child);
}

static void write_memory(void) {
  pid_t child = sleeper();
  struct iovec here = {text, sizeof text}, there = {text, sizeof text};
  must(process_vm_writev(child, &here, 1, &there, 1, 0) == (ssize_t)sizeof text, "process_vm_writev");
  end(child);
}

static void open_memory(void) {
  pid_t child = sleeper();
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/mem", child);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  must(fd >= 0, path);
  close(fd);
  end(child);
}

/* Refused by the kernel: there is no program in it. It was tried. */
static void try_bpf(void) {
  union bpf_attr wanted = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER};
  must(syscall(SYS_bpf, BPF_PROG_LOAD, &wanted, sizeof wanted) < 0, "a program without instructions was taken");
}

static void run_memfd(const char *path) {
  int from = open(path, O_RDONLY | O_CLOEXEC), to = (int)syscall(SYS_memfd_create, "carrier", MFD_CLOEXEC);
  must(from >= 0 && to >= 0, path);
  char bytes[65536];
  ssize_t length;
  while ((length = read(from, bytes, sizeof bytes)) > 0) must(write(to, bytes, (size_t)length) == length, "write");
  pid_t child = fork();
  must(child >= 0, "fork");
  char *const arguments[] = {"from-memory", NULL}, *const environment[] = {NULL};
  if (child == 0) {
    (void)fexecve(to, arguments, environment);
    _exit(1);
  }
  (void)waitpid(child, NULL, 0);
}

static void reach(int family, int type, const char *port, bool listening) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port)), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
  socklen_t bytes = family == AF_INET ? sizeof four : sizeof six;
  int fd = socket(family, type | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  if (listening) must(bind(fd, to, bytes) == 0 && listen(fd, 1) == 0, "listen");
  else must(connect(fd, to, bytes) == 0 || errno == ECONNREFUSED || errno == EADDRNOTAVAIL || errno == ENETUNREACH, "connect");
  close(fd);
}

static void *rest(void *nothing) { return nothing; }

/* The process ends by its last thread, not by the one it began with. */
static void *end_later(void *nothing) {
  (void)usleep(20000);
  _exit(7);
  return nothing;
}

static void thread_exit(void) {
  pthread_t one, two;
  must(pthread_create(&one, NULL, rest, NULL) == 0 && pthread_create(&two, NULL, end_later, NULL) == 0, "thread");
  (void)pthread_detach(two);
  pthread_exit(NULL);
}

static void tick(long count) {
  for (long each = 0; each < count; each++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    must(child > 0 && waitpid(child, NULL, 0) == child, "tick");
  }
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int each = 1; each < count; each++) {
    const char *what = arguments[each], *value = each + 1 < count ? arguments[each + 1] : "";
    if (strcmp(what, "attach") == 0) attach();
    else if (strcmp(what, "write-memory") == 0) write_memory();
    else if (strcmp(what, "open-memory") == 0) open_memory();
    else if (strcmp(what, "bpf") == 0) try_bpf();
    else if (strcmp(what, "namespace") == 0) must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, what);
    else if (strcmp(what, "thread-exit") == 0) thread_exit();
    else if (strcmp(what, "memfd") == 0) must(syscall(SYS_memfd_create, value, MFD_CLOEXEC) >= 0, what), each++;
    else if (strcmp(what, "run-memfd") == 0) run_memfd(value), each++;
    else if (strcmp(what, "mount") == 0) must(mount("none", value, "tmpfs", 0, NULL) == 0, what), each++;
    else if (strcmp(what, "user") == 0) must(setresuid(atoi(value), atoi(value), atoi(value)) == 0, what), each++;
    else if (strcmp(what, "tcp") == 0) reach(AF_INET, SOCK_STREAM, value, false), each++;
    else if (strcmp(what, "udp") == 0) reach(AF_INET, SOCK_DGRAM, value, false), each++;
    else if (strcmp(what, "udp6") == 0) reach(AF_INET6, SOCK_DGRAM, value, false), each++;
    else if (strcmp(what, "listen") == 0) reach(AF_INET, SOCK_STREAM, value, true), each++;
    else if (strcmp(what, "tick") == 0) tick(strtol(value, NULL, 10)), each++;
    else return 2;
  }
  return 0;
}
