/* The proc connector: the kernel sends a process's number and what it did; the rest is read from /proc while it is still there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include "connector.h"

#define PROCESSORS 256
#define RECEIVE_BUFFER (2 << 20)
#define MESSAGES_AT_ONCE 4096
#define KNOWN 4096u /* processes remembered until their end, when /proc may not have them any more */

struct connector {
  int socket;
  uint32_t kinds;
  bool wanted;
  uint32_t self, left_out;
  const char *scope; /* below where cgroup v2 is mounted; NULL: all */
  uint64_t sequence[PROCESSORS];
  uint32_t next[PROCESSORS]; /* the kernel's own number that comes next */
  bool begun[PROCESSORS];
  struct pv_process known[KNOWN]; /* by number; only those in the scope */
  _Alignas(8) uint8_t record[sizeof(struct pv_exec) + 2 * PV_MAX_PATH + PV_MAX_ARGS + 256];
};

static const char *scope_below(const char *folder) {
  static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
  for (size_t each = 0; folder != NULL && each < sizeof roots / sizeof *roots; each++)
    if (strncmp(folder, roots[each], strlen(roots[each])) == 0) return folder + strlen(roots[each]);
  return folder;
}

static int ask(int fd, enum proc_cn_mcast_op what) {
  union {
    struct nlmsghdr head;
    uint8_t bytes[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof what)];
  } message = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof what), .nlmsg_type = NLMSG_DONE}};
  struct cn_msg *inner = NLMSG_DATA(&message.head);
  inner->id = (struct cb_id){CN_IDX_PROC, CN_VAL_PROC};
  inner->len = sizeof what;
  memcpy(inner->data, &what, sizeof what);
  return send(fd, &message, message.head.nlmsg_len, 0) < 0 ? -errno : 0;
}

struct connector *connector_open(const struct options *options, uint32_t kinds, char *missing, size_t missing_bytes) {
  struct connector *connector = calloc(1, sizeof *connector);
  if (connector == NULL) return NULL;
  connector->kinds = kinds;
  connector->self = (uint32_t)getpid();
  connector->scope = scope_below(options->scope_cgroup);
  connector->socket = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
  int bytes = RECEIVE_BUFFER;
  if (connector->socket >= 0) (void)setsockopt(connector->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  if (connector->socket >= 0 && bind(connector->socket, (struct sockaddr *)&address, sizeof address) == 0) return connector;
  size_t used = strnlen(missing, missing_bytes);
  if (used + 1 < missing_bytes)
    (void)snprintf(missing + used, missing_bytes - used, "proc connector: %s; processes are only seen by looking at /proc\n", strerror(errno));
  if (connector->socket >= 0) close(connector->socket);
  free(connector);
  return NULL;
}

int connector_fd(const struct connector *connector) { return connector->socket; }

void connector_listen(struct connector *connector, bool wanted) {
  if (connector->wanted == wanted) return;
  if (ask(connector->socket, wanted ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE) == 0) connector->wanted = wanted;
}

void connector_leave_out(struct connector *connector, uint32_t process) { connector->left_out = process; }

static const struct pv_process *known(const struct connector *connector, uint32_t pid) {
  const struct pv_process *process = &connector->known[pid % KNOWN];
  return process->pid == pid ? process : NULL;
}

static bool in_scope(const struct connector *connector, uint32_t pid) {
  if (pid == connector->self || pid == connector->left_out) return false;
  if (connector->scope == NULL || known(connector, pid) != NULL) return true;
  char group[PV_MAX_PATH];
  size_t length = strlen(connector->scope);
  if (process_cgroup(pid, group, sizeof group) == 0) return false;
  return strncmp(group, connector->scope, length) == 0 && (group[length] == 0 || group[length] == '/');
}

static void begin(struct connector *connector, struct pv_event *event, uint16_t type, uint16_t fixed, const struct proc_event *seen,
                  uint32_t pid) {
  memset(event, 0, sizeof *event);
  event->header = (struct pv_header){fixed, type, fixed};
  event->time = now_boot(); /* the kernel's time stamp leaves out suspend */
  event->cpu = PV_LANE_CONNECTOR + seen->cpu;
  event->sequence = connector->sequence[seen->cpu % PROCESSORS]++;
  const struct pv_process *before = known(connector, pid);
  if (process_describe(pid, &event->who)) connector->known[pid % KNOWN] = event->who;
  else if (before != NULL) event->who = *before;
  else event->flags |= PV_F_UNREADABLE;
}

static size_t read_link(uint32_t pid, const char *name, char *to) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%u/%s", pid, name);
  ssize_t length = readlink(path, to, PV_MAX_PATH);
  return length > 0 ? (size_t)length : 0;
}

