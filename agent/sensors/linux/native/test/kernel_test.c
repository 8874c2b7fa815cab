/*
 * The checks in the kernel, against real processes: kernel_test FOLDER CGROUP PINS. FOLDER lies on a file system of its own that the test
 * may say anything about, PINS on a bpffs; only tasks in CGROUP are ever refused. One line for each case; the last is "done N" or "failed N".
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "kernel.h"
#include "kernel_test.h"

static const char *folder, *cgroup, *pins;
static struct options options;
struct kernel *kernel;
static char missing[4096];
static int failures, cases;
struct pv_gate last_gate;
static char last_path[PV_MAX_PATH + 1];
static unsigned gates, tampers, looks;
static struct pv_tamper last_tamper;

bool out_record(const void *record, size_t bytes) {
  const struct pv_header *header = record;
  if (header->size != bytes) abort();
  if (header->type == PV_TAMPER) {
    memcpy(&last_tamper, record, sizeof last_tamper);
    tampers++;
  }
  return true;
}
void out_gate(const struct pv_gate *gate, const char *path, size_t path_bytes, const char *executable, size_t executable_bytes) {
  (void)executable;
  last_gate = *gate;
  last_gate.executable_bytes = (uint16_t)executable_bytes;
  memcpy(last_path, path, path_bytes);
  last_path[path_bytes] = '\0';
  gates++;
}
void out_lost(uint32_t kind, uint32_t where, uint64_t lost) { (void)kind, (void)where, (void)lost; }
bool out_connected(void) { return true; }
bool mounts_watched(uint32_t namespace) { return namespace == 0; }
void mounts_look(uint32_t pid) { looks += pid != 0; }
void gate_unasked(enum pv_cause cause, const struct pv_process *who) {
  (void)cause;
  (void)who;
}

void expect(bool good, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf(good ? "ok " : "FAILED ");
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  va_end(arguments);
  cases++;
  failures += !good;
}

static uint64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* As if the sensor had not been heard of for five seconds; a machine that has just booted has to be that old first. */
static void fall_silent(void) {
  const uint64_t silent_ns = 5000000000ull;
  while (monotonic_ns() <= silent_ns) usleep(100000);
  kernel->settings->beat = monotonic_ns() - silent_ns;
}

static void drain(void) {
  while (kernel_poll(kernel, 50) > 0) {}
}

void configure(enum pv_mode mode, bool libraries, enum pv_outcome unseen, enum pv_outcome gone) {
  struct pv_config config = {.mode = mode, .libraries = libraries, .unseen = (uint8_t)unseen, .agent_gone = (uint8_t)gone};
  kernel_configure(kernel, &config);
}

static int join_cgroup(void) {
  char path[512];
  snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) return -1;
  return close(fd);
}

/* Runs `body` in a process of its own, in the group or outside it. What it wrote to descriptor 9 comes back; its wait status too. */
int in_child(bool grouped, int (*body)(const char *), const char *argument, char *said, size_t room) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    if (dup2(ends[1], 9) != 9 || (grouped && join_cgroup() != 0)) _exit(99);
    _exit(body(argument));
  }
  close(ends[1]);
  ssize_t got = read(ends[0], said, room - 1);
  said[got > 0 ? got : 0] = '\0';
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) abort();
  drain();
  return status;
}

static int exec_path(const char *path) {
  execl(path, "hello", "ran", "9", (char *)NULL);
  return 90;
}
static int exec_memfd(const char *path) {
  int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("nobody", MFD_CLOEXEC);
  char bytes[65536];
  for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;)
    if (write(to, bytes, (size_t)got) != got) return 91;
  char *arguments[] = {"hello", "ran", "9", NULL}, *none[] = {NULL};
  fexecve(to, arguments, none);
  return 90;
}
static int exec_unlinked(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  unlink(path);
  char *arguments[] = {"hello", "ran", "9", NULL}, *none[] = {NULL};
  fexecve(fd, arguments, none);
  return 90;
}
static int send_signal(const char *pid) {
  execl(at("hello"), "hello", "signal", pid, (char *)NULL);
  return 90;
}
static int exec_in_new_namespace(const char *path) { return unshare(CLONE_NEWNS) != 0 ? 92 : exec_path(path); }

char *at(const char *name) {
  static char paths[8][512];
  static unsigned next;
  char *path = paths[next++ % 8];
  snprintf(path, 512, "%s/%s", folder, name);
  return path;
}

void copy(const char *from, const char *to) {
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  char bytes[65536];
  if (in < 0 || out < 0) { perror(to); abort(); }
  for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;)
    if (write(out, bytes, (size_t)got) != got) abort();
  close(in);
  close(out);
}

