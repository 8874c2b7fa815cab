import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settle } from "../keys/signature-check.ts";
import { guarded } from "../refusal.ts";
import { authority } from "./chain.ts";
import { parseCertificate } from "./certificate.ts";
import { readTimestamp, type TimestampAuthority } from "./timestamp.ts";

// OpenSSL's own timestamp authority answers, so that reader and writer are two implementations.
const haveOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

const folder = mkdtempSync(join(tmpdir(), "tsa-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });

const config = `
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign
[tsa]
extendedKeyUsage=critical,timeStamping
[notsa]
extendedKeyUsage=critical,codeSigning,timeStamping
[ts]
default_tsa=x
[x]
serial=${at("serial")}
default_policy=1.2.3.4
digests=sha256,sha384,sha512
signer_digest=sha256
ess_cert_id_alg=sha256
`;

function issue(name: string, section: string, curve: string): void {
  openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", `${name}.key`);
  openssl("req", "-new", "-key", `${name}.key`, "-subj", `/O=test/CN=${name}`, "-out", `${name}.csr`);
  const by = name === "ca" ? ["-signkey", "ca.key"] : ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    ...by,
    "-days",
    "30",
    "-extfile",
    "conf",
    "-extensions",
    section,
    "-out",
    `${name}.pem`,
  );
}

const der = (name: string): Buffer => new X509Certificate(readFileSync(at(`${name}.pem`))).raw;
const stamped = Buffer.from("a signature");

function stamp(by: string, ...query: string[]): Buffer {
  writeFileSync(at("data"), stamped);
  openssl("ts", "-query", "-data", "data", ...query, "-out", "q");
  openssl(
    "ts",
    "-reply",
    "-config",
    "conf",
    "-section",
    "x",
    "-queryfile",
    "q",
    "-signer",
    `${by}.pem`,
    "-inkey",
    `${by}.key`,
    "-out",
    "r",
  );
  return readFileSync(at("r"));
}

let tsa: TimestampAuthority;
let response: Buffer;
beforeAll(() => {
  if (!haveOpenssl) return;
  writeFileSync(at("conf"), config);
  writeFileSync(at("serial"), "01");
  issue("ca", "ca", "secp384r1");
  issue("tsa", "tsa", "prime256v1");
  issue("notsa", "notsa", "prime256v1");
  const from = Date.now() - 86_400_000;
  tsa = { leaf: parseCertificate(der("tsa")), above: authority("test", [der("ca")], from, Date.now() + 86_400_000) };
  response = stamp("tsa", "-sha256", "-cert");
});

function read(bytes: Buffer, over: Uint8Array = stamped, by = tsa): string {
  return guarded(
    () => {
      const { at: time, checks } = readTimestamp(bytes, over, [by]);
      settle(checks);
      return Math.abs(Date.now() - time) < 60_000 ? "holds" : "another time";
    },
    ({ basis, message }) => `${basis}: ${message}`,
  );
}

test.skipIf(!haveOpenssl)("a timestamp holds, with and without its certificate, over SHA-256 to SHA-512", () => {
  expect(read(response)).toBe("holds");
  expect(["-sha256", "-sha384", "-sha512"].map((digest) => read(stamp("tsa", digest)))).toEqual([
    "holds",
    "holds",
    "holds",
  ]);
});

test.skipIf(!haveOpenssl)("a timestamp over another signature is forged", () => {
  expect(read(response, Buffer.from("other"))).toBe("forged: the timestamp was made for another signature");
});

test.skipIf(!haveOpenssl)("an authority that may do more than stamp is refused, and one of another time too", () => {
  const other = { ...tsa, leaf: parseCertificate(der("notsa")) };
  expect(read(response, stamped, other)).toContain("stale-trust");
  const earlier = { ...tsa, above: { ...tsa.above, until: Date.now() - 3_600_000 } };
  expect(read(response, stamped, earlier)).toContain("was not trusted at the time");
});

test.skipIf(!haveOpenssl)("changed in any byte, a timestamp never holds", () => {
  const survivors: string[] = [];
  // RFC 3161 2.4.2: what the authority says beside its status is free text that nobody signs.
  const text = response.indexOf("Operation Okay");
  const free = (byte: number): boolean => text > 0 && byte >= text && byte < text + "Operation Okay".length;
  // "granted" and "granted with modifications" are both a stamp.
  const status = response.indexOf(Buffer.from([0x02, 0x01, 0x00])) + 2;
  for (let byte = 0; byte < response.length; byte += 1)
    for (const flip of [0x01, 0x80]) {
      const mutant = Buffer.from(response);
      mutant[byte] = (mutant[byte] ?? 0) ^ flip;
      if (!free(byte) && byte !== status && read(mutant) === "holds")
        survivors.push(`${byte}: ${response.subarray(byte - 4, byte + 4).toString("hex")}`);
    }
  expect(survivors).toEqual([]);
});
