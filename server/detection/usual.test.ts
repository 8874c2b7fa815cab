import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { connection, exec, file, minutes, running } from "./rules/case.ts";
import { usualOf } from "./usual.ts";

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-usual-"));
  store = sqliteStore(folder);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const [one, other] = ["d1", "d2"] as DeviceId[] as [DeviceId, DeviceId];
const digest = (letter: string): Sha256 => letter.repeat(64) as Sha256;
const met = (event: Observed, device = one) => usualOf(event, device, store.baseline, 2);

const daemon = running("/usr/sbin/simd", undefined, { sha256: digest("a") });
const shell = running("/bin/sh", daemon, { sha256: digest("b") });

test("bytes that are old on the whole fleet, started by a program that never did so, are as rare as that", () => {
  const init = running("/sbin/init", undefined, { sha256: digest("0") });
  for (const device of [one, other]) met(exec(running("/bin/sh", init, { sha256: digest("b") })), device);
  const later = minutes(60 * 24 * 40);
  expect(met(exec(shell, { at: later }))).toEqual({
    rarity: 1,
    says: [
      "The bytes of /bin/sh ran: on 2 devices before, first on 2027-01-15.",
      "simd started /bin/sh: never before on this fleet.",
    ],
  });
  expect(met(exec(shell, { at: later }))).toEqual({
    rarity: 0.7,
    says: [
      "The bytes of /bin/sh ran: on 2 devices before, first on 2027-01-15.",
      "simd started /bin/sh: on 1 device before, first on 2027-02-24.",
    ],
  });
  expect(met(exec(shell, { at: later }), other).says[1]).toBe(
    "simd started /bin/sh: on 1 device before, first on 2027-02-24, never on this one.",
  );
});

test("a new child's package may bring a new version; a parent of other bytes has habits of its own", () => {
  met(exec(shell));
  expect(met(exec(running("/bin/sh", daemon, { sha256: digest("c") }))).says[1]).toMatch(/on 1 device before/);
  const changed = running("/usr/sbin/simd", undefined, { sha256: digest("e") });
  expect(met(exec(running("/bin/sh", changed, { sha256: digest("b") }))).says[1]).toMatch(/never before/);
});

test("whom a program calls is remembered by network and port, and nothing of the device itself", () => {
  expect(met(connection(daemon, "198.51.100.7", 443))).toEqual({
    rarity: 1,
    says: ["simd called 198.51.100.0/24 port 443: never before on this fleet."],
  });
  const again = ["198.51.100.200", "::ffff:198.51.100.9"].map(
    (address) => met(connection(daemon, address, 443)).says[0],
  );
  expect(again.every((says) => /on 1 device before/.test(says ?? ""))).toBe(true);
  expect(met(connection(daemon, "198.51.100.7", 8443)).rarity).toBe(1);
  expect(met(connection(daemon, "198.51.101.7", 443)).rarity).toBe(1);
  expect(met(connection(shell, "198.51.100.7", 443)).rarity).toBe(1);
  for (const address of ["127.0.0.1", "::1"]) expect(met(connection(daemon, address, 443)).says).toEqual([]);
  expect(met(connection(daemon, "198.51.102.7", 443, { initiated: false })).says).toEqual([]);
});

test.each([
  ["2001:db8:1:2::9", "2001:db8:1::/48 port 443"],
  ["2001:db8::9", "2001:db8:0::/48 port 443"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48 port 443"],
])("%s lies in %s", (address, place) => {
  expect(met(connection(daemon, address, 443)).says).toEqual([`simd called ${place}: never before on this fleet.`]);
});

test("a start that was judged late makes its bytes known, and its parent's habit stays as it was told first", () => {
  const { sha256: _unread, ...unread } = shell;
  const start = exec(unread, { id: "d1.1" });
  expect(met(start).says).toEqual(["simd started /bin/sh: never before on this fleet."]);
  const judged = { ...start, ...exec(shell), kind: "judged", id: "d1.2", start: "d1.1", adds: ["program"] } as Observed;
  expect(met(judged).says).toEqual(["The bytes of /bin/sh ran: never before on this fleet."]);
  expect(met(exec(shell)).says[1]).toMatch(/on 1 device before/);
});

test("what nobody keeps a habit of is neither rare nor usual", () => {
  expect(met(file(daemon, "written", "/etc/simd.conf"))).toEqual({ rarity: 0.5, says: [] });
});
