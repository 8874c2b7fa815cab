import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import { blobDocument } from "../../cosign/blob-document.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const log = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const file = Buffer.from("the program");
const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const hashOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const digest = (bytes: Uint8Array): Subject["sha256"] => sha256(hashOf(bytes).toString("hex")) ?? ("" as never);
const spki = (one: KeyObject): Buffer => one.export({ type: "spki", format: "der" });
const pem = key.publicKey.export({ type: "spki", format: "pem" }).toString();

function document(signed: Uint8Array = file, logged: Uint8Array = file): Record<string, unknown> {
  const signature = b64(sign("sha256", signed, key.privateKey));
  const body = b64(
    JSON.stringify({
      apiVersion: "0.0.1",
      kind: "hashedrekord",
      spec: {
        data: { hash: { algorithm: "sha256", value: hashOf(logged).toString("hex") } },
        signature: { content: signature, publicKey: { content: b64(pem) } },
      },
    }),
  );
  const logID = hashOf(spki(log.publicKey)).toString("hex");
  const signedEntry = `{"body":"${body}","integratedTime":1767323045,"logID":"${logID}","logIndex":7}`;
  return {
    base64Signature: signature,
    cert: b64(pem),
    rekorBundle: {
      SignedEntryTimestamp: b64(sign("sha256", Buffer.from(signedEntry), log.privateKey)),
      Payload: { body, integratedTime: 1767323045, logIndex: 7, logID },
    },
  };
}

function trust(withoutLog = false): Trust {
  const rekor = {
    baseUrl: "https://log.example",
    publicKey: { rawBytes: b64(spki(log.publicKey)), validFor: { start: "2025-01-01T00:00:00Z" } },
    logId: { keyId: b64(hashOf(spki(log.publicKey))) },
  };
  const read = readTrust({
    sigstore: [{ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1", tlogs: [rekor] }],
    keys: [{ id: "release", pem, uses: ["bundle"], withoutLog }],
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const standing = (text: unknown, by = trust()): Promise<string> => standingOf(JSON.stringify(text), by);
const trusted = trust();

async function standingOf(text: string, by = trusted): Promise<string> {
  const bytes = Buffer.from(text);
  const { verdict } = await verify({ sha256: digest(file) }, [{ bytes, sha256: digest(bytes) }], {}, by, now);
  return `${verdict.standing} ${verdict.basis}`;
}

const other = Buffer.from("another program");

test.each([
  ["holds with its log entry", document(), "signed publisher"],
  ["of another file is a forgery for this one", document(other, other), "refuted forged"],
  ["whose log entry is about another file is a forgery", document(file, other), "refuted forged"],
  ["without a log entry stays open", { ...document(), rekorBundle: null }, "unchecked unreachable"],
  ["with a member we do not know is not read", { ...document(), more: 1 }, "unchecked unreadable"],
])("a cosign bundle %s", async (_name, text, expected) => {
  expect(await standing(text)).toBe(expected);
});

test("a key that the owner trusts without a log needs none", async () => {
  expect(await standing({ ...document(), rekorBundle: null }, trust(true))).toBe("signed publisher");
});

test("a signature file alone holds by a key that needs no log, and proves nothing by any other", async () => {
  const alone = b64(sign("sha256", file, key.privateKey));
  expect(await standingOf(`${alone}\n`, trust(true))).toBe("signed publisher");
  expect(await standingOf(alone, trust(true))).toBe("signed publisher");
  expect(await standingOf(alone)).toBe("unchecked unreachable");
  expect(await standingOf(b64(sign("sha256", other, key.privateKey)), trust(true))).toBe("unchecked stale-trust");
  expect(await standingOf(`${alone}\nmore`, trust(true))).toBe("unchecked unsupported");
});

test("signature, key and log entry in files of their own are read as the bundle they amount to", async () => {
  const { base64Signature, rekorBundle } = document();
  const joined = blobDocument(`${String(base64Signature)}\n`, pem, JSON.stringify(rekorBundle));
  expect(await standingOf(Buffer.from(joined).toString())).toBe("signed publisher");
  const changed = blobDocument(b64(sign("sha256", file, key.privateKey)), pem, JSON.stringify(rekorBundle));
  expect(await standingOf(Buffer.from(changed).toString())).toBe("refuted forged");
});

test("a signature file with a certificate beside it asks for the log entry", async () => {
  const certificate = "-----BEGIN CERTIFICATE-----\naGk=\n-----END CERTIFICATE-----\n";
  expect(await standingOf(`${b64(sign("sha256", file, key.privateKey))}\n${certificate}`)).toBe("unchecked unreadable");
});

test("changed in any byte, it never holds", async () => {
  const text = JSON.stringify(document());
  const survivors: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    const got = await standingOf(changed);
    if (/^(?:proven|signed)/.test(got)) survivors.push(`${at}: ${changed.slice(at - 10, at + 10)}`);
  }
  expect(survivors).toEqual([]);
});
