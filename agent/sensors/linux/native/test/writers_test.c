/*
 * Is the writer always known the moment after it has closed the file? Children write a file and end; the parent asks at once, from
 * several threads, while the files' thread reads the same queue and others fill it with changes. Usage: writers-test FOLDER ROUNDS
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../parts.h"

#define ASKERS 3

static struct files *files;
static const char *folder;
static long rounds;
static atomic_bool running = true;
static atomic_long unknown, wrong, asked;

static void stop(const char *what) {
  fprintf(stderr, "writers-test: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void *read_queue(void *nothing) {
  (void)nothing;
  while (running) (void)files_poll(files, 20);
  return NULL;
}

/* Noise in the queue: files by this process. */
static void *disturb(void *nothing) {
  (void)nothing;
  char path[256];
  (void)snprintf(path, sizeof path, "%s/noise", folder);
  while (running) {
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0) stop(path);
    if (write(fd, "noise", 5) != 5) stop("write");
    close(fd);
    (void)unlink(path);
  }
  return NULL;
}

static pid_t write_in_child(const char *path) {
  pid_t child = fork();
  if (child < 0) stop("fork");
  if (child == 0) {
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0700);
    if (fd < 0 || write(fd, path, strlen(path)) < 0 || close(fd) != 0) _exit(1);
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) stop("the writing child");
  return child;
}

static void *ask(void *number) {
  char path[256];
  for (long each = 0; each < rounds; each++) {
    (void)snprintf(path, sizeof path, "%s/asked-%zu-%ld", folder, (size_t)number, each % 50);
    pid_t child = write_in_child(path);
    struct stat is;
    if (stat(path, &is) != 0) stop(path);
    struct pv_file file = {.inode = is.st_ino, .device = (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev)};
    struct pv_process writer;
    struct pv_file program;
    uint64_t written = 0;
    asked++;
    if (!files_writer(files, &file, &writer, &program, &written)) unknown++;
    else if (writer.pid != (uint32_t)child || program.inode == 0 || written == 0) wrong++;
    if (each % 3 == 0 && unlink(path) != 0) stop(path);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  (void)alarm(120);
  folder = arguments[1];
  rounds = strtol(arguments[2], NULL, 10);
  struct options options = {.highest = PV_TIER_B};
  char missing[4096] = "";
  struct kernel *kernel = kernel_open(&options, missing, sizeof missing);
  missing[0] = 0;
  files = files_open(&options, kernel, missing, sizeof missing);
  struct pv_config config = {.mode = PV_RECORD, .files = 1};
  if (files == NULL || files_parts(files) == 0) stop(missing);
  files_configure(files, &config);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat is;
  if (fd < 0 || fstat(fd, &is) != 0) stop(folder);
  int failed = files_mark(files, fd, (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev));
  errno = -failed;
  if (failed != 0) stop("mark");
  close(fd);
  pthread_t reader, noise, askers[ASKERS];
  if (pthread_create(&reader, NULL, read_queue, NULL) != 0 || pthread_create(&noise, NULL, disturb, NULL) != 0) stop("thread");
  for (size_t each = 0; each < ASKERS; each++)
    if (pthread_create(&askers[each], NULL, ask, (void *)each) != 0) stop("thread");
  for (size_t each = 0; each < ASKERS; each++) (void)pthread_join(askers[each], NULL);
  running = false;
  (void)pthread_join(noise, NULL);
  (void)pthread_join(reader, NULL);
  files_close(files);
  kernel_close(kernel, true);
  printf("asked=%ld unknown=%ld wrong=%ld\n", asked, unknown, wrong);
  return unknown == 0 && wrong == 0 ? 0 : 1;
}
