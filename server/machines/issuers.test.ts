import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openFetch, type Fetch } from "../trust/fetch.ts";
import { openIssuers, type IssuerRule } from "./issuers.ts";

let issuer: string;
let served: { keys: JWK[]; discovery?: unknown; status: number; redirect?: string };
let asked: string[];
let key: CryptoKey;
let other: CryptoKey;
let publicJwk: JWK;
const now = Date.parse("2026-11-25T12:00:00Z");
const fetch = openFetch({ attempts: 1 });
const privateFetch = openFetch({ allowPrivateArchives: true, attempts: 1 });

const server = createServer((request, response) => {
  asked.push(request.url ?? "");
  if (served.redirect !== undefined) return response.writeHead(302, { location: served.redirect }).end();
  const body = request.url?.endsWith("/openid-configuration")
    ? (served.discovery ?? { issuer, jwks_uri: `${issuer}/keys` })
    : { keys: served.keys };
  return response.writeHead(served.status, { "content-type": "application/json" }).end(JSON.stringify(body));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pair = await generateKeyPair("ES256", { extractable: true });
  key = pair.privateKey;
  other = (await generateKeyPair("ES256")).privateKey;
  publicJwk = { ...(await exportJWK(pair.publicKey)), kid: "one" };
});
beforeEach(() => {
  asked = [];
  served = { keys: [publicJwk], status: 200 };
});
afterAll(() => {
  fetch.close();
  privateFetch.close();
  server.close();
});

const rule = (more: Partial<IssuerRule> = {}): IssuerRule => ({
  name: "forge",
  issuer,
  audience: "https://provost.example",
  claims: { repository: { exact: "o/r" }, ref: { pattern: "refs/tags/v[0-9.]+" } },
  scopes: ["documents:write"],
  limits: {},
  privateNetwork: true,
  ...more,
});
const open = (rules: readonly IssuerRule[] = [rule()], guarded: Fetch = fetch) =>
  openIssuers(rules, { fetch: guarded, privateFetch });

interface Wish {
  readonly claims?: Record<string, unknown>;
  readonly audience?: string;
  readonly issuer?: string;
  readonly kid?: string;
  readonly by?: CryptoKey;
  readonly issuedAt?: number;
  readonly seconds?: number;
}
function token(wish: Wish = {}): Promise<string> {
  const at = Math.floor((wish.issuedAt ?? now) / 1000);
  return new SignJWT({ repository: "o/r", ref: "refs/tags/v1.2", sub: "repo:o/r", ...wish.claims })
    .setProtectedHeader({ alg: "ES256", kid: wish.kid ?? "one" })
    .setIssuer(wish.issuer ?? issuer)
    .setAudience(wish.audience ?? "https://provost.example")
    .setIssuedAt(at)
    .setExpirationTime(at + (wish.seconds ?? 300))
    .sign(wish.by ?? key);
}

test("a job that the owner's rule describes gets the rule's grant", async () => {
  expect(await open().grant(await token(), now)).toEqual({
    id: "ci:forge:repo:o/r",
    who: "forge repo:o/r",
    scopes: ["documents:write"],
    limits: {},
  });
});

test.each<readonly [string, Wish, RegExp]>([
  ["another repository", { claims: { repository: "o/r2" } }, /claim repository/],
  ["a repository that contains the right one", { claims: { repository: "x/o/r" } }, /claim repository/],
  ["a reference that begins right", { claims: { ref: "refs/tags/v1.2-evil" } }, /claim ref/],
  ["a claim that is a list", { claims: { repository: ["o/r"] } }, /claim repository/],
  ["a claim that is missing", { claims: { repository: undefined } }, /claim repository/],
  [
    "a claim that is inherited",
    { claims: { repository: undefined, __proto__: { repository: "o/r" } } },
    /claim repository/,
  ],
  ["another audience", { audience: "https://other.example" }, /another audience/],
  ["another issuer", { issuer: "https://token.actions.githubusercontent.com" }, /none that the owner named/],
  ["an issuer with one more slash", { issuer: "http://127.0.0.1/" }, /none that the owner named/],
  ["an expired token", { issuedAt: now - 3_600_000 }, /expired/],
  ["a token from the future", { issuedAt: now + 3_600_000 }, /"iat"|iat/],
  ["a token that is good for a year", { issuedAt: now - 2 * 86_400_000, seconds: 365 * 86_400 }, /expired/],
  ["another key under the same name", { kid: "one" }, /./],
  ["a key that nobody has", { kid: "two" }, /no key of the issuer/],
])("%s is refused", async (name, wish, why) => {
  const made = await token(name.startsWith("another key") ? { ...wish, by: other } : wish);
  const found = await open().grant(made, now);
  expect(found).toEqual(expect.stringMatching(name.startsWith("another key") ? /signature does not hold/ : why));
});