int allow(const char *path) {
  struct pv_file file;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  uint32_t seen = 0;
  /* Where times are coarse (ticks, or seconds), a change at the same time would go unseen by all but the generation. */
  if (kernel_look(kernel, fd, &file, &seen) == 0 && !(seen & KERNEL_FINE) && kernel_tier(kernel) < PV_TIER_A)
    usleep(file.ctime % 1000000000u == 0 ? 2100000 : 50000);
  int failed = kernel_identify(kernel, fd, &file);
  uint64_t generation = kernel_generation(kernel, fd);
  if (failed == 0) failed = kernel_allow(kernel, fd, &file, generation);
  close(fd);
  return failed;
}

static struct pv_file identity(const char *path) {
  struct pv_file file = {.inode = 0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || kernel_identify(kernel, fd, &file) != 0) file.inode = 0;
  close(fd);
  return file;
}

static bool same(struct pv_file a, struct pv_file b) {
  return a.inode && a.inode == b.inode && a.ctime == b.ctime && a.bytes == b.bytes && a.device == b.device;
}

static bool ran(const char *said) { return strcmp(said, "ran") == 0; }
/* Ended by the check (tier B), or its exec refused (tier A). */
static bool stopped(int status) {
  return kernel_tier(kernel) == PV_TIER_A ? WIFEXITED(status) && WEXITSTATUS(status) == 90 : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void start(const char *refuse, int highest) {
  options = (struct options){.pins = pins, .scope_cgroup = cgroup, .highest = highest, .fault_refuse = refuse};
  kernel = kernel_open(&options, missing, sizeof missing);
}

static void identities(void) {
  struct stat is;
  struct pv_file file = identity(at("hello"));
  if (stat(at("hello"), &is) != 0) abort();
  expect(file.inode == is.st_ino && file.bytes == (uint64_t)is.st_size && file.links == 1 &&
             file.ctime == (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec,
         "a file's identity is what stat says of it");
  mkdir(at("lower"), 0755), mkdir(at("upper"), 0755), mkdir(at("work"), 0755), mkdir(at("over"), 0755);
  copy(at("hello"), at("lower/hello"));
  char layers[2048];
  snprintf(layers, sizeof layers, "lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"));
  if (mount("overlay", at("over"), "overlay", 0, layers) != 0) {
    printf("skipped overlays: %s\n", strerror(errno));
    return;
  }
  expect(same(identity(at("over/hello")), identity(at("lower/hello"))), "a file of an overlay is the one underneath");
  int fd = open(at("over/hello"), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0 || write(fd, "x", 1) != 1) abort();
  close(fd);
  expect(same(identity(at("over/hello")), identity(at("upper/hello"))), "and after it was copied up, the copy");
  umount(at("over"));
}

static void execs(void) {
  char said[64];
  struct pv_file file = identity(at("hello"));
  kernel_device(kernel, file.device, true);
  configure(PV_RECORD, false, PV_O_CLOSED, PV_O_CLOSED);
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(ran(said), "below hold nothing is refused");
  configure(PV_BLOCK, false, PV_O_OPEN, PV_O_KNOWN);
  unsigned before = gates;
  int status = in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(stopped(status) && !ran(said), "a file without an answer does not run: \"%s\", status %x", said, (unsigned)status);
  expect(gates == before + 1 && last_gate.cause == PV_C_CHANGED && !last_gate.allowed && same(last_gate.file, file) &&
             strcmp(last_path, at("hello")) == 0 && last_gate.access == PV_A_EXEC,
         "and it is told, with its path: %s", last_path);
  status = in_child(false, exec_path, at("hello"), said, sizeof said);
  expect(ran(said), "outside the scope nothing is refused");
  expect(allow(at("hello")) == 0, "an answer is taken in");
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(ran(said), "a file with an answer runs");
  copy(at("hello"), at("again"));
  int fd = open(at("again"), O_WRONLY | O_CLOEXEC);
  expect(allow(at("again")) == -ETXTBSY, "no answer is taken in while somebody may write");
  close(fd);
  expect(allow(at("again")) == 0, "the next answer is taken in");
  fd = open(at("again"), O_WRONLY | O_CLOEXEC);
  if (pwrite(fd, "\177", 1, 0) != 1) abort();
  close(fd);
  status = in_child(true, exec_path, at("again"), said, sizeof said);
  expect(stopped(status) && !ran(said), "a file that was written since does not run: \"%s\", status %x", said, (unsigned)status);
  kernel_forget(kernel, &file);
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(!ran(said), "a forgotten answer no longer counts");
  expect(allow(at("hello")) == 0 && allow(at("again")) == 0, "answers again");
  kernel_forget_all(kernel);
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(!ran(said), "all answers can be forgotten at once");
  allow(at("hello"));
  fall_silent();
  copy(at("hello"), at("late"));
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(ran(said), "what is known runs while the sensor is gone");
  in_child(true, exec_path, at("late"), said, sizeof said);
  expect(!ran(said) && last_gate.cause == PV_C_AGENT_GONE, "what is new does not");
  configure(PV_BLOCK, false, PV_O_OPEN, PV_O_OPEN);
  fall_silent();
  in_child(true, exec_path, at("late"), said, sizeof said);
  expect(ran(said) && last_gate.allowed, "unless the outcome is open: then it is told");
  kernel_beat(kernel);
}

static void unseen(void) {
  char said[64];
  configure(PV_BLOCK, false, PV_O_OPEN, PV_O_KNOWN);
  int status = in_child(true, exec_memfd, at("hello"), said, sizeof said);
  expect(ran(said) && last_gate.cause == PV_C_UNSEEN && last_gate.allowed, "a program in memory runs where the outcome is open, and is told");
  configure(PV_BLOCK, false, PV_O_CLOSED, PV_O_KNOWN);
  status = in_child(true, exec_memfd, at("hello"), said, sizeof said);
  expect(stopped(status) && last_gate.flags & PV_F_MEMFD && last_gate.flags & PV_F_UNLINKED, "and not where it is closed: %s", last_path);
  copy(at("hello"), at("gone"));
  status = in_child(true, exec_unlinked, at("gone"), said, sizeof said);
  expect(stopped(status) && last_gate.flags & PV_F_UNLINKED, "a file without a name does not run");
  struct pv_file file = identity(at("hello"));
  kernel_device(kernel, file.device, false);
  copy(at("hello"), at("elsewhere"));
  in_child(true, exec_path, at("elsewhere"), said, sizeof said);
  expect(!ran(said) && last_gate.cause == PV_C_UNSEEN, "on a file system that is not under the gate, the outcome for unseen files decides");
  kernel_device(kernel, file.device, true);
}

static void processes(void) {
  char said[64];
  struct pv_process process;
  struct pv_file program;
  expect(kernel_process(kernel, (uint32_t)getppid(), &process, &program) && process.pid == (uint32_t)getppid() && program.inode != 0,
         "who ran before the sensor is known");
  pid_t child = fork();
  if (child == 0) _exit(exec_path(at("hello")));
  waitpid(child, NULL, 0);
  expect(kernel_process(kernel, (uint32_t)child, &process, &program) && same(program, identity(at("hello"))) &&
             process.parent == (uint32_t)getpid(),
         "the program of a process that has ended is still known");
  unsigned before = looks;
  in_child(true, exec_in_new_namespace, at("hello"), said, sizeof said);
  expect(looks > before, "a new mount namespace is looked at");
}

static void guards(void) {
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    signal(SIGUSR1, SIG_IGN);
    pause();
    _exit(0);
  }
  expect(kernel_guard(kernel, (uint32_t)child, NULL) == 0, "a process is guarded");
  char pid[16], said[64];
  snprintf(pid, sizeof pid, "%d", child);
  allow(at("hello"));
  int status = in_child(true, send_signal, pid, said, sizeof said);
  expect(tampers == 1 && last_tamper.what == PV_T_SIGNAL && last_tamper.target == (uint32_t)child && last_tamper.detail == SIGUSR1,
         "a signal at it is told: %u, %x", tampers, (unsigned)status);
  bool refuses = kernel_tier(kernel) == PV_TIER_A;
  expect(last_tamper.refused == refuses && WEXITSTATUS(status) == (refuses ? EPERM : 0), "and refused on tier A");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void full(void) {
  static struct gate_key keys[GATE_ANSWERS];
  static struct gate_answer never[GATE_ANSWERS];
  uint32_t entries = GATE_ANSWERS;
  for (uint32_t i = 0; i < GATE_ANSWERS; i++) {
    keys[i] = (struct gate_key){.device = 1, .inode = i + 1};
    never[i] = (struct gate_answer){.generation = 2, .allowed = 1};
  }
  /* The last ones find no room. */
  (void)bpf_map_update_batch(kernel->maps[MAP_ANSWERS], keys, never, &entries, NULL);
  copy(at("hello"), at("more"));
  expect(entries > GATE_ANSWERS / 2 && allow(at("more")) == 0, "a full map is swept of what lets nothing pass (%u entries)", entries);
}

static void pinned(void) {
  char said[64];
  struct pv_file file = identity(at("hello"));
  allow(at("hello"));
  copy(at("hello"), at("new"));
  kernel_close(kernel, false);
  in_child(true, exec_path, at("new"), said, sizeof said);
  expect(!ran(said), "the checks stay when the sensor has left");
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(ran(said), "and so do the answers");
  pid_t child = fork();
  if (child == 0) {
    start(NULL, PV_TIER_A);
    raise(SIGKILL);
  }
  waitpid(child, NULL, 0);
  in_child(true, exec_path, at("new"), said, sizeof said);
  expect(!ran(said), "also after it was killed");
  start(NULL, PV_TIER_A);
  expect(kernel->settings->mode == PV_BLOCK && kernel_tier(kernel) >= PV_TIER_B, "the next sensor takes over how it was set: %s", missing);
  in_child(true, exec_path, at("new"), said, sizeof said);
  expect(!ran(said) && last_gate.cause == PV_C_CHANGED, "and goes on");
  in_child(true, exec_path, at("hello"), said, sizeof said);
  expect(ran(said) && same(file, identity(at("hello"))), "with the answers of before");
  char path[512];
  snprintf(path, sizeof path, "%s/link-gate_exec", pins);
  tampers = 0;
  unlink(path);
  for (int i = 0; i < 4; i++) kernel_beat(kernel);
  expect(tampers == 1 && last_tamper.what == PV_T_UNPINNED && access(path, F_OK) == 0, "a pin that was taken away is told and put back");
  kernel_close(kernel, true);
  in_child(true, exec_path, at("new"), said, sizeof said);
  expect(ran(said) && access(pins, F_OK) != 0, "leaving open takes everything away");
}

/* `stride`: on an emulated machine not each of them. */
static void refusals(size_t stride, int highest) {
  char said[64];
  pins = NULL;
  for (size_t i = 1; i < gate_program_count; i += stride) {
    if (gate_programs[i].tier > highest) continue; /* refused here anyway */
    start(gate_programs[i].name, PV_TIER_A);
    int tier = kernel_tier(kernel);
    bool named = (tier != PV_TIER_A && gate_programs[i].tier == PV_TIER_A) || (tier == PV_TIER_A && gate_programs[i].tier == PV_TIER_B) ||
                 strstr(missing, gate_programs[i].name) != NULL;
    bool others = true;
    for (size_t other = 0; other < gate_program_count; other++)
      if (other != i && (gate_programs[other].tier == 0 || gate_programs[other].tier == tier) && kernel->programs[other] < 0) others = false;
    expect(named && others && kernel->programs[i] < 0, "without %s the others are there, and it is named", gate_programs[i].name);
    kernel_close(kernel, false);
  }
  start(NULL, PV_TIER_C);
  expect(kernel_tier(kernel) == PV_TIER_C && kernel_parts(kernel) == 0 && same(identity(at("hello")), identity(at("hello"))),
         "on tier C nothing is loaded, and files are told apart by stat");
  kernel_close(kernel, false);
  options = (struct options){.highest = PV_TIER_A, .fault_no_btf = true};
  kernel = kernel_open(&options, missing, sizeof missing);
  expect(kernel_tier(kernel) == PV_TIER_C && strstr(missing, "CONFIG_DEBUG_INFO_BTF"), "a kernel without its types: %s", missing);
  kernel_close(kernel, false);
  pins = folder;
  start(NULL, PV_TIER_B);
  expect(!(kernel_parts(kernel) & PV_PART_PINNED) && strstr(missing, "bpffs"), "no bpffs: %s", missing);
  copy(at("hello"), at("unpinned"));
  configure(PV_BLOCK, false, PV_O_CLOSED, PV_O_CLOSED);
  kernel_close(kernel, false);
  in_child(true, exec_path, at("unpinned"), said, sizeof said);
  expect(ran(said), "then the checks end with the sensor");
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: kernel_test FOLDER CGROUP PINS [slow]\n");
    return 2;
  }
  alarm(count > 4 ? 500 : 120); /* whatever happens, this process holds nothing for longer */
  folder = arguments[1], cgroup = arguments[2], pins = arguments[3];
  start(NULL, PV_TIER_A);
  printf("tier %d parts %x\n%s", kernel_tier(kernel), kernel_parts(kernel), missing);
  if (kernel_tier(kernel) < PV_TIER_B) {
    printf("failed 1\n");
    return 1;
  }
  int tier = kernel_tier(kernel);
  identities();
  execs();
  unseen();
  processes();
  guards();
  full();
  mappings();
  pinned();
  refusals(count > 4 ? 12 : 1, tier);
  printf("%s %d\n", failures ? "failed" : "done", failures ? failures : cases);
  return failures ? 1 : 0;
}
