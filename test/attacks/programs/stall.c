/*
 * Ways to hold a call of the kernel's in the middle: what it reads of this process lies in a page that another thread fills when it likes
 * (userfaultfd). Between the look at the bytes and their use there is then all the time in the world.
 */
#include "attack.h"
#include <dlfcn.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PAGE = 4096 };

struct stall {
  int faults;
  char *page, *content;       /* what waits, and what is put there in the end */
  void (*meanwhile)(void *);  /* what is done while somebody waits */
  void *argument;
};

static struct stall open_stall(void) {
  struct stall stall = {.faults = check((int)syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd")};
  struct uffdio_api api = {.api = UFFD_API};
  check(ioctl(stall.faults, UFFDIO_API, &api), "userfaultfd");
  stall.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stall.content = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stall.page == MAP_FAILED || stall.content == MAP_FAILED) fail("mmap");
  struct uffdio_register place = {.range = {(uintptr_t)stall.page, PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  check(ioctl(stall.faults, UFFDIO_REGISTER, &place), "userfaultfd");
  return stall;
}

/* Waits until somebody needs the page, does what is to be done, and lets him go on. */
static void *serve(void *given) {
  struct stall *stall = given;
  struct uffd_msg message;
  if (read(stall->faults, &message, sizeof message) != sizeof message) fail("a fault");
  stall->meanwhile(stall->argument);
  struct uffdio_copy copy = {.dst = (uintptr_t)stall->page, .src = (uintptr_t)stall->content, .len = PAGE};
  check(ioctl(stall->faults, UFFDIO_COPY, &copy), "copy");
  return NULL;
}

static void while_stalled(struct stall *stall, void (*meanwhile)(void *), void *argument, pthread_t *thread) {
  stall->meanwhile = meanwhile;
  stall->argument = argument;
  if (pthread_create(thread, NULL, serve, stall) != 0) fail("thread");
}

static void put_other_in_place(void *given) {
  char **arguments = given, name[4200];
  snprintf(name, sizeof name, "%s.new", arguments[0]);
  check(rename(name, arguments[0]), "rename");
}

/* script GOOD OTHER: the good script has been opened and asked about when its path comes to lead to the other one. */
static int script(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[1], &bytes), name[4200];
  snprintf(name, sizeof name, "%s.new", arguments[0]);
  int file = check(open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), name);
  put(file, content, bytes);
  close(file);
  struct stall stall = open_stall();
  strcpy(stall.content, "word");
  pthread_t thread;
  pid_t child = check(vfork(), "vfork");
  if (child == 0) {
    while_stalled(&stall, put_other_in_place, arguments, &thread);
    char *words[] = {arguments[0], stall.page, NULL};
    execve(arguments[0], words, environ);
    _exit(127);
  }
  int status = 0;
  check(waitpid(child, &status, 0), "waitpid");
  return status == 0 ? 0 : 1;
}

static void load(void *path) {
  if (dlopen(path, RTLD_NOW) == NULL) fprintf(stderr, "%s\n", dlerror());
}

static void load_apart(void *path) {
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    load(path);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

/* library GOOD OTHER: a write that has begun, and the change time with it, brings its bytes when the library has been looked at. */
static int library(int count, char **arguments) {
  (void)count;
  load_apart(arguments[0]);
  size_t bytes;
  char *content = whole(arguments[1], &bytes);
  int file = check(open(arguments[0], O_WRONLY | O_CLOEXEC), arguments[0]);
  for (size_t done = 0; done < bytes; done += PAGE) {
    size_t part = bytes - done < PAGE ? bytes - done : PAGE;
    struct stall stall = open_stall();
    memcpy(stall.content, content + done, part);
    pthread_t thread;
    while_stalled(&stall, load_apart, arguments[0], &thread);
    if (pwrite(file, stall.page, part, (off_t)done) != (ssize_t)part) fail("write");
    pthread_join(thread, NULL);
  }
  close(file);
  load_apart(arguments[0]);
  return 0;
}

static void nothing(void *given) { (void)given; }

/* page CODE: memory that was never writable: its bytes come when it is run. */
static int page(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes);
  struct stall stall = open_stall();
  memcpy(stall.content, content, bytes < PAGE ? bytes : PAGE);
  check(mprotect(stall.page, PAGE, PROT_READ | PROT_EXEC), "mprotect");
  pthread_t thread;
  while_stalled(&stall, nothing, NULL, &thread);
  ((void (*)(void))stall.page)();
  return 1;
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {{"script", script, 2}, {"library", library, 2}, {"page", page, 1}};
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
