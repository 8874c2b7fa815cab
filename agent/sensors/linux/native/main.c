/* provost-sensor: opens each part, lets them run, and closes them in the opposite order. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "gate.h"
#include "link.h"

enum { STOPPED_IN_ORDER = 10 /* the unit is not to start it again */, BEAT_MS = 500, SAVE_BEATS = 20, WATCHDOG_BEATS = 10, POLL_MS = 100, MISSING_BYTES = 4000 };

static struct options options;
static struct kernel *kernel;
static struct telemetry *telemetry;
static struct files *files;
static char missing[MISSING_BYTES];
static uint32_t remembered;
static atomic_bool running = true, leave_open;
static pthread_t main_thread;
static bool save_again; /* the last time failed */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

void mutex_init(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0 || pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) != 0 || pthread_mutex_init(mutex, &attributes) != 0) {
    fprintf(stderr, "provost-sensor: no mutex can be made\n");
    exit(1);
  }
  pthread_mutexattr_destroy(&attributes);
}

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigdelset(&all, crashes[i]);
  if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, 384 << 10) != 0) return false;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (failed != 0) return false;
  (void)pthread_setname_np(*thread, name);
  return true;
}

static void *poll_kernel(void *argument) {
  (void)argument;
  while (running && kernel_poll(kernel, POLL_MS) != -ENOSYS) {}
  return NULL;
}
static void *poll_telemetry(void *argument) {
  (void)argument;
  while (running && telemetry_poll(telemetry, POLL_MS) != -ENOSYS) {}
  return NULL;
}
static void *poll_files(void *argument) {
  (void)argument;
  while (running && files_poll(files, POLL_MS) != -ENOSYS) {}
  return NULL;
}

static uint32_t parts(void) { return kernel_parts(kernel) | telemetry_parts(telemetry) | files_parts(files) | gate_parts(); }

static uint32_t tier(void) { return (uint32_t)((parts() & PV_PART_EXEC_PERM) == 0 ? PV_TIER_P : kernel_tier(kernel)); }

size_t sensor_describe(struct pv_hello *hello, char *text, size_t bytes) {
  hello->tier = tier();
  hello->parts = parts();
  hello->remembered = remembered;
  size_t length = strnlen(missing, sizeof missing);
  if (length > bytes) length = bytes;
  memcpy(text, missing, length);
  return length;
}

void sensor_configure(const struct pv_config *config) {
  telemetry_configure(telemetry, config);
  files_configure(files, config);
}

void sensor_stop(bool open) {
  leave_open = open;
  running = false;
  pthread_kill(main_thread, SIGTERM);
}

void sensor_guard(uint32_t pid, const char *path) {
  if (pid != 0) gate_guard(pid);
  int failed = kernel_guard(kernel, pid, *path == 0 ? NULL : path);
  if (failed != 0) fprintf(stderr, "provost-sensor: cannot guard %s: %s\n", *path == 0 ? "the agent" : path, strerror(-failed));
}

static void sensor_save(void) {
  struct pv_config config;
  gate_config(&config);
  static bool said;
  save_again = false;
  bool kept = state_save(options.state, &config);
  if (!kept && !said) fprintf(stderr, "provost-sensor: answers could not be kept in %s: %s; it is tried again, and what ran before may be asked about after a restart\n", options.state, strerror(errno));
  if (kept && said) fprintf(stderr, "provost-sensor: answers are kept in %s again\n", options.state);
  said = !kept;
  if (!kept) save_again = true;
}

/* Which tier it came to be, what that means, and why it is no higher one. */
static void say_tier(void) {
  static const char letters[] = "PCBA";
  static const char *const means[] = {"nothing can be stopped, and programs are seen after they have started", "programs are checked when they are opened, and not again",
                                      "programs are checked when they are opened, and by the kernel, which ends them before their first instruction",
                                      "programs are checked when they are opened, and by the kernel, which refuses them"};
  uint32_t is = tier(), wanted = (uint32_t)options.highest;
  fprintf(stderr, "provost-sensor: tier %c: %s\n", letters[is], means[is]);
  if (is < wanted) fprintf(stderr, "provost-sensor: tier %c is not to be had here; what is missing:\n", letters[wanted]);
}

static void fail(const char *why) {
  fprintf(stderr, "provost-sensor: %s\n", why);
  exit(1);
}

/* Appends what a part says about itself to `missing`. */
static char *rest(size_t *bytes) {
  size_t used = strnlen(missing, sizeof missing - 1);
  *bytes = sizeof missing - used;
  return missing + used;
}

/*
 * A thread that waits for somebody else's file system can keep this process from ending, and its descriptors with it. So a crash closes the
 * gate's first: then nobody hangs on a sensor that is gone.
 */
