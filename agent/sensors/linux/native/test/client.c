/*
 * A small agent for tests: connects to provost-sensor, sends a configuration, answers questions from a list of digests, and prints every
 * record as one line of JSON. Lines on its standard input are sent as records: "mode block", "digest HEX allow|deny", "forget all|HEX",
 * "path KIND PATH", "guard PID|PATH", "pulse off|on", "answers off|on", "stop open|closed".
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "record.h"

enum { MOST_DIGESTS = 65536, MOST_LATER = 4096, MOST_PATHS = 64 };

static int sensor = -1;
static struct pv_config config = {.mode = PV_BLOCK, .deadline_ms = 2000, .agent_gone_ms = 3000, .deny_ms = 500, .agent_gone = PV_O_KNOWN, .restarted = PV_O_KNOWN, .late = PV_O_KNOWN, .overloaded = PV_O_KNOWN, .unreadable = PV_O_KNOWN, .unseen = PV_O_CLOSED};
static uint8_t (*digests)[32];
static size_t digest_count;
static enum { BY_LIST, ALLOW_ALL, DENY_ALL, NEVER } answers = BY_LIST;
static unsigned late_ms, remember = 1, for_ms;
static const char *notice = "";
static bool pulses = true, quiet, statuses;
static struct { uint64_t at, id; uint8_t digest[32]; } later[MOST_LATER];
static size_t later_count;

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fprintf(stderr, "sensor-client: ");
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void put(const void *bytes, size_t count) {
  for (size_t at = 0; at < count;) {
    ssize_t sent = send(sensor, (const char *)bytes + at, count - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail("the sensor has closed the connection: %s", strerror(errno));
    at += (size_t)sent;
  }
}

static void put_text(void *record, size_t fixed, uint16_t type, const char *text, size_t bytes) {
  struct pv_header header = {(uint32_t)(fixed + bytes), type, (uint16_t)fixed};
  memcpy(record, &header, sizeof header);
  put(record, fixed);
  if (bytes != 0) put(text, bytes);
}

static void put_config(void) { put_text(&config, sizeof config, PV_CONFIG, NULL, 0); }

static bool hex(const char *text, uint8_t digest[32]) {
  for (int i = 0; i < 32; i++) {
    unsigned value;
    if (!isxdigit((unsigned char)text[2 * i]) || !isxdigit((unsigned char)text[2 * i + 1]) || sscanf(text + 2 * i, "%2x", &value) != 1) return false;
    digest[i] = (uint8_t)value;
  }
  return true;
}

static void read_list(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("%s: %s", path, strerror(errno));
  for (char line[8192]; fgets(line, sizeof line, file) != NULL;) {
    if (digest_count == MOST_DIGESTS) fail("%s has more than %d lines", path, MOST_DIGESTS);
    if (strlen(line) >= 64 && hex(line, digests[digest_count])) digest_count++;
  }
  fclose(file);
}

static bool listed(const uint8_t digest[32]) {
  for (size_t i = 0; i < digest_count; i++)
    if (memcmp(digests[i], digest, 32) == 0) return true;
  return false;
}

static void put_answer(uint64_t id, const uint8_t digest[32]) {
  bool allow = answers == ALLOW_ALL || (answers == BY_LIST && listed(digest));
  size_t bytes = allow ? 0 : strlen(notice);
  struct pv_answer record = {.id = id, .allow = allow, .remember = remember, .for_ms = for_ms, .kind = 2, .notice_bytes = (uint16_t)bytes};
  put_text(&record, sizeof record, PV_ANSWER, notice, bytes);
}

/* --- printing --- */
static void text_out(const char *name, const uint8_t *bytes, size_t count) {
  printf(",\"%s\":\"", name);
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] == '"' || bytes[i] == '\\') printf("\\%c", bytes[i]);
    else if (bytes[i] < 0x20 || bytes[i] >= 0x7f) printf("\\u%04x", bytes[i]);
    else putchar(bytes[i]);
  }
  putchar('"');
}
static void number_out(const char *name, uint64_t value) { printf(",\"%s\":%llu", name, (unsigned long long)value); }
static void digest_out(const uint8_t digest[32]) {
  printf(",\"sha256\":\"");
  for (int i = 0; i < 32; i++) printf("%02x", digest[i]);
  putchar('"');
}
static void who_out(const char *name, const struct pv_process *who) {
  printf(",\"%s\":{\"pid\":%u,\"parent\":%u,\"started\":%llu,\"user\":%u,\"cgroup\":%llu", name, who->pid, who->parent, (unsigned long long)who->started, who->user, (unsigned long long)who->cgroup);
  text_out("name", (const uint8_t *)who->name, strnlen(who->name, sizeof who->name));
  putchar('}');
}
static void file_out(const char *name, const struct pv_file *file) {
  printf(",\"%s\":{\"inode\":%llu,\"ctime\":%llu,\"bytes\":%llu,\"device\":%u}", name, (unsigned long long)file->inode, (unsigned long long)file->ctime, (unsigned long long)file->bytes, file->device);
}

