/*
 * counting-agent SOCKET [NAME=VALUE]... [DIGEST]...: stands in for the agent where the sensor alone is measured. Sends one PV_CONFIG, a pulse every
 * half second, answers every question with yes (where digests are given: only for these), and counts. Prints the sensor's hello as one line of JSON, and at SIGTERM its counts.
 * Names: mode, events, files, libraries, scripts, syscalls, deadline, gone, open (1: the gate stays open at the end), remember,
 * drain (milliseconds that it reads on after SIGTERM).
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "../../../agent/sensors/linux/native/record.h"
#include "place.h"

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "records are little-endian; this stand-in does not turn them round"
#endif

#define TYPES 128
#define PROCESSORS 256

/* What it says yes to; none: everything. */
static uint8_t allowed[64][32];
static size_t allowed_count;

struct counts {
  uint64_t records[TYPES];
  uint64_t bytes, lost, gaps, denied_unasked, reads;
  uint64_t next[PROCESSORS];
  bool seen[PROCESSORS];
  bool ready;
  struct pv_status status;
  struct pv_hello hello;
};

static volatile sig_atomic_t ending;
static void end(int signal) {
  (void)signal;
  ending = 1;
}

static void send_all(int fd, const void *data, size_t bytes) {
  for (size_t sent = 0; sent < bytes;) {
    ssize_t now = send(fd, (const char *)data + sent, bytes - sent, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) fail("the sensor's socket");
    sent += (size_t)now;
  }
}

static void head(struct pv_header *header, enum pv_type type, size_t bytes) {
  *header = (struct pv_header){.size = (uint32_t)bytes, .type = (uint16_t)type, .fixed = (uint16_t)bytes};
}

static int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  for (int tries = 0; connect(fd, (const struct sockaddr *)&address, sizeof address) != 0; tries++) {
    if (tries == 500) fail(path);
    usleep(10000);
  }
  return fd;
}

/* What a shorter, older record does not have counts as 0. */
static void copy_fixed(void *target, size_t bytes, const struct pv_header *record) {
  memset(target, 0, bytes);
  memcpy(target, record, record->fixed < bytes ? record->fixed : bytes);
}

static bool is_allowed(const uint8_t digest[32]) {
  for (size_t at = 0; at < allowed_count; at++)
    if (memcmp(allowed[at], digest, 32) == 0) return true;
  return allowed_count == 0;
}

/* Hexadecimal, 64 digits; false: something else. */
static bool read_digest(const char *text, uint8_t digest[32]) {
  if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64) return false;
  for (size_t at = 0; at < 32; at++) {
    unsigned byte = 0;
    if (sscanf(text + 2 * at, "%2x", &byte) != 1) return false;
    digest[at] = (uint8_t)byte;
  }
  return true;
}

static void count_event(struct counts *counts, const struct pv_header *record) {
  struct pv_event event;
  copy_fixed(&event, sizeof event, record);
  if (event.cpu >= PROCESSORS) return;
  if (counts->seen[event.cpu] && event.sequence > counts->next[event.cpu]) counts->gaps += event.sequence - counts->next[event.cpu];
  counts->seen[event.cpu] = true;
  counts->next[event.cpu] = event.sequence + 1;
}

/* Said when the first status has come: then the configuration is in force. */
static char hello_record[PV_MAX_RECORD] __attribute__((aligned(8)));
static void say_hello(struct counts *counts, const struct pv_header *record) {
  struct pv_hello *hello = &counts->hello;
  copy_fixed(hello, sizeof *hello, record);
  const char *text = (const char *)record + record->fixed;
  size_t there = record->size - record->fixed;
  size_t missing = hello->release_bytes + (size_t)hello->missing_bytes <= there ? hello->missing_bytes : 0;
  printf("{\"pid\":%u,\"tier\":%u,\"parts\":%u,\"missing\":\"", hello->pid, hello->tier, hello->parts);
  for (size_t at = 0; at < missing; at++) {
    char letter = text[hello->release_bytes + at];
    putchar(letter < ' ' || letter == '"' || letter == '\\' ? ' ' : letter);
  }
  printf("\"}\n");
  if (fflush(stdout) != 0) exit(2);
}

static void take(int fd, struct counts *counts, const struct pv_header *record, uint32_t remember) {
  counts->bytes += record->size;
  if (record->type < TYPES) counts->records[record->type]++;
  if (record->type >= PV_EXEC && record->type < PV_CONFIG) count_event(counts, record);
  if (record->type == PV_HELLO) {
    memcpy(hello_record, record, record->size);
  } else if (record->type == PV_STATUS) {
    if (!counts->ready && hello_record[0] != 0) say_hello(counts, (const struct pv_header *)hello_record);
    counts->ready = true;
    uint64_t slowest = counts->status.slowest_ns;
    copy_fixed(&counts->status, sizeof counts->status, record);
    if (slowest > counts->status.slowest_ns) counts->status.slowest_ns = slowest;
  } else if (record->type == PV_LOST) {
    struct pv_lost lost;
    copy_fixed(&lost, sizeof lost, record);
    counts->lost += lost.count;
  } else if (record->type == PV_GATE) {
    struct pv_gate gate;
    copy_fixed(&gate, sizeof gate, record);
    if (!gate.allowed) counts->denied_unasked += gate.count > 0 ? gate.count : 1;
  } else if (record->type == PV_ASK) {
    struct pv_ask ask;
    copy_fixed(&ask, sizeof ask, record);
    struct pv_answer answer = {.id = ask.id, .allow = is_allowed(ask.digest), .remember = remember, .kind = 2};
    head(&answer.header, PV_ANSWER, sizeof answer);
    send_all(fd, &answer, sizeof answer);
  } else if (record->type == PV_REFUSED) {
    fprintf(stderr, "counting-agent: refused: %.*s\n", (int)(record->size - record->fixed), (const char *)record + record->fixed);
    exit(3);
  }
}

