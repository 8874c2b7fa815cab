import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cwd = mkdtempSync(join(tmpdir(), "provost-verify-documents-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const at = (name: string): string => join(cwd, name);
const put = (name: string, value: unknown): string => {
  mkdirSync(join(at(name), ".."), { recursive: true });
  writeFileSync(at(name), typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value));
  return name;
};
const go = (line: string, now = Date.now): Promise<Ran> => runProvost(["verify", ...line.split(" ")], { cwd, now });
const lines = ({ out }: Ran): readonly Record<string, unknown>[] =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: KeyObject): string => key.export({ format: "pem", type: "spki" }).toString();
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

function envelope(
  text: string,
  more: { readonly key?: KeyObject; readonly type?: string; readonly keyId?: string } = {},
) {
  const payload = Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "any", digest: { sha256: digest(text) } }],
      predicateType: more.type ?? "https://in-toto.io/attestation/release/v0.1",
      predicate: {},
    }),
  );
  const payloadType = "application/vnd.in-toto+json";
  const sig = sign("sha256", preAuthEncoding({ payload, payloadType }), more.key ?? own.privateKey).toString("base64");
  return { payload: payload.toString("base64"), payloadType, signatures: [{ keyid: more.keyId ?? "", sig }] };
}

// A root of its own: what this machine's packages own takes longer to ask than all of the rest.
put("var/lib/dpkg/status", "");
put("own.pub", pem(own.publicKey));
put("other.pub", pem(other.publicKey));
put("a", "a\n");
put("b", "b\n");
put("c", "c\n");
put("a.att", envelope("a\n"));
put("both.jsonl", `${JSON.stringify(envelope("a\n"))}\n${JSON.stringify(envelope("b\n"))}\n`);
put("folder/deep/of-c.json", envelope("c\n"));
put("folder/b.sig", envelope("b\n"));
put("folder/noise.txt", "nothing\n");
put(
  "trust.yaml",
  `version: mine\nkeys:\n  - id: release\n    pem: |\n${pem(own.publicKey).replace(/^/gm, "      ")}\n    uses: [envelope]\n    withoutLog: true\n`,
);
put("trust.json", {
  version: "mine",
  keys: [{ id: "release", pem: pem(own.publicKey), uses: ["envelope"], withoutLog: true }],
});

describe("documents are found", () => {
  test.each<readonly [string, string]>([
    ["beside the file, by themselves", "a --key own.pub"],
    ["where they are named", "b --bundle both.jsonl --key own.pub"],
    ["on a line of a file with several", "a b --bundle both.jsonl --key own.pub"],
    ["in a folder, by the digest inside", "c --evidence folder --key own.pub"],
    ["in a folder, by name", "b --evidence folder --key own.pub"],
    ["with an owner's trust in YAML", "a --trust trust.yaml"],
    ["with an owner's trust in JSON", "a --trust trust.json"],
    ["and a key that documents call otherwise is given with its id", "c --key kms:release=own.pub --bundle named.json"],
  ])("%s: verify %s", async (_name, line) => {
    put("named.json", envelope("c\n", { keyId: "kms:release" }));
    expect(await go(line)).toMatchObject({ code: 0, err: "" });
  });

  test("and without anything asked, what lies beside a file is still looked at, and nobody trusts its key", async () => {
    const ran = await go("a --json");
    expect(ran.code).toBe(4);
    expect(lines(ran)).toMatchObject([
      {
        verdict: { standing: "unchecked", basis: "stale-trust" },
        installed: { basis: "none" },
        documents: { read: [{ name: "a.att" }] },
      },
    ]);
    expect(Object.keys(lines(await go("c --json"))[0] ?? {})).not.toContain("documents");
  });
});