static const char *type_name(uint16_t type) {
  switch (type) {
    case PV_HELLO: return "hello"; case PV_STATUS: return "status"; case PV_LOST: return "lost"; case PV_TAMPER: return "tamper"; case PV_ASK: return "ask";
    case PV_GATE: return "gate"; case PV_REFUSED: return "refused"; case PV_EXEC: return "exec"; case PV_FORK: return "fork"; case PV_EXIT: return "exit";
    case PV_CONNECT: return "connect"; case PV_LISTEN: return "listen"; case PV_MODULE: return "module"; case PV_PTRACE: return "ptrace"; case PV_MEMFD: return "memfd";
    case PV_BPF: return "bpf"; case PV_MOUNT: return "mount"; case PV_FILE: return "file"; case PV_CREDENTIALS: return "credentials"; default: return "unknown";
  }
}
static const char *cause_name(uint32_t cause) {
  static const char *const names[] = {"answer", "remembered", "digest", "core", "late", "overloaded", "unreadable", "agent-gone", "restarted", "unseen", "changed"};
  return cause < sizeof names / sizeof *names ? names[cause] : "other";
}
static const char *access_name(uint32_t access) {
  static const char *const names[] = {"none", "exec", "library", "script", "input"};
  return access < sizeof names / sizeof *names ? names[access] : "other";
}

static void print_status(const struct pv_status *is) {
  number_out("mode", is->mode); number_out("tier", is->tier); number_out("asked", is->asked); number_out("hits", is->hits); number_out("hashed", is->hashed);
  number_out("hashedBytes", is->hashed_bytes); number_out("agentAsked", is->agent_asked); number_out("allowed", is->allowed); number_out("denied", is->denied);
  number_out("late", is->late); number_out("overloaded", is->overloaded); number_out("unreadable", is->unreadable); number_out("agentGone", is->agent_gone);
  number_out("killed", is->killed); number_out("events", is->events); number_out("delivered", is->delivered); number_out("lost", is->lost);
  number_out("remembered", is->remembered); number_out("marked", is->marked); number_out("slowestNs", is->slowest_ns);
}

/* The fields after the fixed part; `at` moves over each text. */
static const uint8_t *text_part(const char *name, const uint8_t *at, size_t count) {
  text_out(name, at, count);
  return at + count;
}

