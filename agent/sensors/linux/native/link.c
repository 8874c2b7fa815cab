/* The socket: one agent at a time, by its credentials. One thread takes in what it says, and sends what the lanes of output.c hold. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "gate.h"
#include "link.h"

enum { TELEMETRY_DELAY_MS = 5, SECOND_MS = 1000, SEND_BUFFER = 256 << 10 };

static const char *path;
static uid_t owner;
static int listener = -1, client = -1;
static _Atomic uint32_t client_pid;
static dev_t socket_device;
static ino_t socket_inode;
static pthread_t thread;
static atomic_bool stopping;
static uint8_t *input;
static size_t input_used;
static bool configured;

uint32_t link_agent(void) { return client_pid; }

static void refuse(int fd, const char *why) {
  struct { struct pv_refused refused; char text[256]; } record = {0};
  size_t length = strlen(why);
  if (length > sizeof record.text) length = sizeof record.text;
  record.refused.header = (struct pv_header){(uint32_t)(sizeof record.refused + length), PV_REFUSED, sizeof record.refused};
  record.refused.why_bytes = (uint16_t)length;
  memcpy(record.text, why, length);
  /* Best effort: who does not read it is closed all the same. */
  (void)send(fd, &record, record.refused.header.size, MSG_NOSIGNAL | MSG_DONTWAIT);
  /* What it has sent is read first: closed with bytes unread, the socket would tell it of a reset and not of the reason. */
  uint8_t unread[4096];
  for (int i = 0; i < 32 && recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0; i++) {}
}

static int listen_at(char *why, size_t why_bytes) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    snprintf(why, why_bytes, "the socket's path %s is longer than %zu bytes; choose a shorter one with --socket", path, sizeof address.sun_path - 1);
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    snprintf(why, why_bytes, "no socket can be made: %s", strerror(errno));
    return -1;
  }
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN) {
    snprintf(why, why_bytes, "another sensor listens at %s; stop it first or choose another --socket", path);
    close(fd);
    return -1;
  }
  close(fd);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    snprintf(why, why_bytes, "no socket can be made: %s", strerror(errno));
    return -1;
  }
  struct stat is;
  if (lstat(path, &is) == 0 && S_ISSOCK(is.st_mode)) (void)unlink(path);
  mode_t before = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(before);
  if (bound != 0 || listen(fd, 4) != 0 || chown(path, owner, (gid_t)-1) != 0 || lstat(path, &is) != 0) {
    snprintf(why, why_bytes, "cannot listen at %s: %s", path, strerror(errno));
    close(fd);
    return -1;
  }
  socket_device = is.st_dev;
  socket_inode = is.st_ino;
  return fd;
}

static void drop(void) {
  if (client < 0) return;
  output_detach();
  close(client);
  client = -1;
  client_pid = 0;
  configured = false;
  gate_agent_left();
}

/* Who has taken the socket's file away gets it back: an agent that starts later must find it. */
static void watch_socket(void) {
  struct stat is;
  if (lstat(path, &is) == 0 && is.st_dev == socket_device && is.st_ino == socket_inode) return;
  char why[256];
  int fd = listen_at(why, sizeof why);
  if (fd < 0) {
    fprintf(stderr, "provost-sensor: %s\n", why);
    return;
  }
  close(listener);
  listener = fd;
  struct { struct pv_tamper tamper; char text[PV_MAX_PATH]; } record = {.tamper = {.time = now_boot(), .what = PV_T_UNLINK}};
  size_t length = strnlen(path, sizeof record.text);
  record.tamper.header = (struct pv_header){(uint32_t)(sizeof record.tamper + length), PV_TAMPER, sizeof record.tamper};
  record.tamper.path_bytes = (uint16_t)length;
  memcpy(record.text, path, length);
  (void)out_record(&record, record.tamper.header.size);
}

static void tell_second(const struct ucred *who) {
  struct pv_tamper tamper = {.header = {sizeof tamper, PV_TAMPER, sizeof tamper}, .time = now_boot(), .what = PV_T_CLIENT, .refused = 1};
  (void)process_describe((uint32_t)who->pid, &tamper.who);
  (void)out_record(&tamper, sizeof tamper);
}

static void hello(void) {
  struct { struct pv_hello hello; char text[4096]; } record = {0};
  struct utsname system;
  if (uname(&system) != 0) system.release[0] = 0;
  size_t release = strnlen(system.release, 255), missing = 0;
  memcpy(record.text, system.release, release);
  missing = sensor_describe(&record.hello, record.text + release, sizeof record.text - release);
  record.hello.header = (struct pv_header){(uint32_t)(sizeof record.hello + release + missing), PV_HELLO, sizeof record.hello};
  record.hello.version = PV_VERSION;
  record.hello.pid = (uint32_t)getpid();
  record.hello.boot_to_unix = boot_to_unix();
  record.hello.release_bytes = (uint16_t)release;
  record.hello.missing_bytes = (uint16_t)missing;
  (void)out_record(&record, record.hello.header.size);
}

static void read_client(void);

