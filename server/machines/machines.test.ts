import { afterAll, beforeAll, expect, test } from "vitest";
import { Problem } from "@provost/shared/protocol/api.ts";
import { MadeToken, Received, TokenList } from "@provost/shared/protocol/library-api.ts";
import type { DocumentKeys } from "@provost/shared/provenance/document-keys.ts";
import { openLibraryWorld, type LibraryWorld } from "../../test/support/library-world.ts";
import { digestText, provenanceEnvelope } from "../../test/support/statements.ts";
import { allows, scopes, withinLimits, type Grant } from "./grant.ts";
import { openMachines } from "./machines.ts";
import { openRate } from "./rate.ts";
import { grantOfToken, newMachineToken } from "./tokens.ts";

let scene: LibraryWorld;
beforeAll(async () => {
  scene = await openLibraryWorld();
});
afterAll(() => scene.close());

const wish = { name: "ci", scopes: ["documents:write"], limits: {}, expiresAt: 2000 } as const;
const store = () => scene.world.parts.store.machines;

test("a token opens what it is for until it ends", () => {
  const { secret } = newMachineToken(store(), wish, 1000);
  expect(grantOfToken(store(), secret, 1999)).toMatchObject({ who: "token ci", scopes: ["documents:write"] });
  expect(grantOfToken(store(), secret, 2000)).toMatch(/expired/);
});

test("no text but the very secret is a token", () => {
  const { secret } = newMachineToken(store(), wish, 1000);
  const changed = (at: number): string => secret.slice(0, at) + (secret[at] === "A" ? "B" : "A") + secret.slice(at + 1);
  const wrong = [
    changed(secret.length - 20),
    changed(6),
    secret.slice(0, -1),
    `${secret}A`,
    secret.toUpperCase(),
    "pvt_",
    "",
    `pvt_${"0".repeat(16)}_${"A".repeat(43)}`,
  ];
  for (const text of wrong) expect([text, grantOfToken(store(), text, 1500)]).toEqual([text, "the token is not known"]);
});

test("the owner makes a token, sees it without its secret, and ends it", async () => {
  const made = MadeToken.parse(
    (await scene.owner("POST", "/api/v1/tokens", { name: "pipeline", scopes: ["documents:read"], days: 1 })).json,
  );
  expect((await scene.machine(made.secret, "GET", "/api/v1/documents")).status).toBe(200);
  const listed = await scene.owner("GET", "/api/v1/tokens");
  expect(TokenList.parse(listed.json).rows.find(({ id }) => id === made.token.id)).toMatchObject({
    name: "pipeline",
    usedAt: expect.any(Number),
  });
  expect(listed.bytes.toString()).not.toContain(made.secret.slice(-20));
  expect((await scene.owner("POST", `/api/v1/tokens/${made.token.id}/revoke`)).status).toBe(200);
  const refused = await scene.machine(made.secret, "GET", "/api/v1/documents");
  expect([refused.status, Problem.parse(refused.json)]).toMatchObject([
    401,
    { code: "TOKEN_REFUSED", detail: "the token pipeline was revoked" },
  ]);
  expect((await scene.owner("POST", `/api/v1/tokens/${made.token.id}/revoke`)).status).toBe(404);
  expect(scene.world.said.join("\n")).toMatch(/revoked/);
  expect(scene.world.said.join("\n")).not.toContain(made.secret.slice(-20));
});

test.each<readonly [string, unknown]>([
  ["no name", { scopes: ["documents:read"] }],
  ["no scope", { name: "x", scopes: [] }],
  ["a scope nobody knows", { name: "x", scopes: ["root"] }],
  ["a life of a century", { name: "x", scopes: ["documents:read"], days: 36_500 }],
  ["a pattern that is none", { name: "x", scopes: ["documents:read"], limits: { purl: { pattern: "(" } } }],
  ["a pattern that takes for ever", { name: "x", scopes: ["documents:read"], limits: { purl: { pattern: "(a+)+" } } }],
  ["a member nobody knows", { name: "x", scopes: ["documents:read"], admin: true }],
  ["a name with a line feed", { name: "x\ny", scopes: ["documents:read"] }],
])("a token with %s is not made", async (_name, body) => {
  const answer = await scene.owner("POST", "/api/v1/tokens", body);
  expect([answer.status, Problem.parse(answer.json).code]).toEqual([400, "CONFIG_INVALID"]);
});

test("no token makes, lists or ends tokens", async () => {
  const admin = await scene.token([...scopes]);
  for (const [method, path] of [
    ["GET", "/api/v1/tokens"],
    ["POST", "/api/v1/tokens"],
    ["POST", "/api/v1/tokens/x/revoke"],
  ] as const) {
    const answer = await scene.machine(admin, method, path, method === "POST" ? "{}" : undefined);
    expect([path, answer.status]).toEqual([path, 401]);
  }
});

