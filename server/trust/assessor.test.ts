import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import type { DeviceId, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import { AttestedMessage } from "@provost/shared/protocol/frames.ts";
import { deviceIdOf, digestOf, factsOf } from "../../test/support/frames.ts";
import { forgeBuilder, trustOf } from "../../test/support/signed-statements.ts";
import { sqliteStore } from "../store/index.ts";
import { openAssessor } from "./assessor.ts";
import type { Derivation } from "./derive.ts";
import { openDesk } from "./desk.ts";
import type { ProofDesk } from "./desk.ts";
import { openLibraryOver } from "./library/library.ts";
import { openTrusted } from "./trusted.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const noArchives: Derivation = {
  want: () => digestOf("config"),
  run: () => Promise.resolve(),
  nextDueAt: () => undefined,
  proof: () => undefined,
  counts: () => ({ wanted: 0, derived: 0, lapsed: 0, unsupported: 0, failed: 0, pending: 0 }),
  archives: () => [],
};

const now = instant(Date.parse("2026-11-25T12:00:00Z"));
const [one, two] = [deviceIdOf(1), deviceIdOf(2)];

function openScene(folder = mkdtempSync(join(tmpdir(), "provost-assessor-"))) {
  const store = sqliteStore(folder);
  let open = true;
  const close = (): void => {
    if (open) store.close();
    open = false;
  };
  closers.push(() => {
    close();
    rmSync(folder, { recursive: true, force: true });
  });
  const trusted = openTrusted(store.trust, () => now);
  const assessor = openAssessor({
    store: store.attested,
    inventory: store.inventory,
    library: store.library,
    trust: () => trusted.now(),
    now: () => now,
    judgeFor: (device) => desk.judgeFor(device),
  });
  const desk: ProofDesk = openDesk(store.inventory, noArchives, assessor);
  const library = openLibraryOver(store.library, (why) => {
    throw new Error(why);
  });
  library.onAdded((subjects) => assessor.noteDocuments(subjects));
  trusted.onPublished(() => assessor.noteTrust());
  for (const device of [one, two])
    if (store.inventory.device(device) === undefined)
      store.inventory.addDevice({ id: device, name: device, publicKey: "k", epoch: "e" }, now);
  return {
    folder,
    close,
    store,
    trusted,
    assessor,
    library,
    has(device: DeviceId, ...files: FileFacts[]) {
      store.inventory.putFiles(device, files, [], desk.judgeFor(device), now);
      assessor.noteFiles(device, files);
    },
    upload: (bytes: Buffer) => library.take([{ bytes }], "test", now),
    async settle() {
      const changed = new Map<DeviceId, number>();
      for (let more = true; more;) {
        const stepped = await assessor.step(new AbortController().signal);
        for (const [device, count] of stepped.changed) changed.set(device, (changed.get(device) ?? 0) + count);
        ({ more } = stepped);
      }
      return changed;
    },
    word(device: DeviceId, path: string): string {
      const rows = store.read.executables({ device, limit: 100, sort: "path" } as never).rows;
      const row = rows.find((found) => found.path === path && found.device === device);
      return `${row?.standing}: ${row?.basis}`;
    },
  };
}

const builder = forgeBuilder();
const app = digestOf("the bytes of app");

test("a document that comes after the file makes it proven on every device that has it, and is sent to them", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, factsOf("/opt/app", { digest: app }), factsOf("/opt/other"));
  scene.has(two, factsOf("/usr/local/bin/app", { digest: app }));
  expect(scene.word(one, "/opt/app")).toBe("unproven: none");
  scene.upload(builder.provenance({ sha256: app }));
  expect([...(await scene.settle()).keys()].toSorted()).toEqual([one, two]);
  expect(scene.word(one, "/opt/app")).toBe("proven: source");
  expect(scene.word(two, "/usr/local/bin/app")).toBe("proven: source");
  expect(scene.word(one, "/opt/other")).toBe("unproven: none");
  expect(scene.store.attested.unheld(two, 10)).toEqual([{ subject: app, version: 1 }]);
  const message = scene.assessor.message(app, 1);
  expect(AttestedMessage.parse(message)).toMatchObject({
    judged: { standing: "proven", slsaLevel: 3, trustVersion: scene.trusted.record().version },
    documents: [{ base64: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) }],
  });
});

test("a file that comes after the document is proven too", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.upload(builder.provenance({ sha256: app }));
  expect(scene.store.attested.waiting()).toBe(0);
  scene.has(one, factsOf("/opt/app", { digest: app }));
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("proven: source");
  // Assessed already: a second device hears of it at once, and its file is judged with it.
  scene.has(two, factsOf("/opt/app", { digest: app }));
  expect(scene.word(two, "/opt/app")).toBe("proven: source");
  expect(scene.store.attested.unheld(two, 10)).toEqual([{ subject: app, version: 1 }]);
});

test("a revocation judges again what rested on it, and says what changed", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, factsOf("/opt/app", { digest: app }));
  scene.upload(builder.provenance({ sha256: app }));
  await scene.settle();
  const { version } = scene.trusted.revoke({ what: "key", value: builder.keyId, why: "it was stolen" }, "owner");
  expect(scene.store.attested.waiting()).toBe(1);
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("refuted: revoked");
  expect(scene.store.attested.changes(version, Number.MAX_SAFE_INTEGER, 10)).toMatchObject([
    {
      subject: app,
      from: { standing: "proven", basis: "source" },
      to: { standing: "refuted", basis: "revoked" },
      says: expect.stringContaining("it was stolen"),
    },
  ]);
});