static void print_record(const struct pv_header *header) {
  const uint8_t *at = (const uint8_t *)header + header->fixed;
  printf("{\"type\":\"%s\"", type_name(header->type));
  switch (header->type) {
    case PV_HELLO: {
      const struct pv_hello *is = (const void *)header;
      number_out("version", is->version); number_out("tier", is->tier); number_out("parts", is->parts); number_out("pid", is->pid); number_out("remembered", is->remembered);
      at = text_part("release", at, is->release_bytes);
      text_part("missing", at, is->missing_bytes);
      break;
    }
    case PV_STATUS: print_status((const void *)header); break;
    case PV_LOST: { const struct pv_lost *is = (const void *)header; number_out("count", is->count); number_out("kind", is->kind); number_out("where", is->where); break; }
    case PV_TAMPER: {
      const struct pv_tamper *is = (const void *)header;
      who_out("who", &is->who);
      number_out("what", is->what); number_out("detail", is->detail); number_out("target", is->target); number_out("refused", is->refused);
      text_part("path", at, is->path_bytes);
      break;
    }
    case PV_ASK: {
      const struct pv_ask *is = (const void *)header;
      number_out("id", is->id);
      printf(",\"access\":\"%s\"", access_name(is->access));
      number_out("flags", is->flags);
      digest_out(is->digest);
      file_out("file", &is->file);
      who_out("who", &is->who);
      if (is->writer_file.inode != 0 || is->writer.pid != 0) who_out("writer", &is->writer);
      at = text_part("path", at, is->path_bytes);
      at = text_part("executable", at, is->executable_bytes);
      text_part("writerPath", at, is->writer_bytes);
      break;
    }
    case PV_GATE: {
      const struct pv_gate *is = (const void *)header;
      printf(",\"access\":\"%s\",\"cause\":\"%s\",\"allowed\":%s", access_name(is->access), cause_name(is->cause), is->allowed == 1 ? "true" : "false");
      number_out("flags", is->flags); number_out("count", is->count);
      digest_out(is->digest);
      file_out("file", &is->file);
      who_out("who", &is->who);
      at = text_part("path", at, is->path_bytes);
      text_part("executable", at, is->executable_bytes);
      break;
    }
    case PV_REFUSED: text_part("why", at, ((const struct pv_refused *)header)->why_bytes); break;
    case PV_EXEC: {
      const struct pv_exec *is = (const void *)header;
      who_out("who", &is->event.who);
      file_out("file", &is->file);
      at = text_part("path", at, is->path_bytes);
      at = text_part("script", at, is->script_bytes);
      at = text_part("directory", at, is->directory_bytes);
      at = text_part("arguments", at, is->arguments_bytes);
      text_part("group", at, is->group_bytes);
      break;
    }
    case PV_FILE: {
      const struct pv_change_event *is = (const void *)header;
      who_out("who", &is->event.who);
      number_out("change", is->change);
      at = text_part("path", at, is->path_bytes);
      text_part("old", at, is->old_bytes);
      break;
    }
    case PV_PTRACE: case PV_CREDENTIALS: {
      const struct pv_reach *is = (const void *)header;
      who_out("who", &is->event.who);
      number_out("target", is->target); number_out("request", is->request);
      break;
    }
    case PV_MEMFD: { const struct pv_memfd *is = (const void *)header; who_out("who", &is->event.who); text_part("name", at, is->name_bytes); break; }
    case PV_MOUNT: { const struct pv_mount *is = (const void *)header; who_out("who", &is->event.who); number_out("kind", is->kind); text_part("path", at, is->path_bytes); break; }
    default:
      number_out("number", header->type);
      if (header->type >= PV_EXEC && header->type < PV_CONFIG && header->fixed >= sizeof(struct pv_event)) who_out("who", &((const struct pv_event *)header)->who);
  }
  puts("}");
}

static void take_record(const struct pv_header *header) {
  if (!quiet && (header->type != PV_STATUS || statuses)) print_record(header);
  if (header->type != PV_ASK || answers == NEVER) return;
  const struct pv_ask *ask = (const void *)header;
  if (late_ms == 0) {
    put_answer(ask->id, ask->digest);
    return;
  }
  if (later_count == MOST_LATER) fail("more than %d answers wait", MOST_LATER);
  later[later_count].at = now_ms() + late_ms;
  later[later_count].id = ask->id;
  memcpy(later[later_count++].digest, ask->digest, 32);
}

static void read_sensor(void) {
  static _Alignas(8) uint8_t bytes[4 * PV_MAX_RECORD];
  static size_t used;
  ssize_t got = recv(sensor, bytes + used, sizeof bytes - used, 0);
  if (got <= 0) {
    puts("{\"type\":\"closed\"}");
    exit(3);
  }
  used += (size_t)got;
  size_t at = 0;
  while (used - at >= sizeof(struct pv_header)) {
    static _Alignas(8) uint8_t record[PV_MAX_RECORD + 1];
    struct pv_header header;
    memcpy(&header, bytes + at, sizeof header);
    if (header.size < sizeof header || header.size > PV_MAX_RECORD) fail("the sensor sent a record of %u bytes", header.size);
    if (used - at < header.size) break;
    memcpy(record, bytes + at, header.size);
    take_record((const void *)record);
    at += header.size;
  }
  memmove(bytes, bytes + at, used - at);
  used -= at;
}

/* --- commands on standard input --- */
static int mode_from(const char *text) {
  static const char *const names[] = {"off", "record", "warn", "hold", "block"};
  for (int i = 0; i < 5; i++)
    if (strcmp(names[i], text) == 0) return i;
  fail("a mode is off, record, warn, hold or block, not %s", text);
}

