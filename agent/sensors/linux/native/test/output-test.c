/* The lanes: nothing of the urgent one is dropped while the agent reads, losses of the other are told exactly. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "gate.h"

static int ours, theirs;
static uint64_t asks, events, losses, last_ask;
static bool in_order = true;

static void open_pair(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) abort();
  ours = pair[0];
  theirs = pair[1];
  asks = events = losses = last_ask = 0;
  output_attach(ours);
}
static void close_pair(void) {
  output_detach();
  close(ours);
  close(theirs);
}

static void count_record(const struct pv_header *header) {
  if (header->type == PV_ASK) {
    uint64_t id = ((const struct pv_ask *)header)->id;
    in_order = in_order && id == last_ask + 1;
    last_ask = id;
    asks++;
  } else if (header->type == PV_LOST) {
    losses += ((const struct pv_lost *)header)->count;
  } else if (header->type == PV_FORK) {
    events++;
  } else {
    CHECK(!"a record that nobody sent");
  }
}

static void drain(void) {
  static _Alignas(8) uint8_t bytes[3 * PV_MAX_RECORD];
  size_t used = 0;
  for (;;) {
    int flushed = output_flush();
    ssize_t got = recv(theirs, bytes + used, sizeof bytes - used, MSG_DONTWAIT);
    if (got <= 0 && flushed == 0) break;
    if (got > 0) used += (size_t)got;
    size_t at = 0;
    while (used - at >= sizeof(struct pv_header)) {
      struct pv_header header;
      memcpy(&header, bytes + at, sizeof header);
      if (header.size < sizeof header || header.size > PV_MAX_RECORD) abort();
      if (used - at < header.size) break;
      _Alignas(8) static uint8_t record[PV_MAX_RECORD];
      memcpy(record, bytes + at, header.size);
      count_record((const void *)record);
      at += header.size;
    }
    memmove(bytes, bytes + at, used - at);
    used -= at;
  }
  CHECK(used == 0);
}

static bool put_ask(uint64_t id) {
  struct { struct pv_ask ask; char text[100]; } record = {.ask = {.id = id}};
  record.ask.header = (struct pv_header){sizeof record.ask + 100, PV_ASK, sizeof record.ask};
  return out_record(&record, record.ask.header.size);
}
static bool put_event(void) {
  struct pv_fork fork = {.event = {.header = {sizeof fork, PV_FORK, sizeof fork}}};
  return out_event(&fork, sizeof fork);
}

static void nobody_there(void) {
  CHECK(!out_connected());
  CHECK(!put_ask(1));
  uint64_t made, delivered, lost;
  CHECK(!put_event());
  output_count(&made, &delivered, &lost);
  CHECK(made == 1 && delivered == 0 && lost == 1);
  /* The loss is told to the next agent. */
  open_pair();
  drain();
  CHECK(losses == 1 && events == 0);
  close_pair();
}

static void mixed(void) {
  open_pair();
  uint64_t accepted = 0;
  for (uint64_t id = 1; id <= 4000; id++) {
    CHECK(put_ask(id));
    for (int i = 0; i < 30; i++) accepted += put_event();
    if (id % 7 == 0) drain();
  }
  drain();
  CHECK(asks == 4000 && in_order);
  CHECK(events == accepted && events + losses == 4000 * 30);
  close_pair();
}

/* An agent that never reads: telemetry is bounded and counted, and in the end it is taken for gone. */
static void never_reads(void) {
  open_pair();
  uint64_t accepted = 0, refused = 0;
  for (int i = 0; i < 200000; i++) {
    if (put_event()) accepted++;
    else refused++;
  }
  CHECK(accepted * sizeof(struct pv_fork) <= (4u << 20) && refused != 0);
  uint64_t id = 0;
  while (put_ask(id + 1) && id < 100000) id++;
  CHECK(id * (sizeof(struct pv_ask) + 100) < (3u << 20));
  CHECK(output_flush() == -1);
  CHECK(!out_connected());
  uint64_t made, delivered, lost;
  output_detach();
  output_count(&made, &delivered, &lost);
  CHECK(made == delivered + lost);
  close(ours);
  close(theirs);
}

void test_output(void) {
  CHECK(output_open());
  nobody_there();
  mixed();
  never_reads();
}