describe("a publisher's key of another kind", () => {
  test("OpenPGP: the keyring's own signature counts, another's does not, nor what somebody else proves", async () => {
    const { createMessage, generateKey, readPrivateKey, sign: signPgp } = await import("openpgp");
    const made = await Promise.all(
      ["own", "other"].map(async (name) => {
        const { privateKey, publicKey } = await generateKey({ userIDs: [{ name }], format: "armored" });
        put(`${name}.pgp`, publicKey);
        const message = await createMessage({ binary: Buffer.from("d\n") });
        const key = await readPrivateKey({ armoredKey: privateKey });
        return signPgp({ message, signingKeys: key, detached: true, format: "armored" });
      }),
    );
    put("d", "d\n");
    put("d.asc", String(made[0]));
    expect(await go("d --key own.pgp")).toMatchObject({ code: 0, err: "" });
    expect((await go("d --key other.pgp")).code).not.toBe(0);
    rmSync(at("d.asc"));
    // A document that holds, by a key that is trusted: not the one that was asked for.
    put("d.att", envelope("d\n", { keyId: "release" }));
    expect(await go("d --trust trust.json")).toMatchObject({ code: 0 });
    expect(await go("d --trust trust.json --key own.pgp")).toMatchObject({ code: 1 });
    put("broken.pgp", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxxx\n-----END PGP PUBLIC KEY BLOCK-----\n");
    expect(await go("d --key broken.pgp")).toMatchObject({ code: 2, out: "" });
  });

  test("minisign: the key's own file, as minisign -G writes it", async () => {
    const id = Buffer.from("0102030405060708", "hex");
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const file = Buffer.from("m\n");
    const signature = sign(null, createHash("blake2b512").update(file).digest(), privateKey);
    const comment = "timestamp:1";
    const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey);
    put("m", file);
    put(
      "mini.pub",
      `untrusted comment: minisign public key\n${Buffer.concat([Buffer.from("Ed"), id, raw]).toString("base64")}\n`,
    );
    const packet = Buffer.concat([Buffer.from("ED"), id, signature]).toString("base64");
    put("m.minisig", `untrusted comment: x\n${packet}\ntrusted comment: ${comment}\n${global.toString("base64")}\n`);
    expect(await go("m --key mini.pub")).toMatchObject({ code: 0, err: "" });
    put("m", "n\n");
    expect(await go("m --key mini.pub")).toMatchObject({ code: 1 });
    put("mini.pub", "untrusted comment: minisign public key\nRWQ=\n");
    expect(await go("m --key mini.pub")).toMatchObject({ code: 2, out: "" });
  });
});

test("many files answer with one JSON line each, in order, each with its own verdict", async () => {
  const ran = await go("a b c none --bundle both.jsonl --key own.pub --json");
  expect(ran.code).toBe(7);
  expect(
    lines(ran).map(
      ({ verdict, error }) => (verdict as { basis: string } | undefined)?.basis ?? (error as { code: string }).code,
    ),
  ).toEqual(["publisher", "publisher", "none", "NOT_FOUND"]);
});

test("of a thousand documents on lines the one about the file is found", async () => {
  const many = Array.from({ length: 1000 }, (_, at) =>
    JSON.stringify({ ...envelope("b\n"), payload: Buffer.from(`{"n":${at}}`).toString("base64") }),
  );
  put("many.jsonl", [...many, JSON.stringify(envelope("c\n"))].join("\n"));
  expect(await go("c --bundle many.jsonl --key own.pub")).toMatchObject({ code: 0, err: "" });
});

test("a person reads the criteria first, then standing and basis, then the chain with the missing link first", async () => {
  const { out } = await go("a --key own.pub --policy policy.yaml".replace(" --policy policy.yaml", ""));
  const text = out.split("\n");
  const place = (part: string): number => text.findIndex((line) => line.includes(part));
  const order = [
    "Judged with",
    "Expected     key own.pub",
    "signed: publisher",
    "missing   source",
    "verified  signature",
    "By 1 document: signed",
  ].map(place);
  expect(order).toEqual(order.toSorted((x, y) => x - y));
  expect(order).not.toContain(-1);
});

test.each<readonly [string, string, number, string]>([
  ["a signature by another key", "a --key other.pub", 4, "keys that the trust document does not hold"],
  ["a document about another file", "c --bundle both.jsonl --key own.pub", 3, "unproven: none"],
  ["a source that nothing names", "a --key own.pub --source github.com/o/r", 1, "Build provenance was expected"],
  [
    "a signer that is none of the documents'",
    "a --issuer https://i.test --identity me --trust trust.json",
    1,
    "who was not expected",
  ],
])("%s does not pass", async (_name, line, code, says) => {
  const ran = await go(line);
  expect(ran.code).toBe(code);
  expect(ran.out).toContain(says);
});

test("a forged document beside a good one is named in the chain", async () => {
  put("forged.json", {
    ...envelope("a\n"),
    signatures: [{ keyid: "release", sig: envelope("b\n").signatures[0]?.sig }],
  });
  const ran = await go("a --trust trust.json --bundle forged.json");
  expect(ran.code).toBe(0);
  expect(ran.out).toMatch(/signed: publisher[^]*failed {4}signature {2}Another document fails/);
  rmSync(at("a.att"));
  expect(await go("a --trust trust.json --bundle forged.json")).toMatchObject({ code: 1 });
  put("a.att", envelope("a\n"));
});

describe("judged as of a time", () => {
  const from = "2025-01-01T00:00:00Z";
  const until = "2025-12-31T00:00:00Z";
  put("windowed.json", {
    keys: [{ id: "release", pem: pem(own.publicKey), uses: ["envelope"], withoutLog: true, from, until }],
  });

  test.each([
    ["2025-06-01T00:00:00Z", 0],
    ["2025-06-01T02:00:00+02:00", 0],
    ["2024-06-01T00:00:00Z", 4],
    ["2026-06-01T00:00:00Z", 4],
  ])("%s", async (time, code) => {
    const ran = await go(`a --trust windowed.json --at ${time} --json`);
    expect(ran.code).toBe(code);
    expect(lines(ran)).toMatchObject([{ documents: { at: Date.parse(time) }, criteria: { at: Date.parse(time) } }]);
    // The same question gives the same answer, whenever it is asked.
    const again = await go(`a --trust windowed.json --at ${time} --json`, () => Date.parse("2031-01-01T00:00:00Z"));
    expect(lines(again)[0]?.["verdict"]).toEqual(lines(ran)[0]?.["verdict"]);
  });
});

