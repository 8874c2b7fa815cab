import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFeeds, startFeeds } from "./feeds.ts";
import type { RunningFeeds } from "./feeds.ts";

/** A TAXII server on loopback that pages as section 5.4 says; `lie` bends one answer. */
let server: Server;
let folder: string;
let feeds: RunningFeeds | undefined;
let objects: object[];
let asked: { readonly url: URL; readonly headers: IncomingMessage["headers"] }[];
let lie: ((response: ServerResponse, from: number) => boolean) | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "provost-feeds-"));
  [objects, asked, lie] = [[], [], undefined];
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://taxii.test");
    asked.push({ url, headers: request.headers });
    const from = Number(url.searchParams.get("next") ?? 0);
    if (lie?.(response, from) === true) return;
    const page = objects.slice(from, from + 2);
    const more = from + 2 < objects.length;
    response.setHeader("content-type", "application/taxii+json;version=2.1");
    response.end(JSON.stringify({ more, ...(more ? { next: String(from + 2) } : {}), objects: page }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await feeds?.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const indicator = (number: number, more: object = {}): object => ({
  type: "indicator",
  id: `indicator--${number}`,
  modified: "2026-01-01T00:00:00.000Z",
  pattern: `[ipv4-addr:value = '192.0.2.${number}']`,
  ...more,
});
const settings = (more = ""): string => {
  const path = join(folder, "feeds.yaml");
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    path,
    `feeds:\n  - name: acme\n    collection: http://127.0.0.1:${port}/api/collections/one/\n    privateNetwork: true\n${more}`,
  );
  return path;
};
const start = (more = ""): RunningFeeds => {
  feeds = startFeeds(readFeeds(settings(more)), join(folder, "taxii"), () => undefined, 1);
  return feeds;
};
const stored = (): { id: string; pattern: string }[] =>
  (JSON.parse(readFileSync(join(folder, "taxii/acme.json"), "utf8")) as { objects: { id: string; pattern: string }[] })
    .objects;

test("every page is fetched, of each indicator its newest version, and nothing else is kept", async () => {
  objects = [
    indicator(1),
    indicator(2),
    { type: "malware", id: "malware--1" },
    indicator(3),
    indicator(1, { modified: "2026-02-01T00:00:00.000Z", pattern: "[ipv4-addr:value = '192.0.2.99']" }),
  ];
  expect(await start().refresh()).toEqual(["feed acme: 3 indicators"]);
  expect(stored().map(({ id, pattern }) => [id, pattern])).toEqual([
    ["indicator--1", "[ipv4-addr:value = '192.0.2.99']"],
    ["indicator--2", "[ipv4-addr:value = '192.0.2.2']"],
    ["indicator--3", "[ipv4-addr:value = '192.0.2.3']"],
  ]);
  expect(asked.map(({ url }) => `${url.pathname} ${url.searchParams.get("next") ?? "-"}`)).toEqual([
    "/api/collections/one/objects/ -",
    "/api/collections/one/objects/ 2",
    "/api/collections/one/objects/ 4",
  ]);
  expect(asked[0]?.headers.accept).toBe("application/taxii+json;version=2.1");
  expect(asked[0]?.url.searchParams.get("match[type]")).toBe("indicator");
});

test.each([
  ["token", "    tokenFile: SECRET\n", "Bearer opensesame"],
  ["user", "    user: kim\n    passwordFile: SECRET\n", `Basic ${Buffer.from("kim:opensesame").toString("base64")}`],
])("a %s is read from its file and sent", async (_name, more, wanted) => {
  writeFileSync(join(folder, "secret"), "opensesame\n");
  await start(more.replace("SECRET", join(folder, "secret"))).refresh();
  expect(asked[0]?.headers.authorization).toBe(wanted);
});

const says =
  (body: string, status = 200) =>
  (response: ServerResponse, from: number): boolean => {
    if (from === 0) return false;
    response.statusCode = status;
    response.end(body);
    return true;
  };
test.each<[string, (response: ServerResponse, from: number) => boolean, RegExp]>([
  ["an answer that is no JSON", says("{"), /page 2 .* no JSON/],
  ["another answer", says('{"objects": 7}'), /page 2 .* no TAXII envelope: objects/],
  ["more without a next page", says('{"more": true}'), /more is promised, and no next page/],
  ["pages in a ring", says('{"more": true, "next": "2"}'), /leads back/],
  ["a refusal", says("", 403), /page 2 .* answers 403/],
  ["a failure", says("", 500), /page 2 .* answers 500/],
])("%s leaves what the feed gave last", async (_name, bent, message) => {
  objects = [1, 2, 3].map((number) => indicator(number));
  const running = start();
  await running.refresh();
  lie = bent;
  expect((await running.refresh())[0]).toMatch(message);
  expect(stored()).toHaveLength(3);
  expect(readdirSync(join(folder, "taxii"))).toEqual(["acme.json"]);
});

test("a server that is not there is said; a feed that is no longer named is forgotten", async () => {
  objects = [indicator(1)];
  const path = settings();
  await start().refresh();
  await feeds?.close();
  writeFileSync(path, "feeds: []\n");
  feeds = startFeeds(readFeeds(path), join(folder, "taxii"), () => undefined, 1);
  expect(readdirSync(join(folder, "taxii"))).toEqual([]);
});

test("without leave, a feed inside the own network is not asked", async () => {
  const path = settings();
  writeFileSync(path, readFileSync(path, "utf8").replace("    privateNetwork: true\n", ""));
  feeds = startFeeds(readFeeds(path), join(folder, "taxii"), () => undefined, 1);
  expect((await feeds.refresh())[0]).toMatch(/private|own network|loopback|127\.0\.0\.1/i);
  expect(asked).toEqual([]);
});

test.each([
  ["feeds: [{}]", /feeds\.0\.name/],
  ["feeds: 7", /feeds/],
  ["{", /feeds\.yaml/],
  ["feeds: [{name: a, collection: 'ftp://x.test/'}]", /collection/],
  ["feeds: [{name: a, collection: 'https://x.test/', every: often}]", /cron/],
  ["feeds: [{name: a, collection: 'https://x.test/', user: kim}]", /passwordFile/],
  ["feeds: [{name: a, collection: 'https://x.test/'}, {name: a, collection: 'https://y.test/'}]", /same name/],
  ["feeds: [{name: ../a, collection: 'https://x.test/'}]", /name/],
])("%s is refused with its place", (text, message) => {
  const path = join(folder, "feeds.yaml");
  writeFileSync(path, text);
  expect(() => readFeeds(path)).toThrow(message);
});
