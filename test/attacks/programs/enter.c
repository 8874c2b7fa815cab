/*
 * enter --root FOLDER --cgroup FOLDER [--user NUMBER] [--seconds N] [--whole] -- PROGRAM [ARGUMENTS]
 *
 * Runs an attack shut in: below the control group, with FOLDER as its root, in namespaces of its own for mounts, processes, network, IPC
 * and host name, without the capabilities that reach the whole machine, with the kernel's settings read-only. After N seconds (20), or
 * when this program dies, everything in it is killed. Ends as PROGRAM ended. --whole holds nothing back: in a virtual machine of its own.
 */
#include "attack.h"
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct how {
  const char *root, *cgroup;
  unsigned user, seconds;
  bool whole;
  char **program;
};

static volatile pid_t first;

static void too_late(int signal) {
  (void)signal;
  if (first > 0) kill(first, SIGKILL);
}

static struct how read_arguments(int argc, char **argv) {
  struct how how = {.seconds = 20};
  int at = 1;
  for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
    if (strcmp(argv[at], "--whole") == 0) how.whole = true;
    else if (at + 1 == argc) break;
    else if (strcmp(argv[at], "--root") == 0) how.root = argv[++at];
    else if (strcmp(argv[at], "--cgroup") == 0) how.cgroup = argv[++at];
    else if (strcmp(argv[at], "--user") == 0) how.user = (unsigned)strtoul(argv[++at], NULL, 10);
    else if (strcmp(argv[at], "--seconds") == 0) how.seconds = (unsigned)strtoul(argv[++at], NULL, 10);
    else break;
  }
  if (at + 1 >= argc || strcmp(argv[at], "--") != 0 || how.root == NULL || how.cgroup == NULL) {
    fprintf(stderr, "usage: enter --root FOLDER --cgroup FOLDER [--user NUMBER] [--seconds N] [--whole] -- PROGRAM [ARGUMENTS]\n");
    exit(2);
  }
  how.program = argv + at + 1;
  return how;
}

static void join(const char *cgroup) {
  char path[4096];
  snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
  int file = check(open(path, O_WRONLY | O_CLOEXEC), path);
  if (write(file, "0", 1) != 1) fail(path);
  close(file);
}

static void change_root(const char *root) {
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
  check(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
  check(chdir(root), root);
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    check(umount2(".", MNT_DETACH), "the old root");
  } else {
    /* The first root of a virtual machine cannot be put away. */
    if (errno != EINVAL) fail("pivot_root");
    check(mount(".", "/", NULL, MS_MOVE, NULL), "moving the root");
    check(chroot("."), "chroot");
  }
  check(chdir("/"), "/");
  check(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV, NULL), "/proc");
}

/* What would reach beyond the root: settings of the kernel, its modules, its clock, its power. */
static void hold_back(void) {
  static const char *settings[] = {"/proc/sys", "/proc/sysrq-trigger"};
  for (size_t at = 0; at < sizeof settings / sizeof *settings; at++) {
    if (access(settings[at], F_OK) != 0) continue; /* not in this kernel */
    check(mount(settings[at], settings[at], NULL, MS_BIND, NULL), settings[at]);
    check(mount(NULL, settings[at], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), settings[at]);
  }
  static const unsigned dropped[] = {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_BPF, CAP_PERFMON, CAP_SYSLOG};
  for (size_t at = 0; at < sizeof dropped / sizeof *dropped; at++)
    check(prctl(PR_CAPBSET_DROP, dropped[at], 0, 0, 0), "a capability");
}

static int inside(const struct how *how) {
  check(prctl(PR_SET_PDEATHSIG, SIGKILL), "death signal");
  change_root(how->root);
  if (!how->whole) hold_back();
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    if (how->user != 0) {
      check(setgroups(0, NULL), "groups");
      check(setresgid(how->user, how->user, how->user), "group");
      check(setresuid(how->user, how->user, how->user), "user");
    }
    execvpe(how->program[0], how->program, environ);
    fprintf(stderr, "%s: %s\n", how->program[0], strerror(errno));
    _exit(127);
  }
  /* The first process takes in orphans, and ends with the program: what it left behind ends too. */
  int status = 0;
  for (pid_t ended = 0; ended != child;) ended = check(wait(&status), "wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
  struct how how = read_arguments(argc, argv);
  check(prctl(PR_SET_PDEATHSIG, SIGTERM), "death signal");
  join(how.cgroup);
  check(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS), "namespaces");
  first = check(fork(), "fork");
  if (first == 0) _exit(inside(&how));
  struct sigaction action = {.sa_handler = too_late};
  check(sigaction(SIGALRM, &action, NULL), "SIGALRM");
  check(sigaction(SIGTERM, &action, NULL), "SIGTERM");
  alarm(how.seconds);
  int status = 0;
  while (waitpid(first, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
