/* File systems that appear where nobody looks, and files that change under one that is looked at. */
#include "attack.h"
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>

static char *no_arguments[] = {"payload", NULL};

/* Copies FILE into the folder that `folder` is open on, and starts it there. */
static int start_in(int folder, const char *path) {
  size_t bytes;
  char *content = whole(path, &bytes);
  int file = check(openat(folder, "payload", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), "copy");
  put(file, content, bytes);
  close(file);
  syscall(SYS_execveat, folder, "payload", no_arguments, environ, 0);
  fail("execveat");
}

/* detached FILE: a tmpfs that is never mounted anywhere, only held by a descriptor. */
static int detached(int count, char **arguments) {
  (void)count;
  int context = check((int)syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
  check((int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
  return start_in(check((int)syscall(SYS_fsmount, context, 0, 0), "fsmount"), arguments[0]);
}

/* gone FILE FOLDER: mounted, opened, unmounted lazily; used after that. */
static int unmounted(int count, char **arguments) {
  (void)count;
  check(mount("gone", arguments[1], "tmpfs", 0, NULL), "tmpfs");
  int folder = check(open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[1]);
  check(umount2(arguments[1], MNT_DETACH), "umount");
  return start_in(folder, arguments[0]);
}

/* fresh TYPE FILE FOLDER: started in the very moment after the mount, again and again. */
static int fresh(int count, char **arguments) {
  (void)count;
  for (int try = 0; try < 5; try++) {
    pid_t child = check(fork(), "fork");
    if (child == 0) {
      check(unshare(CLONE_NEWNS), "unshare");
      check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
      check(mount("fresh", arguments[2], arguments[0], 0, NULL), arguments[0]);
      start_in(check(open(arguments[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[2]), arguments[1]);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}

/* moved FILE FOLDER OTHER: a tree is mounted in one place and moved to another. */
static int moved(int count, char **arguments) {
  (void)count;
  check(mount("moved", arguments[1], "tmpfs", 0, NULL), "tmpfs");
  check(mount(arguments[1], arguments[2], NULL, MS_MOVE, NULL), "move");
  return start_in(check(open(arguments[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[2]), arguments[0]);
}

/* other-namespace FILE FOLDER: a process in another mount namespace has the file; it is started through /proc from here. */
static int other_namespace(int count, char **arguments) {
  (void)count;
  int ends[2];
  check(pipe(ends), "pipe");
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    check(mount("there", arguments[1], "tmpfs", 0, NULL), "tmpfs");
    size_t bytes;
    char *content = whole(arguments[0], &bytes), path[4200];
    snprintf(path, sizeof path, "%s/payload", arguments[1]);
    int file = check(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), path);
    put(file, content, bytes);
    close(file);
    put(ends[1], "r", 1);
    pause();
    _exit(0);
  }
  char ready, path[4200];
  if (read(ends[0], &ready, 1) != 1) fail("the other process");
  snprintf(path, sizeof path, "/proc/%d/root%s/payload", child, arguments[1]);
  execve(path, no_arguments, environ);
  fail(path);
}

/* enter-namespace FILE FOLDER: the same, but by setns. */
static int enter_namespace(int count, char **arguments) {
  (void)count;
  int before = check(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "namespace");
  check(unshare(CLONE_NEWNS), "unshare");
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  check(mount("there", arguments[1], "tmpfs", 0, NULL), "tmpfs");
  int there = check(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "namespace");
  check(setns(before, CLONE_NEWNS), "setns back");
  check(setns(there, CLONE_NEWNS), "setns");
  return start_in(check(open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[1]), arguments[0]);
}

/* pivoted FOLDER NAME: the folder becomes the root, and the file in it is started as /NAME. */
static int pivoted(int count, char **arguments) {
  (void)count;
  char path[300];
  check(unshare(CLONE_NEWNS), "unshare");
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  check(mount(arguments[0], arguments[0], NULL, MS_BIND, NULL), "bind");
  check(chdir(arguments[0]), arguments[0]);
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "the old root");
  snprintf(path, sizeof path, "/%s", arguments[1]);
  execve(path, no_arguments, environ);
  fail(path);
}

static void put_word(const char *path, const char *word);

/* A user namespace in which nobody lives any more: it only says which user stands for which. */
static int namespace_of_users(void) {
  int ends[2];
  char path[64], word;
  check(pipe(ends), "pipe");
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    check(unshare(CLONE_NEWUSER), "user namespace");
    put(ends[1], "r", 1);
    pause();
    _exit(0);
  }
  if (read(ends[0], &word, 1) != 1) fail("the other process");
  snprintf(path, sizeof path, "/proc/%d/uid_map", child);
  put_word(path, "0 1000 1");
  snprintf(path, sizeof path, "/proc/%d/gid_map", child);
  put_word(path, "0 1000 1");
  snprintf(path, sizeof path, "/proc/%d/ns/user", child);
  int users = check(open(path, O_RDONLY | O_CLOEXEC), path);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return users;
}

/* mapped FOLDER NAME: through a copy of the mount in which root's files are somebody else's. */
static int mapped(int count, char **arguments) {
  (void)count;
  int tree = check((int)syscall(SYS_open_tree, AT_FDCWD, arguments[0], OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC), "open_tree");
  struct mount_attr change = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)namespace_of_users()};
  check((int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &change, sizeof change), "mount_setattr");
  syscall(SYS_execveat, tree, arguments[1], no_arguments, environ, 0);
  fail("execveat");
}

static void put_word(const char *path, const char *word) {
  int file = check(open(path, O_WRONLY | O_CLOEXEC), path);
  put(file, word, strlen(word));
  close(file);
}

/* Root of a user namespace of one's own: nobody has to be asked for it. */
static void become_root_inside(void) {
  char users[64], groups[64];
  snprintf(users, sizeof users, "0 %u 1", getuid());
  snprintf(groups, sizeof groups, "0 %u 1", getgid());
  check(unshare(CLONE_NEWUSER | CLONE_NEWNS), "user namespace");
  put_word("/proc/self/setgroups", "deny");
  put_word("/proc/self/uid_map", users);
  put_word("/proc/self/gid_map", groups);
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
}

/* user-overlay LOWER UPPER WORK MERGED FILE: as nobody special, in a user namespace, an overlay over files that may run. */
static int user_overlay(int count, char **arguments) {
  (void)count;
  become_root_inside();
  char options[8300];
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s,userxattr", arguments[0], arguments[1], arguments[2]);
  check(mount("overlay", arguments[3], "overlay", 0, options), "overlay");
  return start_in(check(open(arguments[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[3]), arguments[4]);
}

/* user-tmpfs FILE FOLDER */
static int user_tmpfs(int count, char **arguments) {
  (void)count;
  become_root_inside();
  check(mount("user", arguments[1], "tmpfs", 0, NULL), "tmpfs");
  return start_in(check(open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), arguments[1]), arguments[0]);
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {
      {"detached", detached, 1},       {"unmounted", unmounted, 2},             {"fresh", fresh, 3},
      {"moved", moved, 3},             {"other-namespace", other_namespace, 2}, {"enter-namespace", enter_namespace, 2},
      {"user-overlay", user_overlay, 5}, {"user-tmpfs", user_tmpfs, 2},
      {"pivoted", pivoted, 2},         {"mapped", mapped, 2},
  };
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