test("a token without a signature, with a shared secret made of the public key, or without an end is refused", async () => {
  const unsigned = new UnsecuredJWT({ repository: "o/r", ref: "refs/tags/v1" })
    .setIssuer(issuer)
    .setAudience("https://provost.example")
    .setIssuedAt(now / 1000)
    .setExpirationTime(now / 1000 + 60)
    .encode();
  expect(await open().grant(unsigned, now)).toEqual(expect.any(String));
  const secret = new TextEncoder().encode(JSON.stringify(publicJwk));
  const confused = await new SignJWT({ repository: "o/r", ref: "refs/tags/v1" })
    .setProtectedHeader({ alg: "HS256", kid: "one" })
    .setIssuer(issuer)
    .setAudience("https://provost.example")
    .setIssuedAt(now / 1000)
    .setExpirationTime(now / 1000 + 60)
    .sign(secret);
  expect(await open().grant(confused, now)).toMatch(/method that is not accepted/);
  const endless = await new SignJWT({ repository: "o/r", ref: "refs/tags/v1" })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuer(issuer)
    .setAudience("https://provost.example")
    .setIssuedAt(now / 1000)
    .sign(key);
  expect(await open().grant(endless, now)).toMatch(/exp/);
});

test.each([
  ["nothing", ""],
  ["a letter", "x"],
  ["three parts of nothing", "a.b.c"],
  ["half a token", "eyJ.eyJ."],
  ["letters beyond ASCII", "é.é.é"],
  ["a text without end", "x".repeat(20_000)],
  ["no signature and no issuer", "eyJhbGciOiJub25lIn0.e30."],
])("%s is no token", async (_name, text) => {
  expect(await open().grant(text, now)).toEqual(expect.any(String));
  expect(asked).toEqual([]);
});

test("the issuer's keys are asked for once, and again when it has new ones, but not for each token", async () => {
  const issuers = open();
  await Promise.all(Array.from({ length: 20 }, async () => issuers.grant(await token(), now)));
  expect(asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
  const fresh = await generateKeyPair("ES256", { extractable: true });
  served.keys = [{ ...(await exportJWK(fresh.publicKey)), kid: "two" }];
  const rotated = await token({ by: fresh.privateKey, kid: "two" });
  expect(await issuers.grant(rotated, now + 30_000)).toMatch(/no key/);
  expect(asked).toHaveLength(2);
  expect(await issuers.grant(rotated, now + 61_000)).toMatchObject({ who: "forge repo:o/r" });
  expect(asked).toHaveLength(4);
  for (let at = 0; at < 5; at += 1) await issuers.grant(await token({ kid: `made-up-${at}` }), now + 70_000);
  expect(asked).toHaveLength(4);
});

test("an issuer that cannot be asked is said, and not asked for every token", async () => {
  served.status = 500;
  const issuers = open();
  for (let at = 0; at < 5; at += 1) expect(await issuers.grant(await token(), now)).toMatch(/could not be fetched/);
  expect(asked).toHaveLength(1);
  served.status = 200;
  expect(await issuers.grant(await token(), now + 31_000)).toMatchObject({ scopes: ["documents:write"] });
});

test("a discovery document that speaks for another issuer is not followed", async () => {
  served.discovery = { issuer: "https://other.example", jwks_uri: `${issuer}/keys` };
  expect(await open().grant(await token(), now)).toMatch(/names another issuer/);
});

test.each([
  ["keys at a loopback address", "https://127.0.0.1:9/keys", /loopback/],
  ["keys at the cloud's metadata", "https://169.254.169.254/keys", /link-local/],
  ["keys over http", "http://keys.example/keys", /not offered over https/],
])("an issuer outside that has its %s is refused", async (_name, address, why) => {
  const outside = "https://issuer.example";
  const discovery = JSON.stringify({ issuer: outside, jwks_uri: address });
  const guarded: Fetch = {
    get: async (request) => {
      if (request.url.hostname !== "issuer.example") return fetch.get(request);
      await request.open()(Buffer.from(discovery));
      return { kind: "delivered", bytes: discovery.length };
    },
  };
  const issuers = open([rule({ issuer: outside, privateNetwork: false })], guarded);
  expect(await issuers.grant(await token({ issuer: outside }), now)).toMatch(why);
});

test("an issuer outside that turns out to be inside is refused", async () => {
  expect(await open([rule({ privateNetwork: false })]).grant(await token(), now)).toMatch(/loopback/);
  expect(asked).toEqual([]);
});

test("of two rules for one issuer the one whose claims hold decides", async () => {
  const rules = [
    rule({ name: "first", claims: { repository: { exact: "o/other" } } }),
    rule({ name: "second", scopes: ["documents:read"] }),
  ];
  expect(await open(rules).grant(await token(), now)).toMatchObject({
    who: "second repo:o/r",
    scopes: ["documents:read"],
  });
});
