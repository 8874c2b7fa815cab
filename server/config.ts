import { isAbsolute } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { RootSource } from "./trust/roots.ts";

/** How the server is set up. Read once, frozen, passed down. */
export interface ServerConfig {
  readonly folder: string;
  readonly host: string;
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
  /** The YAML file that says whose CI may add evidence and where evidence is looked for. */
  readonly library?: string;
  /** The public npm registry and PyPI are asked about the packages that devices have. */
  readonly registries: boolean;
  /** Where trust roots are refreshed from through TUF; absent: nowhere. */
  readonly trustRoots?: RootSource;
}

/** Throws CONFIG_INVALID naming the field. */
export function checkConfig(
  raw: Partial<Record<keyof ServerConfig, unknown>>,
  defaults: { readonly consoleFolder: string },
): ServerConfig {
  const config = {
    folder: text(raw.folder ?? "/var/lib/provost-server", "folder"),
    host: text(raw.host ?? "127.0.0.1", "host"),
    port: integer(raw.port ?? 4680, "port", 0, 65_535),
    portTries: integer(raw.portTries ?? 1, "portTries", 1, 100),
    consoleFolder: text(raw.consoleFolder ?? defaults.consoleFolder, "consoleFolder"),
    names: texts(raw.names ?? [], "names"),
    localArchives: texts(raw.localArchives ?? ["/var/cache/apt/archives"], "localArchives"),
    allowPrivateArchives: raw.allowPrivateArchives === true,
    ...(raw.library === undefined ? {} : { library: text(raw.library, "library") }),
    registries: onOff(raw.registries ?? true, "registries"),
    ...rootSource(raw.trustRoots ?? true),
  };
  if (!isAbsolute(config.folder)) throw wrong("folder", "an absolute path", config.folder);
  // Without TLS nothing but this machine itself may come in.
  if (!["127.0.0.1", "::1", "localhost"].includes(config.host))
    throw wrong("host", "127.0.0.1 or ::1, as long as the server has no TLS", config.host);
  return Object.freeze(config);
}

function text(value: unknown, field: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= 4096) return value;
  throw wrong(field, "a text of 1 to 4096 characters", value);
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
