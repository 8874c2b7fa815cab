/* The payload of the tests: "hello WORD FD" says that it ran where it was told to; "hello signal PID" sends SIGUSR1 and ends with errno. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments) {
  const char *word = count > 1 ? arguments[1] : "ran";
  if (count > 2 && strcmp(word, "signal") == 0) return kill(atoi(arguments[2]), SIGUSR1) == 0 ? 0 : errno;
  int to = count > 2 ? atoi(arguments[2]) : 1;
  return write(to, word, strlen(word)) == (ssize_t)strlen(word) ? 0 : 1;
}