static void describe_program(struct pv_exec *exec, uint32_t pid) {
  char path[64];
  struct stat is;
  (void)snprintf(path, sizeof path, "/proc/%u/exe", pid);
  if (stat(path, &is) != 0) {
    exec->event.flags |= PV_F_UNREADABLE;
    return;
  }
  exec->file = (struct pv_file){
    .inode = is.st_ino, .ctime = (uint64_t)is.st_ctim.tv_sec * 1000000000u + (uint64_t)is.st_ctim.tv_nsec, .bytes = (uint64_t)is.st_size,
    .device = (uint32_t)major(is.st_dev) << 20 | (uint32_t)minor(is.st_dev), .links = (uint32_t)is.st_nlink,
  };
  if (is.st_nlink == 0) exec->event.flags |= PV_F_UNLINKED;
}

/* Arguments as they are now: a process may have changed them since. */
static size_t read_arguments(struct pv_exec *exec, uint32_t pid, char *to) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  size_t used = 0;
  ssize_t length;
  while (used < PV_MAX_ARGS && (length = read(fd, to + used, PV_MAX_ARGS - used)) > 0) used += (size_t)length;
  if (used == PV_MAX_ARGS) exec->event.flags |= PV_F_ARGS_CUT;
  close(fd);
  for (size_t each = 0; each < used; each++) exec->argument_count += to[each] == 0;
  /* NUL stands between arguments: the last one's ends nothing. */
  return used > 0 && to[used - 1] == 0 ? used - 1 : used;
}

static void tell_exec(struct connector *connector, const struct proc_event *seen, uint32_t pid) {
  struct pv_exec exec = {0};
  char *to = (char *)connector->record + sizeof exec;
  begin(connector, &exec.event, PV_EXEC, sizeof exec, seen, pid);
  describe_program(&exec, pid);
  exec.path_bytes = (uint16_t)read_link(pid, "exe", to);
  static const char deleted[] = " (deleted)";
  size_t end = sizeof deleted - 1;
  if ((exec.event.flags & PV_F_UNLINKED) != 0 && exec.path_bytes > end && memcmp(to + exec.path_bytes - end, deleted, end) == 0)
    exec.path_bytes -= (uint16_t)end;
  if (exec.path_bytes >= 7 && memcmp(to, "/memfd:", 7) == 0) exec.event.flags |= PV_F_MEMFD;
  to += exec.path_bytes;
  exec.directory_bytes = (uint16_t)read_link(pid, "cwd", to);
  to += exec.directory_bytes;
  exec.arguments_bytes = (uint16_t)read_arguments(&exec, pid, to);
  to += exec.arguments_bytes;
  char group[PV_MAX_PATH];
  const char *last = process_cgroup(pid, group, sizeof group) == 0 ? NULL : strrchr(group, '/');
  exec.group_bytes = last == NULL ? 0 : (uint16_t)strnlen(last + 1, 255);
  if (last != NULL) memcpy(to, last + 1, exec.group_bytes);
  to += exec.group_bytes;
  exec.event.header.size = (uint32_t)(to - (char *)connector->record);
  memcpy(connector->record, &exec, sizeof exec);
  (void)out_event(connector->record, exec.event.header.size);
}