/* One that has ended is no agent: who starts again at once is not refused for it. What it said last is still taken. */
static void let_go_of_ended(void) {
  struct pollfd gone = {client, POLLIN, 0};
  for (int i = 0; i < 64 && client >= 0 && poll(&gone, 1, 0) == 1 && (gone.revents & (POLLHUP | POLLERR)) != 0; i++) read_client();
}

static void welcome(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct ucred who;
  socklen_t bytes = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0 || (who.uid != 0 && who.uid != owner)) {
    refuse(fd, "this socket is for root and for the agent's own user");
    close(fd);
    return;
  }
  let_go_of_ended();
  if (client >= 0) {
    refuse(fd, "an agent is connected already; stop it first");
    tell_second(&who);
    close(fd);
    return;
  }
  int send_buffer = SEND_BUFFER;
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  client = fd;
  client_pid = (uint32_t)who.pid;
  input_used = 0;
  output_attach(fd);
  hello();
}

static void status(void) {
  struct pv_status record = {.header = {sizeof record, PV_STATUS, sizeof record}, .time = now_boot()};
  gate_status(&record);
  output_count(&record.events, &record.delivered, &record.lost);
  (void)out_record(&record, sizeof record);
}

static void take(void *context, const struct pv_header *header) {
  (void)context;
  switch (header->type) {
    case PV_CONFIG:
      configured = true;
      gate_configure((const struct pv_config *)header, true);
      status();
      break;
    case PV_ANSWER: gate_answer((const struct pv_answer *)header, (const char *)header + header->fixed); break;
    case PV_DIGEST: gate_digest((const struct pv_digest *)header, (const char *)header + header->fixed); break;
    case PV_PATH: paths_put(((const struct pv_path *)header)->kind, (const char *)header + header->fixed, header->size - header->fixed); break;
    case PV_FORGET: gate_forget((const struct pv_forget *)header); break;
    case PV_PULSE: gate_pulse(); break;
    case PV_GUARD: sensor_guard(((const struct pv_guard *)header)->pid, (const char *)header + header->fixed); break;
    case PV_STOP: sensor_stop(((const struct pv_stop *)header)->open != 0); break;
    default: break;
  }
}

static void read_client(void) {
  static const struct input_sink sink = {NULL, take};
  ssize_t got = recv(client, input + input_used, 2 * PV_MAX_RECORD - input_used, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got <= 0) {
    drop();
    return;
  }
  input_used += (size_t)got;
  char why[200];
  long used = input_take(input, input_used, &sink, why, sizeof why);
  if (used < 0) {
    refuse(client, why);
    fprintf(stderr, "provost-sensor: the agent was disconnected: %s\n", why);
    drop();
    return;
  }
  memmove(input, input + used, input_used - (size_t)used);
  input_used -= (size_t)used;
}

static void *run(void *argument) {
  (void)argument;
  /* An asker waits for the agent's answer: who else uses the processors shall not make it wait longer. Refused in some containers. */
  struct sched_param first = {.sched_priority = 1};
  (void)pthread_setschedparam(pthread_self(), SCHED_RR, &first);
  uint64_t next_second = 0;
  bool full = false;
  while (!stopping) {
    uint64_t now = now_boot();
    if (now >= next_second) {
      next_second = now + SECOND_MS * 1000000ull;
      fold_flush();
      watch_socket();
      if (client >= 0 && configured) status();
    }
    int wait = (int)((next_second - now) / 1000000u) + 1;
    struct pollfd sources[] = {{listener, POLLIN, 0}, {output_wake(), POLLIN, 0}, {client, (short)(POLLIN | (full ? POLLOUT : 0)), 0}};
    if (poll(sources, 3, wait) < 0) continue;
    if (sources[1].revents != 0) {
      uint64_t count;
      if (read(output_wake(), &count, sizeof count) < 0) count = 0;
      /* Telemetry gathers for some milliseconds; asks were sent by who made them. */
      if (!full) poll(sources + 2, client >= 0 ? 1 : 0, TELEMETRY_DELAY_MS);
    }
    if (client >= 0 && (sources[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_client();
    if (client >= 0) {
      int flushed = output_flush();
      full = flushed == 1;
      if (flushed < 0) {
        fprintf(stderr, "provost-sensor: the agent does not read, or is gone; the connection is closed\n");
        drop();
      }
    }
    if (sources[0].revents != 0) welcome();
  }
  return NULL;
}

bool link_open(const struct options *options, char *why, size_t why_bytes) {
  path = options->socket;
  owner = options->owner;
  input = malloc(2 * PV_MAX_RECORD);
  if (input == NULL || !output_open()) {
    snprintf(why, why_bytes, "no memory for the socket's buffers");
    return false;
  }
  listener = listen_at(why, why_bytes);
  return listener >= 0 && thread_start(&thread, "link", run, NULL);
}

void link_close(void) {
  stopping = true;
  output_poke();
  pthread_join(thread, NULL);
  if (client >= 0) (void)output_flush();
  if (client >= 0) close(client);
  if (listener >= 0) close(listener);
  struct stat is;
  if (lstat(path, &is) == 0 && is.st_dev == socket_device && is.st_ino == socket_inode) (void)unlink(path);
}