static char buffer[1 << 20] __attribute__((aligned(8)));

/* What is whole in the buffer; the rest moves to its front. Records are of multiples of no size: copied before they are read. */
static size_t take_all(int fd, struct counts *counts, size_t filled, uint32_t remember) {
  static char record[PV_MAX_RECORD] __attribute__((aligned(8)));
  size_t at = 0;
  while (filled - at >= sizeof(struct pv_header)) {
    struct pv_header header;
    memcpy(&header, buffer + at, sizeof header);
    if (header.size < sizeof header || header.size > PV_MAX_RECORD || header.fixed > header.size || header.fixed < sizeof header) {
      fprintf(stderr, "counting-agent: a record of %u bytes, %u fixed\n", header.size, header.fixed);
      exit(3);
    }
    if (filled - at < header.size) break;
    memcpy(record, buffer + at, header.size);
    take(fd, counts, (const struct pv_header *)record, remember);
    at += header.size;
  }
  memmove(buffer, buffer + at, filled - at);
  return filled - at;
}

static void report(const struct counts *counts) {
  const struct pv_status *status = &counts->status;
  printf("{\"bytes\":%lu,\"reads\":%lu,\"lost\":%lu,\"gaps\":%lu,\"stoppedUnasked\":%lu,\"records\":{", counts->bytes, counts->reads, counts->lost,
         counts->gaps, counts->denied_unasked);
  const char *between = "";
  for (int type = 0; type < TYPES; type++)
    if (counts->records[type] > 0) {
      printf("%s\"%d\":%lu", between, type, counts->records[type]);
      between = ",";
    }
  printf("},\"status\":{\"asked\":%lu,\"hits\":%lu,\"hashed\":%lu,\"agentAsked\":%lu,\"allowed\":%lu,\"denied\":%lu,\"late\":%lu,"
         "\"overloaded\":%lu,\"unreadable\":%lu,\"agentGone\":%lu,\"killed\":%lu,\"events\":%lu,\"delivered\":%lu,\"lost\":%lu,"
         "\"remembered\":%lu,\"slowestUs\":%.1f}}\n",
         status->asked, status->hits, status->hashed, status->agent_asked, status->allowed, status->denied, status->late, status->overloaded,
         status->unreadable, status->agent_gone, status->killed, status->events, status->delivered, status->lost, status->remembered,
         (double)status->slowest_ns / 1e3);
  if (fflush(stdout) != 0) exit(2);
}

static long setting(int argc, char **argv, const char *name, long otherwise) {
  size_t bytes = strlen(name);
  for (int at = 2; at < argc; at++)
    if (strncmp(argv[at], name, bytes) == 0 && argv[at][bytes] == '=') return number(argv[at] + bytes + 1, name);
  return otherwise;
}

static void pulse(int fd) {
  struct pv_pulse pulse = {.time = 0};
  head(&pulse.header, PV_PULSE, sizeof pulse);
  send_all(fd, &pulse, sizeof pulse);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct sigaction action = {.sa_handler = end};
  if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) fail("sigaction");
  for (int at = 2; at < argc; at++)
    if (allowed_count < 64 && read_digest(argv[at], allowed[allowed_count])) allowed_count++;
  int fd = dial(argv[1]);
  struct pv_config config = {
    .mode = (uint32_t)setting(argc, argv, "mode", PV_BLOCK), .libraries = (uint32_t)setting(argc, argv, "libraries", 0),
    .scripts = (uint32_t)setting(argc, argv, "scripts", 0), .syscalls = (uint32_t)setting(argc, argv, "syscalls", 0),
    .deadline_ms = (uint32_t)setting(argc, argv, "deadline", 1000), .agent_gone_ms = (uint32_t)setting(argc, argv, "gone", 5000),
    .deny_ms = 1000, .late = PV_O_KNOWN, .overloaded = PV_O_KNOWN, .unreadable = PV_O_KNOWN, .agent_gone = PV_O_KNOWN,
    .restarted = PV_O_KNOWN, .unseen = (uint8_t)setting(argc, argv, "unseen", PV_O_KNOWN), .files = (uint8_t)setting(argc, argv, "files", 0),
    .events = (uint8_t)setting(argc, argv, "events", 0),
  };
  head(&config.header, PV_CONFIG, sizeof config);
  send_all(fd, &config, sizeof config);
  uint32_t remember = (uint32_t)setting(argc, argv, "remember", 1);
  static struct counts counts;
  long drain = setting(argc, argv, "drain", 100) * 1000000L, next = 0, last = 0;
  size_t filled = 0;
  /* At the end it reads on for a while: what was made before the signal is still on its way. */
  while (!ending || last == 0 || now_ns() < last) {
    if (ending && last == 0) last = now_ns() + drain;
    if (now_ns() >= next) {
      pulse(fd);
      next = now_ns() + 500000000L;
    }
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready = poll(&waiting, 1, 100);
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready <= 0) continue;
    ssize_t bytes = recv(fd, buffer + filled, sizeof buffer - filled, 0);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail("recv");
    if (bytes == 0) break;
    counts.reads++;
    filled = take_all(fd, &counts, filled + (size_t)bytes, remember);
  }
  struct pv_stop stop = {.open = (uint32_t)setting(argc, argv, "open", 0)};
  head(&stop.header, PV_STOP, sizeof stop);
  if (stop.open != 0) send_all(fd, &stop, sizeof stop);
  report(&counts);
  return 0;
}
