/*
 * A tree that runs away: `hop N` keeps N workers that change their number all the time, `bomb N` doubles until it has N members. Its first
 * process opens a session and prints its number; whoever loses its parent falls to this program, which is not of the tree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { LIVES_SECONDS = 40, PAUSE_US = 1000 };
static time_t end;

/* Whatever becomes of a test, nothing of this outlives it for long. */
static void rest(void) {
  usleep(PAUSE_US);
  if (time(NULL) > end) _exit(0);
}

/* Each generation forks the next one and ends: nobody of the tree waits for it, its number is gone. */
static void hop(void) {
  for (;;) {
    if (fork() > 0) _exit(0);
    rest();
  }
}

static void bomb(int *count, int most) {
  for (;;) {
    if (__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST) < most) fork();
    else __atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST);
    rest();
  }
}

static void run(const char *mode, int many) {
  int *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (setsid() < 0 || count == MAP_FAILED) _exit(1);
  for (int at = 0; strcmp(mode, "hop") == 0 && at < many; at++)
    if (fork() == 0) hop();
  printf("%d\n", getpid());
  fflush(stdout);
  if (strcmp(mode, "bomb") == 0) bomb(count, many);
  for (;;) rest();
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  end = time(NULL) + LIVES_SECONDS;
  /* Ends of children are not waited for: none becomes a zombie. */
  signal(SIGCHLD, SIG_IGN);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 1;
  if (fork() == 0) run(argv[1], atoi(argv[2]));
  for (;;) rest();
}
