import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

export interface Notify {
  /** It serves: systemd goes on, and start.sh counts no failed start. */
  ready(status: string): void;
  stopping(): void;
}

/**
 * Tells systemd what a Type=notify unit is to tell (sd_notify(3)). Node has no datagram sockets of the Unix kind, so systemd's own
 * program says it: once at the start, once at the end, and for the watchdog.
 */
export function openNotify(environment: Readonly<Record<string, string | undefined>>): Notify {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, PROVOST_STARTS_FILE } = environment;
  const say = (...words: string[]): void => {
    if (NOTIFY_SOCKET === undefined) return;
    try {
      // Where it is missing nobody waits for a message either.
      spawn("systemd-notify", words, { stdio: "ignore" }).on("error", () => undefined);
    } catch {
      // Node throws where a gate refuses the program's start (EPERM); the next beat tries again.
    }
  };
  return {
    ready(status) {
      if (PROVOST_STARTS_FILE !== undefined) rmSync(PROVOST_STARTS_FILE, { force: true });
      say("--ready", `--status=${status}`);
      const every = Number(WATCHDOG_USEC) / 1000 / 3;
      if (Number.isFinite(every) && every > 0) setInterval(() => say("WATCHDOG=1"), every).unref();
    },
    stopping: () => say("STOPPING=1"),
  };
}
