/* Two lines on the terminal of the process that was refused, before it learns of it. */
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>
#include "gate.h"

enum { KEPT = 128, RECENT = 32, SHOWN_AGAIN_S = 2, ANCESTORS = 4 };

MUTEX_INHERIT(lock)
static struct { uint32_t number; uint16_t bytes; char text[PV_MAX_NOTICE]; } kept[KEPT];
static uint32_t last_number;
static struct { uint64_t terminal, inode, at; } recent[RECENT];
static unsigned next_recent;

/* One character of UTF-8 that may be shown, its bytes; 0: it may not. Controls and what changes the direction of text are not. */
static size_t shown(const uint8_t *text, size_t left) {
  uint8_t first = text[0];
  if (first == '\n' || (first >= 0x20 && first < 0x7f)) return 1;
  size_t length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length == 0 || length > left) return 0;
  uint32_t code = first & (0xff >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3f);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff))) return 0;
  if (code < 0xa0 || (code >= 0xd800 && code < 0xe000) || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code == 0x61c || (code >= 0xfff0 && code <= 0xffff) || (code >= 0xe0000 && code <= 0xe0fff))
    return 0;
  return length;
}

size_t notice_clean(const char *text, size_t bytes, char *safe, size_t safe_bytes) {
  size_t used = 0;
  for (size_t at = 0; at < bytes;) {
    size_t length = shown((const uint8_t *)text + at, bytes - at);
    size_t put = length == 0 ? 1 : length;
    if (used + put > safe_bytes) break;
    if (length == 0) safe[used] = '?';
    else memcpy(safe + used, text + at, length);
    used += put;
    at += put;
  }
  return used;
}

uint32_t notice_keep(const char *text, size_t bytes) {
  if (bytes == 0) return NOTICE_NONE;
  pthread_mutex_lock(&lock);
  uint32_t number = ++last_number;
  if (number == NOTICE_NONE) number = ++last_number;
  kept[number % KEPT].number = number;
  kept[number % KEPT].bytes = (uint16_t)notice_clean(text, bytes, kept[number % KEPT].text, PV_MAX_NOTICE);
  pthread_mutex_unlock(&lock);
  return number;
}

static const char *because(enum pv_cause cause) {
  switch (cause) {
    case PV_C_LATE: return "it could not be checked in time; try again in a moment";
    case PV_C_OVERLOADED: return "too many programs wait to be checked; try again in a moment";
    case PV_C_UNREADABLE: return "it could not be read whole while nobody changed it; try again in a moment";
    case PV_C_AGENT_GONE: return "it never ran here before, and the Provost agent that would check it does not answer";
    case PV_C_RESTARTED: return "it never ran here before, and Provost has just started; try again in a moment";
    default: return "the policy of this device does not let it run";
  }
}

static size_t compose(uint32_t notice, const char *path, size_t path_bytes, enum pv_cause cause, char *text, size_t bytes) {
  pthread_mutex_lock(&lock);
  size_t used = 0;
  if (notice != NOTICE_NONE && kept[notice % KEPT].number == notice) {
    used = kept[notice % KEPT].bytes;
    memcpy(text, kept[notice % KEPT].text, used);
  }
  pthread_mutex_unlock(&lock);
  if (used != 0) return used;
  char safe[400];
  size_t length = notice_clean(path, path_bytes > 300 ? 300 : path_bytes, safe, sizeof safe - 1);
  for (size_t i = 0; i < length; i++)
    if (safe[i] == '\n') safe[i] = '?';
  safe[length] = 0;
  int written = snprintf(text, bytes, "Stopped: %s: %s.\n  What this device can tell of it:  provost doctor\n", safe, because(cause));
  return written > 0 && (size_t)written < bytes ? (size_t)written : 0;
}

/* Opens the terminal behind a descriptor of the process. By that link, never by the terminal's number: in a container it is another's. */
static int open_terminal(uint32_t pid, uint64_t *number) {
  static const int descriptors[] = {2, 1, 0, 255}; /* bash keeps its terminal at 255 */
  for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
    char link[48];
    snprintf(link, sizeof link, "/proc/%u/fd/%d", pid, descriptors[i]);
    struct statx is;
    if (statx(AT_FDCWD, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &is) != 0 || !S_ISCHR(is.stx_mode)) continue;
    bool pseudo = is.stx_rdev_major >= 136 && is.stx_rdev_major <= 143, console = is.stx_rdev_major == 4;
    if (!pseudo && !console) continue;
    int fd = open(link, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) continue;
    if (isatty(fd) == 1) {
      *number = (uint64_t)is.stx_ino << 20 ^ is.stx_rdev_minor;
      return fd;
    }
    close(fd);
  }
  return -1;
}

/* A loop that tries the same program again and again must not fill the person's screen. */
static bool shown_lately(uint64_t terminal, uint64_t inode) {
  uint64_t now = now_boot();
  bool is = false;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < RECENT && !is; i++)
    is = recent[i].at != 0 && recent[i].terminal == terminal && recent[i].inode == inode && now - recent[i].at < SHOWN_AGAIN_S * 1000000000ull;
  if (!is) {
    recent[next_recent].terminal = terminal;
    recent[next_recent].inode = inode;
    recent[next_recent].at = now;
    next_recent = (next_recent + 1) % RECENT;
  }
  pthread_mutex_unlock(&lock);
  return is;
}

void notice_show(uint32_t pid, uint32_t notice, const struct pv_file *file, const char *path, size_t path_bytes, enum pv_cause cause) {
  uint64_t terminal;
  int fd = open_terminal(pid, &terminal);
  /* What a program that a shell started may have no terminal of its own at these places; whoever started it may. */
  for (int up = 0; fd < 0 && up < ANCESTORS && pid > 1; up++) {
    struct pv_process process;
    if (!process_describe(pid, &process)) return;
    pid = process.parent;
    if (pid > 1) fd = open_terminal(pid, &terminal);
  }
  if (fd < 0) return;
  char text[PV_MAX_NOTICE + 512], lines[2 * sizeof text];
  size_t length = shown_lately(terminal, file->inode) ? 0 : compose(notice, path, path_bytes, cause, text, sizeof text), used = 0;
  struct termios is;
  bool raw = tcgetattr(fd, &is) != 0 || (is.c_oflag & (OPOST | ONLCR)) != (OPOST | ONLCR);
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '\n' && raw) lines[used++] = '\r'; /* nobody else adds it there */
    lines[used++] = text[i];
  }
  /* A terminal that was stopped takes nothing: the person goes without, nobody waits. */
  if (used != 0 && write(fd, lines, used) < 0) length = 0;
  close(fd);
}
