/* Loads a library by its path. */
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **arguments) {
  if (count != 2) return 2;
  void *library = dlopen(arguments[1], RTLD_NOW);
  printf("%s\n", library == NULL ? "not loaded" : "loaded");
  return library == NULL;
}
