/** Whoever is stopped learns why where there is no terminal: on the desktop, by a session bus as desktops have one, and in the journal. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { quietMs, Quiet, tellPerson } from "../../agent/gate/telling-people.ts";
import type { GateDecision } from "../../shared/protocol/gate-frames.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import { cannotSense, endChild, printed, startSensor } from "../support/gate-sensor.ts";
import { serveNotifications } from "../support/notification-server.ts";
import type { NotificationServer } from "../support/notification-server.ts";
import { fromSource, installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";

const busDaemon = "/usr/bin/dbus-daemon";
const notifySend = "/usr/bin/notify-send";
const missing = [busDaemon, notifySend].filter((tool) => !existsSync(tool));
const cannotNotify =
  missing.length > 0
    ? `${missing.join(", ")} missing: apt-get install -y dbus libnotify-bin`
    : process.getuid?.() === 0
      ? undefined
      : "it needs root";
if (cannotNotify !== undefined) process.stderr.write(`skipped: desktop notifications: ${cannotNotify}\n`);

/** The user nobody: a bus wants one that is listed, and this one has no session of its own. */
const somebody = 65_534;
const decision = (uid: number): GateDecision => ({
  at: 0,
  code: "abcdef",
  path: "/tmp/new",
  root: "",
  access: "exec",
  process: { pid: 7, startedAt: 0, uid, executable: "/bin/sh" },
  policy: 1,
  mode: "block",
  tier: "B",
  standing: "unproven",
  basis: "none",
  allowed: false,
  action: "block",
  cause: "policy",
  why: "nothing claims it",
  count: 1,
});

describe.skipIf(cannotNotify !== undefined)("a person with a desktop session", () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-session-"));
  const bus = join(folder, "bus");
  let daemon: ChildProcess | undefined;
  let desktop: NotificationServer;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    chownSync(folder, somebody, somebody);
    // As a session's own configuration, and root may connect to it, too: the desktop of this test is no process of that user.
    writeFileSync(
      join(folder, "config"),
      `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd"><busconfig><type>session</type><listen>unix:path=${bus}</listen><auth>EXTERNAL</auth><policy context="default"><allow user="root"/><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
    );
    const session = spawn(busDaemon, [`--config-file=${join(folder, "config")}`, "--nofork", "--print-address=1"], {
      uid: somebody,
      gid: somebody,
      stdio: ["ignore", "pipe", "inherit"],
    });
    daemon = session;
    await printed(session, session.stdout, /^unix:/m, "dbus-daemon");
    desktop = await serveNotifications(bus);
  });
  afterAll(async () => {
    desktop?.close();
    if (daemon !== undefined) await endChild(daemon);
    rmSync(folder, { recursive: true, force: true });
  });

  const places = { bus: (user: number) => (user === somebody ? bus : join(folder, "none")), notifySend };

  test("is shown what was stopped and what to ask; a path is no markup", async () => {
    const notice = "Stopped: /tmp/<b>new</b> & co: nothing claims it.\n  Ask:  provost request abcdef\n";
    tellPerson(decision(somebody), notice, places);
    await until(() => desktop.shown.length > 0);
    expect(desktop.shown).toEqual([
      {
        application: "Provost",
        title: "A program was stopped",
        body: "Stopped: /tmp/&lt;b&gt;new&lt;/b&gt; &amp; co: nothing claims it.\n  Ask:  provost request abcdef",
      },
    ]);
  });

  test("who has no session is told in the journal alone", async () => {
    const lines: string[] = [];
    tellPerson(decision(somebody + 1), "Stopped: x.\n  Why:  provost why abcdef\n", {
      ...places,
      journal: (line) => lines.push(line),
    });
    expect(lines).toEqual(["provost: Stopped: x.   Why:  provost why abcdef\n"]);
    await pause(500);
    expect(desktop.shown).toHaveLength(1);
  });
});

test("the same bytes are told once in ten minutes", () => {
  const quiet = new Quiet();
  const asked = [0, 1, quietMs - 1, quietMs, quietMs + 1].map((now) => quiet.mayTell("bytes", now));
  expect(asked).toEqual([true, false, false, true, false]);
  expect(quiet.mayTell("others", 1)).toBe(true);
});

const cannotRun = cannotGate() ?? cannotSense();
test.skipIf(cannotRun !== undefined)(
  `under systemd the journal has what a gate stopped${cannotRun === undefined ? "" : ` (skipped: ${cannotRun})`}`,
  async () => {
    const root = makeGateRoot(tmpdir(), 100);
    try {
      installPrograms(root, [["/bin/dash", "/usr/bin/sh"]]);
      writeFileSync(join(root.path, "new"), "#!/bin/sh\necho ran\n");
      chmodSync(join(root.path, "new"), 0o755);
      const sensor = await startSensor(root, { tier: "C" });
      const agent = startGatedAgent(
        root,
        sensor.socket,
        { mode: "block" },
        {
          ...fromSource,
          environment: { JOURNAL_STREAM: "8:1" },
          stderr: "pipe",
        },
      );
      let journal = "";
      agent.child.stderr?.on("data", (chunk: Buffer) => {
        journal += chunk.toString();
      });
      try {
        await agent.heard(({ kind }) => kind === "scanned");
        await until(() => sensor.said() !== "");
        for (let time = 0; time < 2; time += 1) expect((await runInside(root, "/new")).terminal).not.toContain("ran\n");
        await until(() => journal.includes("provost why"));
        const lines = journal.split("\n").filter((line) => line.startsWith("provost: ") && line.includes("/new"));
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/provost request [\w-]+/);
      } finally {
        await agent.stop();
        await endChild(sensor.child);
      }
    } finally {
      root.remove();
    }
  },
);

async function until(is: () => boolean): Promise<void> {
  for (let began = performance.now(); !is(); await pause(50))
    if (performance.now() - began > 15_000) throw new Error("it did not come in 15 s");
}
