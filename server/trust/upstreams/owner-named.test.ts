import { hash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { json, openLoopback, type Loopback } from "../../../test/support/loopback.ts";
import { openPullScene, type PullScene } from "../../../test/support/pull-scene.ts";
import { digestText, minisignText, provenanceEnvelope } from "../../../test/support/statements.ts";
import { folders } from "./folder/folder.ts";
import { github } from "./github/github.ts";
import { ociRegistries, readImage } from "./oci/oci.ts";
import { tokenAddress } from "./oci/token.ts";
import { nextPage } from "./upstream.ts";

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
const digest = digestText("a");
const document = (repository = "o/r") => JSON.parse(provenanceEnvelope(digest, repository)) as unknown;

test("GitHub: attestations of a digest are taken page by page, from the organization or the user", async () => {
  const path = `/users/octo/attestations/sha256:${digest}?per_page=100`;
  const next = `${path}&after=2`;
  server.routes.set(
    path,
    json(
      { attestations: [{ bundle: document("o/one") }, { bundle: null, bundle_url: "https://x" }] },
      { link: `<${server.address}${next}>; rel="next"` },
    ),
  );
  server.routes.set(
    next,
    json({ attestations: [{ bundle: document("o/two") }] }, { link: '<https://elsewhere.example/>; rel="next"' }),
  );
  const puller = scene.puller([github({ api: server.address, attestations: ["octo"], releases: [], token: "t" })]);
  puller.want([{ kind: "digest", sha256: digest as Sha256 }]);
  await run(puller);
  expect(urls()).toEqual([`/orgs/octo/attestations/sha256:${digest}?per_page=100`, path, next]);
  expect(server.asked.every(({ headers }) => headers.authorization === "Bearer t")).toBe(true);
  expect(scene.held()).toEqual([document("o/one"), document("o/two")].map((one) => JSON.stringify(one)));
});

test("GitHub: evidence among the files of a release is taken in, lines as documents, and the token stays with the API", async () => {
  const cdn = await openLoopback();
  const lines = [provenanceEnvelope(digest, "o/one"), provenanceEnvelope(digest, "o/two")];
  const asset = (name: string) => ({ name, size: 10, browser_download_url: `${server.address}/download/${name}` });
  server.routes.set(
    "/repos/o/r/releases?per_page=100",
    json([{ assets: [asset("app.tar.gz"), asset("app.intoto.jsonl"), { ...asset("big.sigstore.json"), size: 1e9 }] }]),
  );
  server.routes.set("/download/app.intoto.jsonl", { status: 302, headers: { location: `${cdn.address}/file` } });
  cdn.routes.set("/file", { body: `${lines.join("\n")}\n` });
  const puller = scene.puller([github({ api: server.address, attestations: [], releases: ["o/r"], token: "t" })]);
  puller.want([]);
  await run(puller);
  await cdn.close();
  expect(urls()).toEqual(["/repos/o/r/releases?per_page=100", "/download/app.intoto.jsonl"]);
  expect(server.asked[1]?.headers.authorization).toBeUndefined();
  expect(cdn.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  expect(scene.held()).toEqual(lines);
});

test("GitHub: an hour whose questions are used up is waited for, not taken for an answer", async () => {
  server.routes.set("/repos/o/r/releases?per_page=100", { status: 403, headers: { "x-ratelimit-remaining": "0" } });
  const puller = scene.puller([github({ api: server.address, attestations: [], releases: ["o/r"] })]);
  puller.want([]);
  await run(puller);
  expect(scene.store.pulls.pullCounts("github")).toMatchObject({ failed: 1, nothing: 0 });
});

test("a token is not carried to another host by a redirect", async () => {
  const other = await openLoopback();
  server.routes.set("/repos/o/r/releases?per_page=100", {
    status: 302,
    headers: { location: `${other.address}/list` },
  });
  other.routes.set("/list", json([]));
  const puller = scene.puller([github({ api: server.address, attestations: [], releases: ["o/r"], token: "secret" })]);
  puller.want([]);
  await run(puller);
  await other.close();
  expect(other.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

const sha256 = (text: string): string => `sha256:${hash("sha256", text, "hex")}`;
const image = JSON.stringify({ schemaVersion: 2, layers: [] });

/** A registry that wants a token for everything, as the public ones do. */
function registry(bodies: Readonly<Record<string, string>>): void {
  const realm = `${server.address}/token`;
  server.routes.set("/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull", json({ token: "opened" }));
  for (const [path, body] of Object.entries(bodies))
    server.routes.set(path, ({ headers }) =>
      headers.authorization === "Bearer opened"
        ? { body }
        : {
            status: 401,
            headers: {
              "www-authenticate": `Bearer realm="${realm}",service="reg",scope="repository:team/app:pull,push"`,
            },
          },
    );
}
const layered = (bundle: string, mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json") =>
  JSON.stringify({ schemaVersion: 2, layers: [{ mediaType, digest: sha256(bundle), size: bundle.length }] });
const listOf = (manifest: string) =>
  JSON.stringify({
    schemaVersion: 2,
    manifests: [
      { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: sha256(manifest), size: manifest.length },
    ],
  });
const v2 = "/v2/team/app";

test("OCI: what refers to an image is found by the API, after one token that only reads", async () => {
  const bundle = provenanceEnvelope(hash("sha256", image, "hex"));
  const referring = layered(bundle);
  registry({
    [`${v2}/manifests/1.0`]: image,
    [`${v2}/referrers/${sha256(image)}`]: listOf(referring),
    [`${v2}/manifests/${sha256(referring)}`]: referring,
    [`${v2}/blobs/${sha256(bundle)}`]: bundle,
  });
  const puller = scene.puller([ociRegistries([`${server.host}/team/app:1.0`], "http")]);
  puller.want([]);
  await run(puller);
  expect(scene.held()).toEqual([bundle]);
  expect(urls().filter((url) => url.startsWith("/token"))).toHaveLength(1);
  expect(scene.store.library.bySubject({ algorithm: "sha256", hex: hash("sha256", image, "hex") })).toHaveLength(1);
});

test("OCI: without the API the fallback tag is asked, and cosign's own tags always", async () => {
  const [bundle, attached] = [
    provenanceEnvelope(hash("sha256", image, "hex"), "o/one"),
    provenanceEnvelope(hash("sha256", image, "hex"), "o/two"),
  ];
  const [referring, att] = [layered(bundle), layered(attached, "application/vnd.dsse.envelope.v1+json")];
  const tag = sha256(image).replace(":", "-");
  registry({
    [`${v2}/manifests/${tag}`]: listOf(referring),
    [`${v2}/manifests/${sha256(referring)}`]: referring,
    [`${v2}/blobs/${sha256(bundle)}`]: bundle,
    [`${v2}/manifests/${tag}.att`]: att,
    [`${v2}/blobs/${sha256(attached)}`]: attached,
  });
  const puller = scene.puller([ociRegistries([`${server.host}/team/app@${sha256(image)}`], "http")]);
  puller.want([]);
  await run(puller);
  expect(scene.held()).toEqual([bundle, attached]);
});

test("OCI: bytes that are not the ones a manifest names are passed over", async () => {
  const bundle = provenanceEnvelope(hash("sha256", image, "hex"));
  const referring = layered(bundle);
  registry({
    [`${v2}/referrers/${sha256(image)}`]: listOf(referring),
    [`${v2}/manifests/${sha256(referring)}`]: referring,
    [`${v2}/blobs/${sha256(bundle)}`]: provenanceEnvelope(hash("sha256", image, "hex"), "o/evil"),
  });
  const puller = scene.puller([ociRegistries([`${server.host}/team/app@${sha256(image)}`], "http")]);
  puller.want([]);
  await run(puller);
  expect(scene.held()).toEqual([]);
});

test("OCI: a registry whose token opens nothing is asked no second time", async () => {
  server.routes.set("/token?scope=repository%3Ateam%2Fapp%3Apull", json({ token: "useless" }));
  server.routes.set(`${v2}/manifests/latest`, {
    status: 401,
    headers: { "www-authenticate": `Bearer realm="${server.address}/token"` },
  });
  const puller = scene.puller([ociRegistries([`${server.host}/team/app`], "http")]);
  puller.want([]);
  await run(puller);
  expect(server.asked).toHaveLength(3);
  expect(scene.store.pulls.pullCounts("oci")).toMatchObject({ failed: 1 });
});

test.each([
  ['Bearer realm="http://elsewhere.example/token"', "a place without https"],
  ['Bearer realm="file:///etc/passwd"', "a file"],
  ['Basic realm="https://reg.example"', "a password"],
  ['Bearer service="x"', "nothing"],
])("OCI: the challenge %s leads to %s and is not followed", (challenge) => {
  expect(tokenAddress(challenge, "https://reg.example/v2/team/app")).toBeUndefined();
});

test.each([
  ["reg.example/app", { registry: "reg.example", repository: "app", tag: "latest" }],
  ["reg.example:5000/a/b-c:1.2", { registry: "reg.example:5000", repository: "a/b-c", tag: "1.2" }],
  ["app", undefined],
  ["reg.example/../x", undefined],
  ["reg.example/App", undefined],
  ["https://reg.example/app", undefined],
  ["reg.example/app@sha256:12", undefined],
  ["user@reg.example/app", undefined],
])("the image %s is read as it is written", (text, expected) => {
  expect(readImage(text)).toEqual(expected);
});

test.each([
  ['<https://a.example/x?p=2>; rel="next"', "https://a.example/x?p=2"],
  ['</x?p=2>; rel="next"', "https://a.example/x?p=2"],
  ['<https://a.example/1>; rel="prev", <https://a.example/3>; rel="next"', "https://a.example/3"],
  ['<https://b.example/x>; rel="next"', undefined],
  ['<https://a.example/x>; rel="last"', undefined],
  ["nothing", undefined],
  [undefined, undefined],
])("the page after %s", (link, expected) => {
  expect(nextPage(link, "https://a.example/x")).toBe(expected);
});

test("a folder's evidence is taken in once, changed files again, links and everything else never", async () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-drop-"));
  try {
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "one.sigstore.json"), provenanceEnvelope(digest, "o/one"));
    writeFileSync(
      join(folder, "deep", "two.intoto.jsonl"),
      `${provenanceEnvelope(digest, "o/two")}\n${provenanceEnvelope(digest, "o/three")}\n`,
    );
    writeFileSync(join(folder, "program"), "ELF");
    writeFileSync(join(folder, "secret"), provenanceEnvelope(digest, "o/secret"));
    symlinkSync(join(folder, "secret"), join(folder, "link.json"));
    writeFileSync(join(folder, "nothing.json"), minisignText);
    const puller = scene.puller([folders([folder])]);
    puller.want([]);
    await run(puller);
    expect(scene.held().toSorted()).toEqual(
      ["o/one", "o/two", "o/three"].map((source) => provenanceEnvelope(digest, source)).toSorted(),
    );
    expect(scene.store.pulls.pullSays("folder", `source ${folder}`)).toMatch(
      /^3 documents, 1 refused: the document names nothing/,
    );
    writeFileSync(join(folder, "one.sigstore.json"), provenanceEnvelope(digest, "o/newer"));
    scene.later(120_000);
    await run(puller);
    expect(scene.held()).toHaveLength(4);
    rmSync(folder, { recursive: true });
    scene.later(120_000);
    await run(puller);
    expect(scene.store.pulls.pullCounts("folder")).toMatchObject({ failed: 1 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
