/* What may reach a terminal, and whose path it is. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "gate.h"

static bool cleaned(const char *text, size_t bytes, const char *expected) {
  char safe[256];
  size_t used = notice_clean(text, bytes, safe, sizeof safe);
  return used == strlen(expected) && memcmp(safe, expected, used) == 0;
}
#define CLEANED(text, expected) CHECK(cleaned(text, sizeof text - 1, expected))

static void clean(void) {
  CLEANED("plain text\n  second line", "plain text\n  second line");
  CLEANED("gr\xc3\xbc\xc3\x9f, \xe4\xb8\x96, \xf0\x9f\x8c\x8d", "gr\xc3\xbc\xc3\x9f, \xe4\xb8\x96, \xf0\x9f\x8c\x8d");
  CLEANED("\x1b[2J\x07", "?[2J?");
  CLEANED("a\rb\tc\x7f", "a?b?c?");
  CLEANED("\xc2\x9b" "2J", "??2J");                     /* C1: also an escape sequence */
  CLEANED("\xe2\x80\xae" "exe.txt", "???exe.txt");     /* right-to-left override */
  CLEANED("\xc0\x8a \xe0\x80\x8a \xed\xa0\x80", "?? ??? ???"); /* overlong newline, surrogate */
  CLEANED("cut \xe4\xb8", "cut ??");
  CLEANED("nul\0end", "nul?end");
  char small[4];
  CHECK(notice_clean("abcdefgh", 8, small, sizeof small) == 4);
  CHECK(notice_clean("abc\xc3\xbc", 5, small, sizeof small) == 3); /* never half a character */
  CHECK(notice_keep("", 0) == NOTICE_NONE);
  CHECK(notice_keep("x", 1) != NOTICE_NONE);
}

/* Whatever the bytes are, what comes out is clean, and stays so. */
static void any_bytes(void) {
  srand(7);
  for (int round = 0; round < 20000; round++) {
    char text[40], once[40], twice[40];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(rand() >> 3);
    size_t used = notice_clean(text, sizeof text, once, sizeof once);
    if (notice_clean(once, used, twice, sizeof twice) != used || memcmp(once, twice, used) != 0) CHECK(!"cleaning twice changes nothing");
    for (size_t i = 0; i < used; i++)
      if ((unsigned char)once[i] < 0x20 && once[i] != '\n') CHECK(!"a control character went through");
  }
}

static void paths(void) {
  char path[PV_MAX_PATH];
  uint32_t flags = 0;
  int fd = memfd_create("name", MFD_CLOEXEC);
  size_t bytes = fd_path(fd, path, sizeof path, &flags);
  CHECK(bytes == 11 && memcmp(path, "/memfd:name", 11) == 0);
  CHECK((flags & PV_F_MEMFD) != 0);
  close(fd);
  char name[] = "/tmp/core-test-XXXXXX";
  fd = mkstemp(name);
  flags = 0;
  bytes = fd_path(fd, path, sizeof path, &flags);
  CHECK(bytes == strlen(name) && memcmp(path, name, bytes) == 0 && flags == 0);
  CHECK(fd_path(fd, path, 5, &flags) == 5 && (flags & PV_F_PATH_CUT) != 0);
  flags = 0;
  CHECK(unlink(name) == 0);
  bytes = fd_path(fd, path, sizeof path, &flags);
  CHECK(bytes == strlen(name) && flags == PV_F_UNLINKED); /* without " (deleted)" */
  close(fd);
  flags = 0;
  CHECK(fd_path(9999, path, sizeof path, &flags) == 0);
}

static void processes(void) {
  struct pv_process me, child;
  CHECK(process_describe((uint32_t)getpid(), &me));
  CHECK(me.pid == (uint32_t)getpid() && me.parent == (uint32_t)getppid() && me.user == getuid() && me.started != 0 && me.mount_namespace != 0);
  CHECK(me.started < now_boot());
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
  CHECK(!process_describe((uint32_t)pid, &child));
  CHECK(!process_describe(0, &child));
}

void test_texts(void) {
  clean();
  any_bytes();
  paths();
  processes();
}
