import { beforeEach, describe, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Away, NewFinding } from "./gate-store.ts";
import { openSilence } from "./silence.ts";
import type { Ending, Silence } from "./silence.ts";

const device = "dev_a" as DeviceId;
const other = "dev_b" as DeviceId;
const limits = { silentMs: 30_000, graceMs: 90_000, lookMs: 1000 };

/** A store's part in it, and a clock that goes only when it is told to. */
function openScene() {
  const presence = new Map<DeviceId, Away | "here">();
  const findings: NewFinding[] = [];
  const open = new Set<DeviceId>();
  let full = false;
  let silence: Silence;
  let now = 1_000_000;
  const scene = {
    presence,
    findings,
    get kinds() {
      return findings.map(({ device: on, kind }) => [on, kind]);
    },
    get now() {
      return now;
    },
    set full(now: boolean) {
      full = now;
    },
    /** As a start of the server does. */
    start() {
      silence = openSilence(
        {
          arrived(on) {
            presence.set(on, "here");
            return open.delete(on) ? 1 : 0;
          },
          left(away) {
            if (full) throw new Error("the disk is full");
            presence.set(away.device, away);
          },
          unreported: () =>
            [...presence]
              .filter(([on]) => !open.has(on))
              .map(([on, known]) => (known === "here" ? { device: on, since: now, why: "" } : known))
              .filter(({ leaving }) => leaving !== "asked"),
          report(finding) {
            if (full) throw new Error("the disk is full");
            findings.push(finding);
            open.add(finding.device);
          },
        },
        () => ({ "mode then": "block" }),
        () => undefined,
        limits,
      );
    },
    /** Time goes by, and the server looks each second. */
    pass(ms: number) {
      for (const end = now + ms; now < end;) {
        now += limits.lookMs;
        silence.look(now);
      }
    },
    /** Time goes by without a look: the machine slept. */
    sleep: (ms: number) => void (now += ms),
    arrive: (on = device) => silence.arrived(on, now),
    leave: (ending: Partial<Ending> = {}, on = device) =>
      silence.ended(on, { heardAt: now, closed: false, asked: false, why: "1006", ...ending }),
  };
  scene.start();
  return scene;
}

let scene: ReturnType<typeof openScene>;
beforeEach(() => {
  scene = openScene();
  scene.pass(limits.graceMs);
});

describe("a device that goes away", () => {
  test("without a word is a finding after 30 seconds, once, with what was last known", () => {
    scene.arrive();
    const heardAt = scene.now;
    scene.leave();
    scene.pass(29_000);
    expect(scene.findings).toEqual([]);
    scene.pass(1000);
    expect(scene.findings).toMatchObject([
      {
        device,
        kind: "silent",
        at: heardAt,
        facts: {
          "mode then": "block",
          "last heard of": new Date(heardAt).toISOString(),
          "how the connection ended": "1006",
        },
      },
    ]);
    expect(scene.findings[0]?.facts).not.toHaveProperty("this server was not looking");
    scene.pass(600_000);
    expect(scene.findings).toHaveLength(1);
  });

  test("is counted from when it was last heard of, not from when that was noticed", () => {
    scene.arrive();
    const heardAt = scene.now;
    scene.pass(25_000);
    scene.leave({ heardAt, why: "2 pings were not answered" });
    scene.pass(5000);
    expect(scene.findings).toMatchObject([{ kind: "silent", at: heardAt }]);
  });

  test("and comes back in time is no finding", () => {
    scene.arrive();
    scene.leave();
    scene.pass(20_000);
    scene.arrive();
    scene.pass(600_000);
    expect(scene.findings).toEqual([]);
  });

  test("again after it came back is a finding again", () => {
    for (let turn = 0; turn < 2; turn += 1) {
      scene.arrive();
      scene.leave();
      scene.pass(40_000);
    }
    expect(scene.kinds).toEqual([
      [device, "silent"],
      [device, "silent"],
    ]);
  });

  test("because its owner stopped it is no finding of the server's", () => {
    scene.arrive();
    scene.leave({ closed: true, asked: true });
    scene.pass(600_000);
    expect(scene.findings).toEqual([]);
  });

  test("in order but without saying who asked for it is said to have stopped", () => {
    scene.arrive();
    scene.leave({ closed: true, why: "1000 stopping" });
    scene.pass(30_000);
    expect(scene.findings).toMatchObject([{ kind: "stopped", says: expect.stringMatching(/did not say who/) }]);
  });

  test("is not saved by a word of a stop without the close that belongs to it", () => {
    scene.arrive();
    scene.leave({ closed: false, asked: true });
    scene.pass(30_000);
    expect(scene.kinds).toEqual([[device, "silent"]]);
  });
});

describe("a server that starts again", () => {
  test("makes no finding of devices that come back to it", () => {
    scene.arrive();
    scene.arrive(other);
    scene.sleep(600_000);
    scene.start();
    scene.pass(80_000);
    scene.arrive();
    scene.arrive(other);
    scene.pass(600_000);
    expect(scene.findings).toEqual([]);
  });

  test("still notices the one that does not, and says that it was not looking itself", () => {
    scene.arrive();
    scene.sleep(600_000);
    scene.start();
    scene.pass(limits.graceMs);
    expect(scene.findings).toEqual([]);
    scene.pass(1000);
    expect(scene.findings).toMatchObject([
      { kind: "silent", facts: { "this server was not looking": expect.stringMatching(/^before /) } },
    ]);
  });

  test("does not report again what it reported before", () => {
    scene.arrive();
    scene.leave();
    scene.pass(40_000);
    scene.start();
    scene.pass(600_000);
    expect(scene.findings).toHaveLength(1);
  });

  test("excuses nobody who came after the start", () => {
    scene.start();
    scene.pass(1000);
    scene.arrive();
    scene.leave();
    scene.pass(30_000);
    expect(scene.kinds).toEqual([[device, "silent"]]);
  });
});

test("a server that stood still for some seconds excuses for some seconds more, and no longer", () => {
  scene.arrive();
  const heardAt = scene.now;
  scene.sleep(8000);
  scene.leave({ heardAt });
  scene.pass(36_000);
  expect(scene.findings).toEqual([]);
  scene.pass(4000);
  expect(scene.findings).toMatchObject([{ kind: "silent", at: heardAt }]);
});

test("a store that cannot write for a while delays the finding and loses it not", () => {
  scene.arrive();
  scene.full = true;
  expect(() => scene.leave()).toThrow("the disk is full");
  scene.pass(29_000);
  expect(() => scene.pass(1000)).toThrow("the disk is full");
  scene.full = false;
  scene.pass(1000);
  expect(scene.kinds).toEqual([[device, "silent"]]);
});

test("a server that slept gives its devices the time to come back", () => {
  scene.arrive();
  scene.sleep(3_600_000);
  scene.leave({ heardAt: scene.now - 3_600_000 });
  scene.pass(60_000);
  expect(scene.findings).toEqual([]);
  scene.pass(40_000);
  expect(scene.findings).toMatchObject([
    { kind: "silent", facts: { "this server was not looking": expect.stringMatching(/^from /) } },
  ]);
});