static void command(char *line) {
  char *save = NULL, *word = strtok_r(line, " \n", &save), *first = strtok_r(NULL, " \n", &save), *second = strtok_r(NULL, "\n", &save);
  if (word == NULL) return;
  if (strcmp(word, "mode") == 0 && first != NULL) {
    config.mode = (uint32_t)mode_from(first);
    put_config();
  } else if (strcmp(word, "digest") == 0 && second != NULL) {
    struct pv_digest record = {.allow = strcmp(second, "allow") == 0, .kind = 2};
    if (!hex(first, record.digest)) fail("%s is no digest", first);
    put_text(&record, sizeof record, PV_DIGEST, NULL, 0);
  } else if (strcmp(word, "forget") == 0 && first != NULL) {
    struct pv_forget record = {.all = strcmp(first, "all") == 0};
    if (record.all == 0 && !hex(first, record.digest)) fail("%s is no digest", first);
    put_text(&record, sizeof record, PV_FORGET, NULL, 0);
  } else if (strcmp(word, "path") == 0 && second != NULL) {
    struct pv_path record = {.kind = (uint32_t)atoi(first), .path_bytes = (uint16_t)strlen(second)};
    put_text(&record, sizeof record, PV_PATH, second, strlen(second));
  } else if (strcmp(word, "guard") == 0 && first != NULL) {
    bool is_path = first[0] == '/';
    struct pv_guard record = {.pid = is_path ? 0 : (uint32_t)atoi(first), .path_bytes = (uint16_t)(is_path ? strlen(first) : 0)};
    put_text(&record, sizeof record, PV_GUARD, first, record.path_bytes);
  } else if (strcmp(word, "pulse") == 0 && first != NULL) {
    pulses = strcmp(first, "on") == 0;
  } else if (strcmp(word, "answers") == 0 && first != NULL) {
    answers = strcmp(first, "on") == 0 ? BY_LIST : NEVER;
  } else if (strcmp(word, "stop") == 0) {
    struct pv_stop record = {.open = first != NULL && strcmp(first, "open") == 0};
    put_text(&record, sizeof record, PV_STOP, NULL, 0);
  } else {
    fail("%s is not understood", word);
  }
  puts("{\"type\":\"sent\"}");
}

static void connect_sensor(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("%s is too long", path);
  strcpy(address.sun_path, path);
  sensor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (int try = 0; connect(sensor, (struct sockaddr *)&address, sizeof address) != 0; try++) {
    if (try == 100) fail("%s: %s", path, strerror(errno));
    usleep(50000);
  }
}

static void set_outcome(const char *text) {
  static const struct { const char *name; uint8_t *place; } places[] = {
    {"late", &config.late}, {"overloaded", &config.overloaded}, {"unreadable", &config.unreadable},
    {"agent-gone", &config.agent_gone}, {"restarted", &config.restarted}, {"unseen", &config.unseen}};
  const char *value = strchr(text, '=');
  for (size_t i = 0; value != NULL && i < sizeof places / sizeof *places; i++) {
    if (strncmp(places[i].name, text, (size_t)(value - text)) != 0 || strlen(places[i].name) != (size_t)(value - text)) continue;
    *places[i].place = strcmp(value + 1, "open") == 0 ? PV_O_OPEN : strcmp(value + 1, "known") == 0 ? PV_O_KNOWN : PV_O_CLOSED;
    return;
  }
  fail("--outcome is CAUSE=open, CAUSE=known or CAUSE=closed, not %s", text);
}

static const char usage[] =
  "sensor-client --socket PATH [--mode off|record|warn|hold|block] [--allow FILE] [--answer list|allow|deny|never] [--late MS] [--remember 0|1|2]\n"
  "  [--answer-for MS] [--notice TEXT] [--deadline MS] [--agent-gone MS] [--deny MS] [--outcome CAUSE=open|known|closed] [--libraries] [--scripts]\n"
  "  [--syscalls] [--events] [--files] [--core PATH] [--package-manager PATH] [--ran PATH] [--interpreter PATH] [--guard PID] [--no-pulse] [--statuses] [--quiet] [--for SECONDS]\n"
  "--allow takes digests in hexadecimal, one a line, as sha256sum prints them. Ends 0 after --for, 3 when the sensor closes.\n";

