import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { sqliteStore } from "../store/index.ts";
import { openAudit } from "../audit/audit.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data-folder.ts";

/** `provost-server triage ORDER FILE`: the bundle that a device collected for this order, checked against its digest. */
export const triage: Command = ([order, name, ...flags], consoleFolder) => {
  if (order === undefined || name === undefined || name.startsWith("--"))
    throw new AppError("CONFIG_INVALID", "triage: wanted provost-server triage ORDER FILE");
  const store = sqliteStore(dataFolder(flags, consoleFolder));
  try {
    const about = store.triage.one(order);
    const bytes = store.triage.read(order);
    if (about === undefined || bytes === undefined)
      throw new AppError("NOT_FOUND", about?.why ?? `no bundle of the order ${order} is kept`, {
        remedy: "GET /api/v1/commands lists the orders; one with a bundle names its digest",
      });
    if (hash("sha256", bytes, "hex") !== about.sha256)
      throw new AppError("STATE_UNUSABLE", `the bundle of ${order} is not what was stored: its digest differs`);
    openAudit(store.audit, Date.now, () => undefined).note("command", "provost-server", "Took the triage bundle", {
      command: order,
      sha256: about.sha256,
    });
    // Never over something that is there.
    writeFileSync(resolve(name), bytes, { mode: 0o600, flag: "wx" });
    process.stdout.write(`${resolve(name)} ${about.sha256}\n`);
  } finally {
    store.close();
  }
  return 0;
};
