import { afterAll, beforeAll, expect, test } from "vitest";
import { openLibraryWorld, type LibraryWorld } from "../../test/support/library-world.ts";
import { forgeBuilder, trustOf } from "../../test/support/signed-statements.ts";

let scene: LibraryWorld;
let keeper: string;
let reader: string;
beforeAll(async () => {
  scene = await openLibraryWorld();
  keeper = await scene.token(["trust:write", "documents:read"]);
  reader = await scene.token(["documents:read"]);
});
afterAll(() => scene.close());

const builder = forgeBuilder();
const asText = (body: unknown): string => JSON.stringify(body);
const post = (token: string, path: string, body: unknown) =>
  scene.machine(token, "POST", path, asText(body), "application/json");
const currentVersion = async (): Promise<string> => {
  const { json } = await scene.machine(reader, "GET", "/api/v1/trust");
  return (json as { current: { version: string } }).current.version;
};

test("the product's own trust counts first, and says which TUF root it was pinned under", async () => {
  const { status, json } = await scene.machine(reader, "GET", "/api/v1/trust");
  expect(status).toBe(200);
  expect((json as { current: { document: object } }).current.document).not.toHaveProperty("publishers");
  expect(json).toMatchObject({
    current: { by: "provost", why: expect.stringContaining("TUF root") },
    versions: [{ by: "provost" }],
  });
});

test("a published document is the newest, and every version stays readable as it was", async () => {
  const before = await currentVersion();
  const made = await post(keeper, "/api/v1/trust", { document: trustOf(builder), why: "our builder" });
  expect([made.status, made.json]).toMatchObject([
    200,
    { version: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), why: "our builder" },
  ]);
  const { version } = made.json as { version: string };
  expect(await currentVersion()).toBe(version);
  const stored = await scene.machine(reader, "GET", `/api/v1/trust/${version}`);
  expect(stored.json).toEqual(trustOf(builder));
  expect((await scene.machine(reader, "GET", `/api/v1/trust/${before}`)).status).toBe(200);
});

test("the same document published again has the same version", async () => {
  const first = await post(keeper, "/api/v1/trust", { document: trustOf(builder), why: "once" });
  const second = await post(keeper, "/api/v1/trust", { document: trustOf(builder), why: "twice" });
  expect((second.json as { version: string }).version).toBe((first.json as { version: string }).version);
});

test("a withdrawal is a new version, and its changes can be read", async () => {
  const made = await post(keeper, "/api/v1/trust/revocations", { what: "key", value: builder.keyId, why: "stolen" });
  expect(made.status).toBe(200);
  const { version } = made.json as { version: string };
  const { json } = await scene.machine(reader, "GET", `/api/v1/trust/${version}`);
  expect(json).toMatchObject({ revocations: [{ what: "key", value: builder.keyId, why: "stolen" }] });
  const changes = await scene.machine(reader, "GET", `/api/v1/trust/${version}/changes?limit=5`);
  expect(changes.json).toEqual({ version, waiting: 0, rows: [] });
});

test.each<readonly [string, string, unknown, number, RegExp]>([
  ["no document", "/api/v1/trust", { why: "x" }, 400, /document/],
  ["no reason", "/api/v1/trust", { document: {} }, 400, /why/],
  ["a member nobody knows", "/api/v1/trust", { document: { keyz: [] }, why: "x" }, 422, /malformed/],
  [
    "a key that is none",
    "/api/v1/trust",
    { document: { keys: [{ id: "k", pem: "nonsense", uses: ["envelope"] }] }, why: "x" },
    422,
    /the key k: /,
  ],
  ["a withdrawal of nothing", "/api/v1/trust/revocations", { what: "key", why: "x" }, 400, /value/],
  [
    "a withdrawal of what cannot be withdrawn",
    "/api/v1/trust/revocations",
    { what: "device", value: "x", why: "x" },
    400,
    /what/,
  ],
  [
    "a window that is no time",
    "/api/v1/trust/revocations",
    { what: "key", value: "k", why: "x", from: "yesterday" },
    400,
    /from/,
  ],
])("refused with the reason, and nothing changes: %s", async (_what, path, body, status, why) => {
  const before = await currentVersion();
  const answer = await post(keeper, path, body);
  expect([answer.status, (answer.json as { detail: string }).detail]).toEqual([status, expect.stringMatching(why)]);
  expect(await currentVersion()).toBe(before);
});

test("who may only read documents changes no trust; who has no token reads none", async () => {
  const before = await currentVersion();
  expect((await post(reader, "/api/v1/trust", { document: {}, why: "x" })).status).toBe(403);
  expect((await post("", "/api/v1/trust/revocations", { what: "key", value: "k", why: "x" })).status).toBe(401);
  expect((await scene.machine("", "GET", "/api/v1/trust")).status).toBe(401);
  expect(await currentVersion()).toBe(before);
});

test("a version that never was is not found", async () => {
  for (const path of ["/api/v1/trust/sha256:00", "/api/v1/trust/sha256:00/changes"])
    expect((await scene.machine(reader, "GET", path)).status).toBe(404);
});
