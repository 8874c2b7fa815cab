import { createHash } from "node:crypto";
import {
  createCleartextMessage,
  createMessage,
  generateKey,
  sign,
  readPrivateKey,
  readSignature,
  type PrivateKey,
} from "openpgp";
import { beforeAll, expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import type { Evidence } from "../../format.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust, type TrustDocument } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const file = Buffer.from("the program");
const subject: Subject = { sha256: digest(file), bytes: file };
const made = new Date("2026-01-01T00:00:00Z");

let key: PrivateKey;
let stranger: PrivateKey;
let expiring: PrivateKey;
beforeAll(async () => {
  [key, stranger, expiring] = await Promise.all([newKey(), newKey(), newKey(86_400)]);
});

async function newKey(keyExpirationTime = 0): Promise<PrivateKey> {
  const { privateKey } = await generateKey({
    userIDs: [{ name: "P" }],
    date: made,
    keyExpirationTime,
    format: "armored",
  });
  return readPrivateKey({ armoredKey: privateKey });
}

function digest(bytes: Uint8Array): Subject["sha256"] {
  return sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
}

function trust(more: Partial<TrustDocument> = {}): Trust {
  const base64 = (one: PrivateKey): string => Buffer.from(one.toPublic().armor()).toString("base64");
  const read = readTrust({
    openpgp: [
      { name: "publisher", base64: base64(key) },
      { name: "old", base64: base64(expiring) },
    ],
    ...more,
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const evidence = (bytes: string | Uint8Array): Evidence => {
  const buffer = Buffer.from(bytes);
  return { bytes: buffer, sha256: digest(buffer) };
};

async function detached(by: PrivateKey, over: Uint8Array = file, date = made): Promise<string> {
  const message = await createMessage({ binary: Uint8Array.from(over) });
  return sign({ message, signingKeys: by, detached: true, format: "armored", date });
}

async function list(by: PrivateKey, text: string): Promise<string> {
  return sign({ message: await createCleartextMessage({ text }), signingKeys: by, date: made });
}

async function standing(document: string | Uint8Array, about = subject, by = trust()): Promise<string> {
  const { verdict } = await verify(about, [evidence(document)], {}, by, now);
  return `${verdict.standing} ${verdict.basis}`;
}

test("a detached signature by a key the owner holds", async () => {
  expect(await standing(await detached(key))).toBe("signed publisher");
});

test("the same without armour", async () => {
  const message = await createMessage({ binary: Uint8Array.from(file) });
  expect(await standing(await sign({ message, signingKeys: key, detached: true, format: "binary", date: made }))).toBe(
    "signed publisher",
  );
});

test("a signature over another file is a forgery of this one", async () => {
  expect(await standing(await detached(key, Buffer.from("another program")))).toBe("refuted forged");
});

test("a stranger's signature proves nothing and refutes nothing", async () => {
  expect(await standing(await detached(stranger))).toBe("unchecked stale-trust");
});

test("an expired key needs a proof of the time", async () => {
  expect(await standing(await detached(expiring))).toBe("unchecked no-time-proof");
});

test("a revoked key refutes", async () => {
  const revocation = { what: "key" as const, value: key.getFingerprint().toUpperCase(), why: "stolen" };
  expect(await standing(await detached(key), subject, trust({ revocations: [revocation] }))).toBe("refuted revoked");
});

test("without the bytes a detached signature stays open", async () => {
  expect(await standing(await detached(key), { sha256: subject.sha256 })).toBe("unchecked unreachable");
});

test("a clear-signed list that names the digest", async () => {
  expect(await standing(await list(key, `${subject.sha256}  program\n`))).toBe("signed publisher");
});

test("a clear-signed list changed after signing is a forgery", async () => {
  const text = await list(key, `${"0".repeat(64)}  program\n`);
  expect(await standing(text.replace("0".repeat(64), subject.sha256))).toBe("refuted forged");
});

test("a digest that stands outside what is signed does not count", async () => {
  const text = await list(key, `${"0".repeat(64)}  program\n`);
  expect(await standing(`${text}${subject.sha256}  program\n`)).toBe("unchecked unreadable");
  expect(await standing(text.replace("Hash:", `Hash: ${subject.sha256}\nHash:`))).not.toMatch(/proven|signed/);
});

test("a list that does not name the file is foreign to it", async () => {
  expect(await standing(await list(key, `${"0".repeat(64)}  program\n`))).toBe("unproven none");
});

test("changed in any byte, a signature never holds", async () => {
  const message = await createMessage({ binary: Uint8Array.from(file) });
  const binary = Buffer.from(await sign({ message, signingKeys: key, detached: true, format: "binary", date: made }));
  const meaning = await written(binary);
  const survivors: number[] = [];
  for (let at = 0; at < binary.length; at += 1) {
    const mutant = Buffer.from(binary);
    mutant[at] = (mutant[at] ?? 0) ^ 0x01;
    const { verdict } = await verify(subject, [evidence(mutant)], {}, trust(), now);
    // RFC 9580 3.2: the count of bits before a number is not part of the number; the library reads the same value.
    if (verdict.standing === "signed" && !(await written(mutant)).equals(meaning)) survivors.push(at);
  }
  expect(survivors).toEqual([]);
});

async function written(binarySignature: Buffer): Promise<Buffer> {
  const signature = await readSignature({ binarySignature: Uint8Array.from(binarySignature) });
  return Buffer.from(signature.write());
}
