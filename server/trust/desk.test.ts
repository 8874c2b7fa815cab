import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import { ProofMessage } from "@provost/shared/protocol/frames.ts";
import type { PackageProof } from "@provost/shared/provenance/package-proof.ts";
import { deviceIdOf, digestOf, factsOf, packageNamed, purlOf, recordOf } from "../../test/support/frames.ts";
import { acceptBatch } from "../ingest/accept.ts";
import { sqliteStore } from "../store/index.ts";
import type { Derivation } from "./derive.ts";
import { openDesk } from "./desk.ts";
import type { ProofDesk } from "./desk.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** Answers by configuration and package, given by hand when the test wants them; the questions are kept. */
function openScene() {
  const folder = mkdtempSync(join(tmpdir(), "provost-desk-"));
  const store = sqliteStore(folder);
  closers.push(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const proofs = new Map<string, PackageProof>();
  const asked: { config: Sha256; names: readonly string[]; running: readonly string[] }[] = [];
  const derivation: Derivation = {
    want(sources, packages) {
      const config = digestOf(JSON.stringify(sources));
      const running = packages.filter(({ priority }) => priority > 1).map(({ name }) => name);
      asked.push({ config, names: packages.map(({ name }) => name), running });
      return config;
    },
    run: () => Promise.resolve(),
    nextDueAt: () => undefined,
    proof: (config, { name, version }) => proofs.get(`${config} ${name} ${version}`),
    counts: () => ({ wanted: 0, derived: 0, lapsed: 0, unsupported: 0, failed: 0, pending: 0 }),
    archives: () => [],
  };
  return { store, proofs, asked, derivation, desk: openDesk(store.inventory, derivation) };
}
type Scene = ReturnType<typeof openScene>;

const sourceWith = (key: string) => ({
  uri: "http://archive.test/debian",
  suite: "stable",
  components: ["main"],
  architectures: ["amd64"],
  keyrings: [{ path: "/k", base64: key }],
  fingerprints: [],
  from: "/etc/apt/sources.list",
});
const configOf = (key: string): Sha256 => digestOf(JSON.stringify([sourceWith(key)]));

const derivedWith = (files: Readonly<Record<string, string>>): PackageProof => ({
  state: "derived",
  says: "A signed index lists it.",
  archive: digestOf("deb"),
  links: [{ link: "archive", state: "verified", says: "signed" }],
  files: Object.entries(files).map(([path, text]) => ({ path, sha256: digestOf(text), size: 1, mode: 0o755 })),
  symlinks: [],
  scripts: [],
  conffiles: [],
  diversions: [],
  alternatives: [],
  otherBuilds: [],
});

const bash = "/bin/bash";
const bashFile = (text = "bash", more: Partial<FileFacts> = {}) =>
  factsOf(bash, { digest: digestOf(text), records: [recordOf(bash, "bash")], ...more });

/** A device that told of bash, with its sources' key. */
function tell({ store, desk }: Scene, device: DeviceId, key: string, files = [bashFile()]): void {
  store.inventory.addDevice({ id: device, name: device, publicKey: "k", epoch: "e" }, 1);
  const frames = [
    { kind: "archives" as const, root: "", sources: [sourceWith(key)] },
    { kind: "packages" as const, upserts: [packageNamed("bash")], gone: [] },
    { kind: "files" as const, upserts: files, gone: [] },
  ];
  acceptBatch(device, { kind: "batch", first: 1, skipped: 0, frames: frames as never }, store, desk, 1);
}

function settle(desk: ProofDesk): ReadonlyMap<DeviceId, number> {
  const all = new Map<DeviceId, number>();
  for (let turn = 0; turn < 100; turn += 1) {
    const { more, changed } = desk.step(10);
    for (const [device, count] of changed) all.set(device, (all.get(device) ?? 0) + count);
    if (!more) return all;
  }
  throw new Error("the desk never rests");
}

const verdict = ({ store }: Scene, device: DeviceId): string => {
  const [row] = store.read.executables({ limit: 1, sort: "path", device }).rows;
  return `${row?.standing}: ${row?.basis}`;
};
const [one, two] = [deviceIdOf(1), deviceIdOf(2)];
const bashVersion = { name: "bash", version: "1.0-1", arch: "amd64" };

test("the same package under two sets of keys: signed on one device, and not on the other", () => {
  const scene = openScene();
  scene.proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  scene.proofs.set(`${configOf("other")} bash 1.0-1`, {
    state: "failed",
    says: "No trusted key signed it.",
    wanted: "a signature of a trusted key",
  });
  tell(scene, one, "good");
  tell(scene, two, "other");
  settle(scene.desk);
  expect([verdict(scene, one), verdict(scene, two)]).toEqual(["signed: publisher", "unchecked: unreachable"]);
  expect(scene.store.read.package(purlOf("bash"))?.row).toMatchObject({ proof: "failed", devices: 2 });
});

test("what one device calls by another package's name changes nothing on the others", () => {
  const scene = openScene();
  scene.proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  scene.proofs.set(`${configOf("good")} evil 6`, derivedWith({ [bash]: "evil" }));
  tell(scene, two, "good");
  const claim = { kind: "packages", upserts: [packageNamed("bash", { name: "evil", version: "6" })], gone: [] };
  acceptBatch(two, { kind: "batch", first: 4, skipped: 0, frames: [claim] as never }, scene.store, scene.desk, 1);
  settle(scene.desk);
  tell(scene, one, "good");
  settle(scene.desk);
  expect([verdict(scene, one), verdict(scene, two)]).toEqual(["signed: publisher", "refuted: contradicted"]);
});

test("a proof that arrives late judges again, and travels until the device holds it", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  tell(scene, one, "good");
  settle(desk);
  expect(verdict(scene, one)).toBe("unproven: recorded");
  expect(store.inventory.unheldProofs(one, 10)).toEqual([]);

  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash", "/bin/unasked": "x" }));
  desk.noteSettled(configOf("good"), bashVersion);
  expect(settle(desk)).toEqual(new Map([[one, 2]]));
  expect(verdict(scene, one)).toBe("signed: publisher");
  const [waiting] = store.inventory.unheldProofs(one, 10);
  expect(waiting).toMatchObject({ purl: purlOf("bash"), version: 1 });

  const message = ProofMessage.parse(desk.message(one, "", purlOf("bash"), 1));
  expect(message).toMatchObject({ state: "derived", files: [{ path: bash, sha256: digestOf("bash") }] });
  const held = { kind: "held", proofs: [{ root: "", purl: purlOf("bash"), version: 1 }] };
  acceptBatch(one, { kind: "batch", first: 4, skipped: 0, frames: [held] as never }, store, desk, 1);
  expect(store.inventory.unheldProofs(one, 10)).toEqual([]);
});

