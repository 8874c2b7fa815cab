/*
 * Drives telemetry.c and files.c without the rest of the sensor and prints each record as a line of "name=value" words, for tests:
 *   watch [--scope-cgroup FOLDER] [--watch FOLDER] [--syscalls] [--refuse NAMES] [--no-btf] [--quiet]
 * Says "ready" when it listens. A line "writer PATH" on standard input is answered with who wrote that file last, "opened PATH"
 * has openings of it told, "off" and "on" switch process events. Ends with its input.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "../parts.h"

static struct telemetry *telemetry;
static struct files *files;
static atomic_bool running = true;
static bool quiet;
static atomic_ulong events, lost_events;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

bool out_record(const void *record, size_t bytes) {
  (void)record;
  (void)bytes;
  return true;
}
bool out_connected(void) { return true; }
bool mounts_watched(uint32_t namespace) { return namespace == 0; }
void mounts_look(uint32_t pid) {
  if (quiet) return;
  (void)pthread_mutex_lock(&printing);
  printf("look pid=%u\n", pid);
  (void)pthread_mutex_unlock(&printing);
}
void out_gate(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  (void)gate, (void)path, (void)path_bytes, (void)executable, (void)executable_bytes;
}
void gate_unasked(enum pv_cause cause, const struct pv_process *who) {
  (void)cause;
  (void)who;
}
void out_lost(uint32_t kind, uint32_t where, uint64_t count) {
  atomic_fetch_add(&lost_events, count);
  (void)pthread_mutex_lock(&printing);
  printf("lost kind=%u where=%u count=%llu\n", kind, where, (unsigned long long)count);
  (void)pthread_mutex_unlock(&printing);
}

/* Printable, a word: everything else as \xNN; the NUL between arguments as a comma. */
static void print_text(const char *name, const uint8_t **at, size_t bytes) {
  printf(" %s=", name);
  for (size_t each = 0; each < bytes; each++) {
    uint8_t byte = (*at)[each];
    if (byte == 0) printf(",");
    else if (byte > ' ' && byte < 127 && byte != '\\') printf("%c", byte);
    else printf("\\x%02x", byte);
  }
  *at += bytes;
}

static void print_file(const char *name, const struct pv_file *file) {
  printf(" %s=%u:%llu:%llu:%llu", name, file->device, (unsigned long long)file->inode, (unsigned long long)file->ctime, (unsigned long long)file->bytes);
}

static void print_process(const struct pv_process *who) {
  printf(" pid=%u parent=%u started=%llu parent-started=%llu user=%u group=%u login=%d session=%d cgroup=%llu mounts=%u pids=%u name=%.16s",
         who->pid, who->parent, (unsigned long long)who->started, (unsigned long long)who->parent_started, who->user, who->group,
         (int)who->login_user, (int)who->session, (unsigned long long)who->cgroup, who->mount_namespace, who->pid_namespace, who->name);
}

static void print_event(const struct pv_event *event) {
  static const char *const names[] = {"exec", "fork", "exit", "connect", "listen", "module", "ptrace", "memfd", "bpf", "mount", "file", "credentials"};
  printf("%s seq=%llu cpu=%u flags=%u time=%llu", names[event->header.type - PV_EXEC], (unsigned long long)event->sequence, event->cpu,
         event->flags, (unsigned long long)event->time);
  print_process(&event->who);
}

static void print_address(const char *name, uint16_t family, const uint8_t *address, uint16_t port) {
  printf(" %s=", name);
  for (int each = 0; each < (family == 2 ? 4 : 16); each++) printf("%02x", address[each]);
  printf(":%u", port);
}

static void print_record(const struct pv_event *event) {
  const uint8_t *text = (const uint8_t *)event + event->header.fixed;
  print_event(event);
  switch (event->header.type) {
    case PV_EXEC: {
      const struct pv_exec *exec = (const void *)event;
      print_file("file", &exec->file);
      print_file("scriptfile", &exec->script);
      printf(" argc=%u", exec->argument_count);
      print_text("path", &text, exec->path_bytes);
      print_text("called", &text, exec->script_bytes);
      print_text("directory", &text, exec->directory_bytes);
      print_text("arguments", &text, exec->arguments_bytes);
      print_text("cgroupname", &text, exec->group_bytes);
      break;
    }
    case PV_FORK: {
      const struct pv_fork *made = (const void *)event;
      printf(" child=%u child-started=%llu", made->child, (unsigned long long)made->child_started);
      break;
    }
    case PV_EXIT: {
      const struct pv_exit *ended = (const void *)event;
      printf(" code=%u running=%llu", ended->code, (unsigned long long)ended->running_ns);
      break;
    }
    case PV_CONNECT:
    case PV_LISTEN: {
      const struct pv_socket *told = (const void *)event;
      printf(" family=%u protocol=%u", told->family, told->protocol);
      print_address("local", told->family, told->local, told->local_port);
      print_address("remote", told->family, told->remote, told->remote_port);
      break;
    }
    case PV_PTRACE:
    case PV_CREDENTIALS: {
      const struct pv_reach *reach = (const void *)event;
      printf(" target=%u request=%u target-started=%llu", reach->target, reach->request, (unsigned long long)reach->target_started);
      break;
    }
    case PV_MEMFD: {
      const struct pv_memfd *memfd = (const void *)event;
      printf(" kind=%u", memfd->kind);
      print_text("called", &text, memfd->name_bytes);
      break;
    }
    case PV_BPF: {
      const struct pv_bpf *bpf = (const void *)event;
      printf(" command=%u type=%u", bpf->command, bpf->program_type);
      break;
    }
    case PV_MOUNT: {
      const struct pv_mount *mounted = (const void *)event;
      printf(" kind=%u", mounted->kind);
      print_text("path", &text, mounted->path_bytes);
      print_text("type", &text, mounted->type_bytes);
      break;
    }
    case PV_FILE: {
      const struct pv_change_event *change = (const void *)event;
      print_file("file", &change->file);
      printf(" change=%u", change->change);
      print_text("path", &text, change->path_bytes);
      print_text("old", &text, change->old_bytes);
      break;
    }
  }
  printf("\n");
}