static void crash(int signal_number) {
  marks_close();
  (void)signal(signal_number, SIG_DFL);
  (void)raise(signal_number);
}

static void lay_folders(void) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", options.socket);
  char *slash = strrchr(folder, '/');
  if (slash != NULL && slash != folder) {
    *slash = 0;
    (void)mkdir(folder, 0711); /* there already: fine; not possible: listening says why */
  }
  if (mkdir(options.state, 0700) != 0 && errno != EEXIST) fprintf(stderr, "provost-sensor: cannot make %s: %s; answers are not kept over a restart\n", options.state, strerror(errno));
}

/* An asker waits for a descriptor of ours each, and never for a page from disk. */
static void prepare_process(void) {
  struct rlimit most = {8192, 8192}, is;
  if (setrlimit(RLIMIT_NOFILE, &most) != 0 && getrlimit(RLIMIT_NOFILE, &is) == 0) {
    is.rlim_cur = is.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &is) != 0 || is.rlim_cur < 512) fail("too few open files are allowed (512 are needed); raise the limit of open files");
    pending_limit((unsigned)(is.rlim_cur / 4));
  }
  struct rlimit locked = {RLIM_INFINITY, RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &locked);
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) fprintf(stderr, "provost-sensor: memory cannot be locked: %s; answers may wait for the disk\n", strerror(errno));
  (void)prctl(PR_SET_DUMPABLE, 0);
  /* Whoever waits for us waits for these threads too; on a busy machine they go before ordinary work. Refused in some containers. */
  (void)setpriority(PRIO_PROCESS, 0, -10);
}

static void start_parts(void) {
  char why[512] = "";
  size_t bytes;
  char *at = rest(&bytes);
  capabilities_missing(at, bytes);
  at = rest(&bytes);
  kernel = kernel_open(&options, at, bytes);
  at = rest(&bytes);
  telemetry = telemetry_open(&options, at, bytes);
  at = rest(&bytes);
  files = files_open(&options, kernel, at, bytes);
  at = rest(&bytes);
  (void)gate_open(&options, kernel, files, at, bytes);
  struct pv_config config;
  bool has_config = false;
  struct state_counts counts = {0};
  if (!state_load(options.state, &config, &has_config, &counts, why, sizeof why) && why[0] != 0) fprintf(stderr, "provost-sensor: %s\n", why);
  remembered = counts.answers;
  if (!mounts_start(&options, why, sizeof why)) fail(why);
  if (has_config) gate_configure(&config, false); /* waits until what is mounted is marked */
  if (!link_open(&options, why, sizeof why)) fail(why);
}

int main(int count, char **arguments) {
  options_read(&options, count, arguments);
  main_thread = pthread_self();
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &wanted, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGIO, SIG_IGN); /* a lease that somebody waits for: it is given back soon anyway */
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) (void)signal(crashes[i], crash);
  prepare_process();
  lay_folders();
  start_parts();
  pthread_t kernel_thread, telemetry_thread, files_thread;
  if (!thread_start(&kernel_thread, "kernel", poll_kernel, NULL) || !thread_start(&telemetry_thread, "events", poll_telemetry, NULL) ||
      !thread_start(&files_thread, "files", poll_files, NULL))
    fail("no thread can be started");
  fprintf(stderr, "provost-sensor: ready at %s\n", options.socket);
  say_tier();
  fputs(missing, stderr);
  service_tell("READY=1");
  for (unsigned beat = 0; running; beat++) {
    struct timespec pause = {.tv_nsec = BEAT_MS * 1000000l};
    kernel_beat(kernel);
    telemetry_leave_out(telemetry, link_agent());
    files_leave_out(files, link_agent());
    gate_beat();
    if (beat % WATCHDOG_BEATS == 0) service_tell("WATCHDOG=1");
    if (beat % SAVE_BEATS == SAVE_BEATS - 1 && (gate_changed() || save_again)) sensor_save();
    int got = sigtimedwait(&wanted, NULL, &pause);
    if (got == SIGTERM || got == SIGINT) running = false;
  }
  service_tell("STOPPING=1");
  sensor_save();
  link_close();
  mounts_stop();
  /* A check that ends with us must not judge what nobody is asked about any more. */
  kernel_rest(kernel, leave_open);
  gate_close();
  pthread_join(kernel_thread, NULL);
  pthread_join(telemetry_thread, NULL);
  pthread_join(files_thread, NULL);
  files_close(files);
  telemetry_close(telemetry);
  kernel_close(kernel, leave_open);
  return leave_open ? STOPPED_IN_ORDER : 0;
}
