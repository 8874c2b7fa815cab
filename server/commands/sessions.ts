import { parseArgs } from "node:util";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { openAudit } from "../audit/audit.ts";
import { sqliteStore } from "../store/index.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data-folder.ts";

/** `provost-server sessions [--end ID] [--json]`: who is signed in to the console, and the end of one of them. */
export const sessions: Command = (words, consoleFolder) => {
  const isSetting = (word: string): boolean => word.startsWith("--") && !/^--(?:end|json)(?:=|$)/.test(word);
  const { values, positionals } = parseArgs({
    args: words.filter((word) => !isSetting(word)),
    options: { end: { type: "string" }, json: { type: "boolean" } },
    allowPositionals: true,
  });
  if (positionals.length > 0)
    throw new AppError("CONFIG_INVALID", "sessions: wanted provost-server sessions [--end ID]");
  const store = sqliteStore(dataFolder(words.filter(isSetting), consoleFolder));
  try {
    const now = Date.now();
    const open = store.access.sessions(now);
    if (values.end === undefined) {
      process.stdout.write(values.json === true ? `${JSON.stringify(open)}\n` : open.map(lineOf).join(""));
      return 0;
    }
    const session = open.find(({ id }) => id === values.end);
    if (session === undefined || !store.access.endSessionOf(session.id))
      throw new AppError("NOT_FOUND", `no session ${safeText(values.end).slice(0, 60)} is open`, {
        remedy: "provost-server sessions lists those that are",
      });
    openAudit(
      store.audit,
      () => now,
      () => undefined,
    ).note("sign-in", "provost-server", `Ended the session of ${session.user}`, {
      session: session.id,
      role: session.role,
    });
    process.stdout.write(`${session.id} of ${safeText(session.user)} has ended\n`);
  } finally {
    store.close();
  }
  return 0;
};

const lineOf = ({
  id,
  user,
  role,
  at,
  expires,
}: ReturnType<ReturnType<typeof sqliteStore>["access"]["sessions"]>[number]): string =>
  `${id}  ${role.padEnd(7)}  since ${timeOf(at)}  until ${timeOf(expires)}  ${safeText(user)}\n`;

const timeOf = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");
