/* Asks by AT_EXECVE_CHECK whether a file may be executed: "allowed", "refused", or "unknown" before 6.14. Executes nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **arguments) {
  if (count != 2) return 2;
  char *none[] = {NULL};
  int fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 3;
  long result = syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH | 0x10000);
  puts(result == 0 ? "allowed" : errno == EINVAL ? "unknown" : "refused");
  return 0;
}