test("what waits is still there for a server that was killed", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, factsOf("/opt/app", { digest: app }));
  scene.upload(builder.provenance({ sha256: app }));
  scene.close();
  const again = openScene(scene.folder);
  expect(again.store.attested.waiting()).toBe(1);
  await again.settle();
  expect(again.word(one, "/opt/app")).toBe("proven: source");
});

test("a forged document is refuted where nothing else is known, and a file's proof stays beside it", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, factsOf("/opt/app", { digest: app }));
  const forged = JSON.parse(builder.provenance({ sha256: app }).toString()) as { signatures: { sig: string }[] };
  const [signature] = forged.signatures;
  if (signature !== undefined) signature.sig = Buffer.from("no signature").toString("base64");
  scene.upload(Buffer.from(JSON.stringify(forged)));
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("refuted: forged");
  scene.upload(builder.provenance({ sha256: app }));
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("proven: source");
});

const tarball = digestOf("the bytes of the tarball");
const sha512 = "5".repeat(128);
const integrity = `sha512-${Buffer.from(sha512, "hex").toString("base64")}`;

const fromTarball = (path: string, archive: Sha256, agrees: "yes" | "no" = "yes"): FileFacts =>
  factsOf(path, {
    records: [
      {
        path,
        purl: "pkg:npm/app@1.0.0" as Purl,
        via: "npm-cache",
        role: "file",
        agrees,
        pinnedBy: { lockfile: "/l", integrity, archive, purl: "pkg:npm/app@1.0.0" as Purl },
      },
    ],
  });

test("what is proven of a tarball carries to the files that stand in it, and to no file that differs", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, fromTarball("/n/a.js", tarball), fromTarball("/n/changed.js", tarball, "no"));
  scene.upload(builder.provenance({ sha512 }, { name: "pkg:npm/app@1.0.0" }));
  await scene.settle();
  expect(scene.word(one, "/n/a.js")).toBe("proven: source");
  expect(scene.word(one, "/n/changed.js")).not.toContain("proven: source");
});

test("a device that lies about a tarball's other digest proves nothing on another device", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  const evil = digestOf("the bytes of an evil tarball");
  scene.has(two, {
    ...fromTarball("/n/a.js", evil),
    records: fromTarball("/n/a.js", evil).records.map((record) => ({
      ...record,
      pinnedBy: { lockfile: "/l", archive: evil, integrity: `sha512-${Buffer.alloc(64, 7).toString("base64")}` },
    })),
  });
  scene.has(one, fromTarball("/n/a.js", evil));
  scene.upload(builder.provenance({ sha512 }));
  await scene.settle();
  expect(scene.word(two, "/n/a.js")).toBe("unproven: pinned");
});

test("a document that names one digest of the tarball and contradicts the other proves nothing", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, fromTarball("/n/a.js", tarball));
  scene.upload(builder.provenance({ sha512, sha256: digestOf("another tarball") }));
  await scene.settle();
  expect(scene.word(one, "/n/a.js")).toBe("unproven: pinned");
});

test("a trust document that cannot be read changes nothing", () => {
  const scene = openScene();
  const before = scene.trusted.record();
  expect(() => scene.trusted.publish({ keys: [{ id: "x" }] }, "owner", "test")).toThrow(/malformed/);
  expect(() => scene.trusted.publish([], "owner", "test")).toThrow(/JSON object/);
  expect(scene.trusted.record()).toEqual(before);
});

test("the public-good root is followed only by an owner who still trusts the one before", () => {
  const scene = openScene();
  const before = {
    sigstore: JSON.parse(scene.trusted.record().document).sigstore[0] as unknown,
    keys: [],
    expires: "x",
  };
  const after = { ...before, sigstore: { ...(before.sigstore as object), tlogs: [] }, expires: "2030-01-01T00:00:00Z" };
  expect(scene.trusted.followPublicGood(before, after, "TUF")?.version).toMatch(/^sha256:/);
  expect(scene.trusted.followPublicGood(before, after, "TUF")).toBeUndefined();
  scene.trusted.publish(trustOf(builder), "owner", "my own");
  expect(scene.trusted.followPublicGood(after, before, "TUF")).toBeUndefined();
});

test("bills of materials about a file prove nothing and stand in nobody's way", async () => {
  const scene = openScene();
  scene.trusted.publish(trustOf(builder), "owner", "test");
  scene.has(one, factsOf("/opt/app", { digest: app }));
  for (let at = 0; at < 300; at += 1)
    scene.upload(
      Buffer.from(
        JSON.stringify({
          bomFormat: "CycloneDX",
          specVersion: "1.6",
          version: at + 1,
          components: [{ type: "file", name: "app", hashes: [{ alg: "SHA-256", content: app }] }],
        }),
      ),
    );
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("unproven: none");
  scene.upload(builder.provenance({ sha256: app }));
  await scene.settle();
  expect(scene.word(one, "/opt/app")).toBe("proven: source");
});