test("a new file of a package whose proof the device holds makes the proof travel again", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash", "/bin/rbash": "rbash" }));
  tell(scene, one, "good");
  settle(desk);
  store.inventory.heldProof(one, "", purlOf("bash"), 99);
  const version = store.inventory.unheldProofs(one, 1)[0]?.version ?? 0;
  store.inventory.heldProof(one, "", purlOf("bash"), version);
  const more = factsOf("/bin/rbash", { digest: digestOf("rbash"), records: [recordOf("/bin/rbash", "bash")] });
  const frame = { kind: "files", upserts: [more], gone: [] };
  acceptBatch(one, { kind: "batch", first: 4, skipped: 0, frames: [frame] as never }, store, desk, 1);
  expect(store.inventory.unheldProofs(one, 10)).toMatchObject([{ version: version + 1 }]);
  expect(desk.message(one, "", purlOf("bash"), version + 1)?.files).toHaveLength(2);
  expect(desk.message(one, "", purlOf("bash"), version + 1)?.absent).toBeUndefined();
  const claimed = factsOf("/bin/claimed", { digest: digestOf("x"), records: [recordOf("/bin/claimed", "bash")] });
  const second = { kind: "files", upserts: [claimed], gone: [] };
  acceptBatch(one, { kind: "batch", first: 5, skipped: 0, frames: [second] as never }, store, desk, 1);
  expect(desk.message(one, "", purlOf("bash"), version + 2)).toMatchObject({ absent: ["/bin/claimed"] });
});

test("a package updated while its proof is derived is judged by the proof of its new version", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  tell(scene, one, "good");
  settle(desk);
  const newer = packageNamed("bash", { version: "2.0-1", purl: purlOf("bash", "2.0-1") });
  const frames = [
    { kind: "packages", upserts: [newer], gone: [{ purl: purlOf("bash"), location: "/var/lib/dpkg", root: "" }] },
    {
      kind: "files",
      upserts: [bashFile("new", { records: [recordOf(bash, "bash", { purl: newer.purl })] })],
      gone: [],
    },
  ];
  acceptBatch(one, { kind: "batch", first: 4, skipped: 0, frames: frames as never }, store, desk, 2);
  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  desk.noteSettled(configOf("good"), bashVersion);
  settle(desk);
  expect(verdict(scene, one)).toBe("unproven: recorded");
  expect(store.inventory.unheldProofs(one, 10)).toEqual([]);
  proofs.set(`${configOf("good")} bash 2.0-1`, derivedWith({ [bash]: "new" }));
  desk.noteSettled(configOf("good"), { ...bashVersion, version: "2.0-1" });
  settle(desk);
  expect(verdict(scene, one)).toBe("signed: publisher");
});

