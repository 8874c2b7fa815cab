import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";

export interface OwnCertificate {
  readonly cert: string;
  readonly key: string;
  /** The authority's certificate. */
  readonly authority: string;
}

const day = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/**
 * The server's own authority and a certificate by it for these names: made once, kept in `folder`, and the certificate made anew
 * 30 days before it ends or when the names changed. Lifetimes: ten years and, as browsers ask (CA/Browser Forum BR 6.3.2), 397 days.
 */
export async function ownCertificate(folder: string, names: readonly string[], now: number): Promise<OwnCertificate> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = {
    authority: join(folder, "authority.crt"),
    authorityKey: join(folder, "authority.key"),
    cert: join(folder, "server.crt"),
    key: join(folder, "server.key"),
  };
  if (!existsSync(files.authority) || !existsSync(files.authorityKey)) await makeAuthority(files, now);
  if (!isGood(files, names, now)) await makeLeaf(files, names, now);
  const [cert, key, authority] = [files.cert, files.key, files.authority].map((file) => readFileSync(file, "utf8"));
  return { cert: `${cert ?? ""}${authority ?? ""}`, key: key ?? "", authority: authority ?? "" };
}

interface Files {
  readonly authority: string;
  readonly authorityKey: string;
  readonly cert: string;
  readonly key: string;
}

function isGood({ authority, cert, key }: Files, names: readonly string[], now: number): boolean {
  try {
    const leaf = new X509Certificate(readFileSync(cert, "utf8"));
    const issuer = new X509Certificate(readFileSync(authority, "utf8"));
    const covered = names.every((name) => (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined);
    const fresh = Date.parse(leaf.validTo) - now > 30 * day;
    return (
      covered &&
      fresh &&
      leaf.verify(issuer.publicKey) &&
      leaf.checkPrivateKey(createPrivateKey(readFileSync(key, "utf8")))
    );
  } catch {
    return false;
  }
}

async function makeAuthority(files: Files, now: number): Promise<void> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: "CN=Provost server authority",
    notBefore: new Date(now - day),
    notAfter: new Date(now + 3650 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  write(files.authorityKey, await privatePem(keys.privateKey), 0o600);
  write(files.authority, `${made.toString("pem")}\n`, 0o644);
}

async function makeLeaf(files: Files, names: readonly string[], now: number): Promise<void> {
  const x509 = await library();
  const authority = new x509.X509Certificate(readFileSync(files.authority, "utf8"));
  const der = createPrivateKey(readFileSync(files.authorityKey, "utf8")).export({ type: "pkcs8", format: "der" });
  const signingKey = await crypto.subtle.importKey("pkcs8", Uint8Array.from(der), algorithm, false, ["sign"]);
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: "CN=Provost server",
    issuer: authority.subject,
    notBefore: new Date(now - day),
    notAfter: new Date(now + 396 * day),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }) as const),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  write(files.key, await privatePem(keys.privateKey), 0o600);
  write(files.cert, `${made.toString("pem")}\n`, 0o644);
}

/** Loaded only where a certificate is made. */
async function library() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

const serial = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(16)))
    .toString("hex")
    .replace(/^[89a-f]/, "7");

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}

/** Whole or not at all: a server that is killed meanwhile finds the old file. */
function write(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}
