import { AppError } from "@provost/shared/lib/app-error.ts";
import { serverConfig, serverSettings, serverSettingsFrom } from "../settings.ts";
import type { Command } from "./command.ts";

/** `provost-server config check`: the same reading as at a start, and nothing is opened. */
export const configCheck: Command = ([verb, ...words], consoleFolder) => {
  if (verb !== "check") throw new AppError("CONFIG_INVALID", `config ${verb ?? ""}: wanted config check`);
  const asJson = words.includes("--json");
  const read = serverSettingsFrom(
    words.filter((word) => word !== "--json"),
    process.env,
  );
  serverConfig(read, consoleFolder);
  const rows = serverSettings.map(({ name, otherwise }) => ({
    name,
    value: read.values.get(name) ?? otherwise,
    from: read.from.get(name) ?? "not set",
  }));
  if (asJson) process.stdout.write(`${JSON.stringify({ holds: true, settings: rows })}\n`);
  else
    for (const { name, value, from } of rows)
      process.stdout.write(`${name.padEnd(16)} ${Array.isArray(value) ? value.join(" ") : String(value)}  (${from})\n`);
  return 0;
};
