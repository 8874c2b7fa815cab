/*
 * served HOW GOOD OTHER FOLDER: a file system of our own (FUSE) with one file, "victim". HOW says what its reader gets:
 *   other    the other program, always: does anyone ask?
 *   changing the good program to whoever opens it first, which is who is asked, and the other one to the next
 *   stuck    nothing: opening it never ends. Do other programs still start?
 *   slow     the other program, a page in each half second: does the deadline open?
 * The child mounts nothing: this program serves, and a child of it starts the file.
 */
#include "attack.h"
#include <linux/fuse.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/uio.h>

enum { VICTIM = 2, BUFFER = 1 << 18 };

struct server {
  int device;
  const char *how;
  char *good, *other;
  size_t bytes;
  unsigned opened;
};

static void answer(const struct server *server, uint64_t id, int error, const void *content, size_t bytes) {
  struct fuse_out_header head = {.len = (uint32_t)(sizeof head + bytes), .error = -error, .unique = id};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)content, bytes}};
  if (writev(server->device, parts, bytes > 0 ? 2 : 1) < 0 && errno != ENOENT) fprintf(stderr, "answer: %s\n", strerror(errno));
}

static struct fuse_attr attributes(const struct server *server, uint64_t node) {
  bool folder = node == FUSE_ROOT_ID;
  return (struct fuse_attr){.ino = node, .size = folder ? 0 : server->bytes, .mode = folder ? S_IFDIR | 0755 : S_IFREG | 0755,
                            .nlink = 1, .blksize = 4096, .mtime = 1, .ctime = 1, .atime = 1};
}

static void look_up(const struct server *server, uint64_t id, const char *name) {
  if (strcmp(name, "victim") != 0) return answer(server, id, ENOENT, NULL, 0);
  struct fuse_entry_out entry = {.nodeid = VICTIM, .attr = attributes(server, VICTIM)};
  answer(server, id, 0, &entry, sizeof entry);
}

/* By the number of the opening. The order turns round once: whether anybody asks before the start is not known here. */
static bool shows_good(const struct server *server, uint64_t opening) {
  return strcmp(server->how, "changing") == 0 && (opening % 2 == 1) != (opening > 4);
}

static void give(struct server *server, uint64_t id, const struct fuse_read_in *wanted) {
  size_t from = wanted->offset < server->bytes ? (size_t)wanted->offset : server->bytes;
  size_t count = server->bytes - from < wanted->size ? server->bytes - from : wanted->size;
  bool good = shows_good(server, wanted->fh);
  if (strcmp(server->how, "slow") == 0) usleep(500000);
  answer(server, id, 0, (good ? server->good : server->other) + from, count);
}

static void handle(struct server *server, const struct fuse_in_header *head, const void *body) {
  switch (head->opcode) {
    case FUSE_INIT: {
      const struct fuse_init_in *init = body;
      struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor : FUSE_KERNEL_MINOR_VERSION,
                                  .max_readahead = 4096, .max_write = 65536};
      return answer(server, head->unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: return look_up(server, head->unique, body);
    case FUSE_GETATTR: {
      struct fuse_attr_out out = {.attr = attributes(server, head->nodeid)};
      return answer(server, head->unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
      if (strcmp(server->how, "stuck") == 0) return;
      server->opened++;
      /* Without KEEP_CACHE it is read anew at each opening; the first reader's pages are kept from the next one altogether. */
      bool first = shows_good(server, server->opened);
      struct fuse_open_out out = {.fh = server->opened, .open_flags = first ? FOPEN_DIRECT_IO : 0};
      return answer(server, head->unique, 0, &out, sizeof out);
    }
    case FUSE_OPENDIR: {
      struct fuse_open_out out = {0};
      return answer(server, head->unique, 0, &out, sizeof out);
    }
    case FUSE_READ: return give(server, head->unique, body);
    case FUSE_READDIR: return answer(server, head->unique, 0, NULL, 0);
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS: return answer(server, head->unique, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    default: return answer(server, head->unique, ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: served other|changing|stuck|slow GOOD OTHER FOLDER\n");
    return 2;
  }
  size_t same;
  struct server server = {.how = argv[1]};
  server.good = whole(argv[2], &server.bytes);
  server.other = whole(argv[3], &same);
  if (same != server.bytes) return 2;
  server.device = check(open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse");
  char options[128], victim[4200];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", server.device);
  check(mount("served", argv[4], "fuse", 0, options), "mount");
  snprintf(victim, sizeof victim, "%s/victim", argv[4]);
  pid_t child = check(fork(), "fork");
  /* Held by a child too, the connection would outlive this program, and who waits in it could not even be killed. */
  if (child == 0) close(server.device);
  if (child == 0 && strcmp(server.how, "stuck") == 0) {
    for (int at = 0; at < 12; at++)
      if (check(fork(), "fork") == 0) _exit(run_program(victim));
    usleep(300000);
    _exit(good_still_runs(argv[2]));
  }
  if (child == 0) {
    for (int try = 0; try < 4; try++) run_program(victim);
    _exit(0);
  }
  /* Ends when the child does: the runner ends everything else of this root with this program. */
  static char buffer[BUFFER];
  signal(SIGCHLD, SIG_IGN);
  fcntl(server.device, F_SETFL, O_NONBLOCK);
  while (kill(child, 0) == 0) {
    ssize_t bytes = read(server.device, buffer, sizeof buffer);
    if (bytes >= (ssize_t)sizeof(struct fuse_in_header)) handle(&server, (void *)buffer, buffer + sizeof(struct fuse_in_header));
    else if (bytes < 0 && errno == EAGAIN) usleep(500);
    else if (bytes < 0 && errno != EINTR && errno != ENOENT) break;
  }
  umount2(argv[4], MNT_DETACH);
  return 0;
}
