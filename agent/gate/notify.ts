/**
 * Puts one message before a person's eyes, where there is a desktop session: `notify-send` on the session's own bus, as its user. A
 * process of its own, because starting a program waits in the kernel until the daemon has judged it. Told once over IPC.
 */
import { spawnSync } from "node:child_process";

export interface NotifyOrder {
  readonly user: number;
  readonly title: string;
  readonly text: string;
  /** Path of the session's bus. */
  readonly bus: string;
  /** What shows a notification: notify-send. */
  readonly program: string;
}

const patienceMs = 10_000;

process.once("message", ({ user, title, text, bus, program }: NotifyOrder) => {
  spawnSync(program, ["--app-name=Provost", "--urgency=critical", "--", title, plain(text)], {
    ...(process.getuid?.() === 0 ? { uid: user, gid: user } : {}),
    env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}`, PATH: "/usr/bin:/bin" },
    stdio: "ignore",
    timeout: patienceMs,
  });
  process.exit(0);
});
process.once("disconnect", () => process.exit(0));

/** The body of a notification is read as markup (Desktop Notifications 1.2, "Markup"): a path must not become a link or a picture. */
const plain = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
