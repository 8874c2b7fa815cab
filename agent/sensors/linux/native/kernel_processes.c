/* Processes that the programs in the kernel have not seen begin, or have lost the place of: taken from /proc while they live. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "kernel.h"

void seed_processes(struct kernel *kernel) {
  DIR *folder = opendir("/proc");
  if (!folder) return;
  for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
    struct gate_process process = {.number = 0}, *place = kernel->processes + pid % GATE_PROCESSES;
    if (!process_seed(kernel, pid, &process.process, &process.program)) continue;
    /* One that has been seen in the kernel since is known better there. */
    uint32_t nobody = 0;
    if (__atomic_load_n(&place->number, __ATOMIC_ACQUIRE) == pid) continue;
    place->process = process.process;
    place->program = process.program;
    (void)__atomic_compare_exchange_n(&place->number, &nobody, pid, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
  }
  closedir(folder);
}

bool process_seed(struct kernel *kernel, uint32_t pid, struct pv_process *process, struct pv_file *program) {
  char path[32];
  if (!process_describe(pid, process)) return false;
  snprintf(path, sizeof path, "/proc/%u/exe", pid);
  int fd = open(path, O_PATH | O_CLOEXEC); /* a kernel thread has none */
  if (fd < 0) return false;
  int failed = kernel_identify(kernel, fd, program);
  close(fd);
  return failed == 0;
}
