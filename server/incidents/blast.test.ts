import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceId, Instant, Purl } from "@provost/shared/model/ids.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import { npmAttestations } from "../../test/support/sigstore/registry-documents.ts";
import { asUnproven, device, digit, file, installed, other } from "../store/contract-samples.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openLibraryOver } from "../trust/library/library.ts";
import { blastOf } from "./blast.ts";

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-blast-"));
  store = sqliteStore(folder);
  for (const [id, name] of [
    [device, "alpha"],
    [other, "beta"],
  ] as const)
    store.inventory.addDevice({ id, name, publicKey: `key ${name}`, epoch: "one" }, 1);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const kit = "pkg:npm/%40acme/kit@1.1.0" as Purl;
function install(on: DeviceId, name: string, version: string): void {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}` as Purl;
  const one = { ...installed("x"), ecosystem: "npm" as const, name, version, purl, location: `/srv/${name}` };
  store.inventory.putPackages(on, [one], [], 1);
}
const finding = (more: Partial<DetectedFinding>): DetectedFinding => ({
  id: "fnd_1",
  device,
  at: 5 as Instant,
  source: "reducer",
  rule: { id: "r", title: "t" },
  level: "high",
  techniques: [],
  sentence: "s",
  subject: { kind: "device" },
  lineage: [],
  events: [],
  facts: {},
  ...more,
});
const blast = (findings: readonly DetectedFinding[], digests: readonly ReturnType<typeof digit>[] = []) =>
  blastOf({ device, digests } as never, findings, store).map(({ device: on, deviceName, by, what }) => [
    on === other,
    deviceName,
    by,
    what,
  ]);

test("the same bytes on another device", () => {
  for (const on of [device, other])
    store.inventory.putFiles(on, [file("/tmp/x", { digest: digit("a") })], [], asUnproven, 1);
  expect(blast([], [digit("a")])).toEqual([[true, "beta", "digest", "/tmp/x"]]);
});

test.each<[string, Partial<DetectedFinding>]>([
  ["that a finding is about", { subject: { kind: "package", purl: kit } }],
  ["whose file it is", { facts: { package: kit } }],
  // As an install hook's finding names it.
  [
    "by its name alone, in the version that this device has",
    { subject: { kind: "package", purl: "pkg:npm/%40acme/kit" } },
  ],
])("the package %s, in the same version", (_what, about) => {
  install(device, "@acme/kit", "1.1.0");
  install(other, "@acme/kit", "1.1.0");
  expect(blast([finding(about)])).toEqual([[true, "beta", "package", kit]]);
  install(other, "@acme/kit", "1.0.0");
  expect(blast([finding(about)])).toEqual([[true, "beta", "package", kit]]);
});

test("what the same identity signed, and nothing that only the registry's key is on", () => {
  install(device, "@acme/kit", "1.1.0");
  install(other, "@acme/tools", "3.0.0");
  install(other, "innocent", "1.0.0");
  const library = openLibraryOver(store.library, () => undefined);
  const filed = (name: string, version: string, repository: string): void => {
    const bytes = Buffer.from(JSON.stringify(npmAttestations(name, version, { repository })));
    expect(library.take([{ bytes }], "upstream npm", 1 as Instant)).toMatchObject([{ outcome: "added" }]);
  };
  filed("@acme/kit", "1.1.0", "eve/kit");
  filed("@acme/tools", "3.0.0", "eve/kit");
  filed("innocent", "1.0.0", "somebody/else");
  expect(blast([finding({ subject: { kind: "package", purl: kit } })])).toEqual([
    [true, "beta", "signer", "pkg:npm/%40acme/tools@3.0.0"],
  ]);
});