int main(int count, char **arguments) {
  static const struct option known[] = {
    {"socket", 1, NULL, 's'}, {"mode", 1, NULL, 'm'}, {"allow", 1, NULL, 'a'}, {"answer", 1, NULL, 'A'}, {"late", 1, NULL, 'l'}, {"remember", 1, NULL, 'r'},
    {"answer-for", 1, NULL, 'R'}, {"notice", 1, NULL, 'n'}, {"deadline", 1, NULL, 'd'}, {"agent-gone", 1, NULL, 'g'}, {"deny", 1, NULL, 'D'}, {"outcome", 1, NULL, 'o'},
    {"libraries", 0, NULL, 'L'}, {"scripts", 0, NULL, 'S'}, {"syscalls", 0, NULL, 'Y'}, {"events", 0, NULL, 'E'}, {"files", 0, NULL, 'F'}, {"core", 1, NULL, '1'},
    {"ran", 1, NULL, '5'}, {"interpreter", 1, NULL, '6'}, {"package-manager", 1, NULL, '9'}, {"guard", 1, NULL, 'G'}, {"no-pulse", 0, NULL, 'p'}, {"statuses", 0, NULL, 'T'}, {"quiet", 0, NULL, 'q'}, {"for", 1, NULL, 'f'}, {0}};
  const char *path = NULL;
  struct { uint32_t kind; const char *path; } paths[MOST_PATHS];
  size_t path_count = 0;
  uint32_t guard = 0;
  uint64_t end = 0;
  digests = calloc(MOST_DIGESTS, sizeof *digests);
  if (digests == NULL) fail("no memory");
  setvbuf(stdin, NULL, _IONBF, 0); /* poll must see every line */
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    switch (option) {
      case 's': path = optarg; break;
      case 'm': config.mode = (uint32_t)mode_from(optarg); break;
      case 'a': read_list(optarg); break;
      case 'A': answers = strcmp(optarg, "allow") == 0 ? ALLOW_ALL : strcmp(optarg, "deny") == 0 ? DENY_ALL : strcmp(optarg, "never") == 0 ? NEVER : BY_LIST; break;
      case 'l': late_ms = (unsigned)atoi(optarg); break;
      case 'r': remember = (unsigned)atoi(optarg); break;
      case 'R': for_ms = (unsigned)atoi(optarg); break;
      case 'n': notice = optarg; break;
      case 'd': config.deadline_ms = (uint32_t)atoi(optarg); break;
      case 'g': config.agent_gone_ms = (uint32_t)atoi(optarg); break;
      case 'D': config.deny_ms = (uint32_t)atoi(optarg); break;
      case 'o': set_outcome(optarg); break;
      case 'L': config.libraries = 1; break;
      case 'S': config.scripts = 1; break;
      case 'Y': config.syscalls = 1; break;
      case 'E': config.events = 1; break;
      case 'F': config.files = 1; break;
      case '1': case '5': case '6': case '9':
        if (path_count == MOST_PATHS) fail("more than %d paths", MOST_PATHS);
        paths[path_count].kind = (uint32_t)(option - '0');
        paths[path_count++].path = optarg;
        break;
      case 'G': guard = (uint32_t)atoi(optarg); break;
      case 'p': pulses = false; break;
      case 'T': statuses = true; break;
      case 'q': quiet = true; break;
      case 'f': end = now_ms() + (uint64_t)(atof(optarg) * 1000); break;
      default: fputs(usage, stderr); return 2;
    }
  }
  if (path == NULL || optind < count) {
    fputs(usage, stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  connect_sensor(path);
  for (size_t i = 0; i < path_count; i++) {
    struct pv_path record = {.kind = paths[i].kind, .path_bytes = (uint16_t)strlen(paths[i].path)};
    put_text(&record, sizeof record, PV_PATH, paths[i].path, record.path_bytes);
  }
  if (guard != 0) {
    struct pv_guard record = {.pid = guard};
    put_text(&record, sizeof record, PV_GUARD, NULL, 0);
  }
  put_config();
  bool input = true;
  for (uint64_t next_pulse = 0; end == 0 || now_ms() < end;) {
    uint64_t now = now_ms();
    if (now >= next_pulse) {
      next_pulse = now + 1000;
      struct pv_pulse pulse = {.time = now * 1000000};
      if (pulses) put_text(&pulse, sizeof pulse, PV_PULSE, NULL, 0);
    }
    uint64_t until = next_pulse;
    for (size_t i = 0; i < later_count; i++) {
      if (later[i].at <= now) {
        put_answer(later[i].id, later[i].digest);
        later[i--] = later[--later_count];
      } else if (later[i].at < until) {
        until = later[i].at;
      }
    }
    if (end != 0 && end < until) until = end;
    struct pollfd sources[] = {{sensor, POLLIN, 0}, {input ? 0 : -1, POLLIN, 0}};
    if (poll(sources, 2, until > now ? (int)(until - now) : 0) < 0) continue;
    if (sources[0].revents != 0) read_sensor();
    if (sources[1].revents != 0) {
      char line[PV_MAX_PATH + 64];
      if (fgets(line, sizeof line, stdin) != NULL) command(line);
      else input = false;
    }
  }
  return 0;
}
