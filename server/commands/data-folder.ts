import { statSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { serverConfig, serverSettingsFrom } from "../settings.ts";

/** The data folder that the settings name. As root, whoever owns it from here on: what is written there has to stay the server's. */
export function dataFolder(flags: readonly string[], consoleFolder: string): string {
  const { folder } = serverConfig(serverSettingsFrom(flags, process.env), consoleFolder);
  let owner;
  try {
    owner = statSync(folder);
  } catch (cause) {
    throw new AppError("STATE_UNUSABLE", `there is no data folder ${folder}: has a server run here?`, { cause });
  }
  if (process.getuid?.() === 0 && owner.uid !== 0) {
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  }
  return folder;
}