bool out_event(const void *record, size_t bytes) {
  const struct pv_event *event = record;
  if (bytes != event->header.size || event->header.type < PV_EXEC || event->header.type > PV_CREDENTIALS) {
    fprintf(stderr, "watch: a record of type %u says %u bytes and has %zu\n", event->header.type, event->header.size, bytes);
    abort();
  }
  atomic_fetch_add(&events, 1);
  if (quiet) return true;
  (void)pthread_mutex_lock(&printing);
  print_record(event);
  (void)pthread_mutex_unlock(&printing);
  return true;
}

static void *poll_telemetry(void *nothing) {
  (void)nothing;
  while (running && telemetry_poll(telemetry, 200) != -ENOSYS) {}
  return NULL;
}
static void *poll_files(void *nothing) {
  (void)nothing;
  while (running && files_poll(files, 200) != -ENOSYS) {}
  return NULL;
}

static void watch_opened(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 ? -errno : files_watch(files, fd);
  if (fd >= 0) close(fd);
  (void)pthread_mutex_lock(&printing);
  printf("watched %s: %s\n", path, strerror(-failed));
  (void)pthread_mutex_unlock(&printing);
}

static void answer_writer(const char *path) {
  struct stat is;
  struct pv_process writer;
  struct pv_file program;
  uint64_t written = 0;
  if (stat(path, &is) != 0) {
    printf("writer none: %s\n", strerror(errno));
    return;
  }
  struct pv_file file = {.inode = is.st_ino, .device = (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev)};
  if (!files_writer(files, &file, &writer, &program, &written)) {
    (void)pthread_mutex_lock(&printing);
    printf("writer none\n");
    (void)pthread_mutex_unlock(&printing);
    return;
  }
  (void)pthread_mutex_lock(&printing);
  printf("writer written=%llu", (unsigned long long)written);
  print_process(&writer);
  print_file("program", &program);
  printf("\n");
  (void)pthread_mutex_unlock(&printing);
}

static void report(void) {
  struct rusage used;
  (void)getrusage(RUSAGE_SELF, &used);
  printf("end events=%lu lost=%lu user-us=%ld system-us=%ld peak-kb=%ld\n", events, lost_events,
         used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec, used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec, used.ru_maxrss);
}

int main(int count, char **arguments) {
  struct options options = {.highest = PV_TIER_A};
  struct pv_config config = {.mode = PV_RECORD, .events = 1, .files = 1};
  const char *folders[8];
  size_t folder_count = 0;
  for (int each = 1; each < count; each++) {
    const char *word = arguments[each], *next = each + 1 < count ? arguments[each + 1] : NULL;
    if (strcmp(word, "--syscalls") == 0) config.syscalls = 1;
    else if (strcmp(word, "--quiet") == 0) quiet = true;
    else if (strcmp(word, "--no-btf") == 0) options.fault_no_btf = true;
    else if (strcmp(word, "--no-files") == 0) config.files = 0;
    else if (next == NULL) return 2;
    else if (strcmp(word, "--scope-cgroup") == 0) options.scope_cgroup = next, each++;
    else if (strcmp(word, "--refuse") == 0) options.fault_refuse = next, each++;
    else if (strcmp(word, "--watch") == 0 && folder_count < 8) folders[folder_count++] = next, each++;
    else return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  char missing[4096] = "", more[4096] = "";
  telemetry = telemetry_open(&options, missing, sizeof missing);
  struct kernel *kernel = kernel_open(&options, more, sizeof more);
  more[0] = 0;
  files = files_open(&options, kernel, more, sizeof more);
  if (telemetry == NULL || files == NULL) return 1;
  printf("parts=%u\n%s%s", telemetry_parts(telemetry) | files_parts(files), missing, more);
  for (size_t each = 0; each < folder_count; each++) {
    int fd = open(folders[each], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat is;
    if (fd < 0 || fstat(fd, &is) != 0) return 1;
    int error = files_mark(files, fd, (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev));
    if (error != 0) printf("mark %s: %s\n", folders[each], strerror(-error));
    close(fd);
  }
  files_configure(files, &config);
  telemetry_configure(telemetry, &config);
  pthread_t one, two;
  if (pthread_create(&one, NULL, poll_telemetry, NULL) != 0 || pthread_create(&two, NULL, poll_files, NULL) != 0) return 1;
  printf("ready\n");
  char line[PV_MAX_PATH + 16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "writer ", 7) == 0) answer_writer(line + 7);
    if (strncmp(line, "opened ", 7) == 0) watch_opened(line + 7);
    if (strcmp(line, "off") != 0 && strcmp(line, "on") != 0) continue;
    config.events = strcmp(line, "on") == 0;
    telemetry_configure(telemetry, &config);
    printf("now %s\n", line);
  }
  running = false;
  (void)pthread_join(one, NULL);
  (void)pthread_join(two, NULL);
  files_close(files);
  telemetry_close(telemetry);
  report();
  return 0;
}
