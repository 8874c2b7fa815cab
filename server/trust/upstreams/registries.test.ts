import { afterEach, beforeEach, expect, test } from "vitest";
import { json, openLoopback, type Loopback } from "../../../test/support/loopback.ts";
import { openPullScene, type PullScene } from "../../../test/support/pull-scene.ts";
import { digestText, provenanceEnvelope } from "../../../test/support/statements.ts";
import { npmRegistry } from "./npm/npm.ts";
import { filesWithProvenance, pypiIndex } from "./pypi/pypi.ts";
import type { Wanted } from "./upstream.ts";

let server: Loopback;
let scene: PullScene;
beforeEach(async () => {
  server = await openLoopback();
  scene = openPullScene();
});
afterEach(async () => {
  scene.close();
  await server.close();
});

const run = async (puller: ReturnType<PullScene["puller"]>): Promise<void> => puller.run(new AbortController().signal);
const urls = (): readonly string[] => server.asked.map(({ url }) => url);
const npm = (name: string, version = "1.0.0"): Wanted => ({ kind: "package", ecosystem: "npm", name, version });
const pypi = (name: string, version = "1.0"): Wanted => ({ kind: "package", ecosystem: "pypi", name, version });

const integrity = `sha512-${Buffer.alloc(64, 7).toString("base64")}`;
const manifest = (name: string) => ({
  name,
  version: "1.0.0",
  dist: { integrity, signatures: [{ keyid: "SHA256:k", sig: "AAAA" }] },
});

test("npm: the registry's signature is kept with the version's manifest, and attestations where there are some", async () => {
  server.routes.set("/@o%2fr/1.0.0", json(manifest("@o/r"), { etag: '"m"' }));
  const puller = scene.puller([npmRegistry(server.address)]);
  puller.want([npm("@o/r"), npm("gone")]);
  await run(puller);
  expect(scene.held()).toEqual([JSON.stringify(manifest("@o/r"))]);
  expect(urls().toSorted()).toEqual([
    "/-/npm/v1/attestations/@o%2fr@1.0.0",
    "/-/npm/v1/attestations/gone@1.0.0",
    "/@o%2fr/1.0.0",
    "/gone/1.0.0",
  ]);
  expect(scene.store.pulls.pullCounts("npm")).toMatchObject({ found: 1, nothing: 1, failed: 0 });
});

test.each(["..", "../../-/all", "a/b", "@o/../x", "a?b", "a#b", "a%2fb", ".hidden", "a b", "", "x".repeat(215)])(
  "npm: a package that calls itself %j is not asked for",
  async (name) => {
    const puller = scene.puller([npmRegistry(server.address)]);
    puller.want([npm(name)]);
    await run(puller);
    expect(server.asked).toEqual([]);
  },
);

test("PyPI: whatever a package calls itself, the address stays below the list of projects", async () => {
  const puller = scene.puller([pypiIndex(server.address)]);
  puller.want([pypi("../../x?y#z")]);
  await run(puller);
  expect(urls()).toEqual(["/simple/-%2F-%2Fx%3Fy%23z/"]);
});

test("npm: what was answered is not asked again before its time, and then only whether it changed", async () => {
  server.routes.set("/r/1.0.0", json(manifest("r"), { etag: '"m"' }));
  const puller = scene.puller([npmRegistry(server.address)]);
  puller.want([npm("r")]);
  await run(puller);
  puller.want([npm("r")]);
  await run(puller);
  expect(server.asked).toHaveLength(2);
  scene.later(4 * 86_400_000);
  await run(puller);
  expect(server.asked).toHaveLength(4);
  expect(server.asked.at(-1)?.headers["if-none-match"]).toBe('"m"');
  expect(scene.held()).toHaveLength(1);
});