describe("a policy", () => {
  const policy = (mode: string, unproven: string): string =>
    `number: 4\nmode: ${mode}\nrequire:\n  - name: signed here\n    match: { group: production }\n    standing: [signed, proven]\n    otherwise: { unproven: ${unproven}, unchecked: ${unproven} }\n`;
  put("enforce.yaml", policy("enforce", "block"));
  put("record.yaml", policy("record", "block"));
  put("warn.yaml", policy("enforce", "warn"));

  test.each<readonly [string, number, string]>([
    ["a --key own.pub --policy enforce.yaml --for-group production", 0, "allowed, policy 4"],
    ["c --policy enforce.yaml --for-group production", 5, 'blocked by "signed here", policy 4'],
    ["c --policy enforce.yaml", 0, "allowed, policy 4"],
    ["c --policy record.yaml --for-group production", 5, "Enforcing, it would be: block"],
    ["c --policy warn.yaml --for-group production", 3, "allowed with a warning"],
    ["c a --key own.pub --policy enforce.yaml --for-group production", 5, "blocked"],
  ])("verify %s ends with %d", async (line, code, says) => {
    const ran = await go(line);
    expect([ran.code, ran.err]).toEqual([code, ""]);
    expect(ran.out).toContain(says);
  });
});

test.each<readonly [string, string, number, string]>([
  ["a document that is not there", "a --bundle none.json", 2, "NOT_FOUND: the document"],
  ["a document that is a folder", "a --bundle folder", 2, "not a regular file"],
  ["a document of 40 MB", "a --bundle huge", 7, "LIMIT: the document"],
  ["an evidence folder that is not there", "a --evidence none", 2, "NOT_FOUND: the evidence folder"],
  ["an evidence folder that is a file", "a --evidence own.pub", 2, "NOT_FOUND: the evidence folder"],
  ["a trust document that is none", "a --trust own.pub", 2, "CONFIG_INVALID: the trust document"],
  ["a trust document that repeats a name", "a --trust twice.json", 2, "the same name twice"],
  ["a trust document with an alias", "a --trust alias.yaml", 2, "CONFIG_INVALID: the trust document"],
  ["a trust document with something nobody knows", "a --trust odd.json", 2, "malformed"],
  ["a policy that requires nothing", "a --policy empty.yaml", 2, "it requires and expects nothing"],
  ["a key that is none", "a --key a", 2, "CONFIG_INVALID: the key"],
  ["an identity without issuer", "a --identity me", 2, "give --issuer"],
  ["an issuer without identity", "a --issuer https://i.test", 2, "give --issuer"],
  ["two identities", "a --issuer i --identity me --identity-pattern me", 2, "give --issuer"],
  ["a pattern that repeats a repetition", "a --issuer i --identity-pattern (a+)+", 2, "repeats a repetition"],
  ["a short commit", "a --commit abc1234", 2, "--commit: wanted a whole commit id"],
  ["a time without offset", "a --at 2026-01-01T00:00:00", 2, "--at: wanted a time with its offset"],
  ["a time that no calendar has", "a --at 2026-99-01T00:00:00Z", 2, "--at: wanted"],
  ["a package of another kind", "a --package pkg:deb/debian/a@1", 2, "--package: wanted"],
  ["a level that is none", "a --min-level 4", 2, "Allowed choices are 1, 2, 3"],
])("%s is a mistake, said before any verdict", async (_name, line, code, says) => {
  put("twice.json", '{"keys":[],"keys":[]}');
  put("alias.yaml", "keys: &x []\nopenpgp: *x\n");
  put("odd.json", { surprise: true });
  put("empty.yaml", "number: 1\n");
  truncateSync(at(put("huge", "")), 40 * 1024 * 1024);
  const ran = await go(line);
  expect([ran.code, ran.out]).toEqual([code, ""]);
  expect(ran.err).toContain(says);
});

test.each<readonly [string, string | Buffer]>([
  ["empty", ""],
  ["no JSON", "hello"],
  ["half a document", JSON.stringify(envelope("a\n")).slice(0, -20)],
  ["nested without end", `{"payload":${"[".repeat(50_000)}`],
  ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) % 251))],
  ["a payload that is no base64", JSON.stringify({ ...envelope("a\n"), payload: "%%%" })],
])("a document that is %s leaves the file unchecked or unproven, in words", async (_name, bytes) => {
  put("bad.json", bytes);
  const ran = await go("c --bundle bad.json");
  expect([3, 4]).toContain(ran.code);
  expect(ran.err).toBe("");
  expect(ran.out).toMatch(/It could not be checked: .{10,}/);
});
