import { isAbsolute } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Level } from "@provost/shared/model/detection.ts";
import { eventBounds } from "./events/event-store.ts";
import type { EventBounds } from "./events/event-store.ts";
import type { TlsSettings } from "./tls/tls.ts";
import type { RootSource } from "./trust/roots.ts";

/** How the server is set up. Read once, frozen, passed down. */
export interface ServerConfig {
  readonly folder: string;
  readonly host: string;
  readonly tls: TlsSettings;
  /** 0 takes any free port. */
  readonly port: number;
  /** Try the next ports where this one is taken. */
  readonly portTries: number;
  readonly consoleFolder: string;
  /** Names besides the address that people reach this server under. */
  readonly names: readonly string[];
  /** Folders whose .deb files may stand in for downloads; their SHA-256 must equal the signed one all the same. */
  readonly localArchives: readonly string[];
  readonly allowPrivateArchives: boolean;
  /** A folder with agent packages, offered to devices that are added. */
  readonly packages?: string;
  /** The YAML file that says whose CI may add evidence and where evidence is looked for. */
  readonly library?: string;
  /** The public npm registry and PyPI are asked about the packages that devices have. */
  readonly registries: boolean;
  /** Where trust roots are refreshed from through TUF; absent: nowhere. */
  readonly trustRoots?: RootSource;
  /** What is kept of each device's events. */
  readonly events: EventBounds;
  /** A folder of Sigma rules. */
  readonly rules?: string;
  /** A folder of indicators. */
  readonly indicators?: string;
  /** A file of TAXII collections. */
  readonly taxii?: string;
  /** From which severity on an incident is contained without a person. */
  readonly respond: Level | "off";
}

/** Throws CONFIG_INVALID naming the field. */
export function checkConfig(
  raw: Partial<
    Record<
      keyof ServerConfig | "tlsCertificate" | "tlsKey" | "eventDays" | "eventsPerDevice" | "eventMegabytes",
      unknown
    >
  >,
  defaults: { readonly consoleFolder: string },
): ServerConfig {
  const config = {
    folder: text(raw.folder ?? "/var/lib/provost-server", "folder"),
    host: text(raw.host ?? "127.0.0.1", "host"),
    tls: tlsSettings(raw),
    port: integer(raw.port ?? 4680, "port", 0, 65_535),
    portTries: integer(raw.portTries ?? 1, "portTries", 1, 100),
    consoleFolder: text(raw.consoleFolder ?? defaults.consoleFolder, "consoleFolder"),
    names: texts(raw.names ?? [], "names"),
    localArchives: texts(raw.localArchives ?? ["/var/cache/apt/archives"], "localArchives"),
    allowPrivateArchives: raw.allowPrivateArchives === true,
    ...(raw.packages === undefined ? {} : { packages: text(raw.packages, "packages") }),
    ...(raw.library === undefined ? {} : { library: text(raw.library, "library") }),
    registries: onOff(raw.registries ?? true, "registries"),
    ...rootSource(raw.trustRoots ?? true),
    events: {
      days: integer(raw.eventDays ?? eventBounds.days, "eventDays", 1, 3650),
      events: integer(raw.eventsPerDevice ?? eventBounds.events, "eventsPerDevice", 1000, 100_000_000),
      bytes: integer(raw.eventMegabytes ?? eventBounds.bytes / megabyte, "eventMegabytes", 1, 1_000_000) * megabyte,
    },
    ...(raw.rules === undefined ? {} : { rules: text(raw.rules, "rules") }),
    ...(raw.taxii === undefined ? {} : { taxii: text(raw.taxii, "taxii") }),
    ...(raw.indicators === undefined ? {} : { indicators: text(raw.indicators, "indicators") }),
    respond: oneOf(raw.respond ?? "off", ["off", "medium", "high", "critical"] as const, "respond"),
  };
  if (!isAbsolute(config.folder)) throw wrong("folder", "an absolute path", config.folder);
  // Without TLS nothing but this machine itself may come in; what ends TLS before the server runs on it as well.
  if (["off", "proxy"].includes(config.tls.kind) && !["127.0.0.1", "::1", "localhost"].includes(config.host))
    throw wrong("host", "127.0.0.1 or ::1 where the server does not speak TLS itself (tls = own)", config.host);
  return Object.freeze(config);
}

const megabyte = 1024 * 1024;

/** "own", "off", or the files of a certificate; with a certificate alone, a proxy before the server ends TLS and shows it. */
function tlsSettings(raw: {
  readonly tls?: unknown;
  readonly tlsCertificate?: unknown;
  readonly tlsKey?: unknown;
}): TlsSettings {
  if (raw.tlsCertificate !== undefined) {
    const certificate = text(raw.tlsCertificate, "tlsCertificate");
    return raw.tlsKey === undefined
      ? { kind: "proxy", certificate }
      : { kind: "given", certificate, key: text(raw.tlsKey, "tlsKey") };
  }
  const word = text(raw.tls ?? "off", "tls");
  if (word === "own" || word === "off") return { kind: word };
  throw wrong("tls", "own or off, or the file of a certificate in tlsCertificate", word);
}

function text(value: unknown, field: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= 4096) return value;
  throw wrong(field, "a text of 1 to 4096 characters", value);
}

function oneOf<T extends string>(value: unknown, words: readonly T[], field: string): T {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw wrong(field, words.join(", "), value);
}

function onOff(value: unknown, field: string): boolean {
  if (value === true || value === "on") return true;
  if (value === false || value === "off") return false;
  throw wrong(field, "on or off", value);
}

/** "on" is the public-good instance's mirror; a mirror of one's own comes with the root to begin from. */
function rootSource(value: unknown): Pick<ServerConfig, "trustRoots"> {
  if (typeof value !== "string" || value === "on" || value === "off")
    return onOff(value, "trustRoots") ? { trustRoots: {} } : {};
  const [mirror = "", rootFile = ""] = value.split(" ");
  if (/^https?:\/\/[^ ]{1,2000}$/.test(mirror) && isAbsolute(rootFile)) return { trustRoots: { mirror, rootFile } };
  throw wrong("trustRoots", "on, off, or the address of a TUF mirror and the file of its root", value);
}

function texts(value: unknown, field: string): readonly string[] {
  if (Array.isArray(value) && value.length <= 100) return value.map((item) => text(item, field));
  throw wrong(field, "a list of at most 100 texts", value);
}

function integer(value: unknown, field: string, min: number, max: number): number {
  const number = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
  throw wrong(field, `a whole number from ${min} to ${max}`, value);
}

const wrong = (field: string, wanted: string, got: unknown): AppError =>
  new AppError("CONFIG_INVALID", `${field}: wanted ${wanted}, got ${JSON.stringify(got)?.slice(0, 200) ?? "nothing"}`);
