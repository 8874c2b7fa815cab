import { readFileSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { readSettings } from "@provost/shared/lib/settings.ts";
import type { Setting, SettingsRead } from "@provost/shared/lib/settings.ts";

/** Everything an owner of a device may set, and docs/operate/settings.md's first table. */
export const agentSettings: readonly Setting[] = [
  {
    name: "server",
    variable: "PROVOST_SERVER",
    kind: "text",
    what: "the server's address for agents, as the console shows it",
    otherwise: "it watches and keeps what it would tell",
  },
  {
    name: "token-file",
    variable: "PROVOST_TOKEN_FILE",
    kind: "text",
    what: "a file with the enrolment token, removed once it was used",
    otherwise: "the credential token of the unit, where there is one",
  },
  {
    name: "token",
    variable: "PROVOST_TOKEN",
    kind: "text",
    secret: true,
    what: "the enrolment token itself, needed the first time only",
    otherwise: "none",
  },
  {
    name: "proxy",
    variable: "PROVOST_PROXY",
    kind: "text",
    what: "an HTTP proxy on the way to the server",
    otherwise: "none",
  },
  {
    name: "name",
    variable: "PROVOST_NAME",
    kind: "text",
    what: "what the device is called",
    otherwise: "its host name",
  },
  {
    name: "state",
    variable: "PROVOST_STATE",
    kind: "text",
    what: "the state folder, absolute",
    otherwise: "/var/lib/provost",
  },
  {
    name: "exclude",
    variable: "PROVOST_EXCLUDE",
    kind: "paths",
    what: "folders that a pass leaves out",
    otherwise: "none",
  },
  {
    name: "sensor",
    variable: "PROVOST_SENSOR",
    kind: "text",
    what: "the socket of provost-sensor; without it nothing is stopped",
    otherwise: "none",
  },
  {
    name: "sensor-program",
    variable: "PROVOST_SENSOR_PROGRAM",
    kind: "text",
    what: "the sensor's program, which starts also when nobody can judge",
    otherwise: "none",
  },
  {
    name: "policy",
    variable: "PROVOST_POLICY",
    kind: "text",
    what: "the owner's policy, a YAML file",
    otherwise: "the built-in one, in mode",
  },
  {
    name: "mode",
    variable: "PROVOST_MODE",
    kind: "text",
    what: "what the gate may do at most, where there is no policy: off, record, warn, hold, block or quarantine",
    otherwise: "record",
  },
  {
    name: "groups",
    variable: "PROVOST_GROUPS",
    kind: "words",
    what: "groups of this device that a policy may name",
    otherwise: "none",
  },
  {
    name: "control",
    variable: "PROVOST_CONTROL",
    kind: "text",
    what: "the folder where people ask the agent",
    otherwise: "/run/provost-agent, or beside another state folder",
  },
  {
    name: "stop-hash",
    variable: "PROVOST_STOP_HASH",
    kind: "text",
    secret: true,
    what: "the hash of the code that stopping needs",
    otherwise: "none: root may stop it",
  },
];

const usualFile = "/etc/provost/agent.conf";

/** What the owner set, and from where. Throws CONFIG_INVALID naming the place. */
export function agentSettingsFrom(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): SettingsRead {
  const named = environment["PROVOST_CONFIG"] || undefined;
  const file = readText(named ?? usualFile, named !== undefined);
  return readSettings(agentSettings, { ...(file === undefined ? {} : { file }), environment, flags });
}

/** As checkConfig takes it. The token comes from where it can be read, or from nowhere where it was used already. */
export function rawConfig(
  { values }: SettingsRead,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const raw: Record<string, unknown> = { folder: "/var/lib/provost" };
  for (const [name, value] of values) raw[fields[name] ?? name] = value;
  const token = raw["token"] ?? tokenFrom(raw["tokenFile"], environment["CREDENTIALS_DIRECTORY"]);
  return token === undefined ? raw : { ...raw, token };
}

const fields: Readonly<Record<string, string>> = {
  state: "folder",
  exclude: "excluded",
  "sensor-program": "sensorProgram",
  "stop-hash": "stopHash",
  "token-file": "tokenFile",
};

/** LoadCredential=token:FILE of systemd puts it into a folder of its own. */
function tokenFrom(file: unknown, credentials: string | undefined): string | undefined {
  const places = [
    ...(typeof file === "string" ? [file] : []),
    ...(credentials === undefined ? [] : [`${credentials}/token`]),
  ];
  for (const place of places) {
    const read = readText(place, false);
    if (read !== undefined && read.text.trim() !== "") return read.text.trim();
  }
  return undefined;
}

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
