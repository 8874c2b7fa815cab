import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import { json, openLoopback, type Loopback } from "../../test/support/loopback.ts";
import { openPullScene, type PullScene } from "../../test/support/pull-scene.ts";
import { device, installed } from "../store/contract-samples.ts";
import { packageBooks } from "./package-books.ts";
import { packageHistory } from "./package-history.ts";
import type { WantedPackage } from "./package-history.ts";
import { npmRegistry } from "./upstreams/npm/npm.ts";

let server: Loopback;
let scene: PullScene;
beforeEach(async () => {
  server = await openLoopback();
  scene = openPullScene();
  scene.store.inventory.addDevice({ id: device, name: "alpha", publicKey: "k", epoch: "one" }, 1);
});
afterEach(async () => {
  scene.close();
  await server.close();
});

const wanted = (version: string): WantedPackage => ({
  kind: "package",
  ecosystem: "npm",
  name: "@nrwl/nx",
  version,
});
const purl = (version: string) => `pkg:npm/%40nrwl/nx@${version}` as Purl;

function attest(version: string, kind = "npm-attestations"): void {
  const bytes = Buffer.from(`${kind} ${version}`);
  const sha256 = createHash("sha256").update(bytes).digest("hex") as Sha256;
  const none = { subjects: [], repositories: [], sources: [], commits: [], builders: [], signers: [], predicates: [] };
  const document = { bytes, sha256, mediaType: "application/json" };
  scene.store.library.add(document, { kind, purls: [purl(version)], ...none }, "upstream npm", 1 as Instant);
}
function install(version: string, location = "/srv/node_modules/@nrwl/nx"): void {
  const one = {
    ...installed("x"),
    ecosystem: "npm" as const,
    name: "@nrwl/nx",
    version,
    purl: purl(version),
    location,
  };
  scene.store.inventory.putPackages(device, [one], [], 1);
}
/** The registry, asked about these versions, has nothing but the last answer's manifest of them. */
async function ask(versions: readonly string[], status = 404): Promise<readonly string[]> {
  const heard: string[] = [];
  for (const version of versions) server.routes.set(`/@nrwl%2fnx/${version}`, status === 404 ? json({}) : { status });
  const puller = scene.puller([npmRegistry(server.address)], { parallelism: 1 }, (one) => {
    if (one.kind !== "package") return;
    heard.push(one.version);
  });
  puller.want(versions.map((version) => wanted(version)));
  await puller.run(new AbortController().signal);
  return heard;
}
const found = (version: string) => packageHistory(wanted(version), packageBooks(scene.store), 5000);

test("a version without an attestation after one with it is told where it is installed, whichever answer came last", async () => {
  for (const version of ["21.4.0", "21.5.0"]) install(version, `/srv/${version}`);
  attest("21.4.0");
  expect(await ask(["21.5.0", "21.4.0"])).toEqual(expect.arrayContaining(["21.4.0", "21.5.0"]));
  for (const version of ["21.4.0", "21.5.0"])
    expect(found(version)).toMatchObject([
      {
        device,
        level: "medium",
        rule: { id: "provost.package-provenance" },
        sentence:
          "@nrwl/nx 21.5.0 in /srv/21.5.0 has no attestation at its registry; 21.4.0, the version before it here, has one.",
        subject: { kind: "package", purl: purl("21.5.0") },
        provenanceChange: 0.9,
        facts: { "attested before": purl("21.4.0") },
      },
    ]);
  expect(found("21.4.0")[0]?.id).toBe(found("21.5.0")[0]?.id);
});

test.each<[string, readonly string[], readonly string[]]>([
  ["both are attested", ["1.0.0", "1.1.0"], ["1.0.0", "1.1.0"]],
  ["neither is", ["1.0.0", "1.1.0"], []],
  ["attestations begin with the newer", ["1.0.0", "1.1.0"], ["1.1.0"]],
  ["the one just before has none either, and was told", ["1.0.0", "1.1.0", "1.2.0"], ["1.0.0", "1.1.0", "1.2.0"]],
  ["it is the only one known", ["1.1.0"], []],
  // 1.9 comes before 1.10, whatever their letters say.
  ["the attested one is newer", ["1.9.0", "1.10.0"], ["1.10.0"]],
])("nothing is told where %s", async (_what, versions, attested) => {
  for (const version of versions) install(version, `/srv/${version}`);
  for (const version of attested) attest(version);
  await ask(versions);
  expect(found(versions[0] ?? "")).toEqual([]);
});

test("a registry's own signature is no attestation and a registry that failed said nothing", async () => {
  install("1.1.0");
  attest("1.0.0", "npm-signature");
  await ask(["1.0.0", "1.1.0"]);
  expect(found("1.1.0")).toEqual([]);
  attest("1.0.0");
  expect(found("1.1.0")).toHaveLength(1);
  install("2.0.0", "/srv/two");
  await ask(["2.0.0"], 500);
  attest("1.1.0");
  expect(found("2.0.0")).toEqual([]);
});

test("a version that nobody has installed any more is not told", async () => {
  attest("1.0.0");
  await ask(["1.0.0", "1.1.0"]);
  expect(found("1.1.0")).toEqual([]);
});

test("another package whose name begins alike is another package", async () => {
  install("1.1.0");
  attest("1.0.0");
  await ask(["1.1.0"]);
  scene.store.pulls.wantPulls("npm", ["package npm @nrwl/nx-other 1.0.0"], 1 as Instant);
  expect(scene.store.pulls.answeredVersions("npm", "@nrwl/nx")).toEqual(["1.1.0"]);
  expect(found("1.1.0")).toEqual([]);
});
