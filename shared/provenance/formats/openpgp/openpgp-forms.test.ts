import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  config,
  createCleartextMessage,
  createMessage,
  enums,
  generateKey,
  readPrivateKey,
  readSignature,
  revokeKey,
  sign,
  SignaturePacket,
  type PrivateKey,
} from "openpgp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const made = new Date("2026-01-01T00:00:00Z");
const script = Buffer.from("#!/bin/sh\necho hello\n");

function digest(bytes: Uint8Array): Subject["sha256"] {
  return sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
}
const about = (bytes: Uint8Array): Subject => ({ sha256: digest(bytes), bytes });

async function newKey(options: object = {}): Promise<PrivateKey> {
  const { privateKey } = await generateKey({ userIDs: [{ name: "P" }], date: made, format: "armored", ...options });
  return readPrivateKey({ armoredKey: privateKey });
}

function trust(...keys: readonly (PrivateKey | Uint8Array)[]): Trust {
  const read = readTrust({
    openpgp: keys.map((one) => ({
      name: "publisher",
      base64: Buffer.from(one instanceof Uint8Array ? one : one.toPublic().armor()).toString("base64"),
    })),
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

async function standing(document: string | Uint8Array, subject: Subject, by: Trust, at = now): Promise<string> {
  const bytes = Buffer.from(document);
  const { verdict } = await verify(subject, [{ bytes, sha256: digest(bytes) }], {}, by, at);
  return `${verdict.standing} ${verdict.basis}`;
}

let key: PrivateKey;
beforeAll(async () => {
  key = await newKey();
});

const detached = async (by: PrivateKey, over: Uint8Array, date = made): Promise<string> =>
  sign({
    message: await createMessage({ binary: Uint8Array.from(over) }),
    signingKeys: by,
    detached: true,
    format: "armored",
    date,
  });
const clearSigned = async (text: string, by = key): Promise<string> =>
  sign({ message: await createCleartextMessage({ text }), signingKeys: by, date: made });

/** A signature of any type, over whatever its type is made over. */
async function ofType(type: number, over: Uint8Array): Promise<Uint8Array> {
  // The library's declaration leaves the configuration out.
  const packet: { sign(...given: readonly unknown[]): Promise<void> } & SignaturePacket = new SignaturePacket();
  const signer = key.keyPacket;
  Object.assign(packet, {
    signatureType: type,
    publicKeyAlgorithm: signer.algorithm,
    hashAlgorithm: enums.hash.sha512,
  });
  const literal = (await createMessage({ binary: Uint8Array.from(over) })).packets[0];
  await packet.sign(signer, literal, made, true, config);
  const signature = await readSignature({ armoredSignature: await detached(key, over) });
  signature.packets.splice(0, 1, packet);
  return Uint8Array.from(signature.write());
}

describe("a detached signature", () => {
  test("for text covers a text, and a program never", async () => {
    const crlf = Buffer.from(script.toString().replaceAll("\n", "\r\n"));
    const mixed = Buffer.from("#!/bin/sh\r\necho hello\n");
    const program = Buffer.from([0x7f, 0x45, 0, 0x0a, 0xff]);
    const signature = await ofType(enums.signature.text, script);
    expect(await standing(signature, about(script), trust(key))).toBe("signed publisher");
    expect(await standing(signature, about(crlf), trust(key))).toBe("signed publisher");
    expect(await standing(signature, about(mixed), trust(key))).toBe("unchecked unsupported");
    expect(await standing(await ofType(enums.signature.text, program), about(program), trust(key))).toBe(
      "unchecked unsupported",
    );
    expect(await standing(signature, about(Buffer.from("#!/bin/sh\necho bye\n")), trust(key))).toBe("refuted forged");
  });

  test("over nothing, as a standalone or a timestamp signature is, says nothing of any file", async () => {
    for (const type of [enums.signature.standalone, enums.signature.timestamp])
      expect(await standing(await ofType(type, script), about(script), trust(key))).not.toMatch(/proven|signed/);
  });

  test("by one known key among strangers is enough", async () => {
    const [stranger, another] = await Promise.all([newKey(), newKey()]);
    const message = await createMessage({ binary: Uint8Array.from(script) });
    const several = await sign({
      message,
      signingKeys: [stranger, key, another],
      detached: true,
      format: "armored",
      date: made,
    });
    expect(await standing(several, about(script), trust(key))).toBe("signed publisher");
    expect(await standing(several, about(script), trust(await newKey()))).toBe("unchecked stale-trust");
    expect(await standing(several, about(Buffer.from("other")), trust(key))).toBe("refuted forged");
  });

  test.each([
    ["stolen", enums.reasonForRevocation.keyCompromised, "refuted revoked"],
    ["revoked without a reason", enums.reasonForRevocation.noReason, "refuted revoked"],
    ["superseded", enums.reasonForRevocation.keySuperseded, "unchecked no-time-proof"],
    ["retired", enums.reasonForRevocation.keyRetired, "unchecked no-time-proof"],
  ])("made before its key was %s", async (_name, flag, expected) => {
    const date = new Date("2026-03-01T00:00:00Z");
    const { privateKey } = await revokeKey({ key, reasonForRevocation: { flag }, date, format: "object" });
    expect(await standing(await detached(key, script), about(script), trust(privateKey))).toBe(expected);
  });

  test("made by a subkey that has expired since is open", async () => {
    const withSubkey = await newKey({ subkeys: [{ sign: true, keyExpirationTime: 86_400 }] });
    const signature = await detached(withSubkey, script, new Date(made.getTime() + 1000));
    const early = instant(made.getTime() + 3_600_000);
    expect(await standing(signature, about(script), trust(withSubkey), early)).toBe("signed publisher");
    expect(await standing(signature, about(script), trust(withSubkey))).toBe("unchecked no-time-proof");
  });

  test("made after the time it is judged at is open", async () => {
    const later = new Date("2027-01-01T00:00:00Z");
    expect(await standing(await detached(key, script, later), about(script), trust(key))).toBe(
      "unchecked no-time-proof",
    );
  });
});

describe("a clear-signed list", () => {
  const sum = digest(script);
  test.each([
    ["as sha256sum writes it", `${sum}  run.sh`, "signed publisher"],
    ["as sha256sum writes it for binary files", `${sum} *run.sh`, "signed publisher"],
    ["in capitals", `${sum.toUpperCase()}  run.sh`, "signed publisher"],
    ["in the BSD form", `SHA256 (run.sh) = ${sum}`, "signed publisher"],
    ["as Debian's Release", `SHA256:\n ${sum}  21 run.sh`, "signed publisher"],
    ["beside lines that are dash-escaped", `- a remark\n--- more\n${sum}  run.sh`, "signed publisher"],
    ["with white space at the ends of lines", `remark  \t\n${sum}  run.sh  \n\n`, "signed publisher"],
    ["where a remark alone names the digest", `revoked: ${sum}`, "unproven none"],
    ["whose digest is longer", `${sum}0  run.sh`, "unproven none"],
  ])("%s", async (_name, text, expected) => {
    expect(await standing(await clearSigned(text), { sha256: sum }, trust(key))).toBe(expected);
  });

  test("is the same with CR LF, and is broken by a word or a dash more", async () => {
    const document = await clearSigned(`- a remark\n${sum}  run.sh`);
    expect(await standing(document.replaceAll("\n", "\r\n"), { sha256: sum }, trust(key))).toBe("signed publisher");
    expect(await standing(document.replace("- - a", "- - - a"), { sha256: sum }, trust(key))).toBe("refuted forged");
    expect(await standing(document.replace("remark", "reward"), { sha256: sum }, trust(key))).toBe("refuted forged");
  });

  test("that is not UTF-8 is not read, whatever it would mean", async () => {
    const bytes = Buffer.from(await clearSigned(`caf\u00e9\n${sum}  run.sh`));
    const latin1 = Buffer.from(bytes.toString("utf8"), "latin1");
    expect(await standing(latin1, { sha256: sum }, trust(key))).toBe("unchecked unreadable");
  });

  test("with more signatures than we look at is not read", async () => {
    const { packets } = await readSignature({ armoredSignature: await detached(key, script) });
    const one = packets[0];
    const many = await readSignature({ armoredSignature: await detached(key, script) });
    for (let count = 0; count < 32; count += 1) if (one !== undefined) many.packets.push(one);
    expect(await standing(many.armor(), about(script), trust(key))).toBe("unchecked unreadable");
  });
});

// GnuPG writes what it writes: reader and writer are two implementations.
const haveGpg = ((): boolean => {
  try {
    execFileSync("gpg", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!haveGpg)("what GnuPG signs (skipped without gpg)", () => {
  const folder = haveGpg ? mkdtempSync(join(tmpdir(), "gpg-")) : "";
  const today = instant(Date.now() + 60_000);
  /** An RSA key takes its time on a busy machine. */
  const keyMaking = 60_000;
  const gpg = (...args: string[]): Buffer =>
    execFileSync("gpg", ["--homedir", folder, "--batch", "--yes", "--quiet", ...args], {
      cwd: folder,
      stdio: ["ignore", "pipe", "ignore"],
    });
  const keyOf = (name: string, kind: string): Trust => {
    gpg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", name, kind, "sign", "1d");
    return trust(gpg("--export", name));
  };
  const signed = (by: string, ...args: string[]): Buffer => {
    writeFileSync(join(folder, "run.sh"), script);
    writeFileSync(join(folder, "sums"), `- remark  \n${digest(script)}  run.sh\n`);
    gpg("--local-user", by, "--output", "out", ...args);
    return readFileSync(join(folder, "out"));
  };
  afterAll(() => {
    try {
      execFileSync("gpgconf", ["--homedir", folder, "--kill", "all"], { stdio: "ignore" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each([["rsa3072"], ["ed25519"], ["nistp256"]])(
    "with a key of %s: detached, as text, and clear-signed",
    async (kind) => {
      const by = keyOf(`P ${kind}`, kind);
      const asked = (args: readonly string[], subject: Subject): Promise<string> =>
        standing(signed(`P ${kind}`, ...args), subject, by, today);
      expect(await asked(["--detach-sign", "run.sh"], about(script))).toBe("signed publisher");
      expect(await asked(["--armor", "--detach-sign", "run.sh"], about(script))).toBe("signed publisher");
      expect(await asked(["--textmode", "--detach-sign", "run.sh"], about(script))).toBe("signed publisher");
      expect(await asked(["--clear-sign", "sums"], { sha256: digest(script) })).toBe("signed publisher");
      expect(await asked(["--detach-sign", "sums"], about(script))).toBe("refuted forged");
    },
    keyMaking,
  );

  test(
    "over SHA-1 no longer proves anything, and is no forgery either",
    async () => {
      const by = keyOf("P old", "rsa3072");
      const signature = signed("P old", "--digest-algo", "SHA1", "--detach-sign", "run.sh");
      expect(await standing(signature, about(script), by, today)).toBe("unchecked unsupported");
    },
    keyMaking,
  );
});
