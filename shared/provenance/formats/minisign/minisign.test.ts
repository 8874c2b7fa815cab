import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const file = Buffer.from("the program");
const keyId = Buffer.from("0807060504030201", "hex");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const digest = (bytes: Uint8Array): Subject["sha256"] =>
  sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
const subject: Subject = { sha256: digest(file), bytes: file };

function signature(algorithm: "Ed" | "ED", by: KeyObject = privateKey, comment = "timestamp:1"): string {
  const message = algorithm === "Ed" ? file : createHash("blake2b512").update(file).digest();
  const bytes = sign(null, message, by);
  const global = sign(null, Buffer.concat([bytes, Buffer.from(comment)]), by);
  const packet = Buffer.concat([Buffer.from(algorithm), keyId, bytes]);
  return `untrusted comment: x\n${packet.toString("base64")}\ntrusted comment: ${comment}\n${global.toString("base64")}\n`;
}

function trust(id = "0102030405060708"): Trust {
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const read = readTrust({ keys: [{ id, pem, uses: ["minisign"] }] });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

async function standing(text: string, about = subject, by = trust()): Promise<string> {
  const bytes = Buffer.from(text);
  const { verdict } = await verify(about, [{ bytes, sha256: digest(bytes) }], {}, by, now);
  return `${verdict.standing} ${verdict.basis}`;
}

const other = generateKeyPairSync("ed25519").privateKey;

test.each([
  ["prehashed", signature("ED"), "signed publisher"],
  ["over the file itself", signature("Ed"), "signed publisher"],
  ["two lines, as signify writes them", signature("Ed").split("\n").slice(0, 2).join("\n"), "signed publisher"],
  ["by another key under this id", signature("ED", other), "refuted forged"],
  ["with a changed trusted comment", signature("ED").replace("timestamp:1", "timestamp:2"), "refuted forged"],
  ["cut short", signature("ED").slice(0, 100), "unchecked unreadable"],
  ["with lines after it", `${signature("ED")}more\n`, "unchecked unreadable"],
  ["of an unknown algorithm", signature("ED").replace(/^RU/m, "RX"), "unchecked unsupported"],
])("a minisign signature %s", async (_name, text, expected) => {
  expect(await standing(text)).toBe(expected);
});

test("another file, an unknown key, and no bytes are three different answers", async () => {
  const changed = Buffer.from("another program");
  expect(await standing(signature("ED"), { sha256: digest(changed), bytes: changed })).toBe("refuted forged");
  expect(await standing(signature("ED"), subject, trust("FFFFFFFFFFFFFFFF"))).toBe("unchecked stale-trust");
  expect(await standing(signature("ED"), { sha256: subject.sha256 })).toBe("unchecked unreachable");
});

test("changed in any byte that counts, it never holds", async () => {
  const text = signature("ED");
  // The first line is a comment that nobody signs; a line's end may be written two ways.
  const counted = text
    .split("")
    .flatMap((_character, at) => (at > text.indexOf("\n") && text[at] !== "\n" ? [at] : []));
  const survivors: number[] = [];
  for (const at of counted) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    if ((await standing(changed)).startsWith("signed")) survivors.push(at);
  }
  expect(survivors).toEqual([]);
});
