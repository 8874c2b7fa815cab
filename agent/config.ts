import { isAbsolute, join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { proxyAddress } from "./link/proxy-address.ts";
import { gateModes, type GateMode } from "@provost/shared/model/gate.ts";

/** How the daemon is set up. Read once, frozen, passed down. */
export interface AgentConfig {
  readonly folder: string;
  /** "ws://127.0.0.1:4680/agent"; plain ws only to this machine itself. */
  readonly server: string | undefined;
  readonly token: string | undefined;
  /** Where the token came from; removed once it was used. */
  readonly tokenFile: string | undefined;
  readonly proxy: URL | undefined;
  readonly name: string;
  readonly excluded: readonly string[];
  /** The socket of provost-sensor; without it nothing is stopped (tier P). */
  readonly sensor: string | undefined;
  /** The sensor's program, which starts also when nobody can judge. */
  readonly sensorProgram: string | undefined;
  /** The owner's policy of this device, a YAML file; without it the built-in one holds in `mode`. */
  readonly policy: string | undefined;
  readonly mode: GateMode;
  readonly groups: readonly string[];
  /** Where people ask the daemon: a folder that everybody may enter. */
  readonly control: string;
  /** Stopping the daemon needs the code that has this hash (`provost stop --make-hash`). */
  readonly stopHash: string | undefined;
  /** Stop after one pass whose every frame the server has stored. */
  readonly once: boolean;
}

/** Throws CONFIG_INVALID naming the field. */
export function checkConfig(raw: Partial<Record<keyof AgentConfig, unknown>>, host: string): AgentConfig {
  const folder = textField(raw.folder, "folder");
  if (!isAbsolute(folder)) throw wrong("folder", "an absolute path", folder);
  const server = raw.server === undefined ? undefined : serverUrl(textField(raw.server, "server"));
  const excluded = raw.excluded ?? [];
  if (!Array.isArray(excluded) || excluded.some((path) => typeof path !== "string" || !isAbsolute(path)))
    throw wrong("excluded", "a list of absolute paths", excluded);
  return Object.freeze({
    folder,
    server,
    token: raw.token === undefined ? undefined : textField(raw.token, "token"),
    tokenFile: pathField(raw.tokenFile, "tokenFile"),
    proxy: raw.proxy === undefined ? undefined : proxyAddress(textField(raw.proxy, "proxy")),
    name: raw.name === undefined ? host : textField(raw.name, "name"),
    excluded: excluded as readonly string[],
    sensor: pathField(raw.sensor, "sensor"),
    sensorProgram: pathField(raw.sensorProgram, "sensorProgram"),
    policy: pathField(raw.policy, "policy"),
    mode: modeField(raw.mode),
    groups: groupsField(raw.groups),
    control: pathField(raw.control, "control") ?? controlFolder(folder),
    stopHash: raw.stopHash === undefined ? undefined : textField(raw.stopHash, "stopHash"),
    once: raw.once === true,
  });
}

/** An installed agent is asked below /run; one with a folder of its own, as `npm start` runs it, inside that. */
export const controlFolder = (folder: string): string =>
  folder === "/var/lib/provost" ? "/run/provost-agent" : join(folder, "control");

function pathField(value: unknown, field: string): string | undefined {
  if (value === undefined) return undefined;
  const path = textField(value, field);
  if (!isAbsolute(path)) throw wrong(field, "an absolute path", path);
  return path;
}

function modeField(value: unknown): GateMode {
  if (value === undefined) return "record";
  const mode = gateModes.find((one) => one === value);
  if (mode === undefined) throw wrong("mode", gateModes.join(", "), value);
  return mode;
}

function groupsField(value: unknown): readonly string[] {
  const groups = value ?? [];
  if (!Array.isArray(groups) || groups.some((group) => typeof group !== "string" || group === ""))
    throw wrong("groups", "a list of names", groups);
  return groups as readonly string[];
}

function serverUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong("server", "an address such as wss://provost.example/agent", text);
  }
  const local = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "wss:" || (url.protocol === "ws:" && local)) return url.href;
  throw wrong("server", "wss://, or ws:// to this machine itself", text);
}

function textField(value: unknown, field: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= 4096) return value;
  throw wrong(field, "a text of 1 to 4096 characters", value);
}

const wrong = (field: string, wanted: string, got: unknown): AppError =>
  new AppError("CONFIG_INVALID", `${field}: wanted ${wanted}, got ${JSON.stringify(got)?.slice(0, 200) ?? "nothing"}`);
