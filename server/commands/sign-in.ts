import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { addressFile } from "../address-file.ts";
import { newSignInLink } from "../api/login.ts";
import { sqliteStore } from "../store/index.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data-folder.ts";

/** `provost-server sign-in`: a link for the owner, put into the data of the server that runs. */
export const signInLink: Command = (flags, consoleFolder) => {
  const folder = dataFolder(flags, consoleFolder);
  let address: string;
  try {
    address = readFileSync(join(folder, addressFile), "utf8").trim();
  } catch (cause) {
    throw new AppError("STATE_UNUSABLE", `no server runs with the data in ${folder}`, {
      cause,
      remedy: "start it: systemctl start provost-server",
    });
  }
  const store = sqliteStore(folder);
  try {
    process.stdout.write(`${newSignInLink({ store, address: () => address, now: Date.now })}\n`);
  } finally {
    store.close();
  }
  return 0;
};
