/**
 * Puts one message before a person's eyes, where there is a desktop session: `notify-send` on the session's own bus, as its user. A
 * process of its own, because starting a program waits in the kernel until the daemon has judged it. Told once over IPC.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export interface NotifyOrder {
  readonly user: number;
  readonly title: string;
  readonly text: string;
}

const patienceMs = 10_000;
const program = "/usr/bin/notify-send";

process.once("message", ({ user, title, text }: NotifyOrder) => {
  const bus = `/run/user/${user}/bus`;
  if (existsSync(program) && existsSync(bus))
    spawnSync(program, ["--app-name=Provost", "--urgency=critical", "--", title, text], {
      ...(process.getuid?.() === 0 ? { uid: user, gid: user } : {}),
      env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}`, PATH: "/usr/bin:/bin" },
      stdio: "ignore",
      timeout: patienceMs,
    });
  process.exit(0);
});
process.once("disconnect", () => process.exit(0));
