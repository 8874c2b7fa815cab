/* The parts that need no kernel: core-test FOLDER. Ends 1 where something does not hold. */
#include <stdlib.h>
#include "check.h"
#include "gate.h"

int checks, failures;

/* In main.c otherwise. */
void mutex_init(pthread_mutex_t *mutex) {
  if (pthread_mutex_init(mutex, NULL) != 0) abort();
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "core-test FOLDER\n");
    return 2;
  }
  test_state(arguments[1]); /* first: the tables are still small */
  table_forget_all();
  test_tables();
  test_texts();
  test_input();
  test_output();
  printf("%s %d checks, %d failed\n", failures == 0 ? "ok" : "FAILED", checks, failures);
  return failures != 0;
}