test("a host that asks to be left alone is left alone, and the others are not", async () => {
  server.routes.set("/-/npm/v1/attestations/a@1.0.0", { status: 429, headers: { "retry-after": "600" } });
  server.routes.set("/simple/p/", json({ files: [] }));
  const puller = scene.puller([npmRegistry(server.address), pypiIndex(server.address)], { parallelism: 1 });
  puller.want([npm("a"), npm("b"), npm("c"), pypi("p")]);
  await run(puller);
  expect(urls()).toEqual(["/-/npm/v1/attestations/a@1.0.0", "/simple/p/"]);
  scene.later(599_000);
  await run(puller);
  expect(server.asked).toHaveLength(2);
  scene.later(2000);
  await run(puller);
  expect(urls()).toContain("/b/1.0.0");
});

test("an upstream that fails three times in a row rests, whatever is still wanted of it", async () => {
  for (const name of ["a", "b", "c", "d", "e"])
    server.routes.set(`/-/npm/v1/attestations/${name}@1.0.0`, { status: 500 });
  const puller = scene.puller([npmRegistry(server.address)], { parallelism: 1 });
  puller.want(["a", "b", "c", "d", "e"].map((name) => npm(name)));
  await run(puller);
  expect(scene.store.pulls.pullCounts("npm")).toMatchObject({ failed: 3, pending: 2 });
  expect(scene.store.pulls.duePulls("npm", 2_000_000 as never, 9).map(({ wanted }) => wanted)).toContain(
    "package npm d 1.0.0",
  );
  expect(puller.nextDueAt()).toBeGreaterThan(1_000_000 + 60_000);
});

test("stopping loses nothing: what was in hand is due again at once", async () => {
  const stop = new AbortController();
  server.routes.set("/-/npm/v1/attestations/a@1.0.0", () => {
    stop.abort();
    return json({});
  });
  const puller = scene.puller([npmRegistry(server.address)], { parallelism: 1 });
  puller.want([npm("a"), npm("b")]);
  await puller.run(stop.signal);
  expect(scene.store.pulls.pullCounts("npm")).toMatchObject({ pending: 2 });
  await run(scene.puller([npmRegistry(server.address)]));
  expect(scene.store.pulls.pullCounts("npm")).toMatchObject({ pending: 0, nothing: 2 });
});

test("an answer larger than its bound is refused, and is not kept in memory whole", async () => {
  server.routes.set("/a/1.0.0", { body: Buffer.alloc(2 * 1024 * 1024, 0x20) });
  const puller = scene.puller([npmRegistry(server.address)]);
  puller.want([npm("a")]);
  await run(puller);
  expect(scene.store.pulls.pullCounts("npm")).toMatchObject({ failed: 1 });
  expect(scene.held()).toEqual([]);
});

test("PyPI: only the version's own files that have provenance are asked for, and only at the index itself", async () => {
  const found = provenanceEnvelope(digestText("a"));
  server.routes.set(
    "/simple/my-project/",
    json({
      files: [
        {
          filename: "my_project-1.0-py3-none-any.whl",
          provenance: `${server.address}/integrity/my-project/1.0/w/provenance`,
        },
        { filename: "my_project-1.0.tar.gz", provenance: null },
        { filename: "my_project-1.0.1-py3-none-any.whl", provenance: `${server.address}/integrity/other` },
        { filename: "my_project-1.0-cp311-none-any.whl", provenance: "https://elsewhere.example/integrity" },
      ],
    }),
  );
  server.routes.set("/integrity/my-project/1.0/w/provenance", { body: found });
  const puller = scene.puller([pypiIndex(server.address)]);
  puller.want([pypi("My.Project")]);
  await run(puller);
  expect(urls()).toEqual(["/simple/my-project/", "/integrity/my-project/1.0/w/provenance"]);
  expect(server.asked[0]?.headers.accept).toBe("application/vnd.pypi.simple.v1+json");
  expect(scene.held()).toEqual([found]);
});

test.each(["", "{", "[]", '{"files": 1}', '{"files": [{"filename": 1}]}', "[".repeat(1000)])(
  "PyPI: the list %j is refused by name",
  (text) => {
    expect(() => filesWithProvenance(Buffer.from(text), "p", "1.0")).toThrow(
      expect.objectContaining({ name: "NotNow", final: true }),
    );
  },
);