static bool tell(struct connector *connector, const struct proc_event *seen) {
  uint32_t kinds = connector->kinds;
  switch (seen->what) {
    case PROC_EVENT_EXEC: {
      uint32_t pid = (uint32_t)seen->event_data.exec.process_tgid;
      if ((kinds & 1u << PV_EXEC) == 0 || !in_scope(connector, pid)) return false;
      tell_exec(connector, seen, pid);
      return true;
    }
    case PROC_EVENT_FORK: {
      uint32_t child = (uint32_t)seen->event_data.fork.child_tgid, parent = (uint32_t)seen->event_data.fork.parent_tgid;
      if ((kinds & 1u << PV_FORK) == 0 || (uint32_t)seen->event_data.fork.child_pid != child || !in_scope(connector, parent)) return false;
      struct pv_fork made = {.child = child};
      struct pv_process described;
      begin(connector, &made.event, PV_FORK, sizeof made, seen, parent);
      if (process_describe(child, &described)) {
        made.child_started = described.started;
        connector->known[child % KNOWN] = described;
      }
      return out_event(&made, sizeof made);
    }
    case PROC_EVENT_EXIT: {
      uint32_t pid = (uint32_t)seen->event_data.exit.process_tgid;
      if ((kinds & 1u << PV_EXIT) == 0 || (uint32_t)seen->event_data.exit.process_pid != pid || !in_scope(connector, pid)) return false;
      struct pv_exit ended = {.code = seen->event_data.exit.exit_code};
      begin(connector, &ended.event, PV_EXIT, sizeof ended, seen, pid);
      if (known(connector, pid) != NULL) connector->known[pid % KNOWN].pid = 0;
      return out_event(&ended, sizeof ended);
    }
    case PROC_EVENT_UID: {
      uint32_t pid = (uint32_t)seen->event_data.id.process_tgid;
      if ((kinds & 1u << PV_CREDENTIALS) == 0 || !in_scope(connector, pid)) return false;
      struct pv_reach changed = {.target = seen->event_data.id.e.euid, .request = PV_U_USER};
      begin(connector, &changed.event, PV_CREDENTIALS, sizeof changed, seen, pid);
      return out_event(&changed, sizeof changed);
    }
    case PROC_EVENT_PTRACE: {
      uint32_t target = (uint32_t)seen->event_data.ptrace.process_tgid, tracer = (uint32_t)seen->event_data.ptrace.tracer_tgid;
      /* Tracer 0: it has let go. */
      if ((kinds & 1u << PV_PTRACE) == 0 || tracer == 0 || !in_scope(connector, tracer)) return false;
      struct pv_reach reach = {.target = target, .request = 16};
      struct pv_process described;
      begin(connector, &reach.event, PV_PTRACE, sizeof reach, seen, tracer);
      if (process_describe(target, &described)) reach.target_started = described.started;
      return out_event(&reach, sizeof reach);
    }
    default: return false;
  }
}

/* The kernel numbers what it sends on each processor: a gap was thrown away because the socket was full. */
static void check_gap(struct connector *connector, const struct cn_msg *message, const struct proc_event *seen) {
  uint32_t cpu = seen->cpu % PROCESSORS;
  if (connector->begun[cpu] && message->seq != connector->next[cpu]) out_lost(0, 1, message->seq - connector->next[cpu]);
  connector->begun[cpu] = true;
  connector->next[cpu] = message->seq + 1;
}

int connector_take(struct connector *connector) {
  union {
    struct nlmsghdr head;
    uint8_t bytes[8192];
  } buffer;
  int told = 0;
  for (int each = 0; each < MESSAGES_AT_ONCE; each++) {
    struct sockaddr_nl from;
    socklen_t from_bytes = sizeof from;
    ssize_t got = recvfrom(connector->socket, &buffer, sizeof buffer, 0, (struct sockaddr *)&from, &from_bytes);
    if (got < 0 && (errno == ENOBUFS || errno == EINTR)) continue;
    if (got <= 0) return told;
    /* Only the kernel's word counts: it has port 0. */
    if (from.nl_pid != 0) continue;
    size_t left = (size_t)got;
    for (struct nlmsghdr *head = &buffer.head; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
      const struct cn_msg *message = NLMSG_DATA(head);
      if (head->nlmsg_len < NLMSG_LENGTH(sizeof *message + sizeof(struct proc_event)) || message->len < sizeof(struct proc_event)) continue;
      struct proc_event seen;
      memcpy(&seen, message->data, sizeof seen);
      if (seen.what == PROC_EVENT_NONE) continue;
      check_gap(connector, message, &seen);
      if (connector->wanted && tell(connector, &seen)) told++;
    }
  }
  return told;
}

void connector_close(struct connector *connector) {
  if (connector == NULL) return;
  connector_listen(connector, false);
  close(connector->socket);
  free(connector);
}
