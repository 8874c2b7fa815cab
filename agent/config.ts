import { isAbsolute } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";

/** How the daemon is set up. Read once, frozen, passed down. */
export interface AgentConfig {
  readonly folder: string;
  /** "ws://127.0.0.1:4680/agent"; plain ws only to this machine itself. */
  readonly server: string | undefined;
  readonly token: string | undefined;
  readonly name: string;
  readonly excluded: readonly string[];
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
    name: raw.name === undefined ? host : textField(raw.name, "name"),
    excluded: excluded as readonly string[],
    once: raw.once === true,
  });
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
