import { hostname } from "node:os";
import { resolve } from "node:path";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { checkConfig } from "../config.ts";
import { agentSettings, agentSettingsFrom, rawConfig } from "../settings.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

/** `provost config check`: reads what a start would read, says where each value comes from, and opens nothing. */
export function configCheck({ terminal, json, env, cwd }: Request, file: string | undefined): ExitCode {
  const environment = file === undefined ? env : { ...env, PROVOST_CONFIG: resolve(cwd, file) };
  const read = agentSettingsFrom([], environment);
  checkConfig(rawConfig(read, environment), safeText(hostname()).slice(0, 255));
  const rows = agentSettings.map(({ name, secret, otherwise }) => {
    const value = read.values.get(name);
    return {
      name,
      value: value === undefined ? otherwise : secret === true ? "(set)" : value,
      from: read.from.get(name) ?? "not set",
    };
  });
  if (json) terminal.out(jsonLine({ holds: true, settings: rows }));
  else
    for (const { name, value, from } of rows)
      terminal.out(
        `${name.padEnd(15)} ${typeof value === "string" ? value : value.join(" ")}  (${from})`,
        from === "not set" ? "weak" : "plain",
      );
  return exitCodes.asWanted;
}
