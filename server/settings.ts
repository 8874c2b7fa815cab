import { readFileSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { readSettings } from "@provost/shared/lib/settings.ts";
import type { Setting, SettingsRead } from "@provost/shared/lib/settings.ts";
import { checkConfig } from "./config.ts";
import type { ServerConfig } from "./config.ts";

/** Everything an owner of a server may set, and docs/operate/settings.md's second table. */
export const serverSettings: readonly Setting[] = [
  {
    name: "state",
    variable: "PROVOST_SERVER_STATE",
    kind: "text",
    what: "the data folder, absolute",
    otherwise: "/var/lib/provost-server",
  },
  {
    name: "host",
    variable: "PROVOST_HOST",
    kind: "text",
    what: "the address to listen on; another than loopback only with TLS",
    otherwise: "127.0.0.1",
  },
  { name: "port", variable: "PROVOST_PORT", kind: "text", what: "the port", otherwise: "4680" },
  { name: "port-tries", variable: "PROVOST_PORT_TRIES", kind: "text", what: "how many ports to try", otherwise: "1" },
  {
    name: "names",
    variable: "PROVOST_NAMES",
    kind: "words",
    what: "names that people and devices reach it under; the first stands in links",
    otherwise: "the machine's own",
  },
  {
    name: "tls",
    variable: "PROVOST_TLS",
    kind: "text",
    what: "own: a certificate of its own authority, made at the first start and renewed by itself; or off",
    otherwise: "off",
  },
  {
    name: "tls-certificate",
    variable: "PROVOST_TLS_CERTIFICATE",
    kind: "text",
    what: "a certificate in PEM instead; without tls-key, the one that a proxy before the server shows",
    otherwise: "none",
  },
  {
    name: "tls-key",
    variable: "PROVOST_TLS_KEY",
    kind: "text",
    what: "the file with its key in PEM",
    otherwise: "none",
  },
  {
    name: "packages",
    variable: "PROVOST_PACKAGES",
    kind: "text",
    what: "a folder with agent packages, offered to devices that are added",
    otherwise: "none",
  },
  {
    name: "local-archives",
    variable: "PROVOST_LOCAL_ARCHIVES",
    kind: "paths",
    what: "folders with .deb files; their digests must be the signed ones all the same",
    otherwise: "/var/cache/apt/archives",
  },
  {
    name: "library",
    variable: "PROVOST_LIBRARY",
    kind: "text",
    what: "a YAML file: whose CI may add evidence, and where evidence is looked for",
    otherwise: "nobody's; the public registries",
  },
  {
    name: "registries",
    variable: "PROVOST_REGISTRIES",
    kind: "text",
    what: "off: npm's registry and PyPI are not asked about the packages that devices have",
    otherwise: "on",
  },
  {
    name: "trust-roots",
    variable: "PROVOST_TRUST_ROOTS",
    kind: "text",
    what: "on, off, or a TUF mirror's address and the file of its root",
    otherwise: "on",
  },
  {
    name: "rules",
    variable: "PROVOST_RULES",
    kind: "text",
    what: "a folder of Sigma rules, read again when it changes",
    otherwise: "none; the built-in rules always hold",
  },
  {
    name: "indicators",
    variable: "PROVOST_INDICATORS",
    kind: "text",
    what: "a folder of lists of digests, addresses, names and malicious packages (OSV), and of STIX bundles, read again when it changes",
    otherwise: "none",
  },
  {
    name: "taxii",
    variable: "PROVOST_TAXII",
    kind: "text",
    what: "a YAML file of TAXII 2.1 collections, fetched by their own clocks",
    otherwise: "none",
  },
  {
    name: "respond",
    variable: "PROVOST_RESPOND",
    kind: "text",
    what: "off, or the severity from which on incidents are contained without a person: critical, high or medium",
    otherwise: "off",
  },
  {
    name: "event-days",
    variable: "PROVOST_EVENT_DAYS",
    kind: "text",
    what: "how many days of what devices see are kept",
    otherwise: "14",
  },
  {
    name: "events-per-device",
    variable: "PROVOST_EVENTS_PER_DEVICE",
    kind: "text",
    what: "how many events are kept of one device; the oldest go first",
    otherwise: "500000",
  },
  {
    name: "event-megabytes",
    variable: "PROVOST_EVENT_MEGABYTES",
    kind: "text",
    what: "how much room the events of one device take at most, packed",
    otherwise: "256",
  },
];

/** Where the file is when nobody says. It may be absent, unless it was named. */
const usualFile = "/etc/provost/server.conf";

/** What the owner set, and from where. Throws CONFIG_INVALID naming the place. */
export function serverSettingsFrom(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): SettingsRead {
  const named = environment["PROVOST_CONFIG"] || undefined;
  const file = readText(named ?? usualFile, named !== undefined);
  return readSettings(serverSettings, { ...(file === undefined ? {} : { file }), environment, flags });
}

export function serverConfig({ values }: SettingsRead, consoleFolder: string): ServerConfig {
  const set = (name: string): { readonly [field: string]: unknown } =>
    values.has(name) ? { [fields[name] ?? name]: values.get(name) } : {};
  return checkConfig(Object.assign({}, ...serverSettings.map(({ name }) => set(name))) as Record<string, unknown>, {
    consoleFolder,
  });
}

const fields: Readonly<Record<string, string>> = {
  state: "folder",
  "port-tries": "portTries",
  "tls-certificate": "tlsCertificate",
  "tls-key": "tlsKey",
  "local-archives": "localArchives",
  "trust-roots": "trustRoots",
  "event-days": "eventDays",
  "events-per-device": "eventsPerDevice",
  "event-megabytes": "eventMegabytes",
};

function readText(path: string, wanted: boolean): { readonly path: string; readonly text: string } | undefined {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (cause) {
    if (!wanted && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError(
      "CONFIG_INVALID",
      `${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}