test("other keys on the device take back what the old ones proved, until the new ones answer", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  tell(scene, one, "good");
  settle(desk);
  expect(verdict(scene, one)).toBe("signed: publisher");
  const archives = { kind: "archives", root: "", sources: [sourceWith("other")] };
  acceptBatch(one, { kind: "batch", first: 4, skipped: 0, frames: [archives] as never }, store, desk, 2);
  settle(desk);
  expect(verdict(scene, one)).toBe("unproven: recorded");
  expect(store.read.package(purlOf("bash"))?.row.proof).toBe("pending");
  proofs.set(`${configOf("other")} bash 1.0-1`, { state: "lapsed", says: "Not listed.", wanted: "an older index" });
  desk.noteSettled(configOf("other"), bashVersion);
  settle(desk);
  expect(verdict(scene, one)).toBe("unchecked: lapsed");
  expect(desk.message(one, "", purlOf("bash"), 2)).toMatchObject({ state: "lapsed", files: [] });
});

test("a new epoch is not judged by the trust of the one before", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  tell(scene, one, "good");
  settle(desk);
  store.inventory.startEpoch(one, "two");
  const frames = [
    { kind: "archives", root: "", sources: [sourceWith("other")] },
    { kind: "packages", upserts: [packageNamed("bash")], gone: [] },
    { kind: "files", upserts: [bashFile()], gone: [] },
  ];
  acceptBatch(one, { kind: "batch", first: 1, skipped: 0, frames: frames as never }, store, desk, 3);
  expect(verdict(scene, one)).toBe("unproven: recorded");
  settle(desk);
  expect(verdict(scene, one)).toBe("unproven: recorded");
});

test("what runs is asked for first", () => {
  const scene = openScene();
  tell(scene, one, "good");
  const running = {
    kind: "running",
    at: 1,
    files: [{ root: "", path: bash }],
    processes: [{ pid: 1, parent: 0, startedAt: 1, uid: 0, user: "root", command: "bash", files: [{ at: 0 }] }],
  };
  acceptBatch(one, { kind: "batch", first: 4, skipped: 0, frames: [running] as never }, scene.store, scene.desk, 1);
  settle(scene.desk);
  expect(scene.asked).toEqual([{ config: configOf("good"), names: ["bash"], running: ["bash"] }]);
});

test("a store that cannot write costs a repetition and no question", () => {
  const scene = openScene();
  const { store, desk, proofs } = scene;
  proofs.set(`${configOf("good")} bash 1.0-1`, derivedWith({ [bash]: "bash" }));
  tell(scene, one, "good");
  const usual = { ...store.inventory };
  const full = (): never => {
    throw new Error("database or disk is full");
  };
  Object.assign(store.inventory, { setConfig: full });
  expect(() => desk.step(1)).toThrow(/full/);
  Object.assign(store.inventory, usual);
  desk.step(2);
  Object.assign(store.inventory, { setProof: full });
  expect(() => desk.step(3)).toThrow(/full/);
  Object.assign(store.inventory, usual);
  settle(desk);
  expect(verdict(scene, one)).toBe("signed: publisher");
});

test("a proof whose words are too long for a message is cut, so that the device can read it", () => {
  const scene = openScene();
  scene.proofs.set(`${configOf("good")} bash 1.0-1`, {
    state: "failed",
    says: "x".repeat(9000),
    wanted: "y".repeat(9000),
  });
  tell(scene, one, "good");
  settle(scene.desk);
  expect(ProofMessage.safeParse(scene.desk.message(one, "", purlOf("bash"), 1)).success).toBe(true);
  const [row] = scene.store.read.executables({ limit: 1, sort: "path" }).rows;
  expect(row?.says.length).toBeLessThanOrEqual(2000);
});

test("a proof of a package that the device does not have is no message", () => {
  const scene = openScene();
  tell(scene, one, "good");
  settle(scene.desk);
  for (const purl of [purlOf("none"), "pkg:npm/left@1", ""])
    expect(scene.desk.message(one, "", purl, 1)).toBeUndefined();
  expect(scene.desk.message(one, "/jail", purlOf("bash"), 1)).toBeUndefined();
  const now = 5 as Instant;
  expect(scene.desk.step(now)).toMatchObject({ asked: false });
});
