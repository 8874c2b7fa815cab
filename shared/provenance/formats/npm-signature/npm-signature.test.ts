import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import { npmKeys } from "../../npm-keys.ts";
import type { Subject } from "../../subject.ts";
import { readTrust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const registry = generateKeyPairSync("ec", { namedCurve: "P-256" });
const old = generateKeyPairSync("ec", { namedCurve: "P-256" });
const tarball = Buffer.from("a tarball");
const hex = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest("hex");
const digest = (bytes: Uint8Array): Subject["sha256"] => sha256(hex("sha256", bytes)) ?? ("" as never);
const subject: Subject = { sha256: digest(tarball), sha512: hex("sha512", tarball) };
const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
const spki = (key: typeof registry): string => key.publicKey.export({ type: "spki", format: "der" }).toString("base64");

const manifest = (name = "pkg", version = "1.0.0", by = registry, keyid = "SHA256:new") => ({
  name,
  version,
  dist: {
    integrity,
    signatures: [
      { keyid, sig: sign("sha256", Buffer.from(`${name}@${version}:${integrity}`), by.privateKey).toString("base64") },
    ],
  },
});

const standing = (text: object, about = subject): Promise<string> => standingOf(JSON.stringify(text), about);

async function standingOf(text: string, about = subject): Promise<string> {
  const keys = npmKeys({
    keys: [
      { keyid: "SHA256:new", key: spki(registry), expires: null },
      { keyid: "SHA256:old", key: spki(old), expires: "2025-01-29T00:00:00.000Z" },
    ],
  });
  const read = readTrust({ keys });
  if (!read.ok) throw new Error(read.why);
  const bytes = Buffer.from(text);
  const { verdict } = await verify(about, [{ bytes, sha256: digest(bytes) }], {}, read.trust, now);
  return `${verdict.standing} ${verdict.basis}`;
}

const named = (name: string, version: string): Subject => ({
  ...subject,
  package: { ecosystem: "npm", name, version },
});
const other = Buffer.from("another tarball");

test.each<[string, object, Subject, string]>([
  ["signed by the registry", manifest(), subject, "signed publisher"],
  ["for the package it is", manifest(), named("pkg", "1.0.0"), "signed publisher"],
  ["under another name", manifest(), named("pkg2", "1.0.0"), "refuted contradicted"],
  [
    "with other bytes for the same version",
    manifest(),
    {
      sha256: digest(other),
      sha512: hex("sha512", other),
      package: { ecosystem: "npm", name: "pkg", version: "1.0.0" },
    },
    "refuted contradicted",
  ],
  ["about another file", manifest(), { sha256: digest(other), sha512: hex("sha512", other) }, "unproven none"],
  ["renamed after signing", { ...manifest(), name: "pkg2" }, subject, "refuted forged"],
  ["by a key that has expired", manifest("pkg", "1.0.0", old, "SHA256:old"), subject, "unchecked no-time-proof"],
  ["by a key nobody knows", manifest("pkg", "1.0.0", registry, "SHA256:x"), subject, "unchecked stale-trust"],
  ["without the file's sha512", manifest(), { sha256: subject.sha256 }, "unchecked unreachable"],
])("a manifest %s", async (_name, text, about, expected) => {
  expect(await standing(text, about)).toBe(expected);
});

test("changed in any byte, it never holds", async () => {
  const text = JSON.stringify(manifest());
  const survivors: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    const got = await standingOf(changed);
    if (/^(?:proven|signed)/.test(got)) survivors.push(`${at}: ${changed.slice(at - 10, at + 10)}`);
  }
  expect(survivors).toEqual([]);
});
