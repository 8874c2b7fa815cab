import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { defaultTrust, pinnedRoot } from "./default-trust.ts";
import npmRegistryKeys from "./roots/npm-keys.json" with { type: "json" };
import publicGood from "./roots/public-good.json" with { type: "json" };
import { readTrust } from "./trust.ts";

interface Seed {
  readonly "root.json": string;
  readonly targets: Readonly<Record<string, string>>;
}

const decoded = (base64: string): unknown => JSON.parse(Buffer.from(base64, "base64").toString("utf8")) as unknown;

test("the pinned documents are the targets that the TUF client is seeded with, under the root they say", () => {
  const file = createRequire(import.meta.url).resolve("@sigstore/tuf/seeds.json");
  const [seed] = Object.values(JSON.parse(readFileSync(file, "utf8")) as Record<string, Seed>);
  expect(decoded(seed?.targets["trusted_root.json"] ?? "")).toEqual(publicGood);
  expect(decoded(seed?.targets["registry.npmjs.org%2Fkeys.json"] ?? "")).toEqual(npmRegistryKeys);
  expect(decoded(seed?.["root.json"] ?? "")).toMatchObject({
    signed: { version: pinnedRoot.version, expires: pinnedRoot.expires },
  });
});

test("the default trust can be used as it is, and names no publisher", () => {
  const read = readTrust(defaultTrust);
  if (!read.ok) throw new Error(read.why);
  expect(read.trust.sigstore.authorities.length).toBeGreaterThan(0);
  expect(read.trust.sigstore.logs.length).toBeGreaterThan(0);
  expect(read.trust.keys.length).toBeGreaterThan(0);
  expect(read.trust.builders.length).toBeGreaterThan(0);
  expect(read.trust.publishers).toEqual([]);
});