test("a token for one source adds nothing about another", async () => {
  const secret = await scene.token(["documents:write"], { limits: { repository: { exact: "github.com/o/r" } } });
  const other = await scene.machine(secret, "POST", "/api/v1/documents", provenanceEnvelope(digestText("1"), "o/r2"));
  expect([other.status, Received.parse(other.json)]).toMatchObject([
    422,
    { refused: 1, documents: [{ code: "NOT_ALLOWED" }] },
  ]);
  const own = await scene.machine(secret, "POST", "/api/v1/documents", provenanceEnvelope(digestText("1"), "o/r"));
  expect(own.status).toBe(200);
});

const keys = (purls: readonly string[], repositories: readonly string[] = []) =>
  ({ purls, repositories }) as unknown as DocumentKeys;
test.each<readonly [string, readonly string[], boolean]>([
  ["its own", ["pkg:npm/%40o/a@1"], true],
  ["its own and another's", ["pkg:npm/%40o/a@1", "pkg:npm/b@1"], false],
  ["none", [], false],
  ["one that contains its own", ["pkg:npm/x@1#pkg:npm/%40o/a@1"], false],
])("a limit on packages holds for a document that names %s", (_name, purls, may) => {
  expect(withinLimits({ purl: { pattern: "pkg:npm/%40o/[a-z]+@[0-9.]+" } }, keys(purls)) === undefined).toBe(may);
});

test("moving whole libraries includes reading and writing documents, and never trust", () => {
  expect(scopes.map((scope) => allows({ scopes: ["library:admin"] }, scope))).toEqual([true, true, true, false]);
  expect(scopes.map((scope) => allows({ scopes: ["trust:write"] }, scope))).toEqual([false, false, false, true]);
});

test("a rate refills, is kept for each name apart, and forgets who was silent longest", () => {
  const rate = openRate({ holds: 2, perSecond: 1 }, 2);
  expect([rate.take("a", 1, 0), rate.take("a", 1, 0), rate.take("a", 1, 0)]).toEqual([
    { ok: true },
    { ok: true },
    { ok: false, waitMs: 1000 },
  ]);
  expect([rate.take("b", 2, 0).ok, rate.take("a", 1, 1000).ok, rate.take("a", 1, 1000).ok]).toEqual([
    true,
    true,
    false,
  ]);
  rate.take("c", 2, 1000);
  expect(rate.take("b", 2, 1000).ok).toBe(true);
  // A clock that was set back gives nothing.
  expect([rate.take("b", 1, 1000).ok, rate.take("b", 1, -1e9).ok]).toEqual([false, false]);
});

test("who asks too often, or is refused too often, is told how long to wait", async () => {
  const grant: Grant = { id: "ci:x", who: "x", scopes: ["documents:read"], limits: {} };
  const said: string[] = [];
  const issuers = { grant: (text: string) => Promise.resolve(text === "eyJgood" ? grant : "no") };
  const machines = openMachines({ store: store(), issuers, now: () => 1000, log: (line) => said.push(line) });
  for (let at = 0; at < 600; at += 1) await machines.enter("Bearer eyJgood", "1.2.3.4", "documents:read");
  await expect(machines.enter("Bearer eyJgood", "1.2.3.4", "documents:read")).rejects.toMatchObject({
    code: "LIMIT",
    retryAfterSeconds: 1,
  });
  for (let at = 0; at < 60; at += 1)
    await expect(machines.enter("Bearer bad", "1.2.3.4", "documents:read")).rejects.toMatchObject({
      code: "TOKEN_REFUSED",
    });
  await expect(machines.enter("Bearer bad", "1.2.3.4", "documents:read")).rejects.toMatchObject({ code: "LIMIT" });
  await expect(machines.enter("Bearer bad", "5.6.7.8", "documents:read")).rejects.toMatchObject({
    code: "TOKEN_REFUSED",
  });
  expect(() => machines.spend(grant, 9 * 2 ** 30)).toThrow(expect.objectContaining({ code: "LIMIT" }));
  expect(said).toContain("machines: refused a token from 1.2.3.4: no");
});

test.each([
  ["nothing", ""],
  ["another scheme", "Basic abc"],
  ["no token", "Bearer"],
  ["two tokens", "Bearer a b"],
  ["a text without end", `Bearer ${"x".repeat(30_000)}`],
])("a header with %s is refused", async (_name, authorization) => {
  const machines = openMachines({
    store: store(),
    issuers: { grant: () => Promise.resolve("no") },
    now: () => 1000,
    log: () => undefined,
  });
  await expect(machines.enter(authorization, "x", "documents:read")).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
});
