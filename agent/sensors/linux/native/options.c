/* The command line. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "gate.h"

static const char usage[] =
  "provost-sensor: asks before programs run, and tells what ran.\n"
  "\n"
  "  --socket PATH         where the agent connects (/run/provost/sensor.sock)\n"
  "  --state FOLDER        where answers are kept over a restart (/var/lib/provost/sensor)\n"
  "  --pins FOLDER         a folder on a bpffs: what enforces in the kernel outlives this process\n"
  "  --owner USER          who besides root may connect\n"
  "  --tier A|B|C|P        no higher tier is tried\n"
  "  --scope FOLDER        only file systems mounted at or below it are watched (may be given 16 times)\n"
  "  --scope-cgroup FOLDER only processes in this cgroup (version 2) are ever refused\n"
  "  --version             the version of the records it speaks\n"
  "\n"
  "For tests: --fault-no-btf, --fault-no-bpffs, --fault-refuse NAME,NAME\n";

static void wrong(const char *format, const char *value) __attribute__((noreturn, format(printf, 1, 0)));
static void wrong(const char *format, const char *value) {
  fprintf(stderr, "provost-sensor: ");
  fprintf(stderr, format, value);
  fprintf(stderr, "; `provost-sensor --help` lists what there is\n");
  exit(2);
}

static int tier_from(const char *text) {
  static const char letters[] = "PCBA";
  const char *at = strlen(text) == 1 ? strchr(letters, text[0]) : NULL;
  if (at == NULL) wrong("--tier is A, B, C or P, not %s", text);
  return (int)(at - letters);
}

static uid_t user_from(const char *text) {
  if (*text < '0' || *text > '9') {
    const struct passwd *user = getpwnam(text);
    if (user == NULL) wrong("--owner: there is no user %s", text);
    return user->pw_uid;
  }
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || *text < '0' || *text > '9' || *end != 0 || value >= UINT_MAX) wrong("--owner is a user's name or number, not %s", text);
  return (uid_t)value;
}

/* Paths are kept as the kernel writes them, so that they compare with mount tables. */
static const char *real_folder(const char *text, const char *option) {
  char *real = realpath(text, NULL);
  if (real == NULL) {
    fprintf(stderr, "provost-sensor: %s %s: %s; make it first\n", option, text, strerror(errno));
    exit(2);
  }
  return real;
}

void options_read(struct options *options, int count, char **arguments) {
  enum { SOCKET = 256, STATE, PINS, OWNER, TIER, SCOPE, CGROUP, NO_BTF, NO_BPFFS, REFUSE, HELP, VERSION };
  static const struct option known[] = {
    {"socket", required_argument, NULL, SOCKET}, {"state", required_argument, NULL, STATE}, {"pins", required_argument, NULL, PINS},
    {"owner", required_argument, NULL, OWNER}, {"tier", required_argument, NULL, TIER}, {"scope", required_argument, NULL, SCOPE},
    {"scope-cgroup", required_argument, NULL, CGROUP}, {"fault-no-btf", no_argument, NULL, NO_BTF}, {"fault-no-bpffs", no_argument, NULL, NO_BPFFS},
    {"fault-refuse", required_argument, NULL, REFUSE}, {"help", no_argument, NULL, HELP}, {"version", no_argument, NULL, VERSION}, {0},
  };
  *options = (struct options){.socket = "/run/provost/sensor.sock", .state = "/var/lib/provost/sensor", .highest = PV_TIER_A};
  opterr = 0;
  for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    switch (option) {
      case SOCKET: options->socket = optarg; break;
      case STATE: options->state = optarg; break;
      case PINS: options->pins = optarg; break;
      case OWNER: options->owner = user_from(optarg); break;
      case TIER: options->highest = tier_from(optarg); break;
      case SCOPE:
        if (options->scope_count == sizeof options->scopes / sizeof *options->scopes) wrong("--scope may be given 16 times%s", "");
        options->scopes[options->scope_count++] = real_folder(optarg, "--scope");
        break;
      case CGROUP: options->scope_cgroup = real_folder(optarg, "--scope-cgroup"); break;
      case NO_BTF: options->fault_no_btf = true; break;
      case NO_BPFFS: options->fault_no_bpffs = true; break;
      case REFUSE: options->fault_refuse = optarg; break;
      case HELP: fputs(usage, stdout); exit(0);
      case VERSION: printf("provost-sensor, records version %u\n", PV_VERSION); exit(0);
      default: wrong("%s is no option, or its value is missing", arguments[optind - 1]);
    }
  }
  if (optind < count) wrong("%s is not understood", arguments[optind]);
}
